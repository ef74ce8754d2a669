import assert from "node:assert/strict";
import { test } from "node:test";
import { Pendulum } from "../envs/pendulum.ts";
import { without, withPause } from "./agent-state.case.ts";
import { Ddpg } from "./ddpg.ts";
import { train } from "./train.ts";
import { UpdateSchedule, withoutUpdates } from "./update-schedule.ts";

/** Returns the number of updates after each of `steps` time steps; an episode ends after every `episode` steps. */
function rounds(updateEvery: number, updatesPerStep: number, steps: number, episode = Infinity): number[] {
  const schedule = new UpdateSchedule({ updateEvery, updatesPerStep });
  return Array.from({ length: steps }, (_, i) => {
    if ((i + 1) % episode === 0) schedule.endEpisode();
    schedule.takeTurn();
    let updates = 0;
    for (; schedule.isDue; updates++) schedule.countUpdate();
    return updates;
  });
}

const total = (updates: readonly number[]): number => updates.reduce((sum, n) => sum + n, 0);

test("one update follows every step by default; a round makes all updates of the steps since the last", () => {
  assert.deepEqual(rounds(1, 1, 4), [1, 1, 1, 1]);
  assert.deepEqual(rounds(1, 3, 4), [3, 3, 3, 3]);
  assert.deepEqual(rounds(3, 1, 7), [0, 0, 3, 0, 0, 3, 0]);
  assert.deepEqual(rounds(3, 2, 6), [0, 0, 6, 0, 0, 6]);
  assert.deepEqual(rounds(2, 0.5, 6), [0, 1, 0, 1, 0, 1]);
  assert.deepEqual(rounds(1, 0.4, 10), [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]);
});

test("with updateEvery 0, a round is at the end of each episode", () => {
  assert.deepEqual(rounds(0, 1, 7, 3), [0, 0, 3, 0, 0, 3, 0]);
  assert.deepEqual(rounds(0, 0.5, 7, 3), [0, 0, 1, 0, 0, 2, 0]);
  assert.deepEqual(rounds(0, 1, 5), [0, 0, 0, 0, 0]);
});

test("the number of updates for each step never drifts from updatesPerStep", () => {
  for (const [every, perStep] of [
    [1, 0.1],
    [7, 0.3],
    [50, 1],
    [0, 0.7],
  ]) {
    const updates = rounds(every, perStep, 70_000, 50);
    assert.ok(Math.abs(total(updates) - 70_000 * perStep) <= 1, `${every} ${perStep}: ${total(updates)}`);
  }
});

test("train learns when the settings say, counts every update, and changes no bit across a pause", async () => {
  const make = () => new Pendulum();
  for (const settings of [
    { updateEvery: 7, updatesPerStep: 0.6 },
    { updateEvery: 0, updatesPerStep: 0.25 },
  ]) {
    // The pause is in the middle of a round and of an episode.
    const whole = await without(make, { warmupSteps: 16, ...settings }, 420);
    assert.deepEqual(await withPause(make, { warmupSteps: 16, ...settings }, 265, 420), whole);
  }

  const sizes = { actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 4 };
  const agent = await Ddpg.create(make(), {
    preset: "small",
    ...sizes,
    warmupSteps: 11,
    updateEvery: 0,
    updatesPerStep: 2,
  });
  const learned: number[][] = [];
  for await (const { step, learned: has } of train(agent, make())) {
    if (has) learned.push([step, agent.updates]);
    if (step === 410) break;
  }
  // Steps 11 to 200, then 200 more.
  assert.deepEqual(learned, [
    [200, 380],
    [400, 780],
  ]);
});

test("a round lets other events of the program run, and the agent is not saved in the middle of it", async () => {
  const make = () => new Pendulum();
  const agent = await Ddpg.create(make(), { preset: "small", warmupSteps: 64, updateEvery: 0, updatesPerStep: 2 });
  let seen = 0;
  let saved = 0;
  let refused = "";
  const timer = setInterval(() => {
    if (agent.updates === 0 || agent.updates >= 274) return;
    seen = agent.updates;
    try {
      agent.save();
      saved++;
    } catch (error) {
      refused = String(error);
    }
  }, 1);
  for await (const { learned } of train(agent, make())) if (learned) break;
  clearInterval(timer);
  assert.equal(agent.updates, 274);
  assert.ok(seen > 0);
  // The step of the round is not counted yet.
  assert.equal(saved, 0);
  assert.match(refused, /expected an agent between two steps of train/);
});

test("a run that is too short for any update names the setting", () => {
  const steps = 20;
  const named = new Set<string>();
  for (const warmupSteps of [0, 4, 19, 20, 21]) {
    for (const batchSize of [1, 4, 20, 30]) {
      for (const updateEvery of [1, 3, 11, 16, 17, 18, 21]) {
        for (const updatesPerStep of [0.01, 0.06, 0.5, 1, 2]) {
          for (const returnSteps of [1, 2, 5, 30]) {
            const settings = { warmupSteps, batchSize, returnSteps, updateEvery, updatesPerStep };
            const schedule = new UpdateSchedule(settings);
            let updates = 0;
            for (let step = 1; step <= steps; step++) {
              const stored = Math.max(0, step - (returnSteps - 1));
              if (step >= warmupSteps && stored >= batchSize) schedule.takeTurn();
              for (; schedule.isDue; schedule.countUpdate()) updates++;
            }
            const problem = withoutUpdates(settings, steps);
            assert.equal(problem === undefined, updates > 0, JSON.stringify(settings));
            if (problem) named.add(`${problem.where}: expected ${problem.expected}`);
          }
        }
      }
    }
  }
  assert.ok(named.has("warmupSteps: expected at most the run's 20 steps"));
  assert.ok(named.has("batchSize: expected at most the run's 20 steps"));
  assert.ok(named.has("updateEvery: expected at most 17, the steps that learning is possible after"));
  assert.ok(named.has("updatesPerStep: expected at least 1 / 17"));
  assert.ok(named.has("returnSteps: expected at most 17, so that 20 steps complete 4 rows"));
});
