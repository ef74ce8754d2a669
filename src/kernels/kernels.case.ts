// The cases that the kernels of every backend pass. Expected values are calculated here, by hand or in plain Float64
// loops, never by another implementation. Before each call, outputs and their padding are NaN.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fusedMultiplyAdd } from "../base/fused.ts";
import { Random } from "../base/random.ts";
import type { Backend } from "./backend.ts";
import type { KernelName, Kernels } from "./kernels.ts";
import { Matrix, type Vector } from "./matrix.ts";
import { kernelNames } from "./signatures.ts";

const SIZES = [1, 3, 4, 5, 15, 16, 17, 33, 64];
const GUARDS = 256;

/** The numbers that a kernel may allocate in a case. */
const NUMBERS = 8 * 1024 * 1024;

/** What a product's sums start with. */
type Start = "zeros" | "C" | "a row";

/**
 * Registers the cases of a backend. Each one names the kernels that it is about, and fails if it does not call them.
 * Errors are at most `tolerance` × the sum of the absolute values that were added up. Products have every bit.
 */
export function kernelCases(backend: Backend, tolerance: number): void {
  const covered = new Set<KernelName>();
  const create = () => backend.create(NUMBERS, () => 0);

  describe(`${backend.name} kernels, ${backend.arithmetic} arithmetic`, () => {
    const within = `within ${tolerance} of the sum of absolute terms`;

    function kernelCase(
      names: readonly KernelName[],
      title: string,
      body: (create: () => Promise<Kernels>) => Promise<void>,
    ): void {
      for (const name of names) covered.add(name);
      test(`${names.join(", ")}: ${title}`, async () => {
        const called = new Set<KernelName>();
        await body(async () => recording(await create(), called));
        for (const name of names) assert.ok(called.has(name), `the case does not call ${name}`);
      });
    }

    test("allocate returns as many zeros as asked for, and each vector has its own", async () => {
      const kernels = await create();
      const vectors = [1, 15, 16, 17, 0, 100].map((length) => {
        const vector = kernels.allocate(length);
        assert.equal(vector.length, length);
        assert.ok(vector.every((value) => value === 0));
        return vector.fill(length);
      });
      for (const vector of vectors) assert.ok(vector.every((value) => value === vector.length));
    });

    test("a two by two example of every kernel, by hand", async () => {
      const kernels = await create();
      const make = (rows: number[][]) => matrix(kernels, rows.length, rows[0].length, (i, j) => rows[i][j]);
      const row = (...values: number[]) => vector(kernels, values.length, (j) => values[j]);
      const a = make([
        [1, 2],
        [3, 4],
      ]);
      const b = make([
        [5, 6],
        [7, 8],
      ]);
      const c = output(kernels, 2, 2);
      const is = (x: Matrix, ...rows: number[][]) => {
        assert.deepEqual(rowsOf(x), rows);
        assertPadded(x);
      };
      kernels.multiply(c, a, b, null);
      is(c, [19, 22], [43, 50]);
      kernels.multiply(c, a, b, c);
      is(c, [38, 44], [86, 100]);
      kernels.multiply(c, a, b, make([[0.5, -1]]));
      is(c, [19.5, 21], [43.5, 49]);
      kernels.multiply(c, a.transposed, b, null);
      is(c, [26, 30], [38, 44]);
      kernels.transpose(c, a);
      is(c, [1, 3], [2, 4]);
      const sums = row(NaN, NaN);
      kernels.sumRows(sums, a);
      assert.deepEqual([...sums], [4, 6]);
      kernels.subtractRow(c, a, a.data);
      is(c, [0, 0], [2, 2]);
      kernels.subtractRow(c, a, row(1, -1));
      is(c, [0, 3], [2, 5]);

      const x = make([[-1, 3]]);
      kernels.relu(x);
      is(x, [0, 3]);
      const g = make([[5, 7]]);
      kernels.reluGradient(g, x);
      is(g, [0, 7]);
      kernels.tanhGradient(g, make([[0.25, 0.5]]));
      is(g, [0, 5.25]);

      const [p2, sums2] = [output(kernels, 2, 2), output(kernels, 2, 2)];
      kernels.softmax(
        p2,
        sums2,
        make([
          [5, 5],
          [0, -2000],
        ]),
      );
      is(p2, [0.5, 0.5], [1, 0]);
      is(sums2, [5, 2], [0, 1]);

      // Mean 2, variance 1, √(1 + 3) = 2.
      const [y, normalized] = [output(kernels, 2, 1), output(kernels, 2, 1)];
      const [inverse, mean, variance, scaleGradient, shiftGradient] = [1, 2, 3, 4, 5].map(() => row(NaN));
      kernels.batchNorm(y, normalized, inverse, mean, variance, make([[1], [3]]), row(2), row(10), { epsilon: 3 });
      is(y, [9], [11]);
      is(normalized, [-0.5], [0.5]);
      assert.deepEqual([inverse[0], mean[0], variance[0]], [0.5, 2, 1]);
      const d = make([[1], [0]]);
      kernels.batchNormGradient(d, scaleGradient, shiftGradient, normalized, inverse, row(2));
      is(d, [0.375], [-0.375]);
      assert.deepEqual([scaleGradient[0], shiftGradient[0]], [-0.5, 1]);
      kernels.batchNormRunning(y, make([[5], [1]]), row(1), row(1), row(3), row(4), { epsilon: 3 });
      is(y, [10], [4]);

      // The same numbers in a row.
      const [layered, rowNormalized] = [output(kernels, 1, 2), output(kernels, 1, 2)];
      kernels.layerNorm(layered, rowNormalized, inverse, make([[1, 3]]), row(2, 4), row(10, 20), { epsilon: 3 });
      is(layered, [9, 22]);
      is(rowNormalized, [-0.5, 0.5]);
      assert.equal(inverse[0], 0.5);
      const [scaleGradients, shiftGradients] = [row(NaN, NaN), row(NaN, NaN)];
      const e = make([[4, 1]]);
      kernels.scaleAndShiftGradient(scaleGradients, shiftGradients, e, rowNormalized);
      assert.deepEqual([...scaleGradients, ...shiftGradients], [-2, 0.5, 4, 1]);
      // γ g = 8, 4: mean 6, and −1 along x̂.
      kernels.layerNormGradient(e, rowNormalized, inverse, row(2, 4));
      is(e, [0.75, -0.75]);

      const [p, m, v] = [row(1), row(0), row(0)];
      const betas = { beta1: 0.5, beta2: 0.75, epsilon: 1, weightDecay: 0.5 };
      const step = { stepSize: 3, correction: 0.5, ...betas, squares: NaN };
      kernels.adam(p, row(1.5), m, v, step);
      assert.equal(step.squares, 2.25);
      assert.deepEqual([m[0], v[0], p[0]], [1, 1, 0]);
      const tiny = row(1.1e-38, -1.1e-38, 1.2e-38, -1.2e-38, 0, NaN, -Infinity);
      const kept = Array.from(tiny, (value, i) => (i < 2 ? 0 : value));
      kernels.flush(tiny);
      assert.deepEqual([...tiny].map(Math.abs), kept.map(Math.abs));
      kernels.softUpdate(m, row(9), { rate: 0.25 });
      assert.deepEqual([...m], [3]);
    });

    for (const start of ["zeros", "C", "a row"] as const) {
      kernelCase(["multiply"], `A · B + ${start}, A by rows, by columns and strided, every bit`, async (create) => {
        for (const M of SIZES) {
          const kernels = await create();
          const random = new Random(M);
          for (const N of SIZES) {
            for (const K of SIZES) {
              for (const a of views(kernels, random, M, K)) multiplyCase(kernels, random, a, N, start);
            }
          }
        }
      });
    }

    function multiplyCase(kernels: Kernels, random: Random, a: Matrix, N: number, start: Start): void {
      const [M, K] = [a.rows, a.columns];
      const b = matrix(kernels, K, N, () => random.uniform(-1, 1));
      const draw = (rows: number) => matrix(kernels, rows, N, () => random.uniform(-1, 1));
      const c = start === "C" ? draw(M) : output(kernels, M, N);
      const from = start === "zeros" ? null : start === "C" ? c : draw(1);
      const before = from === null ? [] : rowsOf(from);
      kernels.multiply(c, a, b, from);
      const round = c.data instanceof Float32Array ? Math.fround : (x: number) => x;
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          let expected = before.length === 0 ? 0 : before[before.length === 1 ? 0 : i][j];
          for (let k = 0; k < K; k++) {
            const [x, y] = [a.at(i, k), b.at(k, j)];
            expected =
              kernels.arithmetic === "fused" ? fusedMultiplyAdd(x, y, expected) : round(expected + round(x * y));
          }
          if (c.at(i, j) === expected) continue;
          const strides = `strides ${a.rowStride}, ${a.columnStride}`;
          assert.fail(`${M}×${K} (${strides}) · ${K}×${N} at ${i}, ${j}: expected ${expected}, got ${c.at(i, j)}`);
        }
      }
      assertPadded(c);
    }

    function assertNear(actual: number, expected: number, size: number, where: () => string): void {
      if (Math.abs(actual - expected) <= tolerance * size) return;
      assert.fail(`${where()}: expected ${expected} ± ${tolerance} × ${size}, got ${actual}`);
    }

    kernelCase(["transpose"], "exact, sizes around a vector's width", async (create) => {
      for (const rows of SIZES) {
        const kernels = await create();
        for (const columns of SIZES) {
          const x = matrix(kernels, rows, columns, (i, j) => 100 * i + j + 1);
          const out = output(kernels, columns, rows);
          kernels.transpose(out, x);
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < columns; j++) assert.equal(out.at(j, i), 100 * i + j + 1, `${rows}×${columns}`);
          }
          assertPadded(out);
        }
      }
    });

    kernelCase(["sumRows"], within, async (create) => {
      for (const rows of SIZES) {
        const kernels = await create();
        const random = new Random(rows);
        for (const columns of SIZES) {
          const x = matrix(kernels, rows, columns, () => random.uniform(-1, 1));
          const out = vector(kernels, columns);
          kernels.sumRows(out, x);
          for (let j = 0; j < columns; j++) {
            const column = columnOf(x, j);
            assertNear(out[j], sum(column), sum(column.map(Math.abs)), () => `${rows}×${columns} at ${j}`);
          }
          assertVectorPadded(kernels, out);
        }
      }
    });

    kernelCase(["relu", "reluGradient"], "exact; the gradient is 0 at 0; relu keeps NaN", async (create) => {
      const kernels = await create();
      const random = new Random(1);
      for (const columns of SIZES) {
        const special = [0, NaN, -3, Infinity, -Infinity, 3];
        const x = matrix(kernels, 5, columns, (i, j) => special[(5 * i + j) % 9] ?? random.uniform(-1, 1));
        const g = matrix(kernels, 5, columns, () => random.uniform(1, 2));
        const [before, gradients] = [rowsOf(x), rowsOf(g)];
        kernels.relu(x);
        kernels.reluGradient(g, x);
        for (let i = 0; i < 5; i++) {
          for (let j = 0; j < columns; j++) {
            const value = before[i][j];
            assert.equal(x.at(i, j), Math.max(0, value));
            assert.equal(g.at(i, j), value > 0 ? gradients[i][j] : 0);
          }
        }
        assertPadded(x);
        assertPadded(g);
      }
    });

    kernelCase(["tanh", "tanhGradient"], `all magnitudes, within ${tolerance} of itself; odd`, async (create) => {
      const kernels = await create();
      const random = new Random(1);
      const values = [0, 1e-45, 1e-40, 9, 9.01, 9.02, 10, 20, 88, 100, 710, 3e38, Infinity];
      for (let i = 0; i <= 4000; i++) values.push(i / 400);
      for (let scale = 1e-37; scale < 1e38; scale *= 1.7) values.push(scale * random.uniform(1, 1.7));
      for (const columns of [1, 5, 16, 33]) {
        const rows = Math.ceil(values.length / columns);
        const make = (sign: number) => matrix(kernels, rows, columns, (i, j) => sign * (values[i * columns + j] ?? 1));
        const [x, positive, negative] = [make(1), make(1), make(-1)];
        kernels.tanh(positive);
        kernels.tanh(negative);
        const g = matrix(kernels, rows, columns, () => random.uniform(-1, 1));
        const before = rowsOf(g);
        kernels.tanhGradient(g, positive);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const [y, expected] = [positive.at(i, j), tanh(x.at(i, j))];
            // One unit of the smallest numbers is allowed, because a relative error has no meaning below that.
            assertNear(y, expected, expected + 1.5e-45 / tolerance, () => `tanh ${x.at(i, j)}`);
            assert.ok(y <= 1);
            assert.equal(negative.at(i, j), -y);
            assertNear(g.at(i, j), before[i][j] * (1 - y * y), Math.abs(before[i][j]), () => `gradient at y = ${y}`);
          }
        }
        for (const result of [positive, negative, g]) assertPadded(result);
      }
      const special = matrix(kernels, 1, 4, (_, j) => [NaN, Infinity, -Infinity, -0][j]);
      kernels.tanh(special);
      assert.deepEqual(rowsOf(special), [[NaN, 1, -1, -0]]);
    });

    kernelCase(["softmax"], `probabilities, the largest number and the sum of each row, ${within}`, async (create) => {
      for (const columns of SIZES) {
        const kernels = await create();
        const random = new Random(columns);
        for (const [offset, spread] of [
          [0, 1],
          [-1000, 5],
          [3e30, 0],
          [40, 80],
        ]) {
          const x = matrix(kernels, 9, columns, () => offset + spread * random.uniform(-1, 1));
          // The largest is at every place once, so that none is left out.
          for (let i = 0; i < 9; i++) x.set(i, (i * 7) % columns, offset + 1.01 * spread);
          const [p, sums] = [output(kernels, 9, columns), output(kernels, 9, 2)];
          const before = rowsOf(x);
          kernels.softmax(p, sums, x);
          assert.deepEqual(rowsOf(x), before);
          for (let i = 0; i < 9; i++) {
            const largest = Math.max(...before[i]);
            const powers = before[i].map((value) => Math.exp(value - largest));
            const where = () => `${columns} columns at row ${i} of ${offset} ± ${spread}`;
            assert.equal(sums.at(i, 0), largest, where());
            assertNear(sums.at(i, 1), sum(powers), sum(powers), where);
            for (const [k, power] of powers.entries()) {
              const expected = power / sum(powers);
              // x − m is rounded, and a fast kernel has 0 where its power leaves the normal numbers.
              const rounding = 1 + (largest - before[i][k]);
              assertNear(p.at(i, k), expected, rounding * expected + 2e-38 / tolerance, where);
            }
          }
          assertPadded(p);
          assertPadded(sums);
        }
        // Subtracted from itself, ∞ is not a number, and it must be noticed.
        for (const wrong of [NaN, Infinity]) {
          for (let j = 0; j < columns; j++) {
            const x = matrix(kernels, 1, columns, (_, k) => (k === j ? wrong : 0));
            const [p, sums] = [output(kernels, 1, columns), output(kernels, 1, 2)];
            kernels.softmax(p, sums, x);
            assert.deepEqual(new Set(rowsOf(p).flat()), new Set([NaN]), `${wrong} at ${j} of ${columns}`);
            assertPadded(p);
          }
        }
      }
    });

    kernelCase(["subtractRow"], "every difference rounded once, and 0 for a column of one number", async (create) => {
      const kernels = await create();
      const random = new Random(3);
      for (const [rows, columns] of [
        [1, 1],
        [3, 17],
        [64, 400],
      ]) {
        const x = matrix(kernels, rows, columns, (_, j) => (j % 2 ? random.uniform(-1, 1) : 293.15 + j));
        const out = output(kernels, rows, columns);
        kernels.subtractRow(out, x, x.data);
        const round = (value: number) => (x.data instanceof Float32Array ? Math.fround(value) : value);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            assert.equal(out.at(i, j), j % 2 ? round(x.at(i, j) - x.at(0, j)) : 0, `${rows}×${columns} at ${i}, ${j}`);
          }
        }
        assertPadded(out);
      }
    });

    kernelCase(["batchNorm", "batchNormRunning"], within, async (create) => {
      for (const rows of [1, 2, 5, 16, 64]) {
        const kernels = await create();
        const random = new Random(rows);
        for (const columns of SIZES) {
          const x = matrix(kernels, rows, columns, (_, j) => 3 * random.uniform(-1, 1) + (j % 3));
          const scale = vector(kernels, columns, () => random.uniform(-2, 2));
          const shift = vector(kernels, columns, () => random.uniform(-2, 2));
          const [y, normalized, running] = [1, 2, 3].map(() => output(kernels, rows, columns));
          const [inverse, mean, variance] = [1, 2, 3].map(() => vector(kernels, columns));
          const epsilon = 0.01;
          kernels.batchNorm(y, normalized, inverse, mean, variance, x, scale, shift, { epsilon });
          kernels.batchNormRunning(running, x, mean, variance, scale, shift, { epsilon });
          for (let j = 0; j < columns; j++) {
            const column = columnOf(x, j);
            const m = sum(column) / rows;
            const v = sum(column.map((value) => (value - m) * (value - m))) / rows;
            const root = Math.sqrt(v + epsilon);
            const size = Math.max(...column.map(Math.abs));
            const where = () => `${rows}×${columns} at column ${j}`;
            assertNear(mean[j], m, size, () => `mean, ${where()}`);
            assertNear(variance[j], v, size * size, () => `variance, ${where()}`);
            // A relative error of the variance is magnified: dr / r = dv / 2 (v + ε).
            const magnified = 1 + (size * size) / (v + epsilon);
            assertNear(inverse[j], 1 / root, magnified / root, () => `inverse deviation, ${where()}`);
            for (let i = 0; i < rows; i++) {
              const n = (x.at(i, j) - m) / root;
              const bound = (size / root) * magnified;
              assertNear(normalized.at(i, j), n, bound, () => `normalized, ${where()}`);
              for (const result of [y, running]) {
                const expected = scale[j] * n + shift[j];
                assertNear(result.at(i, j), expected, Math.abs(scale[j]) * bound + Math.abs(shift[j]), where);
              }
            }
          }
          for (const result of [y, normalized, running]) assertPadded(result);
          for (const result of [inverse, mean, variance]) assertVectorPadded(kernels, result);
          // In place, with the same bits.
          kernels.batchNorm(x, normalized, inverse, mean, variance, x, scale, shift, { epsilon });
          assert.deepEqual(rowsOf(x), rowsOf(y));
          assertPadded(x);
        }
      }
    });

    kernelCase(["batchNormGradient"], within, async (create) => {
      for (const rows of [1, 2, 5, 16, 64]) {
        const kernels = await create();
        const random = new Random(rows);
        for (const columns of SIZES) {
          const g = matrix(kernels, rows, columns, () => random.uniform(-1, 1));
          const normalized = matrix(kernels, rows, columns, () => random.uniform(-2, 2));
          const inverse = vector(kernels, columns, () => random.uniform(0.1, 3));
          const scale = vector(kernels, columns, () => random.uniform(-2, 2));
          const [scaleGradient, shiftGradient] = [vector(kernels, columns), vector(kernels, columns)];
          const before = rowsOf(g);
          kernels.batchNormGradient(g, scaleGradient, shiftGradient, normalized, inverse, scale);
          for (let j = 0; j < columns; j++) {
            const shifts = before.map((row) => row[j]);
            const scales = before.map((row, i) => row[j] * normalized.at(i, j));
            const where = () => `${rows}×${columns} at column ${j}`;
            const [shiftSize, scaleSize] = [sum(shifts.map(Math.abs)), sum(scales.map(Math.abs))];
            assertNear(shiftGradient[j], sum(shifts), shiftSize, () => `∂L/∂β, ${where()}`);
            assertNear(scaleGradient[j], sum(scales), scaleSize, () => `∂L/∂γ, ${where()}`);
            for (let i = 0; i < rows; i++) {
              const n = normalized.at(i, j);
              const factor = scale[j] * inverse[j];
              const expected = factor * (before[i][j] - (sum(shifts) + n * sum(scales)) / rows);
              const size = Math.abs(before[i][j]) + (shiftSize + Math.abs(n) * scaleSize) / rows;
              assertNear(g.at(i, j), expected, Math.abs(factor) * size, () => `∂L/∂x, ${where()}`);
            }
          }
          assertPadded(g);
          assertVectorPadded(kernels, scaleGradient);
          assertVectorPadded(kernels, shiftGradient);
        }
      }
    });

    const layerKernels = ["layerNorm", "layerNormGradient", "scaleAndShiftGradient"] as const;
    /** What the cases of layer normalization work with; all outputs are NaN. */
    function layerCase(kernels: Kernels, random: Random, rows: number, columns: number) {
      const draw = (): Matrix => matrix(kernels, rows, columns, (i) => 3 * random.uniform(-1, 1) + (i % 3));
      const [x, g] = [draw(), draw()];
      const [scale, shift] = [1, 2].map(() => vector(kernels, columns, () => random.uniform(-2, 2)));
      const [y, normalized] = [output(kernels, rows, columns), output(kernels, rows, columns)];
      const [scaleGradient, shiftGradient] = [vector(kernels, columns), vector(kernels, columns)];
      const inverse = vector(kernels, rows);
      const gradients = rowsOf(g);
      kernels.layerNorm(y, normalized, inverse, x, scale, shift, { epsilon });
      kernels.scaleAndShiftGradient(scaleGradient, shiftGradient, g, normalized);
      kernels.layerNormGradient(g, normalized, inverse, scale);
      return { x, y, normalized, inverse, scale, shift, gradients, g, scaleGradient, shiftGradient };
    }
    const epsilon = 0.01;

    kernelCase(layerKernels, `the formulas, ${within}`, async (create) => {
      for (const rows of [1, 2, 5, 16, 33]) {
        const kernels = await create();
        const random = new Random(rows);
        for (const columns of [...SIZES, 300]) {
          const made = layerCase(kernels, random, rows, columns);
          const { x, y, normalized, inverse, scale, shift, gradients, g, scaleGradient, shiftGradient } = made;
          for (let i = 0; i < rows; i++) {
            const row = rowsOf(x)[i];
            const mean = sum(row) / columns;
            const variance = sum(row.map((value) => (value - mean) * (value - mean))) / columns;
            const root = Math.sqrt(variance + epsilon);
            const size = Math.max(...row.map(Math.abs));
            const where = () => `${rows}×${columns} at row ${i}`;
            // A relative error of the variance is magnified, as in batch normalization.
            const magnified = 1 + (size * size) / (root * root);
            assertNear(inverse[i], 1 / root, magnified / root, () => `inverse deviation, ${where()}`);
            const h = gradients[i].map((value, j) => scale[j] * value);
            const products = h.map((value, j) => value * normalized.at(i, j));
            for (let j = 0; j < columns; j++) {
              const n = (row[j] - mean) / root;
              const bound = (size / root) * magnified;
              assertNear(normalized.at(i, j), n, bound, () => `normalized, ${where()}`);
              assertNear(y.at(i, j), scale[j] * n + shift[j], Math.abs(scale[j]) * bound + Math.abs(shift[j]), where);
              const own = normalized.at(i, j);
              const expected = inverse[i] * (h[j] - sum(h) / columns - (own * sum(products)) / columns);
              const along = Math.abs(own) * sum(products.map(Math.abs));
              const gradientSize = inverse[i] * (Math.abs(h[j]) + (sum(h.map(Math.abs)) + along) / columns);
              assertNear(g.at(i, j), expected, gradientSize, () => `∂L/∂x, ${where()}`);
            }
          }
          for (let j = 0; j < columns; j++) {
            const shifts = gradients.map((row) => row[j]);
            const scales = gradients.map((row, i) => row[j] * normalized.at(i, j));
            assertNear(shiftGradient[j], sum(shifts), sum(shifts.map(Math.abs)), () => `∂L/∂β at ${j}`);
            assertNear(scaleGradient[j], sum(scales), sum(scales.map(Math.abs)), () => `∂L/∂γ at ${j}`);
          }
          for (const result of [y, normalized, g]) assertPadded(result);
          for (const result of [inverse, scaleGradient, shiftGradient]) assertVectorPadded(kernels, result);
        }
      }
    });

    kernelCase(layerKernels, "every bit: 16 sums, then halves, and each operation rounded once", async (create) => {
      for (const rows of [1, 5, 17]) {
        const kernels = await create();
        const random = new Random(rows);
        for (const columns of [...SIZES, 300]) {
          const made = layerCase(kernels, random, rows, columns);
          const { x, y, normalized, inverse, scale, shift, gradients, g, scaleGradient, shiftGradient } = made;
          const round = x.data instanceof Float32Array ? Math.fround : (value: number) => value;
          const add = (a: number, b: number): number => round(a + b);
          const mean = (values: readonly number[]): number => {
            const lanes = Array.from({ length: 16 }, (_, lane) =>
              values.filter((_, j) => j % 16 === lane).reduce(add, 0),
            );
            const halves = (s: readonly number[]): number =>
              s.length === 1
                ? s[0]
                : halves(s.slice(0, s.length / 2).map((value, k) => add(value, s[s.length / 2 + k])));
            return round(halves(lanes) / columns);
          };
          for (let i = 0; i < rows; i++) {
            const row = rowsOf(x)[i];
            const center = mean(row);
            const distances = row.map((value) => round(value - center));
            const variance = mean(distances.map((value) => round(value * value)));
            const r = round(1 / round(Math.sqrt(round(variance + round(epsilon)))));
            const n = distances.map((value) => round(value * r));
            const h = gradients[i].map((value, j) => round(scale[j] * value));
            const [middle, along] = [mean(h), mean(h.map((value, j) => round(value * n[j])))];
            const where = `${rows}×${columns} at row ${i}`;
            assert.equal(inverse[i], r, where);
            assert.deepEqual(rowsOf(normalized)[i], n, where);
            const expected = n.map((value, j) => round(round(scale[j] * value) + shift[j]));
            assert.deepEqual(rowsOf(y)[i], expected, where);
            const rest = h.map((value, j) => round(round(value - middle) - round(n[j] * along)));
            const gradient = rest.map((value) => round(r * value));
            assert.deepEqual(rowsOf(g)[i], gradient, where);
          }
          for (let j = 0; j < columns; j++) {
            const column = gradients.map((row) => row[j]);
            assert.equal(shiftGradient[j], column.reduce(add, 0));
            assert.equal(scaleGradient[j], column.map((value, i) => round(value * normalized.at(i, j))).reduce(add, 0));
          }
          // In place, and without the normalized rows.
          const only = output(kernels, rows, columns);
          kernels.layerNorm(only, only, inverse, x, scale, shift, { epsilon });
          assert.deepEqual(rowsOf(only), rowsOf(y));
          assertPadded(only);
          kernels.layerNorm(x, only, inverse, x, scale, shift, { epsilon });
          assert.deepEqual([rowsOf(x), rowsOf(only)], [rowsOf(y), rowsOf(normalized)]);
          assertPadded(x);
        }
      }
    });

    kernelCase(
      ["layerNorm"],
      "equal numbers become 0; ∞ and NaN make NaN of their row, not of its padding",
      async (create) => {
        for (const columns of SIZES) {
          const kernels = await create();
          const values = [293.15, Number.NaN, 2, Infinity, 1];
          const x = matrix(kernels, 5, columns, (i, j) =>
            Number.isFinite(values[i]) || j === columns - 1 ? values[i] : 0,
          );
          const [y, normalized] = [output(kernels, 5, columns), output(kernels, 5, columns)];
          const [scale, shift] = [vector(kernels, columns, () => 2), vector(kernels, columns, (j) => j)];
          kernels.layerNorm(y, normalized, vector(kernels, 5), x, scale, shift, { epsilon });
          for (const [i, row] of rowsOf(normalized).entries()) {
            for (const value of row) {
              if (Number.isFinite(values[i]))
                assertNear(value, 0, 293.15 / Math.sqrt(epsilon), () => `row ${i} of ${columns}`);
              else assert.equal(value, Number.NaN);
            }
          }
          assertPadded(y);
          assertPadded(normalized);
        }
      },
    );

    // In Float32 a central difference is too inaccurate.
    if (tolerance < 1e-9) {
      kernelCase(["batchNormGradient"], "the derivative of batchNorm by central differences", async (create) => {
        const kernels = await create();
        const random = new Random(1);
        const [B, J] = [6, 3];
        const x = matrix(kernels, B, J, () => random.uniform(-1, 1));
        const scale = vector(kernels, J, () => random.uniform(0.5, 2));
        const shift = vector(kernels, J, () => random.uniform(-1, 1));
        const weight = matrix(kernels, B, J, () => random.uniform(-1, 1));
        const [y, normalized] = [output(kernels, B, J), output(kernels, B, J)];
        const [inverse, mean, variance] = [1, 2, 3].map(() => vector(kernels, J));
        const loss = () => {
          kernels.batchNorm(y, normalized, inverse, mean, variance, x, scale, shift, { epsilon: 0.01 });
          return sum(rowsOf(y).flatMap((row, i) => row.map((value, j) => value * weight.at(i, j))));
        };
        loss();
        const g = matrix(kernels, B, J, (i, j) => weight.at(i, j));
        const [scaleGradient, shiftGradient] = [vector(kernels, J), vector(kernels, J)];
        kernels.batchNormGradient(g, scaleGradient, shiftGradient, normalized, inverse, scale);
        for (const [numbers, gradients] of [
          [x.data, g.data],
          [scale, scaleGradient],
          [shift, shiftGradient],
        ]) {
          for (let p = 0; p < numbers.length; p++) {
            const [value, h] = [numbers[p], 1e-5];
            numbers[p] = value + h;
            const up = loss();
            numbers[p] = value - h;
            const down = loss();
            numbers[p] = value;
            const difference = (up - down) / (2 * h);
            assert.ok(Math.abs(gradients[p] - difference) <= 1e-7 * (1 + Math.abs(difference)), `${p}`);
          }
        }
      });
    }

    for (const weightDecay of [0, 0.01]) {
      kernelCase(["adam"], `five steps, weight decay ${weightDecay}, ${within}`, async (create) => {
        const kernels = await create();
        for (const P of [...SIZES, 1000]) {
          const random = new Random(P);
          const [alpha, beta1, beta2, epsilon] = [0.01, 0.9, 0.99, 1e-3];
          const parameters = vector(kernels, P, () => random.uniform(-1, 1));
          const [m, v] = [vector(kernels, P, () => 0), vector(kernels, P, () => 0)];
          const expected = Array.from(parameters, (p) => ({ p, m: 0, v: 0, mSize: 0, pSize: Math.abs(p) }));
          let [power1, power2] = [1, 1];
          for (let t = 1; t <= 5; t++) {
            const gradients = vector(kernels, P, () => random.uniform(-1, 1));
            power1 *= beta1;
            power2 *= beta2;
            const [stepSize, correction] = [alpha / (1 - power1), Math.sqrt(1 - power2)];
            const step = { stepSize, correction, beta1, beta2, epsilon, weightDecay, squares: NaN };
            kernels.adam(parameters, gradients, m, v, step);
            const square = sum(Array.from(gradients, (g) => g * g));
            assertNear(step.squares, square, square, () => `P = ${P}, squares`);
            for (let i = 0; i < P; i++) {
              const e = expected[i];
              const g = gradients[i] + weightDecay * e.p;
              e.m = beta1 * e.m + (1 - beta1) * g;
              e.mSize = beta1 * e.mSize + (1 - beta1) * Math.abs(g);
              e.v = beta2 * e.v + (1 - beta2) * g * g;
              const factor = stepSize / (Math.sqrt(e.v) / correction + epsilon);
              e.p -= factor * e.m;
              e.pSize += factor * e.mSize;
              const where = () => `P = ${P}, step ${t}, at ${i}`;
              assertNear(m[i], e.m, e.mSize, () => `m, ${where()}`);
              assertNear(v[i], e.v, e.v, () => `v, ${where()}`);
              assertNear(parameters[i], e.p, e.pSize, () => `parameter, ${where()}`);
            }
          }
          for (const result of [parameters, m, v]) assertVectorPadded(kernels, result);
        }
      });
    }

    kernelCase(["adam"], "the sum of squares is not finite if a gradient is not", async (create) => {
      const kernels = await create();
      for (const bad of [NaN, Infinity, -Infinity]) {
        for (let at = 0; at < 18; at++) {
          const gradients = vector(kernels, 18, (p) => (p === at ? bad : 1));
          const [p, m, v] = [1, 2, 3].map(() => vector(kernels, 18, () => 0));
          const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
          const step = { stepSize: 0.1, correction: 1, ...betas, squares: 0 };
          kernels.adam(p, gradients, m, v, step);
          assert.equal(Number.isFinite(step.squares), false, `${bad} at ${at}`);
        }
      }
    });

    kernelCase(["flush"], "exact around the smallest normal number; NaN and infinities stay", async (create) => {
      const kernels = await create();
      const smallest = 2 ** -126;
      const special = [smallest, smallest * (1 - 2 ** -23), 2 ** -149, 0, NaN, Infinity, 1];
      for (const P of SIZES) {
        const x = vector(kernels, P, (p) => (p % 2 ? -1 : 1) * special[p % special.length]);
        const expected = Array.from(x, (value) => (Math.abs(value) < smallest ? 0 : value));
        kernels.flush(x);
        for (let p = 0; p < P; p++) assert.equal(x[p] + 0, expected[p] + 0, `${P} numbers, at ${p}`);
        assertVectorPadded(kernels, x);
      }
    });

    kernelCase(["softUpdate"], `${within}; rate 0 changes nothing, rate 1 copies`, async (create) => {
      const kernels = await create();
      const random = new Random(1);
      for (const P of SIZES) {
        // Differences of multiples of 2⁻¹⁰ are exact, so rate 1 can copy exactly.
        const draw = () => (random.integer(8192) - 4096) / 1024;
        for (const rate of [0, 0.001, 0.3, 1]) {
          const [target, online] = [vector(kernels, P, draw), vector(kernels, P, draw)];
          const before = Array.from(target);
          kernels.softUpdate(target, online, { rate });
          for (let p = 0; p < P; p++) {
            const expected = rate * online[p] + (1 - rate) * before[p];
            if (rate === 0 || rate === 1) assert.equal(target[p], expected);
            const size = Math.abs(before[p]) + rate * (Math.abs(online[p]) + Math.abs(before[p]));
            assertNear(target[p], expected, size, () => `rate ${rate}, ${P} numbers, at ${p}`);
          }
          assertVectorPadded(kernels, target);
        }
      }
    });

    test("every kernel of the contract has a case", () => {
      const missing = kernelNames.filter((name) => !covered.has(name));
      assert.deepEqual(missing, []);
    });
  });
}

/** The same kernels, which add their names to `called`. */
function recording(kernels: Kernels, called: Set<KernelName>): Kernels {
  const recorded = kernelNames.map((name) => {
    const kernel = kernels[name] as (...values: unknown[]) => void;
    return [
      name,
      (...values: unknown[]) => {
        called.add(name);
        kernel(...values);
      },
    ];
  });
  return { ...kernels, ...Object.fromEntries(recorded) };
}

function roundUp(length: number, multiple: number): number {
  return Math.ceil(length / multiple) * multiple;
}

/** The number behind a vector at this index: different at every place. */
function guard(x: Vector, i: number): number {
  const value = 1 + ((x.byteOffset / x.BYTES_PER_ELEMENT + i) % 1009);
  // Every kernel must change some of them: relu only changes negative numbers, and flush only the smallest ones.
  return value % 3 === 0 ? -value : value % 3 === 1 ? value * 2 ** -149 : value;
}

/** `length` numbers, with guards behind them that no kernel may touch. */
function guarded(kernels: Kernels, length: number): Vector {
  const whole = kernels.allocate(length + GUARDS);
  for (let i = length; i < whole.length; i++) whole[i] = guard(whole, i);
  return whole.subarray(0, length);
}

/** A matrix with zeros in its padding. */
function matrix(kernels: Kernels, rows: number, columns: number, value: (i: number, j: number) => number): Matrix {
  const rowStride = roundUp(columns, kernels.rowMultiple);
  const out = new Matrix(guarded(kernels, rows * rowStride), rows, columns, rowStride);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.set(i, j, value(i, j));
  return out;
}

/** A matrix for output: all NaN. */
function output(kernels: Kernels, rows: number, columns: number): Matrix {
  const out = matrix(kernels, rows, columns, () => NaN);
  out.data.fill(NaN);
  return out;
}

/** A vector with zeros in its padding; without `value`, one for output: all NaN. */
function vector(kernels: Kernels, length: number, value?: (j: number) => number): Vector {
  const whole = guarded(kernels, roundUp(length, kernels.rowMultiple));
  if (value) for (let j = 0; j < length; j++) whole[j] = value(j);
  else whole.fill(NaN);
  return whole.subarray(0, length);
}

/** A [rows, columns] in the forms that a product accepts: by rows, by columns, and with both strides wide. */
function views(kernels: Kernels, random: Random, rows: number, columns: number): Matrix[] {
  const draw = () => random.uniform(-1, 1);
  const wide = kernels.allocate(rows * (3 * columns + 2)).fill(NaN);
  const strided = new Matrix(wide, rows, columns, 3 * columns + 2, 3);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) strided.set(i, j, draw());
  return [matrix(kernels, rows, columns, draw), matrix(kernels, columns, rows, draw).transposed, strided];
}

function assertPadded(x: Matrix): void {
  for (let i = 0; i < x.rows; i++) {
    for (let j = x.columns; j < x.rowStride; j++) {
      if (x.at(i, j) !== 0) assert.fail(`padding of row ${i} at ${j}: expected 0, got ${x.at(i, j)}`);
    }
  }
  assertUntouched(after(x.data, 0, GUARDS));
}

function assertVectorPadded(kernels: Kernels, x: Vector): void {
  const padding = roundUp(x.length, kernels.rowMultiple) - x.length;
  assert.ok(after(x, 0, padding).every((value) => value === 0));
  assertUntouched(after(x, padding, GUARDS));
}

function assertUntouched(guards: Vector): void {
  assert.ok(
    guards.every((value, i) => value === guard(guards, i)),
    "numbers after the end of an output were overwritten",
  );
}

/** `count` numbers of the memory, starting `start` numbers after the end of x. */
function after(x: Vector, start: number, count: number): Vector {
  const View = x instanceof Float32Array ? Float32Array : Float64Array;
  return new View(x.buffer as ArrayBuffer, x.byteOffset + (x.length + start) * x.BYTES_PER_ELEMENT, count);
}

function rowsOf(x: Matrix): number[][] {
  return Array.from({ length: x.rows }, (_, i) => Array.from({ length: x.columns }, (_, j) => x.at(i, j)));
}

function columnOf(x: Matrix, j: number): number[] {
  return Array.from({ length: x.rows }, (_, i) => x.at(i, j));
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** tanh x for x ≥ 0 by a series near zero and tanh 2t = 2 tanh t / (1 + tanh² t). */
function tanh(x: number): number {
  if (x > 20) return 1;
  let t = x;
  let doublings = 0;
  for (; t > 1 / 128; t /= 2) doublings++;
  const s = t * t;
  t *= 1 - s * (1 / 3 - s * (2 / 15 - s * (17 / 315 - (s * 62) / 2835)));
  for (; doublings > 0; doublings--) t = (2 * t) / (1 + t * t);
  return t;
}
