// How a body on show is moved: by a policy, with its exploration noise or without.
import type { Random } from "../src/base/random.ts";
import { decodeSafetensors } from "../src/base/safetensors.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { createNoise, type Noise } from "../src/ddpg/noise.ts";
import type { Policy } from "../src/ddpg/policy.ts";
import { restoreParameters } from "../src/ddpg/tensors.ts";

export class Acting {
  /** What moves it; null for nothing. */
  policy: Policy | null = null;
  /** What part of its noise is left, where it is annealed. */
  noiseSize = 1;
  readonly #random: Random;
  #noiseSettings: Settings | null = null;
  /** As the settings have it; null before it was needed. */
  #noise: Noise | null = null;

  /** Noise takes its chance from `random`. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** The settings of its exploration noise; null without. */
  set noiseSettings(settings: Settings | null) {
    this.#noiseSettings = settings;
    this.#noise = null;
  }

  /** An episode begins. */
  begin(): void {
    this.#noise?.restart();
  }

  /** In the environment's units; zeros without a policy. */
  act(observation: ArrayLike<number>, size: number): number[] {
    const { policy, noiseSize } = this;
    if (!policy) return new Array(size).fill(0);
    if (!this.#noiseSettings) return Array.from(policy.act(observation));
    this.#noise ??= createNoise(this.#noiseSettings, size, this.#random.fork("noise"));
    const mu = policy.forward(observation, "observation").data;
    const noise = this.#noise.sample();
    return Array.from(
      policy.units.toEnvironment(noise.map((x, i) => Math.min(1, Math.max(-1, mu[i] + noiseSize * x)))),
    );
  }
}

/** Writes the numbers of a file into a policy of the same shape, for each policy takes a memory of its own. */
export function renew(policy: Policy, bytes: Uint8Array): void {
  const { tensors } = decodeSafetensors(bytes, "policy");
  restoreParameters(policy.parameters, tensors, "actor.", "policy");
}
