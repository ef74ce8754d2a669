/** The shortest time between two measurements, in ms. */
const intervalMs = 400;

/** Measures steps per second. */
export class StepRate {
  #time = 0;
  #step = 0;
  #rate = 0;

  /** The rate in steps per second, given the number of steps taken so far. */
  at(step: number): number {
    const now = performance.now();
    if (now - this.#time <= intervalMs) return this.#rate;
    this.#rate = this.#time === 0 ? 0 : (1000 * (step - this.#step)) / (now - this.#time);
    this.#time = now;
    this.#step = step;
    return this.#rate;
  }

  /** Forgets the measurement, for a run that is paused. */
  reset(): void {
    this.#rate = 0;
    this.#time = 0;
  }
}
