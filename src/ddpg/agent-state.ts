// An agent as the contents of a safetensors file: everything that its next steps depend on, and nothing else. Shapes of
// the tensors are in docs/decisions/0011-checkpoints.md.
import { expect } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import { type Safetensors, type Tensor, tensorOf } from "../base/safetensors.ts";
import { Network } from "../nn/network.ts";
import { type Actor, actorShape } from "./actor.ts";
import { type Settings, settingNames } from "./config.ts";
import { type Critic, criticShape } from "./critic.ts";
import type { Ddpg } from "./ddpg.ts";
import { LoopState } from "./loop-state.ts";
import {
  expectMatrices,
  expectTensor,
  matrixTensor,
  parseObject,
  parseSettings,
  parseUnits,
  restoreMatrix,
  tensorNumbers,
} from "./tensors.ts";
import type { Units } from "./units.ts";

/** It moves when the file's meaning does. */
const format = "ddpg-agent-1";

/** The streams of chance, beside those of the noises. */
const streams = ["environmentRandom", "explorationRandom", "samplingRandom"] as const;

const networks = ["actor", "critic", "targetActor", "targetCritic"] as const;

/** Whole numbers beside the tensors. */
interface Counters {
  /** Transitions that were ever stored. */
  stored: number;
  /** The bodies that have noise. */
  bodies: number[];
  /** Of the training loop, where there was one. */
  loop?: { step: number; episode: number; length: number };
}

/** What an agent is now. The replay buffer's rows are views: use them before the agent goes on. */
export function saveAgent(agent: Ddpg): Safetensors {
  const { seed, settings, units, replayBuffer, loop } = agent;
  const { observationSize, actionLow, actionHigh } = units;
  const tensors = new Map<string, Tensor>();
  for (const name of networks) saveNetwork(tensors, name, agent[name]);
  for (const name of streams) tensors.set(name, tensorOf("U32", [4], agent[name].save()));

  const bodies = [...agent.noises.keys()];
  const noises = bodies.map((body) => agent.noise(body).save());
  const shape = [noises.length, noises[0].length];
  tensors.set(
    "noises",
    tensorOf(
      "F64",
      shape,
      noises.flatMap((state) => [...state]),
    ),
  );
  tensors.set("replay", {
    dtype: "F32",
    shape: [replayBuffer.size, replayBuffer.rowSize],
    parts: replayBuffer.save(),
  });

  const counters: Counters = { stored: replayBuffer.stored, bodies };
  if (loop) {
    const { step, episode, length } = loop;
    counters.loop = { step, episode, length };
    tensors.set("loop.observation", tensorOf("F64", [observationSize], loop.observation));
    tensors.set("loop.return", tensorOf("F64", [1], [loop.return]));
    tensors.set("loop.monitor", tensorOf("F64", [2 + 2 * observationSize], loop.monitor.save()));
    const state = loop.saveEnvironment();
    if (state) tensors.set("loop.environment", tensorOf("F64", [state.length], state));
  }
  const texts = {
    format,
    seed: String(seed),
    spaces: JSON.stringify({ observationSize, actionLow: Array.from(actionLow), actionHigh: Array.from(actionHigh) }),
    settings: JSON.stringify(settings),
    counters: JSON.stringify(counters),
  };
  return { tensors, metadata: new Map(Object.entries(texts)) };
}

function saveNetwork(tensors: Map<string, Tensor>, network: string, { parameters, adam }: Actor | Critic): void {
  for (const name of parameters.names) tensors.set(`${network}.${name}`, matrixTensor(parameters.value(name), name));
  if (!adam) return;
  for (const { name } of parameters.tensors) {
    for (const which of ["m", "v"] as const)
      tensors.set(`${network}.adam.${which}.${name}`, matrixTensor(adam.moment(which, name), name));
  }
  tensors.set(`${network}.adam`, tensorOf("F64", [3], adam.save()));
}

/** A saved agent that was checked, before there is an agent. */
export class SavedAgent {
  readonly seed: number;
  readonly settings: Settings;
  readonly units: Units;
  readonly #tensors: Safetensors["tensors"];
  readonly #counters: Counters;
  readonly #where: string;

  /** Throws an InputError that begins with `where` and names the field for contents that are no agent's. */
  constructor({ tensors, metadata }: Safetensors, where: string) {
    this.#tensors = tensors;
    this.#where = where;
    expect(metadata.get("format") === format, `${where} format`, format, metadata.get("format"));
    this.seed = Number(metadata.get("seed"));
    expect(isCount(this.seed), `${where} seed`, "a whole number of at least 0", metadata.get("seed"));
    const settings = parseObject(metadata, "settings", where);
    for (const name of settingNames)
      expect(Object.hasOwn(settings, name), `${where} settings ${name}`, "a value", undefined);
    this.settings = parseSettings(metadata, where);
    this.units = parseUnits({ tensors, metadata }, this.settings, where);
    const { observationSize, actionSize } = this.units;
    this.#counters = readCounters(parseObject(metadata, "counters", where), where);

    const { stored, bodies, loop } = this.#counters;
    for (const name of networks) {
      const shapeOf = name.endsWith("ctor") ? actorShape : criticShape;
      const { tensors: learned, statistics } = Network.tensors(shapeOf(this.settings, observationSize, actionSize));
      expectMatrices(tensors, `${name}.`, [...learned, ...statistics], where);
      if (name.startsWith("target")) continue;
      for (const which of ["m", "v"]) expectMatrices(tensors, `${name}.adam.${which}.`, learned, where);
      expectTensor(tensors, `${name}.adam`, "F64", [3], where);
    }
    const numbers = (name: string, length: number): void => expectTensor(tensors, name, "F64", [length], where);
    for (const name of streams) expectTensor(tensors, name, "U32", [4], where);
    expectTensor(tensors, "noises", "F64", [bodies.length, noiseSize(this.settings, actionSize)], where);
    const rows = Math.min(stored, this.settings.replayCapacity);
    expectTensor(tensors, "replay", "F32", [rows, 2 * observationSize + actionSize + 2], where);
    if (!loop) return;
    numbers("loop.observation", observationSize);
    numbers("loop.return", 1);
    numbers("loop.monitor", 2 + 2 * observationSize);
    const environment = tensors.get("loop.environment");
    if (environment) numbers("loop.environment", environment.shape[0] ?? 0);
  }

  /** Brings an agent that was made with these settings and spaces to where the saved one was. */
  restore(agent: Ddpg): void {
    const tensors = this.#tensors;
    const where = this.#where;
    const { stored, bodies, loop } = this.#counters;
    for (const network of networks) {
      const { parameters, adam } = agent[network];
      for (const name of parameters.names) restoreMatrix(parameters.value(name), tensors, `${network}.${name}`, where);
      if (!adam) continue;
      for (const { name } of parameters.tensors) {
        for (const which of ["m", "v"] as const)
          restoreMatrix(adam.moment(which, name), tensors, `${network}.adam.${which}.${name}`, where);
      }
      adam.restore(this.#numbers(`${network}.adam`));
    }
    for (const name of streams) this.#restoreStream(agent[name], name);
    const noises = this.#numbers("noises");
    const size = noises.length / bodies.length;
    agent.noises.clear();
    for (const [i, body] of bodies.entries()) agent.noise(body).restore(noises.subarray(i * size, (i + 1) * size));
    for (const part of tensors.get("replay")?.parts ?? []) agent.replayBuffer.restore(part, stored);
    if (!loop) return;
    const state = new LoopState(agent.units.observationSize);
    Object.assign(state, loop);
    state.observation.set(this.#numbers("loop.observation"));
    [state.return] = this.#numbers("loop.return");
    state.monitor.restore(this.#numbers("loop.monitor"));
    state.saved = tensors.has("loop.environment") ? this.#numbers("loop.environment") : null;
    agent.loop = state;
  }

  #numbers(name: string): Float64Array {
    return Float64Array.from(tensorNumbers(this.#tensors, name));
  }

  #restoreStream(stream: Random, name: string): void {
    const state = tensorNumbers(this.#tensors, name);
    // The one state that the generator cannot leave.
    expect(
      state.some((word) => word !== 0),
      `${this.#where} ${name}`,
      "a word other than 0",
      state,
    );
    stream.restore(state);
  }
}

/** Numbers in the state of a body's noise. */
function noiseSize({ noise }: Settings, actionSize: number): number {
  const sizes: Record<Settings["noise"], number> = {
    "ornstein-uhlenbeck": 4 + actionSize,
    gaussian: 4,
    "decaying-offset": 2,
    none: 0,
  };
  return sizes[noise];
}

function readCounters(counters: Record<string, unknown>, where: string): Counters {
  const { stored, bodies, loop } = counters;
  const whole = "a whole number";
  expect(isCount(stored), `${where} counters stored`, whole, stored);
  const good = Array.isArray(bodies) && bodies.length > 0 && bodies.every(isCount);
  expect(good && new Set(bodies).size === bodies.length, `${where} counters bodies`, "numbers of bodies", bodies);
  if (loop === undefined) return { stored, bodies };
  const record = typeof loop === "object" && loop !== null;
  expect(record, `${where} counters loop`, "an object", loop);
  const { step, episode, length } = loop as Record<string, unknown>;
  expect(isCount(step), `${where} counters loop step`, whole, step);
  expect(isCount(episode) && episode > 0, `${where} counters loop episode`, `${whole} above 0`, episode);
  expect(isCount(length) && length <= step, `${where} counters loop length`, `${whole} of at most ${step}`, length);
  return { stored, bodies, loop: { step, episode, length } };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
