import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import type { Backend } from "../kernels/backend.ts";
import { type Matrix, writeMatrix } from "../kernels/matrix.ts";
import { referenceBackend } from "../kernels/reference.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import type { LayerSpec, NetworkShape } from "./layer.ts";
import { Network, networkStateSize, networkTensors } from "./network.ts";
import { allocateMatrix, Parameters } from "./parameters.ts";

// B batch, J columns.

const [B, J] = [64, 3];

interface Made {
  readonly network: Network;
  readonly parameters: Parameters;
  /** One minibatch: normalizes it and moves the averages. */
  learn(value: (row: number, column: number) => number): number[][];
  /** Normalizes one row by the running averages. */
  act(row: readonly number[]): number[];
}

async function make(keep = 0.99, statistics: "corrected" | "plain" = "corrected", backend = wasmBackend as Backend) {
  const spec: LayerSpec = { kind: "batchNorm", name: "norm", epsilon: 1e-5, keep, statistics };
  const shape: NetworkShape = { inputSize: J, layers: [spec] };
  const kernels = await backend.create(100_000, () => 0);
  const parameters = new Parameters(kernels, networkTensors(shape), true);
  parameters.write("norm.scale", [1, 1, 1]);
  parameters.write("norm.runningVariance", [1, 1, 1]);
  const network = new Network(kernels, shape, parameters, B, true);
  const acting = new Network(kernels, shape, parameters, 1, false);
  const [batch, one] = [allocateMatrix(kernels, B, J), allocateMatrix(kernels, 1, J)];
  const rows = (x: Matrix) => Array.from({ length: x.rows }, (_, i) => Array.from({ length: J }, (_, j) => x.at(i, j)));
  const made: Made = {
    network,
    parameters,
    learn(value) {
      for (let i = 0; i < B; i++) for (let j = 0; j < J; j++) batch.set(i, j, value(i, j));
      const out = rows(network.forward(batch, null, true));
      network.updateStatistics();
      return out;
    },
    act(row) {
      writeMatrix(one, row);
      return rows(acting.forward(one, null, false))[0];
    },
  };
  assert.equal(network.stateSize, networkStateSize(shape));
  return made;
}

/** A column of each constant beside one that varies. */
const constants = [0, 1e-30, 0.1, 293.15, -20_000, 1e7, 3e38];

for (const backend of [wasmBackend, referenceBackend(Float64Array)]) {
  test(`${backend.name}: a column that never changes is 0 from the first update on, learning and acting`, async () => {
    for (const constant of constants) {
      const random = new Random(1);
      const { learn, act, parameters } = await make(0.99, "corrected", backend);
      for (let update = 1; update <= 300; update++) {
        const learned = learn((_, j) => (j === 1 ? random.uniform(-1, 1) : constant));
        for (const row of learned) assert.deepEqual([row[0], row[2]], [0, 0], `${constant}, update ${update}`);
        const acted = act([constant, 0.5, constant]);
        assert.deepEqual([acted[0], acted[2]], [0, 0], `${constant}, update ${update}`);
        assert.equal(parameters.read("norm.runningVariance")[0], 0);
      }
    }
  });
}

test("plain statistics miss a large constant, as in versions before 0.2", async () => {
  const { learn, act } = await make(0.99, "plain");
  for (let update = 0; update < 5000; update++) learn(() => 20_000);
  assert.ok(Math.abs(act([20_000, 20_000, 20_000])[0]) > 10);
});

test("a column that changed once returns to 0", async () => {
  const { learn, act } = await make();
  for (let update = 0; update < 50; update++) learn(() => 293.15);
  learn((i) => (i === 5 ? 400 : 293.15));
  assert.ok(act([293.15, 0, 0])[0] < -0.01);
  for (let update = 0; update < 4000; update++) learn(() => 293.15);
  assert.equal(act([293.15, 0, 0])[0], 0);
});

test("the averages are the weighted means of all minibatches, whatever `keep` is", async () => {
  for (const keep of [0, 0.5, 0.99, 1]) {
    const { learn, parameters } = await make(keep, "corrected", referenceBackend(Float64Array));
    const random = new Random(2);
    let [weights, means, variances] = [0, 0, 0];
    for (let update = 0; update < 20; update++) {
      const column = Array.from({ length: B }, () => random.uniform(3, 5));
      learn((i) => column[i]);
      const mean = column.reduce((sum, x) => sum + x, 0) / B;
      const variance = column.reduce((sum, x) => sum + (x - mean) * (x - mean), 0) / B;
      weights = keep * weights + 1;
      means = keep * means + mean;
      variances = keep * variances + variance;
      assert.ok(Math.abs(parameters.read("norm.runningMean")[1] - means / weights) < 1e-13, `${keep}`);
      assert.ok(Math.abs(parameters.read("norm.runningVariance")[1] - variances / weights) < 1e-13, `${keep}`);
    }
  }
});

test("saved averages continue with the same bits; those of copied parameters move from there by 1 − keep", async () => {
  const draw = (random: Random) => () => random.uniform(290, 300);
  const one = await make();
  const first = new Random(3);
  for (let update = 0; update < 7; update++) one.learn(draw(first));
  const two = await make();
  two.network.restore(one.network.save());
  const copied = await make();
  copied.parameters.copyFrom(two.parameters);
  copied.parameters.copyFrom(one.parameters);
  copied.network.takeStatistics();
  const before = one.parameters.read("norm.runningMean")[0];
  const [mine, theirs] = [new Random(4), new Random(4)];
  one.learn(draw(mine));
  two.learn(draw(theirs));
  for (const name of ["norm.runningMean", "norm.runningVariance"]) {
    assert.deepEqual(two.parameters.read(name), one.parameters.read(name));
  }
  assert.deepEqual(two.network.save(), one.network.save());
  copied.learn(() => 400);
  const after = copied.parameters.read("norm.runningMean")[0];
  assert.ok(Math.abs(after - (before + 0.01 * (400 - before))) < 1e-4, `${before} ${after}`);
});
