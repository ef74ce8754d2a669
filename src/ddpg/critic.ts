import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { LayerSpec, NetworkShape } from "../nn/layer.ts";
import type { Settings } from "./config.ts";
import { hiddenLayers, inputLayers, Learner } from "./learner.ts";

// Shapes: B batch, O observation, A action.

/**
 * Returns the layers of Q: the hidden layers, with the action joining at layer `actionEntersLayer`, then one linear
 * output, the value. Paper §7.
 */
export function criticShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { criticHiddenSizes, criticActivations, actionEntersLayer } = settings;
  // Only layers below the action are batch-normalized (paper §3).
  const hidden = hiddenLayers(settings, criticHiddenSizes, criticActivations, (index) => index < actionEntersLayer - 1);
  const value: LayerSpec[] = [{ kind: "dense", name: `layer${hidden.length + 1}`, units: 1, bias: true }];
  const layers = [...hidden, value];
  layers[actionEntersLayer - 1].unshift({ kind: "join", size: actionSize });
  return { inputSize: observationSize, layers: [...inputLayers(settings), ...layers.flat()] };
}

/** Q(s, a), the value of taking action a and then following the policy: maps [B, O] and [B, A] to [B, 1]. */
export class Critic extends Learner {
  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings) {
    super(kernels, shape, settings, settings.criticLearningRate, settings.criticWeightDecay);
  }

  /** Takes one step down the loss, given ∂L/∂Q [B] at the last `forward`. Throws a NotFiniteError like `Adam.step`. */
  descend(lossGradient: ArrayLike<number>): void {
    const g = this.outputGradient;
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = lossGradient[i];
    this.descendFrom("critic");
  }

  /**
   * Returns ∂Q/∂a [B, A] of each row at the last `forward`; reused by the next call. Leaves the critic's own gradients
   * unchanged.
   */
  actionGradient(): Matrix {
    const g = this.outputGradient;
    for (let i = 0; i < g.rows; i++) g.data[i * g.rowStride] = 1;
    return this.network.sideGradient();
  }
}
