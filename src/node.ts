// The entry `ddpg/node`: what needs Node's files — a run's directory, and environments from modules of one's own.
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, InputError, suggest } from "./base/expect.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  numbersOf,
  type Safetensors,
  safetensorsParts,
  type Tensor,
  tensorOf,
} from "./base/safetensors.ts";
import { checkSettings, type PresetName, presets, type Settings } from "./ddpg/config.ts";
import type { Environment } from "./ddpg/environment.ts";
import { Policy } from "./ddpg/policy.ts";
import { EnvironmentError } from "./ddpg/environment-calls.ts";
import { parseObject } from "./ddpg/tensors.ts";
import { environments, type Task } from "./envs/index.ts";
import { EventFile } from "./node/event-file.ts";
import { expectUnlocked, takeLock } from "./node/lock.ts";
import { replaceFile, unfinished } from "./node/replace-file.ts";
import { formatRecord, type MetricsRecord, parseRecords } from "./training/metrics.ts";

export { useWideVectors } from "./node/wide-vectors.ts";
export { nodeThreads } from "./node/threads.ts";
export type { DiagnosticsRecord, EpisodeRecord, EvaluationRecord, MetricsRecord } from "./training/metrics.ts";

/** What the readers below understand; it moves when the files' meaning does. */
const format = "ddpg-run-1";

const files = {
  config: "config.json",
  metrics: "metrics.jsonl",
  policy: "policy.safetensors",
  best: "best.safetensors",
  start: "start.safetensors",
  checkpoint: "checkpoint.safetensors",
  result: "result.json",
} as const;

/** In a run's directory: the policy that its actor began as. */
export const startFile = files.start;

/** Which of a run's policies: that of the best evaluation on the way, or the one at the end. */
export type WhichPolicy = "best" | "last";

/** `config.json`: all that decides a run, and what it ran on. */
export interface RunConfig {
  /** An id of `environments`, or the name of a module's file. */
  environment: string;
  /** The module of an environment of one's own, as a path from the run's directory. */
  environmentModule?: string;
  preset: PresetName;
  seed: number;
  /** Environment steps that were asked for. */
  steps: number;
  settings: Settings;
  /** `episodes` episodes every `every` steps for the curve, `finalEpisodes` at the end. */
  evaluation: { every: number; episodes: number; finalEpisodes: number };
  /** The run ends early where an evaluation's mean return reaches this. */
  untilReturn?: number;
  /** The actor began as the policy in `start.safetensors`. */
  from?: true;
  versions: { ddpg: string; node: string; platform: string };
  /** Of the checkout that the program or its user's code is in, where it is one; ends in «-dirty» after changes. */
  commit?: string;
}

/** `result.json`: what came out. */
export interface RunResult {
  environment: string;
  preset: PresetName;
  seed: number;
  /** Environment steps that were taken. */
  steps: number;
  /** Without evaluations and checkpoints. */
  trainingSeconds: number;
  stepsPerSecond: number;
  /** How many threads an update could use; they make no difference to what came out. */
  threads: number;
  /** Of the policy at the end; null where the run was stopped before it. `standardError` is null for one episode. */
  evaluation: { meanReturn: number; standardError: number | null; episodes: number } | null;
  /** The best evaluation on the way; its policy is `best.safetensors`. */
  best?: BestEvaluation;
  /** Of the four networks: `Ddpg.fingerprint`. */
  fingerprint: string;
  /** The run was stopped from outside. */
  interrupted?: true;
  /** The error that ended the run. */
  failed?: string;
}

/** The evaluation on the way that gave the highest mean return. */
export interface BestEvaluation {
  step: number;
  meanReturn: number;
  standardError: number | null;
  episodes: number;
}

/** What a checkpoint holds of a run beside its agent. */
export interface RunState {
  /** Time spent on training. */
  seconds: number;
  /** Steps between two records of diagnostics. */
  diagnosticsEvery: number;
  /** The last evaluation. */
  evaluation: { step: number; meanReturn: number };
  best: BestEvaluation;
}

/** A checkpoint that was read. */
export interface Checkpoint {
  /** For `Ddpg.load`. */
  bytes: Uint8Array;
  state: RunState;
  /** Bytes of `metrics.jsonl` that were written then. */
  metricsBytes: number;
  /** What the agent's settings were, as JSON. */
  settings: string;
  /** Steps that were taken. */
  steps: number;
  /** The sums of diagnostics since the last record. */
  means: Float64Array;
  /** The policy of the best evaluation, as `Policy.contents` gives it. */
  bestPolicy: Safetensors;
}

/** The package's version, Node's, and the platform. */
export function versions(): RunConfig["versions"] {
  // By its own name, for the built files lie at different depths in a checkout and in the installed package.
  const { version } = createRequire(import.meta.url)("ddpg/package.json");
  return { ddpg: version, node: process.versions.node, platform: `${process.platform} ${process.arch}` };
}

/** The commit of this package's checkout, else of the working directory's; undefined where there is none. */
export function commit(): string | undefined {
  const own = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
  const cwd = fs.existsSync(path.join(own, ".git")) ? own : process.cwd();
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], {
      cwd,
      encoding: "utf8",
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 2000,
    }).trim();
  } catch {
    return undefined;
  }
}

/** Throws an InputError unless a run's records can be written to this directory: a new one, or an empty one. */
export function checkRunDirectory(directory: string): void {
  const where = `run directory ${directory}`;
  expectUnlocked(directory);
  const names = attempt(where, "a directory that can be written", () => {
    let existing = path.resolve(directory);
    while (!fs.existsSync(existing) && path.dirname(existing) !== existing) existing = path.dirname(existing);
    // The error of a file in the way comes from here: not a directory.
    fs.accessSync(existing + path.sep, fs.constants.W_OK | fs.constants.X_OK);
    return existing === path.resolve(directory) ? fs.readdirSync(directory) : [];
  });
  if (names.length > 0) {
    const some = names.length > 3 ? `${names.slice(0, 3).join(", ")}, …` : names.join(", ");
    const wayOut = names.includes(files.checkpoint) ? "Choose another, or resume that run." : "Choose another.";
    throw new InputError(`${where}: expected a new or empty directory, got one with ${some}. ${wayOut}`);
  }
}

/** The records of a run that is being made. Everything is written at once or within a quarter of a second. */
export class RunDirectory {
  readonly path: string;
  /** The topmost directory that was made for it, if any. */
  readonly #made: string | undefined;
  readonly #unlock: () => void;
  readonly #metrics: number;
  #events: EventFile | undefined;
  /** Bytes of `metrics.jsonl`. */
  #metricsBytes: number;
  #pending = "";
  #written = 0;

  /**
   * Makes the directory with its `config.json`, and the policy that the actor begins as. Throws an InputError when it
   * holds something, cannot be written, or is another process's.
   */
  static create(directory: string, config: RunConfig, start?: Uint8Array): RunDirectory {
    checkRunDirectory(directory);
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, undefined, start),
      "Choose another.",
    );
  }

  /** Goes on with a run from its checkpoint: what was recorded after it is cut off. Throws as `create` does. */
  static resume(directory: string, config: RunConfig, checkpoint: Checkpoint): RunDirectory {
    return attempt(
      `run directory ${directory}`,
      "a directory that can be written",
      () => new RunDirectory(directory, config, checkpoint),
    );
  }

  /** For `create` and `resume`, which check first. */
  private constructor(directory: string, config: RunConfig, checkpoint?: Checkpoint, start?: Uint8Array) {
    this.path = directory;
    this.#made = makeDirectory(path.resolve(directory));
    this.#unlock = this.#undoing(
      () => takeLock(directory),
      () => {},
    );
    const metrics = path.join(directory, files.metrics);
    // «x» fails where another run has come first since the check.
    this.#metrics = this.#undoing(() => fs.openSync(metrics, checkpoint ? "r+" : "ax"), this.#unlock);
    this.#metricsBytes = checkpoint?.metricsBytes ?? 0;
    const undo = (): void => (checkpoint ? this.#release() : this.discard());
    this.#undoing(() => {
      if (checkpoint) this.#rewind(checkpoint);
      const resumed = checkpoint && { step: checkpoint.steps, records: readMetrics(directory) };
      this.#events = new EventFile(directory, config.settings, resumed);
      writeJson(path.join(directory, files.config), config);
      if (start) replaceFile(path.join(directory, files.start), [start]);
    }, undo);
  }

  /** Back to where the checkpoint was written. */
  #rewind({ metricsBytes, bestPolicy }: Checkpoint): void {
    const size = fs.fstatSync(this.#metrics).size;
    const where = path.join(this.path, files.metrics);
    expect(size >= metricsBytes, where, `the ${metricsBytes} bytes that were there at the checkpoint`, size);
    fs.ftruncateSync(this.#metrics, metricsBytes);
    for (const name of [files.result, ...Object.values(files).map(unfinished)])
      fs.rmSync(path.join(this.path, name), { force: true });
    replaceFile(path.join(this.path, files.best), [encodeSafetensors(bestPolicy)]);
  }

  #undoing<T>(action: () => T, undo: () => void): T {
    try {
      return action();
    } catch (error) {
      undo();
      this.#removeMade();
      throw error;
    }
  }

  /** Adds a line to `metrics.jsonl`, and an event for TensorBoard. */
  append(record: MetricsRecord): void {
    this.#pending += formatRecord(record);
    this.#events?.add(record);
    if (performance.now() - this.#written > 250) this.flush();
  }

  /** Writes what `append` still holds. Throws an InputError also where the file was moved or removed. */
  flush(): void {
    // Once: what was lost on a full disk must not follow what comes later.
    const lines = Buffer.from(this.#pending);
    this.#pending = "";
    this.#written = performance.now();
    this.#write(files.metrics, (file) => {
      fs.statSync(file);
      for (let start = 0; start < lines.length; ) {
        const count = fs.writeSync(this.#metrics, lines, start, lines.length - start, this.#metricsBytes);
        this.#metricsBytes += count;
        start += count;
      }
    });
    const events = this.#events;
    if (events) this.#write(path.basename(events.path), () => events.flush());
  }

  /** Writes `policy.safetensors`, or `best.safetensors`, from `Policy.save()`. */
  writePolicy(bytes: Uint8Array, which: WhichPolicy): void {
    this.#write(which === "best" ? files.best : files.policy, (file) => replaceFile(file, [bytes]));
  }

  /** Writes `checkpoint.safetensors`: an agent's contents, and what the run adds. The one before stays until it is whole. */
  writeCheckpoint(
    agent: Safetensors,
    run: Pick<Checkpoint, "state" | "means" | "bestPolicy">,
    config: RunConfig,
  ): void {
    this.flush();
    const tensors = new Map(agent.tensors);
    tensors.set("run.means", tensorOf("F64", [run.means.length], run.means));
    for (const [name, tensor] of run.bestPolicy.tensors) tensors.set(`best.${name}`, tensor);
    const metadata = new Map(agent.metadata);
    metadata.set("run", JSON.stringify({ format, metricsBytes: this.#metricsBytes, ...run.state }));
    metadata.set("config", JSON.stringify(config));
    metadata.set("best", JSON.stringify(Object.fromEntries(run.bestPolicy.metadata)));
    this.#write(files.checkpoint, (file) => {
      // What the checkpoint counts on is on the disk before it.
      fs.fsyncSync(this.#metrics);
      replaceFile(file, safetensorsParts({ tensors, metadata }));
    });
  }

  /** Writes `result.json`. */
  writeResult(result: RunResult): void {
    this.#write(files.result, (file) => writeJson(file, result));
  }

  /** The last call. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.#release();
    }
  }

  /** Instead of `close`: removes all that was made. */
  discard(): void {
    this.#release();
    if (this.#events) fs.rmSync(this.#events.path, { force: true });
    for (const name of Object.values(files)) fs.rmSync(path.join(this.path, name), { force: true });
    this.#removeMade();
  }

  #release(): void {
    fs.closeSync(this.#metrics);
    this.#events?.close();
    this.#unlock();
  }

  /** The directories that were made, as far as they are empty. */
  #removeMade(): void {
    for (let directory = path.resolve(this.path); this.#made; directory = path.dirname(directory)) {
      try {
        fs.rmdirSync(directory);
      } catch {
        return;
      }
      if (directory === this.#made) return;
    }
  }

  #write(name: string, action: (file: string) => void): void {
    const file = path.join(this.path, name);
    const wayOut = fs.existsSync(path.join(this.path, files.checkpoint))
      ? "Mend that, then resume the run."
      : "Nothing more can be kept of this run; train again.";
    attempt(file, "a file that can be written", () => action(file), wayOut);
  }
}

/** Without the file that it is a view of. */
function copyOf(tensor: Tensor): Tensor {
  return { ...tensor, parts: tensor.parts.map((part) => part.slice()) };
}

/** A checkpoint's text `run`. */
interface SavedState extends RunState {
  format: string;
  metricsBytes: number;
}

const bestFields = {
  step: "a whole number",
  meanReturn: "a number",
  standardError: "a number, or null",
  episodes: "a whole number",
} as const;

/** A run's checkpoint, checked but for what `Ddpg.load` checks. Throws an InputError where there is no good one. */
export function readCheckpoint(run: string): Checkpoint {
  const where = path.join(run, files.checkpoint);
  const bytes = read(run, files.checkpoint, "Train again: ddpg train --config.");
  const contents = decodeSafetensors(bytes, where);
  const state = parseObject(contents.metadata, "run", where) as Partial<SavedState>;
  const field = `${where} run`;
  expect(state.format === format, `${field} format`, `"${format}"`, state.format);
  expectFields(state, field, {
    seconds: "a number",
    metricsBytes: "a whole number",
    diagnosticsEvery: "a whole number",
    evaluation: "an object",
    best: "an object",
  });
  const { seconds, metricsBytes, diagnosticsEvery, evaluation, best } = state;
  expectFields(evaluation, `${field} evaluation`, { step: "a whole number", meanReturn: "a number" });
  expectFields(best, `${field} best`, bestFields);
  const counters: { loop?: { step?: unknown } } = parseObject(contents.metadata, "counters", where);
  const means = contents.tensors.get("run.means");
  const known = means?.dtype === "F64" && means.shape.length === 1 && means.shape[0] > 6;
  expect(known, `${where} run.means`, "numbers as F64", means?.dtype);
  const bestTensors = [...contents.tensors].filter(([name]) => name.startsWith("best."));
  const bestTexts = Object.entries(parseObject(contents.metadata, "best", where)).map(([name, text]) => {
    expect(typeof text === "string", `${where} best ${name}`, "a text", text);
    return [name, text] as const;
  });
  return {
    bytes,
    state: { seconds, diagnosticsEvery: Math.max(1, diagnosticsEvery), evaluation, best },
    metricsBytes,
    settings: contents.metadata.get("settings") ?? "",
    steps: Number(counters.loop?.step ?? 0),
    means: Float64Array.from(numbersOf(means)),
    bestPolicy: {
      tensors: new Map(bestTensors.map(([name, tensor]) => [name.slice("best.".length), copyOf(tensor)])),
      metadata: new Map(bestTexts),
    },
  };
}

/** A run's `config.json`, checked. */
export function readConfig(run: string): RunConfig {
  const { value, where } = readJson<RunConfig>(run, files.config);
  expectFields(value, where, {
    environment: "a name",
    environmentModule: "a path, or nothing",
    preset: `one of ${Object.keys(presets).join(", ")}`,
    seed: "a whole number",
    steps: "a whole number",
    settings: "an object",
    evaluation: "an object",
    untilReturn: "a number, or nothing",
    from: "true, or nothing",
  });
  const whole = "a whole number";
  expectFields(value.evaluation, `${where} evaluation`, { every: whole, episodes: whole, finalEpisodes: whole });
  try {
    checkSettings(value.settings);
  } catch (error) {
    throw new InputError(`${where} settings ${(error as Error).message}`);
  }
  return value;
}

/** A run's `result.json`, checked. Throws an InputError when the run did not come to its end. */
export function readResult(run: string): RunResult {
  const { value, where } = readJson<RunResult>(run, files.result, "The run did not end; resume it.");
  expectFields(value, where, {
    steps: "a whole number",
    trainingSeconds: "a number",
    stepsPerSecond: "a number, or null",
    fingerprint: "16 hexadecimal digits",
    evaluation: "an object, or null",
    best: "an object, or nothing",
    failed: "what went wrong, or nothing",
  });
  if (value.best) expectFields(value.best, `${where} best`, bestFields);
  if (value.evaluation) {
    const within = `${where} evaluation`;
    expectFields(value.evaluation, within, {
      meanReturn: "a number, or null",
      standardError: "a number, or null",
      episodes: "a whole number",
    });
  }
  return value;
}

const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  "a name": (value) => typeof value === "string",
  "a path, or nothing": (value) => value === undefined || typeof value === "string",
  [`one of ${Object.keys(presets).join(", ")}`]: (value) => typeof value === "string" && Object.hasOwn(presets, value),
  "what went wrong, or nothing": (value) => value === undefined || typeof value === "string",
  "16 hexadecimal digits": (value) => typeof value === "string" && /^[0-9a-f]{16}$/.test(value),
  "a whole number": (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  "a number": (value) => typeof value === "number",
  // Of what is not finite, JSON makes null.
  "a number, or null": (value) => value === null || typeof value === "number",
  "an object": (value) => typeof value === "object" && value !== null,
  "an object, or nothing": (value) => value === undefined || (typeof value === "object" && value !== null),
  "a number, or nothing": (value) => value === undefined || typeof value === "number",
  "true, or nothing": (value) => value === undefined || value === true,
  "an object, or null": (value) => typeof value === "object",
};

/** Throws an InputError unless every field is what it is said to be, in the words of `checks`. */
function expectFields<T extends object>(
  value: Partial<T>,
  where: string,
  wanted: Partial<Record<keyof T & string, string>>,
): asserts value is T {
  for (const [name, kind] of Object.entries<string | undefined>(wanted)) {
    const field = value[name as keyof T];
    if (kind !== undefined) expect(checks[kind](field), `${where} ${name}`, kind, field);
  }
}

/** A run's `metrics.jsonl`: training episodes, evaluations and diagnostics in the order of their steps. */
export function readMetrics(run: string): MetricsRecord[] {
  const file = path.join(run, files.metrics);
  return parseRecords(read(run, files.metrics).toString("utf8"), file);
}

/** A run's policy. */
export function readPolicy(run: string, which: WhichPolicy): Promise<Policy> {
  const name = which === "best" ? files.best : files.policy;
  return loadPolicy(path.join(run, name), read(run, name, "The run did not end; resume it."));
}

/** The policy of a file, or that at the end of a run whose directory is named; and the file's bytes. */
export async function readPolicyFile(file: string): Promise<{ policy: Policy; bytes: Uint8Array }> {
  const where = `policy ${file}`;
  const isRun = attempt(where, "a policy's file", () => fs.statSync(file)).isDirectory();
  const full = isRun ? path.join(file, files.policy) : file;
  const bytes = attempt(`policy ${full}`, "a policy's file", () => readFile(full));
  return { policy: await loadPolicy(full, bytes), bytes };
}

async function loadPolicy(file: string, bytes: Uint8Array): Promise<Policy> {
  try {
    return await Policy.load(bytes);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: ${error.message}`);
  }
}

/** An environment by id or from a module. */
export interface LoadedEnvironment {
  /** The id, or the name of the module's file without its ending. */
  name: string;
  /** Makes a fresh environment. What a module throws becomes an EnvironmentError with the cause. */
  create(): Promise<Environment>;
  /** What is known of an environment that comes with the package. */
  task?: Task;
  /** The module's file. */
  module?: string;
}

const promise =
  "a class or a function without parameters that makes a fresh environment " +
  "(training, evaluation and every worker make their own)";

/** An environment from an id of `environments`, or from the path of a module whose default export makes one. */
export async function loadEnvironment(nameOrPath: string): Promise<LoadedEnvironment> {
  const task = Object.hasOwn(environments, nameOrPath) ? environments[nameOrPath] : undefined;
  if (task) return { name: nameOrPath, task, create: async () => task.create() };
  const ids = Object.keys(environments);
  if (!/[\\/]|\.[cm]?[jt]s$/.test(nameOrPath)) {
    const near = ids.find((id) => id.toLowerCase().startsWith(nameOrPath.toLowerCase()));
    const wayOut = near ? `Did you mean "${near}"?` : suggest(nameOrPath, ids);
    expect(false, "environment", `one of ${ids.join(", ")}, or the path of a module`, nameOrPath, wayOut);
  }
  const module = path.resolve(nameOrPath);
  const status = attempt(`environment ${nameOrPath}`, "a module", () => fs.statSync(module));
  if (!status.isFile()) {
    throw new InputError(`environment ${nameOrPath}: expected a module's file, got a directory. Name the file in it.`);
  }
  const make = await defaultExport(nameOrPath, module);
  return { name: path.basename(module).replace(/\.[cm]?[jt]s$/, ""), module, create: () => called(nameOrPath, make) };
}

async function defaultExport(name: string, module: string): Promise<() => Environment | Promise<Environment>> {
  let exported: Record<string, unknown>;
  try {
    exported = await import(pathToFileURL(module).href);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?ts$/.test(module)) {
      const got = `TypeScript, and Node ${process.versions.node} runs none`;
      throw new InputError(
        `environment ${name}: expected a module that Node can run, got ${got}. Compile it to .js, or use Node 22.18 or later.`,
      );
    }
    if (error instanceof SyntaxError) addPlace(error, module);
    throw new EnvironmentError(`environment ${name}: ${text(error)}`, { cause: error });
  }
  const make = exported.default;
  const where = `environment ${name} default export`;
  if (make === undefined)
    throw new InputError(`${where}: expected ${promise}, got none. Write "export default class …".`);
  expect(typeof make === "function", where, promise, make, "Export the class itself.");
  expect(make.length === 0, where, promise, make, "It takes parameters: wrap it in a function without.");
  return () => (isClass(make) ? Reflect.construct(make, []) : make());
}

/** Puts file and line before the stack of a syntax error: an import keeps them to itself, checking the file tells them. */
function addPlace(error: SyntaxError, module: string): void {
  const { stderr } = spawnSync(process.execPath, ["--check", module], { encoding: "utf8", timeout: 5000 });
  const [first = ""] = stderr?.split("\n") ?? [];
  // Nothing of the kind where the mistake is in another file, which this one imports.
  if (first.startsWith(`${module}:`)) error.stack = `${first.trim()}\n${error.stack}`;
}

async function called(name: string, make: () => Environment | Promise<Environment>): Promise<Environment> {
  let environment: Environment;
  try {
    environment = await make();
  } catch (error) {
    throw new EnvironmentError(`environment ${name}: ${text(error)}`, { cause: error });
  }
  const where = `environment ${name} default export`;
  const whole = typeof environment?.reset === "function" && typeof environment.step === "function";
  expect(whole, where, `${promise}, with reset and step`, environment);
  return environment;
}

/** Also what a compiler made of a class: a function whose prototype has the methods. */
function isClass(make: object & { prototype?: object }): boolean {
  return (
    /^class\b/.test(Function.prototype.toString.call(make)) ||
    (make.prototype !== undefined && "step" in make.prototype)
  );
}

/** A record of this format; the fields that matter are the caller's to check. */
function readJson<T>(run: string, name: string, wayOut?: string): { value: Partial<T>; where: string } {
  const where = path.join(run, name);
  const content = read(run, name, wayOut).toString("utf8");
  let value: Partial<T> & { format?: unknown };
  try {
    value = JSON.parse(content) ?? {};
  } catch (error) {
    throw new InputError(`${where}: expected JSON, got something else (${text(error)}). Is it a run's directory?`);
  }
  expect(value.format === format, `${where} format`, `"${format}"`, value.format, "Another version of ddpg wrote it.");
  return { value, where };
}

function read(run: string, name: string, wayOut = "Name the directory of a run."): Buffer {
  // Both are said by what is missing: the run, or one of its files.
  const status = attempt(run, "a run's directory", () => fs.statSync(run), "Name the directory of a run.");
  if (!status.isDirectory()) throw new InputError(`${run}: expected a run's directory, got a file.`);
  const file = path.join(run, name);
  return attempt(file, "a file of a run", () => readFile(file), wayOut);
}

/** In pieces, for Node reads no more than 2 GiB at once. */
function readFile(file: string): Buffer {
  const descriptor = fs.openSync(file, "r");
  try {
    const bytes = Buffer.allocUnsafeSlow(fs.fstatSync(descriptor).size);
    let end = 0;
    for (let count = -1; count !== 0; end += count)
      count = fs.readSync(descriptor, bytes, end, Math.min(2 ** 30, bytes.length - end), null);
    return bytes.subarray(0, end);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Does something with files; what the system refuses becomes an InputError. */
function attempt<T>(where: string, expected: string, action: () => T, wayOut = ""): T {
  try {
    return action();
  } catch (error) {
    const reason = refusal(error);
    if (reason === undefined) throw error;
    throw new InputError(`${where}: expected ${expected}, got ${reason}. ${wayOut}`.trim());
  }
}

/** Why the system would not do something with a file, in words; undefined for an error of another kind. */
export function refusal(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  return code && (reasons[code] ?? code);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "a path through a file",
  EISDIR: "a directory",
  EEXIST: "another run's",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "a file system that cannot be written",
  ENOSPC: "a full disk",
  EDQUOT: "a full quota",
  EFBIG: "a file larger than is allowed",
  ENAMETOOLONG: "too long a name",
  ENOTEMPTY: "a directory",
};

function writeJson(file: string, value: object): void {
  const text = JSON.stringify({ format, ...value }, null, 2);
  // A list of numbers or names takes one line.
  const compact = text.replace(
    /\[\n([^[\]{}]*)\n\s*\]/g,
    (_, items: string) => `[${items.trim().replace(/\n\s*/g, " ")}]`,
  );
  replaceFile(file, [Buffer.from(`${compact}\n`)]);
}

/**
 * Makes a directory and those above it that are missing; returns the topmost it made. By hand, for Node's own recursive
 * way never comes back from a file system that says «no such directory» to everything, such as /proc.
 */
function makeDirectory(directory: string): string | undefined {
  if (fs.existsSync(directory)) return undefined;
  const above = makeDirectory(path.dirname(directory));
  fs.mkdirSync(directory);
  return above ?? directory;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
