import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import type { Step } from "../environment/environment.ts";
import { Pendulum, PendulumV0 } from "./pendulum.ts";

/** Takes one step from a state; returns the new angle and speed, and the result of the step. */
function stepFrom(environment: Pendulum | PendulumV0, angle: number, speed: number, torque: number) {
  environment.restore?.(Float64Array.of(0, angle, speed));
  const step = environment.step(Float32Array.of(torque)) as Step;
  const [, newAngle, newSpeed] = environment.save?.() ?? [];
  return { ...step, observation: Array.from(step.observation), angle: newAngle, speed: newSpeed };
}

function near(actual: number, expected: number, tolerance = 1e-12) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);
}

test("below the speed limit v0 and v1 move alike, as computed by hand", () => {
  for (const environment of [new Pendulum(), new PendulumV0()]) {
    const { angle, speed, reward } = stepFrom(environment, Math.PI / 2, 1, 2);
    near(speed, 1 + (15 + 6) * 0.05); // 2.05
    near(angle, Math.PI / 2 + 2.05 * 0.05);
    near(reward, -(Math.PI ** 2 / 4 + 0.1 + 0.004));
  }
});

test("at the speed limit v1 moves by the clipped speed, v0 by the unclipped one", () => {
  const v1 = stepFrom(new Pendulum(), Math.PI / 2, 7.9, 2);
  near(v1.speed, 8);
  near(v1.angle, Math.PI / 2 + 8 * 0.05);
  const v0 = stepFrom(new PendulumV0(), Math.PI / 2, 7.9, 2);
  near(v0.speed, 8);
  near(v0.angle, Math.PI / 2 + 8.95 * 0.05);
  const back = stepFrom(new PendulumV0(), -Math.PI / 2, -7.9, -2);
  near(back.speed, -8);
  near(back.angle, -Math.PI / 2 - 8.95 * 0.05);
});

test("torques beyond the bounds are clipped, in the motion and in the reward", () => {
  assert.deepEqual(stepFrom(new Pendulum(), 1, 1, 50), stepFrom(new Pendulum(), 1, 1, 2));
  assert.deepEqual(stepFrom(new PendulumV0(), 1, 1, -50), stepFrom(new PendulumV0(), 1, 1, -2));
});

test("the reward uses the angle in [−π, π), after many turns in both directions, within 1e-12", () => {
  for (const turns of [-20, -1, 0, 1, 3])
    near(stepFrom(new Pendulum(), 0.5 + 2 * Math.PI * turns, 0, 0).reward, -0.25, 1e-12);
  near(stepFrom(new Pendulum(), 4, 0, 0).reward, -((4 - 2 * Math.PI) ** 2));
  near(stepFrom(new Pendulum(), -4, 0, 0).reward, -((4 - 2 * Math.PI) ** 2));
});

test("starts with the angle uniform in ±π and the speed uniform in ±1, and observes both", () => {
  const environment = new Pendulum();
  const random = new Random(1);
  let [angleSquares, speedSquares, lowest, highest] = [0, 0, 0, 0];
  for (let i = 0; i < 10_000; i++) {
    const observation = Array.from(environment.reset(random) as ArrayLike<number>);
    const [taken, angle, speed] = environment.save?.() ?? [];
    assert.equal(taken, 0);
    near(observation[0], Math.cos(angle), 1e-7);
    near(observation[1], Math.sin(angle), 1e-7);
    near(observation[2], speed, 1e-7);
    assert.ok(Math.abs(angle) <= Math.PI && Math.abs(speed) <= 1);
    angleSquares += angle * angle;
    speedSquares += speed * speed;
    lowest = Math.min(lowest, angle);
    highest = Math.max(highest, angle);
  }
  near(angleSquares / 10_000, Math.PI ** 2 / 3, 0.1);
  near(speedSquares / 10_000, 1 / 3, 0.01);
  assert.ok(lowest < -3.1 && highest > 3.1);
});

test("v0 has the documented episode of 1,000 steps, v1 one of 200", () => {
  for (const [environment, limit] of [
    [new Pendulum(), 200],
    [new PendulumV0(), 1000],
  ] as const) {
    environment.reset(new Random(1));
    for (let step = 1; step <= limit; step++) {
      const { truncated } = environment.step(new Float32Array(1)) as Step;
      assert.equal(truncated ?? false, step === limit);
    }
  }
});
