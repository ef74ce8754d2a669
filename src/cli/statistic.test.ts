// The same returns of the same seeds are the same number wherever they are shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { presets } from "../ddpg/config.ts";
import { seedStatistic } from "../training/aggregate.ts";
import { curves, resultsTable } from "./benchmark/page.ts";
import type { BenchmarkRecord } from "./benchmark/records.ts";
import { drawDistribution, format, paper } from "./report/figures.ts";
import { json } from "./report/report-data.ts";
import { page } from "./report/report-page.ts";
import type { ReportedRun } from "./report/reported-run.ts";
import { statisticLines } from "./run/seeds.ts";

const shared = { environment: "Pendulum-v1", preset: "small", settings: presets.small, steps: 1000 } as const;
const versions = { ddpg: "0.2.0", node: "20.19.0", platform: "linux x64" };

function reported(meanReturn: number, seed: number): ReportedRun {
  const evaluation = { meanReturn, standardError: 1, episodes: 10 };
  const point = { type: "evaluation", step: 1000, ...evaluation, meanLength: 1, valueBias: 0, seconds: 1 } as const;
  return {
    directory: `seed${seed}`,
    config: { ...shared, seed, versions, evaluation: { every: 100, episodes: 10, finalEpisodes: 10 } },
    ...{ evaluations: [point], evaluationsEach: 1, episodes: [], episodesEach: 1, diagnostics: [] },
    result: { ...shared, seed, trainingSeconds: 1, stepsPerSecond: 1, threads: 1, evaluation, fingerprint: "0" },
  };
}

function recorded(value: number, seed: number): BenchmarkRecord {
  return {
    ...{ ...shared, seed, versions, machine: "", seconds: 1, fingerprint: "0", episodes: 10 },
    evaluations: [[1000, value]],
  };
}

/** The text with hyphens for minus signs. */
function plain(text: string): string {
  return text.replaceAll("−", "-");
}

function match(text: string, pattern: RegExp): string[] {
  const found = pattern.exec(plain(text));
  assert.ok(found, `nothing matches ${pattern}`);
  return found.slice(1);
}

// The middle half and the mean are far apart for three seeds or more.
const returns = [-150.26, -131.3, -1260.7, -128.4, -4.1234, -0.5];

for (let n = 1; n <= returns.length; n++) {
  test(`train, report, benchmark and figures show the same statistic of ${n} seeds`, () => {
    const some = returns.slice(0, n);
    const { name, value, interval } = seedStatistic(some);
    const [value1, name1, low1, high1] = match(
      statisticLines(some)[0],
      /^return +(-[\d,.]+), ([^;]+?)(?:; 95 % bootstrap interval (\S+) to (\S+))?$/,
    );
    assert.equal(name1, name);
    assert.ok(Math.abs(Number(value1) - value) <= 0.05, value1);
    assert.equal(low1 !== undefined, interval !== undefined);

    const runs = some.map((each, i) => reported(each, i + 1));
    // One run has a page of another kind: a second one, unfinished, is not in the statistic.
    const { result: _, ...unfinished } = runs[0];
    const report = page(n === 1 ? [...runs, unfinished] : runs);
    const [value2, name2, interval2] = match(
      report,
      /<th scope="row">small<\/th><td class="number">\d<\/td><td[^>]*>(-[\d,.]+)<\/td><td[^>]*>([^<]+)<\/td><td[^>]*>([^<]*)<\/td>/,
    );
    assert.deepEqual([value2, name2, interval2], [value1, name, interval ? `${low1} to ${high1}` : ""]);
    const data = JSON.parse(Buffer.concat([...json(runs)]).toString());
    assert.deepEqual(data.groups[0].final, { ...seedStatistic(some), interval: interval ?? null });
    assert.deepEqual(data.groups[0].curve, [{ step: 1000, ...data.groups[0].final }]);

    const records = some.map((each, i) => recorded(each, i + 1));
    const [value3, low3, high3] = match(
      resultsTable(records),
      /^\| Pendulum-v1 \| 1,000 \| (-[\d,.]+)(?: \[(\S+), (\S+)\])? *\|/m,
    );
    assert.deepEqual([value3, low3, high3], [value1, low1, high1]);

    // The last title is that of the diamond.
    const diamond = (svg: string) => [...svg.matchAll(/<title>(.*?)<\/title>/g)].at(-1)?.[1];
    const dots = drawDistribution([{ name: "", values: some }], { theme: paper, width: 400, xLabel: "" });
    assert.equal(diamond(dots), format(value));
    assert.equal(diamond(curves(records)), format(value));
    if (n > 1) assert.ok(curves(records).includes(`>${name}${interval ? ", 95 % interval" : ""}<`));
  });
}
