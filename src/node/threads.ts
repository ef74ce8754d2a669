import { Worker } from "node:worker_threads";
import { type StartHelper, Threads } from "../kernels/wasm/threads.ts";

const all = new Map<number, Threads>();

/**
 * `count` threads, including the calling one, for the `threads` option of `Ddpg.create` and `Ddpg.load`. They do not
 * keep the process alive. The same count returns the same threads. Throws an InputError unless `count` is an integer
 * from 1 to 64.
 */
export function nodeThreads(count: number): Threads {
  const threads = all.get(count) ?? new Threads(count, startHelper);
  all.set(count, threads);
  return threads;
}

/** Starts a helper for `Threads`: a worker that runs helper.ts. */
export const startHelper: StartHelper = (onAnswer, onEnd) => {
  // Do not pass on the process's flags: a worker rejects some of them, such as --input-type.
  const worker = new Worker(new URL("./helper.js", import.meta.url), { execArgv: [] });
  worker.on("message", onAnswer).on("error", onEnd).on("exit", onEnd);
  worker.unref();
  return worker;
};
