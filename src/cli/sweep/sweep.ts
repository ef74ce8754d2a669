// `ddpg sweep`: trains one environment with many settings and seeds, each run in its own process, and compares the
// settings. After an interruption it continues: a finished run is not repeated, and one with a checkpoint is resumed.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { parseServer } from "../../base/nats-address.ts";
import { largest } from "../../base/numbers.ts";
import { flagOf, type PresetName, type Settings, settingFlag, showSetting } from "../../ddpg/config.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import { expectUnlocked } from "../../node/lock.ts";
import type { ServerOptions } from "../../node/nats/connect.ts";
import { expectSeveral } from "../../node/outside/kinds.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { checkRunDirectory } from "../../node/run-directory.ts";
import { files, inFileName, isComplete } from "../../node/run-files.ts";
import { fromStart } from "../../node/starting-folder.ts";
import { commit, versions } from "../../node/versions.ts";
import { type LoadedEnvironment, loadEnvironment, type NodeBackend, type RunConfig } from "../../node.ts";
import { customDefaults, settingsFor } from "../../tasks.ts";
import { environmentEntries, moduleHelp, trainingEnvironments } from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { parseCheckpointPlan } from "../run/checkpoints.ts";
import { runChildren } from "../run/children.ts";
import {
  backendFor,
  type ComputeFlags,
  computeOptions,
  explanations,
  memoryWarning,
  portableWarning,
} from "../run/compute.ts";
import { evaluationPlan, runOptions } from "../run/run-options.ts";
import { type ChildRun, childOptions, findRun, holdsRun, parseSeeds, resumeArguments, settle } from "../run/seeds.ts";
import { checkOwn } from "../run/train.ts";
import { exit } from "../terminal/exit.ts";
import { exitCodes } from "../terminal/exit-codes.ts";
import { count, duration, plusMinus, whole } from "../terminal/numbers.ts";
import { addSettingOptions, asFlags, chosenSettings, inShell, milliseconds, wholeNumber } from "../terminal/options.ts";
import { print, printError, printWarning, stdout } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "../terminal/outside-options.ts";
import {
  addServerOptions,
  chosenServer,
  expectNoServer,
  type ServerFlags,
  serverHelp,
} from "../terminal/server-options.ts";
import { cellId, type Job, jobOf, trainArguments } from "./job.ts";
import { type Axis, type Cell, cellName, cellsOf, parseGrid } from "./matrix.ts";
import { expectSweepName, sharedEntries } from "./nats/job-message.ts";
import { submit } from "./nats/submit.ts";
import { joined, readSweep, runDirectory, type SweepRecord, writeSweep } from "./record.ts";
import { slurmScript } from "./slurm.ts";
import { addStatusCommand, countsText, failureFile, statusOf } from "./status.ts";
import { readSweepFile, type SweepFile } from "./sweep-file.ts";
import { addReportCommand, reportSweep } from "./sweep-report.ts";

interface SweepFlags extends ComputeFlags, OutsideOptions, ServerFlags {
  server?: string;
  name?: string;
  stepTimeout?: number;
  grid?: Axis[];
  random?: number;
  randomSeed?: number;
  file?: string;
  seeds?: number[];
  steps?: number;
  preset?: PresetName;
  jobs?: number;
  job?: number;
  print?: "slurm";
  out?: string;
  episodes?: number;
  evaluateEvery?: number;
  evaluateEpisodes?: number;
  checkSteps?: number;
  keepCheckpoints?: true;
  checkpointEvery?: object;
  progress: boolean;
}

export function addSweepCommand(program: Command): void {
  const command = program
    .command("sweep")
    .helpCommand(false)
    .argument("[environment]", "an environment, as of ddpg train")
    .summary("train with many settings and seeds, and compare the settings")
    .description(
      "Trains one environment with many settings and seeds, each run in its own process, and compares the settings. " +
        "Started again, it continues where it was stopped; with more settings or seeds, it adds their runs.",
    )
    .option(
      "--grid <list>",
      "a setting and its values, such as actorLearningRate=1e-4,3e-4; more settings after a comma, or in another --grid",
      (text: string, before: Axis[] = []) => [...before, ...parseGrid(text, "--grid")],
    )
    .option(
      "--random <n>",
      "draw this many combinations, from the values of --grid or from ranges, such as actorLearningRate=1e-5..1e-2",
      wholeNumber("--random", 1),
    )
    .option("--random-seed <n>", "seed of these draws [1]", wholeNumber("--random-seed", 0))
    .option("--file <json>", "read grid, random, cells, seeds, steps, preset and settings from a file")
    .option("--seeds <list>", "seeds such as 1..5 or 1,3,7 [1..5]", parseSeeds)
    .addOption(runOptions.steps("environment steps of each run"))
    .addOption(runOptions.preset())
    .option("--jobs <n>", "how many runs at the same time [the machine's cores]", wholeNumber("--jobs", 1))
    .option("--job <i>", "make only this run, counted from 0, as a task of an array job does", wholeNumber("--job", 0))
    .option("--print <kind>", "print a script that makes the runs elsewhere: slurm, an array job", scriptKind)
    .option("--out <dir>", "directory for the sweep [sweeps/<environment>]")
    .option(
      "--server <address>",
      "put the runs into the queue of a NATS server, such as nats://host:4222, for ddpg work",
    )
    .option("--name <name>", "the sweep's name on the server [that of its directory]")
    .addOption(runOptions.episodes("a run's final evaluation"))
    .addOption(runOptions.evaluateEvery())
    .addOption(runOptions.evaluateEpisodes())
    .addOption(
      // The children get the text.
      new Option("--checkpoint-every <time>", "as of ddpg train").argParser(parseCheckpointPlan),
    )
    .addOption(runOptions.checkSteps())
    .addOption(runOptions.stepTimeout())
    .option("--keep-checkpoints", "keep the checkpoint of a finished run, which is as large as its replay buffer")
    .option("--no-progress", "print only when a run starts and finishes")
    .addOption(computeOptions.arithmetic("that of the sweep's runs, or fused where it is possible"))
    .addOption(computeOptions.backend())
    .addOption(computeOptions.simd())
    .addOption(computeOptions.threads());
  addServerOptions(command, "The NATS server of --server:");
  addOutsideOptions(command);
  addSettingOptions(command, "Settings of all runs");
  command
    .addHelpText(
      "after",
      `
A range is log-uniform if its ends are positive and differ tenfold, and uniform otherwise; :log or :uniform after it
decides. In a value that is a list, / stands for the comma: actorHiddenSizes=64/64,256/256.

Examples:
  ddpg sweep Pendulum-v1 --grid actorLearningRate=1e-4,3e-4,1e-3 --seeds 1..5
  ddpg sweep Pendulum-v1 --random 20 --grid actorLearningRate=1e-5..1e-2,batchSize=64,128 --seeds 1..3
  ddpg sweep status sweeps/Pendulum-v1
  ddpg sweep Pendulum-v1 --grid batchSize=32,64 --print slurm > sweep.sh
  ddpg sweep Pendulum-v1 --grid batchSize=32,64 --server nats://host:4222

With --server, the machines that run "ddpg work --server" make the runs, and their results come into the sweep's
directory here. The command may be stopped and started again. ${serverHelp.replaceAll("\n", " ")}

${moduleHelp}`,
    )
    .action((environment: string | undefined, flags: SweepFlags) =>
      sweep(environment, flags, program.opts().verbose === true),
    );
  addStatusCommand(command);
  addReportCommand(command);
}

function scriptKind(text: string): "slurm" {
  expect(text === "slurm", "--print", "slurm", text);
  return "slurm";
}

/** What the command line asks for. */
interface Plan {
  readonly nameOrPath: string;
  readonly loaded: LoadedEnvironment;
  readonly out: string;
  readonly backend: NodeBackend;
  readonly cells: readonly Cell[];
  /** In the order in which they are made: every cell gets its first seed before any gets its second. */
  readonly jobs: readonly Job[];
  /** What this command adds to the record of the sweep. */
  readonly added: SweepRecord;
}

/** Throws an InputError for options that contradict --server. */
function expectServerAlone(flags: SweepFlags): void {
  const { server, name } = flags;
  if (server === undefined) {
    expectNoServer(flags, ["name"]);
    return;
  }
  parseServer(server, "--server");
  if (name !== undefined) expectSweepName(name, "--name");
  const others = ["print", "job", "jobs", "checkpointEvery", "keepCheckpoints", "threads"] as const;
  const other = others.find((each) => flags[each] !== undefined);
  const hint =
    other === "print" ? "A script is for machines that share a directory." : "ddpg work has options of its own.";
  const given = other === undefined ? "" : flags[other];
  expect(other === undefined, flagOf(other ?? ""), "not to be used with --server", given, hint);
}

async function sweep(named: string | undefined, flags: SweepFlags, verbose: boolean): Promise<void> {
  expectServerAlone(flags);
  const plan = await planFor(named, flags, verbose);
  const { jobs, out, added, backend } = plan;
  if (flags.print) {
    const lines = slurmScript(process.argv.slice(2), backend.arithmetic, jobs.length).trimEnd().split("\n");
    print(lines);
    return;
  }
  if (flags.job !== undefined)
    expect(flags.job < jobs.length, "--job", `a number from 0 to ${jobs.length - 1}`, flags.job);
  const chosen = flags.job === undefined ? jobs : [jobs[flags.job]];
  const wanted = await lookUp(plan, chosen);
  const unfinished = wanted.filter(({ found }) => found !== "result");
  const warned = new Set<string>();
  const warn = (warning: string): void => {
    if (!warned.has(warning)) printWarning(warning);
    warned.add(warning);
  };
  if (unfinished.length > 0) await check(plan, flags, warn);
  // Another command may have added cells since this one began.
  const now = (): SweepRecord => joined(out, readSweep(out), added);
  writeSweep(out, now());
  print(`Complete in ${inShell(out)}: ${whole(wanted.length - unfinished.length)} of ${count(wanted.length, "run")}.`);
  if (flags.server !== undefined) {
    await onServer(plan, chosenServer(flags.server, flags), flags, unfinished, now);
    return;
  }
  if (unfinished.length > 0) print(`watch          npx ddpg watch ${inShell(out)}`);
  const atOnce = Math.min(flags.jobs ?? os.availableParallelism(), Math.max(1, unfinished.length));
  const started = performance.now();
  const { runs, signal } = await make(plan, unfinished, flags, atOnce, warn);
  // Those of earlier commands stay: a user may have kept them.
  if (!flags.keepCheckpoints) for (const { end, directory } of runs) if (end === "complete") dropCheckpoint(directory);
  const failed = runs.filter(({ end }) => end === "failed");
  const open = runs.filter(({ end }) => end === "stopped" || end === undefined);
  if (runs.length > 0) print(["", `time           ${duration((performance.now() - started) / 1000)}`]);
  const isReported = flags.job === undefined && (await reportSweep(out, now()));
  if (!isReported) print(`runs           ${countsText(chosen.map(({ id }) => statusOf(runDirectory(out, id))))}`);
  print(`all            npx ddpg sweep status ${inShell(out)}`);
  if (failed.length + open.length > 0)
    print("continue       The same command continues the runs that are not complete.");
  if (signal) exit(exitCodes[signal]);
  if (failed.length + open.length > 0) process.exitCode = 1;
}

/** Lets the workers of a server make the runs, and reports as for runs of this machine. */
async function onServer(
  { out, jobs, added }: Plan,
  server: ServerOptions,
  flags: SweepFlags,
  unfinished: readonly WantedJob[],
  now: () => SweepRecord,
): Promise<void> {
  const name = flags.name ?? path.basename(fromStart(out)).replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  expectSweepName(name, "--name");
  const started = performance.now();
  const { failed, open, signal } =
    unfinished.length === 0
      ? { failed: 0, open: 0, signal: undefined }
      : await submit({ server, name, added, jobs: unfinished });
  if (unfinished.length > 0) print(["", `time           ${duration((performance.now() - started) / 1000)}`]);
  if (!(await reportSweep(out, now())))
    print(`runs           ${countsText(jobs.map(({ id }) => statusOf(runDirectory(out, id))))}`);
  print(`all            npx ddpg sweep status ${inShell(out)}`);
  if (open > 0)
    print("continue       The workers continue. The same command takes the results that they have by then.");
  if (failed > 0) print("continue       The same command lets the workers try the failed runs again.");
  if (signal) exit(exitCodes[signal]);
  if (failed + open > 0) process.exitCode = 1;
}

async function planFor(named: string | undefined, flags: SweepFlags, verbose: boolean): Promise<Plan> {
  const file: SweepFile = flags.file === undefined ? { settings: {}, grid: [], cells: [] } : readSweepFile(flags.file);
  const nameOrPath = named ?? file.environment;
  if (nameOrPath === undefined) throw missing("<environment>");
  expectSeveral(nameOrPath, "sweep", "Train one run after another with ddpg train.");
  const axes = [...file.grid, ...(flags.grid ?? [])];
  if (axes.length + file.cells.length === 0) throw missing("--grid or --file, with the settings to vary");
  const random = flags.random ?? file.random;
  const isDrawn = random !== undefined;
  expect(
    isDrawn || flags.randomSeed === undefined,
    "--random-seed",
    "to be used with --random",
    flags.randomSeed,
    "Without it, nothing is drawn.",
  );
  const draws = isDrawn && { cells: random, seed: flags.randomSeed ?? file.randomSeed ?? 1, where: "--random" };
  const cells = cellsOf(axes, draws || undefined, file.cells);
  const common = { ...file.settings, ...chosenSettings({ ...flags }) };
  for (const { name, where } of axes)
    expect(!(name in common), where, "a setting that is not set for all runs", name, `Leave out ${settingFlag(name)}.`);

  const context = { stepTimeout: milliseconds(flags.stepTimeout), onLine: printError };
  const loaded = await guarded(
    () => `environment ${nameOrPath}`,
    () => loadEnvironment(nameOrPath, chosenOutsideOptions(flags), context),
  );
  const task = loaded.task ?? loaded.defaults ?? customDefaults;
  const steps = flags.steps ?? file.steps ?? task.steps;
  const made: { preset: PresetName; settings: Settings }[] = [];
  for (const cell of cells) {
    made.push(
      await asFlags(() => {
        try {
          return settingsFor(task, flags.preset ?? file.preset, { ...common, ...cell });
        } catch (error) {
          // It says which combination is impossible.
          if (!(error instanceof InputError) || !(error.where in cell)) throw error;
          const axis = axes.find(({ name }) => name === error.where);
          throw error.at(`${axis?.where ?? `${flags.file} cells ${error.where}`}, with ${cellName(cell)}`);
        }
      }),
    );
  }
  const out = flags.out ?? path.join("sweeps", inFileName(loaded.name));
  const earlier = readSweep(out);
  const arithmetic: Arithmetic | undefined = flags.arithmetic ?? earlier?.arithmetic;
  const backend = await backendFor({ ...flags, ...(arithmetic && { arithmetic }) }, explanations(verbose, false));
  if (backend.notFused !== undefined) printWarning(portableWarning(backend.notFused));
  const commitNow = commit();
  const seeds = flags.seeds ?? file.seeds ?? [1, 2, 3, 4, 5];
  // Every run's directory is as deep, so that the path of a module is the same from all of them.
  const entries = environmentEntries(fromStart(runDirectory(out, "run")), loaded);
  const configOf = ({ preset, settings }: (typeof made)[number], seed: number): RunConfig => ({
    ...(flags.server === undefined ? entries : sharedEntries(entries)),
    ...{ preset, seed, steps, settings, arithmetic: backend.arithmetic },
    evaluation: evaluationPlan(flags, steps, !loaded.task),
    versions: versions(),
    ...(commitNow && { commit: commitNow }),
  });
  const ids = made.map((each) => cellId(configOf(each, 0)));
  const twice = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  expect(twice < 0, "sweep", "every combination of settings once", twice < 0 ? "" : cellName(cells[twice]));
  // Every cell gets its first seed before any gets its second: early results then cover all settings.
  const jobs = seeds.flatMap((seed) => made.map((each) => jobOf(configOf(each, seed))));
  const added = {
    ...{ environment: loaded.name, steps, arithmetic: backend.arithmetic },
    cells: cells.map((settings, i) => ({ id: ids[i], settings, seeds })),
  };
  joined(out, earlier, added); // refuses what does not belong together
  return { nameOrPath, loaded, out, backend, cells, jobs, added };
}

function missing(expected: string): InputError {
  return new InputError({ where: "sweep", expected, got: "nothing", hint: 'See "ddpg sweep --help".' });
}

interface WantedJob {
  readonly job: Job;
  readonly directory: string;
  readonly found: ReturnType<typeof findRun>;
}

/** What the directories of jobs hold. Throws an InputError if one holds another run, or is in use. */
async function lookUp({ out }: Plan, jobs: readonly Job[]): Promise<WantedJob[]> {
  const notice = (text: string): void => printError(`ddpg: ${text}`);
  const wanted = jobs.map((job) => ({ job, directory: runDirectory(out, job.id) }));
  // All at once, because a lock may have to be watched for some seconds.
  await Promise.all(
    wanted.map(({ directory }) =>
      holdsRun(directory) || isComplete(fromStart(directory))
        ? expectUnlocked(directory, notice)
        : checkRunDirectory(directory, undefined, notice),
    ),
  );
  return wanted.map((each) => ({ ...each, found: findRun(each.directory, each.job.config, undefined) }));
}

/** Checks, before the first run starts, what would otherwise fail in a run hours later. */
async function check(plan: Plan, flags: SweepFlags, warn: (warning: string) => void): Promise<void> {
  const { nameOrPath, loaded, cells, jobs, backend } = plan;
  const [{ config }] = jobs;
  const made = await trainingEnvironments(loaded, () => `environment ${nameOrPath}`);
  const { environment, environments, evaluationEnvironment } = made;
  await closing(nameOrPath, [...environments, evaluationEnvironment], async () => {
    if (environment.single) {
      throw new InputError({
        where: nameOrPath,
        expected: "an environment that can be made more than once",
        got: "a single one",
        hint: "Train one run after another with ddpg train.",
      });
    }
    if (!loaded.task && flags.checkSteps !== 0)
      (await asFlags(() => checkOwn(nameOrPath, loaded, config.settings, flags.checkSteps, true))).forEach(warn);
    const seen = new Set<string>();
    for (const [i, cell] of cells.entries()) {
      // A list with one value per dimension may have the wrong length. Every value is tried once.
      const fresh = Object.entries(cell).filter(([name, value]) => !seen.has(`${name} ${showSetting(value)}`));
      if (i > 0 && fresh.length === 0) continue;
      for (const [name, value] of fresh) seen.add(`${name} ${showSetting(value)}`);
      const { preset, seed, settings, steps } = jobs[i].config;
      const compute = { backend, arithmetic: backend.arithmetic };
      const agent = await asFlags(() => Ddpg.create(environment, { seed, preset, ...settings, ...compute }));
      const tooLarge = memoryWarning(agent.replayBuffer, steps * agent.rowsPerStep);
      if (tooLarge) warn(tooLarge);
    }
  });
}

interface SweepChild extends ChildRun {
  readonly job: Job;
}

/** Makes the runs on this machine, some at once, and prints how each ends. */
async function make(
  { nameOrPath, loaded }: Plan,
  wanted: readonly WantedJob[],
  flags: SweepFlags,
  jobs: number,
  warn: (warning: string) => void,
) {
  const { progress } = flags;
  const drawn = progress && stdout.isTTY;
  const width = largest(wanted.map(({ job }) => job.id.length));
  const own = process.argv.slice(2);
  const environment = loaded.task ? undefined : nameOrPath;
  const runs = wanted.map(({ job, directory, found }): SweepChild => {
    const args =
      found === "checkpoint"
        ? resumeArguments(own, directory, drawn, environment)
        : [...trainArguments(job, nameOrPath, directory), ...childOptions(own, drawn), "--as-child"];
    return { label: job.id.padEnd(width), args, seed: job.config.seed, directory, job };
  });
  const signal = await runChildren(runs, {
    jobs,
    progress,
    onStart: ({ label, args, directory }) => {
      // A server may have set it aside before.
      fs.rmSync(failureFile(directory), { force: true });
      if (!drawn) print(`${label}  ${args[0] === "resume" ? "resumed" : "started"}`);
    },
    onWarning: (_, warning) => warn(warning),
    onEnd: (run, end) => {
      const why = settle(run, end);
      const final = run.result?.evaluation;
      if (why) printError(`ddpg: ${run.job.id}: ${why}`.split("\n"));
      else if (run.end === "complete" && final)
        print(`${run.label}  ${plusMinus(final.meanReturn, final.standardError)}  ${run.result?.fingerprint}`);
      else print(`${run.label}  ${run.end}`);
    },
  });
  return { runs, signal };
}

/** Removes the checkpoint of a finished run: it is by far the largest file, and no longer needed. */
function dropCheckpoint(directory: string): void {
  if (!isComplete(fromStart(directory))) return;
  try {
    fs.rmSync(fromStart(path.join(directory, files.checkpoint)), { force: true });
  } catch {
    // It only takes up space.
  }
}
