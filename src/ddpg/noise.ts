import { expect, expectNumbers, perDimension } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import type { Saved } from "../base/saved.ts";
import type { Settings } from "./config.ts";
import { ParameterNoise, type PerturbedActor } from "./parameter-noise.ts";
import { PinkNoise } from "./pink-noise.ts";

// Shapes: A action. All noise is in half-ranges of the action: 1 is from the middle of its bounds to their end.

/** What the policy is asked for, and its answer: a scaled observation [O] and μ(s) in [−1, 1] [A]. */
export interface ActingPoint {
  readonly observation: ArrayLike<number>;
  readonly action: ArrayLike<number>;
}

/** Exploration noise that is added to the policy's action (𝒩 in the paper). */
export interface Noise extends Saved {
  /** Returns the next value [A]; reused by the next call. Parameter and action-reverting noise depend on the point. */
  sample(at?: ActingPoint): Float64Array;
  /** Restarts the process at the beginning of an episode. */
  restart(): void;
}

/** θ, μ and σ of each dimension [A], and Δt. */
export interface Process {
  readonly theta: Float64Array;
  readonly mean: Float64Array;
  readonly sigma: Float64Array;
  readonly timeStep: number;
}

/**
 * Ornstein–Uhlenbeck noise (paper §7): x ← x + θ (μ − x) Δt + σ √Δt · N(0, 1), from x = 0 at each episode's start. Its
 * stationary variance is σ² Δt / (1 − (1 − θΔt)²), and the correlation of consecutive values is 1 − θΔt.
 */
export class OrnsteinUhlenbeckNoise implements Noise {
  readonly #process: Process;
  readonly #random: Random;
  readonly #x: Float64Array;

  constructor(process: Process, random: Random) {
    this.#process = process;
    this.#random = random;
    this.#x = new Float64Array(process.sigma.length);
  }

  get stateSize(): number {
    return this.#random.stateSize + this.#x.length;
  }

  sample(): Float64Array {
    const x = this.#x;
    for (let i = 0; i < x.length; i++) x[i] += change(this.#process, x[i], i, this.#random);
    return x;
  }

  restart(): void {
    this.#x.fill(0);
  }

  save(): Float64Array {
    const state = new Float64Array(this.stateSize);
    state.set(this.#random.save());
    state.set(this.#x, this.#random.stateSize);
    return state;
  }

  restore(state: Float64Array, where = "Noise.restore state"): void {
    expectNumbers(state, this.stateSize, where);
    this.#random.restore(state.subarray(0, this.#random.stateSize), where);
    this.#x.set(state.subarray(this.#random.stateSize));
  }
}

/** θ (μ − x) Δt + σ √Δt · N(0, 1) of dimension i: how an Ornstein–Uhlenbeck process changes from x in a step. */
function change({ theta, mean, sigma, timeStep }: Process, x: number, i: number, random: Random): number {
  return theta[i] * (mean[i] - x) * timeStep + sigma[i] * Math.sqrt(timeStep) * random.normal();
}

/** Noise of which nothing but the state of its random stream is kept from step to step. */
abstract class Memoryless implements Noise {
  protected readonly random: Random;
  /** The value of the last call [A]. */
  protected readonly x: Float64Array;

  constructor(size: number, random: Random) {
    this.random = random;
    this.x = new Float64Array(size);
  }

  get stateSize(): number {
    return this.random.stateSize;
  }

  abstract sample(at?: ActingPoint): Float64Array;

  restart(): void {}

  save(): Float64Array {
    return Float64Array.from(this.random.save());
  }

  restore(state: Float64Array, where = "Noise.restore state"): void {
    this.random.restore(state, where);
  }
}

/**
 * Noise that pulls the action itself to μ, as in DDPG-Keras-Torcs: θ (μ − a) Δt + σ √Δt · N(0, 1), where a is the policy's
 * action in [−1, 1].
 */
class ActionRevertingNoise extends Memoryless {
  readonly #process: Process;

  constructor(process: Process, random: Random) {
    super(process.sigma.length, random);
    this.#process = process;
  }

  sample(at?: Pick<ActingPoint, "action">): Float64Array {
    expect(at !== undefined, "Noise.sample", "the policy's action", at);
    for (let i = 0; i < this.x.length; i++) this.x[i] = change(this.#process, at.action[i], i, this.random);
    return this.x;
  }
}

/** Independent normal noise with a standard deviation per dimension. */
export class GaussianNoise extends Memoryless {
  readonly #deviation: Float64Array;

  constructor(deviation: Float64Array, random: Random) {
    super(deviation.length, random);
    this.#deviation = deviation;
  }

  sample(): Float64Array {
    for (let i = 0; i < this.x.length; i++) this.x[i] = this.#deviation[i] * this.random.normal();
    return this.x;
  }
}

/** The NumPy program's offset: scale / (1 + episode + step), both counted from 0. Nothing in it is random. */
export class DecayingOffset implements Noise {
  readonly stateSize = 2;
  readonly #scale: Float64Array;
  readonly #x: Float64Array;
  #episode = 0;
  #step = 0;

  constructor(scale: Float64Array) {
    this.#scale = scale;
    this.#x = new Float64Array(scale.length);
  }

  sample(): Float64Array {
    for (let i = 0; i < this.#x.length; i++) this.#x[i] = this.#scale[i] / (1 + this.#episode + this.#step);
    this.#step++;
    return this.#x;
  }

  restart(): void {
    this.#episode++;
    this.#step = 0;
  }

  save(): Float64Array {
    return Float64Array.of(this.#episode, this.#step);
  }

  restore(state: Float64Array, where = "Noise.restore state"): void {
    for (const [i, count] of state.entries())
      expect(Number.isSafeInteger(count) && count >= 0, `${where}[${i}]`, "a whole number of at least 0", count);
    [this.#episode, this.#step] = state;
  }
}

class NoNoise implements Noise {
  readonly stateSize = 0;
  readonly #x: Float64Array;

  constructor(size: number) {
    this.#x = new Float64Array(size);
  }

  sample(): Float64Array {
    return this.#x;
  }

  restart(): void {}

  save(): Float64Array {
    return new Float64Array(0);
  }

  restore(): void {}
}

/**
 * Creates the noise that the settings specify, for A dimensions. Throws an InputError unless `noiseScale`, `noiseTheta`
 * and `noiseMean` each have one value, or A. Parameter noise without a perturbed actor can be saved and restored, but not sampled.
 */
export function createNoise(
  settings: Settings,
  actionSize: number,
  random: Random,
  perturbed: PerturbedActor | null = null,
): Noise {
  const scale = perDimension(settings.noiseScale, actionSize, "noiseScale");
  const theta = perDimension(settings.noiseTheta, actionSize, "noiseTheta");
  const mean = perDimension(settings.noiseMean, actionSize, "noiseMean");
  const process = { theta, mean, sigma: scale, timeStep: settings.noiseTimeStep };
  switch (settings.noise) {
    case "ornstein-uhlenbeck":
      return new OrnsteinUhlenbeckNoise(process, random);
    case "action-reverting":
      return new ActionRevertingNoise(process, random);
    case "gaussian":
      return new GaussianNoise(scale, random);
    case "decaying-offset":
      return new DecayingOffset(scale);
    case "pink":
      return new PinkNoise(scale, random);
    case "parameter":
      return new ParameterNoise(scale, random, perturbed);
    case "none":
      return new NoNoise(actionSize);
  }
}

/** Returns the fraction of the noise that is left `steps` steps after the warm-up, by linear annealing. */
export function annealing(settings: Settings, steps: number): number {
  const { noiseAnnealSteps, noiseFinalFraction } = settings;
  if (noiseAnnealSteps === 0) return 1;
  const progress = Math.min(1, Math.max(0, steps / noiseAnnealSteps));
  return 1 - (1 - noiseFinalFraction) * progress;
}
