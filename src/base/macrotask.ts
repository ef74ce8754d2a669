// Awaiting values runs only microtasks. While they run, no timer fires, no message arrives and nothing is drawn, so a
// long computation has to let a macrotask run now and then.

interface Port {
  postMessage(message: unknown): void;
  onmessage: (() => void) | null;
  /** Node only: `ref` keeps the process alive while the port is open, `unref` does not. */
  ref?(): void;
  unref?(): void;
}
declare const performance: { now(): number };
declare const setImmediate: ((callback: () => void) => void) | undefined;
declare const MessageChannel: new () => { port1: Port; port2: Port };

/** The longest time that microtasks may run without a break, in ms: half a frame at 60 frames a second. */
const maxMs = 8;

let last = performance.now();
let channel: InstanceType<typeof MessageChannel> | undefined;
const waiting: (() => void)[] = [];
/** The pending macrotask, shared by all callers that wait at the same time. */
let turn: Promise<void> | undefined;

/** Lets pending macrotasks run if 8 ms have passed since they last could; undefined means there is nothing to await. */
export function letMacrotasksRun(): Promise<void> | undefined {
  const now = performance.now();
  if (now - last < maxMs) return undefined;
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
    // A browser delays nested timers by at least 4 ms; a message through a channel arrives at once.
    channel ??= new MessageChannel();
    const { port1, port2 } = channel;
    // Several callers may wait at the same time: each message wakes one.
    waiting.push(resolve);
    port1.onmessage = () => {
      waiting.shift()?.();
      if (waiting.length === 0) port1.unref?.();
    };
    port1.ref?.();
    port2.postMessage(null);
  });
}
