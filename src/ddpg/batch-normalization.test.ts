// Batch normalization in a whole agent: an observed number that never changes, files, and the warning about old rules.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSafetensors, encodeSafetensors, numbersOf, tensorOf } from "../base/safetensors.ts";
import type { Environment } from "../environment/environment.ts";
import { toModule } from "../export/module.ts";
import { evaluate } from "../training/evaluate.ts";
import type { Settings } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { train } from "./train.ts";

const settings: Partial<Settings> = {
  normalization: "batch",
  rewardScale: 1,
  warmupSteps: 100,
  actorHiddenSizes: [16],
  criticHiddenSizes: [16, 16],
  actionEntersLayer: 2,
  finalLayerBound: 0.1,
};

/** Steps of one action each, which is to equal the second observed number. The first one is always the same. */
function withConstant(constant: number): Environment {
  let x = 0;
  return {
    observationSize: 2,
    actionLow: [-1],
    actionHigh: [1],
    reset(random) {
      x = random.uniform(-1, 1);
      return [constant, x];
    },
    step: ([action]) => ({ observation: [constant, x], reward: -(action - x) * (action - x), terminated: true }),
  };
}

async function trained(constant: number, steps: number, changes: Partial<Settings> = {}): Promise<Ddpg> {
  const environment = withConstant(constant);
  const agent = await Ddpg.create(environment, { preset: "small", ...settings, ...changes });
  for await (const { step } of train(agent, environment)) if (step === steps) break;
  return agent;
}

test("an observed number that never changes counts for nothing, whatever it is: in acting, targets and exports", async () => {
  const reference = await trained(0, 1500);
  const { meanReturn } = await evaluate(reference, withConstant(0), { episodes: 100 });
  assert.ok(meanReturn > -0.03, `${meanReturn}`);
  for (const constant of [293.15, -20_000]) {
    const agent = await trained(constant, 1500);
    for (const [name, { parameters }] of agent.networks) {
      assert.equal(parameters.read("input.norm.runningMean")[0], Math.fround(constant), name);
      for (const tensor of parameters.names) {
        const [got, wanted] = [parameters, reference.networks.get(name)?.parameters].map((p) => [
          ...(p?.read(tensor) ?? []),
        ]);
        if (tensor === "input.norm.runningMean") got[0] = wanted[0];
        assert.deepEqual(got, wanted, `${name} ${tensor}`);
      }
    }
    const url = `data:text/javascript,${encodeURIComponent(toModule(agent.policy).source)}`;
    const exported = await import(url);
    for (const x of [-0.8, 0, 0.3]) {
      assert.deepEqual(agent.act([constant, x]), reference.act([0, x]));
      assert.deepEqual(exported.act([constant, x]), reference.act([0, x]));
    }
  }
});

test("a saved agent holds the averages in Float64; those of plain statistics and broken ones are treated as such", async () => {
  const environment = withConstant(293.15);
  const agent = await trained(293.15, 300);
  const contents = decodeSafetensors(agent.save(), "test");
  const averages = contents.tensors.get("actor.averages");
  assert.ok(averages);
  // w, means and variances of the input, then of the hidden layer.
  assert.deepEqual([averages.dtype, averages.shape], ["F64", [5 + 33]]);
  assert.equal(contents.tensors.has("targetActor.averages"), false);
  const values = numbersOf(averages);
  const keep = agent.settings.batchNormKeep;
  assert.ok(Math.abs(values[0] - (1 - keep ** agent.updates) / (1 - keep)) < 1e-9);
  assert.equal(values[1], Math.fround(293.15));
  for (const [index, value, message] of [
    [3, Number.NaN, /^Ddpg\.load actor\.averages\[3\]: expected a finite number, got NaN/],
    [0, 0.5, /^Ddpg\.load actor\.averages weight: expected 0, or a number of at least 1, got 0\.5/],
    [4, -1e-9, /^Ddpg\.load actor\.averages variance\[1\]: expected a number of at least 0, got -1e-9/],
  ] as const) {
    const bad = values.slice();
    bad[index] = value;
    contents.tensors.set("actor.averages", tensorOf("F64", averages.shape, bad));
    await assert.rejects(Ddpg.load(encodeSafetensors(contents), environment), { name: "InputError", message });
  }
  contents.tensors.delete("actor.averages");
  await assert.rejects(Ddpg.load(encodeSafetensors(contents), environment), /actor\.averages: expected F64 \[38\]/);
  const plain = await trained(293.15, 120, { batchNormStatistics: "plain" });
  assert.ok(![...decodeSafetensors(plain.save(), "test").tensors.keys()].some((name) => name.endsWith(".averages")));
});

test("an agent that starts from a policy continues its running averages", async () => {
  const policy = (await trained(293.15, 1500)).policy;
  const environment = withConstant(293.15);
  const agent = await Ddpg.create(environment, { preset: "small", ...settings, warmupSteps: 64 });
  agent.startFrom(policy);
  const tensor = "layer1.norm.runningMean";
  const before = agent.actor.parameters.read(tensor);
  for await (const { learned } of train(agent, environment)) if (learned) break;
  // One minibatch moves them by a hundredth of the way.
  const after = agent.actor.parameters.read(tensor);
  const moved = after.map((value, i) => Math.abs(value - before[i]));
  assert.ok(Math.max(...moved) > 0 && Math.max(...moved) < 0.02, `${moved}`);
});

test("averages that keep everything are saved and loaded after a start from a policy", async () => {
  const keep = { batchNormKeep: 1 };
  const { policy } = await trained(293.15, 120, keep);
  const environment = withConstant(293.15);
  const agent = await Ddpg.create(environment, { preset: "small", ...settings, ...keep, warmupSteps: 64 });
  agent.startFrom(policy);
  for await (const { learned } of train(agent, environment)) if (learned) break;
  const loaded = await Ddpg.load(agent.save(), environment);
  assert.equal(loaded.fingerprint(), agent.fingerprint());
});

test("training by the rule of versions before 0.2 warns once, with the way to change it", async () => {
  const warned = async (changes: Partial<Settings>): Promise<string[]> => {
    const environment = withConstant(1);
    const agent = await Ddpg.create(environment, { preset: "small", ...settings, ...changes });
    const loaded = await Ddpg.load(agent.save(), environment);
    const warnings: string[] = [];
    for await (const step of train(loaded, environment)) {
      warnings.push(...step.warnings);
      if (step.step === 300) break;
    }
    return warnings;
  };
  const [warning, ...more] = await warned({ batchNormStatistics: "plain" });
  assert.match(
    warning,
    /^batchNormStatistics: expected corrected, got plain, .*--batch-norm-statistics corrected\)\.$/,
  );
  assert.deepEqual(more, []);
  assert.deepEqual(await warned({}), []);
  assert.deepEqual(await warned({ batchNormStatistics: "plain", normalization: "none" }), []);
});
