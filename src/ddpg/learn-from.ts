import { expect, expectObject, expectOptions } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { Loop } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import { StepCounter } from "./step-counter.ts";
import { expectAgent, leaveEpisodes, type TrainingStep } from "./train.ts";
import { Watchdog } from "./watchdog.ts";

/** The largest number of bodies that one source may have. */
const maxBodies = 65_536;

/** A transition of an environment that is stepped elsewhere, in the environment's units. The agent copies what it keeps. */
export interface ReceivedStep {
  readonly type: "step";
  /** The body that took the step, from 0. The steps of a body are in the order in which it took them. */
  readonly body: number;
  /** s [O] */
  readonly observation: ArrayLike<number>;
  /** a [A] */
  readonly action: ArrayLike<number>;
  readonly reward: number;
  /** s′ [O] */
  readonly nextObservation: ArrayLike<number>;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly info?: Readonly<Record<string, number>> | undefined;
}

/** A body's episode ends without an end of the task: no step follows the last one. */
export interface ReceivedCut {
  readonly type: "cut";
  readonly body: number;
}

/** Transitions in an order that is always the same. */
export interface TransitionSource {
  /** Returns the next one, or a promise of it while there is none. */
  next(): ReceivedStep | ReceivedCut | Promise<ReceivedStep | ReceivedCut>;
  /** Called once what `next` returned is part of the agent: an agent that is saved from now on has it. */
  taken(): void;
}

/** Options of `learnFrom`. */
export interface LearnFromOptions {
  /** The name that errors use for the source. Default: "transitions". */
  name?: string;
}

/**
 * Trains an agent as `train` does, on transitions of environments that are stepped elsewhere. Each counts as a time step
 * and is followed by its updates, so the result depends on the agent and on the order of the transitions alone. Yields
 * every time step, and ends only with the caller's loop. Each body has its own episode, which the agent's file holds: a
 * loaded agent continues with the transition after the last one taken.
 *
 * A transition that cannot be stored, because a number is too large after scaling or a method of the goals fails, is left
 * out with a warning, and the episode of its body is cut. If a method of the goals fails at the end of an episode, the
 * transition is kept, and the rest of the rows with other goals is left out with a warning.
 *
 * Throws an InputError if the agent is in another loop, and a NotFiniteError if a loss, gradient or parameter is no longer
 * finite.
 */
export async function* learnFrom(
  agent: Ddpg,
  source: TransitionSource,
  options: LearnFromOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  expectAgent(agent, "learnFrom");
  expectObject(source, "learnFrom source", "an object with next and taken");
  expectOptions(options, "learnFrom", ["name"] satisfies (keyof LearnFromOptions)[]);
  const { name = "transitions" } = options;
  const loop = agent.loop ?? new Loop(agent);
  const dropped = loop.enterSource(name);
  agent.loop = loop;
  const counter = new StepCounter(agent, loop, Watchdog.join(agent.warnings, []));
  const end = (bodies: readonly number[], where: () => string): void => {
    try {
      leaveEpisodes(agent, bodies, where);
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      counter.warn(error.message);
    }
  };
  try {
    end(dropped, () => name);
    for (;;) {
      const given = source.next();
      const item = "then" in given ? await given : given;
      const body = loop.bodyOf(expectBody(item.body));
      const where = (): string => `${name} body ${body.index} episode ${body.episode} step ${body.length + 1}`;
      const cut = (): void => {
        body.leave();
        end([body.index], where);
      };
      if (item.type === "cut") {
        cut();
        source.taken();
        await letMacrotasksRun();
        continue;
      }
      // Step 2 of Algorithm 1 was done elsewhere.
      body.receive(item);
      const { steps } = agent;
      try {
        counter.store(body, where);
      } catch (error) {
        if (!(error instanceof EnvironmentError)) throw error;
        if (agent.steps === steps) {
          counter.warn(`${error.message} The step is left out, and its episode cut.`);
          cut();
          source.taken();
          // A source may have many of them at once, and timers and signals would wait for all.
          await letMacrotasksRun();
          continue;
        }
        // Only the rows with other goals failed, which are stored after the last step of an episode.
        counter.warn(`${error.message} The step is stored; the rest of its episode's other goals is left out.`);
        agent.endEpisode(body.index);
      }
      await counter.learn(body, where, name);
      source.taken();
      yield counter.current;
    }
  } finally {
    loop.exitSource();
  }
}

function expectBody(body: number): number {
  const isBody = Number.isSafeInteger(body) && body >= 0 && body < maxBodies;
  expect(isBody, "learnFrom body", `a whole number from 0 to ${maxBodies - 1}`, body);
  return body;
}
