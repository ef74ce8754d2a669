// Moves the displayed body by a policy, with or without exploration noise.
import type { Random } from "../src/base/random.ts";
import { decodeSafetensors } from "../src/base/safetensors.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { createNoise, type Noise } from "../src/ddpg/noise.ts";
import type { Policy } from "../src/ddpg/policy.ts";

export class Acting {
  /** The policy in control; null: none, and the action is zero. */
  policy: Policy | null = null;
  /** The factor that noise annealing leaves, from 0 to 1. */
  noiseSize = 1;
  readonly #random: Random;
  #noiseSettings: Settings | null = null;
  /** Created from the settings on first use. */
  #noise: Noise | null = null;

  /** `random` is the source of the noise. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** The settings of the exploration noise; null turns the noise off. */
  set noiseSettings(settings: Settings | null) {
    this.#noiseSettings = settings;
    this.#noise = null;
  }

  /** Starts an episode: the noise restarts. */
  begin(): void {
    this.#noise?.restart();
  }

  /** The action for an observation, [size], both in the environment's units; zeros without a policy. */
  act(observation: ArrayLike<number>, size: number): number[] {
    const { policy, noiseSize } = this;
    if (!policy) return new Array(size).fill(0);
    // Parameter noise needs the memory of an agent.
    if (!this.#noiseSettings || this.#noiseSettings.noise === "parameter") return Array.from(policy.act(observation));
    this.#noise ??= createNoise(this.#noiseSettings, size, this.#random.fork("noise"));
    const mu = policy.forward(observation, "observation").data;
    const noise = this.#noise.sample();
    return Array.from(
      policy.units.toEnvironment(noise.map((x, i) => Math.min(1, Math.max(-1, mu[i] + noiseSize * x)))),
    );
  }
}

/** Copies what a file holds into a policy of the same shape: loading a new one would allocate another memory. */
export function renew(policy: Policy, bytes: Uint8Array): void {
  policy.restore(decodeSafetensors(bytes, "policy"), "policy");
}
