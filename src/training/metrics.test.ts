import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Diagnostics, diagnosticsNames } from "../ddpg/diagnostics.ts";
import { DiagnosticsMeans, formatRecord, type MetricsRecord, parseRecord } from "./metrics.ts";

const records: MetricsRecord[] = [
  {
    type: "evaluation",
    ...{
      step: 0,
      episodes: 1,
      meanReturn: -3.25,
      standardError: Number.NaN,
      meanLength: 200,
      valueBias: 0.5,
      seconds: 0,
    },
  },
  { type: "episode", step: 200, episode: 1, return: -1e-7, length: 200, terminated: false, seconds: 0.25 },
  {
    type: "diagnostics",
    ...{ step: 200, criticLoss: 1, meanValue: 2, actorLoss: 3, criticGradientNorm: 4, actorGradientNorm: 5 },
    saturation: [0, 0.5],
  },
  {
    type: "diagnostics",
    ...{ step: 300, updates: 100, criticLoss: 1, meanValue: 2, actorLoss: 3 },
    ...{ criticGradientNorm: 4, actorGradientNorm: 5 },
    saturation: [],
  },
];

describe("metrics", () => {
  it("survive formatting and parsing", () => {
    const lines = records.map(formatRecord);
    for (const line of lines) assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(
      lines.map((line) => parseRecord(line.trimEnd(), "metrics.jsonl")),
      records,
    );
  });

  const broken: [string, string][] = [
    ["nonsense", 'metrics.jsonl line 2: expected one JSON object, got "nonsense". Remove the line.'],
    ['{"type":"epsode"}', 'metrics.jsonl line 2 type: expected one of episode, evaluation, diagnostics, got "epsode".'],
    ["null", "metrics.jsonl line 2 type: expected one of episode, evaluation, diagnostics, got undefined."],
    [
      '{"type":"constructor"}',
      'metrics.jsonl line 2 type: expected one of episode, evaluation, diagnostics, got "constructor".',
    ],
    ['{"type":"episode","step":"1"}', 'metrics.jsonl line 2 step: expected a whole number, got "1".'],
    ['{"type":"episode","step":1e999}', "metrics.jsonl line 2 step: expected a whole number, got Infinity."],
    [
      JSON.stringify(records[0]).replace(/"meanReturn":[^,]*/, '"meanReturn":-1e999'),
      "metrics.jsonl line 2 meanReturn: expected a number, got -Infinity.",
    ],
    [
      JSON.stringify({ ...records[3], updates: 1.5 }),
      "metrics.jsonl line 2 updates: expected a whole number, or nothing, got 1.5.",
    ],
    [
      JSON.stringify({ ...records[3], actorGradientNorm: undefined }),
      "metrics.jsonl line 2 actorGradientNorm: expected a number, got undefined.",
    ],
  ];
  for (const [line, message] of broken) {
    it(`say what is wrong with the line ${line}`, () => {
      assert.throws(() => parseRecord(line, "metrics.jsonl line 2"), {
        name: "InputError",
        message,
      });
    });
  }

  /** Diagnostics of two updates; the second is `last`. */
  const measured = (): { means: DiagnosticsMeans; last: Diagnostics } => {
    const last = new Diagnostics(2);
    const means = new DiagnosticsMeans(2);
    for (const [loss, share] of [
      [1, 0],
      [5, 0.5],
    ]) {
      diagnosticsNames.forEach((name, i) => {
        last[name] = (i + 1) * loss;
      });
      last.saturation.set([share, 1]);
      means.add(last);
    }
    return { means, last };
  };

  it("average diagnostics over the updates since the last record", () => {
    const { means, last } = measured();
    assert.deepEqual(means.take(7, 70), {
      type: "diagnostics",
      ...{ step: 7, updates: 70, criticLoss: 3, meanValue: 6, actorLoss: 9 },
      ...{ criticGradientNorm: 12, actorGradientNorm: 15 },
      saturation: [0.25, 1],
    });
    means.add(last);
    assert.equal(means.take(8, 71).criticLoss, 5);
    assert.equal(means.count, 0);
  });

  it("save the sums of diagnostics in the order that checkpoints have used since the first version", () => {
    const { means } = measured();
    const saved = means.save();
    assert.deepEqual([...saved], [2, 6, 12, 18, 24, 30, 0.5, 2]);
    assert.equal(saved.length, DiagnosticsMeans.stateSize(2));
    const restored = new DiagnosticsMeans(2);
    restored.restore(saved);
    assert.deepEqual(restored.take(7, 70), means.take(7, 70));
  });
});
