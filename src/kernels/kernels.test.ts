import assert from "node:assert/strict";
import { test } from "node:test";
import { tanh } from "../base/math.ts";
import { Random } from "../base/random.ts";
import { kernelCases } from "./kernels.case.ts";
import type { Kernels } from "./kernels.ts";
import { Matrix, type Vector } from "./matrix.ts";
import { vectorBytes } from "./raw-kernels.ts";
import { createReferenceKernels, referenceBackend } from "./reference.ts";
import { fuses } from "./wasm/fuse.ts";
import { instantiateOver, type WasmMemory } from "./wasm/memories.ts";
import { narrowKernels } from "./wasm/modules.ts";
import { wasmBackend } from "./wasm/wasm-backend.ts";
import { createWasmKernels } from "./wasm/wasm-kernels.ts";

declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => WasmMemory };

const MEBIBYTE = 1024 * 1024;

kernelCases(referenceBackend(Float64Array), 1e-14);
kernelCases(referenceBackend(Float32Array), 5e-7);
kernelCases(referenceBackend(Float32Array, "fused"), 5e-7);
kernelCases(wasmBackend, 5e-7);

test("the reference in Float64 has no fused arithmetic", () => {
  for (const make of [referenceBackend, createReferenceKernels]) {
    assert.throws(() => make(Float64Array, "fused"), {
      message: 'reference arithmetic: expected "portable": only Float32 has fused steps, got "fused".',
    });
  }
});

test("the probe of fused arithmetic is not deceived by a module that rounds twice", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  assert.equal(fuses(await instantiateOver(await narrowKernels.own(), memory), memory), false);
});

test("WebAssembly: a single row, or some of the columns, has the same bits as in the whole matrix", async () => {
  const kernels = await createWasmKernels(MEBIBYTE);
  const random = new Random(1);
  const [M, N, K] = [11, 45, 29];
  const [a, b] = [draw(kernels, random, M, K), draw(kernels, random, K, N)];
  const columnsOf = (x: Matrix, from: number, columns: number) =>
    new Matrix(x.data.subarray(from), x.rows, columns, x.rowStride);
  const statistics = [1, 2, 3, 4].map(() => draw(kernels, random, 1, N, 0.5).data);
  const [mean, variance, scale, shift] = statistics;
  for (const start of ["zeros", "C", "a row"]) {
    for (const left of [a, draw(kernels, random, K, M).transposed]) {
      const whole = draw(kernels, new Random(2), M, N);
      const apart = draw(kernels, new Random(2), M, N);
      const bias = draw(kernels, random, 1, N);
      const startOf = (c: Matrix) => (start === "zeros" ? null : start === "C" ? c : bias);
      kernels.multiply(whole, left, b, startOf(whole));
      for (let i = 0; i < M; i++) {
        const c = apart.rowRange(i, i + 1);
        kernels.multiply(c, left.rowRange(i, i + 1), b, startOf(c));
      }
      assert.deepEqual(apart.data, whole.data);

      const pieces = draw(kernels, new Random(2), M, N);
      for (const [from, columns] of [
        [0, 16],
        [16, N - 16],
      ]) {
        const c = columnsOf(pieces, from, columns);
        const begin = start === "a row" ? columnsOf(bias, from, columns) : startOf(c);
        kernels.multiply(c, left, columnsOf(b, from, columns), begin);
      }
      assert.deepEqual(pieces.data, whole.data);

      kernels.tanh(whole);
      kernels.batchNormRunning(whole, whole, mean, variance, scale, shift, { epsilon: 0.01 });
      for (let i = 0; i < M; i++) {
        const row = apart.rowRange(i, i + 1);
        kernels.tanh(row);
        kernels.batchNormRunning(row, row, mean, variance, scale, shift, { epsilon: 0.01 });
      }
      assert.deepEqual(apart.data, whole.data);
    }
  }
});

test("WebAssembly: tanh is within 1.5 units in the last place of Float32 (4 are promised) and never decreases", async () => {
  const kernels = await createWasmKernels(MEBIBYTE);
  // Every 4001st float from 2⁻²⁷ to 16, in order.
  const [start, end, step] = [0x32000000, 0x41800000, 4001];
  const length = Math.floor((end - start) / step);
  const x = new Matrix(kernels.allocate(vectorBytes(length) / 4), 1, length, vectorBytes(length) / 4);
  const bits = new Uint32Array(x.data.buffer, x.data.byteOffset, length);
  for (let i = 0; i < length; i++) bits[i] = start + i * step;
  const values = Array.from(x.data.subarray(0, length));
  kernels.tanh(x);
  const ulp = new Float32Array(1);
  const ulpBits = new Uint32Array(ulp.buffer);
  let worst = 0;
  for (let i = 0; i < length; i++) {
    const expected = tanh(values[i]);
    ulp[0] = expected;
    ulpBits[0] = (ulpBits[0] & 0x7f800000) - (23 << 23);
    worst = Math.max(worst, Math.abs(x.data[i] - expected) / ulp[0]);
    assert.ok(i === 0 || x.data[i] >= x.data[i - 1], `tanh decreases at ${values[i]}`);
  }
  assert.ok(worst <= 1.5, `${worst} units`);
});

test("WebAssembly: the memory holds what was asked for, and allocate throws when it is used up", async () => {
  const kernels = await createWasmKernels(vectorBytes(65536 / 4) + vectorBytes(1) + vectorBytes(17));
  const vectors = [65536 / 4, 1, 17].map((length) => kernels.allocate(length));
  for (const vector of vectors) assert.equal(vector.byteOffset % 64, 0);
  assert.equal(vectors[2].byteOffset - vectors[1].byteOffset, 64);
  assert.throws(() => kernels.allocate(100_000), {
    message:
      "Kernels.allocate length: expected 0 to 0 numbers, got 100000. " +
      "The kernels' memory has one size, set when they are created: create them with more.",
  });
  assert.equal(kernels.allocate(0).length, 0);
  assert.throws(() => kernels.allocate(1), /expected 0 to 0 numbers, got 1/);
  for (const bytes of [-1000, NaN, Infinity, 4 * 1024 * MEBIBYTE]) {
    await assert.rejects(createWasmKernels(bytes), /createWasmKernels bytes: expected/);
  }
});

test("WebAssembly: vectors of other kernels and shapes that do not match are refused, and nothing is written", async () => {
  const [kernels, others] = await Promise.all([createWasmKernels(MEBIBYTE), createWasmKernels(MEBIBYTE)]);
  const own = (rows: number, columns: number) => draw(kernels, new Random(1), rows, columns);
  const foreign = [draw(others, new Random(2), 4, 4), new Matrix(new Float32Array(64), 4, 4, 16)];
  const copies = foreign.map(({ data }) => data.slice());
  const x = own(4, 4);
  const before = x.data.slice();
  const fine = x.data.subarray(0, 4);
  for (const { data, ...shape } of foreign) {
    const f = new Matrix(data, shape.rows, shape.columns, shape.rowStride);
    const v = data.subarray(0, 4);
    const calls: (() => void)[] = [
      () => kernels.multiply(f, x, x, null),
      () => kernels.multiply(x, f, x, null),
      () => kernels.multiply(x, x, f, null),
      () => kernels.multiply(x, x, x, f),
      () => kernels.transpose(f, x),
      () => kernels.transpose(x, f),
      () => kernels.sumRows(v, x),
      () => kernels.sumRows(fine, f),
      () => kernels.subtractRow(f, x, fine),
      () => kernels.subtractRow(x, f, fine),
      () => kernels.subtractRow(x, x, v),
      () => kernels.relu(f),
      () => kernels.reluGradient(f, x),
      () => kernels.reluGradient(x, f),
      () => kernels.tanh(f),
      () => kernels.tanhGradient(f, x),
      () => kernels.tanhGradient(x, f),
    ];
    for (let at = 0; at < 8; at++) {
      const [p0, p1] = [0, 1].map((p) => (at === p ? f : x));
      const [p2, p3, p4] = [2, 3, 4].map((p) => (at === p ? v : fine));
      const [p5, p6, p7] = [at === 5 ? f : x, at === 6 ? v : fine, at === 7 ? v : fine];
      calls.push(() => kernels.batchNorm(p0, p1, p2, p3, p4, p5, p6, p7, { epsilon: 1 }));
    }
    for (let at = 0; at < 6; at++) {
      const [p0, p1] = [0, 1].map((p) => (at === p ? f : x));
      const [p2, p3, p4, p5] = [2, 3, 4, 5].map((p) => (at === p ? v : fine));
      calls.push(() => kernels.batchNormRunning(p0, p1, p2, p3, p4, p5, { epsilon: 1 }));
      const [q0, q3] = [at === 0 ? f : x, at === 3 ? f : x];
      const [q1, q2, q4, q5] = [1, 2, 4, 5].map((p) => (at === p ? v : fine));
      calls.push(() => kernels.batchNormGradient(q0, q1, q2, q3, q4, q5));
    }
    for (let at = 0; at < 6; at++) {
      const [p0, p1, p3] = [0, 1, 3].map((p) => (at === p ? f : x));
      const [p2, p4, p5] = [2, 4, 5].map((p) => (at === p ? v : fine));
      calls.push(() => kernels.layerNorm(p0, p1, p2, p3, p4, p5, { epsilon: 1 }));
    }
    for (let at = 0; at < 4; at++) {
      const [p0, p1] = [0, 1].map((p) => (at === p ? f : x));
      const [p2, p3] = [2, 3].map((p) => (at === p ? v : fine));
      calls.push(() => kernels.layerNormGradient(p0, p1, p2, p3));
      calls.push(() => kernels.scaleAndShiftGradient(p2, p3, p0, p1));
    }
    const step = { stepSize: 1, correction: 1, beta1: 0.5, beta2: 0.5, epsilon: 1, weightDecay: 0, squares: 0 };
    for (let at = 0; at < 4; at++) {
      const [p0, p1, p2, p3] = [0, 1, 2, 3].map((p) => (at === p ? v : fine));
      calls.push(() => kernels.adam(p0, p1, p2, p3, step));
    }
    calls.push(
      () => kernels.flush(v),
      () => kernels.softUpdate(v, fine, { rate: 0.5 }),
      () => kernels.softUpdate(fine, v, { rate: 0.5 }),
    );
    for (const call of calls) assert.throws(call, /expected a vector from these kernels' own allocate/, `${call}`);
  }
  assert.deepEqual(
    foreign.map(({ data }) => data),
    copies,
  );

  const misfits: (() => void)[] = [
    () => kernels.multiply(own(4, 4), own(4, 5), own(4, 4), null),
    () => kernels.multiply(own(3, 4), own(4, 4), own(4, 4), null),
    () => kernels.multiply(own(4, 5), own(4, 4), own(4, 4), null),
    () => kernels.multiply(own(4, 4).transposed, own(4, 4), own(4, 4), null),
    () => kernels.multiply(own(4, 4), own(4, 4), own(4, 4), own(3, 4)),
    () => kernels.multiply(own(4, 4), own(4, 4), own(4, 4), own(1, 5)),
    () => kernels.transpose(own(4, 5), own(4, 5)),
    () => kernels.relu(new Matrix(kernels.allocate(64), 4, 4)),
    () => kernels.relu(new Matrix(kernels.allocate(64), 5, 4, 16)),
    () => kernels.sumRows(kernels.allocate(4).subarray(1), own(4, 3)),
    () => kernels.sumRows(kernels.allocate(4), own(4, 5)),
    () => kernels.subtractRow(own(4, 4), own(4, 4), kernels.allocate(3)),
    () => kernels.subtractRow(own(4, 4), own(5, 4), kernels.allocate(4)),
    () => kernels.layerNormGradient(own(17, 4), own(17, 4), kernels.allocate(16), kernels.allocate(4)),
    () => kernels.softUpdate(kernels.allocate(40), kernels.allocate(33), { rate: 0.5 }),
  ];
  for (const call of misfits) assert.throws(call, /^Error: Kernels: expected/, `${call}`);
  assert.deepEqual(x.data, before);
});

test("WebAssembly: every engine gives the same bits", async () => {
  const kernels = await createWasmKernels(MEBIBYTE);
  const random = new Random("bits");
  const make = (rows: number, columns: number, low = -1) => draw(kernels, random, rows, columns, low);
  const row = (low = -1) => make(1, 37, low).data;
  const hashes: Record<string, string> = {};
  const record = (name: string, ...outputs: Vector[]) => {
    hashes[name] = fnv1a(outputs);
  };
  const [b, c, x, y, g] = [make(23, 37), make(19, 37), make(19, 37), make(19, 37), make(19, 37)];
  kernels.multiply(c, make(19, 23), b, null);
  kernels.multiply(c, make(23, 19).transposed, b, c);
  record("multiply", c.data);
  const turned = make(37, 19);
  kernels.transpose(turned, x);
  record("transpose", turned.data);
  const bias = make(1, 37);
  const [s0, s1, s2] = [row(), row(), row()];
  kernels.sumRows(s0, x);
  record("sumRows", s0);
  const rectified = make(19, 37);
  kernels.relu(rectified);
  kernels.reluGradient(g, rectified);
  record("relu", rectified.data, g.data);
  for (let p = 0; p < c.data.length; p++) c.data[p] *= 1.5;
  kernels.tanh(c);
  kernels.tanhGradient(g, c);
  record("tanh", c.data, g.data);
  const normalized = make(19, 37);
  const scale = row();
  kernels.batchNorm(y, normalized, s0, s1, s2, x, scale, row(), { epsilon: 0.01 });
  record("batchNorm", y.data, normalized.data, s0, s1, s2);
  kernels.batchNormGradient(x, s1, s2, normalized, s0, scale);
  record("batchNormGradient", x.data, s1, s2);
  kernels.batchNormRunning(y, normalized, s1, row(0), scale, row(), { epsilon: 0.01 });
  record("batchNormRunning", y.data);
  const [p, m, v] = [row(), row(), row(0)];
  const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  const step = { stepSize: 0.01, correction: 0.3, ...betas, squares: NaN };
  kernels.adam(p, row(), m, v, step);
  record("adam", p, m, v, new Float64Array([step.squares]));
  kernels.softUpdate(p, row(), { rate: 0.001 });
  record("softUpdate", p);
  kernels.multiply(y, make(19, 23), b, bias);
  const column = make(19, 1);
  kernels.multiply(column, y, make(37, 1), make(1, 1));
  record("multiply with a row", y.data, column.data);
  const deviation = make(1, 19).data;
  kernels.layerNorm(y, c, deviation, x, row(), row(), { epsilon: 0.01 });
  record("layerNorm", y.data, c.data, deviation);
  kernels.scaleAndShiftGradient(s1, s2, g, c);
  record("scaleAndShiftGradient", s1, s2);
  kernels.layerNormGradient(g, c, deviation, row());
  record("layerNormGradient", g.data);
  assert.deepEqual(hashes, {
    multiply: "17d7cb56",
    transpose: "82becdef",
    sumRows: "fdd6b405",
    relu: "2aa66766",
    tanh: "a228d98e",
    batchNorm: "fa867d7e",
    batchNormGradient: "7b4efd02",
    batchNormRunning: "71b9ade0",
    adam: "c5df9241",
    softUpdate: "9c582eca",
    "multiply with a row": "5d3e1a3a",
    layerNorm: "c7660738",
    scaleAndShiftGradient: "63e65ac8",
    layerNormGradient: "72fd2ca1",
  });
});

function draw(kernels: Kernels, random: Random, rows: number, columns: number, low = -1): Matrix {
  const rowStride = vectorBytes(columns) / 4;
  const out = new Matrix(kernels.allocate(rows * rowStride), rows, columns, rowStride);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.set(i, j, random.uniform(low, 1));
  return out;
}

/** The 32-bit FNV-1a hash of the bytes. */
function fnv1a(vectors: Vector[]): string {
  let h = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of vectors) {
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) h = Math.imul(h ^ byte, 0x01000193);
  }
  return (h >>> 0).toString(16).padStart(8, "0");
}
