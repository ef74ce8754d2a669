/** Measures the time between `start` and `stop`, cumulatively. */
export class Stopwatch {
  /** Milliseconds since any fixed moment. */
  readonly #clock: () => number;
  #elapsedMs: number;
  /** When it was started; null while it is stopped. */
  #startedMs: number | null = null;

  /** A stopped stopwatch that shows `seconds`. */
  constructor(clock: () => number, seconds = 0) {
    this.#clock = clock;
    this.#elapsedMs = 1000 * seconds;
  }

  get ms(): number {
    return this.#elapsedMs + (this.#startedMs === null ? 0 : this.#clock() - this.#startedMs);
  }

  /** The time in seconds, rounded to a millisecond. */
  get seconds(): number {
    return Math.round(this.ms) / 1000;
  }

  start(): void {
    this.#startedMs ??= this.#clock();
  }

  stop(): void {
    this.#elapsedMs = this.ms;
    this.#startedMs = null;
  }
}
