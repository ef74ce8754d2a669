import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernels } from "../kernels/kernels.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { Adam, type AdamOptions } from "./adam.ts";
import { Parameters } from "./parameters.ts";

const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

test("a step records the Euclidean norm of the gradient over all tensors", () => {
  const { parameters, adam } = network();
  parameters.gradient("layer1.weights").set(0, 0, 3);
  parameters.gradient("layer1.biases").set(0, 0, -4);
  adam.step("critic");
  assert.equal(adam.gradientNorm, 5);
  // Adam's first step has the size of the learning rate and the opposite sign of the gradient.
  assert.ok(Math.abs(parameters.value("layer1.weights").at(0, 0) + 0.1) < 1e-8);
  assert.ok(Math.abs(parameters.value("layer1.biases").at(0, 0) - 0.1) < 1e-8);
});

test("a gradient that is not finite, or whose square overflows Float32, is refused with the name of its tensor", () => {
  for (const [bad, changes] of [
    [Number.NaN, Infinity, 1e20].map((x) => [x, {}] as const),
    [Number.NaN, Infinity].map((x) => [x, { maxGradientNorm: 1 }] as const),
  ].flat()) {
    const { parameters, adam } = network(undefined, changes);
    parameters.gradient("layer1.biases").set(0, 1, bad);
    assert.throws(() => adam.step("critic"), {
      name: "NotFiniteError",
      message: /^critic layer1\.biases gradient: expected finite numbers/,
    });
  }
});

function network(kernels: Kernels = createReferenceKernels(Float64Array), changes: Partial<AdamOptions> = {}) {
  const tensors = [
    { name: "layer1.weights", kind: "weights", rows: 2, columns: 2 } as const,
    { name: "layer1.biases", kind: "biases", rows: 1, columns: 2 } as const,
  ];
  const parameters = new Parameters(kernels, { tensors, statistics: [] }, true);
  return { parameters, adam: new Adam(kernels, parameters, { ...options, ...changes }) };
}

test("after 256 steps subnormal moments are set to 0 and others are kept", () => {
  const vectors: Float32Array[] = [];
  const kernels = createReferenceKernels(Float32Array);
  const allocate = (length: number): Float32Array => {
    const vector = new Float32Array(length);
    vectors.push(vector);
    return vector;
  };
  const { parameters, adam } = network({ ...kernels, allocate });
  const gradients = parameters.gradient("layer1.weights");
  const subnormal = () => vectors.some((vector) => vector.some((x) => x !== 0 && Math.abs(x) < 2 ** -126));
  gradients.set(0, 0, 1e-30);
  adam.step("critic");
  gradients.set(0, 0, 0);
  gradients.set(1, 1, 0.5);
  for (let step = 2; step < 256; step++) adam.step("critic");
  assert.ok(subnormal());
  adam.step("critic");
  assert.ok(!subnormal());
  const before = parameters.value("layer1.weights").at(1, 1);
  adam.step("critic");
  assert.ok(Math.abs(parameters.value("layer1.weights").at(1, 1) - before + 0.1) < 1e-3);
});

test("decoupled decay multiplies weights by 1 − α λ before the step, and leaves biases", () => {
  const { parameters, adam } = network(undefined, { decoupledWeightDecay: 0.5 });
  const twin = network();
  for (const { parameters: each } of [{ parameters }, twin]) {
    each.write("layer1.weights", [1, 2, 3, 4]);
    each.write("layer1.biases", [5, 6]);
    each.gradient("layer1.weights").data.fill(0.3);
    each.gradient("layer1.biases").data.fill(-0.3);
  }
  twin.parameters.write("layer1.weights", [0.95, 1.9, 2.85, 3.8]);
  adam.step("critic");
  twin.adam.step("critic");
  for (const name of parameters.names) {
    const wanted = twin.parameters.read(name);
    for (const [i, x] of parameters.read(name).entries()) {
      assert.ok(Math.abs(x - wanted[i]) < 1e-15, `${name}[${i}]`);
    }
  }
});

test("clipping scales the gradient of all tensors by one factor, and reports the norm from before", () => {
  for (const [limit, factor] of [
    [2.5, 0.5],
    [5, 1],
    [6, 1],
  ]) {
    const { parameters, adam } = network(undefined, { maxGradientNorm: limit });
    parameters.gradient("layer1.weights").set(0, 0, 3);
    parameters.gradient("layer1.biases").set(0, 0, -4);
    adam.step("critic");
    assert.equal(adam.gradientNorm, 5);
    assert.equal(parameters.gradient("layer1.weights").at(0, 0), 3 * factor);
    assert.equal(parameters.gradient("layer1.biases").at(0, 0), -4 * factor);
  }
});
