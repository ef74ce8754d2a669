// Awaiting values never turns the event loop: while only microtasks run, no timer fires, no message arrives and nothing
// is drawn. So whoever works for long lets a macrotask through now and then.
interface Port {
  postMessage(message: unknown): void;
  onmessage: (() => void) | null;
  /** In Node: whether an open port keeps the program from ending. */
  ref?(): void;
  unref?(): void;
}
declare const performance: { now(): number };
declare const setImmediate: ((callback: () => void) => void) | undefined;
declare const MessageChannel: new () => { port1: Port; port2: Port };

/** How long microtasks may run without a break, in ms: half a frame at 60 a second. */
const longestMs = 8;

let last = performance.now();
let channel: InstanceType<typeof MessageChannel> | undefined;
/** The turn that is being waited for: one serves everybody. */
let turn: Promise<void> | undefined;

/** Lets waiting macrotasks run if none could for 8 ms. */
export function letMacrotasksRun(): Promise<void> | undefined {
  const now = performance.now();
  if (now - last < longestMs) return undefined;
  turn ??= macrotask().then(() => {
    last = performance.now();
    turn = undefined;
  });
  return turn;
}

/** Lets waiting macrotasks run. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // A timer would wait 4 ms in a page; a message to oneself does not.
    channel ??= new MessageChannel();
    const { port1, port2 } = channel;
    port1.onmessage = () => {
      port1.unref?.();
      resolve();
    };
    port1.ref?.();
    port2.postMessage(null);
  });
}
