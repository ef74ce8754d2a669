// Groups of runs with equal settings: their names, and the statistic over their seeds.
import * as path from "node:path";
import { type PresetName, presets } from "../../ddpg/config.ts";
import { decidingOptions } from "../../node/same-run.ts";
import { type SeedStatistic, seedStatistic } from "../../training/aggregate.ts";
import { arithmeticOf, type RunResult } from "../../training/run.ts";
import type { ReportedRun } from "./reported-run.ts";

/** What decides the group of a run. */
export type Grouped = Pick<ReportedRun, "directory" | "config">;

/** Runs that differ only by their seed. */
export interface RunGroup<Run extends Grouped = ReportedRun> {
  readonly name: string;
  readonly environment: string;
  readonly runs: readonly Run[];
}

export function groupsOf<Run extends Grouped>(runs: readonly Run[]): RunGroup<Run>[] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const { environment, environmentModule, preset, settings } = run.config;
    const module = environmentModule && path.resolve(run.directory, environmentModule);
    const options = decidingOptions(run.config);
    const key = JSON.stringify([environment, module, options, preset, arithmeticOf(run.config), sorted(settings)]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const environments = [...new Set(runs.map(({ config }) => config.environment))];
  return environments.flatMap((environment) => {
    const lists = [...groups.values()].filter(([{ config }]) => config.environment === environment);
    const varied = deviating(lists.map(([first]) => first));
    lists.sort(([a], [b]) => compareGroups(a, b, varied));
    const names = groupNames(
      lists.map(([first]) => first),
      varied,
    );
    return lists.map((list, i) => ({
      name: names[i],
      environment,
      runs: [...list].sort((a, b) => a.config.seed - b.config.seed),
    }));
  });
}

/** The settings that differ between the runs, apart from differences that their presets explain. */
function deviating(runs: readonly Grouped[]): string[] {
  return differing(runs).filter((name) =>
    runs.some((run) => show(settingsOf(run)[name]) !== show(presetOf(run.config.preset)[name])),
  );
}

/** By preset, then by the values of the settings that differ, then by arithmetic. */
function compareGroups(a: Grouped, b: Grouped, varied: readonly string[]): number {
  const keys = (run: Grouped): unknown[] => [
    run.config.preset,
    ...varied.map((name) => settingsOf(run)[name]),
    arithmeticOf(run.config),
  ];
  const [mine, theirs] = [keys(a), keys(b)];
  return mine.map((key, i) => compareValues(key, theirs[i])).find((order) => order !== 0) ?? 0;
}

/** Numbers by size, lists by their first difference, everything else as text. */
function compareValues(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (Array.isArray(a) && Array.isArray(b)) {
    const orders = a.map((item, i) => (i < b.length ? compareValues(item, b[i]) : 1));
    return orders.find((order) => order !== 0) ?? a.length - b.length;
  }
  const [first, second] = [show(a), show(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/**
 * Names that distinguish the groups of an environment: what differs between them, be it the preset, `varied` settings or the
 * arithmetic. Of groups with different presets, a setting is named only where a group of the preset changed it. A group with
 * nothing to name has the name of its preset.
 */
function groupNames(firsts: readonly Grouped[], varied: readonly string[]): string[] {
  const differ = (of: (run: Grouped) => string): boolean => new Set(firsts.map(of)).size > 1;
  const presetOfRun = ({ config }: Grouped): string => config.preset;
  const arithmetic = ({ config }: Grouped): string => arithmeticOf(config);
  const names = firsts.map((run) => {
    const alike = firsts.filter((other) => presetOfRun(other) === presetOfRun(run));
    const base = presetOf(run.config.preset);
    const named = varied.filter((name) => alike.some((other) => show(settingsOf(other)[name]) !== show(base[name])));
    const parts = [
      ...(differ(presetOfRun) ? [run.config.preset] : []),
      ...named.map((name) => `${name} ${show(settingsOf(run)[name])}`),
      ...(differ(arithmetic) ? [`${arithmetic(run)} arithmetic`] : []),
    ];
    return parts.join(", ") || run.config.preset;
  });
  return names.map((name, i) => {
    const alike = names.flatMap((other, j) => (other === name ? [j] : []));
    return alike.length === 1 ? name : `${name} (${alike.indexOf(i) + 1})`;
  });
}

/** The settings that differ between the runs. */
export function differing(runs: readonly Grouped[]): string[] {
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
export function settingsOf(run: Grouped): Readonly<Record<string, unknown>> {
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
