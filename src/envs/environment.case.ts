import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { checkEnvironment } from "../environment/check-environment.ts";
import type { Environment } from "../environment/environment.ts";
import { poseSize, sceneOf } from "../environment/scene.ts";

/**
 * Registers the tests that every task must pass. `timeLimit`: the number of steps after which it truncates. `outside`:
 * it is outside of the process, where nothing can save its state or draw it. `repeatable`: whether seeds decide its episodes.
 */
export function environmentCases(
  name: string,
  make: () => Environment | Promise<Environment>,
  timeLimit: number,
  { outside = false, repeatable = true } = {},
): void {
  const skipSeeds = !repeatable && "no seed decides what happens there";
  const skip = outside && "what is outside of the process has no save and no scene";
  test(`${name}: checkEnvironment finds no problem in 1,500 steps`, async () => {
    assert.deepEqual((await checkEnvironment(make, { steps: 1500 })).problems, []);
  });

  test(`${name}: the same seed gives the same episode, a different seed a different one`, {
    skip: skipSeeds,
  }, async () => {
    const [a, b, c] = [await episode(await make(), 1), await episode(await make(), 1), await episode(await make(), 2)];
    assert.deepEqual(a, b);
    assert.notDeepEqual(a[0], c[0]);
  });

  test(`${name}: the same instance repeats an episode when given the same seed`, { skip: skipSeeds }, async () => {
    const environment = await make();
    const first = await episode(environment, 1);
    await episode(environment, 2);
    assert.deepEqual(await episode(environment, 1), first);
  });

  test(`${name}: every observation has observationSize finite numbers`, async () => {
    const environment = await make();
    for (const { observation } of await episode(environment, 3)) {
      assert.equal(observation.length, environment.observationSize);
      assert.ok(observation.every(Number.isFinite));
    }
  });

  test(`${name}: saved in mid-episode and restored in another instance, it continues with the same bits`, {
    skip,
  }, async () => {
    const environment = await make();
    assert.ok(environment.save, "it has no save");
    const actions = new Random("actions");
    await environment.reset(new Random(4));
    for (let i = 0; i < 7; i++) await environment.step(randomAction(environment, actions));
    const state = environment.save();
    const restored = await make();
    restored.restore?.(state.slice());
    for (let i = 0; i < 12; i++) {
      const action = randomAction(environment, actions);
      assert.deepEqual(await copyOf(restored.step(action.slice())), await copyOf(environment.step(action)));
    }
    assert.deepEqual(restored.save?.(), environment.save());
  });

  test(`${name}: it can be drawn after every step, which does not change a bit of what follows`, { skip }, async () => {
    const [drawn, other] = [await make(), await make()];
    const scene = sceneOf(drawn);
    assert.ok(scene && scene.stepSeconds > 0);
    const { shapes, camera } = scene;
    assert.ok(camera.follows === undefined || camera.follows in shapes);
    const poses = new Float32Array(shapes.length * poseSize);
    const actions = new Random("actions");
    const starts = [await drawn.reset(new Random(7)), await other.reset(new Random(7))].map((start) => [
      ...Array.from(start),
    ]);
    assert.deepEqual(starts[0], starts[1]);
    for (let i = 0; i < 30; i++) {
      scene.writePoses(poses.fill(NaN));
      for (let shape = 0; shape < shapes.length; shape++)
        expectPose(poses.subarray(shape * poseSize), shapes[shape].kind);
      const action = randomAction(drawn, actions);
      assert.deepEqual(await copyOf(drawn.step(action.slice())), await copyOf(other.step(action)));
    }
    assert.deepEqual(drawn.save?.(), other.save?.());
  });

  test(`${name}: restored, it has the poses that it had when saved`, { skip }, async () => {
    const environment = await make();
    assert.ok(environment.save, "it has no save");
    const scene = sceneOf(environment);
    assert.ok(scene);
    const actions = new Random("actions");
    const posesNow = () => {
      const poses = new Float32Array(scene.shapes.length * poseSize);
      scene.writePoses(poses);
      return poses;
    };
    await environment.reset(new Random(8));
    await environment.step(new Float32Array(environment.actionLow.length));
    const state = environment.save();
    const before = posesNow();
    for (let i = 0; i < 5; i++) await environment.step(randomAction(environment, actions));
    assert.notDeepEqual(posesNow(), before);
    environment.restore?.(state);
    assert.deepEqual(posesNow(), before);
  });

  test(`${name}: an episode is truncated at step ${timeLimit}, and never before`, async () => {
    const steps = (await episode(await make(), 5)).slice(1);
    for (const { truncated } of steps.slice(0, -1)) assert.equal(truncated, false);
    const last = steps[steps.length - 1];
    assert.ok(steps.length <= timeLimit);
    assert.equal(last.truncated, steps.length === timeLimit && !last.terminated);
  });

  test(`${name}: restored at step ${timeLimit - 2}, it is truncated two steps later, and reset restarts the count`, {
    skip,
  }, async () => {
    const environment = await make();
    assert.ok(environment.save, "it has no save");
    await environment.reset(new Random(6));
    const state = environment.save();
    state[0] = timeLimit - 2;
    environment.restore?.(state);
    const actions = new Random("actions");
    const ends = [];
    for (let i = 0; i < 2; i++) ends.push(await copyOf(environment.step(randomAction(environment, actions))));
    await environment.reset(new Random(6));
    ends.push(await copyOf(environment.step(randomAction(environment, actions))));
    assert.deepEqual(
      ends.map(({ terminated, truncated }) => [terminated, truncated]),
      [
        [false, false],
        [false, true],
        [false, false],
      ],
    );
  });
}

/** Asserts that a pose is a finite position and a proper rotation: orthonormal rows, determinant +1. */
function expectPose([x, y, z, ...rotation]: ArrayLike<number> & Iterable<number>, what: string): void {
  assert.ok([x, y, z].every(Number.isFinite), what);
  const [a, b, c] = [0, 3, 6].map((row) => rotation.slice(row, row + 3));
  const dot = (u: number[], v: number[]) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  for (const [actual, expected] of [
    [dot(a, a), 1],
    [dot(b, b), 1],
    [dot(a, b), 0],
    [dot(cross, c), 1],
  ])
    assert.ok(Math.abs(actual - expected) < 1e-5, `${what}: ${rotation}`);
}

/** Runs an episode with random actions; returns copies of what the reset and every step returned. */
async function episode(environment: Environment, seed: number) {
  const random = new Random(seed);
  const actions = random.fork("actions");
  const observation = Array.from(await environment.reset(random.fork("start")));
  const steps = [{ observation, reward: 0, terminated: false, truncated: false }];
  do steps.push(await copyOf(environment.step(randomAction(environment, actions))));
  while (!steps[steps.length - 1].terminated && !steps[steps.length - 1].truncated);
  return steps;
}

async function copyOf(step: ReturnType<Environment["step"]>) {
  const { observation, reward, terminated, truncated = false } = await step;
  return { observation: Array.from(observation), reward, terminated, truncated };
}

function randomAction(environment: Environment, random: Random): Float32Array {
  return Float32Array.from(environment.actionLow, (low, i) => random.uniform(low, environment.actionHigh[i]));
}
