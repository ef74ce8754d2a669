// Adaptive parameter noise (Plappert et al., arXiv 1706.01905): the body acts by a copy of the actor whose parameters have
// noise. How large that noise is adapts, so that the actions differ from the actor's by a given distance.
import { expect, expectNumbers } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { Network, networkTensors } from "../nn/network.ts";
import { allocateMatrix, Parameters } from "../nn/parameters.ts";
import type { ActingPoint, Noise } from "./noise.ts";

/** A copy of the actor with noise in its weights and biases. All bodies of an agent share its memory. */
export class PerturbedActor {
  readonly #actor: Parameters;
  readonly #parameters: Parameters;
  readonly #network: Network;
  readonly #observation: Matrix;

  constructor(kernels: Kernels, shape: NetworkShape, actor: Parameters) {
    this.#actor = actor;
    this.#parameters = new Parameters(kernels, networkTensors(shape), false);
    this.#network = new Network(kernels, shape, this.#parameters, 1, false);
    this.#observation = allocateMatrix(kernels, 1, shape.inputSize);
  }

  /**
   * Returns a direction in which to move the parameters: independent normal numbers for weights and biases, 0 for the
   * scales and shifts of normalizations, as in the paper.
   */
  direction(random: Random): Float32Array {
    const { tensors, values } = this.#actor;
    const direction = new Float32Array(values.length);
    for (const { kind, start, rows, columns, rowStride } of tensors) {
      if (kind !== "weights" && kind !== "biases") continue;
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) direction[start + i * rowStride + j] = random.normal();
    }
    return direction;
  }

  /** Returns the action [1, A] in [−1, 1] of the actor whose parameters are moved by `size` · `direction`. */
  act(observation: ArrayLike<number>, direction: Float32Array, size: number): Matrix {
    const parameters = this.#parameters;
    parameters.copyFrom(this.#actor); // with the running averages
    const { values } = parameters;
    for (let i = 0; i < values.length; i++) values[i] += size * direction[i];
    for (let i = 0; i < this.#observation.columns; i++) this.#observation.data[i] = observation[i];
    return this.#network.forward(this.#observation, null, false);
  }
}

/** The size changes by this factor after this many steps, as in OpenAI Baselines. */
const factor = 1.01;
const stepsToAdapt = 50;

/** The largest size: an actor whose actions no noise changes would otherwise make it infinite. */
const maxSize = 10;

/**
 * The noise of a body that acts by a perturbed actor: μ̃(s) − μ(s), where μ̃ has the parameters θ + σ ε. ε is drawn at the
 * start of each episode. θ is the actor's at the time of the action: in the paper it stays that of the episode's start,
 * but then the distance would include what the actor learned since. Every 50 steps σ is multiplied by 1.01 if the actions
 * of these steps were closer than δ to the actor's, and divided by 1.01 otherwise. The distance is the root of the mean
 * square over steps and dimensions. σ starts at δ.
 */
export class ParameterNoise implements Noise {
  readonly stateSize = 4;
  readonly #target: number;
  readonly #random: Random;
  readonly #perturbed: PerturbedActor | null;
  readonly #x: Float64Array;
  /** ε; null until it is needed. Its numbers come from the stream of its episode, so a file need not have them. */
  #direction: Float32Array | null = null;
  #episode = 0;
  #size: number;
  /** Over the steps since the size was adapted: the sum of mean squares, and the number of steps. */
  #squares = 0;
  #steps = 0;

  /** `target` is δ, for each dimension: its root mean square counts. Without an actor it can be saved, but not sampled. */
  constructor(target: Float64Array, random: Random, perturbed: PerturbedActor | null) {
    this.#target = Math.sqrt(target.reduce((sum, each) => sum + each * each, 0) / target.length);
    this.#random = random;
    this.#perturbed = perturbed;
    this.#x = new Float64Array(target.length);
    this.#size = Math.min(maxSize, this.#target);
  }

  /** σ */
  get size(): number {
    return this.#size;
  }

  sample(at?: ActingPoint): Float64Array {
    if (!this.#perturbed || !at) throw new Error("ParameterNoise.sample: there is no actor");
    this.#direction ??= this.#perturbed.direction(this.#random.fork(`episode ${this.#episode}`));
    const perturbed = this.#perturbed.act(at.observation, this.#direction, this.#size);
    const x = this.#x;
    let squares = 0;
    for (let i = 0; i < x.length; i++) {
      x[i] = perturbed.at(0, i) - at.action[i];
      squares += x[i] * x[i];
    }
    this.#squares += squares / x.length;
    if (++this.#steps === stepsToAdapt) this.#adapt();
    return x;
  }

  #adapt(): void {
    const distance = Math.sqrt(this.#squares / this.#steps);
    this.#size = Math.min(maxSize, distance < this.#target ? this.#size * factor : this.#size / factor);
    this.#squares = 0;
    this.#steps = 0;
  }

  restart(): void {
    this.#episode++;
    this.#direction = null;
  }

  save(): Float64Array {
    return Float64Array.of(this.#episode, this.#size, this.#squares, this.#steps);
  }

  restore(state: Float64Array, where = "Noise.restore state"): void {
    expectNumbers(state, this.stateSize, where);
    const [episode, size, squares, steps] = state;
    expect(Number.isSafeInteger(episode) && episode >= 0, `${where}[0]`, "a whole number of at least 0", episode);
    expect(size >= 0 && size <= maxSize, `${where}[1]`, `a number from 0 to ${maxSize}`, size);
    expect(squares >= 0, `${where}[2]`, "a number of at least 0", squares);
    const isCount = Number.isInteger(steps) && steps >= 0 && steps < stepsToAdapt;
    expect(isCount, `${where}[3]`, `a whole number from 0 to ${stepsToAdapt - 1}`, steps);
    [this.#episode, this.#size, this.#squares, this.#steps] = state;
    this.#direction = null;
  }
}
