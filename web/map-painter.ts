import type { Grid } from "./grid.ts";
import type { Maps } from "./source.ts";

/** The share of training time that maps may use, and the most unused time that they may save up, in ms. */
const [trainingShare, maxSavedMs] = [0.03, 1];
/** Time for maps per frame while training is paused, in ms. */
const pausedMs = 8;

/** Computes maps in small parts, within a time budget. */
export class MapPainter {
  readonly #grid: Grid;
  /** The remaining budget. A negative budget has to recover before the next row. */
  #budgetMs = 0;
  #lastTime = 0;
  /** The step of the last complete maps. */
  #step = -1;

  constructor(grid: Grid) {
    this.#grid = grid;
  }

  /** Works for as long as the budget allows. Returns complete maps, at most once per step. */
  advance(step: number, isPaused: boolean): Maps | null {
    if (this.#step === step) return null;
    const now = performance.now();
    const saved = this.#budgetMs + trainingShare * (now - this.#lastTime);
    this.#budgetMs = isPaused ? pausedMs : Math.min(maxSavedMs, saved);
    this.#lastTime = now;
    if (this.#budgetMs <= 0) return null;
    const maps = this.#grid.advance(this.#budgetMs, step);
    this.#budgetMs -= performance.now() - now;
    if (maps) this.#step = maps.step;
    return maps;
  }
}
