import { NotFiniteError } from "../nn/adam.ts";
import type { Ddpg } from "./ddpg.ts";
import type { Environment } from "./environment.ts";
import { EnvironmentCalls, isPromise, nameOf } from "./environment-calls.ts";
import { letMacrotasksRun } from "./macrotask.ts";
import { ScaleMonitor } from "./scale-monitor.ts";

export interface TrainOptions {
  /** What errors call the environment; its own name, or its class's, unless given. */
  name?: string;
}

/** One time step of training; reused by the next. */
export interface TrainingStep {
  /** Time steps since `train` began, from 1. */
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
 * Algorithm 1's two loops, one update a time step, without an end: the caller leaves with `break`. Yields every time
 * step. Timers, messages and drawing go on beside it. The environment stays open.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment,
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  const { observationSize } = environment;
  const name = options.name ?? nameOf(environment);
  agent.units.expectSame(environment, name);
  const monitor = new ScaleMonitor(observationSize);
  const scaled = new Float64Array(observationSize);
  const observation = new Float64Array(observationSize);
  const current: TrainingStep = {
    step: 0,
    observation: new Float64Array(observationSize),
    action: new Float32Array(0),
    reward: 0,
    learned: false,
    episode: null,
    warnings: [],
  };
  let length = 0;
  let episode = 1;
  const where = (): string => `${name} episode ${episode} step ${length}`;
  const calls = new EnvironmentCalls(environment, where);
  try {
    for (; ; episode++) {
      length = 0;
      let episodeReturn = 0;
      // Receive initial observation state s₁.
      await calls.reset(observation, agent.environmentRandom);

      for (let ended = false; !ended; ) {
        length++;
        const action = agent.explore(observation);
        // The agent's own array goes to nobody: an environment may write into what it is given.
        current.action = action.slice();
        const given = calls.step(current.observation, action);
        const result = isPromise(given) ? await given : given;

        agent.observe(observation, current.action, result.reward, current.observation, result.terminated);
        current.step++;
        try {
          current.learned = agent.learn();
        } catch (error) {
          if (error instanceof NotFiniteError)
            error.message = `${where()}, update ${agent.updates + 1}: ${error.message}`;
          throw error;
        }

        episodeReturn += result.reward;
        ended = result.terminated || result.truncated === true;
        if (ended) agent.endEpisode();
        current.reward = result.reward;
        current.episode = ended
          ? { number: episode, return: episodeReturn, length, terminated: result.terminated }
          : null;
        agent.units.scaleObservation(scaled, current.observation, name);
        current.warnings = monitor.add(scaled, result.reward * agent.settings.rewardScale);
        observation.set(current.observation);
        if (ended) length = 0;
        await letMacrotasksRun();
        yield current;
      }
    }
  } finally {
    if (length > 0) agent.endEpisode();
  }
}
