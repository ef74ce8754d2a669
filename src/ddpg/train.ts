import { expect, expectObject, expectOptions, InputError } from "../base/expect.ts";
import type { Environment, Step } from "../environment/environment.ts";
import {
  EnvironmentCalls,
  expectEnvironment,
  expectStepTimeout,
  isPromise,
  nameOf,
  saveState,
} from "../environment/environment-calls.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { type Answer, type Body, Loop } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import { asEnvironments, StepCounter } from "./step-counter.ts";
import { Watchdog } from "./watchdog.ts";

/** Options of `train`. */
export interface TrainOptions {
  /** The name that errors use for the environment. Default: its own name, or that of its class. */
  name?: string;
  /** The time limit for a promise that the environment returns, ms. Default: none. */
  stepTimeout?: number | undefined;
}

const optionNames = Object.keys({ name: true, stepTimeout: true } satisfies Record<keyof TrainOptions, true>);

/** One time step of training, in one environment. The object is reused by the next step: copy what you keep. */
export interface TrainingStep {
  /** The number of the time step, from 1. Another loop of the same agent continues the count, also after a load. */
  step: number;
  /** The place of its environment in the list that `train` got; 0 if there is only one. */
  environment: number;
  /** s′ [O] in the environment's units. */
  observation: Float64Array;
  /** a [A] in the environment's units, with noise. */
  action: Float32Array;
  /** r, unscaled. */
  reward: number;
  /** Whether updates followed; the number of all updates is `agent.updates`. */
  learned: boolean;
  /** The episode that this step ended, else null. */
  episode: Episode | null;
  /** Warnings for the user, such as badly scaled observations; usually empty. */
  warnings: readonly string[];
}

/** An episode of training, with exploration noise. */
export interface Episode {
  /**
   * The number of the episode, from 1, in the order in which episodes end. Another loop continues the count; an episode it
   * left starts over.
   */
  number: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** The number of time steps. */
  length: number;
  /** Whether the task ended; otherwise a time limit cut the episode. */
  terminated: boolean;
  /** The last value of each name of `Step.info` in the episode. Absent if no step has any. */
  info?: Readonly<Record<string, number>>;
}

/**
 * Trains an agent: the two loops of Algorithm 1, with one update per time step unless
 * `updateEvery` and `updatesPerStep` say otherwise. Yields every time step and never ends
 * by itself; leave the loop with `break`. Timers, messages and drawing keep running meanwhile. The environment is not
 * closed. An agent from `Ddpg.load` resumes where it was saved. Inside the loop, `evaluate` may use the same environment
 * between two episodes, and always if it has `save` and `restore`.
 *
 * With several environments, the actions of a round are computed together, and steps that return promises overlap. Every
 * transition is then a time step of its own, in the order of the list: it is stored, followed by its updates, and
 * yielded. Each environment has its own noise and random numbers, by the seed and its place in the list. A loaded agent
 * needs as many environments as it was saved with to continue with the same bits.
 *
 * Throws an InputError if the environment's sizes or bounds are not the agent's, if it is in the list twice, or if the
 * agent or the environment is in another loop; an EnvironmentError that names episode, step and field if the environment fails; and a
 * NotFiniteError if a loss, gradient or parameter is no longer finite.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment | readonly Environment[],
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  expectAgent(agent, "train");
  const environments = expectEnvironments(environment);
  expectOptions(options, "train", optionNames);
  const { name = nameOf(environments[0]), stepTimeout } = options;
  expectStepTimeout(stepTimeout, "train stepTimeout");
  const names = environments.map((_, i) => (environments.length === 1 ? name : `${name} environments[${i}]`));
  for (const [i, each] of environments.entries()) agent.units.expectSame(each, names[i]);
  const loop = agent.loop ?? new Loop(agent);
  let warnings = loop.enter(environments, names, (index) => leaveEpisodes(agent, [index], () => names[index]));
  agent.loop = loop;
  const bodies = loop.inUse;
  for (const [i, { repeatable }] of environments.entries()) {
    if (repeatable === false)
      warnings = [...warnings, `${names[i]} repeatable: expected true, got false. This run cannot be repeated.`];
  }
  warnings = Watchdog.join(agent.warnings, warnings);
  const wheres = bodies.map((body, i) => (): string => `${names[i]} episode ${body.episode} step ${body.at}`);
  const callsOf = environments.map((each, i) => new EnvironmentCalls(each, wheres[i], stepTimeout));
  const counter = new StepCounter(agent, loop, warnings);
  let isChecked = false;
  let hasFailed = false;
  try {
    const rows = environments.length === 1 ? null : await agent.actorRows(environments.length);
    for (;;) {
      // A loaded agent may still have answers of the last round.
      if (!bodies.some(({ isAnswered }) => isAnswered)) {
        // Receive initial observation state s₁.
        if (bodies.some(({ length }) => length === 0)) {
          loop.startWaiting();
          await together(bodies, ({ index, length, observation, environmentRandom }) =>
            length === 0 ? callsOf[index].reset(observation, environmentRandom) : undefined,
          );
          loop.stopWaiting();
        }
        // At once, because the first checkpoint may be hours away.
        for (const [i, each] of environments.entries())
          if (!isChecked && each.save && each.restore) saveState(each, names[i]);
        isChecked = true;

        for (const body of bodies) body.at = body.length + 1;
        loop.startWaiting();
        const actions = rows
          ? agent.exploreAll(rows, bodies, (error, { index }) => asEnvironments(error, wheres[index]))
          : [explored(agent, bodies[0].observation, wheres[0])];

        // 2. Execute action aₜ and observe reward rₜ and new state sₜ₊₁.
        const waiting = together(bodies, ({ index, answer }) => {
          answer.action = actions[index].slice(); // the environment may overwrite the array that it receives
          const calls = callsOf[index];
          const given = calls.step(answer.observation, actions[index]);
          if (!isPromise(given)) return take(answer, given);
          return given.then((step) => take(answer, step));
        });
        if (waiting) await waiting;
        loop.stopWaiting();
        for (const body of bodies) body.isAnswered = true;
      }

      // In the order of the environments, whichever answered first.
      for (const body of bodies) {
        if (!body.isAnswered) continue; // also if the episodes were given up at the yield
        const where = wheres[body.index];
        counter.store(body, where);
        await counter.learn(body, where, names[body.index]);
        yield counter.current;
      }
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    // After a failure the other environments may still answer, when another loop may have the bodies.
    for (const calls of callsOf) calls.abandon();
    const begun = bodies.filter(({ at }) => at > 0).map(({ index }) => index);
    try {
      if (hasFailed)
        endEpisodes(agent, begun); // the first error is the one to report
      else leaveEpisodes(agent, begun, (index) => wheres[index]());
    } finally {
      loop.exit();
    }
  }
}

/**
 * @internal Ends the episodes of these bodies. Throws an error that begins with `where` if the goals of one fail, after all have
 * ended.
 */
export function leaveEpisodes(agent: Ddpg, bodies: readonly number[], where: (index: number) => string): void {
  const ended = endEpisodes(agent, bodies);
  if (ended) throw asEnvironments(ended.error, () => where(ended.index));
}

/** Ends the episodes of these bodies, all of them even if the goals of one fail. Returns the first error with its body. */
function endEpisodes(agent: Ddpg, bodies: readonly number[]): { index: number; error: unknown } | null {
  let first: { index: number; error: unknown } | null = null;
  for (const index of bodies) {
    try {
      agent.endEpisode(index);
    } catch (error) {
      first ??= { index, error };
    }
  }
  return first;
}

/** Calls an action for each body; returns a promise for all only if one returned a promise. */
function together(bodies: readonly Body[], action: (body: Body) => void | Promise<void>): Promise<unknown> | undefined {
  const waiting: Promise<void>[] = [];
  try {
    for (const body of bodies) {
      const result = action(body);
      if (result) waiting.push(result);
    }
  } catch (error) {
    for (const promise of waiting) promise.catch(() => {}); // this error comes first
    throw error;
  }
  return waiting.length === 0 ? undefined : Promise.all(waiting);
}

function take(answer: Answer, { reward, terminated, truncated = false, info }: Step): void {
  // The answer may count only after others: until then the environment may change the object of its `info`.
  Object.assign(answer, { reward, terminated, truncated, info: info && { ...info } });
}

/** A proxy may throw when it is asked. */
function isEnvironmentList(given: Environment | readonly Environment[]): given is readonly Environment[] {
  try {
    return Array.isArray(given);
  } catch {
    return false;
  }
}

/** Throws an InputError unless a value is an environment, or a list of different ones. */
function expectEnvironments(given: Environment | readonly Environment[]): readonly Environment[] {
  const where = "train environment";
  if (!isEnvironmentList(given)) {
    expectEnvironment(given, where);
    return [given];
  }
  const environments = [...given];
  expect(environments.length > 0, `${where}s`, "at least one environment", environments);
  const places = new Map<Environment, number>();
  for (const [i, environment] of environments.entries()) {
    expectEnvironment(environment, `${where}s[${i}]`);
    const inner = TimeLimit.innermost(environment);
    const other = places.get(inner);
    if (other !== undefined) {
      throw new InputError({
        where: `${where}s[${i}]`,
        expected: "an environment for each place",
        got: `the same object as environments[${other}]`,
        hint: "Make another one: an environment has one state.",
      });
    }
    places.set(inner, i);
  }
  return environments;
}

/** @internal Throws an InputError that begins with the name of a function unless its agent is one. */
export function expectAgent(agent: Ddpg, caller: string): void {
  const expected = "an agent, as from await Ddpg.create(environment)";
  expectObject(agent, `${caller} agent`, expected);
  expect(typeof agent.explore === "function", `${caller} agent`, expected, agent);
}

function explored(agent: Ddpg, observation: Float64Array, where: () => string): Float32Array {
  try {
    return agent.explore(observation);
  } catch (error) {
    throw asEnvironments(error, where);
  }
}
