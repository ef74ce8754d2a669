import { expect, expectNumbers } from "../base/expect.ts";
import type { Ddpg } from "./ddpg.ts";
import type { Environment, Step } from "./environment.ts";
import { letMacrotasksRun } from "./macrotask.ts";
import { ScaleMonitor } from "./scale-monitor.ts";

export interface TrainOptions {
  /** What errors call the environment; its class's name unless given. */
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

/** An environment threw, or gave something that is no step. Names environment, episode, step and field. */
export class EnvironmentError extends Error {
  override name = "EnvironmentError";
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
  const name = options.name ?? environment.constructor.name;
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
  const where = (): string => `${name} episode ${episode} step ${length}`;
  let episode = 1;
  try {
    for (; ; episode++) {
      length = 0;
      let episodeReturn = 0;
      // Receive initial observation state s₁.
      const first = await called(() => environment.reset(agent.environmentRandom), where);
      read(observation, first, where);

      for (let ended = false; !ended; ) {
        length++;
        const action = agent.explore(observation);
        // The agent's own array goes to nobody: an environment may write into what it is given.
        current.action = action.slice();
        let given = called(() => environment.step(action), where);
        if (given instanceof Promise) given = await given;
        const result = expectStep(given, where);
        read(current.observation, result.observation, where);

        agent.observe(observation, current.action, result.reward, current.observation, result.terminated);
        current.step++;
        try {
          current.learned = agent.learn();
        } catch (error) {
          throw new Error(`${where()}, update ${agent.updates + 1}: ${message(error)}`, { cause: error });
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

/** Calls into an environment; what it throws or rejects with is told with where it happened. */
function called<T>(call: () => T | Promise<T>, where: () => string): T | Promise<T> {
  const fail = (error: unknown): never => {
    throw new EnvironmentError(`${where()}: ${message(error)}`, { cause: error });
  };
  try {
    const result = call();
    return isPromise(result) ? Promise.resolve(result).catch(fail) : result;
  } catch (error) {
    return fail(error);
  }
}

function expectStep(result: Step, where: () => string): Step {
  try {
    const given = typeof result === "object" && result !== null;
    expect(given, "", "a step { observation, reward, terminated }", result);
    const { reward, terminated, truncated } = result;
    expect(Number.isFinite(reward), " reward", "a finite number", reward);
    expect(typeof terminated === "boolean", " terminated", "true or false", terminated);
    expect(truncated === undefined || typeof truncated === "boolean", " truncated", "true or false", truncated);
    return result;
  } catch (error) {
    throw new EnvironmentError(`${where()}${message(error)}`);
  }
}

/** Copies an observation, checked. */
function read(out: Float64Array, observation: ArrayLike<number>, where: () => string): void {
  try {
    expectNumbers(observation, out.length, "");
    out.set(observation);
  } catch (error) {
    throw new EnvironmentError(`${where()} observation${message(error)}`);
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
