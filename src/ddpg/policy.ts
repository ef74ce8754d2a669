import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import { Network, type NetworkShape } from "../nn/network.ts";
import { allocateMatrix, type Parameters } from "../nn/parameters.ts";
import type { Units } from "./units.ts";

/** A trained policy: from an observation to an action, both in the environment's units. */
export class Policy {
  readonly units: Units;
  readonly shape: NetworkShape;
  readonly parameters: Parameters;
  readonly #network: Network;
  readonly #observation: Matrix;
  readonly #unitAction: Float64Array;

  /** Over an actor's parameters, which stay its own; `Policy.load` makes one from a file's bytes. */
  constructor(kernels: Kernels, shape: NetworkShape, parameters: Parameters, units: Units) {
    this.units = units;
    this.shape = shape;
    this.parameters = parameters;
    this.#network = new Network(kernels, shape, parameters, 1, false);
    this.#observation = allocateMatrix(kernels, 1, units.observationSize);
    this.#unitAction = new Float64Array(units.actionSize);
  }

  /** μ(s) in the environment's units; a fresh array [A]. Throws unless the observation is O finite numbers. */
  act(observation: ArrayLike<number>): Float32Array {
    return this.units.toEnvironment(this.forward(observation, "Policy.act observation"));
  }

  /** μ(s) in [−1, 1]: [A]; reused by the next call. An error begins with `where`. */
  forward(observation: ArrayLike<number>, where: string): Float64Array {
    this.units.scaleObservation(this.#observation.data, observation, where);
    const action = this.#network.forward(this.#observation, null, false);
    for (let i = 0; i < this.#unitAction.length; i++) this.#unitAction[i] = action.data[i];
    return this.#unitAction;
  }
}
