// Environments of one's own may go wrong where no call into them is waiting: in a timer, in a promise that nobody
// awaits, in one that never settles. What is guarded here ends then too, with an error that says so.
import { setTimeout as delay } from "node:timers/promises";
import { InputError, messageOf } from "../../base/expect.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";

/** How long the closing of an environment may take after an error, in ms. */
const graceMs = 500;

/** `work`, which calls environments; `where` says what it is at. One at a time. */
export async function guarded<T>(where: () => string, work: () => T | Promise<T>): Promise<T> {
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const onError = (error: unknown): void => {
    // What was wrong with the program's own surroundings says so itself.
    if (error instanceof InputError) fail(error);
    else fail(new EnvironmentError(`${where()}, outside of its methods: ${messageOf(error)}`, { cause: error }));
  };
  const onDry = (): void => {
    const got = "a promise that never settles";
    fail(
      new EnvironmentError(`${where()}: expected an answer from the environment, got ${got}. Resolve or reject it.`),
    );
  };
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

/** `work` with environments that are closed after it. An error of `work` comes before what closing throws. */
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

/** Closes all of them; the first error is thrown. */
async function close(name: string, environments: readonly Environment[]): Promise<void> {
  const where = `${name} close`;
  await guarded(
    () => where,
    async () => {
      const ends = await Promise.allSettled(
        Array.from(new Set(environments), async (environment) => environment.close?.()),
      );
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw new EnvironmentError(`${where}: ${messageOf(failed.reason)}`, { cause: failed.reason });
    },
  );
}
