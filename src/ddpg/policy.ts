import { type Bytes, readBytes } from "../base/bytes.ts";
import { expect, expectObject, expectOptions, fail, InputError, show } from "../base/expect.ts";
import { decodeSafetensors, encodeSafetensors, type Safetensors, tensorOf } from "../base/safetensors.ts";
import type { BackendOptions } from "../kernels/backend.ts";
import { backendForSaved } from "../kernels/choose-backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Arithmetic, Kernels } from "../kernels/kernels.ts";
import type { Matrix } from "../kernels/matrix.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { Network, networkTensors } from "../nn/network.ts";
import { allocateMatrix, Parameters } from "../nn/parameters.ts";
import { actorShape } from "./actor.ts";
import type { Settings } from "./config.ts";
import { ObservationNormalization } from "./observation-normalization.ts";
import {
  expectParameterNumbers,
  expectParameters,
  expectTensor,
  finiteNumbers,
  parametersTensors,
  parseArithmetic,
  parseSettings,
  parseUnits,
  restoreParameters,
  spacesText,
} from "./tensors.ts";
import type { Units } from "./units.ts";

/** The settings that determine what a policy computes; a policy's file stores them. */
export const policySettings = [
  "actorHiddenSizes",
  "actorActivations",
  "normalization",
  "batchNormEpsilon",
  "batchNormKeep",
  "layerNormEpsilon",
  "observationScale",
  "observationOffset",
  "observationNormalization",
] as const satisfies (keyof Settings)[];

/** The first of `policySettings` that differs, and that the policy depends on: format 1 does not store the others. */
export function differingSetting(
  one: Readonly<Settings>,
  other: Readonly<Settings>,
): (typeof policySettings)[number] | undefined {
  return policySettings.find(
    (name) =>
      (name !== "layerNormEpsilon" || one.normalization === "layer") &&
      JSON.stringify(one[name]) !== JSON.stringify(other[name]),
  );
}

/**
 * The format names in the metadata of a policy's file. Version 0.1 reads only the first one and would act wrongly without
 * what came later, so a policy that has any of that gets the second. Every other policy stays readable for version 0.1.
 */
const format1 = "ddpg-policy-1";
export const format2 = "ddpg-policy-2";

/** Returns a policy's settings as its file stores them, with the format. Format 1 has the settings of version 0.1. */
function storedForm(settings: Readonly<Settings>): { format: string; stored: object } {
  const { normalization, layerNormEpsilon, observationNormalization, ...same } = Object.fromEntries(
    policySettings.map((name) => [name, settings[name]]),
  );
  if (normalization === "layer" || observationNormalization === true)
    return { format: format2, stored: { ...same, normalization, layerNormEpsilon, observationNormalization } };
  const { actorHiddenSizes, actorActivations, ...others } = same;
  const batchNormalization = normalization === "batch";
  return { format: format1, stored: { actorHiddenSizes, actorActivations, batchNormalization, ...others } };
}

/** The tensor with the statistics of `ObservationNormalization`. */
const statisticsName = "observationNormalization";

/** A trained policy: maps an observation to an action, both in the environment's units. */
export class Policy {
  /** The sizes, bounds and scaling of the environment that the policy was trained on. */
  readonly units: Units;
  /**
   * The settings that the policy was trained with. In a loaded policy only `policySettings` are those; the others,
   * which do not change what it computes, have the values of the preset `paper`.
   */
  readonly settings: Readonly<Settings>;
  /**
   * How its products are rounded: as in training, or as in the file that it was loaded from unless an `arithmetic` option
   * said otherwise. `save` and the exports keep it. Where this platform does not have it, `act` rounds the other way.
   */
  readonly arithmetic: Arithmetic;
  /** @internal The actor's parameters, in the kernels' memory. */
  readonly parameters: Parameters;
  /** @internal The observation of the last `forward`, scaled and normalized: [1, O]. */
  readonly observation: Matrix;
  /** @internal The running normalization of observations; null with settings that have none. */
  readonly normalization: ObservationNormalization | null;
  readonly #network: Network;

  /** @internal Shares an actor's parameters; `Policy.load` makes a policy from a file's bytes. */
  constructor(
    kernels: Kernels,
    settings: Readonly<Settings>,
    parameters: Parameters,
    units: Units,
    arithmetic?: Arithmetic,
  ) {
    if (units === undefined) {
      const got = "a call of the constructor";
      throw new InputError({ where: "new Policy", expected: "await Policy.load(bytes), or agent.policy", got });
    }
    this.units = units;
    this.settings = settings;
    this.normalization = ObservationNormalization.create(settings, units.observationSize);
    this.parameters = parameters;
    this.arithmetic = arithmetic ?? kernels.arithmetic;
    const shape = actorShape(settings, units.observationSize, units.actionSize);
    this.#network = new Network(kernels, shape, parameters, 1, false);
    this.observation = allocateMatrix(kernels, 1, units.observationSize);
  }

  /**
   * Returns μ(s) [A] in the environment's units, within the bounds; a fresh array. Throws an InputError unless the
   * observation is O finite numbers.
   */
  act(observation: ArrayLike<number>): Float32Array {
    return this.units.toEnvironment(this.forward(observation, "Policy.act observation").data);
  }

  /** @internal Returns μ(s) in [−1, 1]: [1, A]; reused by the next call. An InputError begins with `where`. */
  forward(observation: ArrayLike<number>, where: string): Matrix {
    this.units.scaleObservation(this.observation.data, observation, where);
    this.normalization?.apply(this.observation.data);
    return this.#network.forward(this.observation, null, false);
  }

  /** @internal Throws an InputError unless another policy has the same sizes, bounds and `policySettings`. */
  expectSame(policy: Policy, where: string): void {
    expectPolicy(policy, where);
    const { units, settings } = policy;
    this.units.expectSame(units, where);
    const name = differingSetting(this.settings, settings);
    if (name) fail(`${where} ${name}`, show(this.settings[name]), settings[name]);
  }

  /** Returns the policy as the bytes of a safetensors file, with its sizes, bounds and scaling; a fresh array. */
  save(): Uint8Array {
    return encodeSafetensors(this.contents());
  }

  /** @internal Returns the contents of the file that `save` encodes. */
  contents(): Safetensors {
    const { format, stored } = storedForm(this.settings);
    const texts = { spaces: spacesText(this.units), settings: JSON.stringify(stored) };
    const metadata = { format, ...texts, arithmetic: this.arithmetic };
    const tensors = new Map(parametersTensors(this.parameters, "actor."));
    const { normalization } = this;
    if (normalization) tensors.set(statisticsName, tensorOf("F64", [normalization.stateSize], normalization.save()));
    return {
      tensors,
      metadata: new Map(Object.entries(metadata)),
    };
  }

  /** @internal Takes what a checked file of a policy with the same shape and settings holds. */
  restore({ tensors }: Safetensors, where: string): void {
    restoreParameters(this.parameters, tensors, "actor.", where);
    this.normalization?.restore(statisticsIn(tensors, this.normalization, where), `${where} ${statisticsName}`);
  }

  /**
   * Reads the policy that `save` wrote, over `backend` or the default backend. A policy loads under either arithmetic. It
   * computes with the one that it was saved with where this platform has it, and so gives the same bits; elsewhere, or with
   * another `arithmetic`, its actions differ by roundings. Only another `arithmetic` changes what `save` writes. `bytes` may be a Uint8Array, an ArrayBuffer, a Blob, a Response, or a
   * promise of one: `Policy.load(fetch("policy.safetensors"))`. Throws an InputError that names the field for any other
   * bytes.
   */
  static async load(
    bytes: Bytes | PromiseLike<Bytes>,
    options: Pick<BackendOptions, "backend" | "arithmetic"> = {},
  ): Promise<Policy> {
    const where = "Policy.load";
    expectOptions(options, where, ["backend", "arithmetic"]);
    const contents = decodeSafetensors(await readBytes(bytes, where), where);
    const { settings, units, shape, arithmetic: saved } = checkPolicy(contents, where);
    const { arithmetic = saved } = options;
    const policy = await buildOver(await backendForSaved(saved, options), (kernels) => {
      const parameters = new Parameters(kernels, networkTensors(shape), false);
      return new Policy(kernels, settings, parameters, units, arithmetic);
    });
    policy.restore(contents, where);
    return policy;
  }
}

/**
 * Checks the contents of a policy's file completely, before anything is allocated: a damaged file must not make this
 * allocate gigabytes. Throws an InputError that begins with `where` and names the field.
 */
export function checkPolicy(
  { tensors, metadata }: Safetensors,
  where: string,
): { settings: Settings; units: Units; shape: NetworkShape; arithmetic: Arithmetic } {
  const format = metadata.get("format");
  expect(format === format1 || format === format2, `${where} format`, `${format1} or ${format2}`, format);
  const settings = parseSettings(metadata, where, policySettings);
  const units = parseUnits({ tensors, metadata }, settings, where);
  const shape = actorShape(settings, units.observationSize, units.actionSize);
  expectParameters(tensors, "actor.", shape, where);
  expectParameterNumbers(tensors, "actor.", shape, where);
  expectStatistics(tensors, settings, units, where);
  return { settings, units, shape, arithmetic: parseArithmetic(metadata, where) };
}

/**
 * Throws an InputError that begins with `where` and names the field unless a file of a policy or an agent has the
 * statistics of observations that its settings ask for.
 */
export function expectStatistics(
  tensors: Safetensors["tensors"],
  settings: Settings,
  { observationSize }: Units,
  where: string,
): void {
  const normalization = ObservationNormalization.create(settings, observationSize);
  normalization?.restore(statisticsIn(tensors, normalization, where), `${where} ${statisticsName}`);
}

function statisticsIn(
  tensors: Safetensors["tensors"],
  { stateSize }: ObservationNormalization,
  where: string,
): ArrayLike<number> {
  expectTensor(tensors, statisticsName, "F64", [stateSize], where);
  return finiteNumbers(tensors, statisticsName, where);
}

/** Throws an InputError that begins with `where` unless a value is a policy. */
export function expectPolicy(policy: Policy, where: string): void {
  const expected = "a policy, such as agent.policy";
  expectObject(policy, where, expected);
  expect(typeof policy.units === "object" && policy.units !== null, where, expected, policy);
}
