// The state of a run's loop in a checkpoint, checked. Its checksum only says that the file was not damaged.
import { expect, expectNumbers, expectObject, expectWhole } from "../base/expect.ts";
import { readStreamState } from "./actors/stream-source.ts";
import { DiagnosticsMeans } from "./metrics.ts";
import type { BestEvaluation } from "./run.ts";
import type { RunState } from "./run-loop.ts";

/**
 * Reads the state that the loop of a run has after `steps` steps. Throws an InputError that begins with `where` and names
 * the field if it cannot be in that state.
 */
export function readRunState(value: object, steps: number, where: string): RunState {
  const { seconds, diagnosticsEvery, evaluation, best, transitions }: Partial<RunState> = value;
  const isTime = typeof seconds === "number" && seconds >= 0 && seconds < Infinity;
  expect(isTime, `${where} seconds`, "a number of at least 0", seconds);
  expectWhole(diagnosticsEvery, `${where} diagnosticsEvery`);
  expectObject(evaluation, `${where} evaluation`, "an object");
  expectWhole(evaluation.step, `${where} evaluation step`, steps);
  const { meanReturn } = evaluation;
  expect(Number.isFinite(meanReturn), `${where} evaluation meanReturn`, "a finite number", meanReturn);
  const kept = readBest(best, `${where} best`);
  expectWhole(kept.step, `${where} best step`, evaluation.step);
  const isBest = kept.meanReturn >= meanReturn;
  expect(isBest, `${where} best meanReturn`, `at least that of the last evaluation, ${meanReturn}`, kept.meanReturn);
  return {
    seconds,
    // Version 0.1 could write 0.
    diagnosticsEvery: Math.max(1, diagnosticsEvery),
    evaluation: { step: evaluation.step, meanReturn },
    best: kept,
    ...(transitions !== undefined && { transitions: readStreamState(transitions, `${where} transitions`) }),
  };
}

/** Reads the best evaluation of a run. Throws an InputError that begins with `where` and names the field otherwise. */
export function readBest(value: unknown, where: string, hint = ""): BestEvaluation {
  expectObject(value, where, "an object");
  const { step, meanReturn, standardError, episodes }: Partial<BestEvaluation> = value;
  expectWhole(step, `${where} step`, undefined, hint);
  expectFinite(meanReturn, `${where} meanReturn`, hint);
  const isError =
    standardError === null || (typeof standardError === "number" && standardError >= 0 && standardError < Infinity);
  expect(isError, `${where} standardError`, "a number of at least 0, or null", standardError, hint);
  expectWhole(episodes, `${where} episodes`, undefined, hint);
  expect(episodes > 0, `${where} episodes`, "a whole number of at least 1", episodes, hint);
  return { step, meanReturn, standardError, episodes };
}

/** Throws an InputError that begins with `where` unless `DiagnosticsMeans.save` can return this after `updates` updates. */
export function expectMeans(state: Float64Array, actionSize: number, updates: number, where: string): void {
  expectNumbers(state, DiagnosticsMeans.stateSize(actionSize), where);
  const [count] = state;
  expectWhole(count, `${where}[0]`, updates);
  for (let i = state.length - actionSize; i < state.length; i++) {
    const isShare = state[i] >= 0 && state[i] <= count;
    expect(isShare, `${where}[${i}]`, `a sum of ${count} shares`, state[i]);
  }
}

function expectFinite(value: unknown, where: string, hint: string): asserts value is number {
  expect(Number.isFinite(value), where, "a finite number", value, hint);
}
