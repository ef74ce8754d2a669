// Every setting, changed alone. A new row of the table is covered without a change here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { go, PendulumWithGoals, sizes, without, withPause } from "./agent-state.case.ts";
import { parseSetting, type Settings, settingChoices, settingNames, settingsFrom } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";

// Rewards are not scaled, because `rewardNormalization` refuses that.
const base = settingsFrom("small", { ...sizes, rewardScale: 1, warmupSteps: 20, replayCapacity: 40 });

for (const name of settingNames) {
  const make = PendulumWithGoals.cut;
  test(`${name}: a saved agent continues with the same bits, and a saved policy acts with the same bits; all networks move; no step is lost`, async () => {
    const values = otherValues(name);
    assert.ok(values.length > 0);
    for (const value of values) {
      const settings = { ...baseOf(name), [name]: value };
      const whole = await without(make, settings, 60);
      const learned = whole.trace.filter((step) => step.includes('"learned":true'));
      const perRound = Math.ceil(settings.updateEvery * settings.updatesPerStep);
      assert.equal(whole.updates, perRound * learned.length, `${value}`);
      assert.deepEqual(await withPause(make, settings, 41, 60), whole, `${value}`);
      const create = () => Ddpg.create(make(), { ...settings, preset: "small" });
      const [agent, fresh] = [await create(), await create()];
      await go(agent, make(), 60, []);
      agent.endEpisode();
      assert.equal(agent.replayBuffer.stored, agent.steps * agent.rowsPerStep, `${value}`);
      const policy = await Policy.load(agent.policy.save());
      for (const x of [-1, 0.3, 1]) assert.deepEqual(policy.act([x, -x, 3 * x]), agent.act([x, -x, 3 * x]), `${value}`);
      for (const [network, { parameters }] of agent.networks) {
        const start = fresh.networks.get(network)?.parameters.values;
        assert.notDeepEqual(parameters.values, start, `${network} has not moved, ${value}`);
        const online = fresh.networks.get(network.replace(/^target(.)/, (_, letter) => letter.toLowerCase()));
        assert.deepEqual(start, online?.parameters.values, `${network} starts as a copy`);
      }
    }
  });
}

/**
 * The settings that one is changed in. Those of batch normalization change nothing without it, or are refused; with plain
 * statistics, a loaded agent warns once more.
 */
function baseOf(name: keyof Settings): Settings {
  const needsBatch = name.startsWith("batchNorm") && name !== "batchNormStatistics";
  return needsBatch ? settingsFrom("small", { ...base, normalization: "batch" }) : base;
}

/** Returns up to two valid values of a setting, or all of a few, that differ from its value in `base`. */
function otherValues(name: keyof Settings): unknown[] {
  const [value] = [base[name]].flat();
  const texts = settingChoices(name) ?? (typeof value === "number" ? [value + 1, 0.9 * value + 0.01] : ["tanh"]);
  return texts.map(String).flatMap((text) => {
    try {
      const other = parseSetting(name, text, name);
      settingsFrom("small", { ...baseOf(name), [name]: other });
      return text === String(value) ? [] : [other];
    } catch {
      return [];
    }
  });
}
