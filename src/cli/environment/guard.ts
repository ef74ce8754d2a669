// Custom environments may fail where no call to them is waiting: in a timer, in a promise that is never awaited, in one
// that never settles. Guarded work ends in these cases too, with an error that explains it. An environment may even end
// the process: then the program explains that, and saves what it can, before it is gone.
import { setTimeout as delay } from "node:timers/promises";
import { InputError } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError, isKind, whatWas } from "../../environment/environment-calls.ts";
import { report } from "../terminal/errors.ts";
import type { UnplannedExit } from "../terminal/exit.ts";

/** How long closing an environment may take after an error, in ms. */
const graceMs = 500;

/** What the environments do, or did last; undefined before the first is loaded. */
let lastPlace: (() => string) | undefined;

/** Saves what can be saved without waiting when an environment ends the process. Returns the error to report. */
type Rescue = (error: EnvironmentError) => unknown;
let rescue: Rescue = (error) => error;

/** Lets `rescuer` save what it can if an environment ends the process, until the returned function is called. */
export function rescuing(rescuer: Rescue): () => void {
  const before = rescue;
  rescue = rescuer;
  return () => {
    rescue = before;
  };
}

/**
 * Explains on the standard error why the process ends now, although the program did not end it, and returns the exit
 * code.
 */
export function explainExit(how: UnplannedExit, verbose: boolean): number {
  if (!lastPlace) {
    report(new Error(`the process ended too early: ${how}`), verbose);
    return 1;
  }
  const problem = how === "dry" ? neverSettles : `the environment ended the process with exit code ${how}. ${exitHint}`;
  report(rescue(new EnvironmentError(`${lastPlace()}: ${problem}`)), verbose);
  return 1;
}

const exitHint = "Throw an error instead of calling process.exit.";

const neverSettles = "expected an answer from the environment, got a promise that never settles. Resolve or reject it.";

/** Runs `work`, which calls environments. `where` describes the current activity in errors. Only one at a time. */
export async function guarded<T>(where: () => string, work: () => T | Promise<T>): Promise<T> {
  lastPlace = where;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const onError = (error: unknown): void => {
    // An InputError, such as one about a file, explains itself.
    if (isKind(error, InputError)) fail(error);
    else fail(new EnvironmentError(`${where()}, outside of its methods: ${whatWas(error)}`, { cause: error }));
  };
  const onDry = (): void => fail(new EnvironmentError(`${where()}: ${neverSettles}`));
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  process.on("beforeExit", onDry);
  try {
    return await Promise.race([work(), failed]);
  } finally {
    process.off("uncaughtException", onError);
    process.off("unhandledRejection", onError);
    process.off("beforeExit", onDry);
  }
}

/** Runs `work` and closes its environments afterwards. An error of `work` takes precedence over one of closing. */
export async function closing<T>(
  name: string,
  environments: readonly Environment[],
  work: () => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await Promise.race([close(name, environments).catch(() => {}), delay(graceMs)]);
    throw error;
  }
  await close(name, environments);
  return result;
}

/** Closes all of them. Throws the first error. */
async function close(name: string, environments: readonly Environment[]): Promise<void> {
  const where = `${name} close`;
  await guarded(
    () => where,
    async () => {
      const ends = await Promise.allSettled(
        Array.from(new Set(environments), async (environment) => environment.close?.()),
      );
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw new EnvironmentError(`${where}: ${whatWas(failed.reason)}`, { cause: failed.reason });
    },
  );
}
