import assert from "node:assert/strict";
import { test } from "node:test";
import { createReferenceKernels } from "../kernels/reference.ts";
import { Adam } from "./adam.ts";
import { Parameters } from "./parameters.ts";

const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

test("a step keeps the gradient's Euclidean norm over all tensors", () => {
  const { parameters, adam } = network();
  parameters.gradient("layer1.weights").set(0, 0, 3);
  parameters.gradient("layer1.biases").set(0, 0, -4);
  adam.step("critic");
  assert.equal(adam.gradientNorm, 5);
  // The first step of Adam is the learning rate, against the gradient's sign.
  assert.ok(Math.abs(parameters.value("layer1.weights").at(0, 0) + 0.1) < 1e-8);
  assert.ok(Math.abs(parameters.value("layer1.biases").at(0, 0) - 0.1) < 1e-8);
});

test("a gradient that is not finite, or whose square Float32 cannot hold, is refused with its tensor's name", () => {
  for (const bad of [Number.NaN, Infinity, 1e20]) {
    const { parameters, adam } = network();
    parameters.gradient("layer1.biases").set(0, 1, bad);
    assert.throws(() => adam.step("critic"), {
      name: "NotFiniteError",
      message: /^critic layer1\.biases gradient: expected finite numbers/,
    });
  }
});

function network() {
  const kernels = createReferenceKernels(Float64Array);
  const tensors = [
    { name: "layer1.weights", kind: "weights", rows: 2, columns: 2 } as const,
    { name: "layer1.biases", kind: "biases", rows: 1, columns: 2 } as const,
  ];
  const parameters = new Parameters(kernels, { tensors, statistics: [] }, true);
  return { parameters, adam: new Adam(kernels, parameters, options) };
}
