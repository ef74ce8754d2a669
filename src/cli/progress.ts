/** How often the line is drawn, and how long a plain output stays silent, in ms. */
const drawMs = 100;
const plainMs = 30_000;

/** Over how long a rate is measured, in ms. */
const rateMs = 3000;

/** Cells of the bar, as the terminal has room. */
const [fewestCells, mostCells] = [8, 24];

/**
 * How far something is: on a terminal one line, drawn in place; elsewhere a plain line at every tenth, and one at least
 * every half minute.
 */
export class Progress {
  /** How much is done, of `total`. */
  done = 0;
  readonly #output: NodeJS.WriteStream;
  readonly #total: number;
  readonly #describe: () => readonly string[];
  /** Runs while there is something to show. */
  #timer: NodeJS.Timeout | undefined;
  #tenths = 0;
  #lastLine = performance.now();

  /** `describe` gives the parts of the line, the most important first; what does not fit is left out. */
  constructor(output: NodeJS.WriteStream, total: number, shown: boolean, describe: () => readonly string[]) {
    this.#output = output;
    this.#total = total;
    this.#describe = describe;
    if (shown) this.#timer = setInterval(() => this.#tick(), drawMs).unref();
  }

  /** So much is done now. */
  advance(done: number): void {
    this.done = done;
    const tenths = Math.floor((10 * done) / this.#total);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    if (this.#timer && !this.#output.isTTY) this.#line();
  }

  /** Writes something above the line. */
  interrupt(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** The last call. The line stays where `keep` is set. */
  stop(keep = false): void {
    clearInterval(this.#timer);
    if (keep) this.#draw();
    else this.#clear();
    if (keep && this.#timer && this.#output.isTTY) this.#output.write("\n");
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#output.isTTY) this.#draw();
    else if (performance.now() - this.#lastLine > plainMs) this.#line();
  }

  #line(): void {
    this.#lastLine = performance.now();
    this.#output.write(`${this.#percent()}  ${this.#describe().join("  ")}\n`);
  }

  #clear(): void {
    if (this.#timer && this.#output.isTTY) this.#output.write("\r\x1b[K");
  }

  #draw(): void {
    if (!this.#timer || !this.#output.isTTY) return;
    let room = (this.#output.columns || 80) - 1 - fewestCells;
    let line = ` ${this.#percent()}`;
    for (const part of this.#describe()) {
      if (line.length + 2 + part.length > room) break;
      line += `  ${part}`;
    }
    room -= line.length;
    const cells = Math.min(mostCells, fewestCells + room);
    const filled = Math.round((cells * this.done) / this.#total);
    this.#output.write(`\r${"█".repeat(filled)}${"░".repeat(cells - filled)}${line}\x1b[K`);
  }

  #percent(): string {
    return `${String(Math.floor((100 * this.done) / this.#total)).padStart(3)} %`;
  }
}

/** A clock that rests until `resume`, and how fast something goes while it runs. */
export class Pace {
  #startedMs = 0;
  #elapsedMs = 0;
  #running = false;
  /** What was done by then, over the last seconds. */
  readonly #samples: { ms: number; done: number }[] = [{ ms: 0, done: 0 }];

  /** To the millisecond. */
  get seconds(): number {
    return Math.round(this.#ms) / 1000;
  }

  get #ms(): number {
    return this.#elapsedMs + (this.#running ? performance.now() - this.#startedMs : 0);
  }

  pause(): void {
    this.#elapsedMs = this.#ms;
    this.#running = false;
  }

  resume(): void {
    if (this.#running) return;
    this.#startedMs = performance.now();
    this.#running = true;
  }

  /** How much was done a second of late. */
  rate(done: number): number {
    const ms = this.#ms;
    const samples = this.#samples;
    if (ms - samples[samples.length - 1].ms > drawMs / 2) samples.push({ ms, done });
    while (samples.length > 2 && ms - samples[1].ms > rateMs) samples.shift();
    const first = samples[0];
    return ms > first.ms ? (1000 * (done - first.done)) / (ms - first.ms) : 0;
  }
}

/** 12,345 */
export function whole(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** A return, short: one decimal, none from 1,000 on. */
export function short(x: number): string {
  return Math.abs(x) >= 1000 ? whole(x) : x.toFixed(Math.abs(x) < 1 ? 3 : 1);
}

/** A mean with its error in two digits, and no more digits of the mean than the error leaves. */
export function plusMinus(mean: number, error: number | null): string {
  if (!error) return short(mean);
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(error))));
  const show = (x: number): string =>
    x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${show(mean)} ± ${show(error)}`;
}

/** A time for a person. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
