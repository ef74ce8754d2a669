/** Measures time between `start` and `stop`, over and over. */
export class Stopwatch {
  /** Milliseconds since any fixed moment. */
  readonly #clock: () => number;
  #elapsedMs: number;
  /** When it was started; null while it is stopped. */
  #startedMs: number | null = null;

  /** Stopped, with `seconds` on it. */
  constructor(clock: () => number, seconds = 0) {
    this.#clock = clock;
    this.#elapsedMs = 1000 * seconds;
  }

  get ms(): number {
    return this.#elapsedMs + (this.#startedMs === null ? 0 : this.#clock() - this.#startedMs);
  }

  /** To the millisecond. */
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
