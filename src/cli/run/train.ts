import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import {
  type PresetName,
  presetHelp,
  presets,
  type Settings,
  settingFlag,
  settingNames,
  showSetting,
} from "../../ddpg/config.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { type Policy, policySettings } from "../../ddpg/policy.ts";
import { withoutUpdates } from "../../ddpg/update-schedule.ts";
import { checkEnvironment, defaultCheckSteps } from "../../environment/check-environment.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentError, isKind } from "../../environment/environment-calls.ts";
import { expectUnlocked } from "../../node/lock.ts";
import { expectSeveral } from "../../node/outside/kinds.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { checkRunDirectory } from "../../node/run-directory.ts";
import { inFileName, startFile } from "../../node/run-files.ts";
import { fromHere, fromStart } from "../../node/starting-folder.ts";
import { commit, versions } from "../../node/versions.ts";
import { type LoadedEnvironment, loadEnvironment, type RunConfig, readConfig, readPolicyFile } from "../../node.ts";
import { customDefaults, settingsFor } from "../../tasks.ts";
import { arithmeticOf } from "../../training/run.ts";
import {
  bounds,
  environmentEntries,
  environmentHelp,
  environmentOf,
  moduleHelp,
  outsideLines,
  trainingEnvironments,
} from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { count, whole } from "../terminal/numbers.ts";
import {
  addSettingOptions,
  asFlags,
  chosenSettings,
  inShell,
  milliseconds,
  someNumber,
  wholeNumber,
} from "../terminal/options.ts";
import { print, printError, printWarning } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "../terminal/outside-options.ts";
import {
  type ActorsFlags,
  actorsLines,
  addActorsOptions,
  expectActorsGiven,
  newActors,
  RunActors,
  resumeCommand,
} from "./actors.ts";
import { CheckpointClock, type CheckpointPlan, checkpointHelp, parseCheckpointPlan } from "./checkpoints.ts";
import { asChildOption, parent } from "./children.ts";
import {
  backendFor,
  type ComputeFlags,
  computeOptions,
  computeText,
  explainOneThread,
  explanations,
  memoryWarning,
  portableWarning,
  threadsFor,
} from "./compute.ts";
import { reserveDirectory } from "./reserve-directory.ts";
import { evaluationPlan, runOptions } from "./run-options.ts";
import { runTraining } from "./run-training.ts";
import { type Found, findRun, holdsRun, parseSeeds, trainSeeds } from "./seeds.ts";

/** A notice is printed if the check of a custom environment takes longer than this, in ms. */
const noticeMs = 1000;

interface TrainFlags extends ComputeFlags, OutsideOptions, ActorsFlags {
  seed?: number;
  seeds?: number[];
  jobs?: number;
  steps?: number;
  environments?: number;
  preset?: PresetName;
  out?: string;
  config?: string;
  environment?: string;
  from?: string;
  episodes?: number;
  evaluateEvery?: number;
  evaluateEpisodes?: number;
  untilReturn?: number;
  checkpointEvery?: CheckpointPlan;
  checkSteps?: number;
  stepTimeout?: number;
  progress: boolean;
  asChild?: true;
}

export function addTrainCommand(program: Command): void {
  const presetLines = Object.entries(presetHelp).map(([name, help]) => `  ${name.padEnd(10)}${help}`);
  const command = program
    .command("train")
    .argument(
      "[environment]",
      'an id of "ddpg environments", the path of your own module, or what is outside of this process (see below)',
    )
    .summary("train a policy, evaluate it, keep the records")
    .description("Trains a policy, evaluates it from fixed starts, keeps the records in a directory.")
    .option(
      "--seed <n>",
      "seed for all randomness; the same seed and arithmetic give the same policy [1]",
      wholeNumber("--seed", 0),
    )
    .option("--seeds <list>", "several seeds, such as 1..8 or 1,3,7, each in its own process", parseSeeds)
    .option("--jobs <n>", "how many seeds to train at the same time [the machine's cores]", wholeNumber("--jobs", 1))
    .addOption(runOptions.steps("environment steps"))
    .option(
      "--environments <n>",
      "environments to train on at once; every step of each counts [1]",
      wholeNumber("--environments", 1),
    )
    .addOption(runOptions.preset())
    .option("--config <run>", "repeat a run: its environment, seed and settings, except for other flags given here")
    .option("--environment <path>", `with --config: ${environmentHelp}`)
    .option("--from <policy>", "policy file or run directory that the actor starts from, with its layers")
    .option(
      "--out <dir>",
      "directory for the records [runs/<environment>-<preset>-seed<n>]; with --seeds, seed<n> in it",
    )
    .addOption(runOptions.episodes("the final evaluation"))
    .addOption(runOptions.evaluateEvery())
    .addOption(runOptions.evaluateEpisodes())
    .option(
      "--until-return <x>",
      "stop once an evaluation's mean return reaches this",
      someNumber("--until-return", "a number"),
    )
    .option("--checkpoint-every <time>", checkpointHelp, parseCheckpointPlan)
    .addOption(runOptions.checkSteps())
    .addOption(runOptions.stepTimeout())
    .option("--no-progress", "print only the introduction and the result")
    .addOption(computeOptions.arithmetic())
    .addOption(computeOptions.backend())
    .addOption(computeOptions.simd())
    .addOption(computeOptions.threads())
    .addOption(asChildOption());
  addOutsideOptions(command);
  addActorsOptions(command, true);
  addSettingOptions(command, "Settings of the algorithm");
  command
    .addHelpText(
      "after",
      `
Presets:
${presetLines.join("\n")}

Examples:
  ddpg train Pendulum-v1
  ddpg train Pendulum-v1 --seeds 1..8
  ddpg train Pendulum-v1 --steps 100000 --until-return -150
  ddpg train --config runs/first --seed 2
  ddpg train Pendulum-v1 --preset paper --normalization none --steps 30000
  ddpg train ./my-environment.js --preset small --observation-scale 1,0.1 --out runs/first
  ddpg train gymnasium:HalfCheetah-v5 --python .venv/bin/python
  ddpg train torcs --port 3001
  ddpg train Pendulum-v1 --actors nats://localhost

The default export of your own module is a class, or a function without parameters, that
makes a fresh environment; or the one environment there is, with single: true.

Outside of this process can be:
${outsideLines.join("\n")}
${moduleHelp}`,
    )
    .action((environment: string | undefined, flags: TrainFlags) =>
      start(environment, flags, program.opts().verbose === true),
    );
}

async function start(named: string | undefined, flags: TrainFlags, verbose: boolean): Promise<void> {
  const { progress } = flags;
  expectActorsFlags(flags);
  const listener = flags.asChild && parent();
  const repeated = flags.config === undefined ? undefined : readConfig(flags.config);
  if (repeated?.actors && flags.actors === undefined)
    throw new InputError({
      where: "--actors",
      expected: `the address of a NATS server, as ${flags.config} learned from actors`,
      got: "none",
      hint: "Only the command names a server. Without actors, train the environment without --config.",
    });
  if (repeated && named !== undefined) throw both("<environment> or --config");
  if (repeated && flags.preset) throw both("--preset or --config");
  if (!repeated && flags.environment !== undefined)
    throw new InputError({ where: "--environment", expected: "to be used with --config", got: "no --config" });
  const options = chosenOutsideOptions(flags);
  const nameOrPath = repeated
    ? environmentOf(flags.config ?? "", repeated, { given: flags.environment, quiet: listener !== undefined, options })
    : named;
  if (nameOrPath === undefined)
    throw new InputError({
      where: "train",
      expected: "<environment>",
      got: "nothing",
      hint: 'See "ddpg train --help".',
    });
  const seeds = flags.seeds ?? [flags.seed ?? repeated?.seed ?? 1];
  if (flags.seeds && flags.seed !== undefined) throw both("--seed or --seeds");
  if (flags.jobs && !flags.seeds)
    throw new InputError({ where: "--jobs", expected: "to be used with --seeds", got: "no --seeds" });
  if (flags.seeds) expectSeveral(nameOrPath, "--seeds", "Train one seed after another with --seed.");

  const loading = (): string => `environment ${nameOrPath}`;
  const start = await startPolicy(flags, repeated);
  const context = { stepTimeout: milliseconds(flags.stepTimeout), onLine: printError };
  const loaded = await guarded(loading, () => loadEnvironment(nameOrPath, options, context));
  const task = loaded.task ?? loaded.defaults ?? customDefaults;
  const steps = flags.steps ?? repeated?.steps ?? task.steps;
  const { preset, settings } = await asFlags(() =>
    settingsFor(task, flags.preset ?? repeated?.preset, {
      ...repeated?.settings,
      ...(start && Object.fromEntries(policySettings.map((name) => [name, start.policy.settings[name]]))),
      ...chosenSettings({ ...flags }),
    }),
  );
  const { out } = flags;
  const given =
    out === undefined ? undefined : seeds.map((seed) => (flags.seeds ? path.join(out, `seed${seed}`) : out));
  const notice = listener ? listener.warn : (text: string): void => printError(`ddpg: ${text}`);
  await Promise.all(
    (given ?? []).map(async (directory) => {
      await expectUnlocked(directory, notice);
      if (flags.seeds && holdsRun(directory)) return;
      try {
        await checkRunDirectory(directory, start?.bytes, notice);
      } catch (error) {
        throw withCommands(error, directory, flags.actors);
      }
    }),
  );

  const warned = new Set<string>();
  const warn = (warning: string): void => {
    // A warning is printed once per subject, which comes first in it, after the seed of a child.
    const subject = warning.replace(/^seed \d+: /, "").split(":")[0];
    if (warned.has(subject)) return;
    warned.add(subject);
    if (listener) listener.warn(warning);
    else printWarning(warning);
  };
  if (!loaded.task) {
    const { checkSteps } = flags;
    const showsNotice = listener === undefined;
    const warnings =
      checkSteps === 0 ? [] : await asFlags(() => checkOwn(nameOrPath, loaded, settings, checkSteps, showsNotice));
    warnings.forEach(warn);
  }
  const tooLong = withoutUpdates(settings, steps, whole);
  if (tooLong) warn(new InputError(tooLong).at(settingFlag(tooLong.where)).message);

  // Seeds that an earlier command left keep theirs: it may have been portable by default.
  const left = flags.seeds ? given?.find(holdsRun) : undefined;
  const kept = repeated ?? (left === undefined ? undefined : readConfig(fromHere(left)));
  const arithmetic = flags.arithmetic ?? (kept && arithmeticOf(kept));
  const explained = explanations(verbose, listener !== undefined);
  const backend = await backendFor({ ...flags, ...(arithmetic && { arithmetic }) }, explained);
  if (backend.notFused !== undefined) warn(portableWarning(backend.notFused));
  // With actors it is only evaluated on.
  const atOnce = flags.actors ? 0 : (flags.environments ?? (repeated && (repeated.environments ?? 1)));
  const made = await trainingEnvironments(loaded, loading, atOnce);
  const { environment, environments, evaluationEnvironment } = made;
  let directories: readonly string[] = [];
  let found: readonly Found[] = [];
  await closing(nameOrPath, [...environments, evaluationEnvironment], async () => {
    if (environment.single && flags.seeds) {
      throw new InputError({
        where: "--seeds",
        expected: "an environment that can be made more than once",
        got: "a single one",
        hint: "Train one seed after another with --seed.",
      });
    }
    const [seed] = seeds;
    // Several seeds are trained by child processes, so this process needs no threads.
    const threads = flags.seeds ? {} : { threads: threadsFor(flags) };
    const compute = { backend, arithmetic: backend.arithmetic };
    const agent = await asFlags(() => Ddpg.create(environment, { seed, preset, ...settings, ...compute, ...threads }));
    if (!flags.seeds) explainOneThread(flags, agent, explained);
    const tooLarge = memoryWarning(agent.replayBuffer, steps * agent.rowsPerStep);
    if (tooLarge) warn(tooLarge);
    if (start) agent.startFrom(start.policy);
    const commitNow = commit();
    const untilReturn = flags.untilReturn ?? repeated?.untilReturn;
    const checkpoints = new CheckpointClock(flags.checkpointEvery);
    const evaluation = evaluationPlan(flags, steps, !loaded.task, repeated?.evaluation);
    const actors = newActors(flags, loaded.name);
    const link = actors && (await RunActors.open(flags, agent, { environment: loaded.name, actors }));
    try {
      // From here to the first signal handler nothing waits, so a signal cannot leave an empty directory.
      directories = given ?? seeds.map((seed) => reserveDirectory(`${inFileName(loaded.name)}-${preset}-seed${seed}`));
      const [directory] = directories;
      const config: RunConfig = {
        ...environmentEntries(fromStart(directory), loaded),
        preset,
        seed,
        steps,
        ...(environments.length > 1 && { environments: environments.length }),
        ...(actors && { actors }),
        settings,
        arithmetic: backend.arithmetic,
        evaluation,
        ...(untilReturn !== undefined && { untilReturn }),
        ...(start && { from: true }),
        versions: versions(),
        ...(commitNow && { commit: commitNow }),
      };
      if (flags.seeds) found = directories.map((each, i) => findRun(each, { ...config, seed: seeds[i] }, start?.bytes));
      if (!listener)
        print(
          introduction(
            nameOrPath,
            loaded,
            agent,
            config,
            seeds,
            directories,
            computeText(backend, agent),
            checkpoints,
            verbose,
            link,
          ),
        );
      if (!flags.seeds) {
        await runTraining({
          agent,
          environments,
          evaluationEnvironment,
          name: nameOrPath,
          config,
          actors: link,
          directory,
          checkpoints,
          start: start?.bytes,
          stepTimeout: milliseconds(flags.stepTimeout),
          progress,
          ...(listener && { onProgress: listener.onProgress }),
          warn,
        });
      }
    } finally {
      await link?.close();
    }
  });
  if (flags.seeds) {
    const jobs = Math.min(flags.jobs ?? os.availableParallelism(), seeds.length);
    const environment = loaded.task ? undefined : nameOrPath;
    const continues = given !== undefined;
    const { arithmetic } = backend;
    await trainSeeds({ seeds, environment, arithmetic, directories, found, continues, jobs, progress, warn });
  }
}

/** The error of a directory that is not empty. If it holds a run, the hint is the two commands that may be meant. */
function withCommands(error: unknown, directory: string, server: string | undefined): unknown {
  if (!isKind(error, InputError) || !holdsRun(directory)) return error;
  const { where, expected, got } = error;
  let free = 2;
  while (fs.existsSync(fromStart(`${directory}-${free}`))) free++;
  const again = withOut(process.argv.slice(2), `${directory}-${free}`).map(inShell).join(" ");
  const resume = resumeCommand(directory, hasActors(directory) ? (server ?? "ADDRESS") : undefined);
  const hint = `To continue that run: ${resume} --steps N. To train another: npx ddpg ${again}`;
  return new InputError({ where, expected, got, hint });
}

/** Whether a directory holds a run with actors. */
function hasActors(directory: string): boolean {
  try {
    return readConfig(fromHere(directory)).actors !== undefined;
  } catch {
    return false;
  }
}

/** A command line with another --out. */
function withOut(args: readonly string[], directory: string): string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const kept = args.slice(0, end).filter((arg, i) => !/^--out(=|$)/.test(arg) && args[i - 1] !== "--out");
  return [...kept, "--out", directory, ...args.slice(end)];
}

/** The policy that the actor starts as, and its file's bytes: a named one, or that of the repeated run. */
async function startPolicy(
  { from, config }: TrainFlags,
  repeated: RunConfig | undefined,
): Promise<{ policy: Policy; bytes: Uint8Array } | undefined> {
  if (from !== undefined) return readPolicyFile(from);
  if (!repeated?.from || config === undefined) return undefined;
  return readPolicyFile(path.join(config, startFile));
}

/** Checks a custom environment. Throws its errors, and returns warnings about what slows learning down. */
export async function checkOwn(
  name: string,
  { create }: LoadedEnvironment,
  { observationScale, observationOffset, rewardScale, observationNormalization, rewardNormalization }: Settings,
  steps: number | undefined,
  showsNotice: boolean,
): Promise<string[]> {
  let thrown: { error: unknown } | undefined;
  let called = "make";
  const watcher: Watcher = {
    called: (method) => {
      called = method;
    },
    thrown: (error) => {
      thrown ??= { error };
      throw error;
    },
  };
  const proxies = new WeakMap<Environment, Environment>();
  let first: Environment | undefined;
  const make = async (): Promise<Environment> => {
    const environment = await create().catch((error) => {
      if (first) addHint(error, singleHint);
      return watcher.thrown(error);
    });
    first = environment;
    const proxy = proxies.get(environment) ?? watched(environment, watcher);
    proxies.set(environment, proxy);
    return proxy;
  };
  const showNotice = (): void => {
    const pass = steps ?? defaultCheckSteps(first?.observationSize ?? 1);
    printError(`Checking ${name} for about ${whole(2 * pass)} steps …`);
  };
  const notice = showsNotice ? setTimeout(showNotice, noticeMs) : undefined;
  // It is only a notice: it must not keep the process alive if the environment never answers.
  notice?.unref();
  const scaling = { observationScale, observationOffset, rewardScale, observationNormalization, rewardNormalization };
  const { problems, warnings, failure } = await guarded(
    () => `${name} ${called}`,
    () => checkEnvironment(make, { ...scaling, ...(steps !== undefined && { steps }) }),
  ).finally(() => clearTimeout(notice));
  if (first?.single && problems.length > 0) await closing(name, [first], async () => {});
  if (thrown) {
    const { error } = thrown;
    if (isKind(error, InputError) || isKind(error, EnvironmentError)) throw error;
    throw new EnvironmentError(`${name}: ${problems.at(-1)}`, { cause: error });
  }
  const last = problems.pop();
  for (const problem of problems) printError(`ddpg: ${name}: ${problem}`);
  // A wrong flag is not the environment's fault.
  if (failure && failure.where in scaling) throw failure;
  if (last) throw (failure ?? new InputError(last)).within(`${name}:`);
  return warnings;
}

interface Watcher {
  called(method: string): void;
  thrown(error: unknown): never;
}

const singleHint = "If there can be only one at a time, set single to true on it.";

function addHint(error: unknown, hint: string): void {
  if (error instanceof EnvironmentError) error.message = `${error.message.replace(/[^.!?]$/, "$&.")} ${hint}`;
}

/** Wraps the environment to capture the original error, because the check reports only its message. */
function watched(environment: Environment, { called, thrown }: Watcher): Environment {
  // Not a proxy of the environment itself: it may be frozen, and then its methods cannot be replaced.
  return new Proxy({} as Environment, {
    has: (_, key) => Reflect.has(environment, key),
    get(_, key) {
      // The run uses it after the check.
      if (key === "close" && environment.single) return undefined;
      const value = Reflect.get(environment, key, environment);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        called(String(key));
        try {
          const result = value.apply(environment, args);
          return result instanceof Promise ? result.catch(thrown) : result;
        } catch (error) {
          return thrown(error);
        }
      };
    },
  });
}

function introduction(
  nameOrPath: string,
  { task }: LoadedEnvironment,
  { units, replayBuffer }: Ddpg,
  config: RunConfig,
  seeds: readonly number[],
  directories: readonly string[],
  compute: string,
  checkpoints: CheckpointClock,
  verbose: boolean,
  link: RunActors | undefined,
): string[] {
  const { preset, steps, environments, settings } = config;
  const { observationSize, actionLow, actionHigh } = units;
  const all = settingNames.map((name) => `${settingFlag(name).slice(2)} ${showSetting(settings[name])}`);
  const changed = settingNames
    .map((name) => ({ name, value: showSetting(settings[name]), usual: showSetting(presets[preset][name]) }))
    .filter(({ value, usual }) => value !== usual)
    .map(({ name, value, usual }) => `               ${settingFlag(name)} ${value}, not ${usual}`);
  const megabytes = replayBuffer.fullBytes / 1e6;
  return [
    `environment    ${nameOrPath}${task ? `: ${task.summary}` : ""}`,
    `               observes ${count(observationSize, "number")}, acts in ${bounds(actionLow, actionHigh)}`,
    `preset         ${preset}: ${presetHelp[preset]}`,
    ...changed,
    ...(verbose
      ? wrap(all, 100 - 15).map((line, i) => (i === 0 ? "settings" : "").padEnd(15) + line)
      : [`settings       ${changed.length > 0 ? "all others" : "all"} are those of the preset; --verbose lists them`]),
    `${(seeds.length > 1 ? "seeds" : "seed").padEnd(15)}${several(seeds)}`,
    `steps          ${whole(steps)}`,
    ...(environments ? [`environments   ${whole(environments)} at once, whose steps all count`] : []),
    ...(link ? actorsLines(nameOrPath, config, link.address) : []),
    `compute        ${compute}`,
    `replay buffer  ${megabytes < 10 ? megabytes.toFixed(1) : whole(megabytes)} MB when full, with ${whole(replayBuffer.capacity)} transitions`,
    `checkpoints    ${checkpoints}`,
    `records        ${several(directories)}`,
    "",
  ];
}

/** The first two and the last of them. */
function several(list: readonly (string | number)[]): string {
  return (list.length > 3 ? [...list.slice(0, 2), "…", list[list.length - 1]] : list).join(", ");
}

/** Joins the parts into lines of at most `width` characters. */
function wrap(parts: readonly string[], width: number): string[] {
  const lines = [""];
  for (const part of parts) {
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + 3 + part.length > width) lines.push(part);
    else lines[lines.length - 1] = line === "" ? part : `${line} · ${part}`;
  }
  return lines;
}

/** Throws an InputError for flags that do not go with actors, and for those that only go with them. */
function expectActorsFlags(flags: TrainFlags): void {
  expectActorsGiven(flags);
  if (flags.actors === undefined) return;
  if (flags.environments !== undefined) throw both("--environments or --actors");
  if (flags.seeds) throw both("--seeds or --actors");
}

function both(expected: string): InputError {
  return new InputError({ where: "train", expected, got: "both" });
}
