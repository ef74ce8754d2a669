import { expect, expectObject, expectOptions, InputError } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import type { Environment } from "../environment/environment.ts";
import {
  EnvironmentCalls,
  EnvironmentError,
  expectEnvironment,
  expectStepTimeout,
  isPromise,
  nameOf,
  saveState,
} from "../environment/environment-calls.ts";
import { NotFiniteError } from "../nn/adam.ts";
import { Body } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import { Watchdog } from "./watchdog.ts";

/** Options of `train`. */
export interface TrainOptions {
  /** The name that errors use for the environment. Default: its own name, or that of its class. */
  name?: string;
  /** The time limit for a promise that the environment returns, ms. Default: none. */
  stepTimeout?: number | undefined;
}

const optionNames = Object.keys({ name: true, stepTimeout: true } satisfies Record<keyof TrainOptions, true>);

/** One time step of training. The object is reused by the next step: copy what you keep. */
export interface TrainingStep {
  /** The number of the time step, from 1. Another loop of the same agent continues the count, also after a load. */
  step: number;
  /** s′ [O] in the environment's units. */
  observation: Float64Array;
  /** a [A] in the environment's units, with noise. */
  action: Float32Array;
  /** r, unscaled. */
  reward: number;
  /** Whether updates followed; the number of all updates is `agent.updates`. */
  learned: boolean;
  /** The episode that this step ended, else null. */
  episode: Episode | null;
  /** Warnings for the user, such as badly scaled observations; usually empty. */
  warnings: readonly string[];
}

/** An episode of training, with exploration noise. */
export interface Episode {
  /** The number of the episode, from 1. Another loop continues the count; an episode it left starts over. */
  number: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** The number of time steps. */
  length: number;
  /** Whether the task ended; otherwise a time limit cut the episode. */
  terminated: boolean;
  /** The last value of each name of `Step.info` in the episode. Absent if no step has any. */
  info?: Readonly<Record<string, number>>;
}

/**
 * Trains an agent: the two loops of Algorithm 1, with one update per time step unless
 * `updateEvery` and `updatesPerStep` say otherwise. Yields every time step and never ends
 * by itself; leave the loop with `break`. Timers, messages and drawing keep running meanwhile. The environment is not
 * closed. An agent from `Ddpg.load` resumes where it was saved. Inside the loop, `evaluate` may use the same environment
 * between two episodes, and always if it has `save` and `restore`.
 *
 * Throws an InputError if the environment's sizes or bounds are not the agent's, or if the agent or the environment is
 * in another loop; an EnvironmentError that names episode, step and field if the environment fails; and a
 * NotFiniteError if a loss, gradient or parameter is no longer finite.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment,
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  expectAgent(agent);
  expectEnvironment(environment, "train environment");
  expectOptions(options, "train", optionNames);
  const { name = nameOf(environment), stepTimeout } = options;
  expectStepTimeout(stepTimeout, "train stepTimeout");
  agent.units.expectSame(environment, name);
  const body = agent.loop ?? new Body(environment.observationSize);
  let warnings = body.enter(environment, name);
  agent.loop = body;
  if (warnings.length > 0) agent.endEpisode();
  if (environment.repeatable === false) {
    warnings = [...warnings, `${name} repeatable: expected true, got false. This run cannot be repeated.`];
  }
  warnings = Watchdog.join(agent.warnings, warnings);
  const where = (): string => `${name} episode ${body.episode} step ${body.at}`;
  const calls = new EnvironmentCalls(environment, where, stepTimeout);
  const current: TrainingStep = {
    step: 0,
    observation: new Float64Array(environment.observationSize),
    action: new Float32Array(0),
    reward: 0,
    learned: false,
    episode: null,
    warnings: [],
  };
  let isChecked = false;
  body.at = body.length;
  try {
    for (;;) {
      // Receive initial observation state s₁.
      if (body.length === 0) {
        body.startWaiting();
        await calls.reset(body.observation, agent.environmentRandom);
        body.stopWaiting();
      }
      // At once, because the first checkpoint may be hours away.
      if (!isChecked && environment.save && environment.restore) saveState(environment, name);
      isChecked = true;

      do {
        body.at = body.length + 1;
        body.startWaiting();
        const action = explored(agent, body.observation, where);
        current.action = action.slice(); // the environment may overwrite the array that it receives

        // 2. Execute action aₜ and observe reward rₜ and new state sₜ₊₁.
        const given = calls.step(current.observation, action);
        const { reward, terminated, truncated = false, info } = isPromise(given) ? await given : given;
        body.stopWaiting();
        if (info) body.info.add(info, where);

        try {
          agent.observe(body.observation, current.action, reward, current.observation, terminated);
        } catch (error) {
          throw asEnvironments(error, where);
        }
        if (terminated || truncated) agent.endEpisode();
        agent.takeTurn();
        current.learned = false;
        while (learnOnce(agent, where)) {
          current.learned = true;
          if (!agent.schedule.isDue) continue;
          // A round may take seconds. The step is not counted yet: an agent saved now would be between two moments.
          body.startWaiting();
          await letMacrotasksRun();
          body.stopWaiting();
        }

        const seen = body.watchdog.look(agent, current.observation, reward, current.learned, name);
        current.episode = body.advance(current.observation, reward, terminated, truncated);
        current.step = body.step;
        current.reward = reward;
        current.warnings = Watchdog.join(warnings, seen);
        warnings = [];
        await letMacrotasksRun();
        yield current;
      } while (body.length > 0); // also 0 if the episode was given up at the yield
    }
  } finally {
    if (body.at > 0) agent.endEpisode();
    body.exit();
  }
}

function expectAgent(agent: Ddpg): void {
  const expected = "an agent, as from await Ddpg.create(environment)";
  expectObject(agent, "train agent", expected);
  expect(typeof agent.explore === "function", "train agent", expected, agent);
}

function explored(agent: Ddpg, observation: Float64Array, where: () => string): Float32Array {
  try {
    return agent.explore(observation);
  } catch (error) {
    throw asEnvironments(error, where);
  }
}

/** A number may be too large only after scaling. That is about the environment, and named like its other errors. */
function asEnvironments(error: unknown, where: () => string): unknown {
  const method = /^Ddpg\.(explore|observe) /;
  if (!(error instanceof InputError && method.test(error.where))) return error;
  const field = error.where.replace(method, "").replace("nextObservation", "observation");
  return new EnvironmentError(error.at(`${where()} ${field}`).message, { cause: error });
}

/** Makes one update if one is due; an error names the step and the update. Returns whether there was an update. */
function learnOnce(agent: Ddpg, where: () => string): boolean {
  try {
    return agent.learnOnce();
  } catch (error) {
    if (error instanceof NotFiniteError) error.message = `${where()}, update ${agent.updates + 1}: ${error.message}`;
    throw error;
  }
}
