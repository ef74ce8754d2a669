import { type StartHelper, Threads } from "./threads.ts";

// A browser's worker has these, but no type library that the pure floors may use declares them.
declare const crossOriginIsolated: boolean | undefined;
declare const WorkerGlobalScope: unknown;
declare const URL: new (path: string, base: string) => object;
declare const Worker: new (
  url: object,
  options: { type: "module" },
) => {
  postMessage(message: object): void;
  terminate(): void;
  onmessage: (event: { readonly data: number }) => void;
  onerror: (event: { preventDefault(): void }) => void;
};

const all = new Map<number, Threads>();

/**
 * `count` threads, including the calling one, for `Ddpg.create` in a worker of a cross-origin isolated page. Anywhere
 * else there is only the calling one, without an error: a page's main thread may not wait, and only isolated pages share
 * memory. The same count returns the same threads. Throws an InputError unless it is a whole number from 1 to 64.
 */
export function webThreads(count: number): Threads {
  const isIsolatedWorker =
    typeof WorkerGlobalScope !== "undefined" && typeof crossOriginIsolated !== "undefined" && crossOriginIsolated;
  const threads = all.get(count) ?? new Threads(count, isIsolatedWorker ? startHelper : undefined);
  all.set(count, threads);
  return threads;
}

/** Starts a helper for `Threads`: a worker that runs web-helper.ts. */
export const startHelper: StartHelper = (onAnswer, onEnd) => {
  // Bundlers recognize only this form.
  const worker = new Worker(new URL("./web-helper.js", (import.meta as unknown as { url: string }).url), {
    type: "module",
  });
  worker.onmessage = ({ data }) => onAnswer(data);
  worker.onerror = (event) => {
    event.preventDefault();
    onEnd();
  };
  return worker;
};
