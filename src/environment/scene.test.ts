import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { MountainCarContinuous } from "../envs/mountain-car-continuous.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { createMujoco, type MujocoTask } from "../mujoco.ts";
import type { Environment } from "./environment.ts";
import { poseSize, type Scene, sceneOf } from "./scene.ts";
import { TimeLimit } from "./time-limit.ts";

/** The current position of a point that is given in a shape's own frame. */
function pointOf(scene: Scene, shape: number, [u, v, w]: readonly number[] = [0, 0, 0]): number[] {
  const poses = new Float32Array(scene.shapes.length * poseSize);
  scene.writePoses(poses);
  const [x, y, z, ...r] = poses.subarray(shape * poseSize);
  return [0, 1, 2].map((row) => [x, y, z][row] + r[3 * row] * u + r[3 * row + 1] * v + r[3 * row + 2] * w);
}

function near(actual: number[], expected: number[]): void {
  const close = actual.every((value, i) => Math.abs(value - expected[i]) < 1e-6);
  assert.ok(close && actual.length === expected.length, `${actual}, not ${expected}`);
}

test("the pendulum's rod points along its angle, and the last torque bead shows where the torque turns it", () => {
  const pendulum = new Pendulum();
  const scene = pendulum.scene as Scene;
  const rod = scene.shapes.findIndex(({ kind }) => kind === "capsule");
  const [, half] = scene.shapes[rod].size;
  for (const [angle, tip] of [
    [0, [0, 0, 0.9]],
    [Math.PI / 2, [-0.9, 0, 0]], // counter-clockwise, with x to the right
    [Math.PI, [0, 0, -0.9]],
  ] as const) {
    pendulum.restore?.(Float64Array.of(0, angle, 0));
    near(pointOf(scene, rod, [0, 0, half]), [...tip]);
    near(pointOf(scene, rod, [0, 0, -half]), [0, 0, 0]);
  }
  pendulum.step(Float32Array.of(2));
  const bead = scene.shapes.length - 1;
  near(pointOf(scene, bead), [-1.15, 0, 0]);
  pendulum.step(Float32Array.of(-1));
  near(pointOf(scene, bead), [1.15 * Math.SQRT1_2, 0, 1.15 * Math.SQRT1_2]);
  pendulum.reset(new Random(1));
  near(pointOf(scene, bead), [0, 0, 1.15]);
});

test("the car is on the road, at its position and along the slope; the flag is at the goal", () => {
  const car = new MountainCarContinuous();
  const scene = car.scene as Scene;
  const roof = 4;
  car.restore?.(Float64Array.of(0, -Math.PI / 6, 0)); // the bottom of the valley, where the road is level
  near(pointOf(scene, roof, [0.01, 0, -0.1]), [-Math.PI / 6, 0, -0.45]);
  car.restore?.(Float64Array.of(0, 0, 0)); // here it rises by 1.35
  const along = Math.hypot(1, 1.35);
  near(pointOf(scene, roof, [0.01 + along, 0, -0.1]), [1, 0, 1.35]);
  near(pointOf(scene, 1, [0, 0, -0.12]), [0.45, 0, 0.45 * Math.sin(1.35)]);
});

const seen: MujocoTask = {
  name: "Seen",
  model: `
    <mujoco>
      <size memory="50K"/>
      <statistic center="1 2 3" extent="4"/>
      <asset><material name="paint" rgba="0.1 0.2 0.3 0.5"/></asset>
      <worldbody>
        <geom type="plane" size="1 1 1" group="3"/>
        <geom type="sphere" size="0.1" rgba="1 0 0 0"/>
        <geom type="plane" size="5 5 1" pos="0 0 -1" material="paint"/>
        <body name="hidden"><geom size="0.1" group="3"/></body>
        <body name="slider">
          <joint name="rail" type="slide" axis="1 0 0"/>
          <geom type="box" size="0.1 0.2 0.3" pos="0 0 1" euler="0 0 90" rgba="0 1 0 1" material="paint"/>
        </body>
      </worldbody>
      <actuator><motor joint="rail" ctrlrange="-1 1"/></actuator>
    </mujoco>`,
  frameSkip: 5,
  timeLimit: 100,
  start({ qpos }) {
    qpos[0] = 2;
  },
  observe: ({ qpos }) => [qpos[0]],
  reward: () => 0,
};

test("a MuJoCo scene has the visible shapes of groups 0 to 2, with their colors and poses", async () => {
  const environment = await createMujoco(seen);
  const scene = environment.scene as Scene;
  const { shapes, camera, stepSeconds } = scene;
  const rounded = shapes.map(({ kind, size, color }) => ({
    kind,
    size,
    color: color.map((c) => Math.round(10 * c) / 10),
  }));
  assert.deepEqual(rounded, [
    { kind: "plane", size: [5, 5, 1], color: [0.1, 0.2, 0.3, 0.5] },
    { kind: "box", size: [0.1, 0.2, 0.3], color: [0, 1, 0, 1] },
  ]);
  assert.equal(stepSeconds, 0.01);
  assert.deepEqual(camera, { target: [1, 2, 3], distance: 6, azimuth: 90, elevation: -20 });
  environment.reset(new Random(1));
  near(pointOf(scene, 0), [0, 0, -1]);
  near(pointOf(scene, 1, [0.1, 0.2, 0.3]), [2 - 0.2, 0.1, 1.3]);
  environment.close();
});

test("poses are those after the last step, even if the engine's memory has grown since", async () => {
  const environment = await createMujoco({ ...seen, start: ({ qvel }) => void qvel.fill(1) });
  const scene = environment.scene as Scene;
  environment.reset(new Random(1));
  near(pointOf(scene, 1), [0, 0, 1]);
  const large = await createMujoco({ ...seen, model: seen.model.replace("50K", "20M") });
  environment.step(Float32Array.of(0));
  near(pointOf(scene, 1), [0.01, 0, 1]);
  large.close();
  environment.close();
});

test("a task's camera follows the first shape of a body", async () => {
  const camera = { target: [0, 0, 1], distance: 3, azimuth: 90, elevation: 0 } as const;
  const environment = await createMujoco({ ...seen, camera: { ...camera, follows: "slider" } });
  assert.deepEqual(environment.scene?.camera, { ...camera, follows: 1 });
  environment.close();
  for (const [follows, message] of [
    ["wheel", 'Seen camera follows: expected the name of a body of the model, got "wheel".'],
    ["hidden", 'Seen camera follows: expected the name of a body with a visible shape, got "hidden".'],
  ])
    await assert.rejects(createMujoco({ ...seen, camera: { ...camera, follows } }), { name: "InputError", message });
});

test("a time limit passes its environment's scene on; other things called scene are ignored", () => {
  const blind: Environment = {
    observationSize: 1,
    actionLow: [-1],
    actionHigh: [1],
    reset: () => [0],
    step: () => ({ observation: [0], reward: 0, terminated: false }),
  };
  assert.equal(sceneOf(new TimeLimit(blind, 5)), undefined);
  for (const scene of [{ children: [] }, { writePoses() {}, camera: {} }, { shapes: [], camera: {} }])
    assert.equal(sceneOf(Object.assign({ scene }, blind)), undefined);
  const scene: Scene = {
    shapes: [],
    camera: { target: [0, 0, 0], distance: 1, azimuth: 0, elevation: 0 },
    stepSeconds: 1,
    writePoses() {},
  };
  assert.equal(sceneOf(new TimeLimit(Object.assign({ ...blind }, { scene }), 5)), scene);
});
