// These tests use no runtime: they read the bytes back by the format's rules and compute the graph in Float64. `npm run
// test:interop` runs the models in a real runtime.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ddpg } from "../ddpg/ddpg.ts";
import { readOnnx } from "./onnx.case.ts";
import { toOnnx } from "./onnx.ts";
import { policyCase } from "./policies.case.ts";

test("the graph computes the agent's actions, in the environment's units, within 1e-5 of their half-range", async () => {
  for (let index = 0; index < 40; index++) {
    const { name, agent, observe } = await policyCase(index);
    const { actionLow, actionHigh } = agent.units;
    const model = readOnnx(toOnnx(agent.policy));
    for (let i = 0; i < 50; i++) {
      const observation = observe();
      const expected = agent.act(observation);
      model.run(observation).forEach((action, d) => {
        const error = Math.abs(action - expected[d]) / ((actionHigh[d] - actionLow[d]) / 2);
        assert.ok(error < 1e-5, `${name}: off by ${error} half-ranges`);
      });
    }
  }
});

test("normalization is folded into other operators", async () => {
  const { operators } = readOnnx(toOnnx((await policyCase(1)).agent.policy));
  const known = ["Sub", "Mul", "Gemm", "Relu", "Tanh", "Add", "Max", "Min"];
  assert.deepEqual(
    operators.filter((operator) => !known.includes(operator)),
    [],
  );
  assert.equal(operators.filter((operator) => operator === "Mul").length, 2);
});

test("an observation scaled by 0 contributes its normalized constant", async () => {
  const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
  const scaled = { observationScale: [0, 2], replayCapacity: 128 };
  const agent = await Ddpg.create(spaces, {
    preset: "standard",
    batchNormalization: true,
    actorHiddenSizes: [3],
    ...scaled,
  });
  agent.actor.parameters.write("input.norm.runningMean", [0.7, 0.3]);
  agent.actor.parameters.write("layer2.weights", [1, -1, 2]);
  const [action] = readOnnx(toOnnx(agent.policy)).run([5, 0.25]);
  assert.ok(Math.abs(action - agent.act([5, 0.25])[0]) < 1e-6);
});

test("a scaling that Float32 cannot hold is refused", async () => {
  const spaces = { observationSize: 1, actionLow: [-1], actionHigh: [1] };
  const agent = await Ddpg.create(spaces, { preset: "standard", observationScale: 1e200, replayCapacity: 128 });
  assert.throws(() => toOnnx(agent.policy), {
    name: "InputError",
    message: /^ONNX observation\.scale\[0\]: expected a number that Float32 holds, got 1e\+200/,
  });
});

test("a constant observation is normalized to 0 also where Float32 does not hold its scale", async () => {
  const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
  const changes = { observationNormalization: true, actorHiddenSizes: [3], replayCapacity: 256 };
  const agent = await Ddpg.create(spaces, { ...changes, observationScale: [0.1, 0] });
  agent.actor.parameters.write("layer1.weights", [1, 2, 3, -1, 1, 2]);
  agent.actor.parameters.write("layer1.biases", [1, 1, 1]);
  agent.actor.parameters.write("layer2.weights", [1, -1, 0.5]);
  const differences = (): number[] => {
    const model = readOnnx(toOnnx(agent.policy));
    return [2000, 2000.25, 1990].map((x) => Math.abs(model.run([x, 5])[0] - agent.act([x, 5])[0]));
  };
  // Scaled by 0.1 and by 0, what was observed 9 times is 200 and 0.
  agent.observationNormalization?.restore([9, 200, 0, 0, 0]);
  assert.ok(differences()[0] < 1e-6, `${differences()}`);
  // A number scaled by 0 may still have a mean, in a file that was edited.
  agent.observationNormalization?.restore([9, 200, 0.7, 9, 9]);
  assert.ok(
    differences().every((difference) => difference < 1e-5),
    `${differences()}`,
  );
});

test("for Godot, the model has the four names of the plugin, in its shapes, and the same actions", async () => {
  const spaces = { observationSize: 3, actionLow: [-1, -1], actionHigh: [1, 1] };
  const { policy } = await Ddpg.create(spaces, { preset: "small", observationOffset: [1, 2, 3] });
  const [plain, model] = [readOnnx(toOnnx(policy)), readOnnx(toOnnx(policy, { for: "godot" }))];
  assert.deepEqual(plain.inputs, [["observation", "N", 3]]);
  assert.deepEqual(plain.outputs, [["action", "N", 2]]);
  assert.deepEqual(model.inputs, [
    ["obs", "N", 3],
    ["state_ins", "N"],
  ]);
  assert.deepEqual(model.outputs, [
    ["output", "N", 2],
    ["state_outs", "N"],
  ]);
  for (const x of [-1, 0.3, 2]) {
    const state = [x, -x, 3 * x];
    assert.deepEqual(model.run(state), plain.run(state));
    for (const [i, action] of policy.act(state).entries()) assert.ok(Math.abs(model.run(state)[i] - action) < 1e-6);
  }
});

test("for Godot, a policy with other bounds is refused, and so is another purpose", async () => {
  const { policy } = await Ddpg.create(
    { observationSize: 1, actionLow: [-1, 0], actionHigh: [1, 1] },
    { preset: "small" },
  );
  assert.throws(() => toOnnx(policy, { for: "godot" }), {
    message:
      /^toOnnx policy actionLow\[1\]: expected -1, as every game of Godot RL Agents has it, got 0\. It is not the policy/,
  });
  assert.throws(() => toOnnx(policy, { for: "unity" } as object), {
    message: /^toOnnx for: expected "godot", or nothing/,
  });
});
