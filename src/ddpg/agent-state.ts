// An agent as the contents of a safetensors file: everything that its next steps depend on, and nothing else. For the
// shapes of the tensors see docs/decisions/0011-checkpoints.md.
import { expect, expectObject, fail, InputError } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import { numbersOf, type Safetensors, type Tensor, tensorOf } from "../base/safetensors.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { Adam } from "../nn/adam.ts";
import { networkStateSize, networkTensors } from "../nn/network.ts";
import type { Settings } from "./config.ts";
import { type BodyId, type Ddpg, isBodyId, networkPlans } from "./ddpg.ts";
import { Diagnostics } from "./diagnostics.ts";
import { maxEpisodeSteps, relabeledPerStep } from "./hindsight.ts";
import { Learner } from "./learner.ts";
import { expectLoop, type LoopCounters, readLoopCounters, restoreLoop, saveLoop } from "./loop-state.ts";
import { createNoise, type Noise } from "./noise.ts";
import { expectStatistics } from "./policy.ts";
import { transitionSize } from "./replay-buffer.ts";
import { RewardNormalization } from "./reward-normalization.ts";
import type { SavedReturns } from "./step-returns.ts";
import {
  expectMatrices,
  expectParameters,
  expectTensor,
  finiteNumbers,
  matrixTensor,
  parametersTensors,
  parseArithmetic,
  parseObject,
  parseSettings,
  parseUnits,
  parseWhole,
  restoreMatrix,
  restoreParameters,
  spacesText,
} from "./tensors.ts";
import type { Units } from "./units.ts";
import type { UpdateCounts } from "./update-schedule.ts";

/** The format name of the files that `saveAgent` writes; it changes whenever their meaning changes. */
const format = "ddpg-agent-2";

/**
 * The format name of version 0.1: rows of the replay buffer end with `terminated`, and steps and updates are missing.
 */
const format1 = "ddpg-agent-1";

/** The random streams other than those of the noises. */
const streams = [
  "environmentRandom",
  "explorationRandom",
  "samplingRandom",
  "targetNoiseRandom",
  "hindsightRandom",
] as const;

type StreamOf<A extends Ddpg> = { [K in keyof A]: A[K] extends Random ? K : never }[keyof A];

// The compiler refuses this line for a stream of the agent that is not in the list.
true satisfies StreamOf<Ddpg> extends (typeof streams)[number] ? true : never;

/** The streams that an agent with these settings draws from: files from before a stream existed do not have it. */
function streamsOf({ targetNoiseScale, hindsight }: Settings): readonly (typeof streams)[number][] {
  const isUnused: Partial<Record<(typeof streams)[number], boolean>> = {
    targetNoiseRandom: targetNoiseScale === 0,
    hindsightRandom: hindsight === "none",
  };
  return streams.filter((name) => !isUnused[name]);
}

/**
 * How many numbers of the last update's diagnostics the next update may leave as they are: with `actorDelay`, those of the
 * actor.
 */
function keptDiagnostics({ actorDelay }: Settings, actionSize: number): number {
  return actorDelay > 1 ? Diagnostics.actorStateSize(actionSize) : 0;
}

const moments = ["m", "v"] as const;

/** The rows of a body among those of all. */
type BodyRows = SavedReturns["bodies"][number];

/** The counters that the metadata stores. */
interface Counters {
  /** The number of transitions observed, and of updates made. */
  steps: number;
  updates: number;
  /** The number of transitions ever stored. */
  stored: number;
  /** The turns of learning; absent in files from before 0.2, where one update followed every step. */
  learning?: UpdateCounts;
  /** The bodies that have noise. */
  bodies: BodyId[];
  /** The number of rows of each body that wait for more rewards; absent if there are none. */
  waiting?: BodyRows[];
  /** The number of steps of each body that hindsight holds; absent if there are none. */
  held?: BodyRows[];
  /** The number of rows that hindsight has stored; absent if there are none. */
  relabeled?: number;
  /** The bodies in an episode whose return `rewardNormalization` holds; absent without that setting. */
  returns?: BodyId[];
  /** How many bodies had been forgotten when the noise of each of `bodies` was created; absent if none had. */
  generations?: number[];
  /** The number of bodies that were forgotten; absent if there were none. */
  forgotten?: number;
  /** The counters of the training loop; absent if there was none. */
  loop?: LoopCounters;
}

/**
 * Returns the steps of `train` from the object `counters` of an agent's file, of which nothing else is checked; 0 if there
 * was no loop.
 */
export function stepsTaken({ loop }: { loop?: unknown }, where: string): number {
  if (loop === undefined) return 0;
  expectObject(loop, `${where} counters loop`, "an object");
  const { step }: { step?: unknown } = loop;
  expect(isCount(step), `${where} counters loop step`, "a whole number", step);
  return step;
}

/**
 * Returns an agent's current state. The rows of the replay buffer are views: write them before the agent continues.
 * Throws an InputError while a step of `train` is under way, and for a state that could not be loaded; an
 * EnvironmentError if the environment's `save` fails.
 */
export function saveAgent(agent: Ddpg): Safetensors {
  const where = "Ddpg.save";
  const { seed, settings, units, replayBuffer, loop, steps, updates, forgotten } = agent;
  if (loop?.isWaiting) {
    throw new InputError({
      where,
      expected: "an agent between two steps of train",
      got: "one in the middle of a step",
      hint: "Save inside the loop of train.",
    });
  }
  const { observationSize } = units;
  const tensors = new Map<string, Tensor>();
  for (const [name, network] of agent.networks) {
    for (const [tensor, value] of parametersTensors(network.parameters, `${name}.`)) tensors.set(tensor, value);
    if (!(network instanceof Learner)) continue;
    for (const shape of network.parameters.tensors) {
      for (const which of moments)
        tensors.set(`${name}.adam.${which}.${shape.name}`, matrixTensor(network.adam.moment(which, shape.name), shape));
    }
    tensors.set(`${name}.adam`, tensorOf("F64", [Adam.stateSize], network.adam.save()));
    const { averages } = network;
    if (averages.stateSize > 0) tensors.set(`${name}.averages`, tensorOf("F64", [averages.stateSize], averages.save()));
  }
  for (const name of streamsOf(settings))
    tensors.set(name, tensorOf("U32", [agent[name].stateSize], agent[name].save()));
  const kept = keptDiagnostics(settings, units.actionSize);
  if (kept > 0) tensors.set("diagnostics", tensorOf("F64", [kept], agent.diagnostics.saveActor()));
  const { observationNormalization, rewardNormalization } = agent;
  for (const [name, normalization] of Object.entries({ observationNormalization, rewardNormalization })) {
    const state = normalization?.save();
    if (state) tensors.set(name, tensorOf("F64", [state.length], state));
  }

  const bodies = [...agent.noises.keys()];
  const noiseSize = createNoise(settings, units.actionSize, new Random(0)).stateSize;
  const noises = new Float64Array(bodies.length * noiseSize);
  bodies.forEach((body, i) => {
    noises.set(agent.noise(body).save(), i * noiseSize);
  });
  tensors.set("noises", tensorOf("F64", [bodies.length, noiseSize], noises));
  tensors.set("replay", {
    dtype: "F32",
    shape: [replayBuffer.size, replayBuffer.rowSize],
    parts: replayBuffer.save(),
  });

  const { priorities, size } = replayBuffer;
  if (priorities) tensors.set("priorities", tensorOf("F64", [1 + size], priorities.save(size)));
  const waiting = agent.returns.save();
  if (waiting.bodies.length > 0) {
    const rowSize = observationSize + units.actionSize + 1;
    tensors.set("waiting", tensorOf("F64", [agent.returns.waiting, rowSize], waiting.rows));
    tensors.set("waiting.next", tensorOf("F64", [waiting.bodies.length, observationSize], waiting.next));
  }
  const held = agent.hindsight?.save();
  if (held && held.bodies.length > 0) {
    const rowSize = 2 * observationSize + units.actionSize;
    tensors.set("held", tensorOf("F64", [held.rows.length / rowSize, rowSize], held.rows));
  }

  const counters: Counters = {
    steps,
    updates,
    stored: replayBuffer.stored,
    learning: agent.schedule.counts,
    bodies,
    ...(waiting.bodies.length > 0 && { waiting: [...waiting.bodies] }),
    ...(held && held.bodies.length > 0 && { held: [...held.bodies] }),
    ...(agent.hindsight?.stored && { relabeled: agent.hindsight.stored }),
    ...(rewardNormalization && { returns: rewardNormalization.bodies }),
    ...(agent.generations.size > 0 && { generations: bodies.map((body) => agent.generations.get(body) ?? 0) }),
    ...(forgotten && { forgotten }),
  };
  if (loop) counters.loop = saveLoop(loop, tensors);
  const texts = {
    format,
    seed: String(seed),
    spaces: spacesText(units),
    settings: JSON.stringify(settings),
    counters: JSON.stringify(counters),
    arithmetic: agent.arithmetic,
  };
  const contents = { tensors, metadata: new Map(Object.entries(texts)) };
  expectLoadable(contents, where);
  return contents;
}

/**
 * Throws an InputError for numbers that are not finite, and for fields that `load` would refuse. Otherwise the user would
 * notice the broken file only when it is needed. The rows of the replay buffer were checked when they were stored.
 */
function expectLoadable(contents: Safetensors, where: string): void {
  for (const [name, tensor] of contents.tensors) {
    if (name === "replay") continue;
    const values = numbersOf(tensor);
    const index = values.findIndex((value) => !Number.isFinite(value));
    const hint = name.startsWith("loop.") ? "" : "The agent can no longer learn: load an earlier file.";
    if (index >= 0) fail(`${where} ${name}[${index}]`, "a finite number", values[index], hint);
  }
  new SavedAgent(contents, where);
}

/**
 * The contents of an agent's file. They are checked before an agent is built from them, except for the numbers of the
 * networks and the replay buffer, which are checked as they are restored.
 */
export class SavedAgent {
  readonly seed: number;
  readonly settings: Settings;
  readonly units: Units;
  /** Files from before 0.2 name none: they are portable. */
  readonly arithmetic: Arithmetic;
  readonly #tensors: Safetensors["tensors"];
  readonly #counters: Counters;
  readonly #isFormat1: boolean;
  readonly #where: string;

  /** Throws an InputError that begins with `where` and names the field if the contents are not those of an agent. */
  constructor({ tensors, metadata }: Safetensors, where: string) {
    this.#tensors = tensors;
    this.#where = where;
    this.#isFormat1 = metadata.get("format") === format1;
    const isKnown = this.#isFormat1 || metadata.get("format") === format;
    expect(isKnown, `${where} format`, `${format1} or ${format}`, metadata.get("format"));
    this.seed = parseWhole(metadata, "seed", where);
    this.settings = parseSettings(metadata, where);
    this.arithmetic = parseArithmetic(metadata, where);
    this.units = parseUnits({ tensors, metadata }, this.settings, where);
    const { observationSize, actionSize } = this.units;

    const numbers = (name: string, length: number): void => expectTensor(tensors, name, "F64", [length], where);
    const plans = networkPlans(this.settings, observationSize, actionSize);
    for (const [name, { shape, learns }] of Object.entries(plans)) {
      expectParameters(tensors, `${name}.`, shape, where);
      if (!learns) continue;
      for (const which of moments)
        expectMatrices(tensors, `${name}.adam.${which}.`, networkTensors(shape).tensors, where);
      numbers(`${name}.adam`, Adam.stateSize);
      const size = networkStateSize(shape);
      if (size > 0) numbers(`${name}.averages`, size);
    }
    this.#counters = this.#readCounters(parseObject(metadata, "counters", where));
    const { stored, bodies, waiting, held, loop } = this.#counters;
    const random = new Random(0);
    for (const name of streamsOf(this.settings)) {
      expectTensor(tensors, name, "U32", [random.stateSize], where);
      random.restore(this.#numbers(name), `${where} ${name}`);
    }
    const kept = keptDiagnostics(this.settings, actionSize);
    if (kept > 0) numbers("diagnostics", kept);
    expectStatistics(tensors, this.settings, this.units, where);
    if (this.settings.rewardNormalization) {
      const { returns = [] } = this.#counters;
      numbers("rewardNormalization", RewardNormalization.stateSize(returns.length));
      this.#restoreRewards(new RewardNormalization(this.settings.discount));
    }
    const noise = createNoise(this.settings, actionSize, random);
    expectTensor(tensors, "noises", "F64", [bodies.length, noise.stateSize], where);
    this.#restoreNoises(() => noise);
    const rows = Math.min(stored, this.settings.replayCapacity);
    expectTensor(tensors, "replay", "F32", [rows, transitionSize(observationSize, actionSize)], where);
    if (this.settings.replayPriority !== "none") numbers("priorities", 1 + rows);
    if (waiting) {
      const shape = [countOf(waiting), observationSize + actionSize + 1];
      expectTensor(tensors, "waiting", "F64", shape, where);
      expectTensor(tensors, "waiting.next", "F64", [waiting.length, observationSize], where);
    }
    if (held) expectTensor(tensors, "held", "F64", [countOf(held), 2 * observationSize + actionSize], where);
    if (loop) expectLoop(loop, this.units, tensors, where);
  }

  /** The number of steps of `train`; 0 if there was no loop. */
  get trainingSteps(): number {
    return this.#counters.loop?.step ?? 0;
  }

  /** The number of updates made. */
  get updates(): number {
    return this.#counters.updates;
  }

  /** Puts an agent that was created with these settings, spaces and seed into the saved state. */
  restore(agent: Ddpg): void {
    const tensors = this.#tensors;
    const where = this.#where;
    const { steps, updates, stored, learning, waiting, forgotten = 0, loop } = this.#counters;
    const { held = [], relabeled = 0 } = this.#counters;
    for (const [name, network] of agent.networks) {
      restoreParameters(network.parameters, tensors, `${name}.`, where);
      if (!(network instanceof Learner)) continue;
      for (const tensor of network.parameters.tensors) {
        for (const which of moments) {
          const moment = network.adam.moment(which, tensor.name);
          // v is a mean of squares.
          const min = which === "v" ? 0 : -Infinity;
          restoreMatrix(moment, tensors, `${name}.adam.${which}.${tensor.name}`, where, min);
        }
      }
      network.adam.restore(this.#numbers(`${name}.adam`), `${where} ${name}.adam`);
      // After a step of the critic, the actor's may fail: its own is never counted alone.
      const isActor = name === "actor";
      const made = isActor ? Math.floor(updates / agent.settings.actorDelay) : updates;
      const isCounted = isActor ? network.adam.steps === made : network.adam.steps >= made;
      const what = made === updates ? "the number of updates" : "the number of updates that moved the actor";
      expect(isCounted, `${where} ${name}.adam t`, `${made}, ${what}`, network.adam.steps);
      if (network.averages.stateSize > 0)
        network.averages.restore(this.#numbers(`${name}.averages`), `${where} ${name}.averages`);
    }
    if (tensors.has("diagnostics")) agent.diagnostics.restoreActor(this.#numbers("diagnostics"));
    for (const name of streamsOf(agent.settings)) agent[name].restore(this.#numbers(name), `${where} ${name}`);
    agent.observationNormalization?.restore(this.#numbers("observationNormalization"));
    if (agent.rewardNormalization) this.#restoreRewards(agent.rewardNormalization);
    agent.noises.clear();
    // Parameter noise draws from the stream's own name, not only from the state that is restored.
    this.#restoreNoises((body, generation) => agent.noise(body, generation));
    for (const part of tensors.get("replay")?.parts ?? [])
      agent.replayBuffer.restore(part, stored, `${where} replay`, this.#isFormat1);
    agent.replayBuffer.priorities?.restore(this.#numbers("priorities"), `${where} priorities`);
    if (waiting) {
      const [rows, next] = [this.#numbers("waiting"), this.#numbers("waiting.next")];
      agent.returns.restore({ bodies: waiting, rows, next }, `${where} waiting`);
    }
    const rows = held.length > 0 ? this.#numbers("held") : new Float64Array(0);
    agent.hindsight?.restore({ bodies: held, rows }, relabeled, `${where} held`);
    agent.restoreCounters(steps, updates, forgotten);
    if (learning) agent.schedule.restore(learning);
    if (loop) restoreLoop(agent, loop, tensors, where);
  }

  #numbers(name: string): Float64Array {
    return Float64Array.from(finiteNumbers(this.#tensors, name, this.#where));
  }

  #restoreRewards(normalization: RewardNormalization): void {
    const name = "rewardNormalization";
    normalization.restore(this.#numbers(name), this.#counters.returns ?? [], `${this.#where} ${name}`);
  }

  /** Puts the noise of each body into its saved state. */
  #restoreNoises(noiseOf: (body: BodyId, generation: number) => Noise): void {
    const { bodies, generations } = this.#counters;
    const states = this.#numbers("noises");
    const size = states.length / bodies.length;
    for (const [i, body] of bodies.entries())
      noiseOf(body, generations?.[i] ?? 0).restore(
        states.subarray(i * size, (i + 1) * size),
        `${this.#where} noises[${i}]`,
      );
  }

  #readCounters(saved: Record<string, unknown>): Counters {
    const { steps, updates, stored, learning, bodies, waiting, returns, generations, forgotten, loop } = saved;
    const { held, relabeled } = saved;
    const field = `${this.#where} counters`;
    const whole = "a whole number";
    expect(isCount(stored), `${field} stored`, whole, stored);
    const counted: Record<string, unknown> = this.#isFormat1
      ? { steps: stored, updates: this.#numbers("actor.adam")[2] }
      : { steps, updates };
    expect(isCount(counted.steps), `${field} steps`, whole, counted.steps);
    expect(isCount(counted.updates), `${field} updates`, whole, counted.updates);
    const { returnSteps } = this.settings;
    const counters: Counters = { steps: counted.steps, updates: counted.updates, stored, bodies: [] };
    if (waiting !== undefined)
      counters.waiting = readBodyRows(waiting, returnSteps - 1, ", returnSteps - 1", `${field} waiting`);
    const perStep = relabeledPerStep(this.settings);
    const most = perStep * counted.steps;
    const isRelabeled = relabeled === undefined || (isCount(relabeled) && relabeled > 0 && relabeled <= most);
    expect(isRelabeled, `${field} relabeled`, `nothing, or a whole number from 1 to ${most}`, relabeled);
    if (relabeled !== undefined) counters.relabeled = relabeled;
    if (held !== undefined) {
      expect(perStep > 0, `${field} held`, "nothing without hindsight", held);
      counters.held = readBodyRows(held, maxEpisodeSteps, "", `${field} held`);
    }
    const rows = counted.steps - countOf(counters.waiting ?? []) + (counters.relabeled ?? 0);
    const without = waiting === undefined ? "" : " without those that wait";
    const what = `the number of steps${without}${relabeled === undefined ? "" : ", and of relabeled rows"}`;
    expect(stored === rows, `${field} stored`, `${rows}, ${what}`, stored);
    expectBodies(bodies, `${field} bodies`);
    counters.bodies = bodies;
    if (learning !== undefined) counters.learning = this.#readLearning(learning, counters, `${field} learning`);
    if (this.settings.rewardNormalization) {
      expectBodies(returns, `${field} returns`);
      counters.returns = returns;
    }
    expect(forgotten === undefined || isCount(forgotten), `${field} forgotten`, whole, forgotten);
    if (forgotten !== undefined) counters.forgotten = forgotten;
    if (generations !== undefined)
      counters.generations = readGenerations(generations, bodies.length, forgotten ?? 0, `${field} generations`);
    if (loop === undefined) return counters;
    return { ...counters, loop: readLoopCounters(loop, counters.steps, `${field} loop`) };
  }

  #readLearning(value: unknown, { updates }: Counters, where: string): UpdateCounts {
    expect(typeof value === "object" && value !== null, where, "an object", value);
    const { turns, owed, episodeEnded } = value as Record<string, unknown>;
    expect(isCount(turns), `${where} turns`, "a whole number", turns);
    const due = Math.floor(turns * this.settings.updatesPerStep);
    expect(isCount(owed) && owed <= due, `${where} owed`, `a whole number of at most ${due}`, owed);
    const made = due - owed;
    expect(made <= updates, `${where} turns`, `those of at most ${updates} updates, and ${owed} that are owed`, turns);
    expect(typeof episodeEnded === "boolean", `${where} episodeEnded`, "true or false", episodeEnded);
    return { turns, owed, episodeEnded };
  }
}

/** The number of rows of all bodies. */
function countOf(bodies: readonly BodyRows[]): number {
  return bodies.reduce((sum, { rows }) => sum + rows, 0);
}

/** Reads how many rows each body has, at most `most`; `why` says where that number is from. */
function readBodyRows(value: unknown, most: number, why: string, where: string): BodyRows[] {
  expect(Array.isArray(value) && value.length > 0, where, "a list of bodies", value);
  for (const [i, item] of value.entries()) {
    expectObject(item, `${where}[${i}]`, "an object");
    const { body, rows }: { body?: unknown; rows?: unknown } = item;
    expect(isBodyId(body), `${where}[${i}] body`, "the id of a body", body);
    const isNumber = isCount(rows) && rows > 0 && rows <= most;
    expect(isNumber, `${where}[${i}] rows`, `a whole number from 1 to ${most}${why}`, rows);
  }
  const bodies: BodyRows[] = value.map(({ body, rows }) => ({ body, rows }));
  const areDistinct = new Set(bodies.map(({ body }) => body)).size === bodies.length;
  expect(areDistinct, where, "distinct ids of bodies", value);
  return bodies;
}

function expectBodies(bodies: unknown, where: string): asserts bodies is BodyId[] {
  const good = Array.isArray(bodies) && bodies.every(isBodyId);
  expect(good && new Set(bodies).size === bodies.length, where, "distinct ids of bodies", bodies);
}

function readGenerations(value: unknown, bodies: number, forgotten: number, where: string): number[] {
  const good =
    Array.isArray(value) && value.length === bodies && value.every((each) => isCount(each) && each <= forgotten);
  expect(good, where, `${bodies} whole numbers of at most ${forgotten}`, value);
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
