import { expect } from "../src/base/expect.ts";
import { decodeSafetensors, type Safetensors } from "../src/base/safetensors.ts";
import type { Settings } from "../src/ddpg/config.ts";
import { criticShape } from "../src/ddpg/critic.ts";
import { Policy } from "../src/ddpg/policy.ts";
import { RewardNormalization } from "../src/ddpg/reward-normalization.ts";
import { expectParameters, finiteNumbers, parseWhole, restoreParameters } from "../src/ddpg/tensors.ts";
import { backendForSaved } from "../src/kernels/choose-backend.ts";
import { buildOver } from "../src/kernels/create.ts";
import { networkTensors } from "../src/nn/network.ts";
import { Parameters } from "../src/nn/parameters.ts";
import type { Networks } from "./grid.ts";

/**
 * Loads the networks of a policy file or a checkpoint. `critic` is null if the file has none. `step` is the number of
 * steps they were trained for, null if the file does not say. For other files it throws an InputError that names the
 * field.
 */
export async function loadNetworks(bytes: Uint8Array): Promise<Networks & { step: number | null }> {
  const actor = await Policy.load(bytes);
  const { settings, units, arithmetic, normalization: observationNormalization } = actor;
  const { tensors, metadata } = decodeSafetensors(bytes, "networks");
  const step = metadata.has("step") ? parseWhole(metadata, "step", "networks") : null;
  if (![...tensors.keys()].some((name) => name.startsWith("critic."))) {
    return { settings, units, arithmetic, actor, critic: null, step, observationNormalization, rewardFactor: 1 };
  }
  const shape = criticShape(settings, units.observationSize, units.actionSize);
  expectParameters(tensors, "critic.", shape, "networks");
  const parameters = await buildOver(
    await backendForSaved(arithmetic, {}),
    (kernels) => new Parameters(kernels, networkTensors(shape), false),
  );
  restoreParameters(parameters, tensors, "critic.", "networks");
  const rewardFactor = settings.rewardNormalization ? 1 / divisorIn(tensors, settings) : settings.rewardScale;
  return { settings, units, arithmetic, actor, critic: { parameters }, step, observationNormalization, rewardFactor };
}

/** What an agent's file divides rewards by. Which bodies are in an episode makes no difference to it. */
function divisorIn(tensors: Safetensors["tensors"], { discount }: Settings): number {
  const name = "rewardNormalization";
  expect(tensors.has(name), `networks ${name}`, "a tensor", undefined);
  const state = finiteNumbers(tensors, name, "networks");
  const normalization = new RewardNormalization(discount);
  const bodies = Array.from({ length: state.length - RewardNormalization.stateSize(0) }, (_, body) => body);
  normalization.restore(state, bodies, `networks ${name}`);
  return normalization.divisor;
}
