import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { formatRecord, type MetricsRecord } from "../training/metrics.ts";
import { eachMetric, readMetrics } from "./run-files.ts";

const run = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-records-"));
after(() => fs.rmSync(run, { recursive: true }));

const episode = (n: number): MetricsRecord => ({
  ...{ type: "episode", step: n, episode: n, return: -1 / n, length: 1, terminated: true, seconds: n },
});

function write(text: string): void {
  fs.writeFileSync(path.join(run, "metrics.jsonl"), text);
}

describe("the records of a run", () => {
  it("are the same however the file is cut into pieces", () => {
    // 40,000 lines are about 4 MB: several pieces, which end within lines.
    const records = Array.from({ length: 40_000 }, (_, i) => episode(i + 1));
    write(records.map(formatRecord).join(""));
    assert.deepEqual(readMetrics(run), records);
  });

  it("end before a line that was cut off, and at the byte asked for", () => {
    const lines = [episode(1), episode(2), episode(3)].map(formatRecord);
    write(lines.join("").slice(0, -20));
    assert.deepEqual(readMetrics(run), [episode(1), episode(2)]);
    assert.deepEqual([...eachMetric(run, lines[0].length)], [episode(1)]);
  });

  it("may have lines longer than a piece, up to 16 MiB", () => {
    const long = { ...episode(1), note: "x".repeat(3_000_000) };
    write(formatRecord(long) + formatRecord(episode(2)));
    assert.deepEqual(readMetrics(run), [long, episode(2)]);
    write(formatRecord(episode(1)) + " ".repeat(17 * 2 ** 20));
    assert.throws(() => readMetrics(run), {
      name: "InputError",
      message: /metrics\.jsonl line 2: expected a line of at most 16 MiB, got a longer one\.$/,
    });
  });

  it("name the line that is not a record", () => {
    write(`${formatRecord(episode(1))}nonsense\n`);
    assert.throws(() => readMetrics(run), { message: /metrics\.jsonl line 2: expected one JSON object/ });
  });
});
