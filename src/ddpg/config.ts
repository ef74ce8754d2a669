import { expect, InputError, suggest } from "../base/expect.ts";
import type { Activation } from "../nn/layer.ts";

/** Which stream of numbers is added to the policy's action while exploring. */
export type NoiseName = "ornstein-uhlenbeck" | "gaussian" | "decaying-offset" | "none";

/** One setting: how it is checked, and the line that the command line's help shows. */
interface SettingRow<T> {
  readonly help: string;
  /** Throws an InputError that begins with `where` unless `value` is a value of this setting. */
  check(value: unknown, where: string): asserts value is T;
  /** The value that a text on the command line means; checked afterwards. */
  parse(text: string): unknown;
  /** The texts of all its values, where there are few. */
  readonly choices?: readonly string[];
}

/** A row of the table. */
interface Setting<T> extends SettingRow<T> {
  /**
   * What a file means that was written before this setting existed, from the settings that it has; absent where every
   * file has the setting.
   */
  readonly missing?: (file: Readonly<Record<string, unknown>>) => T;
  /** The same setting, with a meaning for the files from before it existed. */
  before(value: T | ((file: Readonly<Record<string, unknown>>) => T)): Setting<T>;
}

/**
 * Every setting of the algorithm. «Paper» is Lillicrap et al., arXiv 1509.02971; §7 is its appendix «Experiment
 * details». Actions and noise are in half-ranges of the action: 1 is from the middle of the bounds to their end.
 */
const table = {
  /** Units of the actor's hidden layers, first to last. Paper §7: 400, 300. */
  actorHiddenSizes: sizes("units of the actor's hidden layers"),
  /** What follows each of them. Paper §7: relu. One name serves all layers. */
  actorActivations: activations("activation of each hidden layer of the actor"),
  /** Units of the critic's hidden layers, first to last. Paper §7: 400, 300. */
  criticHiddenSizes: sizes("units of the critic's hidden layers"),
  /** What follows each of them. Paper §7: relu. */
  criticActivations: activations("activation of each hidden layer of the critic"),
  /** The critic's layer that takes the action in: 1 beside the observation, 2 beside the first hidden layer's output. Paper §7: 2. */
  actionEntersLayer: integer("critic's layer at which the action enters: 1 with the observation, 2 the paper's", 1),
  /** How hidden layers start: uniform ±1/√fan-in (paper §7), or uniform ±√(6 / (fan-in + fan-out)) with zero biases (Glorot & Bengio 2010). */
  initialization: choice("how hidden layers start", ["fan-in", "glorot"]),
  /** Bound of the last layers' uniform start, small so that first outputs are near 0. Paper §7: 3e-3. */
  finalLayerBound: number("bound of the last layers' uniform start", 0, 10),
  /** Adam's step size for μ. Paper §7: 1e-4. */
  actorLearningRate: number("Adam's step size for the actor", 0, 1),
  /** Adam's step size for Q. Paper §7: 1e-3. */
  criticLearningRate: number("Adam's step size for the critic", 0, 1),
  /** Adam's decay of the first moment, β₁. The paper is silent; Kingma & Ba: 0.9. */
  adamBeta1: number("Adam's decay of the first moment", 0, 0.999999),
  /** Adam's decay of the second moment, β₂. The paper is silent; Kingma & Ba: 0.999. */
  adamBeta2: number("Adam's decay of the second moment", 0, 0.999999),
  /** Added to √v̂ in Adam. The paper is silent; Kingma & Ba: 1e-8. */
  adamEpsilon: number("added to the root in Adam", 1e-30, 1),
  /** L2 on Q's weights: weightDecay · w is added to their gradient, not to that of biases. Paper §7: 1e-2. */
  criticWeightDecay: number("L2 weight decay of the critic's weights", 0, 1),
  /** γ: what the next step's value is worth now. Paper §7: 0.99. */
  discount: number("discount of the next step's value", 0, 1),
  /** τ: target ← τ · online + (1 − τ) · target after every update. Small; 1 would copy. Paper §7: 0.001. */
  softUpdateRate: number("soft-update rate of the target networks", 0, 1),
  /** Transitions in a minibatch, N. Paper §7: 64. */
  batchSize: integer("transitions in a minibatch", 1, 65536),
  /** Transitions that the replay buffer holds; the oldest make room. Paper §7: 1e6. */
  replayCapacity: integer("transitions that the replay buffer holds", 1, 2_147_483_647),
  /** Steps with uniformly random actions before the policy acts; learning begins after them. The paper is silent: 0. */
  warmupSteps: integer("first steps, with random actions and without learning", 0),
  /** Whether the state input, μ's hidden layers and Q's layers below the action are batch-normalised. Paper §3, §7. */
  batchNormalization: boolean("normalise the observation and hidden layers by the minibatch"),
  /** ε under batch normalisation's root. The paper is silent. */
  batchNormEpsilon: number("added under batch normalisation's root", 1e-12, 1),
  /** How much of batch normalisation's running averages an update keeps. The paper is silent. */
  batchNormKeep: number("part of the running averages that an update keeps", 0, 1),
  /**
   * How batch normalization takes its statistics. `corrected`: a feature that never changes is normalized to exactly 0,
   * and the first minibatch sets the running averages. `plain`: the averages are in Float32, start at mean 0 and
   * variance 1, and end some 50 units in the last place off; large features that hardly change are then acted on in
   * another way than they were learned. The paper is silent.
   */
  batchNormStatistics: choice("statistics of batch normalization; plain is the rule of versions before 0.2", [
    "corrected",
    "plain",
  ]).before(({ batchNormalization }) => (batchNormalization === false ? "corrected" : "plain")),
  /** Exploration noise 𝒩. Paper §7: Ornstein–Uhlenbeck. */
  noise: choice("exploration noise", ["ornstein-uhlenbeck", "gaussian", "decaying-offset", "none"]),
  /** Size of the noise in half-ranges: OU's σ, the Gaussian's standard deviation, the offset at the start. One value, or one per dimension. Paper §7: 0.2. */
  noiseScale: numbers("size of the noise, in half-ranges of the action; one value or one per dimension", 0),
  /** OU's θ, the pull back to 0 in 1/step. Paper §7: 0.15. */
  noiseTheta: number("pull of Ornstein–Uhlenbeck noise towards 0, per step", 0, 2),
  /** OU's Δt in steps. The paper is silent: 1. */
  noiseTimeStep: number("time step of Ornstein–Uhlenbeck noise, in steps", 1e-6, 1),
  /** Steps after the warm-up over which the noise shrinks linearly to `noiseFinalFraction` of its size; 0 keeps it. */
  noiseAnnealSteps: integer("steps over which the noise shrinks linearly; 0 keeps it", 0),
  /** What is left of the noise after `noiseAnnealSteps`. */
  noiseFinalFraction: number("part of the noise that is left after that", 0, 1),
  /** The networks see (observation − observationOffset) · observationScale. One value, or one per dimension. */
  observationScale: numbers("observations are multiplied by this after the offset; one value or one per dimension"),
  /** Taken off every observation before it is scaled. One value, or one per dimension. */
  observationOffset: numbers("taken off every observation; one value or one per dimension"),
  /** The critic learns rewards times this. Returns are reported unscaled. */
  rewardScale: number("the critic learns rewards times this", 1e-12, 1e12),
} satisfies Record<string, Setting<unknown>>;

type Table = typeof table;

/** Every setting of the algorithm; `settingNames` lists them. */
export type Settings = {
  -readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never;
};

/** The settings' names, in the order of the table. */
export const settingNames = Object.keys(table) as (keyof Settings)[];

/** A line for the command line's help. */
export function settingHelp(name: keyof Settings): string {
  return table[name].help;
}

/** The texts of all of a setting's values, where there are few. */
export function settingChoices(name: keyof Settings): readonly string[] | undefined {
  const setting: Setting<unknown> = table[name];
  return setting.choices;
}

/** actorLearningRate → --actor-learning-rate */
export function settingFlag(name: keyof Settings): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A setting's value as it is typed. */
export function showSetting(value: Settings[keyof Settings]): string {
  return typeof value === "object" ? value.join(",") : String(value);
}

/** A setting's value from a text, as a command line gives it; throws an InputError that begins with `where`. */
export function parseSetting(name: keyof Settings, text: string, where: string): Settings[keyof Settings] {
  const value = table[name].parse(text);
  check(name, value, where);
  return value;
}

function check(name: keyof Settings, value: unknown, where: string): asserts value is Settings[keyof Settings] {
  const setting: Setting<unknown> = table[name];
  setting.check(value, where);
}

/**
 * The settings that a file holds, checked; a fresh object. Every reader of stored settings is this one: of run
 * directories, checkpoints, policies and benchmark records. A setting that the file lacks has the value that its row
 * gives to files from before it existed. Throws an InputError that begins with `where` for an unknown name, a bad value,
 * or a missing one without such a meaning.
 *
 * A file may store only some settings (a policy does): `names` are those, and all others become the paper's.
 */
export function storedSettings(
  value: unknown,
  where: string,
  names: readonly (keyof Settings)[] = settingNames,
): Settings {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), where, "an object of settings", value);
  const settings: Partial<Record<keyof Settings, unknown>> = { ...value };
  for (const name of names) {
    if (Object.hasOwn(value, name)) continue;
    const { missing }: Setting<unknown> = table[name];
    expect(missing !== undefined, `${where} ${name}`, "a value", undefined);
    settings[name] = missing?.(settings);
  }
  return InputError.within(where, () => settingsFrom("paper", settings as Partial<Settings>));
}

const paper: Settings = {
  actorHiddenSizes: [400, 300],
  actorActivations: ["relu"],
  criticHiddenSizes: [400, 300],
  criticActivations: ["relu"],
  actionEntersLayer: 2,
  initialization: "fan-in",
  finalLayerBound: 3e-3,
  actorLearningRate: 1e-4,
  criticLearningRate: 1e-3,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  criticWeightDecay: 1e-2,
  discount: 0.99,
  softUpdateRate: 0.001,
  batchSize: 64,
  replayCapacity: 1_000_000,
  warmupSteps: 0,
  batchNormalization: true,
  batchNormEpsilon: 1e-5,
  batchNormKeep: 0.99,
  batchNormStatistics: "corrected",
  noise: "ornstein-uhlenbeck",
  noiseScale: 0.2,
  noiseTheta: 0.15,
  noiseTimeStep: 1,
  noiseAnnealSteps: 0,
  noiseFinalFraction: 0,
  observationScale: 1,
  observationOffset: 0,
  rewardScale: 1,
};

/** The field's consensus for larger tasks: the start for an environment of one's own. */
const standard: Settings = {
  ...paper,
  actorHiddenSizes: [256, 256],
  criticHiddenSizes: [256, 256],
  actionEntersLayer: 1,
  actorLearningRate: 1e-3,
  criticWeightDecay: 0,
  softUpdateRate: 0.005,
  batchSize: 128,
  warmupSteps: 10_000,
  batchNormalization: false,
  noise: "gaussian",
  noiseScale: 0.1,
};

/** Chosen on the pendulum: small networks that learn in a second. */
const small: Settings = {
  ...standard,
  actorHiddenSizes: [64, 64],
  criticHiddenSizes: [64, 64],
  criticLearningRate: 3e-3,
  softUpdateRate: 0.03,
  rewardScale: 0.1,
  batchSize: 64,
  warmupSteps: 1000,
  noiseScale: 0.2,
};

/** The NumPy program that this one grew from. */
const numpy: Settings = {
  ...paper,
  actorHiddenSizes: [300, 600],
  criticHiddenSizes: [300, 600, 600],
  criticActivations: ["relu", "linear", "relu"],
  initialization: "glorot",
  criticWeightDecay: 0,
  replayCapacity: 10_000,
  batchNormalization: false,
  noise: "decaying-offset",
  noiseScale: 0.5,
};

/** Complete sets of settings, by name. A preset never changes the environment. */
export const presets = { small, standard, paper, numpy } as const;
for (const preset of Object.values(presets)) {
  for (const value of Object.values(preset)) Object.freeze(value);
  Object.freeze(preset);
}

/** The name of a preset: a complete set of settings. */
export type PresetName = keyof typeof presets;

/** What each preset is for, in a line. */
export const presetHelp: Readonly<Record<PresetName, string>> = {
  small: "small networks that learn in a second; chosen on the pendulum",
  standard: "the field's consensus for larger tasks; the default for environments of one's own",
  paper: "Lillicrap et al., where the paper speaks",
  numpy: "the NumPy program that this one grew from",
};

/** The preset's name, checked. */
export function expectPreset(name: string): asserts name is PresetName {
  const names = Object.keys(presets);
  expect(names.includes(name), "preset", `one of ${names.join(", ")}`, name, suggest(name, names));
}

/** A preset's settings with changes; a fresh object. Throws an InputError for an unknown name or a bad value. */
export function settingsFrom(preset: PresetName, changes: Partial<Settings> = {}): Settings {
  expectPreset(preset);
  const settings: Settings = { ...presets[preset] };
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(table, name)) {
      throw new InputError(`settings: there is no setting "${name}". ${suggest(name, settingNames)}`.trim());
    }
    if (value !== undefined) Object.assign(settings, { [name]: value });
  }
  checkSettings(settings);
  // Lists of its own: nobody's changes reach a preset.
  for (const [name, value] of Object.entries(settings)) {
    if (Array.isArray(value)) Object.assign(settings, { [name]: value.slice() });
  }
  return settings;
}

/** Throws an InputError unless every setting has a good value and they fit each other. */
export function checkSettings(settings: Settings): void {
  for (const name of settingNames) check(name, settings[name], name);
  const layers = settings.criticHiddenSizes.length + 1;
  expect(
    settings.actionEntersLayer <= layers,
    "actionEntersLayer",
    `at most ${layers}, the critic's layers with the output's`,
    settings.actionEntersLayer,
  );
  for (const [activations, sizes] of [
    ["actorActivations", "actorHiddenSizes"],
    ["criticActivations", "criticHiddenSizes"],
  ] as const) {
    const length = settings[activations].length;
    const fits = length === 1 || length === settings[sizes].length;
    expect(fits, activations, `one name, or one for each of ${settings[sizes].length} hidden layers`, length);
  }
  expect(
    settings.replayCapacity >= settings.batchSize,
    "replayCapacity",
    `at least the batch size ${settings.batchSize}`,
    settings.replayCapacity,
  );
  expect(
    !settings.batchNormalization || settings.batchSize > 1,
    "batchSize",
    "at least 2 with batch normalisation: one row has no variance",
    settings.batchSize,
  );
}

function setting<T>(row: SettingRow<T>): Setting<T> {
  return {
    ...row,
    before: (value) => ({
      ...setting(row),
      missing: typeof value === "function" ? (value as (file: object) => T) : () => value,
    }),
  };
}

function number(help: string, min: number, max: number): Setting<number> {
  const range = max === Infinity ? `a finite number of at least ${min}` : `a number from ${min} to ${max}`;
  return setting({
    help,
    check(value, where) {
      const good = typeof value === "number" && Number.isFinite(value) && value >= min && value <= max;
      expect(good, where, range, value);
    },
    parse: numberOrText,
  });
}

function integer(help: string, min: number, max = Number.MAX_SAFE_INTEGER): Setting<number> {
  const range =
    max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
  return setting({
    help,
    check(value, where) {
      expect(Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max, where, range, value);
    },
    parse: numberOrText,
  });
}

function boolean(help: string): Setting<boolean> {
  return setting({
    help,
    check: (value, where) => expect(typeof value === "boolean", where, "true or false", value),
    parse: (text) => (text === "true" ? true : text === "false" ? false : text),
    choices: ["true", "false"],
  });
}

function choice<const T extends string>(help: string, names: readonly T[]): Setting<T> {
  return setting({
    help: `${help}: ${names.join(", ")}`,
    check(value, where) {
      const good = (names as readonly unknown[]).includes(value);
      expect(good, where, `one of ${names.join(", ")}`, value, typeof value === "string" ? suggest(value, names) : "");
    },
    parse: (text) => text,
    choices: names,
  });
}

function list<T>(
  help: string,
  item: (text: string) => unknown,
  good: (v: unknown) => boolean,
  what: string,
): Setting<T[]> {
  return setting({
    help,
    check: (value, where) => expect(Array.isArray(value) && value.every(good), where, what, value),
    parse: (text) => (text === "" ? [] : text.split(",").map((part) => item(part.trim()))),
  });
}

function sizes(help: string): Setting<number[]> {
  const good = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= 16384;
  return list(`${help}, such as 400,300`, numberOrText, good, "whole numbers from 1 to 16384, such as 400,300");
}

function activations(help: string): Setting<Activation[]> {
  const names: readonly unknown[] = ["relu", "tanh", "linear"];
  const good = (value: unknown): boolean => names.includes(value);
  return list(`${help}: relu, tanh or linear; one name serves all`, (text) => text, good, "relu, tanh or linear");
}

function numbers(help: string, min = -Infinity): Setting<number | number[]> {
  const what =
    min === -Infinity ? "a finite number, or one per dimension" : `a number of at least ${min}, or one per dimension`;
  const good = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= min;
  return setting({
    help,
    check(value, where) {
      expect(good(value) || (Array.isArray(value) && value.length > 0 && value.every(good)), where, what, value);
    },
    parse: (text) => (text.includes(",") ? text.split(",").map(numberOrText) : numberOrText(text)),
  });
}

/** A number from a text; the text itself where it is none, so that an error can show it. */
function numberOrText(text: string): number | string {
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? text : number;
}
