// What several loops may do with one agent and one environment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkEnvironment } from "../environment/check-environment.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { evaluate } from "../training/evaluate.ts";
import { Ddpg, type DdpgOptions } from "./ddpg.ts";
import { type TrainingStep, train } from "./train.ts";

const settings: DdpgOptions = {
  ...{ preset: "small", actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 4, warmupSteps: 8 },
};

/** Observes the steps taken; episodes of ten steps. It cannot be saved. */
class Clock implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  t = 0;

  reset(): number[] | Promise<number[]> {
    this.t = 0;
    return [0];
  }

  step(_action: Float32Array): Step | Promise<Step> {
    this.t++;
    return { observation: [this.t], reward: this.t, terminated: false, truncated: this.t >= 10 };
  }
}

/** The same with `save` and `restore`; answers after some time. */
class SlowClock extends Clock {
  override async step(action: Float32Array): Promise<Step> {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return super.step(action);
  }

  save(): Float64Array {
    return Float64Array.of(this.t);
  }

  restore([t]: Float64Array): void {
    this.t = t;
  }
}

const inEpisode =
  "Clock: expected save and restore, to evaluate in the middle of an episode of train, got none. Make a second environment.";

test("evaluating in mid-episode on the environment that is trained on is refused without save and restore, and changes nothing", async () => {
  const environment = new Clock();
  const agent = await Ddpg.create(environment, settings);
  const seen: number[] = [];
  for await (const { step, observation } of train(agent, environment)) {
    seen.push(observation[0]);
    const attempt = evaluate(agent, environment, { episodes: 1 });
    if (step % 10 === 0) await attempt;
    else await assert.rejects(attempt, { name: "InputError", message: inEpisode });
    if (step === 15) break;
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5]);
});

test("evaluating on the environment that is trained on does not change a bit of training if it can be saved", async () => {
  const run = async (evaluates: boolean) => {
    const environment = new TimeLimit(new Pendulum(), 20);
    const agent = await Ddpg.create(environment, settings);
    const returns: number[] = [];
    let file = "";
    for await (const { step } of train(agent, environment)) {
      if (evaluates && step % 7 === 0) {
        const onEpisode = () => {
          file = String(agent.save()); // one moment, also now
        };
        const evaluation = await evaluate(agent, environment, { episodes: 2, onEpisode });
        assert.equal(file, String(agent.save()));
        returns.push(evaluation.meanReturn);
        assert.deepEqual(await evaluate(agent, new TimeLimit(new Pendulum(), 20), { episodes: 2 }), evaluation);
      }
      if (step === 55) break;
    }
    return { bytes: agent.save(), returns };
  };
  const [disturbed, quiet] = [await run(true), await run(false)];
  assert.equal(disturbed.returns.length, 7);
  assert.deepEqual(disturbed.bytes, quiet.bytes);
});

test("the environment inside a time limit is the same environment", async () => {
  const inner = new Clock();
  const environment = new TimeLimit(inner, 5);
  const agent = await Ddpg.create(environment, settings);
  for await (const _ of train(agent, environment)) {
    await assert.rejects(evaluate(agent, inner, { episodes: 1 }), { message: inEpisode });
    await assert.rejects(evaluate(agent, new TimeLimit(inner, 3), { episodes: 1 }), { message: inEpisode });
    break;
  }
  await evaluate(agent, inner, { episodes: 1 });
});

test("a failed evaluation puts the environment back as well", async () => {
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  const seen: number[] = [];
  for await (const { step, observation } of train(agent, environment)) {
    seen.push(observation[0]);
    const act = (): never => assert.fail("no policy");
    if (step === 3) await assert.rejects(evaluate({ act }, environment, { episodes: 1 }), { message: "no policy" });
    if (step === 5) break;
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("one agent in two loops is refused, and so is one environment under two agents", async () => {
  const [first, second] = [new Clock(), new Clock()];
  const [agent, other] = [await Ddpg.create(first, settings), await Ddpg.create(first, settings)];
  for await (const { step } of train(agent, first)) {
    await assert.rejects(train(agent, second).next(), {
      name: "InputError",
      message: /^train agent with Clock: expected an agent in no other loop of train, got one in a loop that has not/,
    });
    await assert.rejects(train(other, new TimeLimit(first, 7)).next(), {
      name: "InputError",
      message:
        "Clock: expected a free environment, got one that another loop of train is using. Make a second environment.",
    });
    if (step === 3) break;
  }
  // Both are free when a loop has ended, also when it ended with an error.
  for await (const { step } of train(agent, second)) if (step === 6) break;
  await assert.rejects(async () => {
    for await (const _ of train(other, first)) throw new Error("mine");
  }, /mine/);
  for await (const _ of train(other, first)) break;
});

test("two evaluations at once, or an evaluation that is not awaited, are refused", async () => {
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  const running = evaluate(agent, environment, { episodes: 1 });
  await assert.rejects(evaluate(agent, environment, { episodes: 1 }), {
    message: /expected a free environment, got one that another evaluation or check is using/,
  });
  await assert.rejects(train(agent, environment).next(), {
    message: /got one that another evaluation or check is using/,
  });
  await running;
  let evaluation: Promise<unknown> = Promise.resolve();
  await assert.rejects(
    async () => {
      for await (const _ of train(agent, environment)) evaluation = evaluate(agent, environment, { episodes: 1 });
    },
    { message: /^SlowClock: expected no training step during an evaluation on the same environment, got one/ },
  );
  await evaluation;
});

test("checking an environment that a loop or an evaluation is using is refused, and does not close it", async () => {
  class Door extends Clock {
    isClosed = false;
    close(): void {
      this.isClosed = true;
    }
  }
  const environment = new Door();
  const agent = await Ddpg.create(environment, settings);
  const used = async (): Promise<void> => {
    const { problems } = await checkEnvironment(() => new TimeLimit(Object.assign(environment, { single: true }), 5));
    assert.equal(problems.length, 1);
    assert.match(problems[0], /^make: expected a free environment, got one that another .* is using\. Make a second/);
    assert.equal(environment.isClosed, false);
  };
  for await (const { step } of train(agent, environment)) {
    if (step === 3) await used();
    if (step === 12) break;
  }
  let isChecked = false;
  const act = async (): Promise<void> => {
    if (!isChecked) await used();
    isChecked = true;
  };
  const step = environment.step.bind(environment);
  environment.step = async (action) => {
    await act();
    return step(action);
  };
  await evaluate(agent, environment, { episodes: 1 });
  assert.ok(isChecked);
  // The check itself uses it as well, and then it is free.
  environment.step = async (action) => {
    await assert.rejects(evaluate(agent, environment, { episodes: 1 }), /got one that another evaluation or check is/);
    return step(action);
  };
  assert.deepEqual((await checkEnvironment(() => environment, { steps: 5 })).problems, []);
  assert.equal(environment.isClosed, true);
});

test("while a step is under way an agent is not saved and its environment not evaluated on", async () => {
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  const errors: unknown[] = [];
  let isStepping = true;
  const timer = setInterval(() => {
    if (!isStepping || !agent.loop?.isWaiting) return;
    assert.throws(() => agent.save(), {
      name: "InputError",
      message:
        "Ddpg.save: expected an agent between two steps of train, got one in the middle of a step. Save inside the loop of train.",
    });
    errors.push(0);
    evaluate(agent, environment, { episodes: 1 }).catch((error) => errors.push(error.message));
  }, 1);
  let saved: Uint8Array = new Uint8Array(0);
  for await (const { step } of train(agent, environment)) {
    isStepping = false;
    saved = agent.save();
    if (step === 14) break;
    isStepping = true;
  }
  clearInterval(timer);
  assert.ok(errors.length > 4);
  assert.ok(
    errors.includes("SlowClock: expected a free environment, got one in a step of train. Make a second environment."),
  );
  const again = new SlowClock();
  for await (const { step, observation } of train(await Ddpg.load(saved, again), again)) {
    assert.deepEqual([step, observation[0]], [15, 5]);
    break;
  }
});

test("a step that was given up changes nothing when its answer comes, and the agent can be saved", async () => {
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  const loop = train(agent, environment);
  for (let i = 0; i < 4; i++) await loop.next();
  const step = loop.next();
  agent.endEpisode();
  agent.loop?.leave();
  const saved = agent.save();
  await assert.rejects(step, { name: "EnvironmentError", message: /: the step was given up before it ended$/ });
  assert.deepEqual(agent.save(), saved);
  assert.equal(agent.steps, 4);
});

test("step and episode numbers continue in another loop as they do after a load", async () => {
  const numbers = async (agent: Ddpg, environment: Environment): Promise<number[][]> => {
    const seen: number[][] = [];
    for await (const { step, episode } of train(agent, environment)) {
      if (episode) seen.push([step, episode.number, episode.length]);
      if (step === 36) break;
    }
    return seen;
  };
  const environment = new Clock();
  const agent = await Ddpg.create(environment, settings);
  let file: Uint8Array = new Uint8Array(0);
  for await (const { step } of train(agent, environment)) {
    if (step < 13) continue;
    file = agent.save();
    break;
  }
  const expected = [
    [23, 2, 10],
    [33, 3, 10],
  ];
  assert.deepEqual(await numbers(agent, new Clock()), expected);
  assert.deepEqual(await numbers(await Ddpg.load(file, environment), new Clock()), expected);
});

test("a save that is asynchronous or returns anything but finite numbers is an error at the start of training", async () => {
  const cases: [() => unknown, string][] = [
    [
      async () => Float64Array.of(1),
      "state: expected a Float64Array at once, got a promise. Only reset and step may be asynchronous.",
    ],
    [
      () => Promise.reject(new Error("late")),
      "state: expected a Float64Array at once, got a promise. Only reset and step may be asynchronous.",
    ],
    [() => [1, 2], "state: expected a Float64Array, got [1, 2]."],
    [() => ({ t: 1 }), "state: expected a Float64Array, got an object with t."],
    [() => undefined, "state: expected a Float64Array, got undefined."],
    [() => new Float32Array(1), "state: expected a Float64Array, got [0]."],
    [
      () => {
        throw new Error("full");
      },
      "full",
    ],
  ];
  for (const [save, message] of cases) {
    for (const wrap of [(e: Environment) => e, (e: Environment) => new TimeLimit(e, 50)]) {
      const environment = wrap(Object.assign(new SlowClock(), { save }) as Environment);
      const agent = await Ddpg.create(environment, settings);
      await assert.rejects(train(agent, environment).next(), {
        name: "EnvironmentError",
        message: `SlowClock save: ${message}`,
      });
    }
  }
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  environment.save = () => Float64Array.of(1, Number.NaN);
  const message = "SlowClock save: state[1]: expected a finite number, got NaN.";
  await assert.rejects(train(agent, environment).next(), { name: "EnvironmentError", message });
  environment.save = () => Float64Array.of(1);
  for await (const _ of train(agent, environment)) {
    environment.save = (async () => Float64Array.of(1)) as never;
    assert.throws(() => agent.save(), {
      name: "EnvironmentError",
      message: /^SlowClock save: state: expected a Float/,
    });
    break;
  }
});

test("a restore that is asynchronous is an error, and the agent can still be trained from its file", async () => {
  const environment = new SlowClock();
  const agent = await Ddpg.create(environment, settings);
  let file: Uint8Array = new Uint8Array(0);
  for await (const { step } of train(agent, environment)) {
    if (step < 5) continue;
    file = agent.save();
    break;
  }
  const late = new SlowClock();
  late.restore = (async () => {}) as never;
  const loaded = await Ddpg.load(file, late);
  const message =
    "SlowClock restore: result: expected nothing at once, got a promise. Only reset and step may be asynchronous.";
  await assert.rejects(train(loaded, late).next(), { name: "EnvironmentError", message });
  const { value }: { value: TrainingStep } = await train(loaded, new SlowClock()).next();
  assert.deepEqual([value.step, value.observation[0]], [6, 6]);
});

test("training on an environment that is not repeatable gives one warning", async () => {
  const environment = Object.assign(new Clock(), { repeatable: false });
  const limited = new TimeLimit(environment, 4);
  const agent = await Ddpg.create(limited, { ...settings, arithmetic: "portable" });
  const found: string[] = [];
  for await (const { step, warnings } of train(agent, limited)) {
    found.push(...warnings);
    if (step === 20) break;
  }
  assert.deepEqual(found, ["Clock repeatable: expected true, got false. This run cannot be repeated."]);
});
