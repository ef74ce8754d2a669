import type { Phase } from "./source.ts";

/** A run that is later than this does not catch up, in ms. */
const maxLateMs = 200;

/** How far the run goes before it pauses by itself: one step, or up to the next update. */
export type Single = "step" | "update";

/** Decides when the next step may start, from pauses, single steps, the speed, and whether the user holds the body. */
export class Brake {
  /** Milliseconds per step at the task's own speed. */
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
  /** Ends the current wait, so that it checks the orders again. */
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

  /** Whether steps run at the task's own speed or slower, so that a person can watch them. */
  get isWatchable(): boolean {
    return this.#speed <= 1 || this.#single !== null;
  }

  /** Runs freely (null), or up to the end of `single`. */
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

  /** Restarts the pace at `step`, so that time spent elsewhere, such as on an evaluation, is not caught up. */
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

  /** Waits for the next order, or at most `ms` milliseconds. */
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
