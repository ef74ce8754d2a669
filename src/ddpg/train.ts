import { expect, expectObject, expectOptions } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import type { Environment } from "../environment/environment.ts";
import {
  EnvironmentCalls,
  expectEnvironment,
  expectStepTimeout,
  isPromise,
  nameOf,
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

/** One time step of training. The object is reused by the next step: copy what you keep. */
export interface TrainingStep {
  /** The number of the time step, from 1. A loaded agent continues the count. */
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
  /** The number of the episode, from 1. */
  number: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** The number of time steps. */
  length: number;
  /** Whether the task ended; otherwise a time limit cut the episode. */
  terminated: boolean;
}

/**
 * Trains an agent: the two loops of Algorithm 1, with one update per time step unless
 * `updateEvery` and `updatesPerStep` say otherwise. Yields every time step and never ends
 * by itself; leave the loop with `break`. Timers, messages and drawing keep running meanwhile. The environment is not
 * closed. An agent from `Ddpg.load` resumes where it was saved.
 *
 * Throws an InputError if the environment's sizes or bounds are not the agent's; an EnvironmentError that names
 * episode, step and field if the environment fails; and a NotFiniteError if a loss, gradient or parameter is no longer
 * finite.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment,
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  expectAgent(agent);
  expectEnvironment(environment, "train environment");
  expectOptions(options, "train");
  const { name = nameOf(environment), stepTimeout } = options;
  expectStepTimeout(stepTimeout, "train stepTimeout");
  agent.units.expectSame(environment, name);
  const body = enter(agent, environment);
  let warnings = body.enter(environment, name);
  if (warnings.length > 0) agent.endEpisode();
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
  body.at = body.length;
  try {
    for (;;) {
      // Receive initial observation state s₁.
      body.at = body.length;
      if (body.length === 0) await calls.reset(body.observation, agent.environmentRandom);

      for (let ended = false; !ended; ) {
        body.at = body.length + 1;
        const action = agent.explore(body.observation);
        current.action = action.slice(); // the environment may overwrite the array that it receives

        // 2. Execute action aₜ and observe reward rₜ and new state sₜ₊₁.
        const given = calls.step(current.observation, action);
        const { reward, terminated, truncated = false } = isPromise(given) ? await given : given;

        agent.observe(body.observation, current.action, reward, current.observation, terminated);
        if (terminated || truncated) agent.endEpisode();
        agent.takeTurn();
        current.learned = false;
        while (learnOnce(agent, where)) {
          current.learned = true;
          if (agent.schedule.isDue) await letMacrotasksRun(); // a round may take seconds
        }

        const seen = body.watchdog.look(agent, current.observation, reward, current.learned, name);
        current.episode = body.advance(current.observation, reward, terminated, truncated);
        current.step = body.step;
        current.reward = reward;
        current.warnings = Watchdog.join(warnings, seen);
        warnings = [];
        ended = current.episode !== null;
        await letMacrotasksRun();
        yield current;
      }
    }
  } finally {
    if (body.at > 0) agent.endEpisode();
    body.leave();
  }
}

/** Returns the body of a loaded agent, which resumes where it was saved, or a new body for any other agent. */
function enter(agent: Ddpg, { observationSize }: Environment): Body {
  const isLoaded = agent.loop !== null && agent.loop.environment === null;
  const body = isLoaded && agent.loop ? agent.loop : new Body(observationSize);
  agent.loop = body;
  return body;
}

function expectAgent(agent: Ddpg): void {
  const expected = "an agent, as from await Ddpg.create(environment)";
  expectObject(agent, "train agent", expected);
  expect(typeof agent.explore === "function", "train agent", expected, agent);
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
