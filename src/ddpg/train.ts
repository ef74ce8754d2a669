import { letMacrotasksRun } from "../base/macrotask.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentCalls, isPromise, nameOf } from "../environment/environment-calls.ts";
import { NotFiniteError } from "../nn/adam.ts";
import { Body } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import { Watchdog } from "./watchdog.ts";

export interface TrainOptions {
  /** What errors call the environment; its own name, or its class's, unless given. */
  name?: string;
  /** Milliseconds that an answer of the environment, where it is a promise, may take; without an end unless given. */
  stepTimeout?: number | undefined;
}

/** One time step of training; reused by the next. */
export interface TrainingStep {
  /** Time steps since training began, from 1; for an agent that was loaded, since its first. */
  step: number;
  /** s′ [O] in the environment's units. */
  observation: Float64Array;
  /** a [A] in the environment's units, with noise. */
  action: Float32Array;
  reward: number;
  /** Whether an update followed. */
  learned: boolean;
  /** The episode that this step ended, else null. */
  episode: Episode | null;
  /** What a person should know, such as a bad scale of observations; mostly empty. */
  warnings: readonly string[];
}

/** An episode with exploration noise. */
export interface Episode {
  /** From 1. */
  number: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** Time steps. */
  length: number;
  /** Whether the task ended; else a time limit cut the episode. */
  terminated: boolean;
}

/**
 * The two loops of Algorithm 1, one update per time step, without an end: the caller leaves with `break`. Yields every
 * time step. Timers, messages and drawing keep running beside it. The environment stays open. An agent from `Ddpg.load`
 * continues where it was saved. Throws an EnvironmentError that names episode, step and field when the environment fails,
 * and a NotFiniteError when a loss, gradient or parameter stops being finite.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment,
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  const { name = nameOf(environment), stepTimeout } = options;
  agent.units.expectSame(environment, name);
  const body = enter(agent, environment);
  let warnings = body.enter(environment, name);
  if (warnings.length > 0) agent.endEpisode();
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
        current.action = action.slice(); // the environment may write into the array that it is given

        // 2. Execute action aₜ and observe reward rₜ and new state sₜ₊₁.
        const given = calls.step(current.observation, action);
        const { reward, terminated, truncated = false } = isPromise(given) ? await given : given;

        agent.observe(body.observation, current.action, reward, current.observation, terminated);
        current.learned = learn(agent, where);

        if (terminated || truncated) agent.endEpisode();
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

/** The body of a loaded agent, which continues where it was saved; for any other agent a new one. */
function enter(agent: Ddpg, { observationSize }: Environment): Body {
  const isLoaded = agent.loop !== null && agent.loop.environment === null;
  const body = isLoaded && agent.loop ? agent.loop : new Body(observationSize);
  agent.loop = body;
  return body;
}

/** One update; an error names the step and the update. */
function learn(agent: Ddpg, where: () => string): boolean {
  try {
    return agent.learn();
  } catch (error) {
    if (error instanceof NotFiniteError) error.message = `${where()}, update ${agent.updates + 1}: ${error.message}`;
    throw error;
  }
}
