// How a body on show is moved: by a policy, with its exploration noise or without.
import type { Random } from "../src/base/random.ts";
import { decodeSafetensors } from "../src/base/safetensors.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { createNoise, type Noise } from "../src/ddpg/noise.ts";
import type { Policy } from "../src/ddpg/policy.ts";
import { restoreMatrix } from "../src/ddpg/tensors.ts";

export class Acting {
  /** What moves it; null for nothing. */
  policy: Policy | null = null;
  /** The settings of its exploration noise; null without. */
  noiseSettings: Settings | null = null;
  readonly #random: Random;
  #noise: Noise | null = null;

  /** Noise takes its chance from `random`. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** An episode begins. */
  begin(): void {
    this.#noise = null;
  }

  /** In the environment's units; zeros without a policy. */
  act(observation: ArrayLike<number>, size: number): number[] {
    const { policy, noiseSettings } = this;
    if (!policy) return new Array(size).fill(0);
    if (!noiseSettings) return Array.from(policy.act(observation));
    this.#noise ??= createNoise(noiseSettings, size, this.#random.fork("noise"));
    const mu = policy.forward(observation, "observation").data;
    const noise = this.#noise.sample();
    return Array.from(policy.units.toEnvironment(noise.map((x, i) => Math.min(1, Math.max(-1, mu[i] + x)))));
  }
}

/** Writes the numbers of a file into a policy of the same shape, for each policy takes a memory of its own. */
export function renew(policy: Policy, bytes: Uint8Array): void {
  const { tensors } = decodeSafetensors(bytes, "policy");
  for (const name of policy.parameters.names) {
    restoreMatrix(policy.parameters.value(name), tensors, `actor.${name}`, "policy");
  }
}
