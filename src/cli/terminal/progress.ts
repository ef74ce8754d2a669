import { printable } from "../../base/printable.ts";
import type { Terminal } from "./output.ts";

/** How often the line is drawn, and the longest silence of a plain output, in ms. */
const drawMs = 100;
const plainMs = 30_000;

/** The period over which a rate is measured, in ms. */
const rateMs = 3000;

/** Cells of the bar: the minimum, and the maximum if the terminal has room. */
const [minCells, maxCells] = [8, 24];

/** The progress of something, and the parts of a line about it, the most important first. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly parts: readonly string[];
}

/**
 * Shows progress. On a terminal it is one line, drawn in place. Elsewhere it is a plain line at every tenth, and at
 * least one every half minute. If the output is a function, it receives what a terminal's line would show.
 */
export class Progress {
  /** How much of `total` is done. */
  done = 0;
  readonly #output: Terminal | ((state: ProgressState) => void);
  readonly #total: number;
  readonly #describe: () => readonly string[];
  /** Runs while there is something to show. */
  #timer: NodeJS.Timeout | undefined;
  #tenths = 0;
  #lastLine = performance.now();

  /** `describe` returns the parts of the line, the most important first. Parts that do not fit are left out. */
  constructor(
    output: Terminal | ((state: ProgressState) => void),
    total: number,
    shown: boolean,
    describe: () => readonly string[],
  ) {
    this.#output = output;
    this.#total = total;
    this.#describe = describe;
    if (shown) this.#timer = setInterval(() => this.#tick(), drawMs).unref();
  }

  /** Sets how much is done. */
  advance(done: number): void {
    this.done = done;
    const tenths = Math.floor((10 * done) / this.#total);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    if (this.#timer && !this.#live) this.#line();
  }

  /** Writes something above the line. */
  interrupt(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Ends the progress. The line stays if `keep` is set. */
  stop(keep = false): void {
    clearInterval(this.#timer);
    if (keep) this.#draw();
    else this.#clear();
    if (keep && this.#timer) this.#terminal?.write("\n");
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#live) this.#draw();
    else if (performance.now() - this.#lastLine > plainMs) this.#line();
  }

  #line(): void {
    this.#lastLine = performance.now();
    const { done, total, parts } = this.#state;
    if (typeof this.#output !== "function")
      this.#output.write(`${printable([percent(done, total), ...parts].join("  "))}\n`);
  }

  #clear(): void {
    if (this.#timer) this.#terminal?.write("\r\x1b[K");
  }

  #draw(): void {
    if (!this.#timer) return;
    if (typeof this.#output === "function") this.#output(this.#state);
    else this.#terminal?.write(`\r${progressLine(this.#state, columns(this.#output))}\x1b[K`);
  }

  get #state(): ProgressState {
    return { done: this.done, total: this.#total, parts: this.#describe() };
  }

  /** The output, if it is a terminal. */
  get #terminal(): Terminal | undefined {
    return typeof this.#output !== "function" && this.#output.isTTY ? this.#output : undefined;
  }

  /** Whether the line changes in place. */
  get #live(): boolean {
    return typeof this.#output === "function" || this.#output.isTTY;
  }
}

/** Several progress lines on a terminal, one below the other, with finished ones above. Shows nothing elsewhere. */
export class ProgressLines {
  readonly #output: Terminal;
  readonly #states = new Map<string, ProgressState>();
  /** Runs while there is something to show. */
  #timer: NodeJS.Timeout | undefined;
  /** Number of lines between the cursor and the top of the drawing. */
  #drawn = 0;
  /** A last line below the others, if not empty. */
  footer = "";

  constructor(output: Terminal, shown: boolean) {
    this.#output = output;
    if (shown && output.isTTY) this.#timer = setInterval(() => this.#draw(), drawMs).unref();
  }

  /** Changes a line, or adds it below the others. */
  set(label: string, state: ProgressState): void {
    this.#states.set(label, state);
  }

  delete(label: string): void {
    this.#states.delete(label);
  }

  /** Writes something above the lines. It must end with a newline. */
  interrupt(write: () => void): void {
    if (this.#drawn > 0) this.#output.write(`\x1b[${this.#drawn}A\r\x1b[J`);
    this.#drawn = 0;
    write();
    this.#draw();
  }

  /** Removes the lines. Call it last. */
  stop(): void {
    this.#states.clear();
    this.footer = "";
    this.#draw();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    if (!this.#timer) return;
    const width = columns(this.#output);
    const lines = [...this.#states].map(
      ([label, state]) => `${printable(label)}  ${progressLine(state, width - label.length - 2, minCells)}`,
    );
    // A line that has scrolled off the screen cannot be redrawn.
    const room = Math.max(1, (this.#output.rows || 24) - 2);
    if (lines.length > room) lines.length = room;
    if (this.footer) lines.push(this.footer.slice(0, width - 1));
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    if (up || lines.length > 0) this.#output.write(`${up}\r${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#drawn = lines.length;
  }
}

/** A bar, its percentage, and the parts that fit into `width` columns. The last column stays empty. */
function progressLine({ done, total, parts }: ProgressState, width: number, limit = maxCells): string {
  let room = width - 1 - minCells;
  let line = ` ${percent(done, total)}`;
  for (const part of parts) {
    if (line.length + 2 + part.length > room) break;
    line += `  ${part}`;
  }
  room -= line.length;
  const cells = Math.max(0, Math.min(limit, minCells + room));
  const filled = Math.round((cells * done) / total);
  return `${"█".repeat(filled)}${"░".repeat(cells - filled)}${printable(line)}`;
}

function percent(done: number, total: number): string {
  return `${String(Math.floor((100 * done) / total)).padStart(3)} %`;
}

function columns(output: Terminal): number {
  return output.columns || 80;
}

/** Measures how fast something progresses, over the last seconds of a clock. */
export class Rate {
  /** Milliseconds. Time while the clock stands still does not count. */
  readonly #clock: () => number;
  readonly #samples: { ms: number; done: number }[];

  /** `done`: how much is already done at the start. */
  constructor(clock: () => number, done = 0) {
    this.#clock = clock;
    this.#samples = [{ ms: clock(), done }];
  }

  /** How much was done per second recently, given how much is done now. */
  at(done: number): number {
    const ms = this.#clock();
    const samples = this.#samples;
    if (ms - samples[samples.length - 1].ms > drawMs / 2) samples.push({ ms, done });
    while (samples.length > 2 && ms - samples[1].ms > rateMs) samples.shift();
    const first = samples[0];
    return ms > first.ms ? (1000 * (done - first.done)) / (ms - first.ms) : 0;
  }
}
