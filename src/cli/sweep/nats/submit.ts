// `ddpg sweep --server`: puts the runs of a sweep into a server's queue, and brings their results into the sweep's
// directory. It may be ended and started again.
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, fail, InputError, messageOf } from "../../../base/expect.ts";
import { eventFileName } from "../../../node/event-file.ts";
import { attempt, makeDirectory } from "../../../node/files.ts";
import { expectUnlockedNow } from "../../../node/lock.ts";
import { asInputErrors, connect, type ServerOptions } from "../../../node/nats/connect.ts";
import { replaceFile } from "../../../node/replace-file.ts";
import { eachMetric, files } from "../../../node/run-files.ts";
import { fromStart } from "../../../node/starting-folder.ts";
import { readResult } from "../../../node.ts";
import { findRun } from "../../run/seeds.ts";
import { exitCodes, type Signal } from "../../terminal/exit-codes.ts";
import { plusMinus, whole } from "../../terminal/numbers.ts";
import { inShell } from "../../terminal/options.ts";
import { print, printError } from "../../terminal/output.ts";
import type { Job } from "../job.ts";
import type { SweepRecord } from "../record.ts";
import { failureFile } from "../status.ts";
import { isOfThisDisk, maxBundleBytes, unpack } from "./bundle.ts";
import { type SweepJob, sharedConfig } from "./job-message.ts";
import { fetched, isEnded, type JobState } from "./job-state.ts";
import { adopt, maxReads } from "./run-job.ts";
import { SweepStore, someAtOnce } from "./store.ts";

export interface Submission {
  readonly server: ServerOptions;
  /** The name of the sweep on the server. */
  readonly name: string;
  /** What this command adds to the server's record of the sweep. */
  readonly added: SweepRecord;
  /** The runs that are not complete here, with their directories. */
  readonly jobs: readonly { readonly job: Job; readonly directory: string }[];
}

/** How a sweep on a server went. */
export interface Submitted {
  readonly failed: number;
  /** The runs whose results did not come, because of the signal. */
  readonly open: number;
  readonly signal: Signal | undefined;
}

/** How often jobs that wait are put into the queue again, in ms. It holds each once. */
const againMs = 60_000;

/** How often a run is made again whose result is missing or damaged. */
const maxRepairs = 3;

/** Submits the jobs and waits for their results, or for a signal. Prints how each ends. */
export async function submit({ server: options, name, added, jobs }: Submission): Promise<Submitted> {
  const onLine = (line: string): void => printError(`ddpg: ${line}`);
  const server = await connect(options, { name: `ddpg sweep ${name}`, where: "--server", onLine });
  const over = new AbortController();
  let signal: Signal | undefined;
  const stop = (received: Signal): void => {
    signal ??= received;
    over.abort();
    // Nothing is lost: the server has the jobs, and keeps the results.
    void server.connection.close();
  };
  const signals = Object.keys(exitCodes) as Signal[];
  for (const each of signals) process.on(each, stop);
  for (const { directory } of jobs) fs.rmSync(failureFile(directory), { force: true });
  const left = new Map(jobs.map((each) => [each.job.id, each]));
  let failed = 0;
  let timer: NodeJS.Timeout | undefined;
  const follow = async (): Promise<void> => {
    const store = await SweepStore.open(server);
    await store.addRecord(name, added);
    const message = ({ id, config }: Job): SweepJob => ({ sweep: name, job: { id, config: sharedConfig(config) } });
    /** The write from which on a state is that of the job in the queue. */
    const since = new Map<string, number>();
    const enqueue = async (job: Job): Promise<void> => {
      since.set(job.id, (await store.enqueue(message(job))).revision);
    };
    await someAtOnce(jobs, ({ job }) => enqueue(job));
    print([
      `${whole(jobs.length)} of them are at ${server.address} as ${name}; ddpg work makes them.`,
      `watch          npx ddpg watch --server ${inShell(server.address)} --sweep ${name}`,
    ]);
    const before = new Map<string, JobState>();
    // The server may have lost a message: its disk was full, or a person emptied the queue.
    const again = async (): Promise<void> => {
      await someAtOnce([...left.values()], ({ job }) => store.publishAgain(message(job))).catch((error) => {
        if (!over.signal.aborted) onLine(messageOf(error));
      });
      if (!over.signal.aborted) timer = setTimeout(() => void again(), againMs);
    };
    timer = setTimeout(() => void again(), againMs);
    const repairs = new Map<string, number>();
    while (left.size > 0 && !over.signal.aborted) {
      for await (const { id, state, revision } of store.changes(name, (each) => left.has(each), over.signal)) {
        const wanted = left.get(id);
        if (!wanted || revision < (since.get(id) ?? 0)) continue;
        tell(id, state, before.get(id));
        before.set(id, state);
        if (!isEnded(state)) continue;
        if (state.phase === "failed") {
          noteFailure(wanted.directory, state.error ?? "no reason is known");
          failed++;
        } else {
          const damage = await take(store, name, wanted.job, wanted.directory, state, over.signal);
          if (damage) {
            const count = (repairs.get(id) ?? 0) + 1;
            repairs.set(id, count);
            if (count <= maxRepairs) {
              onLine(`${id}: ${damage.message} The run is made again.`);
              await enqueue(wanted.job);
              continue;
            }
            onLine(`${id}: ${damage.message}`);
            noteFailure(wanted.directory, damage.message);
            failed++;
          }
        }
        left.delete(id);
        if (left.size === 0) break;
      }
    }
  };
  try {
    await asInputErrors(server, follow);
  } catch (error) {
    if (!signal) throw error;
  } finally {
    over.abort();
    clearTimeout(timer);
    for (const each of signals) process.off(each, stop);
    await server.close();
  }
  return { failed, open: left.size, signal };
}

/** Prints what has changed. */
function tell(id: string, state: JobState, before: JobState | undefined): void {
  const { phase, worker, error, tries, outcome, step } = state;
  if (phase === "running" && (before?.phase !== "running" || before.worker !== worker))
    print(`${id}  ${step > 0 ? `continued at step ${whole(step)}` : "started"} on ${worker}`);
  if (error !== undefined && error !== before?.error)
    printError(`ddpg: ${id}: ${error}${phase === "failed" ? "" : ` (try ${tries})`}`.split("\n"));
  if (phase === "failed") print(`${id}  failed`);
  if (phase === "complete" && outcome && before?.phase !== "complete") {
    const { meanReturn, standardError, fingerprint } = outcome;
    print(`${id}  ${meanReturn === null ? "–" : plusMinus(meanReturn, standardError ?? Number.NaN)}  ${fingerprint}`);
  }
}

/**
 * Takes a result from the server into the directory of its run. It is removed from the server when it is on the disk. Returns
 * what is wrong with one that is missing or damaged: then the server has none any more.
 */
async function take(
  store: SweepStore,
  name: string,
  job: Job,
  directory: string,
  state: JobState,
  signal: AbortSignal,
): Promise<InputError | undefined> {
  const where = `${store.server.address} result of ${job.id}`;
  const temporary = `${directory}.${randomUUID().slice(0, 8)}.unfinished`;
  const folder = fromStart(temporary);
  let damage: InputError | undefined;
  try {
    for (let reads = 1; reads <= maxReads; reads++) {
      try {
        const object = await store.get(name, job.id, "result", maxBundleBytes, signal);
        if (!object) fail(where, "a result", "none: another command has taken it");
        await unpack(object.pieces, { directory: folder, id: job.id, size: object.size, where });
        InputError.within(where, () => check(temporary, folder, job, state));
        damage = undefined;
        break;
      } catch (error) {
        // What this machine lacks, such as room, is not made better by another run.
        if (!(error instanceof InputError) || isOfThisDisk(error) || signal.aborted) throw error;
        damage = error;
        fs.rmSync(folder, { recursive: true, force: true });
      }
    }
    if (!damage) install(folder, directory);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const found = await store.read(name, job.id);
  if (found?.state.hasResult) await store.write(name, job.id, fetched(found.state), found.revision);
  await store.remove(name, job.id, "result");
  return damage;
}

/** Throws an InputError unless the files are those of the job, whole and readable. */
function check(directory: string, folder: string, job: Job, state: JobState): void {
  adopt(folder, job.config);
  const found = findRun(directory, job.config, undefined);
  expect(found === "result", files.result, "that of a finished run", found);
  const { fingerprint } = readResult(folder);
  expect(fingerprint === state.outcome?.fingerprint, "fingerprint", `${state.outcome?.fingerprint}`, fingerprint);
  for (const _ of eachMetric(folder));
}

/** Notes beside a run's directory why its job was set aside. */
function noteFailure(directory: string, error: string): void {
  attempt(directory, "a directory that can be written", () => {
    makeDirectory(path.dirname(fromStart(directory)));
    replaceFile(failureFile(directory), [Buffer.from(`${error}\n`)]);
  });
}

/** Moves the files into the directory of the run, the result last. What an unfinished run left there is replaced. */
function install(folder: string, directory: string): void {
  const target = fromStart(directory);
  expectUnlockedNow(directory);
  attempt(`run directory ${directory}`, "a directory that can be written", () => {
    makeDirectory(target);
    const names = fs.readdirSync(folder).sort((a, b) => Number(a === files.result) - Number(b === files.result));
    for (const name of fs.readdirSync(target)) if (eventFileName.test(name)) fs.rmSync(path.join(target, name));
    for (const name of names) fs.renameSync(path.join(folder, name), path.join(target, name));
    fs.rmSync(path.join(target, files.checkpoint), { force: true });
    fs.rmSync(failureFile(directory), { force: true });
  });
}
