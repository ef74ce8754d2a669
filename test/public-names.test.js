// The public names of every entry, so that none is added or removed unnoticed. A change here belongs in the changelog.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const committed = {
  ".": {
    values: [
      "Ddpg",
      "EnvironmentError",
      "InputError",
      "MountainCarContinuous",
      "NotFiniteError",
      "Pendulum",
      "PendulumV0",
      "Policy",
      "Random",
      "TimeLimit",
      "checkEnvironment",
      "checkScene",
      "environments",
      "evaluate",
      "poseSize",
      "presets",
      "sceneOf",
      "setDefaultBackend",
      "toModule",
      "toOnnx",
      "train",
      "wasmBackend",
      "webThreads",
    ],
    types: [
      "Backend",
      "BodyId",
      "Bytes",
      "Camera",
      "CheckOptions",
      "DdpgOptions",
      "Environment",
      "EnvironmentReport",
      "Episode",
      "Evaluation",
      "EvaluationOptions",
      "Goals",
      "OldSettings",
      "OnnxOptions",
      "PolicyModule",
      "PresetName",
      "Scene",
      "Settings",
      "Shape",
      "Step",
      "Task",
      "Threads",
      "TrainOptions",
      "TrainingStep",
    ],
  },
  "./mujoco": {
    values: [
      "ant",
      "createMujoco",
      "dmControl",
      "dmControlNames",
      "halfCheetah",
      "hopper",
      "humanoid",
      "invertedDoublePendulum",
      "invertedPendulum",
      "pusher",
      "reacher",
      "swimmer",
      "walker2d",
    ],
    types: ["Actuator", "DmControlName", "Joint", "MujocoTask", "Simulation", "Target"],
  },
  "./node": {
    values: [
      "godot",
      "gymnasium",
      "loadEnvironment",
      "nodeBackend",
      "nodeThreads",
      "readCheckpoint",
      "readConfig",
      "readMetrics",
      "readPolicy",
      "readPolicyFile",
      "readResult",
      "torcs",
      "useWideVectors",
    ],
    types: [
      "BestEvaluation",
      "Checkpoint",
      "DiagnosticsRecord",
      "EpisodeRecord",
      "EvaluationRecord",
      "GodotOptions",
      "GymnasiumOptions",
      "LoadedEnvironment",
      "MetricsRecord",
      "NodeBackend",
      "NodeBackendOptions",
      "OutsideContext",
      "OutsideOptions",
      "RunConfig",
      "RunResult",
      "RunState",
      "SavedRun",
      "TorcsOptions",
      "TorcsReward",
      "WhichPolicy",
    ],
  },
};

/** The names that a declaration file re-exports. Entries must not contain anything else. */
function exportedNames(text) {
  const values = [];
  const types = [];
  const rest = text
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
    .replaceAll(/export (type )?\{([^}]*)\} from "[^"]+";/g, (_, allTypes, list) => {
      for (const item of list.split(",").map((part) => part.trim())) {
        if (item === "") continue;
        const [, type, name] = /^(type )?(?:\w+ as )?(\w+)$/.exec(item) ?? assert.fail(`cannot read "${item}"`);
        (allTypes || type ? types : values).push(name);
      }
      return "";
    });
  assert.equal(rest.trim(), "", "an entry only re-exports names, one by one");
  return { values: values.sort(), types: types.sort() };
}

const { exports } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
delete exports["./package.json"];

test("the package has these entries", () => {
  assert.deepEqual(Object.keys(exports).sort(), Object.keys(committed));
});

for (const [entry, { types, default: module }] of Object.entries(exports)) {
  test(`ddpg${entry.slice(1)} exports the names listed here: values and types`, async () => {
    const names = exportedNames(fs.readFileSync(path.join(root, types), "utf8"));
    assert.deepEqual(names, committed[entry]);
    // Every declared value exists, and no other.
    assert.deepEqual(Object.keys(await import(new URL(`../${module}`, import.meta.url))).sort(), names.values);
  });
}

test("the declaration reader handles values, types and renamed names, and rejects what it cannot list", () => {
  assert.deepEqual(
    exportedNames('/** A note. */\nexport { a, type B, c as d } from "./x.js";\nexport type { E } from "./y.js";'),
    { values: ["a", "d"], types: ["B", "E"] },
  );
  assert.throws(() => exportedNames('export * from "./x.js";'), /only re-exports/);
  assert.throws(() => exportedNames("export declare const a: number;"), /only re-exports/);
});
