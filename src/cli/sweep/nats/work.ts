// `ddpg work`: takes jobs of sweeps from a server and makes their runs.
import * as os from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { JsMsg } from "@nats-io/jetstream";
import { type Command, Option } from "commander";
import { expect, InputError, messageOf } from "../../../base/expect.ts";
import { attempt, makeDirectory } from "../../../node/files.ts";
import { connect } from "../../../node/nats/connect.ts";
import type { OutsideOptions } from "../../../node/outside/options.ts";
import { fromStart } from "../../../node/starting-folder.ts";
import { parseCheckpointPlan } from "../../run/checkpoints.ts";
import { backendFor, type ComputeFlags, computeOptions, explanations } from "../../run/compute.ts";
import { runOptions } from "../../run/run-options.ts";
import { childOptions } from "../../run/seeds.ts";
import { exit } from "../../terminal/exit.ts";
import { exitCodes, type Signal } from "../../terminal/exit-codes.ts";
import { count } from "../../terminal/numbers.ts";
import { milliseconds, someNumber, wholeNumber } from "../../terminal/options.ts";
import { print, printError, printWarning } from "../../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions, outsideArguments } from "../../terminal/outside-options.ts";
import { addServerOptions, chosenServer, type ServerFlags, serverHelp } from "../../terminal/server-options.ts";
import {
  type Allowed,
  type AllowedEnvironment,
  environmentOfJob,
  loadAllowed,
  parseAllow,
  refusalOf,
  Tried,
} from "./allowed.ts";
import { decodeJob, isNoJob, jobSubject, type SweepJob } from "./job-message.ts";
import { maxTries } from "./job-state.ts";
import { runJob, type Worker } from "./run-job.ts";
import { defaultLostAfterMs, SweepStore } from "./store.ts";

interface WorkFlags extends Omit<ComputeFlags, "arithmetic">, OutsideOptions, ServerFlags {
  server: string;
  allow?: [string, string][];
  jobs?: number;
  out: string;
  idle?: number;
  lostAfter?: number;
  checkpointEvery?: string;
  stepTimeout?: number;
}

/** After which a job is offered again that this worker leaves to others, in ms. */
const notOursMs = 5000;

/** With a shorter time, a worker that is busy for a moment would lose its jobs. */
const minLostAfterS = 1;

export function addWorkCommand(program: Command): void {
  const command = program
    .command("work")
    .summary("make runs of sweeps that a server has")
    .description(
      "Takes jobs of ddpg sweep --server from a NATS server and makes their runs, on any number of machines. A run whose " +
        "worker ends is continued by another from its last checkpoint, with the same results.",
    )
    .requiredOption("--server <address>", "the NATS server, such as nats://host:4222")
    .option("--jobs <n>", "how many runs at the same time [the machine's cores]", wholeNumber("--jobs", 1))
    .option(
      "--allow <name=environment>",
      "also take jobs with this environment of your own: a module or an address; may be repeated",
      parseAllow,
    )
    .option("--out <dir>", "directory for the runs at work; each is removed when the server has it", "work")
    .option("--idle <s>", "end after this many seconds without a job [never]", someNumber("--idle", "a number above 0"))
    .option(
      "--lost-after <s>",
      `for all workers of this server: seconds without a sign of life after which another worker gets a job, and for which a worker leaves a job that failed on it to others [${defaultLostAfterMs / 1000}]`,
      (text) => {
        const value = someNumber("--lost-after", "a number above 0")(text);
        expect(value >= minLostAfterS, "--lost-after", `at least ${minLostAfterS} s`, text);
        return value;
      },
    )
    .addOption(
      // The children get the text.
      new Option("--checkpoint-every <time>", "as of ddpg train; each checkpoint is also sent to the server").argParser(
        (text) => {
          parseCheckpointPlan(text);
          return text;
        },
      ),
    )
    .addOption(runOptions.stepTimeout())
    .addOption(computeOptions.backend())
    .addOption(computeOptions.simd())
    .addOption(computeOptions.threads());
  addServerOptions(command);
  addOutsideOptions(command);
  command
    .addHelpText(
      "after",
      `
A job names an environment of this worker's list, which has those of the package and those of --allow. A job never says
which program, module, interpreter, host or path to use. Ctrl-C hands each job back with a checkpoint.

${serverHelp}

Examples:
  ddpg work --server nats://host:4222
  ddpg work --server tls://host:4222 --credentials worker.creds --jobs 4 --allow cart=./cart.js`,
    )
    .action((flags: WorkFlags) => work(flags, program.opts().verbose === true));
}

async function work(flags: WorkFlags, verbose: boolean): Promise<void> {
  const { lostAfter, out } = flags;
  const jobs = flags.jobs ?? os.availableParallelism();
  const context = { stepTimeout: milliseconds(flags.stepTimeout), onLine: printError };
  const allowed = await loadAllowed(flags.allow ?? [], chosenOutsideOptions(flags), context);
  const { arithmetic, notFused } = await backendFor(flags, explanations(verbose, false));
  if (notFused !== undefined) printWarning(`jobs with the fused arithmetic are left to others: ${notFused}`);
  attempt(out, "a directory that can be written", () => makeDirectory(fromStart(out)), "Choose another with --out.");
  const name = `${os.hostname()} ${process.pid}`;
  const onLine = (line: string): void => printError(`ddpg: ${line}`);
  const server = await connect(chosenServer(flags.server, flags), {
    name: `ddpg work ${name}`,
    where: "--server",
    onLine,
  });
  const store = await SweepStore.open(server);
  const queue = await store.jobs(milliseconds(lostAfter));
  const leaving = new AbortController();
  /** When each job failed here, by its subject. */
  const failedHere = new Map<string, number>();
  const worker: Worker = {
    ...{ store, name, out, leaving: leaving.signal, lostAfterMs: () => queue.lostAfterMs() },
    noteFailure: ({ sweep, job: { id } }) => failedHere.set(jobSubject(sweep, id), performance.now()),
    childArguments: (environment) => childArguments(flags, environment),
  };
  print(`Takes jobs from ${server.address}, ${count(jobs, "run")} at a time. Ctrl-C hands them back.`);

  let stopped: Signal | undefined;
  const stop = (signal: Signal): void => {
    // The same signal again, while a server does not answer.
    if (stopped === signal) exit(exitCodes[signal]);
    stopped ??= signal;
    leaving.abort();
  };
  const signals = Object.keys(exitCodes) as Signal[];
  // Every run listens, too.
  process.setMaxListeners(jobs + 20);
  for (const signal of signals) process.on(signal, stop);
  let lastJob = performance.now();
  let busy = 0;
  const said = new Set<string>();
  const tried = new Tried();
  const once = (line: string, say: (line: string) => void): void => {
    if (!said.has(line)) say(line);
    said.add(line);
  };
  const slot = async (): Promise<void> => {
    while (!stopped) {
      const isIdle = busy === 0 && performance.now() - lastJob > 1000 * (flags.idle ?? Number.POSITIVE_INFINITY);
      if (isIdle) return;
      const message = await queue.next();
      if (!message) {
        // It also returns at once while there is no connection.
        if (server.connection.isClosed())
          throw new InputError(`${server.address}: the connection was closed by the server`);
        await delay(50);
        continue;
      }
      if (stopped) {
        message.nak();
        return;
      }
      const failed = failedHere.get(message.subject);
      // This machine may be what is broken: others get it first, for as long as a silent worker is waited for.
      if (failed !== undefined && performance.now() - failed < (await queue.lostAfterMs())) {
        // It is waited for, as a job at work.
        lastJob = performance.now();
        message.nak(notOursMs);
        continue;
      }
      busy++;
      try {
        const warn = (line: string): void => once(line, printWarning);
        const job = await taken(store, message, allowed, arithmetic, warn);
        if (!job) continue;
        const environment = await environmentOfJob(job.job.config, allowed);
        const reason = await tried.reason(environment);
        if (reason !== undefined) {
          warn(`jobs with ${job.job.config.environment} are left to others: ${reason}`);
          message.nak(notOursMs);
          continue;
        }
        const signal = await runJob(worker, message, job, environment);
        stopped ??= signal;
        lastJob = performance.now();
      } catch (error) {
        if (server.connection.isClosed()) throw error;
        // One job, or what the server has of it, must not end the others. It is kept: another version may understand it.
        once(`ddpg: ${message.subject}: ${messageOf(error)}`, printError);
        message.nak(notOursMs);
      } finally {
        busy--;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, slot));
  } finally {
    for (const signal of signals) process.off(signal, stop);
    await server.close();
  }
  if (stopped) exit(exitCodes[stopped]);
}

/** The job of a message, if this worker takes it. Otherwise the message was answered. */
async function taken(
  store: SweepStore,
  message: JsMsg,
  allowed: Allowed,
  arithmetic: "fused" | "portable",
  warn: (line: string) => void,
): Promise<SweepJob | undefined> {
  let job: SweepJob;
  try {
    const where = `job ${message.subject}`;
    job = decodeJob(message.data, where);
    expect(message.subject === jobSubject(job.sweep, job.job.id), where, "the job that it names", job.job.id);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (!isNoJob(message.data, message.subject)) {
      warn(`a job is left to others: ${messageOf(error)}`);
      message.nak(notOursMs);
      return undefined;
    }
    const isLast = message.info.deliveryCount >= maxTries;
    printError(`ddpg: ${messageOf(error)}${isLast ? " It is set aside." : ""}`);
    if (isLast && (await store.setAside(message.subject, messageOf(error)))) message.ack();
    else message.nak(isLast ? notOursMs : 1000);
    return undefined;
  }
  const reason = refusalOf(job.job.config, allowed, arithmetic);
  if (reason === undefined) return job;
  warn(`jobs with ${job.job.config.environment} are left to others: ${reason}`);
  message.nak(notOursMs);
  return undefined;
}

/** The options of a child that do not decide its run. */
function childArguments(flags: WorkFlags, { loaded }: AllowedEnvironment): string[] {
  const { checkpointEvery, stepTimeout, backend, simd, threads } = flags;
  const own = { "checkpoint-every": checkpointEvery, "step-timeout": stepTimeout, backend, simd, threads };
  const given = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  return childOptions([...given, ...outsideArguments(loaded.options ?? {})], false);
}
