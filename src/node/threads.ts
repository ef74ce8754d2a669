import { Worker } from "node:worker_threads";
import { type StartHelper, Threads } from "../kernels/wasm/threads.ts";

const all = new Map<number, Threads>();

/**
 * `count` threads, including the calling one, for the `threads` option of `Ddpg.create` and `Ddpg.load`. They do not keep
 * the program from ending. The same count returns the same threads. Throws an InputError unless it is a whole number from
 * 1 to 64.
 */
export function nodeThreads(count: number): Threads {
  const threads = all.get(count) ?? new Threads(count, startHelper);
  all.set(count, threads);
  return threads;
}

/** Starts a helper for `Threads`: a worker that runs helper.ts. */
export const startHelper: StartHelper = (onAnswer, onEnd) => {
  // Without the program's flags: a worker refuses some of them, such as --input-type.
  const worker = new Worker(new URL("./helper.js", import.meta.url), { execArgv: [] });
  worker.on("message", onAnswer).on("error", onEnd).on("exit", onEnd);
  worker.unref();
  return worker;
};
