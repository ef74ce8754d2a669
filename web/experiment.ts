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
  settingsFrom,
  showSetting,
} from "../src/ddpg/config.ts";
import { environments, type Task } from "../src/tasks.ts";
import { scenes } from "./scenes.ts";

export interface Experiment {
  readonly task: string;
  readonly preset: PresetName;
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

/** How a task is trained unless somebody wants otherwise; one that the library does not have, as the command line has it. */
function usualOf(task: string): Pick<Task, "preset" | "steps" | "settings"> {
  return Object.hasOwn(environments, task) ? environments[task] : { preset: "standard", steps: 100_000 };
}

/** A task as it is trained unless somebody wants otherwise. */
export function usualExperiment(task = tasks[0]): Experiment {
  const { preset, steps } = usualOf(task);
  return { task, preset, seed: 1, steps, changes: {} };
}

/** The preset's settings; with the task's own, where the preset is the task's own too: as the command line has it. */
export function usualSettings({ task, preset }: Pick<Experiment, "task" | "preset">): Settings {
  const own = usualOf(task);
  return settingsFrom(preset, preset === own.preset ? own.settings : {});
}

/** Throws an InputError for settings that are wrong or do not fit each other. */
export function settingsOf(experiment: Experiment): Settings {
  return settingsFrom(experiment.preset, { ...usualSettings(experiment), ...experiment.changes });
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
  const fields = new URLSearchParams({ task, preset, seed: String(seed) });
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
  const preset = fields.get("preset") ?? usual.preset;
  expectPreset(preset);
  const changes: Record<string, unknown> = {};
  for (const [name, text] of fields) {
    if (["task", "preset", "seed", "steps", "speed"].includes(name)) continue;
    const known = settingNames.find((setting) => setting === name);
    if (!known) throw new InputError(`link: there is no setting "${name}". ${suggest(name, settingNames)}`.trim());
    changes[known] = parseSetting(known, text, known);
  }
  const named = fields.get("speed");
  const speed =
    named === null ? usualSpeed(task) : speeds.find((each) => String(each) === named.replace("full", "Infinity"));
  expect(speed !== undefined, "speed", "one of 1, 4, 20, full", named);
  const experiment: Experiment = {
    task,
    preset,
    seed: wholeNumber(fields.get("seed") ?? "1", "seed", 0),
    steps: wholeNumber(fields.get("steps") ?? String(usual.steps), "steps", 1),
    changes: changes as Partial<Settings>,
  };
  settingsOf(experiment);
  return { experiment, speed };
}

/** A whole number from a text; an InputError begins with `where`. */
export function wholeNumber(text: string, where: string, min: number): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : text;
  expect(Number.isSafeInteger(value) && Number(value) >= min, where, `a whole number of at least ${min}`, value);
  return Number(value);
}

/** A name for a person, with what differs from the usual. */
export function nameOf(experiment: Experiment): string {
  const { task, preset, seed, steps } = experiment;
  const usual = usualOf(task);
  const changes = changesOf(experiment).map(([name, text]) => `${name} ${text}`);
  return [
    ...(preset === usual.preset ? [] : [preset]),
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
    ...(preset === usual.preset ? [] : [`--preset ${preset}`]),
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
