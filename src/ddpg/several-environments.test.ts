// Training on several environments at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { sizes } from "./agent-state.case.ts";
import { Ddpg, type DdpgOptions } from "./ddpg.ts";
import { type TrainingStep, train } from "./train.ts";

const options = { preset: "small", ...sizes, warmupSteps: 20, noise: "ornstein-uhlenbeck", returnSteps: 3 } as const;

/** Pendulums whose episodes are cut after 5, 6, 7 … steps. */
function pendulums(count: number): Environment[] {
  return Array.from({ length: count }, (_, i) => new TimeLimit(new Pendulum(), 5 + i));
}

/** Trains until `end` transitions; returns what each step showed, and what the agent saved after step `saveAt`. */
async function go(agent: Ddpg, environments: Environment | Environment[], end: number, saveAt = -1) {
  const trace: string[] = [];
  let saved = new Uint8Array(0);
  for await (const step of train(agent, environments)) {
    trace.push(shown(step));
    if (step.step === saveAt) saved = agent.save().slice();
    if (step.step === end) break;
  }
  return { trace, saved };
}

function shown(step: TrainingStep): string {
  return JSON.stringify({ ...step, action: [...step.action], observation: [...step.observation] });
}

test("a list of one environment gives the bits of that environment", async () => {
  const [alone, listed] = [await Ddpg.create(new Pendulum(), options), await Ddpg.create(new Pendulum(), options)];
  const { trace } = await go(alone, pendulums(1)[0], 60);
  assert.deepEqual((await go(listed, pendulums(1), 60)).trace, trace);
  assert.equal(listed.fingerprint(), alone.fingerprint());
});

test("every step counts, in the order of the list, and the updates for each of them do not depend on how many there are", async () => {
  for (const count of [1, 2, 3]) {
    const agent = await Ddpg.create(new Pendulum(), options);
    const steps: [number, number][] = [];
    for await (const { step, environment } of train(agent, pendulums(count))) {
      steps.push([step, environment]);
      if (step === 60) break;
    }
    assert.deepEqual(
      steps,
      Array.from({ length: 60 }, (_, i) => [i + 1, i % count]),
    );
    assert.deepEqual([agent.steps, agent.replayBuffer.stored], [60, 60]);
    // The first rows of several bodies are complete later: each waits for three rewards.
    assert.equal(agent.updates, count === 1 ? 41 : agent.updates);
    assert.ok(agent.updates > 36, `${agent.updates}`);
  }
});

const kinds: Record<string, DdpgOptions> = {
  "as it is": options,
  "with running normalizations, priorities and parameter noise": {
    ...options,
    ...{
      observationNormalization: true,
      rewardNormalization: true,
      rewardScale: 1,
      replayPriority: "proportional",
      noise: "parameter",
    },
  },
};

for (const [name, settings] of Object.entries(kinds)) {
  test(`paused after any step, also in the middle of a round, training continues with the same bits: ${name}`, () =>
    pauses(settings));
}

async function pauses(settings: DdpgOptions): Promise<void> {
  const whole = await Ddpg.create(new Pendulum(), settings);
  const { trace } = await go(whole, pendulums(3), 90);
  for (const pause of [1, 2, 3, 14, 20, 21, 22, 61, 62]) {
    const agent = await Ddpg.create(new Pendulum(), settings);
    const first = await go(agent, pendulums(3), pause, pause);
    const loaded = await Ddpg.load(first.saved, new Pendulum());
    assert.deepEqual(loaded.save(), Uint8Array.from(first.saved), `${pause}`);
    const second = await go(loaded, pendulums(3), 90);
    assert.deepEqual([...first.trace, ...second.trace], trace, `${pause}`);
    assert.equal(loaded.fingerprint(), whole.fingerprint(), `${pause}`);
  }
}

/** Answers with promises, after as many turns of the event loop as `turns` says. */
class Slow implements Environment {
  readonly observationSize = 3;
  readonly actionLow = [-2];
  readonly actionHigh = [2];
  readonly #inner: Environment;
  readonly #turns: () => number;
  readonly #log: string[];
  readonly #name: string;

  constructor(inner: Environment, name: string, turns: () => number, log: string[] = []) {
    this.#inner = inner;
    this.#name = name;
    this.#turns = turns;
    this.#log = log;
  }

  async #wait<T>(what: string, value: () => T): Promise<T> {
    this.#log.push(`${what} ${this.#name} called`);
    for (let i = this.#turns(); i > 0; i--) await new Promise((resolve) => setImmediate(resolve));
    this.#log.push(`${what} ${this.#name} answered`);
    return value();
  }

  reset(random: Random) {
    return this.#wait("reset", () => this.#inner.reset(random) as number[]);
  }

  step(action: Float32Array): Promise<Step> {
    return this.#wait("step", () => this.#inner.step(action) as Step);
  }
}

test("promises overlap, and transitions are stored in the order of the list, whichever settles first", async () => {
  const log: string[] = [];
  const direct = await Ddpg.create(new Pendulum(), options);
  const { trace } = await go(direct, pendulums(3), 60);
  const [a, b, c] = pendulums(3);
  // The first one is the slowest.
  const slow = [new Slow(a, "a", () => 3, log), new Slow(b, "b", () => 1, log), new Slow(c, "c", () => 2, log)];
  const agent = await Ddpg.create(new Pendulum(), options);
  assert.deepEqual((await go(agent, slow, 60)).trace, trace);
  assert.equal(agent.fingerprint(), direct.fingerprint());
  for (const what of ["reset", "step"]) {
    const lines = log.filter((line) => line.startsWith(what)).slice(0, 6);
    const called = ["a", "b", "c"].map((name) => `${what} ${name} called`);
    assert.deepEqual(lines, [...called, ...["b", "c", "a"].map((name) => `${what} ${name} answered`)]);
  }
});

test("each environment has its own random numbers, by its place: others beside it change none of them", async () => {
  /** The first steps of each environment, in warm-up. */
  const starts = async (count: number): Promise<string[][]> => {
    const agent = await Ddpg.create(new Pendulum(), { ...options, warmupSteps: 1000 });
    const found: string[][] = Array.from({ length: count }, () => []);
    for await (const { step, environment, observation, action } of train(agent, pendulums(count))) {
      found[environment].push(JSON.stringify([...observation, ...action]));
      if (step === 12 * count) break;
    }
    return found;
  };
  const [one, two, three] = [await starts(1), await starts(2), await starts(3)];
  assert.deepEqual(two[0], one[0]);
  assert.deepEqual(three.slice(0, 2), two);
  assert.equal(new Set(three.flat()).size, 36);
  // Neither does noise: with the same policy, the difference is all that is left.
  const agent = await Ddpg.create(new Pendulum(), options);
  const noises = [0, 1, 2].map((body) => agent.noise(body).sample()[0]);
  assert.equal(new Set(noises).size, 3);
});

test("the actions of a round are computed together, with the bits of one at a time", async () => {
  const environment = new Pendulum();
  const normalized = { observationNormalization: true, normalization: "layer" } as const;
  const agent = await Ddpg.create(environment, { ...options, ...normalized, noise: "none", warmupSteps: 0 });
  const before = new Map<number, number[]>();
  const starts = pendulums(3).map((each, i): Environment => {
    const { observationSize, actionLow, actionHigh } = each;
    const seen = (observation: ArrayLike<number>): ArrayLike<number> => {
      before.set(i, Array.from(observation));
      return observation;
    };
    return {
      ...{ observationSize, actionLow, actionHigh },
      reset: (random) => seen(each.reset(random) as ArrayLike<number>),
      step: (action) => {
        assert.deepEqual(action, agent.act(before.get(i) ?? []), `${i}`);
        const step = each.step(action) as Step;
        seen(step.observation);
        return step;
      },
    };
  });
  await go(agent, starts, 60);
});

test("an environment that fails, or is late, is named by its place", async () => {
  const broken = (fails: (steps: number) => unknown): Environment => {
    const inner = new Pendulum();
    let steps = 0;
    return {
      ...{ name: "broken", observationSize: 3, actionLow: [-2], actionHigh: [2] },
      reset: (random) => inner.reset(random),
      step: (action) => (fails(++steps) as Step | undefined) ?? inner.step(action),
    };
  };
  const run = async (second: Environment, stepTimeout?: number): Promise<void> => {
    const agent = await Ddpg.create(new Pendulum(), options);
    for await (const { step } of train(agent, [new Pendulum(), second], { stepTimeout })) if (step > 40) break;
  };
  const thrower = broken((steps) => {
    if (steps === 3) throw new Error("out of fuel");
  });
  await assert.rejects(run(thrower), { message: "Pendulum environments[1] episode 1 step 3: out of fuel" });
  const rejecting = broken((steps) => (steps === 2 ? Promise.reject(new Error("lost")) : undefined));
  await assert.rejects(run(rejecting), { message: "Pendulum environments[1] episode 1 step 2: lost" });
  const late = broken((steps) => (steps === 4 ? new Promise(() => {}) : undefined));
  await assert.rejects(run(late, 20), {
    message: "Pendulum environments[1] episode 1 step 4: expected an answer within 0.02 s, got none",
  });
  const wrong = broken((steps) => (steps === 2 ? { observation: [1], reward: 0, terminated: false } : undefined));
  await assert.rejects(run(wrong), { message: /^Pendulum environments\[1\] episode 1 step 2 observation: expected 3/ });
});

test("a list that cannot be trained on is refused with the place, and its environments stay free", async () => {
  const agent = await Ddpg.create(new Pendulum(), options);
  const pendulum = new Pendulum();
  const other: Environment = {
    ...{ name: "Pendulum", observationSize: 3, actionLow: [-3], actionHigh: [3] },
    reset: (random) => pendulum.reset(random),
    step: (action) => pendulum.step(action),
  };
  for (const [list, message] of [
    [[], "train environments: expected at least one environment, got []."],
    [
      [pendulum, new TimeLimit(pendulum, 5)],
      "train environments[1]: expected an environment for each place, got the same object as environments[0]. Make another one: an environment has one state.",
    ],
    [
      [pendulum, other],
      'Pendulum environments[1] action bounds: expected [-2] to [2], as when the agent was created, got "[-3] to [3]".',
    ],
    [[pendulum, 3], /^train environments\[1\]: expected an environment: an object with reset and step, got 3/],
  ] as const) {
    await assert.rejects(train(agent, list as unknown as Environment[]).next(), { name: "InputError", message });
  }
  await go(agent, pendulum, 3);
});

test("with fewer environments than before, the episodes of the others are given up, and no transition is lost", async () => {
  const agent = await Ddpg.create(new Pendulum(), options);
  const { saved } = await go(agent, pendulums(3), 31, 31);
  const loaded = await Ddpg.load(saved, new Pendulum());
  const steps = train(loaded, pendulums(1));
  const { value } = await steps.next();
  const names = [...decodeSafetensors(loaded.save(), "test").tensors.keys()];
  const states = names.filter((name) => name.endsWith(".environment"));
  assert.deepEqual(states, ["loop.environment"], "no state of an episode that is gone");
  assert.match(value.warnings.join(), /expected at least 3 environments, to continue their episodes, got 1/);
  await steps.return(undefined as never);
  assert.deepEqual([loaded.steps, loaded.replayBuffer.stored], [32, 32]);
  // With as many as before it may grow again: the new episodes have other random numbers.
  await go(loaded, pendulums(3), 60);
  assert.equal(loaded.loop?.step, 60);
});

test("a damaged loop of several bodies is refused with the field", async () => {
  const agent = await Ddpg.create(new Pendulum(), options);
  const { saved } = await go(agent, pendulums(3), 31, 31);
  const file = decodeSafetensors(saved, "file");
  const counters = JSON.parse(file.metadata.get("counters") ?? "");
  assert.deepEqual(counters.loop.others[1].answer, { terminated: false, truncated: false });
  const change = async (others: unknown[], message: RegExp): Promise<void> => {
    file.metadata.set("counters", JSON.stringify({ ...counters, loop: { ...counters.loop, others } }));
    await assert.rejects(Ddpg.load(encodeSafetensors(file), new Pendulum()), { name: "InputError", message });
  };
  const [first, second] = counters.loop.others;
  await change([{ ...first, length: -1 }, second], /loop others\[0\] length: expected a whole number/);
  await change([first, { ...second, answer: { terminated: 1 } }], /others\[1\] answer terminated: expected true or/);
  await change([], /loop others: expected a list of bodies, or nothing/);
  await change([first, second, second], /loop\.3\.observation/);
});

test("a loop that cannot begin changes nothing in a loaded agent", async () => {
  const agent = await Ddpg.create(new Pendulum(), options);
  const { saved } = await go(agent, pendulums(3), 31, 31);
  const loaded = await Ddpg.load(saved, new Pendulum());
  const [first, second, third] = pendulums(3);
  const { observationSize, actionLow, actionHigh } = first;
  const bounds = { name: "Rod", observationSize, actionLow, actionHigh };
  const without: Environment = { ...bounds, reset: (r) => first.reset(r), step: (a) => first.step(a) };
  const broken: Environment = {
    ...{ ...bounds, reset: (r) => second.reset(r), step: (a) => second.step(a) },
    save: () => new Float64Array(1),
    restore: () => {
      throw new Error("stuck");
    },
  };
  await assert.rejects(train(loaded, [without, broken, third]).next(), {
    name: "EnvironmentError",
    message: "Rod environments[1] restore: stuck",
  });
  assert.deepEqual(loaded.save(), Uint8Array.from(saved));
});

test("answers that come after a loop has failed change nothing in the next loop", async () => {
  const { observationSize, actionLow, actionHigh } = new Pendulum();
  const bounds = { observationSize, actionLow, actionHigh };
  for (const what of ["reset", "step"] as const) {
    const inner = new Pendulum();
    const agent = await Ddpg.create(inner, options);
    let answer = (_: unknown): void => {};
    const late = new Promise<unknown>((resolve) => {
      answer = resolve;
    });
    const lost = () => Promise.reject(new Error("lost"));
    const failing = { ...bounds, reset: (r: Random) => inner.reset(r), step: (a: Float32Array) => inner.step(a) };
    const slow = { ...failing, [what]: () => late } as Environment;
    await assert.rejects(train(agent, [{ ...failing, [what]: lost } as Environment, slow]).next(), /lost/);
    const steps = train(agent, pendulums(2));
    await steps.next();
    const before = agent.save();
    const observation = [1, 0, 7];
    answer(what === "reset" ? observation : { observation, reward: -3, terminated: true });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(agent.save(), before, what);
    await steps.return(undefined as never);
  }
});

test("a policy that the agent starts from within the loop acts in the next round", async () => {
  const settings = { ...options, noise: "none", warmupSteps: 0, returnSteps: 1 } as const;
  const agent = await Ddpg.create(new Pendulum(), settings);
  const other = await Ddpg.create(new Pendulum(), { ...settings, seed: 2 });
  const before: Float64Array[] = [];
  for await (const { step, environment, observation, action } of train(agent, pendulums(2))) {
    if (step === 2) agent.startFrom(other.policy);
    if (step > 2) assert.deepEqual(action, other.act(before[environment]), `${step}`);
    before[environment] = observation.slice();
    if (step === 6) break;
  }
  assert.equal(agent.updates, 0);
});

test("a loop that is left before a pending first answer counts ends that episode too, also after a load", async () => {
  const settings = { ...options, warmupSteps: 0 };
  const whole = await Ddpg.create(new Pendulum(), settings);
  const { saved } = await go(whole, pendulums(3), 1, 1);
  const loaded = await Ddpg.load(saved, new Pendulum());
  await go(loaded, pendulums(3), 2);
  const agent = await Ddpg.create(new Pendulum(), settings);
  await go(agent, pendulums(3), 2);
  assert.deepEqual(loaded.save(), agent.save());
});

test("an environment may change its info object before the step counts", async () => {
  const shared = { place: 0 };
  const { observationSize, actionLow, actionHigh } = new Pendulum();
  const environments = [0, 1].map((place): Environment => {
    const inner = new Pendulum();
    return {
      ...{ observationSize, actionLow, actionHigh, reset: (random) => inner.reset(random) },
      step: (action) => {
        shared.place = place;
        return { ...(inner.step(action) as Step), terminated: true, info: shared };
      },
    };
  });
  const agent = await Ddpg.create(new Pendulum(), options);
  for await (const { step, environment, episode } of train(agent, environments)) {
    assert.deepEqual(episode?.info, { place: environment });
    if (step === 4) break;
  }
});
