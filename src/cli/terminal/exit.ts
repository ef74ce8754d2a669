// The program ends the process in a few places, and each says so first. Every other end was not ours: the code of an
// environment runs in this process, and it can call process.exit as well.

let planned: NodeJS.Process["exitCode"] | null = null;
/** Whether Node ends the process because of an error that nothing caught. Node prints it. */
let hasCrashed = false;
/** Whether nothing was left to wait for. */
let hasRunDry = false;

/** Call this before an end of the process that waits for something. The exit code can then no longer change. */
export function planExit(code: NodeJS.Process["exitCode"]): void {
  planned ??= code ?? 0;
}

/** Ends the process. */
export function exit(code: NodeJS.Process["exitCode"] = process.exitCode): never {
  planExit(code);
  process.exit();
}

/** How the process ended, if it was not planned: by a call with an exit code, or because there was nothing to wait for. */
export type UnplannedExit = number | "dry";

/**
 * Calls `explain` when the process ends without a plan. It returns the exit code. It can only do what needs no waiting.
 */
export function onUnplannedExit(explain: (how: UnplannedExit) => number): void {
  process.on("uncaughtExceptionMonitor", () => {
    if (process.listenerCount("uncaughtException") === 0) hasCrashed = true;
  });
  process.on("beforeExit", () => {
    hasRunDry = true;
  });
  process.on("exit", (code) => {
    // A second call would end the process here, with its own code, before anything is saved.
    process.exit = () => {
      throw new Error("The process is already ending.");
    };
    if (planned === null && !hasCrashed) planned = explain(hasRunDry ? "dry" : code);
    if (planned !== null) process.exitCode = planned;
  });
}
