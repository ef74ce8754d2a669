// Several files of a run say what it is: config.json, which people can edit, the checkpoint, which has a checksum, and
// result.json. If they differ, the records would be those of a run that never was.
import * as path from "node:path";
import { InputError, show } from "../base/expect.ts";
import { type Settings, settingNames } from "../ddpg/config.ts";
import { arithmeticOf, type RunConfig, type RunResult } from "../training/run.ts";
import { readCheckpointConfig } from "./checkpoint-parts.ts";
import { moduleName } from "./load-environment.ts";
import { outsideAddress } from "./outside/kinds.ts";
import { type Checkpoint, files, readResult } from "./run-files.ts";

/**
 * Throws an InputError, with the field and both values, if a run's `config.json` is not that of its checkpoint. Two
 * things may differ: where the run ends, because `resume --steps` changes it, and which file holds a custom
 * environment, because it may be moved.
 */
export function expectCheckpointed(run: string, config: RunConfig, checkpoint: Checkpoint): void {
  const { seed, arithmetic, settings, steps } = checkpoint;
  expectSame(run, config, { seed, arithmetic, ...settingFields(settings) }, files.checkpoint);
  if (checkpoint.config) expectKept(run, config, checkpoint.config);
  expectOwnName(run, config);
  if (config.steps >= steps) return;
  const expected = `at least the ${steps} that ${files.checkpoint} has taken`;
  throw different(run, "steps", expected, config.steps);
}

/**
 * Does the same without reading the whole checkpoint: by its header, if there is one, and by `result.json`, if the run
 * has ended.
 */
export function expectOwnConfig(run: string, config: RunConfig): void {
  const kept = readCheckpointConfig(run);
  if (kept) expectKept(run, config, kept);
  expectOwnName(run, config);
  const result = resultOf(run);
  if (!result) return;
  const { environment, preset, seed } = result;
  expectSame(run, config, { environment, preset, seed }, files.result);
}

/** A run's result, if it can be read. The commands that need it say why it cannot. */
function resultOf(run: string): RunResult | undefined {
  try {
    return readResult(run);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Compares the configuration with the one that the checkpoint kept. */
function expectKept(run: string, config: RunConfig, kept: RunConfig): void {
  const [own, other] = [config.environmentModule, kept.environmentModule];
  if ((own === undefined) !== (other === undefined)) {
    const expected = `${other === undefined ? "none" : "the path of a module"}, as ${files.checkpoint} has it`;
    throw different(run, "environmentModule", expected, own);
  }
  expectSame(run, config, deciding(kept), files.checkpoint);
}

/** A custom environment has the name of its module, and one outside of the process the word of its kind before it. */
function expectOwnName(run: string, { environment, environmentModule }: RunConfig): void {
  if (environmentModule === undefined) return;
  const address = outsideAddress(environment);
  const name = `${address?.kind.program ? `${address.word}:` : ""}${moduleName(environmentModule)}`;
  if (environment !== name)
    throw different(run, "environment", `${show(name)}, as environmentModule says`, environment);
}

/** What decides a run, apart from its end, by the fields' names. */
function deciding(config: RunConfig): Record<string, unknown> {
  const { environment, environmentModule, preset, seed, environments, actors, settings, evaluation } = config;
  const { untilReturn, from } = config;
  const { every, episodes, finalEpisodes, fewerIfSlow } = evaluation;
  return {
    // A module may have another name now, but a task stays a task.
    ...(environmentModule === undefined && { environment }),
    ...{ preset, seed, environments, from, untilReturn },
    "actors run": actors?.run,
    arithmetic: arithmeticOf(config),
    ...decidingOptions(config),
    "evaluation every": every,
    "evaluation episodes": episodes,
    "evaluation finalEpisodes": finalEpisodes,
    "evaluation fewerIfSlow": fewerIfSlow,
    ...settingFields(settings),
  };
}

/** The options of an environment outside of the process that decide what it is, by the fields' names. */
export function decidingOptions({ environment, environmentOptions = {} }: RunConfig): Record<string, unknown> {
  const names = outsideAddress(environment)?.kind.deciding ?? [];
  const options: Readonly<Record<string, unknown>> = environmentOptions;
  return Object.fromEntries(names.map((name) => [`environmentOptions ${name}`, options[name]]));
}

function settingFields(settings: Settings): Record<string, unknown> {
  return Object.fromEntries(settingNames.map((name) => [`settings ${name}`, settings[name]]));
}

/** Throws an InputError if a field of `config` is not as another file of the run has it. */
function expectSame(run: string, config: RunConfig, fields: Record<string, unknown>, file: string): void {
  const own: Record<string, unknown> = { ...deciding(config), environment: config.environment };
  for (const [field, value] of Object.entries(fields)) {
    // `resume --steps` removes it.
    if (field === "untilReturn" && own[field] === undefined) continue;
    if (JSON.stringify(own[field]) === JSON.stringify(value)) continue;
    throw different(run, field, `${value === undefined ? "none" : show(value)}, as ${file} has it`, own[field]);
  }
}

function different(run: string, field: string, expected: string, got: unknown): InputError {
  const hint = "A run keeps what it was started with: set it back, or train another run with ddpg train --config.";
  const where = `${path.join(run, files.config)} ${field}`;
  return new InputError({ where, expected, got: got === undefined ? "none" : show(got), hint });
}
