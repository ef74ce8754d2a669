import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, numbersOf, tensorOf } from "../base/safetensors.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { sizes, without, withPause } from "./agent-state.case.ts";
import { settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { importance, Priorities } from "./priorities.ts";

const proportional = { replayPriority: "proportional", priorityExponent: 0.6, priorityFloor: 0.01 } as const;
const lap = { replayPriority: "lap", priorityExponent: 0.4, priorityFloor: 1 } as const;

/** How often each of three rows is drawn, as shares. */
function shares(priorities: Priorities, draws: number): number[] {
  const random = new Random(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < draws; i++) counts[priorities.draw(random)]++;
  return counts.map((count) => count / draws);
}

function close(got: readonly number[], expected: readonly number[], error: number): void {
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(got[i] - value) < error, `${got}, not ${expected}`);
}

test("proportional: a row is drawn by (|δ| + ε)^α; a new one has the highest priority; weights are (N P)^−β over the largest", () => {
  const priorities = new Priorities(proportional);
  for (const row of [0, 1]) priorities.add(row);
  priorities.update(Int32Array.of(0, 1), Float64Array.of(0.5, 4));
  priorities.add(2);
  const p = [0.51 ** 0.6, 4.01 ** 0.6, 4.01 ** 0.6];
  const sum = p[0] + p[1] + p[2];
  close(
    shares(priorities, 50_000),
    p.map((each) => each / sum),
    0.01,
  );
  const weight = new Float64Array(3);
  priorities.weigh(weight, Int32Array.of(0, 1, 2), 0.5);
  close(weight as unknown as number[], [1, (p[1] / p[0]) ** -0.5, (p[2] / p[0]) ** -0.5], 1e-12);
  // Without the smallest one in the minibatch, the others are not small.
  const two = new Float64Array(2);
  priorities.weigh(two, Int32Array.of(1, 2), 0.5);
  assert.deepEqual([...two], [1, 1]);
  priorities.weigh(weight, Int32Array.of(0, 1, 2), 0);
  assert.deepEqual([...weight], [1, 1, 1]);
});

test("lap: a row is drawn by max(|δ|, 1)^α, and all weights are 1", () => {
  const priorities = new Priorities(lap);
  for (const row of [0, 1, 2]) priorities.add(row);
  priorities.update(Int32Array.of(0, 1, 2), Float64Array.of(0.001, 0.9, 8));
  const high = 8 ** 0.4;
  close(shares(priorities, 50_000), [1 / (2 + high), 1 / (2 + high), high / (2 + high)], 0.01);
  const weight = Float64Array.of(1, 1, 1);
  priorities.weigh(weight, Int32Array.of(0, 1, 2), 1);
  assert.deepEqual([...weight], [1, 1, 1]);
});

test("an update sets the priorities of the rows that it was made on, by their errors", async () => {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small", ...sizes, warmupSteps: 0, ...proportional });
  for (let i = 0; i < 30; i++) agent.observe([Math.cos(i), Math.sin(i), 0], [0], i, [1, 0, 0], true);
  const before = agent.replayBuffer.priorities?.save(30) ?? new Float64Array(0);
  assert.equal(new Set(before).size, 1);
  assert.ok(agent.learn());
  const after = agent.replayBuffer.priorities?.save(30) ?? new Float64Array(0);
  const { y, minibatch } = agent;
  for (let i = 0; i < y.length; i++) {
    // y is the reward, because the task ended: it says which row this is. The critic is near 0 at first.
    const row = Math.round(minibatch.reward[i] / agent.settings.rewardScale);
    const error = (after[1 + row] ** (1 / 0.6) - 0.01) as number;
    assert.ok(Math.abs(error - y[i]) < 0.1, `${error}, y ${y[i]}`);
  }
  const drawn = new Set(minibatch.reward).size;
  assert.equal(after.subarray(1).filter((each, i) => each !== before[1 + i]).length, drawn);
});

test("β grows linearly to 1", () => {
  const settings = settingsFrom("small", { importanceExponent: 0.4, importanceAnnealSteps: 100 });
  assert.deepEqual(
    [0, 50, 100, 1000].map((steps) => importance(settings, steps)),
    [0.4, 0.7, 1, 1],
  );
  assert.equal(importance(settingsFrom("small", { importanceExponent: 0.3 }), 1e6), 0.3);
});

for (const [name, rule] of Object.entries({ proportional, lap })) {
  test(`${name}: paused at any step, also when the buffer wraps, learning continues with the same bits`, async () => {
    const settings = { ...rule, warmupSteps: 20, replayCapacity: 50, returnSteps: 2, importanceAnnealSteps: 100 };
    const make = () => new Pendulum();
    const whole = await without(make, settings, 130);
    for (const pause of [19, 21, 51, 100]) assert.deepEqual(await withPause(make, settings, pause, 130), whole);
    const uniform = await without(make, { ...settings, replayPriority: "none" }, 130);
    assert.notEqual(uniform.fingerprint, whole.fingerprint);
  });
}

test("priorities that no row has are refused with their place", async () => {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small", ...sizes, ...proportional });
  for (let i = 0; i < 3; i++) agent.observe([1, 0, 0], [0], 1, [1, 0, 0], false);
  const file = decodeSafetensors(agent.save(), "file");
  const tensor = file.tensors.get("priorities");
  assert.ok(tensor);
  const values = numbersOf(tensor);
  for (const [index, value] of [
    [1, 0],
    [2, -1],
    [3, 2 * values[0]],
  ]) {
    const changed = Float64Array.from(values);
    changed[index] = value;
    file.tensors.set("priorities", tensorOf("F64", [4], changed));
    const message = new RegExp(`priorities\\[${index}\\]: expected a number above 0`);
    await assert.rejects(Ddpg.load(encodeSafetensors(file), new Pendulum()), { name: "InputError", message });
  }
});
