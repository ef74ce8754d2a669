import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { NetworkShape } from "../nn/layer.ts";
import type { Settings } from "./config.ts";
import { hiddenLayers, inputLayers, Learner } from "./learner.ts";

// Shapes: B batch, O observation, A action.

/** Returns the layers of μ: the hidden layers, then a dense layer and tanh, which maps to [−1, 1]. Paper §7. */
export function actorShape(settings: Settings, observationSize: number, actionSize: number): NetworkShape {
  const { actorHiddenSizes, actorActivations, preactivationPenalty: penalty } = settings;
  const hidden = hiddenLayers(settings, actorHiddenSizes, actorActivations, () => true);
  return {
    inputSize: observationSize,
    layers: [
      ...inputLayers(settings),
      ...hidden.flat(),
      { kind: "dense", name: `layer${hidden.length + 1}`, units: actionSize, bias: true },
      { kind: "tanh", ...(penalty > 0 && { penalty }) },
    ],
  };
}

/** μ(s), the policy: maps observations [B, O] to actions [B, A] in [−1, 1]. */
export class Actor extends Learner {
  constructor(kernels: Kernels, shape: NetworkShape, settings: Settings) {
    super(kernels, shape, settings, settings.actorLearningRate, { weightDecay: 0 });
  }

  /** p · mean(u²) at the last `forward`, where a = tanh u: 0 without `preactivationPenalty`. */
  get penalty(): number {
    return this.network.penalty;
  }

  /**
   * Takes one step up the sampled policy gradient 1/B Σ ∇ₐQ(s, a)|ₐ₌μ₍ₛ₎ ∇μ(s), given ∂Q/∂a [B, A] at the last
   * `forward`, and down the gradient of `penalty`. Throws a NotFiniteError if a gradient is not finite.
   */
  ascend(actionGradient: Matrix): void {
    const g = this.outputGradient;
    // Adam minimizes, so it gets the gradient of −1/B Σ Q.
    for (let i = 0; i < g.rows; i++) {
      for (let j = 0; j < g.columns; j++) g.data[i * g.rowStride + j] = -actionGradient.at(i, j) / g.rows;
    }
    this.descendFrom("actor");
  }
}
