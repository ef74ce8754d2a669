// How far a job is, as the server keeps it, and how it changes. Nothing here waits or sends.
import { expect } from "../../../base/expect.ts";
import { isRecord, parseJson } from "../../../base/json.ts";
import { expectFields, expectKnown, type Fields } from "../../../node/fields.ts";
import type { CurvePoint } from "../../../training/runs-overview.ts";

const format = "ddpg-job-state-1";

/** A longer one is none of ours. */
const maxStateBytes = 16_384;

/** Failures after which a job is set aside. */
export const maxTries = 3;

/** Workers that may vanish without a checkpoint in between, before a job is set aside: machines are taken away. */
export const maxLost = 10;

/** Letters of an error and of a worker's name that are kept. */
const maxError = 2000;
const maxWorker = 100;

export interface Outcome {
  readonly meanReturn: number | null;
  readonly standardError: number | null;
  readonly fingerprint: string;
}

/** What the records of a run say, for those who watch it. */
export interface Evaluations {
  /** Some of the evaluations with a finite return, and the newest of these. */
  readonly points: readonly CurvePoint[];
  /** The mean return of the newest evaluation. Null if it is not finite. Workers of earlier versions leave it out. */
  readonly last?: number | null;
  /** The largest mean return of all. */
  readonly best: number | null;
  /** Seconds of training. */
  readonly seconds: number | null;
}

/** Points of a curve that are accepted. With more, the state of a job could be larger than `maxStateBytes`. */
const maxPoints = 64;

/** Points that a worker keeps, an even number, besides the newest. A later version may keep more. */
export const keptPoints = 32;

/** A stopped job was handed back with its checkpoint. A failed one is set aside. */
export type JobPhase = "waiting" | "running" | "stopped" | "complete" | "failed";

export interface JobState {
  readonly phase: JobPhase;
  /** A hash of what decides the job. */
  readonly plan: string;
  /** How often it was put into the queue. */
  readonly round: number;
  /** Failures in this round. */
  readonly tries: number;
  /** Workers that vanished since the last checkpoint. */
  readonly lost: number;
  readonly step: number;
  /** The step of the checkpoint on the server; 0 if there is none. */
  readonly checkpoint: number;
  readonly worker?: string;
  /** Who may change this state: the worker that claimed the job last. */
  readonly lease?: string;
  readonly error?: string;
  readonly outcome?: Outcome;
  readonly evaluations?: Evaluations;
  /** Whether its result is on the server. */
  readonly hasResult?: true;
}

const fields = {
  phase: "a text",
  plan: "64 hexadecimal digits, or nothing",
  round: "a whole number",
  tries: "a whole number",
  lost: "a whole number",
  step: "a whole number",
  checkpoint: "a whole number",
  worker: "a text, or nothing",
  lease: "a text, or nothing",
  error: "a text, or nothing",
  outcome: "an object, or nothing",
  evaluations: "an object, or nothing",
  hasResult: "true, or nothing",
} as const satisfies Fields<JobState>;

const outcomeFields = {
  meanReturn: "a number, or null",
  standardError: "a number, or null",
  fingerprint: "16 hexadecimal digits",
} as const satisfies Fields<Outcome>;

const evaluationsFields = {
  points: "an object",
  last: "a number or null, or nothing",
  best: "a number, or null",
  seconds: "a number, or null",
} as const satisfies Fields<Evaluations>;

const phases: readonly unknown[] = ["waiting", "running", "stopped", "complete", "failed"] satisfies JobPhase[];

export function encodeState(state: JobState): string {
  return JSON.stringify({ format, ...state });
}

/** Reads and checks a state that came from a server. */
export function decodeState(bytes: Uint8Array, where: string): JobState {
  expect(bytes.length <= maxStateBytes, where, `at most ${maxStateBytes} bytes`, bytes.length);
  const value = parseJson(new TextDecoder().decode(bytes), where);
  expect(isRecord(value), where, "a JSON object", value);
  const { format: found, ...rest } = value;
  expect(found === format, `${where} format`, `"${format}"`, found, "Another version of ddpg wrote it.");
  expectKnown(rest, where, Object.keys(fields));
  expectFields<JobState>(rest, where, fields);
  expect(phases.includes(rest.phase), `${where} phase`, phases.join(", "), rest.phase);
  expect(rest.plan !== undefined, `${where} plan`, "64 hexadecimal digits", "nothing");
  const { outcome, evaluations } = rest;
  if (evaluations !== undefined) expectEvaluations(evaluations, `${where} evaluations`);
  if (outcome !== undefined) expectFields<Outcome>(outcome, `${where} outcome`, outcomeFields);
  expect(rest.phase !== "complete" || outcome !== undefined, `${where} outcome`, "an object", outcome);
  return rest;
}

function expectEvaluations(value: object, where: string): void {
  expectFields<Evaluations>(value, where, evaluationsFields);
  const { points } = value;
  const isList = Array.isArray(points) && points.length <= maxPoints;
  const isPoint = (point: unknown): boolean =>
    Array.isArray(point) && point.length === 2 && Number.isSafeInteger(point[0]) && Number.isFinite(point[1]);
  expect(isList && points.every(isPoint), `${where} points`, `at most ${maxPoints} steps and mean returns`, points);
}

/** A job that was just put into the queue, for the first time or again. The checkpoint of an earlier round is used. */
export function queued(plan: string, earlier?: JobState): JobState {
  const { round = 0, checkpoint = 0 } = earlier ?? {};
  return { phase: "waiting", plan, round: round + 1, tries: 0, lost: 0, step: checkpoint, checkpoint };
}

/**
 * What a worker does with a job that it was given: start it under a new lease, or leave it because it has ended. A job
 * that is "running" was given to another worker because the one before gave no sign of life.
 */
export function claimed(
  state: JobState,
  worker: string,
  lease: string,
): { readonly state: JobState; readonly starts: boolean } {
  if (isEnded(state)) return { state, starts: false };
  const lost = state.phase === "running" ? state.lost + 1 : state.lost;
  if (lost >= maxLost) {
    const error = `${lost} workers ended while they ran it, without a checkpoint in between; the last was ${state.worker}`;
    return { state: { ...withoutLease(state), phase: "failed", lost, error }, starts: false };
  }
  const { error: _, ...rest } = state;
  return { state: { ...rest, phase: "running", lost, worker: worker.slice(0, maxWorker), lease }, starts: true };
}

export function progressed(state: JobState, step: number, evaluations = state.evaluations): JobState {
  return { ...state, step, ...(evaluations && { evaluations }) };
}

/** A checkpoint of this step is on the server. */
export function checkpointed(state: JobState, step: number): JobState {
  return { ...state, step: Math.max(step, state.step), checkpoint: step, lost: 0 };
}

/** The worker hands it back. */
export function released(state: JobState): JobState {
  const { checkpoint } = state;
  return { ...withoutLease(state), phase: checkpoint > 0 ? "stopped" : "waiting", step: checkpoint };
}

/** It failed: another try, or set aside. */
export function failedOnce(state: JobState, error: string): JobState {
  const tries = state.tries + 1;
  const phase = tries >= maxTries ? "failed" : state.checkpoint > 0 ? "stopped" : "waiting";
  return { ...withoutLease(state), phase, tries, error: error.slice(0, maxError) };
}

/** What is in the queue is no job. */
export function setAside(state: JobState, error: string): JobState {
  return { ...withoutLease(state), phase: "failed", tries: maxTries, error: error.slice(0, maxError) };
}

export function completed(state: JobState, step: number, outcome: Outcome): JobState {
  const { error: _, ...rest } = withoutLease(state);
  return { ...rest, phase: "complete", step, outcome, checkpoint: 0, hasResult: true };
}

/** The result was taken from the server. */
export function fetched({ hasResult: _, ...state }: JobState): JobState {
  return state;
}

/** Whether no worker has to do anything about it. */
export function isEnded({ phase }: JobState): boolean {
  return phase === "complete" || phase === "failed";
}

function withoutLease({ lease: _, ...state }: JobState): JobState {
  return state;
}
