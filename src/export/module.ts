import { lettersOf } from "../base/bytes.ts";
import type { Policy } from "../ddpg/policy.ts";
import { type ExportedLayer, exportedLayers } from "./layers.ts";

declare const btoa: (text: string) => string;

/** A policy as the source of an ES module, and the declarations that TypeScript wants beside it. */
export interface PolicyModule {
  /** Imports nothing; exports `act`, `observationSize`, `actionLow` and `actionHigh`. */
  source: string;
  /** For a file of the same name that ends in .d.ts. */
  declarations: string;
}

/** A policy as one ES module: `act(observation)` gives the bits of `Policy.act`, in Node, in a page, in a worker. */
export function toModule(policy: Policy): PolicyModule {
  const { observationSize, observationOffset, observationScale, actionLow, actionHigh, lowest, highest } = policy.units;
  const numbers: Float32Array[] = [];
  let size = observationSize;
  const layers = exportedLayers(policy).map((layer) => {
    if (layer.kind === "dense") size = layer.outputSize;
    return layerSource(layer, size, numbers);
  });
  const source = `// A policy trained by DDPG. Made by ddpg; not for editing.

/** How many numbers an observation has. */
export const observationSize = ${observationSize};

/** The least that an action may be, number by number. @type {readonly number[]} */
export const actionLow = ${list(actionLow)};

/** The most. @type {readonly number[]} */
export const actionHigh = ${list(actionHigh)};

${actSource}
// Below is what was learned. Observations enter as (observation - offset) * scale; both are Float64.
const scaling = new Float64Array(decode("${base64([observationOffset, observationScale])}"));
const [offset, scale] = [scaling.subarray(0, observationSize), scaling.subarray(observationSize)];

// The bounds of an action as Float32, rounded inwards.
const lowest = ${list(lowest)};
const highest = ${list(highest)};

const numbers = new Float32Array(decode("${base64(numbers)}"));
let taken = 0;
const take = (count) => numbers.subarray(taken, (taken += count));

// Each layer takes its numbers in turn.
const layers = [
  ${layers.join(",\n  ")},
];
`;
  return { source, declarations };
}

/** The source of a layer with `size` output columns; adds its numbers in the order in which the source takes them. */
function layerSource(layer: ExportedLayer, size: number, numbers: Float32Array[]): string {
  switch (layer.kind) {
    case "dense":
      numbers.push(layer.weights, layer.biases ?? new Float32Array(size));
      return `dense(${layer.inputSize}, ${size})`;
    case "batchNorm":
      numbers.push(layer.mean, layer.inverseDeviation, layer.scale, layer.shift);
      return `normalization(${size})`;
    case "relu":
    case "tanh":
      return layer.kind;
  }
}

const declarations = `/** How many numbers an observation has. */
export declare const observationSize: number;
/** The least that an action may be, number by number. */
export declare const actionLow: readonly number[];
/** The most. */
export declare const actionHigh: readonly number[];
/**
 * The action for an observation, both in the environment's units; a fresh array. Throws a RangeError unless the
 * observation is \`observationSize\` finite numbers.
 */
export declare function act(observation: ArrayLike<number>): Float32Array;
`;

// The operations of the kernels in the same order (kernels/wasm/assembly/index.ts): a sum starts with the bias and adds
// its products in the order of the inputs; every operation is rounded to Float32. Computing in Float64 and rounding is
// exact: for a sum, product or quotient of two Float32 numbers, rounding twice gives the result of rounding once.
const actSource = `/**
 * The action for an observation, both in the environment's units; a fresh array. Throws a RangeError unless the
 * observation is \`observationSize\` finite numbers.
 * @param {ArrayLike<number>} observation
 * @returns {Float32Array}
 */
export function act(observation) {
  if (observation?.length !== observationSize) {
    throw new RangeError(\`act observation: expected \${observationSize} numbers, got \${observation?.length}\`);
  }
  let x = new Float32Array(observationSize);
  for (let i = 0; i < observationSize; i++) {
    x[i] = (observation[i] - offset[i]) * scale[i];
    if (!Number.isFinite(observation[i]) || !Number.isFinite(x[i])) {
      throw new RangeError(\`act observation[\${i}]: expected a finite number, got \${observation[i]}\`);
    }
  }
  for (const layer of layers) x = layer(x);
  const action = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    if (Number.isNaN(x[i])) throw new RangeError(\`act action[\${i}]: expected a number, got NaN\`);
    const inside = actionLow[i] + ((x[i] + 1) / 2) * (actionHigh[i] - actionLow[i]);
    action[i] = Math.min(highest[i], Math.max(lowest[i], inside));
  }
  return action;
}

// Every operation is rounded to Float32, as where the policy was trained: the actions are the same bits.
const rounded = Math.fround;

function dense(inputSize, outputSize) {
  const weights = take(inputSize * outputSize); // input by input
  const biases = take(outputSize);
  const out = new Float32Array(outputSize);
  return (x) => {
    out.set(biases);
    for (let i = 0, k = 0; i < inputSize; i++) {
      const xi = x[i];
      for (let j = 0; j < outputSize; j++, k++) out[j] = rounded(out[j] + rounded(xi * weights[k]));
    }
    return out;
  };
}

function normalization(size) {
  const [mean, inverseDeviation, scale, shift] = [take(size), take(size), take(size), take(size)];
  return (x) => {
    for (let j = 0; j < size; j++) {
      const normalized = rounded(rounded(x[j] - mean[j]) * inverseDeviation[j]);
      x[j] = rounded(scale[j] * normalized) + shift[j];
    }
    return x;
  };
}

function relu(x) {
  for (let j = 0; j < x.length; j++) if (x[j] < 0) x[j] = 0;
  return x;
}

function tanh(x) {
  for (let j = 0; j < x.length; j++) {
    const size = Math.abs(x[j]);
    const y = size > rounded(9.011) ? 1 : size <= 0.625 ? smallTanh(size) : largeTanh(size);
    x[j] = x[j] < 0 ? -y : y;
  }
  return x;
}

/** a + a s P(s), s = a². */
function smallTanh(a) {
  const s = rounded(a * a);
  let p = rounded(-0.0057049874);
  for (const c of smallCoefficients) p = rounded(rounded(p * s) + c);
  return a + rounded(a * rounded(s * p));
}

/** 1 - 2 / (E + 1), E = e^(2a) = 2^n e^r, n = round(2a / ln 2). */
function largeTanh(a) {
  const n = Math.round(rounded(a * rounded(2.8853900817779268))); // of a half, either n gives the same bits
  const r = rounded(rounded(2 * a - rounded(n * rounded(0.693359375))) - rounded(n * rounded(-2.1219444005469057e-4)));
  let q = rounded(0.0013814602);
  for (const c of largeCoefficients) q = rounded(rounded(q * r) + c);
  q = rounded(rounded(rounded(q * rounded(r * r)) + r) + 1);
  return 1 - rounded(2 / rounded(rounded(q * (1 << n)) + 1));
}

const smallCoefficients = [0.0206390876, -0.0537397152, 0.133314422, -0.3333328194].map(rounded);
const largeCoefficients = [0.0083687152, 0.0416683879, 0.1666652065, 0.4999999345].map(rounded);

/** The bytes of a base64 text. */
function decode(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes.buffer;
}
`;

function list(values: ArrayLike<number>): string {
  return `[${Array.from(values).join(", ")}]`;
}

/** The arrays' bytes, one behind the other. Every platform that runs JavaScript stores the low byte first. */
function base64(arrays: readonly (Float32Array | Float64Array)[]): string {
  let text = "";
  for (const { buffer, byteOffset, byteLength } of arrays) {
    text += lettersOf(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return btoa(text);
}
