import { Threads } from "../kernels/wasm/threads.ts";
import { startHelper } from "./threads.ts";

/**
 * Threads for tests that want these and no fewer. Those of `nodeThreads` give a helper a second to answer, and then go on
 * with one thread: on a machine under load that happens. Calls of at least `threshold` multiplications are split.
 */
export function patientThreads(count: number, threshold = 1): Threads {
  return new Threads(count, startHelper, { threshold, answerMs: 30_000, lostMs: 30_000 });
}
