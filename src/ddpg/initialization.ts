import type { Random } from "../base/random.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { placedLayers } from "../nn/network.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

/**
 * Draws a network's first parameters. Paper §7: hidden layers uniform ±1/√f with f the layer's fan-in, weights and
 * biases alike; the last layer ±`finalLayerBound`. `glorot`: weights uniform ±√(6 / (fan-in + fan-out)), where a second
 * input that joins has its own fan-in, and biases of 0. Normalization starts as the identity.
 */
export function initialize(parameters: Parameters, shape: NetworkShape, settings: Settings, random: Random): void {
  for (const { name, columns, fill } of parameters.all) {
    if (fill !== undefined) parameters.value(name).data.fill(fill, 0, columns);
  }
  const draw = (name: string, from: number, to: number, bound: number): void => {
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
}
