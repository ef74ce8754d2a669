import { expect, expectObject, expectOptions } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { Random } from "../base/random.ts";
import type { Ddpg } from "../ddpg/ddpg.ts";
import { Units } from "../ddpg/units.ts";
import type { Environment } from "../environment/environment.ts";
import {
  EnvironmentCalls,
  EnvironmentError,
  expectEnvironment,
  expectStepTimeout,
  nameOf,
} from "../environment/environment-calls.ts";
import { borrow } from "../environment/environments-in-use.ts";
import { EpisodeInfo, type Info, meanInfo } from "../environment/episode-info.ts";
import { meanAndError } from "./aggregate.ts";

/** Which episodes `evaluate` runs, and what it measures. */
export interface EvaluationOptions {
  /** Number of episodes. Episode i starts from the same state in every evaluation. */
  episodes: number;
  /** Index of the first episode. 0 by default. */
  firstEpisode?: number;
  /** Q(s, μ(s)) in scaled rewards. If given, `valueBias` is measured. */
  value?: (observation: ArrayLike<number>) => number;
  /** γ, for `valueBias`. 1 by default. */
  discount?: number;
  /** The reward scale that the critic was trained with, for `valueBias`. 1 by default. */
  rewardScale?: number;
  /** The environment's name in errors. Its own name, or its class's, by default. */
  name?: string;
  /** Time limit in milliseconds for a promise that the environment returns. None by default. */
  stepTimeout?: number | undefined;
  /** Called after each episode. */
  onEpisode?: (done: number) => void;
}

const optionNames = Object.keys({
  ...{ episodes: true, firstEpisode: true, value: true, discount: true, rewardScale: true },
  ...{ name: true, stepTimeout: true, onEpisode: true },
} satisfies Record<keyof EvaluationOptions, true>);

/** The results of noise-free episodes. */
export interface Evaluation {
  /** Number of episodes. */
  episodes: number;
  /** Mean of `returns`. */
  meanReturn: number;
  /** Standard error of the mean: standard deviation of the returns / √episodes. NaN for a single episode. */
  standardError: number;
  /** Mean number of time steps. */
  meanLength: number;
  /** Σ r of each episode, undiscounted and unscaled: [episodes]. */
  returns: Float64Array;
  /**
   * Mean over episodes of Q(s₀, μ(s₀)) − Σ γᵗ rₜ, in scaled rewards. If an episode was truncated, the sum includes γᵀ
   * Q(s_T, μ(s_T)). A value above 0 means that the critic overestimates.
   */
  valueBias?: number;
  /**
   * The mean of each name of `Step.info` over the episodes that have it, of the last value in each episode. Absent if no
   * step has any.
   */
  info?: Readonly<Record<string, number>>;
}

/** An episode longer than this is assumed never to end, unless the environment has a limit of its own. */
const defaultMaxEpisodeSteps = 100_000;

/**
 * Runs noise-free episodes of an agent or a policy from fixed starts, which are the same for every seed. Does not
 * change training: if `train` is using the environment, its state is saved and restored. Throws an InputError if that
 * is impossible, because the environment has no `save` and `restore` and is in the middle of an episode of training, and
 * if the environment's sizes or bounds are not those of the agent or policy. Throws an EnvironmentError if the
 * environment breaks its contract.
 */
export async function evaluate(
  policy: { act(observation: Float64Array): Float32Array },
  environment: Environment,
  options: EvaluationOptions,
): Promise<Evaluation> {
  expectObject(policy, "evaluate policy", "an agent or a policy, with act");
  expect(typeof policy.act === "function", "evaluate policy", "an agent or a policy, with act", policy);
  expectEnvironment(environment, "evaluate environment");
  expectOptions(options, "evaluate", optionNames);
  const {
    episodes,
    firstEpisode = 0,
    value,
    discount = 1,
    rewardScale = 1,
    name = nameOf(environment),
    stepTimeout,
    onEpisode,
  } = options;
  // An agent or a policy knows the bounds that its actions are for. Anything else that acts may not.
  if ("units" in policy && policy.units instanceof Units) policy.units.expectSame(environment, name);
  expect(Number.isSafeInteger(episodes) && episodes > 0, "evaluate episodes", "a whole number above 0", episodes);
  const isStart = Number.isSafeInteger(firstEpisode) && firstEpisode >= 0;
  expect(isStart, "evaluate firstEpisode", "a whole number of at least 0", firstEpisode);
  for (const [option, given] of Object.entries({ value, onEpisode })) {
    expect(given === undefined || typeof given === "function", `evaluate ${option}`, "a function", given);
  }
  for (const [option, given] of Object.entries({ discount, rewardScale })) {
    expect(Number.isFinite(given), `evaluate ${option}`, "a finite number", given);
  }
  expectStepTimeout(stepTimeout, "evaluate stepTimeout");
  const starts = new Random("evaluation");
  const observation = new Float64Array(environment.observationSize);
  const returns = new Float64Array(episodes);
  const episodeInfo = new EpisodeInfo();
  const infos: (Info | undefined)[] = [];
  let steps = 0;
  let bias = 0;
  let episode = 0;
  let length = 0;
  const where = (): string => `${name} evaluation episode ${firstEpisode + episode + 1} step ${length}`;
  const calls = new EnvironmentCalls(environment, where, stepTimeout);
  const maxEpisodeSteps = environment.maxEpisodeSteps ?? defaultMaxEpisodeSteps;
  const run = async (): Promise<void> => {
    for (; episode < episodes; episode++) {
      length = 0;
      const start = starts.fork(`start ${firstEpisode + episode}`);
      await calls.reset(observation, start);
      let surplus = value ? value(observation) : 0;
      let weight = 1; // γᵗ
      for (let ended = false; !ended; ) {
        length++;
        if (length > maxEpisodeSteps) {
          throw new EnvironmentError(
            `${where()}: expected the episode to end within ${maxEpisodeSteps} steps, got no end. Wrap it in a TimeLimit.`,
          );
        }
        const { reward, terminated, truncated = false, info } = await calls.step(observation, policy.act(observation));
        returns[episode] += reward;
        if (info) episodeInfo.add(info, where);
        surplus -= weight * rewardScale * reward;
        weight *= discount;
        ended = terminated || truncated;
        if (value && ended && !terminated) surplus -= weight * value(observation);
        await letMacrotasksRun();
      }
      infos.push(episodeInfo.take());
      steps += length;
      bias += surplus;
      onEpisode?.(episode + 1);
    }
  };

  const giveBack = borrow(environment, name);
  try {
    await run();
  } catch (error) {
    try {
      giveBack();
    } catch {
      // The first error is the one to report.
    }
    throw error;
  }
  giveBack();

  const info = meanInfo(infos);
  const { mean: meanReturn, error: standardError } = meanAndError(returns);
  return {
    episodes,
    meanReturn,
    standardError,
    meanLength: steps / episodes,
    returns,
    ...(value && { valueBias: bias / episodes }),
    ...(info && { info }),
  };
}

/** Evaluates an agent in training as `evaluate` does, and measures the bias of its critic. */
export function evaluateAgent(
  agent: Ddpg,
  environment: Environment,
  options: Omit<EvaluationOptions, "value" | "discount" | "rewardScale">,
): Promise<Evaluation> {
  const { discount } = agent.settings;
  const rewardScale = agent.rewardFactor;
  const value = (observation: ArrayLike<number>): number => agent.value(observation);
  return evaluate(agent, environment, { ...options, value, discount, rewardScale });
}
