// What a helper thread does: it takes pieces of the calls that the agent's thread publishes in the words of a shared
// array, `control`. Apart from messages about memories, the threads communicate only through the words below.
//
// TICKET holds the pieces that are not taken yet: front << 16 | back means those from front up to, not including, back.
// The caller takes the first piece, a helper the last, so that each tends to keep the rows that it had in the previous
// call. A thread that took a piece, by exchanging the ticket, may read the call's words: they change only after every
// piece is done. So a thread may sleep between reading the ticket and exchanging it, even until a later call.
import type { RawKernel, RawKernels } from "../signatures.ts";
import type { WasmMemory } from "./memories.ts";
import { cuts, maxArguments, runPiece } from "./pieces.ts";
import type { FindReplacement } from "./replacement.ts";

declare const performance: { now(): number };
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: RawKernels };
};

/** Pieces of the current call that are not taken yet. Words that are written often have their own cache line. */
export const TICKET = 0;
/** How many pieces of the call the helpers have finished. */
export const DONE = 32;
/** The call: its memory, its cut, its number of pieces, its arguments. */
export const MEMORY = 64;
export const CUT = 65;
export const PIECES = 66;
export const ARGUMENTS = 67;
/** How many messages each helper was sent. A helper that has read fewer stops to read them. */
export const SENT = 96;
/** From here on, one word for each helper: 1 while it sleeps. */
export const ASLEEP = 128;
const STRIDE = 32;

/** How many words `control` has for this many helpers. */
export function controlWords(helpers: number): number {
  return ASLEEP + STRIDE * helpers;
}

export function asleepWord(helper: number): number {
  return ASLEEP + STRIDE * helper;
}

/** How long a helper spins before it sleeps, in ms: waking it takes longer than the time between two calls. */
const spinMs = 0.02;

/** Tells a helper about a memory that calls may now use, or that has grown. */
export interface HelperMessage {
  readonly control: Int32Array;
  /** Which helper it is, from 0. */
  readonly helper: number;
  readonly id: number;
  readonly module: object;
  /** The key of the module's replacement. */
  readonly replacement: string | undefined;
  readonly memory: WasmMemory;
}

/** The connection from a helper to the thread that started it, as a worker has it in a page and in Node. */
export interface HelperPort {
  onmessage: ((event: { readonly data: HelperMessage }) => void) | null;
  postMessage(id: number): void;
}

/** Turns this thread into a helper. Where a platform has replacements of modules, `find` returns that with a key. */
export function help(port: HelperPort, find?: FindReplacement): void {
  const memories = new Map<number, readonly RawKernel[]>();
  let read = 0;
  port.onmessage = ({ data: { control, helper, id, memory, module, replacement } }) => {
    read++;
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const kernels = replacement === undefined ? exports : find?.(replacement).replace(exports, memory.buffer);
    if (!kernels) throw new Error(`helper: no kernels ${replacement} here`);
    memories.set(
      id,
      cuts.map(({ kernel }) => kernels[kernel]),
    );
    port.postMessage(id);
    takePieces(control, asleepWord(helper), memories, read);
  };
}

/** Takes pieces until there are messages to read. */
function takePieces(
  control: Int32Array,
  asleep: number,
  memories: ReadonlyMap<number, readonly RawKernel[]>,
  read: number,
): void {
  const call = control.subarray(ARGUMENTS);
  const room = new Int32Array(maxArguments);
  const isIdle = (): boolean => !isLeft(Atomics.load(control, TICKET)) && Atomics.load(control, SENT) === read;
  while (Atomics.load(control, SENT) === read) {
    const piece = takeLast(control);
    if (piece < 0) {
      rest(control, asleep, isIdle);
      continue;
    }
    const kernels = memories.get(control[MEMORY]);
    const cut = control[CUT];
    // This never happens: calls start after every helper has answered. A helper that throws ends, see threads.ts.
    if (!kernels) throw new Error("helper: a call about an unknown memory");
    runPiece(kernels[cut], cuts[cut], call, piece, control[PIECES], room);
    Atomics.add(control, DONE, 1);
  }
}

function rest(control: Int32Array, asleep: number, isIdle: () => boolean): void {
  const end = performance.now() + spinMs;
  do {
    for (let i = 0; i < 100; i++) if (!isIdle()) return;
  } while (performance.now() < end);
  Atomics.store(control, asleep, 1);
  // The caller publishes first and then checks who sleeps, so at least one of the two notices the other.
  if (isIdle()) Atomics.wait(control, asleep, 1);
  Atomics.store(control, asleep, 0);
}

/** Takes the first piece that is left; −1 if there is none. */
export function takeFirst(control: Int32Array): number {
  for (;;) {
    const ticket = Atomics.load(control, TICKET);
    if (!isLeft(ticket)) return -1;
    if (Atomics.compareExchange(control, TICKET, ticket, ticket + 0x10000) === ticket) return ticket >>> 16;
  }
}

/** Takes the last piece that is left; −1 if there is none. */
function takeLast(control: Int32Array): number {
  for (;;) {
    const ticket = Atomics.load(control, TICKET);
    if (!isLeft(ticket)) return -1;
    if (Atomics.compareExchange(control, TICKET, ticket, ticket - 1) === ticket) return (ticket & 0xffff) - 1;
  }
}

function isLeft(ticket: number): boolean {
  return ticket >>> 16 < (ticket & 0xffff);
}
