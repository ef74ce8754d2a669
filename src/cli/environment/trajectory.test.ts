import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Environment } from "../../environment/environment.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { Trajectory } from "./trajectory.ts";

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
  const trajectory = new Trajectory(environment);
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
});

test("time is in seconds, without digits that mean nothing, and a long table is complete", async () => {
  const trajectory = new Trajectory(new Pendulum());
  assert.equal(trajectory.maxEpisodeSteps, 200);
  for (let episode = 0; episode < 10; episode++) {
    await trajectory.reset(new Random(episode));
    for (let step = 0; step < 200; step++) await trajectory.step(new Float32Array(1));
  }
  const [, ...rows] = rowsOf(trajectory);
  assert.equal(rows.length, 10 * 201);
  for (const [i, row] of rows.entries()) assert.equal(row[2], String(Number(((i % 201) / 20).toFixed(2))));
});
