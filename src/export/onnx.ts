import { expect, expectOptions } from "../base/expect.ts";
import { Message } from "../base/protobuf.ts";
import { largestNormalized } from "../ddpg/observation-normalization.ts";
import { expectPolicy, type Policy } from "../ddpg/policy.ts";
import { type BatchNormLayer, type ExportedLayer, exportedLayers } from "./layers.ts";

// Field and type numbers from onnx.proto (github.com/onnx/onnx/blob/main/onnx/onnx.proto).
const FLOAT = 1;
const IR_VERSION = 8;
const OPSET = 13;

/** Options of `toOnnx`. */
export interface OnnxOptions {
  /**
   * `godot`: the form that the plugin of Godot RL Agents runs. The input is `obs` and the output `output`, and a second
   * input, `state_ins` [N], passes through to `state_outs`: a policy with a memory would use it.
   */
  readonly for?: "godot" | undefined;
}

/** The names of the input and the output, and of a state that passes through. */
interface Names {
  readonly input: string;
  readonly output: string;
  readonly state?: readonly [input: string, output: string];
}

const plainNames: Names = { input: "observation", output: "action" };
const godotNames: Names = { input: "obs", output: "output", state: ["state_ins", "state_outs"] };

/**
 * A policy as an ONNX model from `observation` [N, O] to `action` [N, A], both Float32 in the environment's units, for
 * any N. The model includes the scaling and the running normalization of observations, batch and layer normalization, and
 * the action bounds. Throws an InputError if the scaling does not fit into Float32, and if the policy does not fit what the
 * model is for.
 */
export function toOnnx(policy: Policy, options: OnnxOptions = {}): Uint8Array {
  expectPolicy(policy, "toOnnx policy");
  expectOptions(options, "toOnnx", ["for"]);
  const isForGodot = options.for === "godot";
  expect(isForGodot || options.for === undefined, "toOnnx for", '"godot", or nothing', options.for);
  if (isForGodot) expectUnitBounds(policy);
  const names = isForGodot ? godotNames : plainNames;
  const { observationSize, actionSize } = policy.units;
  const graph = new Graph();
  const { observationScale, observationOffset } = policy.units;
  const { normalization } = policy;
  const units: Scaling = { scale: observationScale.slice(), offset: observationOffset.slice() };
  let x = names.input;
  let scaling = units;
  if (normalization) {
    const { means, factors } = normalization;
    // One scaling in Float64: the factor of a number that hardly ever changed is up to 10,000, and would magnify the
    // rounding of a scaled observation.
    const [ones, zeros] = [factors.map(() => 1), factors.map(() => 0)];
    const statistics = { mean: means, inverseDeviation: factors, scale: ones, shift: zeros };
    const shift = foldIntoScaling(statistics, units.scale, units.offset);
    x = graph.scaled(x, "observation", units);
    if (shift.some((value) => value !== 0)) x = graph.node("Add", [x, graph.vector("observation.shift", shift)]);
    x = graph.node("Max", [x, graph.vector("observation.lowest", [-largestNormalized])]);
    x = graph.node("Min", [x, graph.vector("observation.highest", [largestNormalized])]);
    // The first layer may be a batch normalization, which is folded into a scaling.
    scaling = { scale: factors.map(() => 1), offset: factors.map(() => 0) };
  }
  const layers = folded(policy, scaling);
  const isPlain = scaling.scale.every((factor) => factor === 1) && scaling.offset.every((value) => value === 0);
  if (!normalization) x = graph.scaled(x, "observation", scaling);
  else if (!isPlain) x = graph.scaled(x, "observation.normalized", scaling);

  let denseLayers = 0;
  let columns = observationSize;
  for (const layer of layers) {
    switch (layer.kind) {
      case "dense": {
        const name = `layer${++denseLayers}`;
        const inputs = [x, graph.tensor(`${name}.weights`, [layer.inputSize, layer.outputSize], layer.weights)];
        x = graph.node("Gemm", [...inputs, graph.vector(`${name}.biases`, layer.biases)]);
        columns = layer.outputSize;
        break;
      }
      case "layerNorm": {
        // LayerNormalization is an operator only from operator set 17 on.
        const name = `layer${denseLayers}.norm`;
        const average = graph.tensor(`${name}.average`, [columns, 1], new Float64Array(columns).fill(1 / columns));
        const distance = graph.node("Sub", [x, graph.node("MatMul", [x, average])]);
        const variance = graph.node("MatMul", [graph.node("Mul", [distance, distance]), average]);
        const epsilon = graph.vector(`${name}.epsilon`, [layer.epsilon]);
        const deviation = graph.node("Sqrt", [graph.node("Add", [variance, epsilon])]);
        x = graph.node("Div", [distance, deviation]);
        x = graph.node("Mul", [x, graph.vector(`${name}.scale`, layer.scale)]);
        x = graph.node("Add", [x, graph.vector(`${name}.shift`, layer.shift)]);
        break;
      }
      case "relu":
        x = graph.node("Relu", [x]);
        break;
      case "tanh":
        x = graph.node("Tanh", [x]);
        break;
      default:
        // The compiler refuses this line for a kind of layer without a case above.
        throw new Error(`ONNX: ${layer satisfies never}`);
    }
  }

  const { actionLow, actionHigh, lowest, highest } = policy.units;
  const middle = actionLow.map((low, i) => low / 2 + actionHigh[i] / 2);
  const halfRange = actionLow.map((low, i) => actionHigh[i] / 2 - low / 2);
  x = graph.node("Mul", [x, graph.vector("action.halfRange", halfRange)]);
  x = graph.node("Add", [x, graph.vector("action.middle", middle)]);
  // Rounding may have exceeded the bounds slightly.
  x = graph.node("Max", [x, graph.vector("action.lowest", lowest)]);
  graph.node("Min", [x, graph.vector("action.highest", highest)], names.output);
  if (names.state) graph.node("Identity", [names.state[0]], names.state[1]);

  const message = graph.message("policy").message(11, valueInfo(names.input, observationSize));
  if (names.state) message.message(11, valueInfo(names.state[0]));
  message.message(12, valueInfo(names.output, actionSize));
  if (names.state) message.message(12, valueInfo(names.state[1]));
  return new Message()
    .integer(1, IR_VERSION)
    .text(2, "ddpg")
    .message(7, message)
    .message(8, new Message().text(1, "").integer(2, OPSET))
    .encode();
}

/** Throws an InputError unless every action is in [−1, 1], where the plugin clips what it gets. */
function expectUnitBounds({ units: { actionLow, actionHigh } }: Policy): void {
  const hint = "It is not the policy of a game.";
  for (const [i, low] of actionLow.entries()) {
    expect(low === -1, `toOnnx policy actionLow[${i}]`, "-1, as every game of Godot RL Agents has it", low, hint);
    expect(actionHigh[i] === 1, `toOnnx policy actionHigh[${i}]`, "1, as every game has it", actionHigh[i], hint);
  }
}

/** A graph's nodes and constants. Each node has one output, whose name is returned. */
class Graph {
  readonly #nodes: Message[] = [];
  readonly #tensors: Message[] = [];

  node(operator: string, inputs: readonly string[], output = `${operator.toLowerCase()}${this.#nodes.length}`): string {
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    this.#nodes.push(node.text(2, output).text(3, output).text(4, operator));
    return output;
  }

  /** Adds the nodes of (x − offset) · scale; returns the name of the result. */
  scaled(x: string, name: string, { scale, offset }: Scaling): string {
    // Subtract the offset in two parts. The first difference is exact near the offset, where rounding would matter most.
    const first = offset.map(Math.fround);
    const rest = offset.map((value, i) => value - first[i]);
    let difference = this.node("Sub", [x, this.vector(`${name}.offset`, first)]);
    if (rest.some((value) => value !== 0))
      difference = this.node("Sub", [difference, this.vector(`${name}.offset.rest`, rest)]);
    return this.node("Mul", [difference, this.vector(`${name}.scale`, scale)]);
  }

  tensor(name: string, shape: readonly number[], values: ArrayLike<number>): string {
    const bytes = new Uint8Array(4 * values.length);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length; i++) {
      expect(Number.isFinite(Math.fround(values[i])), `ONNX ${name}[${i}]`, "a number that Float32 holds", values[i]);
      view.setFloat32(4 * i, values[i], true);
    }
    const tensor = new Message();
    for (const size of shape) tensor.integer(1, size);
    this.#tensors.push(tensor.integer(2, FLOAT).text(8, name).bytes(9, bytes));
    return name;
  }

  vector(name: string, values: ArrayLike<number>): string {
    return this.tensor(name, [values.length], values);
  }

  /** A GraphProto without its inputs and outputs. */
  message(name: string): Message {
    const graph = new Message();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, name);
    for (const tensor of this.#tensors) graph.message(5, tensor);
    return graph;
  }
}

/** A Float32 input or output [N, size], or [N] without a size, where the caller chooses N. */
function valueInfo(name: string, size?: number): Message {
  const shape = new Message().message(1, new Message().text(2, "N"));
  if (size !== undefined) shape.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, FLOAT).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** (x − offset) · scale, in Float64. */
interface Scaling {
  readonly scale: Float64Array;
  readonly offset: Float64Array;
}

type DenseLayer = Extract<ExportedLayer, { kind: "dense" }>;

/** A dense layer, in Float64, that includes the normalization after it. */
interface FoldedDense extends Pick<DenseLayer, "kind" | "inputSize" | "outputSize"> {
  readonly weights: Float64Array;
  readonly biases: Float64Array;
}

type FoldedLayer = FoldedDense | Exclude<ExportedLayer, { kind: "dense" | "batchNorm" }>;

/**
 * The layers with each batch normalization folded into what precedes it: a dense layer or the observation's scaling, which
 * changes.
 */
function folded(policy: Policy, { scale, offset }: Scaling): FoldedLayer[] {
  // What a normalization of the observation adds to it. The biases of the first dense layer absorb it.
  let shift: Float64Array | null = null;
  const layers: FoldedLayer[] = [];
  for (const layer of exportedLayers(policy)) {
    const previous = layers[layers.length - 1];
    if (layer.kind === "dense") {
      layers.push(denseWithShift(layer, shift));
      shift = null;
    } else if (layer.kind !== "batchNorm") layers.push(layer);
    else if (previous === undefined) shift = foldIntoScaling(layer, scale, offset);
    else if (previous.kind === "dense") foldIntoDense(layer, previous);
    else throw new Error(`ONNX: a normalization after ${previous.kind} cannot be folded`);
  }
  return layers;
}

/** scale · ((x − mean) · inverseDeviation) + shift */
type Normalization = Record<"mean" | "inverseDeviation" | "scale" | "shift", ArrayLike<number>>;

/** Folds a normalization into the scaling, except for the constant that it adds. Returns that constant: [O]. */
function foldIntoScaling(norm: Normalization, scale: Float64Array, offset: Float64Array): Float64Array {
  const shift = new Float64Array(scale.length);
  for (let i = 0; i < scale.length; i++) {
    const factor = norm.scale[i] * norm.inverseDeviation[i];
    shift[i] = norm.shift[i];
    if (scale[i] === 0) shift[i] -= norm.mean[i] * factor;
    else offset[i] += norm.mean[i] / scale[i];
    scale[i] *= factor;
  }
  return shift;
}

/** A dense layer in Float64 with `shift` added to its input. */
function denseWithShift(layer: DenseLayer, shift: Float64Array | null): FoldedDense {
  const { kind, inputSize, outputSize } = layer;
  const weights = Float64Array.from(layer.weights);
  const biases = Float64Array.from(layer.biases ?? new Float64Array(outputSize));
  if (shift) {
    for (let k = 0; k < weights.length; k++) biases[k % outputSize] += shift[Math.floor(k / outputSize)] * weights[k];
  }
  return { kind, inputSize, outputSize, weights, biases };
}

function foldIntoDense(norm: BatchNormLayer, { weights, biases, outputSize }: FoldedDense): void {
  const factors = Float64Array.from(norm.scale, (scale, j) => scale * norm.inverseDeviation[j]);
  for (let k = 0; k < weights.length; k++) weights[k] *= factors[k % outputSize];
  for (let j = 0; j < outputSize; j++) biases[j] = (biases[j] - norm.mean[j]) * factors[j] + norm.shift[j];
}
