import { expectNumbers } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import type { Noise } from "./noise.ts";

/** The number of processes: the slowest one forgets in 1,024 steps. */
const octaves = 11;

/** What each process keeps of its value in a step: 1 − 2⁻ᵏ. The first one is white. */
const keep = Float64Array.from({ length: octaves }, (_, k) => 1 - 1 / (1 << k));

/** The deviation of what a step adds, so that the variance of each process stays 1. */
const add = keep.map((a) => Math.sqrt(1 - a * a));

/**
 * Pink noise: its power falls as 1 / frequency, so it is correlated over every time scale (Eberhard et al., ICLR 2023).
 * They draw a whole episode by a Fourier transform. Here it is the sum of 11 processes x ← a x + √(1 − a²) N(0, 1) with
 * a = 1 − 2⁻ᵏ, which needs no length of an episode. Its spectrum is within ±1 dB of 1 / frequency from 1/1000 to 1/2 of a
 * step, and flat below 1/20,000. The standard deviation is the given one at every step, because an episode starts with
 * values drawn from the processes' stationary distribution.
 */
export class PinkNoise implements Noise {
  readonly #scale: Float64Array;
  readonly #random: Random;
  /** The processes of each dimension: [A, 11]. */
  readonly #processes: Float64Array;
  readonly #x: Float64Array;

  constructor(deviation: Float64Array, random: Random) {
    this.#scale = deviation.map((each) => each / Math.sqrt(octaves));
    this.#random = random;
    this.#processes = new Float64Array(octaves * deviation.length);
    this.#x = new Float64Array(deviation.length);
    this.restart();
  }

  get stateSize(): number {
    return this.#random.stateSize + this.#processes.length;
  }

  sample(): Float64Array {
    let p = 0;
    for (let i = 0; i < this.#x.length; i++) {
      let sum = 0;
      for (let k = 0; k < octaves; k++, p++) {
        sum += this.#processes[p];
        this.#processes[p] = keep[k] * this.#processes[p] + add[k] * this.#random.normal();
      }
      this.#x[i] = this.#scale[i] * sum;
    }
    return this.#x;
  }

  restart(): void {
    for (let p = 0; p < this.#processes.length; p++) this.#processes[p] = this.#random.normal();
  }

  save(): Float64Array {
    const state = new Float64Array(this.stateSize);
    state.set(this.#random.save());
    state.set(this.#processes, this.#random.stateSize);
    return state;
  }

  restore(state: Float64Array, where = "Noise.restore state"): void {
    expectNumbers(state, this.stateSize, where);
    this.#random.restore(state.subarray(0, this.#random.stateSize), where);
    this.#processes.set(state.subarray(this.#random.stateSize));
  }
}
