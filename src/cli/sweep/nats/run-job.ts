// One job on a worker: its run is a child process, whose checkpoints are sent to the server. If the job is given to another
// worker meanwhile, the child is stopped and nothing of it is kept.
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JsMsg } from "@nats-io/jetstream";
import { InputError, messageOf } from "../../../base/expect.ts";
import { readCheckpointStep } from "../../../node/checkpoint-parts.ts";
import { refusal } from "../../../node/files.ts";
import { isLocked } from "../../../node/lock.ts";
import { RunCurve } from "../../../node/run-curve.ts";
import { files, writeJson } from "../../../node/run-files.ts";
import { fromStart } from "../../../node/starting-folder.ts";
import { type RunConfig, type RunResult, readConfig } from "../../../node.ts";
import { environmentEntries } from "../../environment/environments.ts";
import { type ChildEnd, runChildren } from "../../run/children.ts";
import { type ChildRun, findRun, resumeArguments, settle } from "../../run/seeds.ts";
import type { Signal } from "../../terminal/exit-codes.ts";
import { plusMinus, whole } from "../../terminal/numbers.ts";
import { print, printError, printWarning } from "../../terminal/output.ts";
import { trainArguments } from "../job.ts";
import { statusOf } from "../status.ts";
import type { AllowedEnvironment } from "./allowed.ts";
import { bundleOf, checkpointFiles, maxBundleBytes, resultFiles, unpack } from "./bundle.ts";
import type { SweepJob } from "./job-message.ts";
import {
  checkpointed,
  completed,
  type Evaluations,
  failedOnce,
  isEnded,
  keptPoints,
  maxTries,
  progressed,
  released,
} from "./job-state.ts";
import { Lease } from "./lease.ts";
import type { SweepStore } from "./store.ts";

export interface Worker {
  readonly store: SweepStore;
  /** What others see: the machine's name and the process. */
  readonly name: string;
  /** Where the runs at work are. */
  readonly out: string;
  /** Aborted when the worker ends: no run is started any more. */
  readonly leaving: AbortSignal;
  /** How long a worker may give no sign of life now. */
  lostAfterMs(): Promise<number>;
  /** Gets the jobs that failed here. */
  noteFailure(job: SweepJob): void;
  /** Options of all children, as arguments. */
  childArguments(environment: AllowedEnvironment): string[];
}

/** How often a new checkpoint is looked for, in ms. */
const pollMs = 500;

/** Sending checkpoints takes at most this share of the time. */
const shareOfTime = 0.2;

/** After which a job is offered again that could not be stored, in ms. */
const refusedMs = 5000;

/** How long a worker that ends waits for a server that takes nothing, in ms. */
const leaveMs = 10_000;

/**
 * Runs a job to its end, or until a signal. Returns the signal. The message is acknowledged only when the state says that
 * the job has ended, which only the worker with the lease can write: a late one does no harm.
 */
export async function runJob(
  worker: Worker,
  message: JsMsg,
  sweepJob: SweepJob,
  environment: AllowedEnvironment,
): Promise<Signal | undefined> {
  const { store, name, leaving } = worker;
  const { job, sweep } = sweepJob;
  let lostAfterMs = await worker.lostAfterMs();
  const lease = await Lease.claim(store, sweepJob, name);
  if (!(lease instanceof Lease)) {
    if (lease.phase === "failed") printError(`ddpg: ${job.id}: set aside: ${lease.error}`);
    // What a worker sent late that had lost the job.
    else await store.remove(sweep, job.id, "checkpoint");
    message.ack();
    return undefined;
  }
  const directory = path.join(worker.out, `${leftoverName(sweepJob)}${lease.id.slice(0, 8)}`);
  const sent = new Checkpoints(store, sweepJob, directory, lease);
  const curve = new RunCurve(fromStart(directory), keptPoints);
  const lost = new AbortController();
  let isBeating = false;
  const report = async (): Promise<void> => {
    message.working();
    // A server that does not answer gets one question.
    if (isBeating) return;
    isBeating = true;
    try {
      const { step } = statusOf(directory);
      const evaluations = evaluationsOf(curve);
      if (!(await lease.update((state) => progressed(state, step, evaluations)))) lost.abort();
      // Another worker may have changed it.
      lostAfterMs = await worker.lostAfterMs();
    } finally {
      isBeating = false;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const beat = (): void => {
    void report().catch(complain(job.id));
    timer = setTimeout(beat, lostAfterMs / 3);
  };
  timer = setTimeout(beat, lostAfterMs / 3);
  let isKept = false;
  let sending: { end(): Promise<void> } | undefined;
  try {
    const entries = environmentEntries(fromStart(directory), environment.loaded);
    const wanted: RunConfig = { ...job.config, ...entries };
    // The last try does without the checkpoint: it may be why the others failed.
    const isLastTry = lease.state.tries > 0 && lease.state.tries === maxTries - 1;
    const isUsable = lease.state.checkpoint > 0 && !isLastTry;
    const found = isUsable && (await restore(worker, sweepJob, directory, wanted));
    const own = worker.childArguments(environment);
    const named = environment.loaded.task ? undefined : environment.nameOrPath;
    const args = found
      ? resumeArguments(own, directory, false, named)
      : [...trainArguments(job, environment.nameOrPath, directory), ...own, "--as-child"];
    const run: ChildRun = { label: job.id, args, seed: job.config.seed, directory };
    let why = "";
    sending = sent.sendUntil(lost);
    const children = {
      jobs: 1,
      progress: false,
      until: lost.signal,
      onStart: () => print(`${job.id}  ${found ? `resumed at step ${whole(lease.state.checkpoint)}` : "started"}`),
      onWarning: (_: ChildRun, warning: string) => printWarning(`${job.id}: ${warning}`),
      onEnd: (each: ChildRun, end: ChildEnd) => {
        why = settle(each, end);
      },
    };
    // A signal that came before would not stop the child.
    const signal = leaving.aborted ? undefined : await runChildren([run], children);
    const hasEnded = run.end === "complete" || run.end === "failed";
    if (hasEnded) await sending.end();
    if (lost.signal.aborted || lease.isLost) {
      print(`${job.id}  left: another worker has it`);
    } else if (run.end === "complete" && run.result) {
      isKept = true;
      if (await finish(worker, sweepJob, lease, directory, run.result, evaluationsOf(curve))) message.ack();
      isKept = false;
    } else if (run.end === "failed") {
      worker.noteFailure(sweepJob);
      const tries = await fail(job.id, lease, why);
      if (tries === "set aside") message.ack();
      else if (tries === "another try") message.nak(1000);
    } else {
      // Stopped: the next worker continues from here.
      const handBack = async (): Promise<boolean> => {
        await sending?.end();
        await sent.send().catch(complain(job.id));
        return lease.update(released);
      };
      const isReleased = await whileMoving(handBack(), () => sent.lastMove, leaveMs);
      if (isReleased) message.nak();
      print(`${job.id}  ${howLeft(isReleased, lease, lostAfterMs)}`);
    }
    return signal;
  } catch (error) {
    // A server that refuses to store something is not the fault of the job.
    if (store.server.connection.isClosed()) throw error;
    complain(job.id)(error);
    isKept = false;
    // Otherwise another worker has it, and the message is that one's.
    if (await lease.update(released).catch(() => false)) message.nak(refusedMs);
    return undefined;
  } finally {
    clearTimeout(timer);
    void sending?.end();
    if (isKept) printError(`ddpg: ${job.id}: its result is kept in ${directory}`);
    else fs.rmSync(fromStart(directory), { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What those who watch the sweep see of a run's records. Undefined if they cannot be read now. */
function evaluationsOf(curve: RunCurve): Evaluations | undefined {
  try {
    curve.read(Number.POSITIVE_INFINITY);
  } catch (error) {
    // Nothing depends on it, and the run itself says what is wrong with its files.
    if (refusal(error) !== undefined) return undefined;
    throw error;
  }
  const round = (value: number): number => Number(value.toPrecision(6));
  const { last, best, seconds, points } = curve;
  return {
    points: points.map(([step, meanReturn]) => [step, round(meanReturn)]),
    last: last === null ? null : round(last),
    best: best === null ? null : round(best),
    seconds: seconds === null ? null : round(seconds),
  };
}

/** Waits for something as long as it gets on. Returns undefined if `lastMove` is too long ago. */
export async function whileMoving<T>(
  work: Promise<T>,
  lastMove: () => number,
  limitMs: number,
): Promise<T | undefined> {
  const started = performance.now();
  const isOver = new AbortController();
  const watched = work.finally(() => isOver.abort());
  const limit = async (): Promise<T | undefined> => {
    for (;;) {
      if (isOver.signal.aborted) return watched;
      const left = Math.max(started, lastMove()) + limitMs - performance.now();
      if (left <= 0) return undefined;
      await delay(left, undefined, { signal: isOver.signal }).catch(() => {});
    }
  };
  // It may fail after it was given up.
  watched.catch(() => {});
  return Promise.race([watched, limit()]);
}

function howLeft(isReleased: boolean | undefined, lease: Lease, lostAfterMs: number): string {
  if (isReleased) return `handed back at step ${whole(lease.state.checkpoint)}`;
  if (isReleased === false) return "left: another worker has it";
  return `left: the server does not answer; others get it ${lostAfterMs / 1000} s after it does`;
}

function complain(id: string): (error: unknown) => void {
  return (error) => printError(`ddpg: ${id}: ${messageOf(error)}`);
}

/** Sends the checkpoints that a run writes. */
class Checkpoints {
  readonly #store: SweepStore;
  readonly #job: SweepJob;
  readonly #directory: string;
  readonly #lease: Lease;
  #sent = "";
  #lastMove = 0;

  constructor(store: SweepStore, job: SweepJob, directory: string, lease: Lease) {
    this.#store = store;
    this.#job = job;
    this.#directory = directory;
    this.#lease = lease;
  }

  /** When the server took something last, on the clock of `performance`. */
  get lastMove(): number {
    return this.#lastMove;
  }

  /** Sends each new checkpoint until `end` is called. Aborts `lost` if another worker has the job. */
  sendUntil(lost: AbortController): { end(): Promise<void> } {
    const over = new AbortController();
    const loop = async (): Promise<void> => {
      this.#sent = this.#look() ?? "";
      let pause = pollMs;
      for (;;) {
        await delay(pause, undefined, { signal: over.signal }).catch(() => {});
        if (over.signal.aborted) return;
        const started = performance.now();
        try {
          await this.send();
        } catch (error) {
          complain(this.#job.job.id)(error);
        }
        if (this.#lease.isLost) lost.abort();
        pause = Math.max(pollMs, (performance.now() - started) * (1 / shareOfTime - 1));
      }
    };
    const ended = loop();
    return {
      end: () => {
        over.abort();
        return ended;
      },
    };
  }

  /** Sends the checkpoint, if there is one that was not sent. */
  async send(): Promise<void> {
    const found = this.#look();
    if (found === undefined || found === this.#sent) return;
    const { sweep, job } = this.#job;
    const directory = fromStart(this.#directory);
    const step = readCheckpointStep(directory);
    if (step === undefined) return;
    const isStored = await this.#store.put(sweep, job.id, "checkpoint", async () => {
      // A worker that has lost the job must not write over what the other one sends.
      if (!(await this.#lease.update((state) => state))) return undefined;
      return this.#noting(bundleOf(directory, checkpointFiles, job.id));
    });
    if (!isStored) return;
    this.#sent = found;
    if (await this.#lease.update((state) => checkpointed(state, step))) return;
    // The job was lost meanwhile. If it is complete, nothing else removes what was sent.
    const now = await this.#store.read(sweep, job.id);
    if (now?.state.phase === "complete") await this.#store.remove(sweep, job.id, "checkpoint");
  }

  /** Notes when each piece is asked for: then the server has taken those before. */
  async *#noting(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      this.#lastMove = performance.now();
      yield piece;
    }
  }

  /** What tells one checkpoint from the next. */
  #look(): string | undefined {
    const file = path.join(fromStart(this.#directory), files.checkpoint);
    const status = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
    return status && `${status.ino} ${status.mtimeNs} ${status.size}`;
  }
}

/** How often files on a server are read before they count as damaged: another worker may have replaced it meanwhile. */
export const maxReads = 3;

/**
 * Brings back the last checkpoint. Returns whether it can be resumed from. If not, the run starts again, with the same
 * results.
 */
export async function restore(
  { store, leaving }: Pick<Worker, "store" | "leaving">,
  { sweep, job }: SweepJob,
  directory: string,
  wanted: RunConfig,
): Promise<boolean> {
  const folder = fromStart(directory);
  for (let reads = 1; !leaving.aborted; reads++) {
    try {
      const object = await store.get(sweep, job.id, "checkpoint", maxBundleBytes, leaving);
      if (!object) return false;
      const where = `${store.server.address} checkpoint of ${job.id}`;
      await unpack(object.pieces, { directory: folder, id: job.id, size: object.size, where });
      adopt(folder, wanted);
      if (findRun(directory, wanted, undefined) === "checkpoint") return true;
      reads = maxReads;
    } catch (error) {
      if (store.server.connection.isClosed()) throw error;
      if (reads >= maxReads && !leaving.aborted)
        printWarning(`${job.id}: its checkpoint is not used, and it starts again: ${messageOf(error)}`);
    }
    fs.rmSync(folder, { recursive: true, force: true });
    if (reads >= maxReads) return false;
  }
  return false;
}

/** Makes a run that was made elsewhere one of this machine: its module has another path here. */
export function adopt(directory: string, wanted: RunConfig): void {
  const { environment, environmentModule, environmentSha256, environmentOptions, ...rest } = readConfig(directory);
  const own = {
    environment,
    ...(wanted.environmentModule !== undefined && { environmentModule: wanted.environmentModule }),
    ...(environmentSha256 !== undefined && { environmentSha256 }),
    ...(wanted.environmentOptions !== undefined && { environmentOptions: wanted.environmentOptions }),
  };
  writeJson(path.join(directory, files.config), { ...own, ...rest });
}

/** Sends the result. Returns whether the job has ended with it. */
async function finish(
  { store, out }: Worker,
  { sweep, job }: SweepJob,
  lease: Lease,
  directory: string,
  result: RunResult,
  evaluations: Evaluations | undefined,
): Promise<boolean> {
  const { fingerprint, evaluation, steps } = result;
  const finite = (value: number | null | undefined): number | null =>
    Number.isFinite(value) ? (value as number) : null;
  const outcome = {
    meanReturn: finite(evaluation?.meanReturn),
    standardError: finite(evaluation?.standardError),
    fingerprint,
  };
  const folder = fromStart(directory);
  const isStored = await store.put(sweep, job.id, "result", async () => {
    if (!(await lease.update((state) => progressed(state, steps, evaluations)))) return undefined;
    return bundleOf(folder, resultFiles(folder), job.id);
  });
  if (!isStored) return false;
  if (!(await lease.update((state) => completed(state, steps, outcome)))) return false;
  if (evaluation) print(`${job.id}  ${plusMinus(evaluation.meanReturn, evaluation.standardError)}  ${fingerprint}`);
  await store.remove(sweep, job.id, "checkpoint");
  removeLeftovers(out, { sweep, job });
  return true;
}

/** Notes a failure. Undefined if another worker has the job. */
async function fail(id: string, lease: Lease, why: string): Promise<"another try" | "set aside" | undefined> {
  printError(`ddpg: ${id}: ${why}`.split("\n"));
  if (!(await lease.update((state) => failedOnce(state, why)))) return undefined;
  if (!isEnded(lease.state)) return "another try";
  print(`${id}  set aside after ${maxTries} tries`);
  return "set aside";
}

/** What the directories of a job begin with. The rest is a part of a lease. */
function leftoverName({ sweep, job }: SweepJob): string {
  return `${sweep}-${job.id}-`;
}

/** Removes what workers left that were killed while they had the same job. */
export function removeLeftovers(out: string, job: SweepJob): void {
  const folder = fromStart(out);
  const start = leftoverName(job);
  for (const name of fs.readdirSync(folder)) {
    const directory = path.join(folder, name);
    try {
      const isOfJob = name.startsWith(start) && /^[0-9a-f]{8}$/.test(name.slice(start.length));
      if (isOfJob && !isLocked(directory)) fs.rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
}
