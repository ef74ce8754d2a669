// What the page keeps of a run to look back at: bounded in memory, and spread over the whole run.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-history-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
let History;
before(async () => {
  const bundle = await rolldown({ input: path.join(root, "web/history.ts") });
  const file = path.join(folder, "history.mjs");
  await bundle.write({ file });
  ({ History } = await import(file));
});

const policyOf = (step) => new Uint8Array(100).fill(step % 256);
const mapsOf = (step) => ({ step, columns: 2, rows: 2, action: new Float32Array(4).fill(step), value: null });

test("keeps the first and the newest moment and spreads the others evenly, in bounded memory", () => {
  const history = new History(10_000);
  for (let step = 0; step <= 50_000; step += 10) {
    history.addPolicy(step, policyOf(step));
    history.addMaps(mapsOf(step));
    assert.ok(history.bytes <= 20_000);
  }
  const { steps } = history;
  assert.equal(steps.length, 100);
  assert.equal(history.size, 100);
  assert.deepEqual([steps[0], steps.at(-1)], [0, 50_000]);
  const gaps = steps.slice(1).map((step, i) => step - steps[i]);
  assert.ok(Math.max(...gaps) <= 750, `from ${Math.min(...gaps)} to ${Math.max(...gaps)}, 500 in the mean`);
});

test("finds the nearest moment, with the maps nearest to it", () => {
  const history = new History();
  assert.equal(history.at(5), null);
  for (const step of [0, 100, 250]) history.addPolicy(step, policyOf(step));
  assert.equal(history.at(60).maps, null);
  for (const step of [10, 240]) history.addMaps(mapsOf(step));
  const past = history.at(180);
  assert.deepEqual([past.step, past.policy[0], past.maps.step], [250, 250, 240]);
  assert.equal(history.at(-3).step, 0);
  assert.equal(history.at(1e9).step, 250);
});

test("forgets what came after the step to which a run was cut back", () => {
  const history = new History();
  for (const step of [0, 100, 200, 150]) history.addPolicy(step, policyOf(step));
  assert.deepEqual(history.steps, [0, 100, 150]);
  history.addPolicy(150, policyOf(7));
  assert.deepEqual(history.steps, [0, 100, 150]);
  assert.equal(history.at(150).policy[0], 7);
});
