import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import type { Step } from "../environment/environment.ts";
import { MountainCarContinuous } from "./mountain-car-continuous.ts";

function stepFrom(position: number, velocity: number, force: number) {
  const environment = new MountainCarContinuous();
  environment.restore?.(Float64Array.of(0, position, velocity));
  const { observation, reward, terminated } = environment.step(Float32Array.of(force)) as Step;
  return { position: observation[0], velocity: observation[1], reward, terminated };
}

function near(actual: number, expected: number, tolerance = 1e-7) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);
}

test("a step away from the walls matches a calculation by hand", () => {
  const { position, velocity, reward, terminated } = stepFrom(0, 0.01, 0.5);
  near(velocity, 0.01 + 0.00075 - 0.0025);
  near(position, 0.00825);
  near(reward, -0.025);
  assert.equal(terminated, false);
});

test("the left wall stops the car; the right wall is behind the goal", () => {
  const { position, velocity } = stepFrom(-1.19, -0.06, -1);
  near(position, -1.2);
  assert.equal(velocity, 0);
  assert.equal(stepFrom(0.55, 0.07, 1).position, Math.fround(0.6));
});

test("the goal requires the position and a velocity that is not negative", () => {
  assert.equal(stepFrom(0.42, 0.05, 1).terminated, true);
  near(stepFrom(0.42, 0.05, 1).reward, 99.9);
  assert.equal(stepFrom(0.3, 0.05, 1).terminated, false);
  assert.equal(stepFrom(0.59, -0.05, 1).terminated, false);
});

test("a force beyond the bounds moves the car like a full one but costs its unclipped square", () => {
  const full = stepFrom(-0.5, 0, 1);
  const more = stepFrom(-0.5, 0, 3);
  assert.equal(more.velocity, full.velocity);
  near(more.reward, -0.9);
});

test("starts at rest, with the position uniform in [−0.6, −0.4)", () => {
  const environment = new MountainCarContinuous();
  const random = new Random(1);
  let [sum, lowest, highest] = [0, 0, -1];
  for (let i = 0; i < 10_000; i++) {
    const [position, velocity] = Array.from(environment.reset(random) as ArrayLike<number>);
    assert.equal(velocity, 0);
    sum += position;
    lowest = Math.min(lowest, position);
    highest = Math.max(highest, position);
  }
  near(sum / 10_000, -0.5, 0.002);
  assert.ok(lowest > -0.6001 && lowest < -0.599 && highest > -0.401 && highest < -0.3999);
});
