// Computes μ(s) and Q(s, μ(s)) over a plane of observations, a few rows at a time so that training is not slowed.
import { actorShape } from "../src/ddpg/actor.ts";
import { criticShape } from "../src/ddpg/critic.ts";
import { type CriticHead, createHead } from "../src/ddpg/critic-loss.ts";
import type { Ddpg } from "../src/ddpg/ddpg.ts";
import { ObservationNormalization } from "../src/ddpg/observation-normalization.ts";
import { backendForSaved } from "../src/kernels/choose-backend.ts";
import { buildOver } from "../src/kernels/create.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import type { Matrix } from "../src/kernels/matrix.ts";
import { Network, networkTensors } from "../src/nn/network.ts";
import { allocateMatrix, Parameters } from "../src/nn/parameters.ts";
import type { Plane } from "./scenes.ts";
import { type Maps, mapSize } from "./source.ts";

/** The networks to map: an agent's, or those that a file holds. Without a critic there is no value map. */
export interface Networks
  extends Pick<Ddpg, "settings" | "units" | "arithmetic" | "observationNormalization" | "rewardFactor"> {
  readonly actor: { readonly parameters: Parameters };
  readonly critic: { readonly parameters: Parameters } | null;
}

/** Computes maps row by row, on copies of the networks, so that all rows show the parameters of the same moment. */
export class Grid {
  readonly #agent: Networks;
  readonly #plane: Plane;
  readonly #observation: Matrix;
  readonly #actor: Network;
  readonly #critic: Network;
  readonly #head: CriticHead;
  readonly #actorParameters: Parameters;
  readonly #criticParameters: Parameters;
  /** The agent's, when the maps were begun. */
  readonly #normalization: ObservationNormalization | null;
  #rewardFactor = 1;
  #maps: Maps | null = null;
  #row = 0;

  static async create(agent: Networks, plane: Plane): Promise<Grid> {
    const backend = await backendForSaved(agent.arithmetic, {});
    return buildOver(backend, (kernels) => new Grid(kernels, agent, plane));
  }

  private constructor(kernels: Kernels, agent: Networks, plane: Plane) {
    this.#agent = agent;
    this.#plane = plane;
    const { settings, units } = agent;
    const mu = actorShape(settings, units.observationSize, units.actionSize);
    const q = criticShape(settings, units.observationSize, units.actionSize);
    this.#actorParameters = new Parameters(kernels, networkTensors(mu), false);
    this.#criticParameters = new Parameters(kernels, networkTensors(q), false);
    this.#actor = new Network(kernels, mu, this.#actorParameters, mapSize, false);
    this.#critic = new Network(kernels, q, this.#criticParameters, mapSize, false);
    this.#head = createHead(settings, mapSize, kernels);
    this.#observation = allocateMatrix(kernels, mapSize, units.observationSize);
    this.#normalization = ObservationNormalization.create(settings, units.observationSize);
  }

  /** Works for about `ms` milliseconds. Returns the maps once they are complete. New maps are labeled with `step`. */
  advance(ms: number, step: number): Maps | null {
    const until = performance.now() + ms;
    if (!this.#maps) {
      this.#actorParameters.copyFrom(this.#agent.actor.parameters);
      if (this.#agent.critic) this.#criticParameters.copyFrom(this.#agent.critic.parameters);
      const { observationNormalization } = this.#agent;
      if (observationNormalization) this.#normalization?.restore(observationNormalization.save());
      this.#rewardFactor = this.#agent.rewardFactor;
      const cells = mapSize * mapSize;
      this.#maps = {
        step,
        columns: mapSize,
        rows: mapSize,
        action: new Float32Array(cells),
        value: this.#agent.critic && new Float32Array(cells),
      };
      this.#row = 0;
    }
    while (this.#row < mapSize) {
      this.#fillRow(this.#maps, this.#row++);
      if (performance.now() >= until) break;
    }
    if (this.#row < mapSize) return null;
    const maps = this.#maps;
    this.#maps = null;
    return maps;
  }

  #fillRow(maps: Maps, row: number): void {
    const { units } = this.#agent;
    const { x, y, observe } = this.#plane;
    const { data, rowStride } = this.#observation;
    for (let column = 0; column < mapSize; column++) {
      const start = column * rowStride;
      const out = data.subarray(start, start + units.observationSize);
      units.scaleObservation(out, observe(along(x, column), along(y, row)), "map");
    }
    this.#normalization?.applyToRows(this.#observation);
    const action = this.#actor.forward(this.#observation, null, false);
    const values = maps.value && this.#head.read(this.#critic.forward(this.#observation, action, false));
    const [low, high] = [units.actionLow[0], units.actionHigh[0]];
    for (let column = 0; column < mapSize; column++) {
      const cell = row * mapSize + column;
      maps.action[cell] = low + ((action.at(column, 0) + 1) / 2) * (high - low);
      if (maps.value && values) maps.value[cell] = values[column] / this.#rewardFactor;
    }
  }
}

function along({ from, to }: { from: number; to: number }, index: number): number {
  return from + ((to - from) * index) / (mapSize - 1);
}

/** The most transitions that a density reads. */
const maxRead = 20_000;

/** Counts the replay buffer's transitions that start in each cell of the plane: [rows, columns], a new array. */
export function replayDensity({ replayBuffer, units }: Ddpg, { x, y, point }: Plane): Float32Array {
  const counts = new Float32Array(mapSize * mapSize);
  const observation = new Float64Array(units.observationSize);
  for (const scaled of replayBuffer.observations(Math.max(1, Math.ceil(replayBuffer.size / maxRead)))) {
    for (let i = 0; i < observation.length; i++) {
      observation[i] = scaled[i] / units.observationScale[i] + units.observationOffset[i];
    }
    const [px, py] = point(observation);
    const column = Math.round(((px - x.from) / (x.to - x.from)) * (mapSize - 1));
    const row = Math.round(((py - y.from) / (y.to - y.from)) * (mapSize - 1));
    if (column >= 0 && column < mapSize && row >= 0 && row < mapSize) counts[row * mapSize + column]++;
  }
  return counts;
}
