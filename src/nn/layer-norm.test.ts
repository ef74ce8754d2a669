// Layer normalization: what it computes, and its independence of the other rows. `gradients.test.ts` compares its
// derivatives with central differences, `update.test.ts` its updates with recorded ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { buildOver } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type Matrix, readMatrix } from "../kernels/matrix.ts";
import { createReferenceKernels } from "../kernels/reference.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import type { NetworkShape } from "./layer.ts";
import { Network, networkTensors } from "./network.ts";
import { allocateMatrix, Parameters } from "./parameters.ts";

const shape = { inputSize: 37, layers: [{ kind: "layerNorm", name: "norm", epsilon: 0.01 }] } as const;

function build(kernels: Kernels, rows: number): { network: Network; parameters: Parameters; x: Matrix } {
  const parameters = new Parameters(kernels, networkTensors(shape), false);
  const random = new Random("layer norm");
  for (const { name, columns } of parameters.tensors)
    parameters.write(
      name,
      Array.from({ length: columns }, () => random.normal()),
    );
  const x = allocateMatrix(kernels, rows, 37);
  for (let i = 0; i < rows; i++) for (let j = 0; j < 37; j++) x.set(i, j, 3 + (i + 1) * random.normal());
  return { network: new Network(kernels, shape, parameters, rows, false), parameters, x };
}

test("each row gets mean 0 and variance 1, then the scale and the shift; ε is inside the root", () => {
  const { network, parameters, x } = build(createReferenceKernels(Float64Array), 5);
  const y = network.forward(x, null, false);
  const [scale, shift] = [parameters.read("norm.scale"), parameters.read("norm.shift")];
  for (let i = 0; i < 5; i++) {
    const row = Array.from({ length: 37 }, (_, j) => x.at(i, j));
    const mean = row.reduce((sum, value) => sum + value) / 37;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 37;
    row.forEach((value, j) => {
      const expected = (scale[j] * (value - mean)) / Math.sqrt(variance + 0.01) + shift[j];
      assert.ok(Math.abs(y.at(i, j) - expected) < 1e-13, `row ${i}, column ${j}`);
    });
  }
});

test("a row alone has the bits that it has among others; padding stays 0", async () => {
  const all = await buildOver(wasmBackend, (kernels) => build(kernels, 20));
  const one = await buildOver(wasmBackend, (kernels) => build(kernels, 1));
  const y = all.network.forward(all.x, null, false);
  assert.deepEqual(
    y.data.filter((_, index) => index % y.rowStride >= 37),
    new Float32Array(20 * (y.rowStride - 37)),
  );
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 37; j++) one.x.set(0, j, all.x.at(i, j));
    assert.deepEqual(readMatrix(one.network.forward(one.x, null, false)), readMatrix(y.rowRange(i, i + 1)), `row ${i}`);
  }
});

test("the layer overwrites the output of a dense layer, never that of an activation that learns", () => {
  const kernels = createReferenceKernels(Float64Array);
  const of = (...kinds: ("relu" | "tanh" | "layerNorm")[]) => {
    const first = { kind: "dense", name: "dense", units: 4, bias: true } as const;
    const others = kinds.map((kind) => (kind === "layerNorm" ? { kind, name: "norm", epsilon: 0.01 } : { kind }));
    const shape: NetworkShape = { inputSize: 3, layers: [first, ...others] };
    const parameters = new Parameters(kernels, networkTensors(shape), true);
    return (learns: boolean) => new Network(kernels, shape, parameters, 2, learns);
  };
  for (const learns of [true, false]) assert.doesNotThrow(() => of("layerNorm", "relu")(learns));
  for (const build of [of("relu", "layerNorm"), of("tanh", "layerNorm"), of("relu", "tanh")]) {
    assert.doesNotThrow(() => build(false));
    assert.throws(() => build(true), /^Error: Network: \w+ overwrites an activation below, which learns from it\.$/);
  }
});
