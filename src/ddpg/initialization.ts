import type { Random } from "../base/random.ts";
import { inputSizes, type NetworkShape } from "../nn/network.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { Settings } from "./config.ts";

/**
 * Draws a network's first parameters. Paper §7: hidden layers uniform ±1/√f with f the layer's fan-in, weights and
 * biases alike; the last layer ±`finalLayerBound`. `glorot`: weights uniform ±√(6 / (fan-in + fan-out)), an input that
 * joins later with a fan-in of its own, biases 0. Batch normalisation starts as the identity.
 */
export function initialize(parameters: Parameters, shape: NetworkShape, settings: Settings, random: Random): void {
  const last = `layer${shape.sizes.length}`;
  const fill = (name: string, from: number, to: number, bound: number) => {
    const matrix = parameters.value(name).rowRange(from, to);
    for (let i = 0; i < matrix.rows; i++) {
      for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, bound === 0 ? 0 : random.uniform(-bound, bound));
    }
  };
  for (const { name, kind } of parameters.tensors) {
    if (kind === "scale") parameters.value(name).data.fill(1, 0, parameters.value(name).columns);
  }
  for (const name of parameters.names) {
    if (name.endsWith(".runningVariance")) parameters.value(name).data.fill(1, 0, parameters.value(name).columns);
  }
  shape.sizes.forEach((size, index) => {
    const name = `layer${index + 1}`;
    const inputs = inputSizes(shape, index);
    const fanIn = inputs.reduce((sum, input) => sum + input, 0);
    let row = 0;
    for (const input of inputs) {
      let bound = 1 / Math.sqrt(fanIn);
      if (name === last) bound = settings.finalLayerBound;
      else if (settings.initialization === "glorot") bound = Math.sqrt(6 / (input + size));
      fill(`${name}.weights`, row, row + input, bound);
      row += input;
    }
    if (parameters.names.includes(`${name}.biases`)) {
      let bound = settings.initialization === "glorot" ? 0 : 1 / Math.sqrt(fanIn);
      if (name === last) bound = settings.finalLayerBound;
      fill(`${name}.biases`, 0, 1, bound);
    }
  });
}
