import type { Random } from "../base/random.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { placedLayers } from "../nn/network.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

/**
 * Draws the initial parameters of a network. `fan-in` (paper §7): the weights and biases of hidden layers are uniform
 * in ±1/√f, where f is the layer's fan-in. `glorot` (Glorot & Bengio 2010): weights are uniform in ±√(6 / (fan-in +
 * fan-out)), where a joining second input has its own fan-in, and biases are 0. In both, the last layer is uniform in
 * ±`finalLayerBound`, and normalization starts with scale 1 and shift 0.
 */
export function initialize(parameters: Parameters, shape: NetworkShape, settings: Settings, random: Random): void {
  for (const { name, columns, fill } of parameters.all) {
    if (fill !== undefined) parameters.value(name).data.fill(fill, 0, columns);
  }
  const drawn = new Set<string>();
  const draw = (name: string, from: number, to: number, bound: number): void => {
    drawn.add(name);
    const matrix = parameters.value(name).rowRange(from, to);
    for (let i = 0; i < matrix.rows; i++) {
      for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, bound === 0 ? 0 : random.uniform(-bound, bound));
    }
  };
  const isGlorot = settings.initialization === "glorot";
  const dense = placedLayers(shape).flatMap(({ spec, inputSizes }) =>
    spec.kind === "dense" ? [{ ...spec, inputSizes }] : [],
  );
  for (const [index, { name, units, bias, inputSizes }] of dense.entries()) {
    const isLast = index === dense.length - 1;
    const fanIn = inputSizes.reduce((sum, size) => sum + size, 0);
    let row = 0;
    for (const size of inputSizes) {
      let bound = isGlorot ? Math.sqrt(6 / (size + units)) : 1 / Math.sqrt(fanIn);
      if (isLast) bound = settings.finalLayerBound;
      draw(`${name}.weights`, row, row + size, bound);
      row += size;
    }
    if (!bias) continue;
    let bound = isGlorot ? 0 : 1 / Math.sqrt(fanIn);
    if (isLast) bound = settings.finalLayerBound;
    draw(`${name}.biases`, 0, 1, bound);
  }
  // Weights of 0 would train, badly and without an error.
  for (const { name, kind } of parameters.tensors) {
    if (kind === "weights" && !drawn.has(name)) throw new Error(`initialize: no rule draws ${name}`);
  }
}
