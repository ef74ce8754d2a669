import assert from "node:assert/strict";
import { test } from "node:test";
import type { Environment, Goals } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { Pendulum } from "../envs/pendulum.ts";
import type { Task } from "../tasks.ts";
import { evaluate } from "../training/evaluate.ts";
import type { Settings } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { train } from "./train.ts";

export const sizes = { actorHiddenSizes: [12, 8], criticHiddenSizes: [12, 8], batchSize: 16 };

/** A pendulum whose goal is a speed that it never had, in episodes of 25 steps: a case for saving, not a task to learn. */
export class PendulumWithGoals extends Pendulum {
  override readonly hindsight: Goals = {
    achieved: ([, , speed]) => [speed],
    withGoal: ([x, y, speed], [goal]) => [x, y, speed - goal],
    outcome: ([, , off], [torque]) => ({ reward: -Math.abs(off) - torque * torque, terminated: off > 5 }),
  };

  static cut(): Environment {
    return new TimeLimit(new PendulumWithGoals(), 25);
  }
}

/** Everything that each step shows, as strings: comparing them compares every bit. */
export type Trace = string[];

/** Trains until step `end`, adds each step to the trace, and returns what the agent saved after step `saveAt`. */
export async function go(
  agent: Ddpg,
  environment: Environment,
  end: number,
  trace: Trace,
  saveAt = -1,
): Promise<Uint8Array> {
  let saved: Uint8Array = new Uint8Array(0);
  for await (const step of train(agent, environment)) {
    const { criticLoss, meanValue, actorLoss, criticGradientNorm, actorGradientNorm, saturation } = agent.diagnostics;
    const diagnostics = [criticLoss, meanValue, actorLoss, criticGradientNorm, actorGradientNorm, ...saturation];
    const shown = { ...step, action: [...step.action], observation: [...step.observation] };
    trace.push(JSON.stringify([shown, step.learned ? diagnostics : []]));
    if (step.step === saveAt) saved = agent.save();
    if (step.step === end) break;
  }
  return saved;
}

/** Trains until step `end`, but saves after step `pause` and continues with the agent that was loaded. */
export async function withPause(
  make: () => Environment | Promise<Environment>,
  settings: object,
  pause: number,
  end: number,
) {
  const trace: Trace = [];
  const first = await make();
  const agent = await Ddpg.create(first, { preset: "small", ...sizes, ...settings });
  const bytes = await go(agent, first, pause, trace, pause);
  const second = await make();
  const loaded = await Ddpg.load(bytes, second);
  assert.deepEqual(loaded.save().length, bytes.length);
  await go(loaded, second, end, trace);
  return { trace, ...(await outcome(loaded, await make())) };
}

/** Trains until step `end` without a pause. */
export async function without(make: () => Environment | Promise<Environment>, settings: object, end: number) {
  const trace: Trace = [];
  const environment = await make();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes, ...settings });
  await go(agent, environment, end, trace);
  return { trace, ...(await outcome(agent, await make())) };
}

async function outcome(agent: Ddpg, environment: Environment) {
  // Whole episodes would not show more, but would take most of the test's time.
  const { returns, valueBias } = await evaluate(agent, new TimeLimit(environment, 100), {
    episodes: 2,
    value: (observation) => agent.value(observation),
  });
  return { fingerprint: agent.fingerprint(), returns, valueBias, updates: agent.updates };
}

const kinds: [string, Partial<Settings>][] = [
  ["Ornstein–Uhlenbeck noise, batch normalization", { noise: "ornstein-uhlenbeck", normalization: "batch" }],
  ["Gaussian noise that shrinks", { noise: "gaussian", noiseAnnealSteps: 300, noiseFinalFraction: 0.1 }],
  ["the decaying offset, a full buffer", { noise: "decaying-offset", replayCapacity: 100 }],
  ["pink noise", { noise: "pink" }],
  ["parameter noise, batch normalization", { noise: "parameter", normalization: "batch" }],
  ["no noise", { noise: "none" }],
];

/** Registers a test for each kind of noise: an agent that was saved and loaded continues as one that never stopped. */
export function agentStateCases(id: string, { create }: Pick<Task, "create">): void {
  for (const [name, settings] of kinds) {
    test(`${id}, ${name}: saved at any step and loaded, it continues with the same bits`, async () => {
      // Steps in the warm-up and at its end, at the end of an episode, after it, and inside one.
      const whole = await without(create, { ...settings, warmupSteps: 60 }, 420);
      for (const pause of [31, 60, 200, 201, 399]) {
        assert.deepEqual(await withPause(create, { ...settings, warmupSteps: 60 }, pause, 420), whole, `${pause}`);
      }
    });
  }
}
