// Awaiting values never turns the event loop: while only microtasks run, no timer fires, no message arrives and nothing
// is drawn. So whoever works for long lets a macrotask through now and then.
interface Port {
  postMessage(message: unknown): void;
  onmessage: (() => void) | null;
}
declare const performance: { now(): number };
declare const setImmediate: ((callback: () => void) => void) | undefined;
declare const MessageChannel: new () => { port1: Port; port2: Port };

/** How long microtasks may run without a break, in ms: half a frame at 60 a second. */
const longestMs = 8;

let last = performance.now();
let channel: InstanceType<typeof MessageChannel> | undefined;

/** Lets waiting macrotasks run if none could for 8 ms. */
export function letMacrotasksRun(): Promise<void> | undefined {
  const now = performance.now();
  if (now - last < longestMs) return undefined;
  return macrotask().then(() => {
    last = performance.now();
  });
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // A timer would wait 4 ms in a page; a message to oneself does not.
    channel ??= new MessageChannel();
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
}
