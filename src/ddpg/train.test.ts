import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { evaluate } from "../training/evaluate.ts";
import { Ddpg } from "./ddpg.ts";
import { train } from "./train.ts";

/**
 * An environment with episodes of three steps that alternately terminate and are truncated. An observation is (episode,
 * step) and a reward is 10 · episode + step. All observations use the same array, as the contract allows.
 */
class Script implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [3];
  readonly actions: number[] = [];
  #observation = new Float64Array(2);
  #episode = 0;
  #step = 0;

  reset(_random: Random): Float64Array {
    this.#episode++;
    this.#step = 0;
    this.#observation.set([this.#episode, 0]);
    return this.#observation;
  }

  step(action: Float32Array): Step {
    this.actions.push(action[0]);
    this.#step++;
    this.#observation.set([this.#episode, this.#step]);
    const ended = this.#step === 3;
    const terminated = ended && this.#episode % 2 === 1;
    const reward = 10 * this.#episode + this.#step;
    return { observation: this.#observation, reward, terminated, truncated: ended && !terminated };
  }
}

interface Stored {
  observation: number[];
  action: number[];
  reward: number;
  nextObservation: number[];
  terminated: boolean;
}

/** Trains for `steps` steps and records what `train` does. */
async function play(environment: Environment, steps: number) {
  const agent = await Ddpg.create(environment, { preset: "small", warmupSteps: 2, batchSize: 1 });
  const stored: Stored[] = [];
  const calls: string[] = [];
  const { observe, endEpisode, takeTurn } = agent;
  agent.observe = (observation, action, reward, nextObservation, terminated) => {
    calls.push("observe");
    const copied = { observation: [...Array.from(observation)], action: [...Array.from(action)] };
    stored.push({ ...copied, reward, nextObservation: [...Array.from(nextObservation)], terminated });
    observe.call(agent, observation, action, reward, nextObservation, terminated);
  };
  agent.endEpisode = () => {
    calls.push("end");
    endEpisode.call(agent);
  };
  agent.takeTurn = () => {
    calls.push("learn");
    takeTurn.call(agent);
  };
  const episodes = [];
  const learned = [];
  for await (const { step, episode, learned: updated } of train(agent, environment)) {
    if (episode) episodes.push({ step, ...episode });
    learned.push(updated);
    if (step === steps) break;
  }
  return { agent, stored, calls, episodes, learned };
}

test("every transition is stored as it happened: s, a, r, the episode's own s′ even at its end, and terminated only if the task ended", async () => {
  const script = new Script();
  const { stored } = await play(script, 8);
  const expected = [1, 1, 1, 2, 2, 2, 3, 3].map((episode, i) => {
    const step = (i % 3) + 1;
    return {
      observation: [episode, step - 1],
      action: [script.actions[i]],
      reward: 10 * episode + step,
      nextObservation: [episode, step],
      terminated: step === 3 && episode % 2 === 1,
    };
  });
  assert.deepEqual(stored, expected);
});

test("one update follows every step once there is a minibatch, and the end of each episode is announced", async () => {
  const { calls, learned, agent } = await play(new Script(), 7);
  const step = ["observe", "learn"];
  const episode = [...step, ...step, "observe", "end", "learn"];
  assert.deepEqual(calls, [...episode, ...episode, ...step, "end"]);
  assert.deepEqual(learned, [false, true, true, true, true, true, true]);
  assert.equal(agent.updates, 6);
});

test("an episode's return is the undiscounted, unscaled sum of its rewards", async () => {
  const { episodes } = await play(new Script(), 6);
  assert.deepEqual(episodes, [
    { step: 3, number: 1, return: 36, length: 3, terminated: true },
    { step: 6, number: 2, return: 66, length: 3, terminated: false },
  ]);
});

test("an environment may answer with promises", async () => {
  const script = new Script();
  const slow: Environment = {
    observationSize: 2,
    actionLow: [-1],
    actionHigh: [3],
    reset: async (random) => script.reset(random),
    step: async (action) => script.step(action),
  };
  const { stored, agent } = await play(slow, 8);
  const direct = await play(new Script(), 8);
  assert.deepEqual(stored, direct.stored);
  assert.equal(agent.fingerprint(), direct.agent.fingerprint());
});

/** Where there is no fused arithmetic, an agent that names none has one more warning. */
const options = { preset: "small", arithmetic: "portable" } as const;

test("an actor whose actions are all at their bounds has no gradient, which gives a warning", async () => {
  const warningsOf = async (actorLearningRate: number): Promise<string[]> => {
    const sizes = { actorHiddenSizes: [8], criticHiddenSizes: [8], batchSize: 4, warmupSteps: 10 };
    const environment = new Pendulum();
    const agent = await Ddpg.create(environment, { ...options, ...sizes, actorLearningRate });
    const found: string[] = [];
    for await (const { step, warnings } of train(agent, environment)) {
      found.push(...warnings);
      if (step === 2500) break;
    }
    return found;
  };
  assert.deepEqual(await warningsOf(1e-3), []);
  assert.deepEqual(await warningsOf(1), [
    "policy gradient: expected a norm above 0, got 0 in 1000 consecutive updates of the actor, with 100 % of the actions at a bound. " +
      "The actor has stopped learning: start again with preactivationPenalty 1e-3, which cured such runs, or actorLearningRate below 1. " +
      'See "A dead actor" in docs/tips.md.',
  ]);
});

test("with a delayed actor, only the updates that move it count as updates without a gradient", async () => {
  const environment = new Pendulum();
  const sizes = { actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 4, warmupSteps: 10, actorDelay: 3 };
  const agent = await Ddpg.create(environment, { ...options, ...sizes });
  const { update } = agent;
  agent.update = () => {
    update.call(agent);
    agent.diagnostics.actorGradientNorm = 0;
  };
  const warned: number[] = [];
  for await (const { step, warnings } of train(agent, environment)) {
    if (warnings.some((warning) => warning.startsWith("policy gradient"))) warned.push(step);
    if (step === 3500) break;
  }
  // Updates begin at step 10; the 3,000th is the actor's 1,000th.
  assert.deepEqual(warned, [3009]);
});

test("a missing gradient gives one warning, at the 1,000th consecutive update without one", async () => {
  const environment = new Pendulum();
  const sizes = { actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 4, warmupSteps: 50 };
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes });
  const { update } = agent;
  agent.update = () => {
    update.call(agent);
    agent.diagnostics.actorGradientNorm = agent.updates === 1000 ? 1e-30 : 0;
  };
  const warned: number[] = [];
  for await (const { step, warnings } of train(agent, environment)) {
    if (warnings.some((warning) => warning.startsWith("policy gradient"))) warned.push(step);
    if (step === 3500) break;
  }
  assert.deepEqual(warned, [2049]); // the first update follows step 50
});

test("an invalid step is reported with environment, episode, step and field", async () => {
  const broken = (change: (step: Step) => unknown): Environment => {
    const script = new Script();
    let taken = 0;
    const step = (action: Float32Array) => {
      const given = script.step(action);
      return (++taken === 5 ? change(given) : given) as Step;
    };
    return Object.assign(new Script(), { step, reset: (random: Random) => script.reset(random) });
  };
  const cases: [(step: Step) => unknown, string][] = [
    [
      (s) => ({ ...s, observation: [1, NaN] }),
      "Script episode 2 step 2 observation[1]: expected a finite number, got NaN.",
    ],
    [(s) => ({ ...s, observation: [1] }), "Script episode 2 step 2 observation: expected 2 numbers, got 1."],
    [(s) => ({ ...s, reward: Infinity }), "Script episode 2 step 2 reward: expected a finite number, got Infinity."],
    [(s) => ({ ...s, terminated: 0 }), "Script episode 2 step 2 terminated: expected true or false, got 0."],
    [
      () => undefined,
      "Script episode 2 step 2 result: expected a step { observation, reward, terminated }, got undefined.",
    ],
    [() => Promise.reject(new Error("no answer")), "Script episode 2 step 2: no answer"],
    [
      () => {
        throw new Error("out of fuel");
      },
      "Script episode 2 step 2: out of fuel",
    ],
  ];
  for (const [change, message] of cases) {
    await assert.rejects(play(broken(change), 8), { name: "EnvironmentError", message });
  }
});

test("an answer that takes longer than the timeout is an error; a faster one is not", async () => {
  const script = new Script();
  let steps = 0;
  const slow: Environment = {
    ...{ observationSize: 2, actionLow: [-1], actionHigh: [3], name: "Slow" },
    reset: (random) => script.reset(random),
    step: (action) =>
      new Promise((resolve) => {
        steps++;
        if (steps < 5) setTimeout(() => resolve(script.step(action)), 1);
      }),
  };
  const agent = await Ddpg.create(slow, { preset: "small" });
  const attempt = async (): Promise<void> => {
    for await (const _ of train(agent, slow, { stepTimeout: 100 }));
  };
  await assert.rejects(attempt(), {
    name: "EnvironmentError",
    message: "Slow episode 2 step 2: expected an answer within 0.1 s, got none",
  });
  assert.equal(agent.loop?.step, 4);
});

test("a timer fires during training", async () => {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small" });
  let fired = 0;
  const timer = setInterval(() => fired++, 10);
  const start = performance.now();
  for await (const _ of train(agent, environment)) if (performance.now() - start > 500) break;
  clearInterval(timer);
  assert.ok(fired >= 10, `${fired} times in half a second`);
});

test("an environment with other sizes or bounds than the agent's is refused", async () => {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  await assert.rejects(train(agent, new Script()).next(), { message: /^Script observationSize: expected 3, got 2/ });
  const wider = Object.assign(new Pendulum(), { actionHigh: [3] });
  await assert.rejects(train(agent, wider).next(), { message: /^Pendulum action bounds: expected \[-2\] to \[2\]/ });
});

test("two agents learn side by side when only a message channel can turn the event loop", async () => {
  const original = globalThis.setImmediate;
  Object.assign(globalThis, { setImmediate: undefined });
  try {
    const learn = async (): Promise<number> => {
      const environment = new Pendulum();
      const agent = await Ddpg.create(environment, { preset: "small" });
      for await (const { step } of train(agent, environment)) if (step === 1300) return agent.updates;
      return 0;
    };
    const limit = new Promise<string>((resolve) => setTimeout(resolve, 20_000, "one waits forever").unref());
    assert.deepEqual(await Promise.race([Promise.all([learn(), learn()]), limit]), [301, 301]);
  } finally {
    Object.assign(globalThis, { setImmediate: original });
  }
});

test("a scale warning comes once, at step 1,000, and names the dimension and the setting", async () => {
  const environment = new Pendulum();
  const huge: Environment = {
    observationSize: 3,
    actionLow: [-2],
    actionHigh: [2],
    reset: (random) => Array.from(environment.reset(random) as Float32Array, (x) => 1000 * x),
    step: (action) => {
      const step = environment.step(action) as Step;
      return { ...step, observation: Array.from(step.observation, (x) => 1000 * x) };
    },
  };
  const agent = await Ddpg.create(huge, { ...options, warmupSteps: 5000 });
  const warnings: string[] = [];
  for await (const { step, warnings: now } of train(agent, huge)) {
    for (const warning of now) warnings.push(`${step} ${warning}`);
    if (step === 2000) break;
  }
  assert.equal(warnings.length, 3);
  assert.match(warnings[0], /^1000 observation\[0\]: .*observationScale/);
  const scaled = await Ddpg.create(huge, { ...options, warmupSteps: 5000, observationScale: 0.001 });
  for await (const { step, warnings: now } of train(scaled, huge)) {
    assert.deepEqual(now, []);
    if (step === 1500) break;
  }
});

test("learns the pendulum: after 5,000 steps, the mean return over 50 starts is at least −200", async () => {
  const { evaluate } = await import("../training/evaluate.ts");
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", seed: 7 });
  for await (const { step } of train(agent, environment)) if (step === 5000) break;
  const { meanReturn } = await evaluate(agent, new Pendulum(), { episodes: 50 });
  assert.ok(meanReturn >= -200, String(meanReturn));
});

test("a time limit of 2³¹ ms and more does not end at once; one that is no number above 0 is refused", async () => {
  const slow = new Pendulum();
  const { step } = slow;
  slow.step = async (action) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return step.call(slow, action);
  };
  const agent = await Ddpg.create(slow, { preset: "small" });
  for await (const { step } of train(agent, slow, { stepTimeout: 2 ** 31 })) if (step === 2) break;
  for (const stepTimeout of [0, -1, Number.NaN, Infinity, "1" as unknown as number]) {
    const message = /^(train|evaluate) stepTimeout: expected a finite number of milliseconds above 0, got/;
    await assert.rejects(train(agent, slow, { stepTimeout }).next(), { name: "InputError", message });
    await assert.rejects(evaluate(agent, slow, { episodes: 1, stepTimeout }), { name: "InputError", message });
  }
});

test("bounds that leave few Float32 numbers are a warning of the agent, and of the first step", async () => {
  const script = new Script();
  Object.assign(script, { actionLow: [1e9], actionHigh: [1e9 + 100] });
  const agent = await Ddpg.create(script, { preset: "small" });
  assert.match(agent.warnings.join(), /^environment\.actionHigh\[0\]: .* got 2 up to 1000000100/);
  const warned: number[] = [];
  for await (const { step, warnings } of train(agent, script)) {
    if (warnings.some((warning) => warning === agent.warnings[0])) warned.push(step);
    if (step === 5) break;
  }
  assert.deepEqual(warned, [1]);
});

test("a number that is too large only after scaling is named like the others, and the agent can be saved", async () => {
  const cases: [Partial<Step>, message: string][] = [
    [{ observation: [0, 1e38] }, "observation[1]: expected a number that fits in Float32 after scaling, got 1e+38."],
    [{ reward: -1e38 }, "reward: expected a number that fits in Float32 after scaling, got -1e+38."],
  ];
  for (const [answer, message] of cases) {
    class Large extends Script {
      override step(action: Float32Array): Step {
        const step = super.step(action);
        return this.actions.length === 5 ? { ...step, ...answer } : step;
      }
    }
    const agent = await Ddpg.create(new Large(), { preset: "small", observationScale: 100, rewardScale: 100 });
    await assert.rejects(
      async () => {
        for await (const _ of train(agent, new Large()));
      },
      { name: "EnvironmentError", message: `Large episode 2 step 2 ${message}` },
    );
    assert.equal(agent.steps, 4);
    await Ddpg.load(agent.save(), new Large());
  }
});
