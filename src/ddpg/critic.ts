import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { LayerSpec, NetworkShape } from "../nn/layer.ts";
import type { Settings } from "./config.ts";
import { hiddenLayers, inputLayers, Learner } from "./learner.ts";

// B batch, O observation, A action.

/** The layers of Q: hidden ones, with the action entering at its layer, then one linear value. Paper §7. */
export function criticShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { criticHiddenSizes, criticActivations, actionEntersLayer } = settings;
  // Only layers below the action are normalized (paper §3).
  const hidden = hiddenLayers(settings, criticHiddenSizes, criticActivations, (index) => index < actionEntersLayer - 1);
  const value: LayerSpec[] = [{ kind: "dense", name: `layer${hidden.length + 1}`, units: 1, bias: true }];
  const layers = [...hidden, value];
  layers[actionEntersLayer - 1].unshift({ kind: "join", size: actionSize });
  return { inputSize: observationSize, layers: [...inputLayers(settings), ...layers.flat()] };
}

/** Q(s, a), the value of acting so and following the policy after: from [B, O] and [B, A] to [B, 1]. */
export class Critic extends Learner {
  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings) {
    super(kernels, shape, settings, settings.criticLearningRate, settings.criticWeightDecay);
  }

  /** One step down the loss, from ∂L/∂Q [B] at the last `forward`. */
  descend(lossGradient: ArrayLike<number>): void {
    const g = this.outputGradient;
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = lossGradient[i];
    this.descendFrom("critic");
  }

  /** ∂Q/∂a [B, A] at the last `forward`, per row; reused by the next call. The critic's own gradients stay. */
  actionGradient(): Matrix {
    const g = this.outputGradient;
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = 1;
    return this.network.sideGradient();
  }
}
