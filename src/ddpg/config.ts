import { expect, expectOptions, InputError, show, suggest } from "../base/expect.ts";
import type { Activation } from "../nn/layer.ts";
import { suggestSetting } from "./other-names.ts";

/** A setting's help line, its check, and its form on the command line. */
interface SettingRow<T> {
  readonly help: string;
  /** Throws an InputError that begins with `where` unless `value` is valid for this setting. */
  check(value: unknown, where: string): asserts value is T;
  /** Converts a command-line argument to a value, which is checked afterwards. */
  parse(text: string): unknown;
  /** All values as they are typed, if there are only a few. */
  readonly choices?: readonly string[];
}

/** A row of the table of settings. */
interface Setting<T> extends SettingRow<T> {
  /**
   * What files from before this setting existed imply, given the settings that they have; absent if every file has the
   * setting.
   */
  readonly missing?: (file: Readonly<Record<string, unknown>>) => T;
  /** Returns the same setting, with the value that files from before it existed imply. */
  before(value: T | ((file: Readonly<Record<string, unknown>>) => T)): Setting<T>;
}

/**
 * Every setting of the algorithm. "Paper" is Lillicrap et al., arXiv 1509.02971; §7 is its appendix "Experiment
 * details". Actions and noise are in half-ranges of the action: 1 is the distance from the middle of the bounds to
 * either bound.
 */
const table = {
  /** The number of units in each hidden layer of the actor, first to last. Paper §7: 400, 300. */
  actorHiddenSizes: sizes("units in each hidden layer of the actor"),
  /** The activation of each hidden layer of the actor; a single name applies to all. Paper §7: relu. */
  actorActivations: activations("activation of each hidden layer of the actor"),
  /** The number of units in each hidden layer of the critic, first to last. Paper §7: 400, 300. */
  criticHiddenSizes: sizes("units in each hidden layer of the critic"),
  /** The activation of each hidden layer of the critic; a single name applies to all. Paper §7: relu. */
  criticActivations: activations("activation of each hidden layer of the critic"),
  /**
   * The number of the critic's layer that has the action as an input: 1 joins it to the observation, 2 to the output of
   * the first hidden layer, and so on. Paper §7: 2.
   */
  actionEntersLayer: integer("critic's layer that the action enters: 1 with the observation, 2 as in the paper", 1),
  /**
   * The initialization of hidden layers: `fan-in` is uniform in ±1/√fan-in (paper §7); `glorot` is uniform in
   * ±√(6 / (fan-in + fan-out)) with zero biases (Glorot & Bengio 2010).
   */
  initialization: choice("initialization of hidden layers", ["fan-in", "glorot"]),
  /** The last layers start uniform in ± this bound. A small one keeps the first outputs near 0. Paper §7: 3e-3. */
  finalLayerBound: number("the last layers start uniform in ± this bound", 0, 10),
  /** α, Adam's step size, for the actor. Paper §7: 1e-4. */
  actorLearningRate: number("Adam's step size for the actor", 0, 1),
  /** α, Adam's step size, for the critic. Paper §7: 1e-3. */
  criticLearningRate: number("Adam's step size for the critic", 0, 1),
  /** β₁, Adam's decay of the first moment. Not in the paper; Kingma & Ba: 0.9. */
  adamBeta1: number("Adam's decay of the first moment", 0, 0.999999),
  /** β₂, Adam's decay of the second moment. Not in the paper; Kingma & Ba: 0.999. */
  adamBeta2: number("Adam's decay of the second moment", 0, 0.999999),
  /** ε, added to √v̂ in Adam. Not in the paper; Kingma & Ba: 1e-8. */
  adamEpsilon: number("added to the square root in Adam's denominator", 1e-30, 1),
  /** L2 regularization of the critic: criticWeightDecay · w is added to the gradient of its weights. Paper §7: 1e-2. */
  criticWeightDecay: number("L2 weight decay of the critic's weights, not of its biases", 0, 1),
  /** λ, decoupled weight decay (AdamW): every step of Adam first sets w ← (1 − α λ) w; α λ is at most 1. Not in the paper: 0. */
  decoupledWeightDecay: number(
    "decoupled weight decay (AdamW) of actor and critics: weights, not biases",
    0,
    10,
  ).before(0),
  /** The largest Euclidean norm of a critic's gradient; a longer one is scaled down to it. 0: no limit. Not in the paper. */
  criticGradientClip: number("largest norm of the critic's gradient; 0 sets no limit", 0, 1e12).before(0),
  /** p, in the actor's loss + p · mean(u²), where a = tanh u. It keeps actions off their bounds. Not in the paper: 0. */
  preactivationPenalty: number("factor of mean(u²) in the actor's loss, where the action is tanh u", 0, 1000).before(0),
  /** The number of critics; y takes the lowest of their targets' values. TD3: 2. Paper: 1. */
  critics: integer("number of critics: 1, or 2 whose lower value enters y", 1, 2).before(1),
  /** d: the actor and all targets move in every d-th update. TD3: 2. Paper: 1. */
  actorDelay: integer("the actor and all targets move in every such update", 1).before(1),
  /** The standard deviation of the noise added to μ′(s′) in y, in half-ranges. TD3: 0.2. Paper: 0. */
  targetNoiseScale: number("noise added to the target actor's action, in half-ranges", 0, 10).before(0),
  /** The noise added to μ′(s′) is clipped to ± this bound, in half-ranges. TD3: 0.5. */
  targetNoiseClip: number("bound of the noise added to the target actor's action, in half-ranges", 0, 10).before(0.5),
  /**
   * The critic's loss. `squared`: (y − Q)² (paper). `huber`: ½ (y − Q)², but |y − Q| − ½ beyond 1. `categorical`: the
   * critic predicts the probabilities of `criticAtoms` returns, and its loss is their cross-entropy with y's (C51).
   */
  criticLoss: choice("loss of the critic", ["squared", "huber", "categorical"]).before("squared"),
  /** The number of returns that a categorical critic knows, evenly spaced over ±`criticSupport`. C51: 51; SimbaV2: 101. */
  criticAtoms: integer("returns that a categorical critic distinguishes", 2, 1024).before(101),
  /** The largest return, in scaled rewards, that a categorical critic knows. */
  criticSupport: number("largest scaled return of a categorical critic, which covers ± this", 1e-6, 1e12).before(5),
  /** γ, the discount of the next step's value. Paper §7: 0.99. */
  discount: number("discount of the next step's value", 0, 1),
  /**
   * n, the number of rewards that a stored row sums before the value of the next observation: y = Σₖ γᵏ rₜ₊ₖ + γⁿ Q′. Fewer
   * at the end of an episode. Paper §3: 1.
   */
  returnSteps: integer("rewards that a stored row sums before the value of the next observation", 1, 1000).before(1),
  /** τ, in target ← τ · online + (1 − τ) · target in every `actorDelay`-th update. 1 copies the networks. Paper §7: 0.001. */
  softUpdateRate: number("soft-update rate of the target networks", 0, 1),
  /** N, the number of transitions in a minibatch. Paper §7: 64. */
  batchSize: integer("transitions in a minibatch", 1, 65536),
  /** The number of transitions that the replay buffer keeps; the oldest is evicted first. Paper §7: 1e6. */
  replayCapacity: integer("transitions that the replay buffer keeps", 1, 2_147_483_647),
  /**
   * Which rows of the replay buffer are drawn more often: none, as in the paper, or those with a large error |y − Q|.
   * `proportional` is Schaul et al. 2016, `lap` is Fujimoto et al. 2020, for the Huber loss.
   */
  replayPriority: choice("rows that are drawn more often", ["none", "proportional", "lap"]).before("none"),
  /** α: a row is drawn with a probability proportional to its priority to the power of α. Schaul: 0.6; LAP: 0.4. */
  priorityExponent: number("power of a row's priority that its probability is proportional to", 0, 2).before(0.6),
  /** Added to |y − Q| for a proportional priority; the lowest priority of `lap`. Schaul: a small number; LAP: 1. */
  priorityFloor: number("added to the error of a row as its priority; the lowest priority of lap", 1e-12, 1e6).before(
    1,
  ),
  /** β: the weight of a row's loss is (N P)^−β over the largest one of the minibatch. Not with `lap`. Schaul: 0.4. */
  importanceExponent: number("power of the weights that undo the bias of proportional priorities", 0, 1).before(0.4),
  /** The number of steps in which β grows linearly to 1; 0: it stays. */
  importanceAnnealSteps: integer("steps in which that power grows linearly to 1; 0 keeps it constant", 0).before(0),
  /**
   * Whether the rows of an episode are stored again with goals that it reached, in an environment that has a goal.
   * `final`: once, with the last one. `future`: `hindsightGoals` times, with goals reached later. Andrychowicz et al. 2017.
   */
  hindsight: choice("goals that an episode is learned from again with", ["none", "final", "future"]).before("none"),
  /** k: the number of goals of each step with `future`. Andrychowicz et al.: 4. */
  hindsightGoals: integer("goals for each step with --hindsight future", 1, 100).before(4),
  /** The number of first steps with uniformly random actions and without learning. Not in the paper: 0. */
  warmupSteps: integer("first steps with random actions and without learning", 0),
  /**
   * The number of time steps between two rounds of updates; 0: one round at the end of each episode. A round makes all
   * updates of the time steps since the last one, so the total does not depend on this setting. Paper §3: 1.
   */
  updateEvery: integer("steps between rounds of updates; 0: one round at the end of each episode", 0).before(1),
  /** The number of updates for each time step; 0.5 is one update for every second step. Paper §3: 1. */
  updatesPerStep: number("updates for each step, made in rounds; 0.5 is one for every second step", 1e-6, 1000).before(
    1,
  ),
  /**
   * The normalization of hidden layers, between the dense part and the activation. `batch`: batch normalization of
   * observations, the actor's hidden layers and the critic's layers below the action. `layer`: layer normalization of
   * every hidden layer of the actor and the critic (Ba et al., arXiv 1607.06450). Paper §3: batch.
   */
  normalization: choice("normalization of hidden layers; batch also normalizes observations", [
    "none",
    "batch",
    "layer",
  ]),
  /**
   * How a critic's batch normalization sees the two halves of an update. `separate`: (s, a) with the statistics of the
   * minibatch, (s′, μ′(s′)) in a target network (paper §3). `joint`: both in one pass, with the statistics of all rows; all
   * hidden layers of the critic are normalized, and the targets are copies (CrossNorm, CrossQ).
   */
  batchNormPass: choice("pass of the critic: joint normalizes (s, a) and (s′, μ(s′)) together, without slow targets", [
    "separate",
    "joint",
  ]).before("separate"),
  /** ε, added to the variance in batch normalization. Not in the paper. */
  batchNormEpsilon: number("added to the variance in batch normalization", 1e-12, 1),
  /** The fraction of batch normalization's running averages that an update keeps. Not in the paper. */
  batchNormKeep: number("fraction of batch normalization's running averages that an update keeps", 0, 1),
  /**
   * The rule of batch normalization's statistics. `corrected`: a feature that never changes is normalized to exactly 0,
   * and the first minibatch sets the running averages. `plain`: the averages are in Float32, start at mean 0 and variance
   * 1, and end some 50 units in the last place off, so that the policy acts differently than it learned on large features
   * that hardly change. Not in the paper.
   */
  batchNormStatistics: choice("statistics of batch normalization; plain is the rule of versions before 0.2", [
    "corrected",
    "plain",
  ]).before(({ normalization }) => (normalization === "none" ? "corrected" : "plain")),
  /** ε, added to the variance in layer normalization. Not in the paper. */
  layerNormEpsilon: number("added to the variance in layer normalization", 1e-12, 1).before(1e-5),
  /**
   * The kind of exploration noise 𝒩. Paper §7: Ornstein–Uhlenbeck. `pink` is correlated over every time scale (Eberhard et
   * al. 2023); `parameter` perturbs the actor's parameters (Plappert et al. 2017); `action-reverting` pulls the action
   * itself to `noiseMean`, as DDPG-Keras-Torcs does.
   */
  noise: choice("exploration noise", [
    "ornstein-uhlenbeck",
    "gaussian",
    "pink",
    "parameter",
    "action-reverting",
    "decaying-offset",
    "none",
  ]),
  /**
   * The size of the noise, in half-ranges: σ of Ornstein–Uhlenbeck and of action-reverting noise, the standard deviation of
   * Gaussian and of pink noise, the distance δ of the actions that parameter noise aims at, or the initial value of the decaying offset. One
   * value, or one per dimension [A]. Paper §7: 0.2.
   */
  noiseScale: numbers("size of the noise, in half-ranges of the action; one value or one per dimension", 0),
  /**
   * θ, the rate at which Ornstein–Uhlenbeck noise, or the action with action-reverting noise, reverts to `noiseMean`, per
   * step. One value, or one per dimension [A]. Paper §7: 0.15.
   */
  noiseTheta: numbers(
    "rate at which Ornstein–Uhlenbeck and action-reverting noise return to their mean, per step",
    0,
    2,
  ),
  /**
   * μ, what Ornstein–Uhlenbeck noise reverts to, in half-ranges. With action-reverting noise it is what the action reverts
   * to, where −1 and 1 are its bounds. One value, or one per dimension [A]. Paper §7: 0.
   */
  noiseMean: numbers("mean that Ornstein–Uhlenbeck or action-reverting noise reverts to", -10, 10).before(0),
  /** Δt of Ornstein–Uhlenbeck noise, in steps. Not in the paper: 1. */
  noiseTimeStep: number("time step of Ornstein–Uhlenbeck noise, in steps", 1e-6, 1),
  /**
   * The number of steps after the warm-up in which the noise shrinks linearly to `noiseFinalFraction`; 0: no annealing.
   */
  noiseAnnealSteps: integer("steps after the warm-up in which the noise shrinks linearly; 0 keeps it constant", 0),
  /** The fraction of the noise that is left after `noiseAnnealSteps`. */
  noiseFinalFraction: number("fraction of the noise that is left after annealing", 0, 1),
  /** The networks see (observation − observationOffset) · observationScale. One value, or one per dimension [O]. */
  observationScale: numbers("factor of observations, after the offset; one value or one per dimension"),
  /** Subtracted from observations before scaling. One value, or one per dimension [O]. */
  observationOffset: numbers("subtracted from observations before scaling; one value or one per dimension"),
  /** The factor of rewards as the critic sees them. Returns are reported unscaled. */
  rewardScale: number("factor of rewards as the critic sees them; returns are reported unscaled", 1e-12, 1e12),
  /**
   * Whether the networks see scaled observations minus their running mean, divided by their running standard deviation;
   * see `ObservationNormalization`. Not in the paper.
   */
  observationNormalization: boolean("running normalization of observations, after offset and scale").before(false),
  /**
   * Whether the critic sees rewards divided by the running size of the discounted return; see `RewardNormalization`.
   * Returns are reported as they are. Not in the paper.
   */
  rewardNormalization: boolean("division of rewards by the running size of the discounted return").before(false),
} satisfies Record<string, Setting<unknown>>;

type Table = typeof table;

/** The value of every setting of the algorithm; `settingNames` lists the names. */
export type Settings = {
  -readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never;
};

/** Settings of earlier versions. They are still read everywhere; new files have those of `Settings`. */
export interface OldSettings {
  /** @deprecated Use `normalization`: "batch" for true, "none" for false. */
  batchNormalization?: boolean | undefined;
}

/** The rows of `OldSettings`, with what their values mean in the settings of this version. */
const oldTable = {
  batchNormalization: {
    ...boolean("true: --normalization batch; false: --normalization none"),
    meaning: (value: unknown): Partial<Settings> => ({ normalization: value === true ? "batch" : "none" }),
  },
} satisfies { readonly [K in keyof OldSettings]-?: SettingRow<unknown> & { meaning(value: unknown): object } };

const rows = { ...table, ...oldTable };

/** The names of `OldSettings`. */
export const oldSettingNames = Object.keys(oldTable) as (keyof OldSettings)[];

/**
 * Returns settings without those of earlier versions, which become the settings that they mean; a fresh object. Every
 * reader of settings calls this function: files, links, flags and options. If both are given, the later one counts, as in
 * a spread. Throws an InputError that begins with the name for an invalid value.
 */
export function currentSettings(settings: Partial<Settings> & OldSettings): Partial<Settings> {
  const current: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const old = oldSettingNames.find((each) => each === name);
    if (!old) current[name] = value;
    else if (value !== undefined) {
      check(old, value, old);
      Object.assign(current, oldTable[old].meaning(value));
    }
  }
  return current;
}

/** The names of all settings, in the order of the documentation. */
export const settingNames = Object.keys(table) as (keyof Settings)[];

/** Returns a setting's help line. */
export function settingHelp(name: keyof (Settings & OldSettings)): string {
  return rows[name].help;
}

/** Returns all values of a setting as they are typed, or undefined unless there are only a few. */
export function settingChoices(name: keyof Settings): readonly string[] | undefined {
  const setting: Setting<unknown> = table[name];
  return setting.choices;
}

/** Returns a setting's command-line flag: actorLearningRate → --actor-learning-rate. */
export function settingFlag(name: keyof (Settings & OldSettings)): string {
  return flagOf(name);
}

/** Returns the flag of an option of the command line, by its name in camel case. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Formats a setting's value as it is typed; the inverse of `parseSetting`. */
export function showSetting(value: Settings[keyof Settings]): string {
  return typeof value === "object" ? value.join(",") : String(value);
}

/** Parses a setting's value as it is typed. Throws an InputError that begins with `where` if it is invalid. */
export function parseSetting(
  name: keyof (Settings & OldSettings),
  text: string,
  where: string,
): Settings[keyof Settings] {
  const value = rows[name].parse(text);
  check(name, value, where);
  return value;
}

function check(
  name: keyof (Settings & OldSettings),
  value: unknown,
  where: string,
): asserts value is Settings[keyof Settings] {
  const setting: SettingRow<unknown> = rows[name];
  setting.check(value, where);
}

/**
 * Checks the settings from a file and returns them; a fresh object. All stored settings are read here: those of run
 * directories, checkpoints, policies and benchmark records. A setting that the file lacks gets the value that its row
 * gives for files from before it existed. Throws an InputError that begins with `where` for an unknown name, an invalid
 * value, or a missing setting whose row gives no such value.
 *
 * If a file stores only some settings, as a policy does, pass their `names`; the others get the values of `paper`.
 */
export function storedSettings(
  value: unknown,
  where: string,
  names: readonly (keyof Settings)[] = settingNames,
): Settings {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), where, "an object of settings", value);
  const settings: Partial<Record<keyof Settings, unknown>> = InputError.within(where, () => currentSettings(value));
  for (const name of names) {
    if (Object.hasOwn(settings, name)) continue;
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
  decoupledWeightDecay: 0,
  criticGradientClip: 0,
  preactivationPenalty: 0,
  critics: 1,
  actorDelay: 1,
  targetNoiseScale: 0,
  targetNoiseClip: 0.5,
  criticLoss: "squared",
  criticAtoms: 101,
  criticSupport: 5,
  discount: 0.99,
  returnSteps: 1,
  softUpdateRate: 0.001,
  batchSize: 64,
  replayCapacity: 1_000_000,
  replayPriority: "none",
  priorityExponent: 0.6,
  priorityFloor: 1,
  importanceExponent: 0.4,
  importanceAnnealSteps: 0,
  hindsight: "none",
  hindsightGoals: 4,
  warmupSteps: 0,
  updateEvery: 1,
  updatesPerStep: 1,
  normalization: "batch",
  batchNormPass: "separate",
  batchNormEpsilon: 1e-5,
  batchNormKeep: 0.99,
  batchNormStatistics: "corrected",
  layerNormEpsilon: 1e-5,
  noise: "ornstein-uhlenbeck",
  noiseScale: 0.2,
  noiseTheta: 0.15,
  noiseMean: 0,
  noiseTimeStep: 1,
  noiseAnnealSteps: 0,
  noiseFinalFraction: 0,
  observationScale: 1,
  observationOffset: 0,
  rewardScale: 1,
  observationNormalization: false,
  rewardNormalization: false,
};

/** Plain DDPG with the values that most implementations use for larger tasks; for comparison. */
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
  normalization: "none",
  noise: "gaussian",
  noiseScale: 0.1,
};

/** TD3 with the settings of its authors' program: Fujimoto et al., arXiv 1802.09477. */
const td3: Settings = {
  ...standard,
  finalLayerBound: 0.0625, // 1 / √256, as in PyTorch's layers
  actorLearningRate: 3e-4,
  criticLearningRate: 3e-4,
  critics: 2,
  actorDelay: 2,
  targetNoiseScale: 0.2,
  targetNoiseClip: 0.5,
  batchSize: 256,
  warmupSteps: 25_000,
};

/** For tasks of any scale: the units of observations and rewards are measured, exploration begins wide and correlated. */
const robust: Settings = {
  ...td3,
  preactivationPenalty: 1e-3,
  softUpdateRate: 0.02,
  warmupSteps: 1000,
  observationNormalization: true,
  rewardNormalization: true,
  noise: "pink",
  noiseScale: 0.6,
  noiseAnnealSteps: 50_000,
  noiseFinalFraction: 0.15,
};

/** Small networks that learn in a second; tuned on the pendulum. */
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

/** The settings of the NumPy program that this project grew from. */
const numpy: Settings = {
  ...paper,
  actorHiddenSizes: [300, 600],
  criticHiddenSizes: [300, 600, 600],
  criticActivations: ["relu", "linear", "relu"],
  initialization: "glorot",
  criticWeightDecay: 0,
  replayCapacity: 10_000,
  normalization: "none",
  noise: "decaying-offset",
  noiseScale: 0.5,
};

/**
 * The settings of DDPG-Keras-Torcs, for steering in [−1, 1], acceleration and brake in [0, 1]. The half-range of the last
 * two is 0.5, so σ is doubled and μ becomes 2 μ − 1.
 */
const torcs: Settings = {
  ...numpy,
  finalLayerBound: 1.7e-4, // a uniform distribution with the standard deviation 1e-4 of theirs
  batchSize: 32,
  replayCapacity: 100_000,
  noise: "action-reverting",
  noiseScale: [0.3, 0.2, 0.1],
  noiseTheta: [0.6, 1, 1],
  noiseMean: [0, 0, -1.2],
  noiseAnnealSteps: 100_000,
};

/** Complete sets of settings, by name. A preset never changes the environment. */
export const presets = { small, robust, standard, td3, paper, numpy, torcs } as const;
for (const preset of Object.values(presets)) {
  for (const value of Object.values(preset)) Object.freeze(value);
  Object.freeze(preset);
}

/** The name of a preset: a complete set of settings. */
export type PresetName = keyof typeof presets;

/** The preset of `Ddpg.create`, of tasks in MuJoCo and of environments that are not built in. */
export const defaultPreset: PresetName = "robust";

/** A line about each preset. */
export const presetHelp: Readonly<Record<PresetName, string>> = {
  small: "small networks that learn in a second; tuned on the pendulum",
  robust: "for tasks of any scale: TD3's critics, running normalization, pink noise",
  standard: "plain DDPG as most programs have it: one critic, fixed Gaussian noise",
  td3: "twin delayed DDPG with the settings of its authors, Fujimoto et al.",
  paper: "Lillicrap et al., wherever the paper gives a value",
  numpy: "the settings of the NumPy program that this project grew from",
  torcs: "the settings of DDPG-Keras-Torcs, for the three actions of its car",
};

/** Throws an InputError unless `name` is the name of a preset. */
export function expectPreset(name: unknown): asserts name is PresetName {
  const names: readonly unknown[] = Object.keys(presets);
  const hint = typeof name === "string" ? suggest(name, Object.keys(presets)) : "";
  expect(names.includes(name), "preset", `one of ${names.join(", ")}`, name, hint);
}

/**
 * Returns a preset's settings with changes; a fresh object. Throws an InputError for an unknown name or invalid value.
 */
export function settingsFrom(preset: PresetName, changes: Partial<Settings> & OldSettings = {}): Settings {
  expectPreset(preset);
  expectOptions(changes, "settings");
  const settings: Settings = { ...presets[preset] };
  for (const [name, value] of Object.entries(currentSettings(changes))) {
    if (!Object.hasOwn(table, name)) {
      throw new InputError(`settings: there is no setting ${show(name)}. ${suggestSetting(name, settingNames)}`.trim());
    }
    if (value !== undefined) Object.assign(settings, { [name]: value });
  }
  checkSettings(settings);
  // Lists are copied, so that changing them does not change a preset.
  for (const [name, value] of Object.entries(settings)) {
    if (Array.isArray(value)) Object.assign(settings, { [name]: value.slice() });
  }
  return settings;
}

/** Throws an InputError unless every setting is valid and the settings are consistent. */
function checkSettings(settings: Settings): void {
  for (const name of settingNames) check(name, settings[name], name);
  const layers = settings.criticHiddenSizes.length + 1;
  expect(
    settings.actionEntersLayer <= layers,
    "actionEntersLayer",
    `at most ${layers}, the number of the critic's layers, output layer included`,
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
    settings.normalization !== "batch" || settings.batchSize > 1,
    "batchSize",
    "at least 2 with batch normalization, because one row has no variance",
    settings.batchSize,
  );
  expect(
    settings.normalization === "batch" || settings.batchNormPass === "separate",
    "batchNormPass",
    `separate with normalization ${settings.normalization}`,
    settings.batchNormPass,
    "A joint pass needs normalization batch.",
  );
  expect(
    !settings.rewardNormalization || settings.rewardScale === 1,
    "rewardScale",
    "1 with rewardNormalization, which finds the scale by itself",
    settings.rewardScale,
    "Leave it out, or set rewardNormalization to false.",
  );
  for (const rate of ["actorLearningRate", "criticLearningRate"] as const) {
    // Beyond 1, a step would turn the sign of every weight.
    expect(
      settings.decoupledWeightDecay * settings[rate] <= 1,
      "decoupledWeightDecay",
      `at most ${1 / settings[rate]}, 1 / ${rate}`,
      settings.decoupledWeightDecay,
    );
  }
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
  return list(
    `${help}: relu, tanh or linear; a single name applies to all`,
    (text) => text,
    good,
    "relu, tanh or linear",
  );
}

function numbers(help: string, min = -Infinity, max = Infinity): Setting<number | number[]> {
  const range =
    max < Infinity
      ? `a number from ${min} to ${max}`
      : min === -Infinity
        ? "a finite number"
        : `a number of at least ${min}`;
  const what = `${range}, or one per dimension`;
  const good = (value: unknown): boolean =>
    typeof value === "number" && Number.isFinite(value) && value >= min && value <= max;
  return setting({
    help,
    check(value, where) {
      expect(good(value) || (Array.isArray(value) && value.length > 0 && value.every(good)), where, what, value);
    },
    parse: (text) => (text.includes(",") ? text.split(",").map(numberOrText) : numberOrText(text)),
  });
}

/** Parses a number; returns the text itself if it is not one, so that an error can show it. */
function numberOrText(text: string): number | string {
  const number = Number(text.replaceAll(/(?<=\d)_(?=\d)/g, ""));
  return text.trim() === "" || Number.isNaN(number) ? text : number;
}
