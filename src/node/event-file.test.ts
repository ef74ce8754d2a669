import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { presets } from "../ddpg/config.ts";
import type { EvaluationRecord } from "../training/metrics.ts";
import { EventFile } from "./event-file.ts";

const evaluation: EvaluationRecord = {
  type: "evaluation",
  step: 300,
  episodes: 10,
  meanReturn: -150,
  standardError: 1,
  meanLength: 200,
  valueBias: 0,
  seconds: 1,
};

test("flushed events are in the file before it is closed; a resumed run adds a second file that sorts after the first, even if the clock stands still or was set back", (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-events-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const first = new EventFile(folder, presets.small);
  first.add(evaluation);
  assert.equal(fs.statSync(first.path).size, 0);
  first.flush();
  assert.match(fs.readFileSync(first.path, "latin1"), /brain\.Event:2[\s\S]*eval\/mean_reward/);

  const second = new EventFile(folder, presets.small, { step: 300, records: [evaluation] });
  second.flush();
  assert.deepEqual(
    fs.readdirSync(folder).sort(),
    [first.path, second.path].map((file) => path.basename(file)),
  );
  assert.ok(path.basename(first.path).startsWith("events.out.tfevents."));
  first.close();
  second.close();

  for (const now of [Date.now(), 1e12, 0]) {
    t.mock.timers.enable({ apis: ["Date"], now });
    const before = fs.readdirSync(folder).sort();
    const next = new EventFile(folder, presets.small);
    assert.deepEqual(fs.readdirSync(folder).sort(), [...before, path.basename(next.path)]);
    next.close();
    t.mock.timers.reset();
  }
});
