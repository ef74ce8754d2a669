// `ddpg resume`: continues a run from its checkpoint, with the same results as if it had never stopped.
import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { expectUnlocked } from "../../node/lock.ts";
import { outsideAddress } from "../../node/outside/kinds.ts";
import type { OutsideOptions } from "../../node/outside/options.ts";
import { unstartedHint } from "../../node/run-directory.ts";
import { expectDirectory, isComplete } from "../../node/run-files.ts";
import { decidingOptions, expectCheckpointed } from "../../node/same-run.ts";
import { fromStart } from "../../node/starting-folder.ts";
import {
  type Checkpoint,
  type LoadedEnvironment,
  loadEnvironment,
  type RunConfig,
  readCheckpoint,
  readConfig,
  readResult,
} from "../../node.ts";
import type { StreamState } from "../../training/actors/stream-source.ts";
import { DiagnosticsMeans } from "../../training/metrics.ts";
import { arithmeticOf } from "../../training/run.ts";
import {
  environmentEntries,
  environmentHelp,
  environmentOf,
  moduleHelp,
  trainingEnvironments,
} from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { whole } from "../terminal/numbers.ts";
import { inShell, milliseconds, someNumber, stepTimeoutHelp, wholeNumber } from "../terminal/options.ts";
import { print, printError, printWarning } from "../terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions, outsideArguments } from "../terminal/outside-options.ts";
import {
  type ActorsFlags,
  actorsFlag,
  actorsLines,
  addActorsOptions,
  expectActorsGiven,
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
  threadsFor,
} from "./compute.ts";
import { runTraining } from "./run-training.ts";

interface ResumeFlags extends Omit<ComputeFlags, "arithmetic">, OutsideOptions, ActorsFlags {
  steps?: number;
  environment?: string;
  checkpointEvery?: CheckpointPlan;
  stepTimeout?: number;
  progress: boolean;
  asChild?: true;
}

export function addResumeCommand(program: Command): void {
  const command = program
    .command("resume")
    .argument("<run>", "a run's directory")
    .summary("resume a run from its checkpoint")
    .description("Resumes a run from its last checkpoint, with the same results as if it had never stopped.")
    .option("--steps <n>", "total environment steps [as planned]", wholeNumber("--steps", 1))
    .option("--environment <path>", environmentHelp)
    .option("--checkpoint-every <time>", checkpointHelp, parseCheckpointPlan)
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"))
    .option("--no-progress", "print only the introduction and the result")
    .addOption(computeOptions.backend())
    .addOption(computeOptions.simd())
    .addOption(computeOptions.threads())
    .addOption(asChildOption());
  addOutsideOptions(command);
  addActorsOptions(command, false);
  command
    .addHelpText("after", moduleHelp)
    .action((run: string, flags: ResumeFlags) => resume(run, flags, program.opts().verbose === true));
}

async function resume(run: string, flags: ResumeFlags, verbose: boolean): Promise<void> {
  const listener = flags.asChild && parent();
  const warn = listener ? listener.warn : printWarning;
  expectDirectory(run);
  await expectUnlocked(run, listener ? listener.warn : (text) => printError(`ddpg: ${text}`));
  const unstarted = unstartedHint(run, inShell(run), actorsFlag(flags.actors));
  if (unstarted)
    throw new InputError({ where: run, expected: "a run with a checkpoint", got: "none", hint: unstarted });
  const config = readConfig(run);
  const checkpoint = readCheckpoint(run);
  expectCheckpointed(run, config, checkpoint);
  if ((config.actors === undefined) !== (flags.actors === undefined)) {
    const expected = config.actors ? `the server with channel ${config.actors.channel}` : "none, as the run has none";
    const hint = config.actors ? "Only the command names a server: give it again with --actors." : "";
    throw new InputError({ where: "--actors", expected, got: flags.actors === undefined ? "none" : "one", hint });
  }
  expectActorsGiven(flags);
  // A loop in a shell repeats the same command until it succeeds.
  if (isComplete(run) && (flags.steps === undefined || flags.steps === readResult(run).steps)) {
    const { steps } = readResult(run);
    print(
      `${run} is finished, after ${whole(steps)} steps. To continue: ${resumeCommand(run, flags.actors)} --steps ${2 * steps}`,
    );
    return;
  }
  const options = chosenOutsideOptions(flags);
  const nameOrPath = environmentOf(run, config, { given: flags.environment, quiet: listener !== undefined, options });
  const loading = (): string => `environment ${nameOrPath}`;
  const context = { stepTimeout: milliseconds(flags.stepTimeout), onLine: printError };
  const loaded = await guarded(loading, () => loadEnvironment(nameOrPath, options, context));
  if (flags.environment !== undefined) expectOwnEnvironment(run, config, loaded, flags.environment);
  // Also if it was not moved: it may have changed, or be that of an earlier version, which kept no hash.
  const { environmentOptions: _, ...others } = config;
  const moved = { ...others, ...environmentEntries(fromStart(run), loaded) };
  for (const [field, kept] of Object.entries(decidingOptions(config))) {
    const name = field.replace(/^.* /, "");
    const now = decidingOptions(moved)[field];
    const shown = kept === undefined ? "none" : JSON.stringify(kept);
    const hint = `A run keeps its environment: ${
      kept === undefined
        ? `leave --${name} out`
        : `give ${outsideArguments({ [name]: kept })
            .map(inShell)
            .join(" ")}`
    }.`;
    expect(
      isDeepStrictEqual(now, kept),
      `--${name}`,
      `${shown}, as ${run} has it`,
      JSON.stringify(now) ?? "none",
      hint,
    );
  }
  const planned = planFor(moved, flags.steps, checkpoint.steps);
  const arithmetic = arithmeticOf(config);
  const keeps = `${run} keeps the arithmetic it started with: resume it where there is one, with Node 22 or newer for example.`;
  const explained = explanations(verbose, listener !== undefined);
  const backend = await backendFor({ ...flags, arithmetic }, explained, keeps);
  const made = await trainingEnvironments(loaded, loading, config.actors ? 0 : (config.environments ?? 1));
  const { environment, environments, evaluationEnvironment } = made;
  await closing(nameOrPath, [...environments, evaluationEnvironment], async () => {
    const agent = await Ddpg.load(checkpoint.bytes, environment, { backend, threads: threadsFor(flags) });
    explainOneThread(flags, agent, explained);
    const tooLarge = memoryWarning(agent.replayBuffer, planned.steps * agent.rowsPerStep);
    if (tooLarge) warn(tooLarge);
    checkpoint.bytes = new Uint8Array(0); // they are as large as the replay buffer
    const wanted = DiagnosticsMeans.stateSize(agent.units.actionSize);
    expect(checkpoint.means.length === wanted, `${run} run.means`, `${wanted} numbers`, checkpoint.means.length);
    const checkpoints = new CheckpointClock(flags.checkpointEvery);
    const actors = config.actors && (await RunActors.open(flags, agent, config, savedTransitions(run, checkpoint)));
    if (!listener) {
      print([
        `run            ${run}: ${nameOrPath}, preset ${config.preset}, seed ${config.seed}`,
        ...(environments.length > 1 ? [`environments   ${environments.length}, at once`] : []),
        `resumes        after step ${whole(checkpoint.steps)} of ${whole(planned.steps)}`,
        ...(actors ? actorsLines(nameOrPath, config, actors.address) : []),
        `compute        ${computeText(backend, agent)}`,
        `checkpoints    ${checkpoints}`,
        "",
      ]);
    }
    const running = runTraining({
      agent,
      actors,
      environments,
      evaluationEnvironment,
      name: nameOrPath,
      config: planned,
      directory: run,
      checkpoints,
      checkpoint,
      stepTimeout: milliseconds(flags.stepTimeout),
      progress: flags.progress,
      ...(listener && { onProgress: listener.onProgress }),
      warn,
    });
    await running.finally(() => actors?.close());
  });
}

/** Where a run with actors is in their stream. */
function savedTransitions(run: string, { state }: Pick<Checkpoint, "state">): StreamState {
  const { transitions } = state;
  expect(transitions !== undefined, `${run} checkpoint transitions`, "a place in the stream of its actors", "none");
  return transitions;
}

/** Throws an InputError unless the environment that the user named can be that of the run. */
function expectOwnEnvironment(run: string, config: RunConfig, loaded: LoadedEnvironment, given: string): void {
  const hint = "A run keeps its environment.";
  const isModule = config.environmentModule !== undefined && loaded.module !== undefined;
  const [word, other] = [config.environment, loaded.name].map((name) => outsideAddress(name)?.word);
  if (word === undefined || !isModule) {
    const isSame = isModule ? other === undefined : loaded.name === config.environment && word !== undefined;
    const expected = word === undefined ? `the module of ${run}` : config.environment;
    expect(isSame, "--environment", expected, given, hint);
  } else expect(word === other, "--environment", `the program of ${run}, with ${word}:`, given, hint);
}

/**
 * The plan of a resumed run. With an explicit number of steps, it continues even if an evaluation had already reached
 * the return that ends it.
 */
function planFor(config: RunConfig, steps: number | undefined, taken: number): RunConfig {
  if (steps === undefined) return config;
  // With as many, only the end of the run was missing.
  expect(steps >= taken, "--steps", `at least the ${whole(taken)} steps already taken`, steps);
  const { untilReturn, ...rest } = config;
  return { ...rest, steps };
}
