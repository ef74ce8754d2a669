import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type PresetName,
  parseSetting,
  presets,
  type Settings,
  settingNames,
  settingsFrom,
  storedSettings,
} from "./config.ts";
import { Ddpg } from "./ddpg.ts";

test("every preset is complete and valid", () => {
  for (const name of Object.keys(presets) as PresetName[]) {
    assert.deepEqual(Object.keys(settingsFrom(name)).sort(), [...settingNames].sort());
  }
});

test("parsing a typed value gives the value itself, for every setting of every preset", () => {
  for (const preset of Object.values(presets)) {
    for (const name of settingNames) {
      const value = preset[name];
      assert.deepEqual(parseSetting(name, Array.isArray(value) ? value.join(",") : String(value), name), value);
    }
  }
});

test("invalid settings are refused with the name, the range and the value", () => {
  const refused: [object, string | RegExp][] = [
    [{ discuont: 0.9 }, 'settings: there is no setting "discuont". Did you mean "discount"?'],
    [{ discount: 1.5 }, "discount: expected a number from 0 to 1, got 1.5."],
    [{ discount: "0.9" }, 'discount: expected a number from 0 to 1, got "0.9".'],
    [{ batchSize: 0 }, "batchSize: expected a whole number from 1 to 65536, got 0."],
    [{ batchSize: 2.5 }, "batchSize: expected a whole number from 1 to 65536, got 2.5."],
    [{ actorLearningRate: Number.NaN }, "actorLearningRate: expected a number from 0 to 1, got NaN."],
    [{ actorHiddenSizes: [64, 0] }, /^actorHiddenSizes: expected whole numbers from 1 to 16384/],
    [{ actorActivations: ["relu", "sigmoid"] }, /^actorActivations: expected relu, tanh or linear/],
    [{ actorActivations: ["relu", "relu", "relu"] }, /one name, or one for each of 2 hidden layers/],
    [
      { actionEntersLayer: 4 },
      "actionEntersLayer: expected at most 3, the number of the critic's layers, output layer included, got 4.",
    ],
    [{ noise: "gausian" }, /^noise: expected one of .*, got "gausian"\. Did you mean "gaussian"\?$/],
    [{ noiseScale: [0.1, -1] }, /^noiseScale: expected a number of at least 0, or one per dimension/],
    [{ replayCapacity: 10 }, "replayCapacity: expected at least the batch size 64, got 10."],
    [
      { batchNormPass: "joint" },
      'batchNormPass: expected separate with normalization none, got "joint". A joint pass needs normalization batch.',
    ],
    [{ batchNormalization: true, batchSize: 1 }, /^batchSize: expected at least 2 with batch normalization/],
    [
      { decoupledWeightDecay: 5, actorLearningRate: 0.25 },
      "decoupledWeightDecay: expected at most 4, 1 / actorLearningRate, got 5.",
    ],
    [{ decoupledWeightDecay: 5, criticLearningRate: 0.25 }, /at most 4, 1 \/ criticLearningRate, got 5\.$/],
    [{ batchNormalization: "yes" }, 'batchNormalization: expected true or false, got "yes".'],
  ];
  for (const [changes, message] of refused) {
    assert.throws(() => settingsFrom("small", changes as Partial<Settings>), { name: "InputError", message });
  }
  assert.throws(() => settingsFrom("papers" as PresetName), {
    message:
      'preset: expected one of small, robust, standard, td3, paper, numpy, torcs, got "papers". Did you mean "paper"?',
  });
});

test("a preset cannot be changed", () => {
  assert.throws(() => Object.assign(presets.small, { discount: 0.5 }), TypeError);
  assert.ok(Object.isFrozen(presets.paper.actorHiddenSizes));
});

test("a preset cannot be changed through settings derived from it", () => {
  const settings = settingsFrom("small");
  settings.actorHiddenSizes.push(5);
  assert.deepEqual(settingsFrom("small").actorHiddenSizes, [64, 64]);
});

test("a file from before batchNormStatistics has the rule of its time; without batch normalization it has none", () => {
  const { batchNormStatistics: _, ...paper } = presets.paper;
  assert.equal(storedSettings(paper, "file").batchNormStatistics, "plain");
  assert.equal(storedSettings(presets.paper, "file").batchNormStatistics, "corrected");
  const { batchNormStatistics: __, ...small } = presets.small;
  assert.deepEqual(storedSettings(small, "file"), presets.small);
});

test("batchNormalization of earlier versions is read everywhere as normalization; the later of both counts", async () => {
  assert.equal(settingsFrom("small", { batchNormalization: true }).normalization, "batch");
  assert.equal(settingsFrom("paper", { batchNormalization: false }).normalization, "none");
  assert.equal(settingsFrom("small", { batchNormalization: undefined }).normalization, "none");
  assert.equal(settingsFrom("small", { ...presets.small, batchNormalization: true }).normalization, "batch");
  assert.equal(settingsFrom("small", { batchNormalization: true, ...presets.small }).normalization, "none");
  assert.ok(!("batchNormalization" in settingsFrom("small", { batchNormalization: true })));
  for (const [old, now] of [
    [true, "batch"],
    [false, "none"],
  ] as const) {
    const { normalization: _, ...file } = presets.paper;
    const read = storedSettings({ ...file, batchNormalization: old }, "file");
    assert.deepEqual(read, { ...presets.paper, normalization: now });
  }
  const wrong = { batchNormalization: "yes" as unknown as boolean };
  const message = 'batchNormalization: expected true or false, got "yes".';
  assert.throws(() => settingsFrom("small", wrong), { name: "InputError", message });
  const { normalization: _, ...file } = presets.paper;
  assert.throws(() => storedSettings({ ...file, ...wrong }, "file"), {
    name: "InputError",
    message: `file ${message}`,
  });
  assert.throws(() => storedSettings(file, "file"), {
    message: "file normalization: expected a value, got undefined.",
  });
  const spaces = { observationSize: 1, actionLow: [-1], actionHigh: [1] };
  const agent = await Ddpg.create(spaces, { preset: "small", batchNormalization: true, replayCapacity: 100 });
  assert.ok(agent.actor.parameters.names.includes("input.norm.scale"));
});
