// What a helper thread does: it takes pieces of the calls that the agent's own thread publishes in the words of a shared
// array, `control`. The words below are all that passes between them but for messages about memories.
//
// TICKET holds which pieces nobody has taken yet: front << 16 | back, those from front up to back. The caller takes the
// first, a helper the last, so that each tends to stay with the rows that it had in the call before. Whoever has taken a
// piece by an exchange of the ticket may read the call's words: they change only when every piece of it is done. So it
// does not matter how long somebody slept between reading the ticket and exchanging it, nor which call it was about.
import { cuts, type Kernel, mostArguments, runPiece } from "./pieces.ts";

declare const performance: { now(): number };
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, Kernel> };
};

/** What nobody has taken of the call: on a line of the cache of its own, as the others that are written often. */
export const TICKET = 0;
/** How many pieces of the call helpers have done. */
export const DONE = 32;
/** The call: its memory, its cut, its number of pieces, its arguments. */
export const MEMORY = 64;
export const CUT = 65;
export const PIECES = 66;
export const ARGUMENTS = 67;
/** How many messages every helper was sent: it stops for them when it has read fewer. */
export const SENT = 96;
/** From here on 1 for a helper that sleeps. */
export const ASLEEP = 128;
const STRIDE = 32;

/** The words of so many helpers. */
export function controlWords(helpers: number): number {
  return ASLEEP + STRIDE * helpers;
}

export function asleepWord(helper: number): number {
  return ASLEEP + STRIDE * helper;
}

/** A helper spins for so long before it sleeps, in ms: waking one takes longer than what comes between two calls. */
const spinMs = 0.02;

/** What is told to a helper: a memory that calls may be about from now on, or one that is used no more. */
export interface HelperMessage {
  readonly control: Int32Array;
  /** Which helper it is, from 0. */
  readonly helper: number;
  readonly id: number;
  /** Of kernels and over a memory; without, the memory is to be forgotten. */
  readonly module?: object;
  readonly memory?: object;
}

/** The way between a helper and the thread that has started it, as a worker sees it in a page and in Node. */
export interface HelperPort {
  onmessage: ((event: { readonly data: HelperMessage }) => void) | null;
  postMessage(id: number): void;
}

/** Makes this thread a helper. */
export function help(port: HelperPort): void {
  const memories = new Map<number, readonly Kernel[]>();
  let read = 0;
  port.onmessage = ({ data: { control, helper, id, memory, module } }) => {
    read++;
    if (module && memory) {
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      memories.set(
        id,
        cuts.map(({ kernel }) => exports[kernel]),
      );
      port.postMessage(id);
    } else {
      memories.delete(id);
    }
    takePieces(control, asleepWord(helper), memories, read);
  };
}

/** Until there are messages to read. */
function takePieces(
  control: Int32Array,
  asleep: number,
  memories: ReadonlyMap<number, readonly Kernel[]>,
  read: number,
): void {
  const call = control.subarray(ARGUMENTS);
  const room = new Int32Array(mostArguments);
  const isIdle = (): boolean => !isLeft(Atomics.load(control, TICKET)) && Atomics.load(control, SENT) === read;
  while (Atomics.load(control, SENT) === read) {
    const piece = takeLast(control);
    if (piece < 0) {
      rest(control, asleep, isIdle);
      continue;
    }
    const kernels = memories.get(control[MEMORY]);
    const cut = control[CUT];
    // Never without: a call comes after every helper has answered. A helper that throws is gone, see threads.ts.
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
  // The caller publishes, then looks who sleeps: one of the two sees the other.
  if (isIdle()) Atomics.wait(control, asleep, 1);
  Atomics.store(control, asleep, 0);
}

/** The first piece that nobody has taken; −1 if there is none. */
export function takeFirst(control: Int32Array): number {
  for (;;) {
    const ticket = Atomics.load(control, TICKET);
    if (!isLeft(ticket)) return -1;
    if (Atomics.compareExchange(control, TICKET, ticket, ticket + 0x10000) === ticket) return ticket >>> 16;
  }
}

/** The last piece that nobody has taken; −1 if there is none. */
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
