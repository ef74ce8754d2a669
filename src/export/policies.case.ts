// Policies of all kinds, with parameters as after some training, for tests of exported policies.
import { Random } from "../base/random.ts";
import type { Settings } from "../ddpg/config.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import type { Arithmetic } from "../kernels/kernels.ts";

export interface PolicyCase {
  name: string;
  agent: Ddpg;
  /** A new observation of Float32 values. */
  observe(): Float32Array;
}

/**
 * Agent number `index`: with or without each normalization, with few or many layers, with unequal, asymmetric bounds.
 */
export async function policyCase(index: number, arithmetic: Arithmetic = "portable"): Promise<PolicyCase> {
  const random = new Random(index).fork("policy");
  const list = <T>(length: number, item: () => T): T[] => Array.from({ length }, item);
  const observationSize = 1 + random.integer(20);
  const actionLow = list(1 + random.integer(5), () => random.uniform(-50, 50));
  const actionHigh = actionLow.map((low) => low + random.uniform(1, 100));
  const layers = random.integer(4);
  const names = ["relu", "tanh", "linear"] as const;
  const settings: Partial<Settings> = {
    actorHiddenSizes: list(layers, () => 1 + random.integer(70)),
    actorActivations: layers > 0 ? list(layers, () => names[random.integer(3)]) : ["relu"],
    normalization: (["none", "batch", "none", "batch", "layer"] as const)[index % 5],
    observationNormalization: index % 3 === 2,
    observationScale: list(observationSize, () => random.uniform(0.01, 2)),
    observationOffset: list(observationSize, () => random.uniform(-10, 10)),
    replayCapacity: 128,
  };
  const options = { preset: "standard", arithmetic, ...settings } as const;
  const agent = await Ddpg.create({ observationSize, actionLow, actionHigh }, options);

  const { parameters } = agent.actor;
  for (const name of parameters.names) {
    const { rows, columns } = parameters.value(name);
    const number = {
      weights: () => (random.uniform(0.5, 2) * random.normal()) / Math.sqrt(rows),
      runningVariance: () => random.uniform(0.05, 4),
    }[name.split(".").pop() ?? ""];
    parameters.write(name, list(rows * columns, number ?? (() => random.normal())));
  }
  const { observationScale, observationOffset } = agent.units;
  // A few of the observations below are clipped.
  for (let i = 0; i < 20; i++) agent.observationNormalization?.add(list(observationSize, () => random.normal() / 4));
  return {
    name: `policy ${index}: ${settings.normalization}, ${settings.observationNormalization ? "running normalization, " : ""}${settings.actorActivations} ${settings.actorHiddenSizes}`,
    agent,
    observe: () =>
      Float32Array.from(observationScale, (scale, i) => observationOffset[i] + (1.5 * random.normal()) / scale),
  };
}
