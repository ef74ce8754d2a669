// What a learner tells its actors: the task once, and how far it is.
import { expect, expectObject, expectWhole, InputError, show } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import { type Settings, storedSettings } from "../../ddpg/config.ts";
import { type Spaces, Units } from "../../ddpg/units.ts";
import { isActor } from "./roster.ts";

const format = "ddpg-actors-1";

/** The most weights of a network that an actor makes because a learner says so. */
const maxWeights = 67_108_864;

export interface ActorTask {
  /** The learner's run: 32 hexadecimal digits. */
  readonly run: string;
  /** The name of the learner's environment, to be shown. */
  readonly environment: string;
  readonly spaces: Spaces;
  readonly settings: Settings;
}

/** Where a learner is. */
export interface Progress {
  readonly run: string;
  /** The last message of the stream of which everything is learned from. */
  readonly sequence: number;
  readonly step: number;
  readonly updates: number;
  /** The run is over: there is nothing more to act for. */
  readonly hasEnded: boolean;
}

export function taskText({ spaces, ...task }: ActorTask): string {
  const { observationSize, actionLow, actionHigh } = spaces;
  const lists = { observationSize, actionLow: Array.from(actionLow), actionHigh: Array.from(actionHigh) };
  return JSON.stringify({ format, ...task, spaces: lists });
}

/**
 * Reads a task for an environment, which may depend on the name of the learner's. Throws an InputError that begins with
 * `where` if it is none, or if the environment's sizes or bounds are not the learner's.
 */
export function readTask(
  text: string,
  own: Spaces | ((learners: string) => Spaces),
  where: string,
  name: string,
): ActorTask {
  const value = parseJson(text, where);
  expectObject(value, where, "a task");
  const { format: given, run, environment: learners, spaces, settings } = value as Record<string, unknown>;
  expect(given === format, `${where} format`, `"${format}"`, given, "Use the same version of ddpg on both sides.");
  expect(isActor(run), `${where} run`, "32 hexadecimal digits", run);
  expect(typeof learners === "string", `${where} environment`, "a name", learners);
  const stored = storedSettings(settings, `${where} settings`);
  expectObject(spaces, `${where} spaces`, "sizes and bounds");
  const { observationSize, actionLow, actionHigh } = spaces as Spaces;
  const environment = typeof own === "function" ? own(learners) : own;
  const [O, A] = [environment.observationSize, environment.actionLow.length];
  const differs = (what: string, theirs: unknown, own: unknown): never => {
    const hint = `The learner's environment is ${show(learners)}.`;
    throw new InputError({
      where: `${name} ${what}`,
      expected: `${show(theirs)}, as the learner has it`,
      got: show(own),
      hint,
    });
  };
  if (observationSize !== O) differs("observationSize", observationSize, O);
  const [low, high] = [environment.actionLow, environment.actionHigh].map((bound) => Array.from(bound));
  if (JSON.stringify([actionLow, actionHigh]) !== JSON.stringify([low, high]))
    differs("actionLow and actionHigh", JSON.stringify([actionLow, actionHigh]), JSON.stringify([low, high]));
  // Throws for a scaling of another length.
  InputError.within(where, () => new Units(environment, stored));
  for (const sizes of [stored.actorHiddenSizes, stored.criticHiddenSizes]) {
    let weights = 0;
    let inputs = O + A;
    for (const units of sizes) {
      weights += inputs * units;
      inputs = units + A;
    }
    expect(weights <= maxWeights, `${where} settings`, `networks of at most ${maxWeights} weights`, weights);
  }
  return {
    ...{ run, environment: learners, settings: stored },
    spaces: { observationSize: O, actionLow: low, actionHigh: high },
  };
}

export function readProgress(text: string, where: string): Progress {
  const value = parseJson(text, where);
  expectObject(value, where, "a learner's progress");
  const { run, sequence, step, updates, hasEnded } = value as Partial<Record<keyof Progress, unknown>>;
  expect(isActor(run), `${where} run`, "32 hexadecimal digits", run);
  expectWhole(sequence, `${where} sequence`);
  expectWhole(step, `${where} step`);
  expectWhole(updates, `${where} updates`);
  expect(typeof hasEnded === "boolean", `${where} hasEnded`, "true or false", hasEnded);
  return { run, sequence, step, updates, hasEnded };
}
