// What a sweep found, from runs with known returns.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { presets } from "../../ddpg/config.ts";
import { writeJson } from "../../node/run-files.ts";
import { formatRecord } from "../../training/metrics.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { runsOf, type SweepRecord, writeSweep } from "./record.ts";
import { summarize } from "./summary.ts";
import { csv, figure, page } from "./sweep-page.ts";

const { inFolder } = programInFolder("sweep-summary");

describe("the report", () => {
  /** A sweep whose runs have these final returns; undefined for a failed run. */
  function made(name: string, returns: Readonly<Record<string, readonly (number | undefined)[]>>): SweepRecord {
    const cells = Object.keys(returns).map((text, i) => {
      const [actorLearningRate, batchSize] = text.split(" ").map(Number);
      const seeds = returns[text].map((_, seed) => seed + 1);
      return { id: `00000000000${i}`, settings: { actorLearningRate, batchSize }, seeds };
    });
    const record: SweepRecord = { environment: "Pendulum-v1", steps: 100, arithmetic: "portable", cells };
    writeSweep(inFolder(name), record);
    for (const { directory, cell, seed } of runsOf(inFolder(name), record)) {
      const final = returns[`${cell.settings.actorLearningRate} ${cell.settings.batchSize}`][seed - 1];
      fs.mkdirSync(directory, { recursive: true });
      const common = { environment: "Pendulum-v1", preset: "small", seed, steps: 100 } as const;
      writeJson(path.join(directory, "config.json"), {
        ...common,
        settings: { ...presets.small, ...cell.settings },
        arithmetic: "portable",
        evaluation: { every: 100, episodes: 2, finalEpisodes: 2 },
        versions: { ddpg: "0", node: "0", platform: "any" },
      });
      writeJson(path.join(directory, "result.json"), {
        ...{ ...common, trainingSeconds: 1, stepsPerSecond: 100, threads: 1, fingerprint: "0123456789abcdef" },
        evaluation: final === undefined ? null : { meanReturn: final, standardError: 1, episodes: 2 },
        ...(final === undefined && { failed: "the loss is not finite" }),
      });
      fs.writeFileSync(
        path.join(directory, "metrics.jsonl"),
        formatRecord({
          type: "episode",
          step: 100,
          episode: 1,
          return: -5,
          length: 100,
          terminated: false,
          seconds: 1,
        }),
      );
    }
    return record;
  }
  const from = (base: number): number[] => [1, 2, 3, 4, 5].map((seed) => base + seed);

  it("has the interquartile mean of each cell and value, the best cell, and each setting's spread", () => {
    const record = made("known", {
      "0.001 64": from(0),
      "0.001 128": from(10),
      "0.01 64": from(100),
      "0.01 128": from(110),
    });
    const summary = summarize(inFolder("known"), record);
    assert.deepEqual(
      summary.cells.map(({ values, statistic }) => [...values, statistic?.value]),
      [
        ["0.01", "128", 113],
        ["0.01", "64", 103],
        ["0.001", "128", 13],
        ["0.001", "64", 3],
      ],
    );
    assert.deepEqual(summary.best?.values, ["0.01", "128"]);
    assert.deepEqual(
      summary.sensitivities.map(({ name, spread }) => [name, spread]),
      [
        ["actorLearningRate", 100],
        ["batchSize", 10],
      ],
    );
    const lines = csv(summary).trimEnd().split("\r\n");
    assert.equal(
      lines[0],
      "kind,cell,actorLearningRate,batchSize,seed,state,step,runs,failed,return,low,high,rank,spread",
    );
    assert.equal(lines.length, 1 + 20 + 4 + 4);
    assert.ok(lines.includes("run,000000000003,0.01,128,5,complete,100,,,115,,,,"), lines.join("\n"));
    assert.match(lines[21], /^cell,000000000003,0\.01,128,,,,5,0,113,11\d\.?\d*,11\d\.?\d*,1,$/);
    assert.match(lines[25], /^level,,0\.001,,,,,10,,8,[\d.]+,[\d.]+,,100$/);
    const text = page(summary);
    assert.match(text, /<dt>best settings<\/dt><dd>actorLearningRate 0\.01, batchSize 128<\/dd>/);
    assert.match(figure(summary), /^<svg .*actorLearningRate 0\.01, batchSize 128.*<\/svg>\n$/s);
  });

  it("does not call a cell with a failed run the best, and leaves that run out of the mean", () => {
    const record = made("failing", { "0.001 64": [1, 2], "0.01 64": [50, undefined] });
    const summary = summarize(inFolder("failing"), record);
    assert.deepEqual(summary.best?.values, ["0.001", "64"]);
    const [first] = summary.cells;
    assert.deepEqual([first.values[0], first.finals, first.failed], ["0.01", [50], 1]);
    assert.match(page(summary), /1 run failed\./);
  });

  it("puts many drawn numbers into groups of neighbors", () => {
    const rates = [1, 2, 3, 4, 5, 6, 7, 8];
    const record = made("drawn", Object.fromEntries(rates.map((rate) => [`0.00${rate} 64`, [10 * rate]])));
    const [{ levels, spread }] = summarize(inFolder("drawn"), record).sensitivities;
    assert.deepEqual(
      levels.map(({ label, finals }) => [label, finals]),
      [
        ["0.001 to 0.002", [10, 20]],
        ["0.003 to 0.004", [30, 40]],
        ["0.005 to 0.006", [50, 60]],
        ["0.007 to 0.008", [70, 80]],
      ],
    );
    assert.equal(spread, 60);
  });

  it("refuses a run that is not the one of the record", () => {
    const record = made("edited", { "0.001 64": [1] });
    const [{ directory }] = runsOf(inFolder("edited"), record);
    const file = path.join(directory, "config.json");
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('"batchSize": 64', '"batchSize": 32'));
    assert.throws(() => summarize(inFolder("edited"), record), /settings batchSize: expected 64, got 32/);
  });
});
