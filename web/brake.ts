import type { Phase } from "./source.ts";

/** A run that is late by more than this does not hurry to catch up, in ms. */
const maxLateMs = 200;

/** What the run does before it pauses by itself: one step, or the steps up to an update. */
export type Single = "step" | "update";

/** Decides when the next step may be taken: it knows pauses, single steps, a body that the user holds, and the speed. */
export class Brake {
  /** Milliseconds of a step at the task's own speed. */
  readonly #stepMs: number;
  #phase: Phase;
  /** A multiple of the task's own speed. */
  #speed: number;
  #single: Single | null = null;
  #isHeld = false;
  #step = 0;
  /** When the speed was last measured from scratch, and the step at that time. */
  #paceTime = 0;
  #paceStep = 0;
  /** Ends the wait in progress, so that it looks at the orders again. */
  #wake: () => void = () => {};

  constructor(stepSeconds: number, speed: number, plays: boolean) {
    this.#stepMs = 1000 * stepSeconds;
    this.#speed = speed;
    this.#phase = plays ? "playing" : "paused";
  }

  get phase(): Phase {
    return this.#phase;
  }

  get single(): Single | null {
    return this.#single;
  }

  /** Whether a step takes at least as long as in the task, so that a person can watch it. */
  get isWatchable(): boolean {
    return this.#speed <= 1 || this.#single !== null;
  }

  /** Plays, or takes a single step and pauses. */
  play(single: Single | null): void {
    this.#single = single;
    this.#phase = "playing";
    this.#look();
  }

  stop(phase: "paused" | "ended"): void {
    this.#phase = phase;
    this.#single = null;
  }

  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#look();
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#look();
  }

  /** Measures the speed from now on, after `step`: the time before, such as that of an evaluation, is not made up for. */
  restart(step: number): void {
    this.#step = step;
    this.#paceTime = performance.now();
    this.#paceStep = step;
  }

  /** Resolves when the step after `step` may be taken; undefined if it may be taken now. */
  wait(step: number): Promise<void> | undefined {
    this.#step = step;
    if (this.#phase !== "playing" || this.#isHeld) return this.#sleep();
    if (this.#single || this.#speed === Infinity) return undefined;
    const now = performance.now();
    const due = this.#paceTime + ((step - this.#paceStep) * this.#stepMs) / this.#speed;
    if (now - due > maxLateMs) this.restart(this.#step);
    return now < due ? this.#sleep(due - now) : undefined;
  }

  /** Until the next order, or for `ms` milliseconds at most. */
  async #sleep(ms?: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    await this.wait(this.#step);
  }

  #look(): void {
    this.restart(this.#step);
    this.#wake();
  }
}
