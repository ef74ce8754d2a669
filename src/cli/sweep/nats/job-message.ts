// A job as the message that a server keeps for it. A message names what to train, never what to start: its environment is
// a name that each worker looks up in its own list.
import { createHash } from "node:crypto";
import { expect, InputError } from "../../../base/expect.ts";
import { isRecord, parseJson } from "../../../base/json.ts";
import { isNatsName } from "../../../base/nats-name.ts";
import { expectKnown } from "../../../node/fields.ts";
import { decidingOf, outsideAddress } from "../../../node/outside/kinds.ts";
import { configFrom } from "../../../node/run-files.ts";
import type { RunConfig } from "../../../node.ts";
import { type Job, jobOf } from "../job.ts";

const format = "ddpg-job-1";

/** What the subject of each job begins with. */
export const jobsSubject = "ddpg.jobs";

/** A longer one is none of ours: the settings are a few kB. */
export const maxJobBytes = 65_536;

/** The job of a sweep. */
export interface SweepJob {
  readonly sweep: string;
  readonly job: Job;
}

/** Throws an InputError unless a name can be a part of a subject, of a key and of an object's name. */
export function expectSweepName(name: string, where: string): void {
  const hint = "Choose one with --name.";
  expect(isNatsName(name), where, "up to 64 letters, digits, - and _", name, hint);
}

/**
 * A run's configuration as a job has it. It leaves out where a module is and how a simulator is started, because each
 * worker has its own. What decides the task stays, and a worker compares it.
 */
export function sharedConfig(config: RunConfig): RunConfig {
  const { environmentModule: _, ...rest } = config;
  return sharedEntries(rest);
}

/** The same without the options of an environment that do not decide the task, such as an interpreter. */
export function sharedEntries<T extends Pick<RunConfig, "environment" | "environmentOptions">>(entries: T): T {
  const { environmentOptions, ...rest } = entries;
  const kind = outsideAddress(entries.environment)?.kind;
  const deciding = kind && environmentOptions && decidingOf(kind, environmentOptions);
  return { ...rest, ...(deciding && { environmentOptions: deciding }) } as T;
}

export function encodeJob({ sweep, job: { id, config } }: SweepJob): string {
  return JSON.stringify({ format, sweep, id, config });
}

/**
 * A hash of what decides a job, to see whether the server has the same one. The id stands for most of it. The order is fixed,
 * because the fields of a configuration have another one after they were read.
 */
export function planHash({ sweep, job: { id, config } }: SweepJob): string {
  const { environmentSha256 = "", evaluation } = config;
  const { every, episodes, finalEpisodes, fewerIfSlow = false } = evaluation;
  const deciding = [sweep, id, environmentSha256, every, episodes, finalEpisodes, fewerIfSlow];
  return createHash("sha256").update(JSON.stringify(deciding)).digest("hex");
}

/** The subject of a job's message. */
export function jobSubject(sweep: string, id: string): string {
  return `${jobsSubject}.${sweep}.${id}`;
}

/**
 * Whether no version of ddpg made a message: it is no JSON, no job, or another job than its subject and its fields say. This
 * version may be unable to read a job of another version, which other workers can make.
 */
export function isNoJob(bytes: Uint8Array, subject: string): boolean {
  try {
    if (bytes.length > maxJobBytes) return true;
    const value = parseJson(new TextDecoder().decode(bytes), subject);
    if (!isRecord(value)) return true;
    const { format: found, sweep, id, config } = value;
    if (typeof found !== "string" || !/^ddpg-job-\d+$/.test(found)) return true;
    if (subject !== jobSubject(`${sweep}`, `${id}`)) return true;
    if (found !== format) return false;
    if (!isRecord(config)) return true;
    return otherVersion(config) ? false : jobOf(configFrom(config, subject, "")).id !== id;
  } catch (error) {
    if (error instanceof InputError) return true;
    throw error;
  }
}

/** Whether a configuration cannot be read, because of fields or settings that another version has. */
function otherVersion(config: object): boolean {
  try {
    configFrom(config, "config", "");
    return false;
  } catch (error) {
    if (error instanceof InputError) return true;
    throw error;
  }
}

/** Reads and checks a job that came from a server. Throws an InputError for anything that is not one of ours. */
export function decodeJob(bytes: Uint8Array, where: string): SweepJob {
  expect(bytes.length <= maxJobBytes, where, `at most ${maxJobBytes} bytes`, bytes.length);
  const value = parseJson(new TextDecoder().decode(bytes), where);
  expect(isRecord(value), where, "a JSON object", value);
  const { format: found, sweep, id, config } = value;
  expect(found === format, `${where} format`, `"${format}"`, found, "Another version of ddpg sent it.");
  expectKnown(value, where, ["format", "sweep", "id", "config"]);
  expect(typeof sweep === "string", `${where} sweep`, "a text", sweep);
  expectSweepName(sweep, `${where} sweep`);
  expect(isRecord(config), `${where} config`, "an object", config);
  const checked = configFrom(config, `${where} config`, "");
  for (const field of ["environmentModule", "environments", "untilReturn", "from", "actors"] as const)
    expect(checked[field] === undefined, `${where} config ${field}`, "nothing", checked[field]);
  const shared = sharedConfig(checked).environmentOptions;
  const isShared = JSON.stringify(shared) === JSON.stringify(checked.environmentOptions);
  expect(
    isShared,
    `${where} config environmentOptions`,
    "those that decide the task alone",
    checked.environmentOptions,
  );
  const job = jobOf(checked);
  expect(id === job.id, `${where} id`, `${job.id}, as its config says`, id);
  return { sweep, job };
}
