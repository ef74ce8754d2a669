import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Step } from "../../environment/environment.ts";
import type { TimeLimit } from "../../environment/time-limit.ts";
import * as tasks from "../../mujoco.ts";

const { createMujoco, halfCheetah, hopper, ant } = tasks;

/** A cart on a rail that is pushed along x. */
const cart: tasks.MujocoTask = {
  name: "Cart",
  model: `
    <mujoco>
      <size memory="20K"/>
      <worldbody>
        <body name="cart"><joint name="rail" type="slide" axis="1 0 0"/><geom size="0.1" mass="2"/></body>
      </worldbody>
      <actuator><motor joint="rail" gear="10" ctrlrange="-1 3"/></actuator>
    </mujoco>`,
  frameSkip: 4,
  timeLimit: 100,
  start({ qpos }, random) {
    qpos[0] = random.uniform(1, 2);
  },
  observe: ({ qpos, qvel }) => [qpos[0], qvel[0]],
  reward: ({ qpos }) => -qpos[0],
};

const step = (environment: TimeLimit, ...action: number[]) => environment.step(Float32Array.from(action)) as Step;
const reset = (environment: TimeLimit, seed = 1) => environment.reset(new Random(seed)) as ArrayLike<number>;

test("a task sees the joints and actuators by name, and which joint an actuator moves", async () => {
  let seen: tasks.Simulation | undefined;
  const observe: tasks.MujocoTask["observe"] = (simulation) => {
    seen = simulation;
    return [0];
  };
  for (const [task, wanted] of [
    [ant(), "hip_4 ankle_4 hip_1 ankle_1 hip_2 ankle_2 hip_3 ankle_3"],
    [tasks.humanoid(), "abdomen_y abdomen_z abdomen_x right_hip_x right_hip_z right_hip_y right_knee"],
    [tasks.dmControl("point_mass-easy"), "t1: no joint t2: no joint"],
  ] as const) {
    const environment = await createMujoco({ ...task, observe });
    const { joints = [], actuators = [] } = seen ?? {};
    const moved = actuators.map(({ name, joint }) => (joint === undefined ? `${name}: no joint` : joints[joint].name));
    assert.ok(moved.join(" ").startsWith(wanted), moved.join(" "));
    environment.close();
  }
  const environment = await createMujoco({ ...ant(), observe });
  const places = seen?.joints.slice(0, 3).map(({ name, kind, index, speedIndex }) => [name, kind, index, speedIndex]);
  assert.deepEqual(places, [
    ["root", "free", 0, 0],
    ["hip_1", "hinge", 7, 6],
    ["ankle_1", "hinge", 8, 7],
  ]);
  environment.close();
});

test("a custom task has the model's sizes and bounds, its own start, and the motion computed by hand", async () => {
  const environment = await createMujoco(cart);
  assert.equal(environment.name, "Cart");
  assert.deepEqual([environment.observationSize, environment.actionLow, environment.actionHigh], [2, [-1], [3]]);
  const [start, speed] = Array.from(reset(environment));
  assert.ok(start >= 1 && start < 2 && speed === 0);
  const { observation, reward, terminated } = step(environment, 2);
  // 2 · 10 N on 2 kg for 4 engine steps of 2 ms, each of which moves the cart by its new speed.
  const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a}, not ${b}`);
  near(observation[1], 0.08);
  near(observation[0], start + 0.002 * 0.02 * (1 + 2 + 3 + 4));
  near(reward, -observation[0]);
  assert.equal(terminated, false);
  environment.close();
});

test("the velocity passed to the reward is that of `position` over the whole step, also after a restore", async () => {
  const task = {
    ...cart,
    position: ({ qpos }: tasks.Simulation) => qpos[0],
    reward: (_: unknown, __: unknown, v: number) => v,
  };
  const environment = await createMujoco(task);
  const [start] = Array.from(reset(environment));
  const first = step(environment, 2);
  assert.equal(first.reward, (first.observation[0] - start) / 0.008);
  const saved = environment.save?.() as Float64Array;
  const second = step(environment, 1);
  assert.equal(second.reward, (second.observation[0] - first.observation[0]) / 0.008);
  reset(environment, 2);
  environment.restore?.(saved);
  assert.equal(step(environment, 1).reward, second.reward);
});

test("diverging numbers are an error of that step and of every later step until a reset", async () => {
  for (const [start, what] of [
    [{ qvel: 1e11 }, /Cart step 1: .*QVEL at DOF 0/],
    [{ qpos: NaN }, /Cart step 1: .*QPOS at DOF 0/],
  ] as const) {
    let wild = true;
    const environment = await createMujoco({
      ...cart,
      start(simulation) {
        if (!wild) return;
        if ("qvel" in start) simulation.qvel[0] = start.qvel;
        else simulation.qpos[0] = start.qpos;
      },
    });
    reset(environment);
    for (let i = 0; i < 2; i++) assert.throws(() => step(environment, 0), what);
    wild = false;
    reset(environment);
    assert.equal(step(environment, 0).observation[0], 0);
  }
});

test("an error in the middle of an episode names the step", async () => {
  const environment = await createMujoco(cart);
  reset(environment);
  for (let i = 0; i < 6; i++) step(environment, 1);
  const state = environment.save?.() as Float64Array;
  state[4] = 1e11; // after the steps taken, the position, the time and qpos: qvel
  environment.restore?.(state);
  assert.throws(() => step(environment, 1), /^Error: Cart step 7: .*QVEL at DOF 0/);
});

test("a model with too little memory is an error, not a simulation without contacts", async () => {
  const boxes = Array.from({ length: 6 }, (_, i) => {
    const box = '<geom type="box" size="0.1 0.1 0.1" density="1000"/>';
    return `<body pos="0 0 ${0.1 + 0.02 * i}"><freejoint name="${i}"/>${box}</body>`;
  });
  const model = (memory: string) =>
    `<mujoco><size memory="${memory}"/><worldbody><geom type="plane" size="1 1 1"/>${boxes.join("")}</worldbody>
      <actuator><motor joint="0" ctrlrange="-1 1"/></actuator></mujoco>`;
  const pile = { ...cart, start() {}, observe: ({ qpos }: tasks.Simulation) => qpos.slice(0, 3) };
  for (const [memory, what] of [
    ["10K", /^Pile reset: .*out of memory/],
    ["40K", /^Pile step 1: the model has too little memory/],
    ["100K", /^Pile step 1: the model has too little memory/],
  ] as const) {
    const run = async () => {
      const environment = await createMujoco({ ...pile, name: "Pile", model: model(memory) });
      reset(environment);
      step(environment, 0);
    };
    await assert.rejects(run, ({ message }) => what.test(message) || assert.fail(`${memory}: ${message}`));
  }
  reset(await createMujoco({ ...pile, model: model("1M") }));

  // The reset reports it if the episode is too short for a check in between.
  const apart = ({ qpos }: tasks.Simulation) => {
    for (let i = 2; i < qpos.length; i += 7) qpos[i] += i;
  };
  const environment = await createMujoco({ ...pile, name: "Pile", model: model("100K"), start: apart });
  reset(environment);
  step(environment, 0);
  const state = environment.save?.() as Float64Array;
  for (let i = 2; i < 42; i += 7) state[3 + i] -= i;
  environment.restore?.(state);
  step(environment, 0);
  assert.throws(() => reset(environment), /Pile reset: the model has too little memory/);
  reset(environment);
});

test("an environment is not changed when the engine's memory grows", async () => {
  const make = () => createMujoco(ant());
  const [still, moved] = [await make(), await make()];
  reset(still);
  reset(moved);
  const large = [];
  for (let i = 0; i < 5; i++) {
    const action = new Float32Array(8).fill(0.1 * i);
    const { observation, reward } = still.step(action) as Step;
    // 20 MB each: the memory has to grow, which invalidates every view of it.
    large.push(await createMujoco({ ...cart, model: cart.model.replace("20K", "20M") }));
    const other = moved.step(action) as Step;
    assert.deepEqual([Array.from(other.observation), other.reward], [Array.from(observation), reward]);
  }
  for (const environment of [still, moved, ...large]) environment.close();
});

test("close frees the memory, and may be called twice", async () => {
  // 1,000 times 20 MB is more than WebAssembly can address.
  for (let i = 0; i < 1000; i++) {
    const environment = await createMujoco({ ...cart, model: cart.model.replace("20K", "20M") });
    environment.close();
    if (i > 0) continue;
    environment.close();
    assert.throws(() => step(environment, 0), { message: "Cart: expected no step after close." });
  }
});

test("what is wrong with a task is reported in one line", async () => {
  const cases: [Partial<tasks.MujocoTask>, string | RegExp][] = [
    [{ model: "<mujoco><worldbody><body></mujoco>" }, /^Cart model: expected MJCF that MuJoCo can compile, got: \S/],
    [
      { model: cart.model.replace('ctrlrange="-1 3"', "") },
      "Cart model: expected a ctrlrange for every actuator, got none for actuator 0.",
    ],
    [
      { model: cart.model.replace(/<actuator>.*<\/actuator>/, "") },
      "Cart model: expected a ctrlrange for every actuator, got no actuator.",
    ],
    [{ frameSkip: 0 }, "Cart frameSkip: expected a whole number above 0, got 0."],
    [{ timeLimit: 0 }, "TimeLimit steps: expected a whole number above 0, got 0."],
    [
      { observe: (simulation) => simulation.position("wheel") },
      'Cart position: expected the name of a body of the model, got "wheel".',
    ],
  ];
  for (const [change, message] of cases)
    await assert.rejects(createMujoco({ ...cart, ...change }), { name: "InputError", message });
  const environment = await createMujoco(cart);
  reset(environment);
  assert.throws(() => step(environment, 1, 2), { message: "Cart action: expected 1 number, got 2." });
  assert.throws(() => step(environment, NaN), { message: "Cart action[0]: expected a finite number, got NaN." });
  assert.throws(() => environment.restore?.(new Float64Array(5)), {
    message: /^Cart restore: expected \d+ numbers, got 3\.$/,
  });
});

test("unknown options and invalid values are refused", () => {
  const wrong = (options: object) => () => hopper(options);
  assert.throws(wrong({ ctrlCostWeigth: 1 }), {
    name: "InputError",
    message: /^Hopper-v5 options: expected some of .*, got "ctrlCostWeigth"\. Did you mean "ctrlCostWeight"\?$/,
  });
  assert.throws(wrong({ ctrlCostWeight: "1" }), { message: 'Hopper-v5 ctrlCostWeight: expected a number, got "1".' });
  assert.throws(wrong({ healthyZRange: [2, 1] }), {
    message: "Hopper-v5 healthyZRange: expected two numbers, the lower one first, got [2, 1].",
  });
  assert.throws(wrong({ terminateWhenUnhealthy: 1 }), {
    message: "Hopper-v5 terminateWhenUnhealthy: expected a boolean, got 1.",
  });
});

/** `fixtures/mujoco-options.json`: recordings of Gymnasium with options that differ from the defaults. */
interface OptionsFile {
  runs: {
    id: string;
    options: object;
    reset: { qpos: number[]; qvel: number[]; observation: number[] };
    steps: { action: number[]; observation: number[]; reward: number; terminated: boolean }[];
  }[];
}

const { runs }: OptionsFile = JSON.parse(readFileSync("fixtures/mujoco-options.json", "utf8"));

for (const { id, options, reset: recorded, steps } of runs) {
  test(`${id} with ${Object.keys(options).join(", ")}: matches Gymnasium's recording within 1e-9`, async () => {
    const makers = Object.entries(tasks) as unknown as [string, (options: object) => tasks.MujocoTask][];
    const [, make] = makers.find(([name]) => name.toLowerCase() === id.replace("-v5", "").toLowerCase()) ?? [];
    const task = make?.(options) as tasks.MujocoTask;
    const environment = await createMujoco({
      ...task,
      start({ qpos, qvel }) {
        qpos.set(recorded.qpos);
        qvel.set(recorded.qvel);
      },
    });
    const near = (actual: ArrayLike<number>, expected: number[]) => {
      assert.equal(actual.length, expected.length);
      for (const [i, value] of expected.entries())
        assert.ok(Math.abs(actual[i] - value) <= 1e-9, `${i}: ${actual[i]}, not ${value}`);
    };
    near(reset(environment), recorded.observation);
    for (const { action, observation, reward, terminated } of steps) {
      const made = step(environment, ...action);
      near(made.observation, observation);
      near([made.reward], [reward]);
      assert.equal(made.terminated, terminated);
    }
    environment.close();
  });
}

test("starts are spread over the range that each task documents", async () => {
  /** The lowest and the highest value of one number of the observation over many starts. */
  const spread = async (task: tasks.MujocoTask, index: number) => {
    const environment = await createMujoco(task);
    const random = new Random(1);
    const values = Array.from({ length: 400 }, () => (environment.reset(random) as ArrayLike<number>)[index]);
    environment.close();
    return [Math.min(...values), Math.max(...values)];
  };
  const inside = ([low, high]: number[], from: number, to: number) => {
    assert.ok(low >= from && low < from + 0.05 * (to - from), `${low} is not the start of [${from}, ${to}]`);
    assert.ok(high <= to && high > to - 0.05 * (to - from), `${high} is not the end of [${from}, ${to}]`);
  };
  inside(await spread(tasks.invertedPendulum(), 1), -0.01, 0.01);
  inside(await spread(hopper(), 0), 1.245, 1.255);
  inside(await spread(tasks.reacher(), 4), -0.2, 0.2);
  inside(await spread(tasks.pusher(), 18), -0.35, -0.05); // the object's y
  inside(await spread(tasks.pusher(), 17), 0.25, 0.65); // and x
  const [low, high] = await spread(halfCheetah(), 9); // normal, σ = 0.1
  assert.ok(low < -0.2 && low > -0.5 && high > 0.2 && high < 0.5);
});

test("the pusher's object never starts on its goal, and the reacher's target is never out of reach", async () => {
  const [pusher, reacher] = [await createMujoco(tasks.pusher()), await createMujoco(tasks.reacher())];
  const random = new Random(2);
  for (let i = 0; i < 300; i++) {
    const pushed = pusher.reset(random) as ArrayLike<number>;
    assert.ok(Math.hypot(pushed[17] - pushed[20], pushed[18] - pushed[21]) > 0.17);
    const reached = reacher.reset(random) as ArrayLike<number>;
    assert.ok(Math.hypot(reached[4], reached[5]) < 0.2);
  }
});
