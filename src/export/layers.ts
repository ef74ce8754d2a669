import { actorShape, batchNormOptions } from "../ddpg/actor.ts";
import type { Policy } from "../ddpg/policy.ts";
import type { Activation } from "../nn/network.ts";

/** Batch normalization by running averages: y = scale · ((x − mean) · inverseDeviation) + shift, each [J] in Float32. */
export interface Norm {
  mean: Float32Array;
  /** 1 / √(variance + ε), rounded as the kernels round it. */
  inverseDeviation: Float32Array;
  scale: Float32Array;
  shift: Float32Array;
}

/** A layer's numbers: activation(norm(x W + b)). It has a norm or biases, not both. */
export interface ExportedLayer {
  inputSize: number;
  outputSize: number;
  /** W [I, J], row by row. */
  weights: Float32Array;
  /** b [J]. */
  biases: Float32Array | null;
  norm: Norm | null;
  activation: Activation;
}

/** What a policy computes between the scaled observation and the action in [−1, 1], for those who write it elsewhere. */
export function layersOf({ settings, units, parameters }: Policy): { inputNorm: Norm | null; layers: ExportedLayer[] } {
  const { inputSize, sizes, activations } = actorShape(settings, units.observationSize, units.actionSize);
  const { epsilon } = batchNormOptions(settings) ?? { epsilon: 0 };
  const names = parameters.names;
  const read = (name: string) => Float32Array.from(parameters.read(name));
  const norm = (name: string): Norm | null =>
    names.includes(`${name}.scale`)
      ? {
          mean: read(`${name}.runningMean`),
          inverseDeviation: read(`${name}.runningVariance`).map((variance) => inverseRoot(variance, epsilon)),
          scale: read(`${name}.scale`),
          shift: read(`${name}.shift`),
        }
      : null;
  const layers = sizes.map((outputSize, index) => {
    const name = `layer${index + 1}`;
    return {
      inputSize: index === 0 ? inputSize : sizes[index - 1],
      outputSize,
      weights: read(`${name}.weights`),
      biases: names.includes(`${name}.biases`) ? read(`${name}.biases`) : null,
      norm: norm(`${name}.norm`),
      activation: activations[index],
    };
  });
  return { inputNorm: norm("input.norm"), layers };
}

/** In Float32, operation by operation. */
function inverseRoot(variance: number, epsilon: number): number {
  return 1 / Math.fround(Math.sqrt(Math.fround(variance + Math.fround(epsilon))));
}
