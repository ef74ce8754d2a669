import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Environment } from "../../environment/environment.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { Trajectory } from "./trajectory.ts";
import { trajectoryFigure } from "./trajectory-figure.ts";

function rowsOf(trajectory: Trajectory): string[][] {
  const text = Buffer.concat(trajectory.csv()).toString();
  return text
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(","));
}

test("a row has the observation before the action, the action and its reward; the last one of an episode the end alone", async () => {
  // It reuses its array, as an environment may.
  const observation = [0, 0];
  const environment: Environment = {
    observationSize: 2,
    actionLow: [-1, -1, -1],
    actionHigh: [1, 1, 1],
    reset: () => {
      observation[0] = 10;
      return observation;
    },
    step: ([action]) => {
      observation[0] += action;
      return { observation, reward: observation[0] / 2, terminated: observation[0] >= 11, truncated: false };
    },
  };
  const trajectory = new Trajectory(environment, { table: true, figure: true });
  const action = new Float32Array(3);
  for (let episode = 0; episode < 2; episode++) {
    await trajectory.reset(new Random(1));
    for (const [i, first] of [0.25, 0.75].entries()) {
      action.set([first, 0, -0.5]);
      const { terminated } = await trajectory.step(action);
      assert.equal(terminated, i === 1);
    }
  }
  assert.equal(trajectory.steps, 4);
  const names = ["observation[0]", "observation[1]", "action[0]", "action[1]", "action[2]"];
  assert.deepEqual(rowsOf(trajectory), [
    ["episode", "step", "time", ...names, "reward"],
    ...["1", "2"].flatMap((episode) => [
      [episode, "0", "", "10", "0", "0.25", "0", "-0.5", "5.125"],
      [episode, "1", "", "10.25", "0", "0.75", "0", "-0.5", "5.5"],
      [episode, "2", "", "11", "0", "", "", "", ""],
    ]),
  ]);
  assert.deepEqual(trajectory.first, {
    ...{ timeUnit: "steps", observationSize: 2, actionSize: 3, isCut: false },
    moments: [
      { time: 0, observation: [10, 0], action: [0.25, 0, -0.5], reward: 5.125 },
      { time: 1, observation: [10.25, 0], action: [0.75, 0, -0.5], reward: 5.5 },
      { time: 2, observation: [11, 0], action: [], reward: null },
    ],
  });
});

/** Rewards 1 until it ends after some steps, with 14 numbers in an observation and 13 in an action. */
function wide(steps: number): Environment {
  let taken = 0;
  const observe = (): number[] => Array.from({ length: 14 }, (_, i) => taken + i);
  return {
    observationSize: 14,
    actionLow: new Array(13).fill(-1),
    actionHigh: new Array(13).fill(1),
    reset: () => {
      taken = 0;
      return observe();
    },
    step: () => {
      taken++;
      return { observation: observe(), reward: 1, terminated: taken === steps };
    },
  };
}

test("for a figure it keeps 20,000 steps and 12 numbers of the first episode, and no table", async () => {
  for (const [steps, isCut] of [
    [20_000, false],
    [20_001, true],
  ] as const) {
    const trajectory = new Trajectory(wide(steps), { figure: true });
    for (let episode = 0; episode < 2; episode++) {
      await trajectory.reset(new Random(1));
      for (let ended = false; !ended; ) ({ terminated: ended } = await trajectory.step(new Float32Array(13)));
    }
    const { moments, observationSize, actionSize, isCut: wasCut } = trajectory.first;
    assert.deepEqual([observationSize, actionSize, wasCut], [14, 13, isCut]);
    // That of an episode that is longer has no end.
    assert.equal(moments.length, isCut ? 20_000 : 20_001);
    assert.equal(moments.at(-1)?.reward, isCut ? 1 : null);
    assert.deepEqual(
      [moments[1].observation, moments[1].action],
      [Array.from({ length: 12 }, (_, i) => 1 + i), new Array(12).fill(0)],
    );
    assert.equal(rowsOf(trajectory).length, 1, "only the head of the table");
    const figure = trajectoryFigure(trajectory.first, "wide");
    assert.equal(figure.includes("wide: the first 20,000 steps"), isCut);
    assert.ok(figure.includes("the first 12 of 14 numbers") && figure.includes("the first 12 of 13 numbers"));
  }
});

test("a step that is not one is passed on", async () => {
  const environment: Environment = { ...wide(9), step: () => undefined as never };
  const trajectory = new Trajectory(environment, { table: true, figure: true });
  await trajectory.reset(new Random(1));
  assert.equal(await trajectory.step(new Float32Array(13)), undefined);
});

test("time is in seconds, without digits that mean nothing, and a long table is complete", async () => {
  const trajectory = new Trajectory(new Pendulum(), { table: true });
  assert.equal(trajectory.maxEpisodeSteps, 200);
  for (let episode = 0; episode < 10; episode++) {
    await trajectory.reset(new Random(episode));
    for (let step = 0; step < 200; step++) await trajectory.step(new Float32Array(1));
  }
  const [, ...rows] = rowsOf(trajectory);
  assert.equal(rows.length, 10 * 201);
  for (const [i, row] of rows.entries()) assert.equal(row[2], String(Number(((i % 201) / 20).toFixed(2))));
});
