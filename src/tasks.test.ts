import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { published } from "./cli/benchmark/published.ts";
import { presets } from "./ddpg/config.ts";
import type { MujocoTask } from "./envs/mujoco/mujoco-environment.ts";
import * as entry from "./mujoco.ts";
import { customDefaults, environments, mujocoTasks, settingsFor, suiteTasks } from "./tasks.ts";

const car = environments["MountainCarContinuous-v0"];

test("a task's own settings apply only if no preset is named", () => {
  assert.deepEqual(settingsFor(car).settings, { ...presets.small, noise: "ornstein-uhlenbeck", noiseScale: 0.5 });
  assert.deepEqual(settingsFor(car, "small"), { preset: "small", settings: presets.small });
  assert.deepEqual(settingsFor(car, "paper").settings, presets.paper);
  assert.equal(settingsFor(car, undefined, { noiseScale: 0.1 }).settings.noiseScale, 0.1);
  assert.equal(settingsFor(car, undefined, { noiseScale: 0.1 }).settings.noise, "ornstein-uhlenbeck");
});

test("robust is the default of environments that are not built in and of tasks in MuJoCo, smaller in the suite, td3 for the ant", () => {
  assert.equal(customDefaults.preset, "robust");
  const suite = { actorHiddenSizes: [128, 128], criticHiddenSizes: [128, 128], batchSize: 64 };
  const fast = { actorLearningRate: 1e-3, criticLearningRate: 1e-3, returnSteps: 3 };
  const seeking = { noiseAnnealSteps: 0, rewardNormalization: false, critics: 1 as const };
  const reaching = {
    ...({ returnSteps: 1, noise: "gaussian", noiseScale: 0.3 } as const),
    ...{ observationNormalization: false, rewardNormalization: false },
  };
  for (const id of suiteTasks.gymnasium) {
    const preset = id === "Ant-v5" ? "td3" : "robust";
    assert.deepEqual(settingsFor(environments[id]), { preset, settings: presets[preset] }, id);
  }
  for (const id of suiteTasks.dm_control) {
    const isReaching = /reacher-(easy|hard|single|triple)$/.test(id);
    const isFast = isReaching || /pendulum|parallel|cheetah|walker/.test(id);
    const isSeeking = /pendulum-swingup|hopper/.test(id);
    const own = {
      ...(isFast ? fast : {}),
      ...(isReaching ? reaching : {}),
      ...(isSeeking ? seeking : {}),
      ...(id.includes("hopper") ? { returnSteps: 3 } : {}),
      ...(/walker-run|hard_cheetah/.test(id) ? { critics: 1 as const } : {}),
    };
    const settings = { ...presets.robust, ...suite, ...own };
    assert.deepEqual(settingsFor(environments[id]), { preset: "robust", settings }, id);
  }
});

/** The tasks that no other system has: our reconstructions. dm-control.test.ts tests them. */
const unrecorded = [
  "hard_cheetah-run",
  "cart",
  "cartpole-parallel_double",
  ...["single", "triple", "single_fixed", "double_fixed", "triple_fixed"].map((arm) => `reacher-${arm}`),
].map((name) => `dm_control/${name}`);

const isOfSuite = (id: string) => suiteTasks.dm_control.includes(id);

/** Where a task in MuJoCo has to be beside its entry in tasks.ts, and whether it is there. */
const places: Readonly<Record<string, (id: string, task: MujocoTask | undefined) => boolean>> = {
  "an entry of src/cli/benchmark/published.ts": (id) => isOfSuite(id) || Object.hasOwn(published, id),
  "recorded steps, fixtures/gymnasium/<id>.json or fixtures/dm-control/<name>.json": (id) =>
    fs.existsSync(`fixtures/gymnasium/${id}.json`) ||
    fs.existsSync(`fixtures/dm-control/${id.slice("dm_control/".length)}.json`) ||
    unrecorded.includes(id),
  "a recorded model, fixtures/mujoco-models/<name>.json": (id) =>
    isOfSuite(id) || fs.existsSync(`fixtures/mujoco-models/${id.replace("-v5", "")}.json`),
  "a camera in its own file": (_, task) => task?.camera !== undefined,
  "its id and time limit, as in its own file": (id, task) =>
    task?.name === id && task.timeLimit === environments[id].timeLimit,
};

test("every MuJoCo task is registered everywhere", async () => {
  assert.ok(mujocoTasks.size >= 10);
  const tasks = await Promise.all([...mujocoTasks].map(async ([id, make]) => [id, await make()] as const));
  const missing = tasks.flatMap(([id, task]) =>
    Object.entries(places).flatMap(([place, has]) => (has(id, task) ? [] : [`${id}: ${place}`])),
  );
  assert.deepEqual(missing, [], "add these");
  for (const [place, has] of Object.entries(places)) {
    assert.ok(!has("Absent-v5", undefined), place);
  }
  assert.deepEqual([...suiteTasks.gymnasium, ...suiteTasks.dm_control], [...mujocoTasks.keys()]);
});

test("the paper's suite has tasks of dm_control's, each once", () => {
  assert.equal(new Set(suiteTasks.paper).size, 18);
  assert.deepEqual(
    suiteTasks.paper.filter((id) => !suiteTasks.dm_control.includes(id)),
    [],
  );
});

test("every task that src/mujoco.ts exports or that has published results is in tasks.ts", async () => {
  const { createMujoco, dmControl, dmControlNames, ...makers } = entry;
  const exported = [...Object.values(makers).map((make) => make()), ...dmControlNames.map(dmControl)].map(
    ({ name }) => name,
  );
  assert.deepEqual(exported.sort(), [...mujocoTasks.keys()].sort(), "without an entry in src/tasks.ts");
  assert.deepEqual(
    Object.keys(published).filter((id) => !mujocoTasks.has(id)),
    [],
  );
});
