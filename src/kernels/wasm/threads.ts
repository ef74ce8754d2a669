// What the thread that calls the kernels does: it publishes a call in the words of helper.ts, takes pieces of it itself
// until none is left, and spins until the helpers have finished theirs. So a helper that is late, asleep or gone costs
// nothing. Only helpers call Atomics.wait, which a page's main thread may not.
import { expect } from "../../base/expect.ts";
import { macrotask } from "../../base/macrotask.ts";
import type { KernelName } from "../kernels.ts";
import { kernelNames, type RawKernel, type RawKernels } from "../signatures.ts";
import {
  ARGUMENTS,
  asleepWord,
  CUT,
  controlWords,
  DONE,
  type HelperMessage,
  MEMORY,
  PIECES,
  SENT,
  TICKET,
  takeFirst,
} from "./helper.ts";
import { GrowingMemory, type Part, type WasmMemory } from "./memories.ts";
import { callOf, cuts, maxArguments, runPiece, unitsOf, workOf } from "./pieces.ts";
import type { Replacement } from "./replacement.ts";

declare const performance: { now(): number };
declare const setTimeout: (callback: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: RawKernels };
  Memory: new (pages: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
};

/** Kernels that helpers can run: a compiled module, and what takes the place of some of its kernels. */
export interface SharedKernels {
  readonly module: object;
  readonly replacement?: Replacement | undefined;
}

/** When the calls of some kernels are split. */
interface Splitting {
  /** A call with at least this much work is split. */
  threshold: number;
  /** The most work of a piece, if a call can be cut that finely. */
  maxPiece: number;
  /** How long a helper takes to answer, in ms, if that was measured. */
  tripMs?: number;
  /** The time of a large product with all threads, relative to one, if sharing gains too little. */
  tooSlow?: number;
  /** Why there are no helpers, if they could not begin. */
  failure?: string;
  /** Measures again. The best of all measurements counts. */
  measure?: () => void;
}

/** The best times of all measurements, in ms. */
interface Best {
  /** A small product. */
  callMs: number;
  /** An answer of a helper. */
  tripMs: number;
  /** A large product with one thread. */
  aloneMs: number;
  /** The same with all threads. */
  sharedMs: number;
}

/** A memory of agents over the same kernels, which split their larger calls. */
interface Arena {
  readonly id: number;
  readonly memory: GrowingMemory;
  readonly exports: RawKernels;
}

/** A thread that runs `help`, as the thread that started it sees it. */
export interface Helper {
  postMessage(message: HelperMessage): void;
  terminate(): unknown;
}

/** Starts a helper. `onAnswer` is called for each of its answers, `onEnd` when it ends for any reason. */
export type StartHelper = (onAnswer: (id: number) => void, onEnd: () => void) => Helper;

/**
 * Helpers are started for the first agent that has a call with this much work, about 40 µs: below that they gain nothing
 * on any machine. Work is counted in steps of `multiply` over 16 bytes.
 */
const minWork = 250_000;

/** A call is split only if it takes at least this many times a helper's round-trip time. */
const minTrips = 4;

/**
 * An agent uses helpers only if its largest call has at least this many times the work of the smallest call that is
 * split. If few calls are split, helpers fall asleep in between.
 */
const minCalls = 4;

/** A piece takes at most about this long, in ms: so long the caller may have to wait at the end of a call. */
const pieceMs = 0.02;

/** Checking the helpers' count this often takes about 100 µs. Then a helper has taken a piece but is not running. */
const longWait = 100_000;

/**
 * After a long wait, other programs need the cores, so the next `minAlone` calls use one thread. The number doubles with
 * every further long wait, up to `maxAlone` (a few tenths of a second), and shrinks with every call that went well.
 */
const [minAlone, maxAlone] = [32, 2048];

/** How long the measurement takes, in ms, on a machine that is not busy. */
const measureMs = 20;

/**
 * How often threads are measured, at most. Where a measurement says that an agent gains nothing, it is repeated after a
 * pause, in ms: other programs may have used the cores.
 */
const [maxMeasurements, pauseMs] = [5, 30];

/** The rows of the large product, as many as the memory of the measurement holds. */
const largeRows = 256;

/** Calls are not split if the large product takes more than this share of its time with one thread. */
const maxShared = 0.85;

const noAnswer = "no other thread could be started, or none answered in time";
const noMemory = "the engine gave no memory that threads can share";

/**
 * Threads for the arithmetic of agents, from `nodeThreads` of `ddpg/node` or from `webThreads`; an option of
 * `Ddpg.create`. Any number of agents can use the same threads. Helpers start with the first agent that is large enough
 * to benefit, sleep while there is nothing to do, and end with the program.
 */
export class Threads {
  /** The number of threads, including the one that calls. */
  readonly count: number;
  readonly #startHelper: StartHelper | undefined;
  readonly #helpers = new Set<Helper>();
  readonly #control: Int32Array;
  readonly #call = callOf();
  readonly #room = new Int32Array(maxArguments);
  readonly #questions = new Map<number, { missing: number; settle(answered: boolean): void }>();
  /** The memories of all agents, by the replacement or module. Where the last one can grow no more, another is added. */
  readonly #arenas = new Map<object, Arena[]>();
  readonly #splittings = new Map<object, Promise<Splitting>>();
  /** The last `share`: they take turns. */
  #sharing: Promise<unknown> = Promise.resolve();
  #memories = 0;
  #refusal = "";
  readonly #threshold: number | undefined;
  readonly #lostMs: number;
  readonly #answerMs: number;
  readonly #timer: Timer;
  /** How many of the next calls use one thread. */
  #alone = 0;
  #nextAlone = minAlone;

  /**
   * For `nodeThreads` and `webThreads`. Without `startHelper` there is one thread. Tests set the threshold, which is
   * otherwise measured, how long a piece may take, in ms, before it counts as lost, how long helpers may take to answer
   * before the caller works without them, in ms, and what measures.
   */
  constructor(
    count: number,
    startHelper: StartHelper | undefined,
    {
      threshold,
      lostMs = 10_000,
      answerMs = 1000,
      timer = averageMs,
    }: { threshold?: number; lostMs?: number; answerMs?: number; timer?: Timer } = {},
  ) {
    expect(Number.isSafeInteger(count) && count >= 1 && count <= 64, "threads", "a whole number from 1 to 64", count);
    this.count = startHelper ? count : 1;
    this.#startHelper = startHelper;
    this.#threshold = threshold;
    this.#lostMs = lostMs;
    this.#answerMs = answerMs;
    this.#timer = timer;
    const bytes = 4 * controlWords(this.count - 1);
    this.#control = new Int32Array(this.count > 1 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  }

  /** Whether helpers speed up a call with this much work. The first call starts the helpers and measures them. */
  async areWorth(work: number, kernels: SharedKernels): Promise<boolean> {
    this.#refusal = "";
    if (this.count === 1) return false;
    if (work < (this.#threshold ?? minWork)) {
      this.#refusal = "layers and batch are too small to share";
      return false;
    }
    const splitting = await this.#splitting(kernels);
    const areWorth = (): boolean => this.#helpers.size > 0 && work >= minCalls * splitting.threshold;
    // Two more measurements for an agent.
    for (let more = 2; more > 0 && splitting.measure && this.#helpers.size > 0 && !areWorth(); more--) {
      await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
      if (this.#helpers.size > 0) splitting.measure?.();
    }
    if (areWorth()) return true;
    this.#refusal = splitting.failure ?? (this.#helpers.size === 0 ? noAnswer : slowAnswer(splitting));
    return false;
  }

  /** @internal Why the last agent that asked for several threads got one; "" if it got them, or if there is only one. */
  get refusal(): string {
    return this.#refusal;
  }

  /**
   * A part of the memory that helpers know, with kernels that split their larger calls. Undefined if helpers do not
   * answer, or if the engine has no more memory of this kind.
   */
  share(bytes: number, kernels: SharedKernels): Promise<Part | undefined> {
    const part = this.#sharing.then(async () => {
      const taken = await this.#take(bytes, kernels);
      if (typeof taken !== "string") return taken;
      this.#refusal = taken;
      return undefined;
    });
    this.#sharing = part.catch(() => {});
    return part;
  }

  /** Returns a part, or why there is none. */
  async #take(bytes: number, kernels: SharedKernels): Promise<Part | string> {
    const key = kernels.replacement ?? kernels.module;
    const arenas = this.#arenas.get(key) ?? [];
    this.#arenas.set(key, arenas);
    const free = (): Part | undefined => {
      for (const { memory, exports } of arenas) {
        const part = memory.take(bytes);
        if (part) return { ...part, exports };
      }
      return undefined;
    };
    const first = free();
    if (first) return first;
    // A loop that only awaits lets no finalizer run. One may free what is needed.
    await macrotask();
    const second = free();
    if (second) return second;
    const last = arenas[arenas.length - 1];
    if (last?.memory.grow(bytes)) {
      // An engine may keep a memory's length in an instance. Helpers make another one, and answer.
      if (!(await this.#introduce(last.id, kernels, last.memory.memory))) return noAnswer;
    } else {
      const added = await this.#addArena(bytes, kernels);
      if (typeof added === "string") return added;
      arenas.push(added);
    }
    return free() ?? noMemory;
  }

  async #addArena(bytes: number, kernels: SharedKernels): Promise<Arena | string> {
    let memory: GrowingMemory;
    try {
      memory = new GrowingMemory(bytes);
    } catch {
      return noMemory;
    }
    const id = this.#memories++;
    if (!(await this.#introduce(id, kernels, memory.memory))) return noAnswer;
    const raw = kernelsOver(kernels, memory.memory);
    const splitting = await this.#splitting(kernels);
    const split = kernelNames.map((name) => [name, this.#split(raw[name], name, id, splitting)]);
    return { id, memory, exports: Object.fromEntries(split) };
  }

  /** Starts the helpers, if there are none yet, and measures them with these kernels. */
  #splitting(kernels: SharedKernels): Promise<Splitting> {
    const key = kernels.replacement ?? kernels.module;
    const splitting = this.#splittings.get(key) ?? this.#begin(kernels);
    this.#splittings.set(key, splitting);
    return splitting;
  }

  async #begin(kernels: SharedKernels): Promise<Splitting> {
    if (this.#splittings.size === 0) for (let helper = 1; helper < this.count; helper++) this.#startOne();
    // Helpers answer one question at a time.
    await Promise.all(this.#splittings.values());
    let memory: WasmMemory | undefined;
    try {
      memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    } catch {
      // The engine has no more memory of this kind, so there is one thread.
    }
    const id = this.#memories++;
    if (!memory || !(await this.#introduce(id, kernels, memory))) {
      for (const helper of this.#helpers) helper.terminate();
      this.#helpers.clear();
      return { threshold: Infinity, maxPiece: 0, failure: memory ? noAnswer : noMemory };
    }
    if (this.#threshold !== undefined) return { threshold: this.#threshold, maxPiece: 0 };
    const splitting: Splitting = { threshold: Infinity, maxPiece: 0 };
    const best: Best = { callMs: Infinity, tripMs: Infinity, aloneMs: Infinity, sharedMs: Infinity };
    const { multiply } = kernelsOver(kernels, memory);
    let left = maxMeasurements;
    splitting.measure = () => {
      this.#measure(multiply, id, best, splitting);
      if (--left === 0) delete splitting.measure;
    };
    splitting.measure();
    return splitting;
  }

  #startOne(): void {
    const onAnswer = (id: number): void => {
      const question = this.#questions.get(id);
      if (question && --question.missing === 0) question.settle(true);
    };
    const onEnd = (): void => {
      if (helper) this.#helpers.delete(helper);
      for (const { settle } of this.#questions.values()) settle(false);
    };
    let helper: Helper | undefined;
    try {
      helper = this.#startHelper?.(onAnswer, onEnd);
      if (helper) this.#helpers.add(helper);
    } catch {
      // The platform does not allow more threads, so there is one.
    }
  }

  /** Gives a memory to every helper. False if a helper does not answer. */
  async #introduce(id: number, kernels: SharedKernels, memory: WasmMemory): Promise<boolean> {
    if (this.#helpers.size === 0) return false;
    return new Promise<boolean>((resolve) => {
      const settle = (answered: boolean): void => {
        clearTimeout(timer);
        this.#questions.delete(id);
        resolve(answered);
      };
      const timer = setTimeout(() => settle(false), this.#answerMs);
      this.#questions.set(id, { missing: this.#helpers.size, settle });
      this.#send({ id, module: kernels.module, replacement: kernels.replacement?.key, memory });
    });
  }

  #send(message: Omit<HelperMessage, "control" | "helper">): void {
    let index = 0;
    for (const helper of this.#helpers) helper.postMessage({ ...message, control: this.#control, helper: index++ });
    Atomics.add(this.#control, SENT, 1);
    this.#wake();
  }

  #wake(): void {
    for (let helper = 0; helper < this.count - 1; helper++) {
      const asleep = asleepWord(helper);
      if (Atomics.load(this.#control, asleep) === 0) continue;
      Atomics.store(this.#control, asleep, 0);
      Atomics.notify(this.#control, asleep);
    }
  }

  /** A kernel that splits its calls. It has no rest parameter, because that would allocate an array for every call. */
  #split(kernel: RawKernel, name: KernelName, memory: number, splitting: Splitting): RawKernel {
    const [first, second = first] = cuts.flatMap((cut, index) => (cut.kernel === name ? [index] : []));
    const call = this.#call;
    return (a, b, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0, k = 0, l = 0, m = 0, n = 0, o = 0) => {
      call[0] = a;
      call[1] = b;
      call[2] = c;
      call[3] = d;
      call[4] = e;
      call[5] = f;
      call[6] = g;
      call[7] = h;
      call[8] = i;
      call[9] = j;
      call[10] = k;
      call[11] = l;
      call[12] = m;
      call[13] = n;
      call[14] = o;
      const work = workOf(cuts[first], call);
      if (work < splitting.threshold || this.#helpers.size === 0 || !this.#mayShare())
        return kernel(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
      const cut = unitsOf(cuts[first], call) < unitsOf(cuts[second], call) ? second : first;
      const pieces = Math.min(unitsOf(cuts[cut], call), this.#pieces(work, splitting));
      if (pieces < 2) return kernel(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
      this.#share(kernel, memory, cut, pieces);
      return 0;
    };
  }

  #mayShare(): boolean {
    if (this.#alone === 0) return true;
    this.#alone--;
    return false;
  }

  #pieces(work: number, { maxPiece }: Splitting): number {
    return Math.min(4096, Math.max(4 * this.count, Math.ceil(work / maxPiece)));
  }

  #share(kernel: RawKernel, memory: number, cut: number, pieces: number): void {
    this.#publish(memory, cut, pieces, 1);
    let own = 0;
    for (let piece = 0; piece >= 0; piece = takeFirst(this.#control)) {
      runPiece(kernel, cuts[cut], this.#call, piece, pieces, this.#room);
      own++;
    }
    this.#waitFor(pieces - own);
  }

  /** Publishes a call: helpers may take the pieces from `front` on. */
  #publish(memory: number, cut: number, pieces: number, front: number): void {
    const control = this.#control;
    control[MEMORY] = memory;
    control[CUT] = cut;
    control[PIECES] = pieces;
    for (let i = 0; i <= maxArguments; i++) control[ARGUMENTS + i] = this.#call[i];
    Atomics.store(control, DONE, 0);
    Atomics.store(control, TICKET, (front << 16) | pieces);
    this.#wake();
  }

  #waitFor(pieces: number): void {
    let looks = 0;
    let since = 0;
    while (Atomics.load(this.#control, DONE) !== pieces) {
      if (++looks % 1_000_000 > 0) continue;
      if (since === 0) since = performance.now();
      else if (performance.now() - since > this.#lostMs) this.#lose();
    }
    if (looks > longWait) {
      this.#alone = this.#nextAlone;
      this.#nextAlone = Math.min(2 * this.#nextAlone, maxAlone);
    } else if (this.#nextAlone > minAlone) {
      this.#nextAlone -= 1 + (this.#nextAlone >> 8);
    }
  }

  /** A piece that a lost helper left half done cannot be repeated, because many kernels work in place. */
  #lose(): never {
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers.clear();
    throw new Error(`Kernels: a helper thread ended, or stood still for ${this.#lostMs} ms, in the middle of a call.`);
  }

  /**
   * Finds the threshold and the size of pieces from the best of many tries, which take turns, and of the measurements
   * before: other programs use the cores too.
   */
  #measure(multiply: RawKernel, memory: number, best: Best, splitting: Splitting): void {
    const callAlone = (): void => runPiece(multiply, cuts[0], this.#call, 0, 1, this.#room);
    const callHelper = (): void => {
      this.#publish(memory, 0, 1, 0);
      this.#waitFor(1);
    };
    const start = performance.now();
    const spentMs = (): number => performance.now() - start;
    // The engine is still compiling at first. On a busy machine, a few tries take long.
    for (let tries = 0; spentMs() < measureMs || (tries < 20 && spentMs() < 10 * measureMs); tries++) {
      this.#product(16);
      best.callMs = Math.min(best.callMs, this.#timer(callAlone));
      this.#product(1);
      best.tripMs = Math.min(best.tripMs, this.#timer(callHelper));
    }
    const workPerMs = this.#product(16) / best.callMs;
    splitting.threshold = minTrips * best.tripMs * workPerMs;
    splitting.maxPiece = pieceMs * workPerMs;
    splitting.tripMs = best.tripMs;
    // Two cores of a virtual machine may share their arithmetic units, and then two threads are no faster than one.
    const pieces = this.#pieces(this.#product(largeRows), splitting);
    for (let tries = 0; tries < 8; tries++) {
      best.aloneMs = Math.min(best.aloneMs, this.#timer(callAlone));
      best.sharedMs = Math.min(
        best.sharedMs,
        this.#timer(() => this.#share(multiply, memory, 0, pieces)),
      );
    }
    this.#alone = 0;
    this.#nextAlone = minAlone;
    delete splitting.tooSlow;
    const ratio = best.sharedMs / best.aloneMs;
    if (ratio <= maxShared) return;
    splitting.threshold = Infinity;
    if (best.tripMs < best.aloneMs) splitting.tooSlow = ratio;
  }

  /** Prepares a product with this many rows, in a memory that holds nothing else. Returns its work. */
  #product(rows: number): number {
    const [c, a, b, stride] = [0, 65536, 131072, 256];
    this.#call.set([c, stride, b, 0, 0, a, stride, 4, b, stride, rows, 64, 64]);
    return workOf(cuts[0], this.#call);
  }
}

function slowAnswer({ tripMs, tooSlow }: Splitting): string {
  if (tooSlow !== undefined) {
    const percent = Math.round(100 * tooSlow);
    return `a large product takes ${percent} % of its time with one thread; the cores may be busy, or share their arithmetic units`;
  }
  const takes = tripMs === undefined ? "too long" : `${Math.round(1000 * tripMs)} µs`;
  return `another thread takes ${takes} to answer, so that sharing would not be faster; the cores may be busy, or too few`;
}

function kernelsOver({ module, replacement }: SharedKernels, memory: WasmMemory): RawKernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return replacement?.replace(exports, memory.buffer) ?? exports;
}

/** Returns how long an action takes, in ms. */
type Timer = (action: () => void) => number;

/** The average of many, because a browser's clock has steps of 5 µs. */
function averageMs(action: () => void): number {
  const times = 20;
  const start = performance.now();
  for (let i = 0; i < times; i++) action();
  return (performance.now() - start) / times;
}
