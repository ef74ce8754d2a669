import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, numbersOf } from "../base/safetensors.ts";
import type { Environment, Goals, Step } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { PendulumWithGoals } from "./agent-state.case.ts";
import { Ddpg, type DdpgOptions } from "./ddpg.ts";
import { maxEpisodeSteps } from "./hindsight.ts";
import { train } from "./train.ts";

const gamma = 0.5;

/** A place on a line and the goal; a step pays 0 at the goal and −1 elsewhere. The task ends at the goal if `ends`. */
const goals = (ends: boolean): Goals => ({
  achieved: ([place]) => [place],
  withGoal: ([place], [goal]) => [place, goal],
  outcome: ([place, goal]) => ({ reward: place === goal ? 0 : -1, terminated: ends && place === goal }),
});

const spaces = (ends: boolean) => ({ observationSize: 2, actionLow: [-1], actionHigh: [1], hindsight: goals(ends) });

function create(ends: boolean, options: DdpgOptions): Promise<Ddpg> {
  const sizes = {
    actorHiddenSizes: [4],
    criticHiddenSizes: [4],
    batchSize: 2,
    replayCapacity: 1000,
    warmupSteps: 1000,
  };
  return Ddpg.create(spaces(ends), { preset: "small", ...sizes, rewardScale: 1, discount: gamma, ...options });
}

/** The place after each step of the walks below is one more than before; the action is a tenth of the place, in Float32. */
function walk(agent: Ddpg, from: number, to: number, goal: number, body = 0, ends = false): void {
  for (let place = from; place < to; place++) {
    const terminated = ends && place + 1 === goal;
    agent.observe([place, goal], [place / 10], place + 1 === goal ? 0 : -1, [place + 1, goal], terminated, body);
  }
}

/** Every row of the replay buffer in the order of its memory: s, a, r, s′, discount steps. */
function rowsOf(agent: Ddpg): number[][] {
  const replay = decodeSafetensors(agent.save(), "file").tensors.get("replay");
  assert.ok(replay);
  const numbers = Array.from(numbersOf(replay));
  return Array.from({ length: numbers.length / 7 }, (_, i) => numbers.slice(7 * i, 7 * i + 7));
}

/** The row of a walk's step: a reward, and the place and the discount steps after it. */
function row(place: number, goal: number, reward: number, next = place + 1, discountSteps = next - place): number[] {
  return [place, goal, Math.fround(place / 10), reward, next, goal, discountSteps];
}

/** Makes the goals' stream draw these numbers; returns the ranges that were asked for, which grow as it draws. */
function script({ hindsightRandom }: Ddpg, draws: number[]): number[] {
  const asked: number[] = [];
  hindsightRandom.integer = (end) => {
    asked.push(end);
    return draws.shift() ?? assert.fail("no draw left");
  };
  return asked;
}

test("final: at a cut, each step is stored once more, with the goal that was achieved last", async () => {
  const agent = await create(false, { hindsight: "final" });
  walk(agent, 0, 3, 9);
  const own = [row(0, 9, -1), row(1, 9, -1), row(2, 9, -1)];
  assert.deepEqual(rowsOf(agent), own);
  agent.endEpisode();
  assert.deepEqual(rowsOf(agent), [...own, row(0, 3, -1), row(1, 3, -1), row(2, 3, 0)]);
  agent.endEpisode();
  walk(agent, 5, 6, 9);
  agent.endEpisode();
  assert.deepEqual(rowsOf(agent).slice(6), [row(5, 9, -1), row(5, 6, 0)]);
});

test("future: each step is stored k times more, with goals achieved by it or later", async () => {
  const agent = await create(false, { hindsight: "future", hindsightGoals: 2 });
  const asked = script(agent, [0, 2, 1, 0, 0, 0]);
  walk(agent, 0, 3, 9);
  agent.endEpisode();
  assert.deepEqual(asked, [3, 3, 2, 2, 1, 1]);
  assert.deepEqual(rowsOf(agent).slice(3), [
    ...[row(0, 1, 0), row(0, 3, -1)],
    ...[row(1, 3, -1), row(1, 2, 0)],
    ...[row(2, 3, 0), row(2, 3, 0)],
  ]);
});

test("where the task ends at its goal, so do the relabeled rows, and nothing else does", async () => {
  const agent = await create(true, { hindsight: "future", hindsightGoals: 1 });
  script(agent, [0, 1, 0]);
  walk(agent, 0, 3, 3, 0, true);
  const expected = [
    ...[row(0, 3, -1), row(1, 3, -1), row(2, 3, 0, 3, 0)],
    // With the goal 1, the task would have ended with the first step; with 3, not before the last.
    ...[row(0, 1, 0, 1, 0), row(1, 3, -1), row(2, 3, 0, 3, 0)],
  ];
  // The end of the task is enough; `endEpisode` does not store them again.
  assert.deepEqual(rowsOf(agent), expected);
  agent.endEpisode();
  assert.deepEqual(rowsOf(agent), expected);

  // An end with the goal of the episode is none with another goal.
  const other = await create(true, { hindsight: "future", hindsightGoals: 1 });
  other.observe([0, 9], [0], -1, [1, 9], false);
  script(other, [1, 0]);
  other.observe([1, 9], [0.1], -1, [2, 9], true);
  assert.deepEqual(rowsOf(other), [...[row(0, 9, -1), row(1, 9, -1, 2, 0)], ...[row(0, 2, -1), row(1, 2, 0, 2, 0)]]);
});

test("with several rewards to a row, a relabeled row sums those of its own goal and ends where that does", async () => {
  const agent = await create(false, { hindsight: "final", returnSteps: 3 });
  walk(agent, 0, 4, 9);
  agent.endEpisode();
  assert.deepEqual(rowsOf(agent).slice(4), [
    row(0, 4, -1 - gamma - gamma * gamma, 3),
    row(1, 4, -1 - gamma, 4),
    row(2, 4, -1, 4),
    row(3, 4, 0, 4),
  ]);

  const ending = await create(true, { hindsight: "future", hindsightGoals: 1, returnSteps: 3 });
  script(ending, [1, 0, 1, 0]);
  walk(ending, 0, 4, 9);
  ending.endEpisode();
  assert.deepEqual(rowsOf(ending).slice(4), [
    row(0, 2, -1, 2, 0),
    row(1, 2, 0, 2, 0),
    row(2, 4, -1, 4, 0),
    row(3, 4, 0, 4, 0),
  ]);
});

test("each body has its own episode", async () => {
  const agent = await create(false, { hindsight: "final" });
  for (const place of [0, 1]) {
    walk(agent, place, place + 1, 9, 0);
    walk(agent, 5 + place, 6 + place, 8, 1);
  }
  agent.endEpisode(1);
  assert.deepEqual(rowsOf(agent).slice(4), [row(5, 7, -1), row(6, 7, 0)]);
  walk(agent, 2, 3, 9, 0);
  agent.endEpisode(0);
  assert.deepEqual(rowsOf(agent).slice(7), [row(0, 3, -1), row(1, 3, -1), row(2, 3, 0)]);
  // What a body did that is gone is kept.
  walk(agent, 4, 5, 9, "gone" as never);
  agent.forget("gone");
  assert.deepEqual(rowsOf(agent).slice(10), [row(4, 9, -1), row(4, 5, 0)]);
});

test("relabeled rows are scaled as the others are, have the highest priority, and move no statistics", async () => {
  const scaling = { observationScale: [0.5, 2], observationOffset: [1, 0], rewardScale: 10 };
  const agent = await create(false, { hindsight: "final", ...scaling, replayPriority: "proportional" });
  walk(agent, 1, 2, 9);
  agent.endEpisode();
  walk(agent, 3, 5, 9);
  agent.endEpisode();
  const a = (place: number): number => Math.fround(place / 10);
  assert.deepEqual(rowsOf(agent), [
    ...[
      [0, 18, a(1), -10, 0.5, 18, 1],
      [0, 4, a(1), 0, 0.5, 4, 1],
    ],
    ...[
      [1, 18, a(3), -10, 1.5, 18, 1],
      [1.5, 18, a(4), -10, 2, 18, 1],
    ],
    ...[
      [1, 10, a(3), -10, 1.5, 10, 1],
      [1.5, 10, a(4), 0, 2, 10, 1],
    ],
  ]);
  const [highest, ...priorities] = agent.replayBuffer.priorities?.save(6) ?? [];
  assert.deepEqual(
    priorities,
    Array.from({ length: 6 }, () => highest),
  );

  const running = { observationNormalization: true, rewardNormalization: true } as const;
  const statistics = async (hindsight: "none" | "final") => {
    const agent = await create(false, { ...running, hindsight });
    walk(agent, 0, 5, 9);
    agent.endEpisode();
    return [agent.observationNormalization?.save(), agent.rewardNormalization?.save()];
  };
  assert.deepEqual(await statistics("final"), await statistics("none"));
});

test("the number of updates belongs to the steps: relabeled rows add none, and do not begin them", async () => {
  const updates = async (hindsight: "none" | "future") => {
    const agent = await create(false, { hindsight, warmupSteps: 0, batchSize: 7 });
    const made: number[] = [];
    for (let episode = 0; episode < 4; episode++) {
      walk(agent, 0, 3, 9);
      agent.endEpisode();
      agent.learn();
      agent.learn();
      agent.learn();
      made.push(agent.updates);
    }
    return made;
  };
  assert.deepEqual(await updates("future"), [0, 0, 3, 6]);
  assert.deepEqual(await updates("none"), [0, 0, 3, 6]);
});

test("a future goal is any of the later ones, each as often as the others", async () => {
  const agent = await create(false, { hindsight: "future", hindsightGoals: 100 });
  walk(agent, 0, 5, 9);
  agent.endEpisode();
  const counts = new Map<string, number>();
  for (const [place, goal] of rowsOf(agent).slice(5))
    counts.set(`${place} ${goal}`, (counts.get(`${place} ${goal}`) ?? 0) + 1);
  assert.equal(counts.size, 5 + 4 + 3 + 2 + 1);
  for (const [key, count] of counts) {
    const [place, goal] = key.split(" ").map(Number);
    assert.ok(goal > place, key);
    const mean = 100 / (5 - place);
    assert.ok(Math.abs(count - mean) <= 4 * Math.sqrt(mean), `${key}: ${count}`);
  }
});

test("an episode without an end is relabeled in pieces", async () => {
  const agent = await create(false, { hindsight: "final", replayCapacity: 10 });
  for (let i = 0; i < maxEpisodeSteps; i++) agent.observe([0, 9], [0], -1, [1, 9], false);
  assert.equal(agent.replayBuffer.stored, maxEpisodeSteps);
  walk(agent, 2, 3, 9);
  assert.equal(agent.replayBuffer.stored, 2 * maxEpisodeSteps + 1);
  agent.endEpisode();
  assert.equal(agent.replayBuffer.stored, 2 * maxEpisodeSteps + 2);
});

test("an episode in progress is saved: a loaded agent stores the same rows, with the same draws", async () => {
  const options = { hindsight: "future", returnSteps: 2 } as const;
  const [whole, paused] = [await create(true, options), await create(true, options)];
  for (const agent of [whole, paused]) {
    walk(agent, 0, 3, 9);
    agent.endEpisode();
    walk(agent, 0, 4, 9);
    walk(agent, 3, 5, 9, 7);
  }
  const loaded = await Ddpg.load(paused.save(), spaces(true));
  assert.deepEqual(loaded.save(), paused.save());
  for (const agent of [whole, loaded]) {
    walk(agent, 5, 6, 9, 7);
    walk(agent, 4, 6, 6, 0, true);
    agent.endEpisode(7);
  }
  assert.equal(loaded.replayBuffer.stored, 12 * 5);
  assert.deepEqual(loaded.save(), whole.save());
});

for (const count of [1, 2, 3]) {
  test(`paused after any step on ${count} environments, training continues with the same bits`, async () => {
    const environments = () => Array.from({ length: count }, (_, i) => new TimeLimit(new PendulumWithGoals(), 4 + i));
    const sizes = { actorHiddenSizes: [8], criticHiddenSizes: [8], batchSize: 8, warmupSteps: 10, rewardScale: 1 };
    const options = { preset: "small", ...sizes, hindsight: "future", replayPriority: "lap" } as const;
    const go = async (agent: Ddpg, end: number, saveAt = -1): Promise<Uint8Array> => {
      let saved = new Uint8Array(0);
      for await (const { step } of train(agent, environments())) {
        if (step === saveAt) saved = agent.save().slice();
        if (step === end) return saved.length > 0 ? saved : agent.save().slice();
      }
      return saved;
    };
    const make = () => Ddpg.create(new PendulumWithGoals(), options);
    const whole = await go(await make(), 40);
    for (let pause = 15; pause < 25; pause++) {
      const saved = await go(await make(), pause, pause);
      const loaded = await Ddpg.load(saved, new PendulumWithGoals());
      assert.deepEqual(await go(loaded, 40), whole, `${pause}`);
    }
  });
}

test("a damaged file is refused with the field", async () => {
  const agent = await create(false, { hindsight: "final" });
  walk(agent, 0, 1, 9);
  agent.endEpisode();
  walk(agent, 0, 2, 9);
  const file = decodeSafetensors(agent.save(), "file");
  const counters = JSON.parse(file.metadata.get("counters") ?? "");
  assert.deepEqual([counters.held, counters.relabeled, counters.stored], [[{ body: 0, rows: 2 }], 1, 4]);
  for (const [changes, message] of [
    [{ held: [{ body: 0, rows: 0 }] }, /counters held\[0\] rows: expected a whole number from 1 to 10000, got 0/],
    [{ held: [{ body: 0, rows: 3 }] }, /held/],
    [{ held: [] }, /counters held: expected a list of bodies/],
    [{ relabeled: 4 }, /counters relabeled: expected nothing, or a whole number from 1 to 3, got 4/],
    [{ relabeled: 2 }, /counters stored: expected 5, the number of steps, and of relabeled rows, got 4/],
    [{ relabeled: undefined }, /counters stored: expected 3, the number of steps, got 4/],
  ] as const) {
    file.metadata.set("counters", JSON.stringify({ ...counters, ...changes }));
    await assert.rejects(Ddpg.load(encodeSafetensors(file), spaces(false)), { name: "InputError", message });
  }
  file.metadata.set("counters", JSON.stringify(counters));
  const held = file.tensors.get("held");
  assert.ok(held);
  const bytes = Uint8Array.from(held.parts.flatMap((part) => Array.from(part)));
  const refused = async (shape: readonly number[], part: Uint8Array, message: RegExp) => {
    file.tensors.set("held", { dtype: "F64", shape, parts: [part] });
    await assert.rejects(Ddpg.load(encodeSafetensors(file), spaces(false)), { name: "InputError", message });
  };
  await refused([1, held.shape[1]], bytes.slice(bytes.length / 2), /held: expected/);
  new DataView(bytes.buffer).setFloat64(0, Number.NaN, true);
  await refused(held.shape, bytes, /held.*expected a finite number, got NaN/);
  file.tensors.set("held", held);
  const settings = JSON.parse(file.metadata.get("settings") ?? "");
  file.metadata.set("settings", JSON.stringify({ ...settings, hindsight: "none" }));
  file.metadata.set("counters", JSON.stringify({ ...counters, relabeled: undefined, stored: 3 }));
  await assert.rejects(Ddpg.load(encodeSafetensors(file), spaces(false)), /counters held: expected nothing without/);
});

test("an environment that does not say what its goals are is refused, also when an agent is loaded", async () => {
  const { hindsight, ...plain } = spaces(false);
  class Plain {
    readonly observationSize = 2;
    readonly actionLow = [-1];
    readonly actionHigh = [1];
  }
  const hint = "Give the environment a member hindsight with the methods achieved, withGoal and outcome.";
  await assert.rejects(Ddpg.create(new Plain(), { hindsight: "final" }), {
    name: "InputError",
    message: `hindsight: expected none, because Plain does not say what its goals are, got "final". ${hint}`,
  });
  const agent = await create(false, { hindsight: "future" });
  await assert.rejects(
    Ddpg.load(agent.save(), plain),
    /^InputError: hindsight: expected none, because the environment/,
  );
  for (const [given, message] of [
    [null, /^environment\.hindsight: expected an object with the methods achieved, withGoal, outcome, got null/],
    [{ ...hindsight, withGoal: 1 }, /^environment\.hindsight\.withGoal: expected a method, got 1/],
  ] as const) {
    const environment = { ...plain, hindsight: given } as never;
    await assert.rejects(Ddpg.create(environment, { hindsight: "final" }), { name: "InputError", message });
  }
  // Without the setting, an environment may have a member of that name.
  await Ddpg.create({ ...plain, hindsight: 5 } as never, { preset: "small" });
});

/** Walks along the line, and is cut after three steps. */
class Line implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly hindsight: Goals;
  place = 0;

  constructor(changes: Partial<Goals>) {
    this.hindsight = { ...goals(false), ...changes };
  }

  reset(): number[] {
    this.place = 0;
    return [0, 9];
  }

  step(): Step {
    this.place++;
    return { observation: [this.place, 9], reward: -1, terminated: false, truncated: this.place === 3 };
  }
}

test("a method that fails is named with its step, and the agent can still be saved and used", async () => {
  const failing: [Partial<Goals>, RegExp, stored: number][] = [
    [
      { achieved: () => [] },
      /^Line episode 1 step 1 hindsight\.achieved: expected a list of at least one number, got \[\]/,
      0,
    ],
    [
      { achieved: ([place]) => (place < 2 ? [place] : [place, place]) },
      /^Line episode 1 step 2 hindsight\.achieved: expected a list of 1 numbers, as before, got 2/,
      2, // the first step, and the same with the goal that it reached
    ],
    [
      { achieved: () => Promise.resolve([1]) as never },
      /^Line episode 1 step 1 hindsight\.achieved: expected a list of numbers at once, got a promise/,
      0,
    ],
    [{ withGoal: () => [1] }, /^Line episode 1 step 3 hindsight\.withGoal: expected 2 numbers, got 1/, 3],
    [
      { withGoal: () => [Number.NaN, 1] },
      /^Line episode 1 step 3 hindsight\.withGoal\[0\]: expected a finite number, got NaN/,
      3,
    ],
    [
      { outcome: () => ({ reward: Number.NaN, terminated: false }) },
      /^Line episode 1 step 3 hindsight\.outcome reward: expected a finite number, got NaN/,
      3,
    ],
    [
      { outcome: () => ({ reward: 1, done: false }) as never },
      /^Line episode 1 step 3 hindsight\.outcome terminated: expected true or false, got undefined\. Instead of done/,
      3,
    ],
    [
      {
        outcome: () => {
          throw new TypeError("no such place");
        },
      },
      /^Line episode 1 step 3 hindsight\.outcome: expected no error, got TypeError: no such place/,
      3,
    ],
  ];
  for (const [changes, message, stored] of failing) {
    const broken = new Line(changes);
    const { settings } = await create(false, { hindsight: "final" });
    const agent = await Ddpg.create(broken, { ...settings, preset: "small" });
    await assert.rejects(
      async () => {
        for await (const { step } of train(agent, broken)) assert.ok(step < 3);
      },
      { name: "EnvironmentError", message },
    );
    assert.equal(agent.replayBuffer.stored, stored);
    const { steps } = agent;
    const loaded = await Ddpg.load(agent.save(), spaces(false));
    // The environment is free again.
    for await (const { step } of train(loaded, new Line({}))) if (step >= 3) break;
    assert.equal(loaded.replayBuffer.stored, stored + 2 * (loaded.steps - steps));
  }
});

test("a loop that is left ends the episodes of all its environments, though the goals of the first fail", async () => {
  const fails = new Line({ withGoal: () => [1] });
  const { settings } = await create(false, { hindsight: "final" });
  const agent = await Ddpg.create(fails, { ...settings, preset: "small" });
  await assert.rejects(
    async () => {
      for await (const { step } of train(agent, [fails, new Line({})])) if (step === 4) break;
    },
    { name: "EnvironmentError", message: /^Line\b.* hindsight\.withGoal: expected 2 numbers, got 1/ },
  );
  const saved = agent.save();
  const counters = JSON.parse(decodeSafetensors(saved, "file").metadata.get("counters") ?? "");
  assert.equal(counters.held, undefined, "nothing waits for a goal");
  const loaded = await Ddpg.load(saved, spaces(false));
  for await (const { step } of train(loaded, new Line({}))) if (step === 7) break;
});

test("the methods get copies: what they write to them is not stored", async () => {
  const careless: Goals = {
    achieved: (observation) => [observation.fill(observation[0])[1]],
    withGoal: (observation, goal) => {
      observation[1] = goal[0];
      goal.fill(7);
      return observation;
    },
    outcome: (observation, action) => {
      action.fill(5);
      return goals(false).outcome(observation.slice(), observation.fill(5) && new Float32Array(1));
    },
  };
  const careful = await create(false, { hindsight: "future" });
  const agent = await Ddpg.create({ ...spaces(false), hindsight: careless }, { ...careful.settings, preset: "small" });
  for (const each of [careful, agent]) {
    walk(each, 0, 4, 9);
    each.endEpisode();
  }
  assert.deepEqual(agent.save(), careful.save());
});

test("the stream of goals is its own: with another seed other goals, and nothing else is drawn from it", async () => {
  const goalsOf = async (seed: number) => {
    const agent = await create(false, { hindsight: "future", seed });
    const before = agent.samplingRandom.save();
    walk(agent, 0, 9, 20);
    agent.endEpisode();
    assert.deepEqual(agent.samplingRandom.save(), before);
    return rowsOf(agent).map(([, goal]) => goal);
  };
  assert.notDeepEqual(await goalsOf(1), await goalsOf(2));
  assert.deepEqual(await goalsOf(1), await goalsOf(1));
  assert.notDeepEqual(new Random(1).fork("hindsight").save(), new Random(1).fork("sampling").save());
});
