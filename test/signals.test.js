// What the page shows of a 3D body joint by joint: which number of observation and action belongs to which joint.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { environments, Random, sceneOf } from "ddpg";
import * as mujoco from "ddpg/mujoco";
import { createMujoco, dmControl, dmControlNames } from "ddpg/mujoco";
import { rolldown } from "rolldown";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-signals-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
let signalsOf;
let positionsOf;
let placedBy;
before(async () => {
  const bundle = await rolldown({ input: path.join(root, "web/signals.ts") });
  const file = path.join(folder, "signals.mjs");
  await bundle.write({ file });
  ({ signalsOf, positionsOf, placedBy } = await import(file));
});

/** Creates a task, and returns what is recognized of it. `use` gets the environment and its simulation as well. */
async function recognize(task, use = () => {}) {
  let seen;
  const environment = await createMujoco({
    ...task,
    observe(simulation) {
      seen = simulation;
      return task.observe(simulation);
    },
  });
  try {
    const follows = sceneOf(environment).camera.follows !== undefined;
    const signals = signalsOf(environment, () => seen, follows, new Random("signals"));
    use(signals, environment, seen);
    return signals;
  } finally {
    environment.close();
  }
}

const rowsOf = ({ joints }) =>
  joints.map(({ name, position, speed, action }) => [name, position, speed, action].flat().join(" "));

test("HalfCheetah: every joint with its place in observation and action, as the task's documentation says", async () => {
  const signals = await recognize(mujoco.halfCheetah());
  const joints = ["bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"];
  assert.deepEqual(rowsOf(signals), [
    "rootx  8 ",
    "rootz 0 9 ",
    "rooty 1 10 ",
    ...joints.map((name, i) => `${name} ${2 + i} ${11 + i} ${i}`),
  ]);
  assert.deepEqual([signals.others, signals.hidden], [[], []]);
  assert.deepEqual(signals.joints.find(({ name }) => name === "bthigh").range, [-0.52, 1.05]);
});

test("Ant: a free trunk, actions in another order than the joints, and contact forces besides", async () => {
  const signals = await recognize(mujoco.ant());
  assert.deepEqual(rowsOf(signals).slice(0, 8), [
    "root x  13 ",
    "root y  14 ",
    "root z 0 15 ",
    "root turn w 1  ",
    "root turn x 2 16 ",
    "root turn y 3 17 ",
    "root turn z 4 18 ",
    "hip_1 5 19 2",
  ]);
  assert.deepEqual(
    signals.others,
    Array.from({ length: 78 }, (_, i) => 27 + i),
  );
});

test("an angle that is observed as cosine and sine, and an action of a tendon", async () => {
  assert.deepEqual(rowsOf(await recognize(dmControl("pendulum-swingup"))), ["hinge 0 1 2 0"]);
  assert.deepEqual(rowsOf(await recognize(dmControl("point_mass-easy"))), [
    "root_x 0 2 ",
    "root_y 1 3 ",
    "t1   0",
    "t2   1",
  ]);
});

test("what a task's observation hides of the body", async () => {
  const hidden = async (task) => (await recognize(task)).hidden.join();
  assert.equal(await hidden(mujoco.pusher()), "obj_slidey,obj_slidex,goal_slidey,goal_slidex");
  assert.equal(
    await hidden(dmControl("walker-walk")),
    "right_hip,right_knee,right_ankle,left_hip,left_knee,left_ankle",
  );
  assert.equal(await hidden(dmControl("reacher-easy")), "the target");
  assert.equal(await hidden(dmControl("reacher-double_fixed")), "");
  assert.equal(await hidden(mujoco.reacher()), "");
});

test("every task: each action is in one row, and an observation that hides nothing gives the positions back", async () => {
  const own = Object.entries(mujoco).filter(([name]) => !/^(createMujoco|dmControl)/.test(name));
  const tasks = [...own.map(([, make]) => make()), ...dmControlNames.map((name) => dmControl(name))];
  assert.equal(tasks.length, Object.keys(environments).filter((name) => /-v5$|^dm_control/.test(name)).length);
  for (const task of tasks) {
    await recognize(task, (signals, environment, simulation) => {
      const actions = signals.joints.flatMap(({ action }) => (action === null ? [] : [action]));
      assert.deepEqual(
        [...actions].sort((a, b) => a - b),
        [...environment.actionLow.keys()],
        task.name,
      );
      if (signals.hidden.length > 0) return;
      const observation = environment.reset(new Random("another start"));
      const positions = positionsOf(signals, observation);
      assert.ok(positions.length > 0, task.name);
      for (const [index, value] of positions) {
        const turns = (value - simulation.qpos[index]) / (2 * Math.PI);
        assert.ok(Math.abs(turns - Math.round(turns)) < 1e-9, `${task.name} qpos[${index}]: ${value}`);
      }
      // The state of yet another start takes these positions, and nothing else changes.
      environment.reset(new Random("a third start"));
      const saved = environment.save();
      const before = Array.from(simulation.qpos);
      environment.restore(placedBy(signals, observation, saved));
      const expected = before.map((value, index) => new Map(positions).get(index) ?? value);
      assert.deepEqual(Array.from(simulation.qpos), expected, task.name);
    });
  }
});
