import { expect } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { Random } from "../base/random.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentCalls, EnvironmentError, nameOf } from "../environment/environment-calls.ts";

/** Which episodes `evaluate` runs, and what it measures. */
export interface EvaluationOptions {
  /** How many episodes; number i starts from the same state in every evaluation. */
  episodes: number;
  /** The number of the first one; 0 unless given. */
  firstEpisode?: number;
  /** Q(s, μ(s)) of scaled rewards; with it, `valueBias` is measured. */
  value?: (observation: ArrayLike<number>) => number;
  /** γ, for `valueBias`. 1 unless given. */
  discount?: number;
  /** What the critic's rewards were multiplied by, for `valueBias`. 1 unless given. */
  rewardScale?: number;
  /** What errors call the environment; its own name, or its class's, unless given. */
  name?: string;
  /** Milliseconds that an answer of the environment, where it is a promise, may take; without an end unless given. */
  stepTimeout?: number | undefined;
  /** Called after each episode. */
  onEpisode?: (done: number) => void;
}

/** What noise-free episodes gave. */
export interface Evaluation {
  /** How many episodes were run. */
  episodes: number;
  /** Mean of `returns`. */
  meanReturn: number;
  /** Of the mean: the returns' standard deviation / √episodes. NaN for a single episode. */
  standardError: number;
  /** Time steps. */
  meanLength: number;
  /** Σ r of each episode, undiscounted and unscaled. */
  returns: Float64Array;
  /**
   * Mean over episodes of Q(s₀, μ(s₀)) − Σ γᵗ rₜ; where an episode was truncated, γᵀ Q(s_T, μ(s_T)) belongs to the sum.
   * Above 0 the critic hopes for too much.
   */
  valueBias?: number;
}

/** An episode that goes on for longer will hardly end. */
const longestEpisode = 100_000;

/**
 * Noise-free episodes of an agent or a policy from fixed starts, the same ones for every seed. Changes nothing in
 * training, if the environment is not the one that is trained on. Throws an EnvironmentError when the environment does
 * not keep its promises.
 */
export async function evaluate(
  policy: { act(observation: Float64Array): Float32Array },
  environment: Environment,
  options: EvaluationOptions,
): Promise<Evaluation> {
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
  expect(Number.isSafeInteger(episodes) && episodes > 0, "evaluate episodes", "a whole number above 0", episodes);
  const starts = new Random("evaluation");
  const observation = new Float64Array(environment.observationSize);
  const returns = new Float64Array(episodes);
  let steps = 0;
  let bias = 0;
  let episode = 0;
  let length = 0;
  const where = (): string => `${name} evaluation episode ${firstEpisode + episode + 1} step ${length}`;
  const calls = new EnvironmentCalls(environment, where, stepTimeout);

  for (; episode < episodes; episode++) {
    length = 0;
    const start = starts.fork(`start ${firstEpisode + episode}`);
    await calls.reset(observation, start);
    let surplus = value ? value(observation) : 0;
    let weight = 1; // γᵗ
    for (let ended = false; !ended; ) {
      length++;
      if (length > longestEpisode) {
        throw new EnvironmentError(
          `${where()}: expected the episode to end within ${longestEpisode} steps, got no end. Wrap it in a TimeLimit.`,
        );
      }
      const { reward, terminated, truncated = false } = await calls.step(observation, policy.act(observation));
      returns[episode] += reward;
      surplus -= weight * rewardScale * reward;
      weight *= discount;
      ended = terminated || truncated;
      if (value && ended && !terminated) surplus -= weight * value(observation);
      await letMacrotasksRun();
    }
    steps += length;
    bias += surplus;
    onEpisode?.(episode + 1);
  }

  const meanReturn = returns.reduce((sum, x) => sum + x, 0) / episodes;
  const squares = returns.reduce((sum, x) => sum + (x - meanReturn) * (x - meanReturn), 0);
  return {
    episodes,
    meanReturn,
    standardError: Math.sqrt(squares / (episodes - 1) / episodes),
    meanLength: steps / episodes,
    returns,
    ...(value && { valueBias: bias / episodes }),
  };
}
