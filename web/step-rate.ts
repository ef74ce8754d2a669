/** How often the rate is measured, in ms. */
const intervalMs = 400;

/** Steps per second, measured now and then. */
export class StepRate {
  #time = 0;
  #step = 0;
  #rate = 0;

  /** The rate, when `step` steps are done now. */
  at(step: number): number {
    const now = performance.now();
    if (now - this.#time <= intervalMs) return this.#rate;
    this.#rate = this.#time === 0 ? 0 : (1000 * (step - this.#step)) / (now - this.#time);
    this.#time = now;
    this.#step = step;
    return this.#rate;
  }

  /** Forgets what was measured, for a run that stands still. */
  reset(): void {
    this.#rate = 0;
    this.#time = 0;
  }
}
