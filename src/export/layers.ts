import { actorShape } from "../ddpg/actor.ts";
import type { Policy } from "../ddpg/policy.ts";
import { type PlacedLayer, placedLayers } from "../nn/network.ts";
import type { Parameters } from "../nn/parameters.ts";

/** A layer with its parameters, for exports. The arrays are new. */
export type ExportedLayer =
  /** x W + b, with W [I, J] row by row, and b [J] or null. */
  | {
      readonly kind: "dense";
      readonly inputSize: number;
      readonly outputSize: number;
      readonly weights: Float32Array;
      readonly biases: Float32Array | null;
    }
  | BatchNormLayer
  | LayerNormLayer
  | { readonly kind: "relu" }
  | { readonly kind: "tanh" };

/**
 * Batch normalization with the running averages: scale · ((x − mean) · inverseDeviation) + shift. Each array is [J] in
 * Float32.
 */
export interface BatchNormLayer {
  readonly kind: "batchNorm";
  readonly mean: Float32Array;
  /** 1 / √(variance + ε), rounded as the kernels round it. */
  readonly inverseDeviation: Float32Array;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/**
 * Layer normalization: scale · ((x − mean) / √(variance + ε)) + shift, with the mean and the variance of the row. The
 * arrays are [J] in Float32.
 */
export interface LayerNormLayer {
  readonly kind: "layerNorm";
  readonly epsilon: number;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/** The layers between the observation, scaled and normalized, and the action in [−1, 1], in the order of the forward pass. */
export function exportedLayers({ settings, units, parameters }: Policy): ExportedLayer[] {
  const shape = actorShape(settings, units.observationSize, units.actionSize);
  return placedLayers(shape).map((layer) => withNumbers(layer, parameters));
}

function withNumbers({ spec, inputSizes }: PlacedLayer, parameters: Parameters): ExportedLayer {
  const read = (tensor: string) => Float32Array.from(parameters.read(tensor));
  switch (spec.kind) {
    case "dense": {
      const { name, units, bias } = spec;
      const biases = bias ? read(`${name}.biases`) : null;
      return { kind: "dense", inputSize: inputSizes[0], outputSize: units, weights: read(`${name}.weights`), biases };
    }
    case "batchNorm": {
      const { name, epsilon } = spec;
      return {
        kind: "batchNorm",
        mean: read(`${name}.runningMean`),
        inverseDeviation: read(`${name}.runningVariance`).map((variance) => inverseRoot(variance, epsilon)),
        scale: read(`${name}.scale`),
        shift: read(`${name}.shift`),
      };
    }
    case "layerNorm": {
      const { kind, name, epsilon } = spec;
      return { kind, epsilon: Math.fround(epsilon), scale: read(`${name}.scale`), shift: read(`${name}.shift`) };
    }
    case "relu":
    case "tanh":
      return { kind: spec.kind };
  }
}

/** Rounds to Float32 after every operation. */
function inverseRoot(variance: number, epsilon: number): number {
  return 1 / Math.fround(Math.sqrt(Math.fround(variance + Math.fround(epsilon))));
}
