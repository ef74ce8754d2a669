import type { Grid } from "./grid.ts";
import type { Maps } from "./source.ts";

/** The share of the time that maps may take during training, and how much unused time they may save up, in ms. */
const [trainingShare, maxSavedMs] = [0.03, 1];
/** How long maps may take for each frame while training is paused, in ms. */
const pausedMs = 8;

/** Computes maps bit by bit, within a budget of time. */
export class MapPainter {
  readonly #grid: Grid;
  /** What is left of the budget; below 0, a slow row has to be paid back. */
  #budgetMs = 0;
  #lastTime = 0;
  /** The step of the last complete maps. */
  #step = -1;

  constructor(grid: Grid) {
    this.#grid = grid;
  }

  /** Works for as long as the budget allows. Returns maps when they are complete, once a step. */
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
