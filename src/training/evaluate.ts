import { expect, expectNumbers } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import type { Environment, Step } from "../ddpg/environment.ts";
import { letMacrotasksRun } from "../ddpg/macrotask.ts";
import { EnvironmentError } from "../ddpg/train.ts";

export interface EvaluationOptions {
  /** How many episodes; number i starts from the same state in every evaluation. */
  episodes: number;
  /** Q(s, μ(s)) of scaled rewards; with it, `valueBias` is measured. */
  value?: (observation: ArrayLike<number>) => number;
  /** γ, for `valueBias`. 1 unless given. */
  discount?: number;
  /** What the critic's rewards were multiplied by, for `valueBias`. 1 unless given. */
  rewardScale?: number;
  /** What errors call the environment; its class's name unless given. */
  name?: string;
  /** Called after each episode. */
  onEpisode?: (done: number) => void;
}

/** What noise-free episodes gave. */
export interface Evaluation {
  episodes: number;
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
 * Noise-free episodes from fixed starts, the same ones for every seed. Changes nothing in training, if the environment
 * is not the one that is trained on. Throws an EnvironmentError when the environment does not keep its promises.
 */
export async function evaluate(
  act: (observation: Float64Array) => Float32Array,
  environment: Environment,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { episodes, value, discount = 1, rewardScale = 1, name = environment.constructor.name, onEpisode } = options;
  expect(Number.isSafeInteger(episodes) && episodes > 0, "evaluate episodes", "a whole number above 0", episodes);
  const starts = new Random("evaluation");
  const observation = new Float64Array(environment.observationSize);
  const returns = new Float64Array(episodes);
  let steps = 0;
  let bias = 0;
  let episode = 0;
  let length = 0;
  const where = (): string => `${name} evaluation episode ${episode + 1} step ${length}`;

  for (; episode < episodes; episode++) {
    length = 0;
    const start = starts.fork(`start ${episode}`);
    const first = await called(() => environment.reset(start), where);
    checked(() => read(observation, first), where);
    let surplus = value ? value(observation) : 0;
    let weight = 1; // γᵗ
    for (let ended = false; !ended; ) {
      length++;
      if (length > longestEpisode) {
        throw new EnvironmentError(
          `${where()}: expected the episode to end within ${longestEpisode} steps, got no end. Wrap it in a TimeLimit.`,
        );
      }
      const action = act(observation);
      const step = await called(() => environment.step(action), where);
      checked(() => expectStep(step), where);
      const { reward, terminated, truncated = false } = step;
      checked(() => read(observation, step.observation), where);
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

/** Calls into the environment; what it throws or rejects with is told with where it happened. */
async function called<T>(call: () => T | Promise<T>, where: () => string): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new EnvironmentError(`${where()}: ${message(error)}`, { cause: error });
  }
}

function checked(check: () => void, where: () => string): void {
  try {
    check();
  } catch (error) {
    throw new EnvironmentError(`${where()} ${message(error)}`);
  }
}

function expectStep(step: Step): void {
  expect(typeof step === "object" && step !== null, "result", "a step { observation, reward, terminated }", step);
  const { reward, terminated, truncated } = step;
  expect(Number.isFinite(reward), "reward", "a finite number", reward);
  expect(typeof terminated === "boolean", "terminated", "true or false", terminated);
  expect(truncated === undefined || typeof truncated === "boolean", "truncated", "true or false", truncated);
}

function read(out: Float64Array, observation: ArrayLike<number>): void {
  expectNumbers(observation, out.length, "observation");
  out.set(observation);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
