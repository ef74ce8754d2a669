// The records of `ddpg plan`, of which `npm run figures` draws the table of docs/paper-tasks.md, and the program that makes
// them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suiteTasks } from "../dist/tasks.js";
import { tasks } from "../bench/planner-tasks.js";
import { plannerRecords, plannerTable } from "../scripts/planner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const results = path.join(root, "docs/results");
const records = plannerRecords(path.join(results, "planner"));
const execute = promisify(execFile);

test("a record's figures follow from its returns, and its name from what it holds", () => {
  for (const [name, record] of records) {
    const {
      environment,
      policy,
      firstEpisode = 1,
      episodes,
      meanReturn,
      standardError,
      returns,
      lengths,
      meanLength,
      budget,
    } = record;
    assert.equal(name, `${environment.replaceAll("/", "-")}.${policy}.json`);
    assert.deepEqual([firstEpisode, returns.length], [1, episodes], name);
    const mean = returns.reduce((sum, x) => sum + x, 0) / episodes;
    assert.ok(Math.abs(mean - meanReturn) <= 1e-9 * Math.abs(mean), name);
    const squares = returns.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    const error = episodes === 1 ? null : Math.sqrt(squares / (episodes - 1) / episodes);
    if (error === null) assert.equal(standardError, null, name);
    else assert.ok(Math.abs(error - standardError) <= 1e-9 * error, name);
    assert.equal(lengths.length, episodes, name);
    assert.ok(
      lengths.every((length) => Number.isInteger(length) && length > 0),
      name,
    );
    const length = lengths.reduce((sum, x) => sum + x, 0) / episodes;
    assert.ok(Math.abs(length - meanLength) <= 1e-9 * length, name);
    assert.equal(budget !== undefined, policy === "planner");
    assert.ok(Object.hasOwn(tasks, environment), `${environment} is not in bench/planner-tasks.js`);
    if (!budget) continue;
    const { stepsPerAction, replan = 1, ...search } = budget;
    assert.equal(stepsPerAction, (search.horizon * search.samples * search.iterations) / replan);
  }
});

test("the table shows both ends of the scale, and what has no record", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-planner-table-"));
  try {
    fs.mkdirSync(path.join(folder, "planner"));
    const write = (name, record) => fs.writeFileSync(path.join(folder, "planner", name), JSON.stringify(record));
    const budget = { horizon: 10, spacing: 2, samples: 30, iterations: 2, replan: 4, noise: 1, stepsPerAction: 150 };
    write("b.planner.json", {
      environment: "b",
      policy: "planner",
      budget,
      episodes: 2,
      meanReturn: 5,
      standardError: 1,
    });
    write("b.random.json", { environment: "b", policy: "random", episodes: 1, meanReturn: 0.25, standardError: null });
    write("a.random.json", { environment: "a", policy: "random", episodes: 50, meanReturn: 1, standardError: 0.5 });
    assert.deepEqual(plannerTable(folder).split("\n").slice(2), [
      "| `a` | 1.0 ± 0.5, 50 episodes | – | – | – |",
      "| `b` | 0.3, 1 episode | 5.0 ± 1.0, 2 episodes | 10 steps, a knot every 2 | 150 = 10 × 30 × 2 / 4 |",
    ]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test("there are settings for every task of dm_control", () => {
  assert.deepEqual(
    suiteTasks.dm_control.filter((name) => !Object.hasOwn(tasks, name)),
    [],
  );
});

test("bench:planner plays what is missing, keeps what has the same settings, and the planner still plays as recorded", async () => {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-planner-records-"));
  try {
    const name = "Pendulum-v1.planner.json";
    const bench = (...args) =>
      execute(process.execPath, [path.join(root, "bench/planner.js"), "--out", out, ...args, "Pendulum-v1"]);
    const write = (record) => fs.writeFileSync(path.join(out, name), JSON.stringify(record));
    const read = () => JSON.parse(fs.readFileSync(path.join(out, name), "utf8"));
    const recorded = records.get(name);
    // The returns of the first three are marked, to see that they are kept.
    write({ ...recorded, episodes: 3, returns: [-1, -2, -3], lengths: [1, 2, 3] });
    const { stdout } = await bench("--policy", "planner", "--jobs", "2");
    assert.equal(stdout.split("\n").length, 2, stdout);
    assert.deepEqual(read().returns, [-1, -2, -3, ...recorded.returns.slice(3, 5)]);
    assert.deepEqual([read().episodes, read().meanLength], [5, (1 + 2 + 3 + 200 + 200) / 5]);

    // Those with another noise are replaced.
    write({ ...recorded, budget: { ...recorded.budget, noise: 0.25 } });
    await bench("--policy", "planner", "--jobs", "5");
    assert.deepEqual(read().returns, recorded.returns.slice(0, 5));
    assert.equal((await bench("--policy", "planner")).stdout, "");

    await bench("--policy", "random");
    const random = JSON.parse(fs.readFileSync(path.join(out, "Pendulum-v1.random.json"), "utf8"));
    assert.deepEqual(random.returns, records.get("Pendulum-v1.random.json").returns);
  } finally {
    fs.rmSync(out, { recursive: true });
  }
});
