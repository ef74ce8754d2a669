// What each kernel means: plain loops in the order of the formulas, never optimized. In Float64 it checks gradients, in
// Float32 it is compared with the fast implementation. Float32 sums are calculated in Float64, except those of a product and
// of layer normalization, whose bits are fixed.
import { expect } from "../base/expect.ts";
import { fusedMultiplyAdd } from "../base/fused.ts";
import { exp, tanh } from "../base/math.ts";
import type { Backend } from "./backend.ts";
import type { Arithmetic, Kernels } from "./kernels.ts";
import type { Matrix } from "./matrix.ts";

type Width = Float32ArrayConstructor | Float64ArrayConstructor;

/** The reference as a backend, for tests. Files hold Float32 numbers, so saving a Float64 agent loses bits. */
export function referenceBackend(width: Width, arithmetic: Arithmetic = "portable"): Backend {
  const fuses = width === Float32Array;
  expectPossible(width, arithmetic);
  return {
    name: fuses ? "reference32" : "reference64",
    rowMultiple: 1,
    arithmetic,
    create: async () => createReferenceKernels(width, arithmetic),
    ...(fuses && { withArithmetic: async (other) => referenceBackend(width, other) }),
  };
}

/**
 * The kernels over ordinary arrays of the given width, without padding. Only Float32 has fused steps: Float64 with them is
 * refused.
 */
export function createReferenceKernels(width: Width, arithmetic: Arithmetic = "portable"): Kernels {
  expectPossible(width, arithmetic);
  const round = width === Float32Array ? Math.fround : (x: number) => x;
  const step =
    arithmetic === "fused" ? fusedMultiplyAdd : (a: number, b: number, sum: number) => round(sum + round(a * b));
  /** The sum of `columns` numbers in the order of the contract: 16 sums of every 16th one, then halves. */
  function rowSum(columns: number, at: (j: number) => number): number {
    const sums = new Array<number>(16).fill(0);
    for (let j = 0; j < columns; j++) sums[j % 16] = round(sums[j % 16] + at(j));
    for (let half = 8; half >= 1; half /= 2) {
      for (let lane = 0; lane < half; lane++) sums[lane] = round(sums[lane] + sums[lane + half]);
    }
    return sums[0];
  }

  return {
    rowMultiple: 1,
    threads: 1,
    arithmetic,

    allocate(length) {
      return new width(length);
    },

    multiply(c, a, b, start) {
      for (let i = 0; i < c.rows; i++) {
        for (let j = 0; j < c.columns; j++) {
          let sum = start === null ? 0 : start.at(start.rows === 1 ? 0 : i, j);
          for (let k = 0; k < a.columns; k++) sum = step(a.at(i, k), b.at(k, j), sum);
          c.set(i, j, sum);
        }
      }
    },

    transpose(out, x) {
      each(x, (i, j) => out.set(j, i, x.at(i, j)));
    },

    sumRows(out, x) {
      for (let j = 0; j < x.columns; j++) {
        let sum = 0;
        for (let i = 0; i < x.rows; i++) sum += x.at(i, j);
        out[j] = sum;
      }
    },

    subtractRow(out, x, row) {
      each(x, (i, j) => out.set(i, j, x.at(i, j) - row[j]));
    },

    relu(x) {
      each(x, (i, j) => x.set(i, j, Math.max(0, x.at(i, j))));
    },

    reluGradient(g, y) {
      each(g, (i, j) => {
        if (!(y.at(i, j) > 0)) g.set(i, j, 0);
      });
    },

    tanh(x) {
      each(x, (i, j) => x.set(i, j, tanh(x.at(i, j))));
    },

    tanhGradient(g, y) {
      each(g, (i, j) => g.set(i, j, g.at(i, j) * (1 - y.at(i, j) * y.at(i, j))));
    },

    batchNorm(y, normalized, inverseDeviation, mean, variance, x, scale, shift, { epsilon }) {
      for (let j = 0; j < x.columns; j++) {
        let sum = 0;
        for (let i = 0; i < x.rows; i++) sum += x.at(i, j);
        const m = sum / x.rows;
        let squares = 0;
        for (let i = 0; i < x.rows; i++) squares += (x.at(i, j) - m) * (x.at(i, j) - m);
        const v = squares / x.rows;
        const inverse = 1 / Math.sqrt(v + epsilon);
        mean[j] = m;
        variance[j] = v;
        inverseDeviation[j] = inverse;
        for (let i = 0; i < x.rows; i++) {
          normalized.set(i, j, (x.at(i, j) - m) * inverse);
          y.set(i, j, scale[j] * normalized.at(i, j) + shift[j]);
        }
      }
    },

    softmax(p, sums, x) {
      for (let i = 0; i < x.rows; i++) {
        let largest = x.at(i, 0);
        for (let k = 1; k < x.columns; k++) largest = Math.max(largest, x.at(i, k));
        let sum = 0;
        for (let k = 0; k < x.columns; k++) sum += exp(x.at(i, k) - largest);
        for (let k = 0; k < x.columns; k++) p.set(i, k, exp(x.at(i, k) - largest) / sum);
        sums.set(i, 0, largest);
        sums.set(i, 1, sum);
      }
    },

    batchNormRunning(y, x, mean, variance, scale, shift, { epsilon }) {
      each(x, (i, j) => {
        const normalized = (x.at(i, j) - mean[j]) * (1 / Math.sqrt(variance[j] + epsilon));
        y.set(i, j, scale[j] * normalized + shift[j]);
      });
    },

    batchNormGradient(g, scaleGradient, shiftGradient, normalized, inverseDeviation, scale) {
      for (let j = 0; j < g.columns; j++) {
        let scaleSum = 0;
        let shiftSum = 0;
        for (let i = 0; i < g.rows; i++) {
          scaleSum += g.at(i, j) * normalized.at(i, j);
          shiftSum += g.at(i, j);
        }
        scaleGradient[j] = scaleSum;
        shiftGradient[j] = shiftSum;
        for (let i = 0; i < g.rows; i++) {
          const centered = g.at(i, j) - (shiftSum + normalized.at(i, j) * scaleSum) / g.rows;
          g.set(i, j, scale[j] * inverseDeviation[j] * centered);
        }
      }
    },

    layerNorm(y, normalized, inverseDeviation, x, scale, shift, { epsilon }) {
      for (let i = 0; i < x.rows; i++) {
        const mean = round(rowSum(x.columns, (j) => x.at(i, j)) / x.columns);
        const distance = (j: number): number => round(x.at(i, j) - mean);
        const variance = round(rowSum(x.columns, (j) => round(distance(j) * distance(j))) / x.columns);
        const inverse = round(1 / round(Math.sqrt(round(variance + round(epsilon)))));
        inverseDeviation[i] = inverse;
        for (let j = 0; j < x.columns; j++) {
          const n = round(distance(j) * inverse);
          normalized.set(i, j, n);
          y.set(i, j, round(round(scale[j] * n) + shift[j]));
        }
      }
    },

    layerNormGradient(g, normalized, inverseDeviation, scale) {
      for (let i = 0; i < g.rows; i++) {
        const h = (j: number): number => round(scale[j] * g.at(i, j));
        const mean = round(rowSum(g.columns, h) / g.columns);
        const along = round(rowSum(g.columns, (j) => round(h(j) * normalized.at(i, j))) / g.columns);
        for (let j = 0; j < g.columns; j++) {
          const rest = round(round(h(j) - mean) - round(normalized.at(i, j) * along));
          g.set(i, j, round(inverseDeviation[i] * rest));
        }
      }
    },

    scaleAndShiftGradient(scaleGradient, shiftGradient, g, normalized) {
      for (let j = 0; j < g.columns; j++) {
        let scaleSum = 0;
        let shiftSum = 0;
        for (let i = 0; i < g.rows; i++) {
          scaleSum = round(scaleSum + round(g.at(i, j) * normalized.at(i, j)));
          shiftSum = round(shiftSum + g.at(i, j));
        }
        scaleGradient[j] = scaleSum;
        shiftGradient[j] = shiftSum;
      }
    },

    adam(parameters, gradients, m, v, step) {
      const { stepSize, correction, beta1, beta2, epsilon, weightDecay } = step;
      let squares = 0;
      for (let p = 0; p < parameters.length; p++) {
        squares += gradients[p] * gradients[p];
        const g = gradients[p] + weightDecay * parameters[p];
        m[p] = beta1 * m[p] + (1 - beta1) * g;
        v[p] = beta2 * v[p] + (1 - beta2) * g * g;
        parameters[p] -= (stepSize * m[p]) / (Math.sqrt(v[p]) / correction + epsilon);
      }
      step.squares = squares;
    },

    flush(x) {
      for (let p = 0; p < x.length; p++) if (Math.abs(x[p]) < 1.1754943508222875e-38) x[p] = 0;
    },

    softUpdate(target, online, { rate }) {
      for (let p = 0; p < target.length; p++) target[p] += rate * (online[p] - target[p]);
    },
  };
}

function expectPossible(width: Width, arithmetic: Arithmetic): void {
  const isPossible = width === Float32Array || arithmetic === "portable";
  expect(isPossible, "reference arithmetic", '"portable": only Float32 has fused steps', arithmetic);
}

function each(x: Matrix, visit: (i: number, j: number) => void): void {
  for (let i = 0; i < x.rows; i++) for (let j = 0; j < x.columns; j++) visit(i, j);
}
