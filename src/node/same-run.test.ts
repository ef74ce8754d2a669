// A run whose config.json was changed after its checkpoint is refused with the field; legitimate changes are not.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import { saveAgent } from "../ddpg/agent-state.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { type RunConfig, type RunResult, readCheckpoint, readConfig } from "../node.ts";
import { RunDirectory } from "./run-directory.ts";
import { writeJson } from "./run-files.ts";
import { expectCheckpointed, expectOwnConfig } from "./same-run.ts";
import { versions } from "./versions.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-same-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const run = path.join(folder, "run");
const file = path.join(run, "config.json");
const moduleRun = path.join(folder, "module");
let config: RunConfig;
let ofModule: RunConfig;

async function write(directory: string, changes: Partial<RunConfig>): Promise<RunConfig> {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small", arithmetic: "portable", seed: 7 });
  const plan = { every: 10, episodes: 2, finalEpisodes: 5 };
  const written: RunConfig = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 7, steps: 10, settings: agent.settings, evaluation: plan },
    ...{ untilReturn: -150, versions: versions() },
    ...changes,
  };
  const records = RunDirectory.create(directory, written);
  const best = { step: 0, meanReturn: -1000, standardError: null, episodes: 1 };
  const state = { seconds: 0.5, diagnosticsEvery: 1, evaluation: { step: 0, meanReturn: -1000 }, best };
  const saved = { state, means: new Float64Array(7), bestPolicy: agent.policy.contents() };
  records.writeCheckpoint(saveAgent(agent), saved, written);
  records.close();
  return readConfig(directory);
}

before(async () => {
  config = await write(run, {});
  ofModule = await write(moduleRun, { environment: "cart", environmentModule: "../cart.js" });
});

/** Both ways to look: with the whole checkpoint, as resume does, and with its header. */
function looks(directory: string, changed: RunConfig): (() => void)[] {
  return [
    () => expectCheckpointed(directory, changed, readCheckpoint(directory)),
    () => expectOwnConfig(directory, changed),
  ];
}

const hint = "A run keeps what it was started with: set it back, or train another run with ddpg train --config.";

describe("config.json and the checkpoint", () => {
  it("agree in a run as it was written, and where resume changes the plan", () => {
    const { untilReturn, ...endless } = config;
    for (const changed of [config, { ...config, steps: 900 }, { ...endless, steps: 2 }, endless])
      for (const look of looks(run, changed)) look();
    const moved = { ...ofModule, environment: "wagon", environmentModule: "../../wagon.mts" };
    for (const changed of [ofModule, moved, { ...ofModule, environmentSha256: "0".repeat(64) }])
      for (const look of looks(moduleRun, changed)) look();
  });

  it("that disagree are refused with the field, both values and a hint", () => {
    const { settings, evaluation } = config;
    const cases: [directory: string, changed: RunConfig, message: string][] = [
      [run, { ...config, seed: 3 }, "seed: expected 7, as checkpoint.safetensors has it, got 3"],
      [
        run,
        { ...config, environment: "Pendulum-v0" },
        'environment: expected "Pendulum-v1", as checkpoint.safetensors has it, got "Pendulum-v0"',
      ],
      [run, { ...config, preset: "paper" }, 'preset: expected "small", as checkpoint.safetensors has it, got "paper"'],
      [run, { ...config, from: true }, "from: expected none, as checkpoint.safetensors has it, got true"],
      [run, { ...config, untilReturn: -5 }, "untilReturn: expected -150, as checkpoint.safetensors has it, got -5"],
      ...(["every", "episodes", "finalEpisodes"] as const).map((name): [string, RunConfig, string] => [
        run,
        { ...config, evaluation: { ...evaluation, [name]: 4 } },
        `evaluation ${name}: expected ${evaluation[name]}, as checkpoint.safetensors has it, got 4`,
      ]),
      [
        run,
        { ...config, evaluation: { ...evaluation, fewerIfSlow: true } },
        "evaluation fewerIfSlow: expected none, as checkpoint.safetensors has it, got true",
      ],
      [
        run,
        { ...config, settings: { ...settings, noiseScale: 0.5 } },
        "settings noiseScale: expected 0.2, as checkpoint.safetensors has it, got 0.5",
      ],
      [
        run,
        { ...config, environment: "cart", environmentModule: "../cart.js" },
        'environmentModule: expected none, as checkpoint.safetensors has it, got "../cart.js"',
      ],
      [
        moduleRun,
        { ...config, environment: "cart" },
        "environmentModule: expected the path of a module, as checkpoint.safetensors has it, got none",
      ],
      [
        moduleRun,
        { ...ofModule, environment: "Pendulum-v1" },
        'environment: expected "cart", as environmentModule says, got "Pendulum-v1"',
      ],
    ];
    for (const [directory, changed, message] of cases)
      for (const look of looks(directory, changed))
        assert.throws(look, {
          name: "InputError",
          message: `${path.join(directory, "config.json")} ${message}. ${hint}`,
        });
    assert.throws(() => expectCheckpointed(run, { ...config, steps: 5 }, { ...readCheckpoint(run), steps: 6 }), {
      message: `${file} steps: expected at least the 6 that checkpoint.safetensors has taken, got 5. ${hint}`,
    });
  });

  it("a checkpoint without a copy still has the agent's seed and settings; a damaged one is no reason to refuse a report", () => {
    const at = path.join(run, "checkpoint.safetensors");
    const whole = fs.readFileSync(at);
    const contents = decodeSafetensors(whole, "test");
    contents.metadata.delete("config");
    fs.writeFileSync(at, encodeSafetensors(contents));
    const checkpoint = readCheckpoint(run);
    assert.equal(checkpoint.config, undefined);
    expectCheckpointed(run, config, checkpoint);
    expectCheckpointed(run, { ...config, preset: "paper" }, checkpoint);
    assert.throws(() => expectCheckpointed(run, { ...config, seed: 3 }, checkpoint), /config\.json seed: expected 7/);
    assert.throws(
      () => expectCheckpointed(run, { ...config, settings: { ...config.settings, batchSize: 5 } }, checkpoint),
      /config\.json settings batchSize: expected 64, as checkpoint\.safetensors has it, got 5/,
    );
    for (const bytes of [whole.subarray(0, 100), Buffer.from("nonsense"), Buffer.alloc(0)]) {
      fs.writeFileSync(at, bytes);
      expectOwnConfig(run, { ...config, seed: 3 });
    }
    fs.writeFileSync(at, whole);
  });

  it("the checkpoint's copy of config.json is checked as config.json is", () => {
    const at = path.join(run, "checkpoint.safetensors");
    const whole = fs.readFileSync(at);
    const contents = decodeSafetensors(whole, "test");
    contents.metadata.set("config", JSON.stringify({ ...config, seed: "7" }));
    fs.writeFileSync(at, encodeSafetensors(contents));
    assert.throws(() => readCheckpoint(run), { message: `${at} config seed: expected a whole number, got "7".` });
    fs.writeFileSync(at, whole);
  });

  it("result.json is compared too, which is all that a run without a checkpoint has", () => {
    const at = path.join(run, "result.json");
    const { environment, preset, seed } = config;
    const result: RunResult = {
      ...{ environment, preset, seed, steps: 10, trainingSeconds: 1, stepsPerSecond: 10, threads: 1 },
      ...{ evaluation: null, fingerprint: "0123456789abcdef" },
    };
    fs.rmSync(path.join(run, "checkpoint.safetensors"));
    writeJson(at, result);
    expectOwnConfig(run, config);
    for (const [changed, message] of [
      [{ ...config, seed: 3 }, "seed: expected 7, as result.json has it, got 3"],
      [{ ...config, preset: "paper" }, 'preset: expected "small", as result.json has it, got "paper"'],
      [{ ...config, environment: "X" }, 'environment: expected "Pendulum-v1", as result.json has it, got "X"'],
    ] as [RunConfig, string][])
      assert.throws(() => expectOwnConfig(run, changed), { message: `${file} ${message}. ${hint}` });
    fs.writeFileSync(at, "{");
    expectOwnConfig(run, { ...config, seed: 3 });
  });
});
