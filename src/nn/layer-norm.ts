import type { Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import type { Layer, LayerKind, LayerSpec, Place } from "./layer.ts";
import { allocateMatrix } from "./parameters.ts";

type Spec = Extract<LayerSpec, { kind: "layerNorm" }>;

/** Where the backward pass writes the gradients of γ and β. */
interface Learning {
  readonly scaleGradient: Vector;
  readonly shiftGradient: Vector;
}

/**
 * Layer normalization (Ba et al., arXiv 1607.06450) of rows of J columns, with a learned scale γ and shift β per column:
 * y = γ x̂ + β. x̂ is x minus the mean of its row, divided by √(v + ε), where v is the uncorrected variance over the row's
 * J numbers. A row's result depends on no other row, so acting and learning compute the same. The output overwrites that of
 * the layer below: the time of `layerNorm` is that of its memory.
 *
 * Backward, from g = ∂L/∂y: ∂L/∂γ = Σ g x̂ and ∂L/∂β = Σ g over the batch. ∂L/∂x is, with h = γ g, for each row
 * (h − (Σ h + x̂ · Σ h x̂) / J) / √(v + ε), with sums over its columns.
 */
export class LayerNorm implements Layer {
  readonly output: Matrix;
  readonly #kernels: Kernels;
  readonly #options: { readonly epsilon: number };
  readonly #scale: Vector;
  readonly #shift: Vector;
  /** x̂: [B, J]. A network that does not learn needs none, and has its output in this place. */
  readonly #normalized: Matrix;
  /** Of each row: [B]. */
  readonly #inverseDeviation: Vector;
  readonly #learning: Learning | null;

  constructor({ name, epsilon }: Spec, { kernels, parameters, batchSize, learns, inputSizes, below }: Place) {
    const [size] = inputSizes;
    this.#kernels = kernels;
    this.#options = { epsilon };
    this.output = below ?? allocateMatrix(kernels, batchSize, size);
    this.#scale = parameters.value(`${name}.scale`).data;
    this.#shift = parameters.value(`${name}.shift`).data;
    this.#normalized = learns ? allocateMatrix(kernels, batchSize, size) : this.output;
    this.#inverseDeviation = allocateMatrix(kernels, 1, batchSize).data;
    this.#learning = learns
      ? {
          scaleGradient: parameters.gradient(`${name}.scale`).data,
          shiftGradient: parameters.gradient(`${name}.shift`).data,
        }
      : null;
  }

  forward(x: Matrix): void {
    const [scale, shift] = [this.#scale, this.#shift];
    this.#kernels.layerNorm(this.output, this.#normalized, this.#inverseDeviation, x, scale, shift, this.#options);
  }

  backward(g: Matrix): Matrix {
    const { scaleGradient, shiftGradient } = this.#expectLearning();
    this.#kernels.scaleAndShiftGradient(scaleGradient, shiftGradient, g, this.#normalized);
    return this.inputGradient(g);
  }

  inputGradient(g: Matrix): Matrix {
    this.#expectLearning();
    this.#kernels.layerNormGradient(g, this.#normalized, this.#inverseDeviation, this.#scale);
    return g;
  }

  #expectLearning(): Learning {
    if (!this.#learning) throw new Error("LayerNorm: this network does not learn");
    return this.#learning;
  }
}

/** Layer normalization; see `LayerNorm`. */
export const layerNorm: LayerKind<Spec> = {
  needsOutput: false,
  tensors: ({ name }, [columns]) => [
    { name: `${name}.scale`, kind: "scale", rows: 1, columns, fill: 1 },
    { name: `${name}.shift`, kind: "shift", rows: 1, columns },
  ],
  statistics: () => [],
  outputSizes: (_, inputSizes) => inputSizes,
  averagesSize: () => 0,
  build: (spec, place) => new LayerNorm(spec, place),
};
