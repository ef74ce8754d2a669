// An experiment is everything that determines a run. The page's address holds it, so a link is an experiment.
import { expect, InputError, show, suggest } from "../src/base/expect.ts";
import {
  currentSettings,
  expectPreset,
  oldSettingNames,
  type PresetName,
  parseSetting,
  presets,
  type Settings,
  settingFlag,
  settingNames,
  showSetting,
} from "../src/ddpg/config.ts";
import { suggestSetting } from "../src/ddpg/other-names.ts";
import { expectArithmetic } from "../src/kernels/choose-backend.ts";
import type { Arithmetic } from "../src/kernels/kernels.ts";
import { customDefaults, environments, settingsFor, type Task, type TrainingDefaults } from "../src/tasks.ts";
import { scenes } from "./scenes.ts";
import { trained } from "./trained.ts";

export interface Experiment {
  readonly task: string;
  /** A named preset, used as it is. null: the task's default preset with the task's own settings. */
  readonly preset: PresetName | null;
  readonly seed: number;
  /** Environment steps after which training stops. */
  readonly steps: number;
  /** How products are rounded. */
  readonly arithmetic: Arithmetic;
  /** The settings that differ from `usualSettings`. */
  readonly changes: Partial<Settings>;
  /** Whether the actor starts as the task's trained policy, which lies beside the page. */
  readonly isFromTrained?: true;
}

/** Training speeds, as multiples of the task's real time. Infinity: as fast as the machine can. */
export const speeds = [1, 4, 20, Infinity] as const;
export type Speed = (typeof speeds)[number];

/** Fast enough to see it learn, slow enough to see it move. 3D tasks learn slowly, so they run at full speed. */
export function usualSpeed(task: string): Speed {
  return scenes[task].isSolid ? Infinity : 20;
}

/** The tasks that the page offers. */
export const tasks: readonly string[] = Object.keys(environments).filter((name) => Object.hasOwn(scenes, name));

/** The library's entry of a task that the page offers. */
export function taskOf({ task }: Pick<Experiment, "task">): Task {
  return environments[task];
}

/** A task's default training; a custom task gets the defaults of the command line. */
function defaultsOf(task: string): TrainingDefaults {
  return Object.hasOwn(environments, task) ? environments[task] : customDefaults;
}

/** The default experiment of a task, with the arithmetic that new experiments have in this browser. */
export function usualExperiment(arithmetic: Arithmetic, task = tasks[0]): Experiment {
  return { task, preset: null, seed: 1, steps: defaultsOf(task).steps, arithmetic, changes: {} };
}

/** What the form offers for a task: the defaults, unless its scene suggests something else. */
export function suggestedExperiment(arithmetic: Arithmetic, task: string): Experiment {
  return { ...usualExperiment(arithmetic, task), ...scenes[task].suggested };
}

/** Whether a task has its own settings. If so, naming its preset makes a difference, because it leaves them out. */
export function hasOwnSettings(task: string): boolean {
  return defaultsOf(task).settings !== undefined;
}

/** A preset as an experiment stores it: null if it is the task's default and naming it changes nothing. */
export function namedPreset(task: string, preset: PresetName): PresetName | null {
  return preset === defaultsOf(task).preset && !hasOwnSettings(task) ? null : preset;
}

/** The preset that an experiment is based on. */
export function presetOf({ task, preset }: Pick<Experiment, "task" | "preset">): PresetName {
  return preset ?? defaultsOf(task).preset;
}

/** The settings of an experiment without its changes. */
export function usualSettings({ task, preset }: Pick<Experiment, "task" | "preset">): Settings {
  return settingsFor(defaultsOf(task), preset ?? undefined).settings;
}

/** The settings of an experiment. Throws an InputError for invalid or incompatible settings. */
export function settingsOf({ task, preset, changes }: Experiment): Settings {
  return settingsFor(defaultsOf(task), preset ?? undefined, changes).settings;
}

/** The changed settings, each with its value as text. */
function changesOf({ changes }: Experiment): [name: keyof Settings, text: string][] {
  return settingNames.flatMap((name) => {
    const value = changes[name];
    return value === undefined ? [] : [[name, showSetting(value)]];
  });
}

/** Writes an experiment and a speed as the part of the address after #. */
export function toLink(experiment: Experiment, speed: Speed): string {
  const { task, preset, seed, steps, arithmetic } = experiment;
  const fields = new URLSearchParams({ task });
  // A link or a command without a preset includes the task's own settings.
  if (preset || !hasOwnSettings(task)) fields.set("preset", presetOf(experiment));
  fields.set("seed", String(seed));
  if (steps !== defaultsOf(task).steps) fields.set("steps", String(steps));
  fields.set("arithmetic", arithmetic);
  for (const [name, text] of changesOf(experiment)) fields.set(name, text);
  if (experiment.isFromTrained) fields.set("start", "trained");
  fields.set("speed", speed === Infinity ? "full" : String(speed));
  return fields.toString().replaceAll("%2C", ",");
}

/**
 * Reads a link written by `toLink`; fields that it leaves out have their defaults. Links from before 0.2 name no
 * arithmetic: they are portable. Throws an InputError that names the field for an unknown field or an invalid value.
 */
export function fromLink(link: string): { experiment: Experiment; speed: Speed } {
  const fields = new URLSearchParams(link.replace(/^#/, ""));
  const task = fields.get("task") ?? tasks[0];
  expect(tasks.includes(task), "task", `one of ${tasks.join(", ")}`, task, suggest(task, tasks));
  const preset = fields.get("preset");
  if (preset !== null) expectPreset(preset);
  const changes: Record<string, unknown> = {};
  for (const [name, text] of fields) {
    if (["task", "preset", "seed", "steps", "arithmetic", "start", "speed"].includes(name)) continue;
    const known = [...settingNames, ...oldSettingNames].find((setting) => setting === name);
    if (!known) throw new InputError(`There is no setting ${show(name)}. ${suggestSetting(name, settingNames)}`.trim());
    changes[known] = parseSetting(known, text, known);
  }
  const named = fields.get("speed");
  const speed =
    named === null ? usualSpeed(task) : speeds.find((each) => String(each) === named.replace("full", "Infinity"));
  expect(speed !== undefined, "speed", "one of 1, 4, 20, full", named);
  const arithmetic = fields.get("arithmetic") ?? "portable";
  expectArithmetic(arithmetic, "arithmetic");
  const start = fields.get("start");
  expect(start === null || start === "trained", "start", "trained", start);
  const withTrained = trained.map(({ task }) => task);
  expect(start === null || withTrained.includes(task), "start", `a task of ${withTrained.join(", ")}`, task);
  const experiment: Experiment = {
    task,
    ...(start && { isFromTrained: true }),
    preset: preset && namedPreset(task, preset),
    seed: wholeNumber(fields.get("seed") ?? "1", "seed", 0),
    steps: wholeNumber(fields.get("steps") ?? String(defaultsOf(task).steps), "steps", 1),
    arithmetic,
    changes: currentSettings(changes),
  };
  settingsOf(experiment);
  return { experiment, speed };
}

/** Reads a whole number of at least `min`. Throws an InputError that begins with `where`. */
export function wholeNumber(text: string, where: string, min: number): number {
  const plain = text.trim().replaceAll(/(?<=\d)_(?=\d)/g, "");
  const value = /^\d+(\.\d*)?(e\+?\d+)?$/i.test(plain) ? Number(plain) : text;
  expect(Number.isSafeInteger(value) && Number(value) >= min, where, `a whole number of at least ${min}`, value);
  return Number(value);
}

/** A readable name: the seed and everything that differs from the defaults of the task and of the arithmetic. */
export function nameOf(experiment: Experiment): string {
  const { preset } = experiment;
  return [...(preset ? [preset] : []), detailsOf(experiment)].join(", ");
}

/** A title: the task, the preset, and what `nameOf` says beside the preset. */
export function titleOf(experiment: Experiment): string {
  return `${experiment.task} · ${presetOf(experiment)} · ${detailsOf(experiment)}`;
}

function detailsOf(experiment: Experiment): string {
  const { task, seed, steps, arithmetic } = experiment;
  const usual = defaultsOf(task);
  const changes = changesOf(experiment).map(([name, text]) => `${name} ${text}`);
  return [
    `seed ${seed}`,
    ...(arithmetic === "fused" ? [] : [arithmetic]),
    ...changes,
    ...(steps === usual.steps ? [] : [`${steps} steps`]),
    ...(experiment.isFromTrained ? ["from the trained policy"] : []),
  ].join(", ");
}

/** The terminal command that gives the same fingerprint. */
export function toCommand(experiment: Experiment): string {
  const { task, preset, seed, steps, arithmetic, isFromTrained } = experiment;
  const start = trained.find((each) => isFromTrained && each.task === task);
  return [
    ...(start ? [`npx ddpg export --trained ${task} &&`] : []),
    `npx ddpg train ${task} --seed ${seed} --arithmetic ${arithmetic}`,
    ...(preset || !hasOwnSettings(task) ? [`--preset ${presetOf(experiment)}`] : []),
    ...(steps === defaultsOf(task).steps ? [] : [`--steps ${steps}`]),
    ...(start ? [`--from ${start.file}`] : []),
    ...changesOf(experiment).map(([name, text]) => `${settingFlag(name)} ${text}`),
  ].join(" ");
}

/** The presets that fit every task: a list of numbers fits only actions with as many dimensions. */
export const presetNames = (Object.keys(presets) as PresetName[]).filter((name) => {
  const { noiseScale, noiseTheta, noiseMean } = presets[name];
  return ![noiseScale, noiseTheta, noiseMean].some((value) => Array.isArray(value));
});

/** The steps between two evaluations, and the number of noise-free episodes in each. */
export function evaluationPlan({ steps }: Experiment): { every: number; episodes: number } {
  return { every: Math.max(1, Math.min(10_000, Math.round(steps / 20))), episodes: 10 };
}
