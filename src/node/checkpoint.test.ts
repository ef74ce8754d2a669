import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { decodeSafetensors, encodeSafetensors, type Safetensors, tensorOf } from "../base/safetensors.ts";
import { saveAgent } from "../ddpg/agent-state.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { RunDirectory } from "../node/run-directory.ts";
import { versions } from "../node/versions.ts";
import { type RunConfig, readCheckpoint } from "../node.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-checkpoint-"));
const run = path.join(folder, "run");
const file = path.join(run, "checkpoint.safetensors");
const best = { step: 0, meanReturn: -1000, standardError: null, episodes: 1 };
let good: Uint8Array;

before(async () => {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  const { settings } = agent;
  const plan = { every: 10, episodes: 1, finalEpisodes: 1 };
  const config: RunConfig = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 1, steps: 10, settings, evaluation: plan },
    versions: versions(),
  };
  const records = RunDirectory.create(run, config);
  const state = { seconds: 0.5, diagnosticsEvery: 1, evaluation: { step: 0, meanReturn: -1000 }, best };
  const means = new Float64Array(7);
  records.writeCheckpoint(saveAgent(agent), { state, means, bestPolicy: agent.policy.contents() }, config);
  records.close();
  good = fs.readFileSync(file);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test("a checkpoint reads back as it was written, and is also an agent's file", async () => {
  const { state, bestPolicy, metricsBytes, steps } = readCheckpoint(run);
  assert.deepEqual([state.seconds, state.best.standardError, metricsBytes, steps], [0.5, null, 0, 0]);
  const agent = await Ddpg.load(good, new Pendulum());
  assert.deepEqual(encodeSafetensors(bestPolicy), agent.policy.save());
});

test("an invalid checkpoint is refused with its file and field", () => {
  const text = (name: string, change: (value: Record<string, unknown>) => void) => (contents: Safetensors) => {
    const value = JSON.parse(contents.metadata.get(name) ?? "");
    change(value);
    contents.metadata.set(name, JSON.stringify(value));
  };
  const cases: [(contents: Safetensors) => void, string][] = [
    [({ metadata }) => metadata.delete("run"), "run: expected JSON, got something else"],
    [
      text("run", (r) => Object.assign(r, { format: "ddpg-run-9" })),
      'run format: expected "ddpg-run-1", got "ddpg-run-9"',
    ],
    [text("run", (r) => Object.assign(r, { metricsBytes: -1 })), "run metricsBytes: expected a whole number, got -1"],
    [text("run", (r) => delete r.seconds), "run seconds: expected a number of at least 0, got undefined"],
    [text("run", (r) => Object.assign(r, { best: {} })), "run best step: expected a whole number, got undefined"],
    [text("run", (r) => Object.assign(r, { evaluation: 1 })), "run evaluation: expected an object, got 1"],
    ...(
      [
        [{ seconds: -1 }, "seconds: expected a number of at least 0, got -1"],
        [{ diagnosticsEvery: 0.5 }, "diagnosticsEvery: expected a whole number, got 0.5"],
        [
          { evaluation: { step: 1, meanReturn: -1000 } },
          "evaluation step: expected a whole number of at most 0, got 1",
        ],
        [{ evaluation: { step: 0, meanReturn: null } }, "evaluation meanReturn: expected a finite number, got null"],
        [{ best: { ...best, step: 1 } }, "best step: expected a whole number of at most 0, got 1"],
        [{ best: { ...best, meanReturn: null } }, "best meanReturn: expected a finite number, got null"],
        [{ best: { ...best, meanReturn: -1001 } }, "best meanReturn: expected at least that of the last evaluation"],
        [
          { best: { ...best, standardError: -1 } },
          "best standardError: expected a number of at least 0, or null, got -1",
        ],
        [{ best: { ...best, episodes: 0 } }, "best episodes: expected a whole number of at least 1, got 0"],
      ] as const
    ).map(([changes, message]): (typeof cases)[number] => [
      text("run", (r) => Object.assign(r, changes)),
      `run ${message}`,
    ]),
    [
      ({ metadata }) => metadata.set("run", (metadata.get("run") ?? "").replace('"seconds":0.5', '"seconds":1e999')),
      "run seconds: expected a number of at least 0, got Infinity",
    ],
    [
      ({ metadata }) => metadata.set("run", (metadata.get("run") ?? "").replace("{", '{"seconds":9,')),
      'run: expected every name once, got "seconds" twice',
    ],
    ...(
      [
        [0, Number.NaN, "run.means[0]: expected a finite number, got NaN"],
        [0, 0.5, "run.means[0]: expected a whole number of at most 0, got 0.5"],
        [0, 1, "run.means[0]: expected a whole number of at most 0, got 1"],
        [3, Infinity, "run.means[3]: expected a finite number, got Infinity"],
        [6, -1, "run.means[6]: expected a sum of 0 shares, got -1"],
      ] as const
    ).map(([index, value, message]): (typeof cases)[number] => [
      ({ tensors }) =>
        tensors.set("run.means", tensorOf("F64", [7], new Float64Array(7).fill(value, index, index + 1))),
      message,
    ]),
    [
      ({ tensors }) => tensors.set("best.actor.layer1.biases", tensorOf("F32", [64], new Array(64).fill(Number.NaN))),
      "best actor.layer1.biases[0]: expected a finite number, got NaN",
    ],
    [
      text("best", (b) => Object.assign(b, { spaces: '{"observationSize":3,"actionLow":[-2],"actionHigh":[3]}' })),
      "best action bounds: expected [-2] to [2]",
    ],
    [text("best", (b) => Object.assign(b, { format: 1 })), "best format: expected a text, got 1"],
    [({ tensors }) => tensors.delete("run.means"), "run.means: expected F64 [7], got undefined"],
    [
      ({ tensors }) => tensors.set("run.means", tensorOf("F32", [7], new Float32Array(7))),
      'run.means: expected F64 [7], got "F32 [7]"',
    ],
  ];
  for (const [change, message] of cases) {
    const contents = decodeSafetensors(good, "test");
    change(contents);
    fs.writeFileSync(file, encodeSafetensors(contents));
    assert.throws(
      () => readCheckpoint(run),
      (error) => String(error).startsWith(`InputError: ${file} ${message}`),
      message,
    );
  }
  fs.writeFileSync(file, good.subarray(0, 1000));
  assert.throws(
    () => readCheckpoint(run),
    (error) =>
      String(error).startsWith(`InputError: ${file}: expected `) &&
      String(error).includes(" or more, from the length of the header"),
  );
  fs.writeFileSync(file, good);
});
