// An experiment is what decides a run. It is written in the page's address, so that a link is an experiment.
import { expect, InputError, suggest } from "../src/base/expect.ts";
import {
  expectPreset,
  type PresetName,
  parseSetting,
  presets,
  type Settings,
  settingFlag,
  settingNames,
  showSetting,
} from "../src/ddpg/config.ts";
import { suggestSetting } from "../src/ddpg/other-names.ts";
import { customDefaults, environments, settingsFor, type Task, type TrainingDefaults } from "../src/tasks.ts";
import { scenes } from "./scenes.ts";

export interface Experiment {
  readonly task: string;
  /** The preset that is named: taken as it is. null: the task's own, with the task's own settings. */
  readonly preset: PresetName | null;
  readonly seed: number;
  /** Environment steps after which training comes to a halt. */
  readonly steps: number;
  /** What differs from `usualSettings`. */
  readonly changes: Partial<Settings>;
}

/** How fast training goes: so many times as fast as the task's own time, or as fast as it can. */
export const speeds = [1, 4, 20, Infinity] as const;
export type Speed = (typeof speeds)[number];

/** Fast enough to see it learn, slow enough to see it; in 3D, where that takes a while, as fast as it can. */
export function usualSpeed(task: string): Speed {
  return scenes[task].isSolid ? Infinity : 20;
}

/** The tasks that the page offers. */
export const tasks: readonly string[] = Object.keys(environments).filter((name) => Object.hasOwn(scenes, name));

/** The library's entry of a task that the page offers. */
export function taskOf({ task }: Pick<Experiment, "task">): Task {
  return environments[task];
}

/** How a task is trained by default; a custom one, as the command line trains it. */
function defaultsOf(task: string): TrainingDefaults {
  return Object.hasOwn(environments, task) ? environments[task] : customDefaults;
}

/** A task as it is trained by default. */
export function usualExperiment(task = tasks[0]): Experiment {
  return { task, preset: null, seed: 1, steps: defaultsOf(task).steps, changes: {} };
}

/** Whether a task has settings of its own, so that naming its preset makes a difference. */
export function hasOwnSettings(task: string): boolean {
  return defaultsOf(task).settings !== undefined;
}

/** A preset as an experiment holds it: null also where the task's own is named, and naming it changes nothing. */
export function namedPreset(task: string, preset: PresetName): PresetName | null {
  return preset === defaultsOf(task).preset && !hasOwnSettings(task) ? null : preset;
}

/** The preset that an experiment starts from. */
export function presetOf({ task, preset }: Pick<Experiment, "task" | "preset">): PresetName {
  return preset ?? defaultsOf(task).preset;
}

/** The settings that an experiment's changes are changes of. */
export function usualSettings({ task, preset }: Pick<Experiment, "task" | "preset">): Settings {
  return settingsFor(defaultsOf(task), preset ?? undefined).settings;
}

/** Throws an InputError for settings that are wrong or do not fit each other. */
export function settingsOf({ task, preset, changes }: Experiment): Settings {
  return settingsFor(defaultsOf(task), preset ?? undefined, changes).settings;
}

/** The settings that differ, as they are typed. */
export function changesOf({ changes }: Experiment): [name: keyof Settings, text: string][] {
  return settingNames.flatMap((name) => {
    const value = changes[name];
    return value === undefined ? [] : [[name, showSetting(value)]];
  });
}

/** What follows # in the address. */
export function toLink(experiment: Experiment, speed: Speed): string {
  const { task, preset, seed, steps } = experiment;
  const usual = usualExperiment(task);
  const fields = new URLSearchParams({ task });
  // A link without a preset means the task's own settings as well.
  if (preset || !hasOwnSettings(task)) fields.set("preset", presetOf(experiment));
  fields.set("seed", String(seed));
  if (steps !== usual.steps) fields.set("steps", String(steps));
  for (const [name, text] of changesOf(experiment)) fields.set(name, text);
  fields.set("speed", speed === Infinity ? "full" : String(speed));
  return fields.toString().replaceAll("%2C", ",");
}

/**
 * What a link means; what it does not name is as usual. Throws an InputError that names the field for one that no
 * experiment has.
 */
export function fromLink(link: string): { experiment: Experiment; speed: Speed } {
  const fields = new URLSearchParams(link.replace(/^#/, ""));
  const task = fields.get("task") ?? tasks[0];
  expect(tasks.includes(task), "task", `one of ${tasks.join(", ")}`, task, suggest(task, tasks));
  const usual = usualExperiment(task);
  const preset = fields.get("preset");
  if (preset !== null) expectPreset(preset);
  const changes: Record<string, unknown> = {};
  for (const [name, text] of fields) {
    if (["task", "preset", "seed", "steps", "speed"].includes(name)) continue;
    const known = settingNames.find((setting) => setting === name);
    if (!known)
      throw new InputError(`link: there is no setting "${name}". ${suggestSetting(name, settingNames)}`.trim());
    changes[known] = parseSetting(known, text, known);
  }
  const named = fields.get("speed");
  const speed =
    named === null ? usualSpeed(task) : speeds.find((each) => String(each) === named.replace("full", "Infinity"));
  expect(speed !== undefined, "speed", "one of 1, 4, 20, full", named);
  const experiment: Experiment = {
    task,
    preset: preset && namedPreset(task, preset),
    seed: wholeNumber(fields.get("seed") ?? "1", "seed", 0),
    steps: wholeNumber(fields.get("steps") ?? String(usual.steps), "steps", 1),
    changes: changes as Partial<Settings>,
  };
  settingsOf(experiment);
  return { experiment, speed };
}

/** A whole number from a text; an InputError begins with `where`. */
export function wholeNumber(text: string, where: string, min: number): number {
  const plain = text.trim().replaceAll(/(?<=\d)_(?=\d)/g, "");
  const value = /^\d+(\.\d*)?(e\+?\d+)?$/i.test(plain) ? Number(plain) : text;
  expect(Number.isSafeInteger(value) && Number(value) >= min, where, `a whole number of at least ${min}`, value);
  return Number(value);
}

/** A name for a person, with what differs from the usual. */
export function nameOf(experiment: Experiment): string {
  const { task, preset, seed, steps } = experiment;
  const usual = defaultsOf(task);
  const changes = changesOf(experiment).map(([name, text]) => `${name} ${text}`);
  return [
    ...(preset ? [preset] : []),
    `seed ${seed}`,
    ...changes,
    ...(steps === usual.steps ? [] : [`${steps} steps`]),
  ].join(", ");
}

/** What gives the same fingerprint in a terminal. */
export function toCommand(experiment: Experiment): string {
  const { task, preset, seed, steps } = experiment;
  const usual = usualExperiment(task);
  return [
    `npx ddpg train ${task} --seed ${seed}`,
    ...(preset ? [`--preset ${preset}`] : []),
    ...(steps === usual.steps ? [] : [`--steps ${steps}`]),
    ...changesOf(experiment).map(([name, text]) => `${settingFlag(name)} ${text}`),
  ].join(" ");
}

/** The presets' names. */
export const presetNames = Object.keys(presets) as PresetName[];

/** How often a run is evaluated, and over how many noise-free episodes each time. */
export function evaluationPlan({ steps }: Experiment): { every: number; episodes: number } {
  return { every: Math.max(1, Math.min(10_000, Math.round(steps / 20))), episodes: 10 };
}
