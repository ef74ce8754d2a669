// Groups of runs with equal settings: their names, and the statistic over their seeds.
import * as path from "node:path";
import { type PresetName, presets } from "../../ddpg/config.ts";
import { decidingOptions } from "../../node/same-run.ts";
import { type SeedStatistic, seedStatistic } from "../../training/aggregate.ts";
import { arithmeticOf, type RunResult } from "../../training/run.ts";
import type { ReportedRun } from "./reported-run.ts";

/** Runs that differ only by their seed. */
export interface RunGroup {
  readonly name: string;
  readonly environment: string;
  readonly runs: readonly ReportedRun[];
}

export function groupsOf(runs: readonly ReportedRun[]): RunGroup[] {
  const groups = new Map<string, ReportedRun[]>();
  for (const run of runs) {
    const { environment, environmentModule, preset, settings } = run.config;
    const module = environmentModule && path.resolve(run.directory, environmentModule);
    const options = decidingOptions(run.config);
    const key = JSON.stringify([environment, module, options, preset, arithmeticOf(run.config), sorted(settings)]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const lists = [...groups.values()];
  const names = groupNames(lists.map(([first]) => first));
  return lists.map((list, i) => ({ name: names[i], environment: list[0].config.environment, runs: list }));
}

/**
 * Names that distinguish the groups: the preset, the settings that differ from it and between groups, and the arithmetic
 * if groups differ by it.
 */
function groupNames(firsts: readonly ReportedRun[]): string[] {
  const varied = differing(firsts);
  const arithmetics = new Set(firsts.map(({ config }) => arithmeticOf(config)));
  const names = firsts.map(({ config }) => {
    const { preset, settings } = config;
    const base = presetOf(preset);
    const own = Object.entries(settings).filter(
      ([name, value]) => varied.includes(name) && show(value) !== show(base[name]),
    );
    const rounded = arithmetics.size > 1 ? [`${arithmeticOf(config)} arithmetic`] : [];
    return [preset, ...own.map(([name, value]) => `${name} ${show(value)}`), ...rounded].join(", ");
  });
  return names.map((name, i) => {
    const alike = firsts
      .map((_, j) => j)
      .filter((j) => names[j] === name && firsts[j].config.environment === firsts[i].config.environment);
    return alike.length === 1 ? name : `${name} (${alike.indexOf(i) + 1})`;
  });
}

/** The settings that differ between the runs. */
export function differing(runs: readonly ReportedRun[]): string[] {
  const all = runs.map(settingsOf);
  const names = [...new Set(all.flatMap(Object.keys))];
  return names.filter((name) => new Set(all.map((settings) => show(settings[name]))).size > 1);
}

export function finalsOf({ runs }: RunGroup): number[] {
  return runs.flatMap(({ result }) => result?.evaluation?.meanReturn ?? []).filter(Number.isFinite);
}

/** The statistic over the final mean returns of a group's seeds. Undefined if none has finished. */
export function finalStatistic(group: RunGroup): SeedStatistic | undefined {
  const values = finalsOf(group);
  return values.length === 0 ? undefined : seedStatistic(values);
}

/** Why a run stopped early, or "". */
export function stateOf(result: RunResult | undefined): string {
  if (!result) return "unfinished";
  return result.failed ? "failed" : result.interrupted ? "interrupted" : "";
}

/** A run's settings by name. A run of another version may have settings that `Settings` does not list. */
export function settingsOf(run: ReportedRun): Readonly<Record<string, unknown>> {
  return run.config.settings;
}

/** A preset's settings. None if this version does not have the preset. */
export function presetOf(name: string): Readonly<Record<string, unknown>> {
  return Object.hasOwn(presets, name) ? presets[name as PresetName] : {};
}

function sorted(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join(", ") || "none";
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return value === undefined ? "" : String(value);
}
