// The loop of `train` in an agent's file: counters in the metadata, and tensors whose names begin with `loop.`. The tensors
// of the first body do; those of body i begin with `loop.i.`.
import { expect, expectObject } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import { Random } from "../base/random.ts";
import { type Safetensors, tensorOf } from "../base/safetensors.ts";
import { ScaleMonitor } from "../environment/scale-monitor.ts";
import { type Body, Loop } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import { expectTensor, finiteNumbers } from "./tensors.ts";
import type { Units } from "./units.ts";

/** `info`: the names that the current episode has numbers for, in `loop.info`; absent if it has none. */
interface BodyCounters {
  episode: number;
  length: number;
  info?: string[];
  /** An answer of the environment that was not counted yet; its numbers are in `loop.answer`. */
  answer?: { terminated: boolean; truncated: boolean; info?: string[] };
}

/** What is counted: the steps of all bodies, the first body, and the others if there are any. */
export interface LoopCounters extends BodyCounters {
  step: number;
  others?: BodyCounters[];
}

type Tensors = Safetensors["tensors"];

/** Adds the tensors of a loop to those of its agent; returns its counters. */
export function saveLoop({ step, watchdog, bodies }: Loop, tensors: Tensors): LoopCounters {
  const counters = bodies.map((body) => saveBody(body, tensors));
  tensors.set("loop.monitor", tensorOf("F64", [watchdog.monitor.stateSize], watchdog.monitor.save()));
  const [first, ...others] = counters;
  return { step, ...first, ...(others.length > 0 && { others }) };
}

function saveBody(body: Body, tensors: Tensors): BodyCounters {
  const { index, episode, length, info, answer } = body;
  const prefix = prefixOf(index);
  const set = (name: string, values: Float64Array): void => {
    tensors.set(`${prefix}.${name}`, tensorOf("F64", [values.length], values));
  };
  if (info.names.length > 0) set("info", info.values);
  set("observation", body.observation);
  set("return", Float64Array.of(body.return));
  if (index > 0) {
    const words = [...body.environmentRandom.save(), ...body.explorationRandom.save()];
    tensors.set(`${prefix}.random`, tensorOf("U32", [words.length], words));
  }
  const state = body.saveEnvironment();
  if (state) set("environment", state);
  const counters: BodyCounters = { episode, length, ...(info.names.length > 0 && { info: info.names }) };
  if (body.isAnswered) {
    const { action, observation, reward, terminated, truncated } = answer;
    const names = Object.keys(answer.info ?? {});
    set("answer", joinNumbers([action, observation, [reward], Object.values(answer.info ?? {})]));
    counters.answer = { terminated, truncated, ...(names.length > 0 && { info: names }) };
  }
  return counters;
}

/** Throws an InputError that begins with `where` unless all tensors of a loop are there and can be restored. */
export function expectLoop(counters: LoopCounters, units: Units, tensors: Tensors, where: string): void {
  const monitor = new ScaleMonitor(units.observationSize);
  const numbers = (name: string, length: number): Float64Array => {
    expectTensor(tensors, name, "F64", [length], where);
    return Float64Array.from(finiteNumbers(tensors, name, where));
  };
  for (const [i, { info, answer }] of bodiesOf(counters).entries()) {
    const prefix = prefixOf(i);
    numbers(`${prefix}.observation`, units.observationSize);
    numbers(`${prefix}.return`, 1);
    if (info) numbers(`${prefix}.info`, info.length);
    if (i > 0) readRandoms(tensors, prefix, where);
    if (answer) {
      const size = units.actionSize + units.observationSize + 1 + (answer.info?.length ?? 0);
      numbers(`${prefix}.answer`, size);
    }
    const environment = tensors.get(`${prefix}.environment`);
    if (environment) numbers(`${prefix}.environment`, environment.shape[0] ?? 0);
  }
  monitor.restore(numbers("loop.monitor", monitor.stateSize), `${where} loop.monitor`);
}

/** Gives an agent the loop that `saveLoop` saved and `expectLoop` checked. */
export function restoreLoop(agent: Ddpg, counters: LoopCounters, tensors: Tensors, where: string): void {
  const numbers = (name: string): Float64Array => Float64Array.from(finiteNumbers(tensors, name, where));
  const all = bodiesOf(counters);
  const loop = new Loop(agent);
  loop.step = counters.step;
  loop.use(all.length);
  loop.watchdog.monitor.restore(numbers("loop.monitor"));
  for (const [i, { episode, length, info, answer }] of all.entries()) {
    const prefix = prefixOf(i);
    const body = loop.bodies[i];
    Object.assign(body, { episode, length });
    if (info) body.info.restore(info, numbers(`${prefix}.info`));
    body.observation.set(numbers(`${prefix}.observation`));
    [body.return] = numbers(`${prefix}.return`);
    if (i > 0) {
      const [environmentRandom, explorationRandom] = readRandoms(tensors, prefix, where);
      body.environmentRandom.restore(environmentRandom.save());
      body.explorationRandom.restore(explorationRandom.save());
    }
    body.saved = tensors.has(`${prefix}.environment`) ? numbers(`${prefix}.environment`) : null;
    if (!answer) continue;
    const values = numbers(`${prefix}.answer`);
    const { observationSize, actionSize } = agent.units;
    const end = actionSize + observationSize;
    body.answer.action.set(values.subarray(0, actionSize));
    body.answer.observation.set(values.subarray(actionSize, end));
    body.answer.reward = values[end];
    body.answer.terminated = answer.terminated;
    body.answer.truncated = answer.truncated;
    body.answer.info = answer.info && Object.fromEntries(answer.info.map((name, k) => [name, values[end + 1 + k]]));
    body.isAnswered = true;
  }
  agent.loop = loop;
}

/** Reads the counters of a loop in an agent that has observed `steps` steps. Throws an InputError that names the field. */
export function readLoopCounters(value: unknown, steps: number, where: string): LoopCounters {
  expectObject(value, where, "an object");
  const { step, others }: { step?: unknown; others?: unknown } = value;
  expect(isCount(step) && step <= steps, `${where} step`, `a whole number of at most ${steps}`, step);
  const first = readBody(value, step, where);
  if (others === undefined) return { step, ...first };
  expect(Array.isArray(others) && others.length > 0, `${where} others`, "a list of bodies, or nothing", others);
  return { step, ...first, others: others.map((other, i) => readBody(other, step, `${where} others[${i}]`)) };
}

function readBody(value: unknown, step: number, where: string): BodyCounters {
  expectObject(value, where, "an object");
  const { episode, length, info, answer } = value as Record<string, unknown>;
  const whole = "a whole number";
  expect(isCount(length) && length <= step, `${where} length`, `${whole} of at most ${step}`, length);
  // Every earlier episode had a step.
  const episodes = step - length + 1;
  const isEpisode = isCount(episode) && episode > 0 && episode <= episodes;
  expect(isEpisode, `${where} episode`, `${whole} from 1 to ${episodes}`, episode);
  const counters: BodyCounters = { episode, length };
  if (info !== undefined) counters.info = readNames(info, `${where} info`);
  if (answer === undefined) return counters;
  expectObject(answer, `${where} answer`, "an object, or nothing");
  const { terminated, truncated, info: names } = answer as Record<string, unknown>;
  expect(typeof terminated === "boolean", `${where} answer terminated`, "true or false", terminated);
  expect(typeof truncated === "boolean", `${where} answer truncated`, "true or false", truncated);
  counters.answer = { terminated, truncated };
  if (names !== undefined) counters.answer.info = readNames(names, `${where} answer info`);
  return counters;
}

function readNames(value: unknown, where: string): string[] {
  const areNames = Array.isArray(value) && value.every((name) => typeof name === "string");
  expect(areNames && new Set(value).size === value.length, where, "distinct names", value);
  return value;
}

function bodiesOf({ others = [], ...first }: LoopCounters): readonly BodyCounters[] {
  return [first, ...others];
}

function prefixOf(index: number): string {
  return index === 0 ? "loop" : `loop.${index}`;
}

/** The random streams of a body that has its own: of resets, and of warm-up actions. */
function readRandoms(tensors: Tensors, prefix: string, where: string): [Random, Random] {
  const name = `${prefix}.random`;
  const randoms: [Random, Random] = [new Random(0), new Random(0)];
  const size = randoms[0].stateSize;
  expectTensor(tensors, name, "U32", [2 * size], where);
  const words = finiteNumbers(tensors, name, where);
  for (const [i, random] of randoms.entries())
    random.restore(Array.from(words).slice(i * size, (i + 1) * size), `${where} ${name}`);
  return randoms;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
