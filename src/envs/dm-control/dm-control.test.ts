import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Environment } from "../../environment/environment.ts";
import { createMujoco, type DmControlName, dmControl, dmControlNames, type MujocoTask } from "../../mujoco.ts";
import { tolerance, weakControl } from "./reward.ts";

const near = (actual: number, expected: number, within = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual}, not ${expected}`);

test("tolerance is 1 inside its interval, and has its value at the margin in every shape", () => {
  for (const x of [-1, 0, 2]) assert.equal(tolerance(x, [-1, 2]), 1);
  for (const x of [-1.001, 2.001]) assert.equal(tolerance(x, [-1, 2]), 0);
  for (const x of [-4, 5]) {
    near(tolerance(x, [-1, 2], { margin: 3 }), 0.1);
    near(tolerance(x, [-1, 2], { margin: 3, shape: "linear", valueAtMargin: 0.5 }), 0.5);
    near(tolerance(x, [-1, 2], { margin: 3, shape: "quadratic", valueAtMargin: 0.2 }), 0.2);
  }
  near(tolerance(3.5, [-1, 2], { margin: 3 }), Math.exp(-0.5 * (0.5 * Math.sqrt(-2 * Math.log(0.1))) ** 2));
  near(tolerance(3.5, [-1, 2], { margin: 3, shape: "linear", valueAtMargin: 0 }), 0.5);
  near(tolerance(3.5, [-1, 2], { margin: 3, shape: "quadratic", valueAtMargin: 0 }), 0.75);
  assert.equal(tolerance(100, [-1, 2], { margin: 3, shape: "linear", valueAtMargin: 0 }), 0);
  assert.equal(tolerance(7, [2, Infinity]), 1);
  near(weakControl([1, 0.5, 0]), (0 + 0.75 + 1) / 3);
});

/** The lowest and highest value of each number of the observation over many starts. */
async function spread(task: MujocoTask): Promise<[low: number, high: number][]> {
  const environment = await createMujoco(task);
  const random = new Random(3);
  const starts = Array.from({ length: 200 }, () => Array.from(environment.reset(random) as ArrayLike<number>));
  environment.close();
  return starts[0].map((_, i) => {
    const values = starts.map((start) => start[i]);
    return [Math.min(...values), Math.max(...values)];
  });
}

const inside = ([low, high]: [number, number], from: number, to: number) => {
  assert.ok(low >= from && low < from + 0.1 * (to - from), `${low} is not the start of [${from}, ${to}]`);
  assert.ok(high <= to && high > to - 0.1 * (to - from), `${high} is not the end of [${from}, ${to}]`);
};

test("starts are spread over the range that each task documents", async () => {
  const degrees = Math.PI / 180;
  const of = (name: DmControlName) => spread(dmControl(name));
  inside((await of("pendulum-swingup"))[0], -1, 1);
  inside((await of("pendulum-swingup"))[1], -1, 1);
  inside((await of("cartpole-balance"))[0], -0.1, 0.1);
  inside((await of("cartpole-balance"))[2], -Math.sin(0.034), Math.sin(0.034));
  const hanging = (await of("cartpole-swingup"))[1];
  assert.ok(hanging[1] < -0.99);
  inside((await of("point_mass-easy"))[0], -0.29, 0.29);
  inside((await of("reacher-easy"))[1], -160 * degrees, 160 * degrees);
  inside((await of("ball_in_cup-catch"))[2], -0.2, 0.2);
  inside((await of("ball_in_cup-catch"))[3], 0.2, 0.5);
  inside((await of("hopper-hop"))[1], -Math.PI, Math.PI);
  inside((await of("hopper-hop"))[4], 5 * degrees, 150 * degrees);
  inside((await of("walker-run"))[0], -1, 1);
  inside((await of("finger-turn_easy"))[9], -0.13, 0.13);
  inside((await of("cart"))[0], -1, 1);
});

test("targets are where they can be reached, and the fixed ones always at the same place", async () => {
  /** The distances of the target from the shoulder over many starts. */
  const distances = async (name: DmControlName) => {
    const task = dmControl(name);
    const observe: MujocoTask["observe"] = ({ target }) => [Math.hypot(target[0], target[1]), target[0]];
    return spread({ ...task, observe });
  };
  inside((await distances("reacher-hard"))[0], 0.05, 0.2);
  inside((await distances("reacher-triple"))[0], 0.05, 0.2);
  for (const value of (await distances("reacher-single"))[0]) near(value, 0.24);
  inside((await distances("reacher-single"))[1], -0.24, 0.24);
  for (const name of ["reacher-single_fixed", "reacher-double_fixed", "reacher-triple_fixed"] as const) {
    const [[low, high], [x]] = await distances(name);
    near(low, high, 0);
    near(x, high * Math.SQRT1_2);
  }
});

test("where nothing may touch at the start, nothing does; and an impossible start is an error", async () => {
  for (const name of ["ball_in_cup-catch", "finger-spin", "finger-turn_hard"] as const) {
    const contacts = await spread({ ...dmControl(name), observe: (simulation) => [simulation.contacts] });
    assert.deepEqual(contacts, [[0, 0]], name);
    const without = { ...dmControl(name), accepts: () => true };
    const [[, most]] = await spread({ ...without, observe: (simulation) => [simulation.contacts] });
    assert.ok(most > 0, name);
  }
  const never = await createMujoco({ ...dmControl("finger-spin"), accepts: () => false });
  assert.throws(() => never.reset(new Random(1)), {
    message:
      "dm_control/finger-spin reset: expected a start that accepts returns true for, got none in 1000 tries. Let start place the bodies apart.",
  });
});

test("the cheetah starts as it lies after 2 s without control, at time 0", async () => {
  const observe: MujocoTask["observe"] = ({ time, qpos, qvel, contacts }) => [time, contacts, ...qpos, ...qvel];
  const settled = await createMujoco({ ...dmControl("cheetah-run"), observe });
  const falling = await createMujoco({ ...dmControl("cheetah-run"), observe, settleSteps: 0 });
  for (let seed = 1; seed <= 3; seed++) {
    const [time, ...start] = Array.from(await settled.reset(new Random(seed)));
    await falling.reset(new Random(seed));
    let lying: number[] = [];
    for (let i = 0; i < 200; i++) {
      const { observation } = await falling.step(new Float32Array(6));
      if (i === 199) lying = Array.from(observation);
    }
    assert.equal(time, 0);
    assert.ok(start[0] > 0, "it touches the ground");
    near(lying[0], 2);
    for (const [i, x] of start.entries()) near(x, lying[i + 1]);
  }
  settled.close();
  falling.close();
});

test("the target is part of the state: a restore brings it back, and a reset does not keep it", async () => {
  for (const name of ["reacher-easy", "finger-turn_easy"] as const) {
    const environment = await createMujoco(dmControl(name));
    const target = async (made: Environment) => {
      const { observation } = await made.step(Float32Array.of(0, 0));
      return Array.from(observation);
    };
    environment.reset(new Random(1));
    const state = environment.save?.() as Float64Array;
    const expected = await target(environment);
    environment.reset(new Random(2));
    assert.notDeepEqual(await target(environment), expected);
    environment.restore?.(state);
    assert.deepEqual(await target(environment), expected);
    assert.throws(() => environment.restore?.(state.slice(1)), {
      message: /restore: expected \d+ numbers, got \d+\.$/,
    });
    environment.close();
  }
  const task = { ...dmControl("reacher-easy"), observe: ({ target }: { target: Float64Array }) => target.slice() };
  let isMoved = true;
  const own = await createMujoco({
    ...task,
    start({ target }) {
      if (isMoved) target[0] = 1;
    },
  });
  own.reset(new Random(1));
  isMoved = false;
  assert.deepEqual(Array.from(own.reset(new Random(1)) as ArrayLike<number>), [0, 0, 0.01]);
});

test("what a current task reads after a step belongs to the new state, and otherwise to the one before", async () => {
  const read: MujocoTask["observe"] = ({ qpos, xmat }) => [Math.cos(qpos[0]), xmat[9 + 8]];
  for (const name of ["pendulum-swingup", "acrobot-swingup"] as const) {
    const start: MujocoTask["start"] = ({ qpos, qvel }) => {
      qpos[0] = 1;
      qvel[0] = 3;
    };
    const current = await createMujoco({ ...dmControl(name), start, observe: read });
    const lagging = await createMujoco({ ...dmControl(name), start, observe: read, current: false });
    for (const [environment, isCurrent] of [
      [current, true],
      [lagging, false],
    ] as const) {
      environment.reset(new Random(1));
      const { observation } = await environment.step(Float32Array.of(1));
      assert.equal(Math.abs(observation[0] - observation[1]) < 1e-12, isCurrent, name);
    }
  }
});

test("a fingertip in the target is rewarded in every arm, and a resting cart at 0", async () => {
  for (const name of dmControlNames.filter((each) => each.startsWith("reacher"))) {
    const task = dmControl(name);
    const environment = await createMujoco({
      ...task,
      start(simulation) {
        // The arm is stretched along x.
        simulation.qpos.fill(0);
        simulation.target[0] = 0.24;
      },
    });
    environment.reset(new Random(1));
    const { reward } = await environment.step(new Float32Array(environment.actionLow.length));
    assert.equal(reward, 1, name);
  }
  const cart = await createMujoco({ ...dmControl("cart"), start() {} });
  cart.reset(new Random(1));
  assert.equal((await cart.step(Float32Array.of(0))).reward, 1);
  near((await cart.step(Float32Array.of(1))).reward, 0.8, 0.01);
});

test("an unknown name is refused, with a suggestion", () => {
  assert.throws(() => dmControl("cheetah-runs" as DmControlName), {
    name: "InputError",
    message: /^dmControl name: expected one of .*, got "cheetah-runs"\. Did you mean "cheetah-run"\?$/,
  });
});
