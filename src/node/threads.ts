import { Worker } from "node:worker_threads";
import { type StartHelper, Threads } from "../kernels/wasm/threads.ts";

const all = new Map<number, Threads>();

/**
 * So many threads, the calling one among them, for `Ddpg.create`; they do not keep the program from ending. The same
 * number gives the same threads. Throws an InputError unless it is a whole number from 1 to 64.
 */
export function nodeThreads(count: number): Threads {
  const threads = all.get(count) ?? new Threads(count, startHelper);
  all.set(count, threads);
  return threads;
}

/** For `Threads`: a worker with the program of helper.ts. */
export const startHelper: StartHelper = (onAnswer, onEnd) => {
  // Without the flags of the program: some, such as --input-type, a worker refuses.
  const worker = new Worker(new URL("./helper.js", import.meta.url), { execArgv: [] });
  worker.on("message", onAnswer).on("error", onEnd).on("exit", onEnd);
  worker.unref();
  return worker;
};
