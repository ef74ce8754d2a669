import { type StartHelper, Threads } from "./threads.ts";

// What a browser's worker has, but no library of types that the pure floors may use.
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
 * So many threads, the calling one among them, for `Ddpg.create` in a worker of a cross-origin isolated page. Anywhere
 * else it is that one alone, without an error: a page's main thread may not wait, and only isolated pages share memory.
 * The same number gives the same threads. Throws an InputError unless it is a whole number from 1 to 64.
 */
export function webThreads(count: number): Threads {
  const isIsolatedWorker =
    typeof WorkerGlobalScope !== "undefined" && typeof crossOriginIsolated !== "undefined" && crossOriginIsolated;
  const threads = all.get(count) ?? new Threads(count, isIsolatedWorker ? startHelper : undefined);
  all.set(count, threads);
  return threads;
}

/** For `Threads`: a worker with the program of web-helper.ts. */
export const startHelper: StartHelper = (onAnswer, onEnd) => {
  // Bundlers know this form, and only this.
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
