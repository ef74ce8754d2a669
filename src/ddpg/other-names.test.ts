import assert from "node:assert/strict";
import { test } from "node:test";
import { type Settings, settingNames, settingsFrom } from "./config.ts";
import { settingByOtherName } from "./other-names.ts";

/** What other libraries call a setting, as they write it, and what we suggest. */
const cases: Readonly<Record<string, readonly (keyof Settings)[]>> = {
  // Stable-Baselines3
  learning_rate: ["actorLearningRate", "criticLearningRate"],
  buffer_size: ["replayCapacity"],
  learning_starts: ["warmupSteps"],
  batch_size: ["batchSize"],
  tau: ["softUpdateRate"],
  gamma: ["discount"],
  train_freq: ["updateEvery"],
  gradient_steps: ["updatesPerStep"],
  action_noise: ["noise", "noiseScale"],
  policy_kwargs: ["actorHiddenSizes", "criticHiddenSizes"],
  // Spinning Up
  replay_size: ["replayCapacity"],
  pi_lr: ["actorLearningRate"],
  q_lr: ["criticLearningRate"],
  start_steps: ["warmupSteps"],
  update_every: ["updateEvery"],
  act_noise: ["noiseScale"],
  hidden_sizes: ["actorHiddenSizes", "criticHiddenSizes"],
  // CleanRL and others
  "exploration-noise": ["noiseScale"],
  lr: ["actorLearningRate", "criticLearningRate"],
  learningRate: ["actorLearningRate", "criticLearningRate"],
  actor_lr: ["actorLearningRate"],
  criticLr: ["criticLearningRate"],
  bufferSize: ["replayCapacity"],
  hiddenSizes: ["actorHiddenSizes", "criticHiddenSizes"],
  sigma: ["noiseScale"],
  theta: ["noiseTheta"],
  weight_decay: ["criticWeightDecay", "decoupledWeightDecay"],
  policy_delay: ["actorDelay"],
  target_policy_noise: ["targetNoiseScale"],
  max_grad_norm: ["criticGradientClip"],
  reward_scale: ["rewardScale"],
};

test("the other names of a setting lead to ours", () => {
  for (const [name, names] of Object.entries(cases)) {
    const list = names.map((each) => `"${each}"`).join(" or ");
    const message = `settings: there is no setting "${name}". Did you mean ${list}?`;
    assert.throws(() => settingsFrom("small", { [name]: 1 } as Partial<Settings>), { name: "InputError", message });
  }
});

test("where the number under another name is not ours, the suggestion says so", () => {
  assert.throws(() => settingsFrom("small", { polyak: 0.995 } as Partial<Settings>), {
    message: 'settings: there is no setting "polyak". Did you mean "softUpdateRate"? It is 1 − polyak.',
  });
});

test("no name of ours is another setting's other name", () => {
  for (const name of settingNames)
    assert.equal(
      settingByOtherName(name, (setting) => setting),
      "",
    );
});
