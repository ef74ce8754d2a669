import type { Backend } from "../kernels/backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { Network, networkTensors } from "../nn/network.ts";
import { allocateMatrix, Parameters } from "../nn/parameters.ts";
import { actorShape } from "./actor.ts";
import type { Ddpg } from "./ddpg.ts";

/**
 * Computes μ(s) for the observations of several bodies in one forward pass, with the bits of a pass for each. It has a
 * memory of its own, because that of an agent cannot grow, and so copies the actor's parameters after they changed.
 */
export class ActorRows {
  readonly #agent: Ddpg;
  readonly #parameters: Parameters;
  readonly #network: Network;
  readonly #observation: Matrix;
  /** The agent's `actorVersion` of the copied parameters. */
  #version = -1;

  static create(backend: Backend, agent: Ddpg, rows: number): Promise<ActorRows> {
    return buildOver(backend, (kernels) => new ActorRows(kernels, agent, rows));
  }

  private constructor(kernels: Kernels, agent: Ddpg, rows: number) {
    const { settings, units } = agent;
    const shape = actorShape(settings, units.observationSize, units.actionSize);
    this.#agent = agent;
    this.#parameters = new Parameters(kernels, networkTensors(shape), false);
    this.#network = new Network(kernels, shape, this.#parameters, rows, false);
    this.#observation = allocateMatrix(kernels, rows, units.observationSize);
  }

  /** Sets an observation [O] in the environment's units. Throws an InputError that begins with `where`. */
  observe(row: number, observation: ArrayLike<number>, where: string): void {
    const scaled = this.observation(row);
    this.#agent.units.scaleObservation(scaled, observation, where);
    this.#agent.observationNormalization?.apply(scaled);
  }

  /** The scaled observation of a row [O]; a view. */
  observation(row: number): Float32Array | Float64Array {
    const { data, rowStride, columns } = this.#observation;
    return data.subarray(row * rowStride, row * rowStride + columns);
  }

  /** Returns μ(s) [rows, A] in [−1, 1]; reused by the next call. */
  forward(): Matrix {
    const { actorVersion, actor } = this.#agent;
    if (this.#version !== actorVersion) this.#parameters.copyFrom(actor.parameters);
    this.#version = actorVersion;
    return this.#network.forward(this.#observation, null, false);
  }
}
