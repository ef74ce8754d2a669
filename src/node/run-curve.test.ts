// What is known of the records of a run while they grow.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { formatRecord, type MetricsRecord } from "../training/metrics.ts";
import { RunCurve } from "./run-curve.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-curve-"));
const metrics = path.join(folder, "metrics.jsonl");
const config = path.join(folder, "config.json");
after(() => fs.rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  fs.writeFileSync(config, "{}");
  fs.writeFileSync(metrics, "");
});

const evaluation = (step: number, meanReturn: number): MetricsRecord => ({
  ...{ type: "evaluation", step, episodes: 1, meanReturn, standardError: 1, meanLength: 1, valueBias: 0 },
  seconds: step / 10,
});
const episode = (step: number): MetricsRecord => ({
  ...{ type: "episode", step, episode: step, return: -1, length: 1, terminated: false, seconds: step / 10 },
});
const diagnostics = (step: number, saturation: number[]): MetricsRecord => ({
  ...{ type: "diagnostics", step, updates: step, saturation, criticLoss: 1, actorLoss: 1 },
  ...{ meanValue: 1, actorGradientNorm: 1, criticGradientNorm: 1 },
});
const add = (...records: MetricsRecord[]): void => fs.appendFileSync(metrics, records.map(formatRecord).join(""));

describe("the curve of a run", () => {
  it("has its evaluations, the best of them, the newest step and time, and stays the same until there are more", () => {
    const curve = new RunCurve(folder, 8);
    assert.ok(curve.read(1e6));
    assert.deepEqual([curve.points, curve.step, curve.seconds, curve.best], [[], 0, null, null]);
    add(evaluation(0, -5), episode(3), evaluation(4, -1), evaluation(8, -3), diagnostics(9, [0]));
    assert.ok(curve.read(1e6));
    assert.deepEqual(curve.points, [
      [0, -5],
      [4, -1],
      [8, -3],
    ]);
    assert.deepEqual([curve.step, curve.seconds, curve.last, curve.best], [9, 0.8, -3, -1]);
    const { points } = curve;
    add(episode(10));
    curve.read(1e6);
    assert.equal(curve.points, points);
    assert.deepEqual([curve.step, curve.seconds], [10, 1]);
  });

  it("waits for the rest of a line, skips long ones, and takes what was added in parts", () => {
    const curve = new RunCurve(folder, 8);
    const line = formatRecord(evaluation(1, -2));
    fs.appendFileSync(metrics, line.slice(0, 20));
    assert.ok(curve.read(1e6));
    assert.deepEqual(curve.points, []);
    fs.appendFileSync(metrics, line.slice(20));
    add(
      diagnostics(
        2,
        Array.from({ length: 50_000 }, () => 0.123456),
      ),
      evaluation(3, -1),
    );
    let reads = 1;
    while (!curve.read(1)) reads++;
    assert.ok(reads > 3);
    assert.deepEqual(curve.points, [
      [1, -2],
      [3, -1],
    ]);
    assert.equal(curve.problem, "");
  });

  it("keeps a bounded number of points, of which the last is the newest", () => {
    const curve = new RunCurve(folder, 8);
    for (let step = 0; step < 1001; step++) {
      add(evaluation(step, step === 500 ? 7 : -step));
      curve.read(1e6);
      assert.ok(curve.points.length <= 9);
      assert.deepEqual(curve.points.at(-1)?.[0], step);
    }
    assert.deepEqual([curve.best, curve.last], [7, -1000]);
  });

  it("starts over when the run was cut back, also if it has grown again, or was replaced", () => {
    const curve = new RunCurve(folder, 8);
    add(evaluation(0, -5), evaluation(4, 1));
    curve.read(1e6);
    fs.truncateSync(metrics, formatRecord(evaluation(0, -5)).length);
    curve.read(1e6);
    assert.deepEqual([curve.points, curve.best, curve.step], [[[0, -5]], -5, 0]);
    fs.truncateSync(metrics, 0);
    add(evaluation(0, -6), evaluation(5, -2), evaluation(6, -2));
    fs.rmSync(config);
    fs.writeFileSync(config, "{ }");
    fs.utimesSync(config, 1, 2);
    curve.read(1e6);
    assert.deepEqual(
      curve.points.map(([, value]) => value),
      [-6, -2, -2],
    );
    fs.rmSync(metrics);
    curve.read(1e6);
    assert.deepEqual([curve.points, curve.seconds], [[], null]);
  });

  it("says what is wrong with a record, keeps the others, and follows no link", () => {
    const curve = new RunCurve(folder, 8);
    add(evaluation(0, -5));
    fs.appendFileSync(metrics, '{"type":"evaluation","step":-1}\n{"type":"evaluation","<b>\n');
    add(evaluation(3, Number.NaN), evaluation(4, -1));
    curve.read(1e6);
    assert.match(curve.problem, /^metrics\.jsonl step: expected a whole number, got -1/);
    assert.deepEqual(curve.points, [
      [0, -5],
      [4, -1],
    ]);
    fs.renameSync(metrics, path.join(folder, "elsewhere"));
    if (process.platform === "win32") return;
    fs.symlinkSync(path.join(folder, "elsewhere"), metrics);
    curve.read(1e6);
    assert.deepEqual(curve.points, []);
    fs.rmSync(metrics);
  });
});
