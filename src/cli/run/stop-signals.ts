import { exitCodes, type Signal } from "../terminal/exit-codes.ts";

/** How long a step in progress may take to finish after a signal or an error, in ms. */
export const graceMs = 250;

const signals = Object.keys(exitCodes) as Signal[];

export interface StopSignalsOptions {
  /** Sends the signals: `process`, or a stand-in for it in tests. */
  source: {
    on(signal: Signal, listener: (signal: Signal) => void): unknown;
    off(signal: Signal, listener: (signal: Signal) => void): unknown;
  };
  /** Whether a step is in progress, which should finish first. */
  isStepping: () => boolean;
  /** Saves everything and ends the process. Called at most once. */
  leave: (signal: Signal) => void;
  /** Ends the process at once. */
  exit: (code: number) => void;
  /** Calls back after some milliseconds. Returns a function that cancels it. */
  setTimer: (callback: () => void, ms: number) => () => void;
}

/**
 * Decides when to leave after a signal: between two steps at once, otherwise after the step in progress or when its
 * grace period is over. The same signal again ends the process without saving. A different one changes nothing.
 */
export class StopSignals {
  readonly #options: StopSignalsOptions;
  readonly #listener = (signal: Signal): void => this.#receive(signal);
  #received: Signal | undefined;
  #isIgnoring = false;
  #hasLeft = false;
  #cancelTimer: () => void = () => {};

  /** Listens until `close`. */
  constructor(options: StopSignalsOptions) {
    this.#options = options;
    for (const signal of signals) options.source.on(signal, this.#listener);
  }

  /** The first signal, if there was one. */
  get received(): Signal | undefined {
    return this.#received;
  }

  /** Call this between two steps. Leaves now if a signal has arrived. */
  stepEnded(): void {
    if (this.#received) this.#leave(this.#received);
  }

  /** From now on a first signal changes nothing, because the run is already ending. */
  ignore(): void {
    this.#isIgnoring = true;
  }

  close(): void {
    this.#cancelTimer();
    for (const signal of signals) this.#options.source.off(signal, this.#listener);
  }

  #receive(signal: Signal): void {
    const { isStepping, exit, setTimer } = this.#options;
    if (this.#received === signal) exit(exitCodes[signal]);
    if (this.#received || this.#isIgnoring) return;
    this.#received = signal;
    if (isStepping()) this.#cancelTimer = setTimer(() => this.#leave(signal), graceMs);
    else this.#leave(signal);
  }

  #leave(signal: Signal): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#cancelTimer();
    this.#options.leave(signal);
  }
}
