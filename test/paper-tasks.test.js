// The tables of docs/paper-tasks.md that compare our runs with the paper's.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as benchmark from "../dist/cli/benchmark/records.js";
import { suiteTasks } from "../dist/tasks.js";
import { judgedBy, paperReturns, paperTable, table1 } from "../scripts/paper-tasks.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

test("the rows are those of the suite, in the same order", () => {
  assert.deepEqual(
    table1.flatMap(([, , , tasks]) => tasks.map((task) => `dm_control/${task}`)),
    suiteTasks.paper,
  );
});

test("a run is judged as ddpg benchmark judges it", () => assert.equal(judgedBy, benchmark.judgedBy));

test("returns are normalized by random actions and the planner; dead seeds and a weak planner are marked", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-paper-table-"));
  try {
    const write = (name, record) => {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), JSON.stringify(record));
    };
    const scale = (task, random, planner) => {
      const environment = `dm_control/${task}`;
      write(`planner/${task}.random.json`, { environment, policy: "random", meanReturn: random });
      if (planner) write(`planner/${task}.planner.json`, { environment, policy: "planner", meanReturn: planner });
    };
    const run = (column, task, seed, returns, failed) => {
      const evaluations = returns.map((value, i) => [i, value]);
      const record = { environment: `dm_control/${task}`, steps: 300_000, evaluations, failed };
      write(`${column}/${task}-seed${seed}.json`, record);
    };
    scale("cart", 100, 600);
    // Only the last ten evaluations count.
    run("dm_control", "cart", 1, [-1e9, ...Array.from({ length: 10 }, () => 700)]);
    run("dm_control", "cart", 2, [149]);
    run("dm_control-paper", "cart", 1, [], "out of memory");
    scale("cartpole-swingup", 20, 100);
    run("dm_control", "cartpole-swingup", 1, [120]);
    scale("cartpole-balance", 300);
    run("dm_control", "cartpole-balance", 1, [900]);
    scale("cartpole-parallel_double", 0, 100);
    scale("cartpole-two_poles", 0, 100);
    run("dm_control", "cartpole-two_poles", 1, [109]);
    const returns = {
      "cartpole-swingup": { DDPG: { 300000: [20, 60], 1000000: [0] } },
      // Others alone are above the planner.
      "cartpole-parallel_double": { TD3: { 300000: [120] } },
    };
    write("published-dm_control.json", { returns });

    const rows = paperTable(folder).split("\n");
    assert.deepEqual(rows.slice(2, 7), [
      "| cart | 0.938 | 1.336 | `cart` † | 300,000 | 0.65 | 1.20 | 1 of 2 | −0.20 | −0.20 | 1 of 1 | – | – |",
      "| cartpole | 0.844 | 1.115 | `cartpole-swingup` † | 300,000 | 1.25 | 1.25 | 0 of 1 | – | – | – | 0.25, dead 1 of 2 | – |",
      "| cartpoleBalance | 0.951 | 1.000 | `cartpole-balance` | 300,000 | – | – | – | – | – | – | – | – |",
      "| cartpoleParallelDouble | 0.549 | 0.900 | `cartpole-parallel_double` † | – | – | – | – | – | – | – | – | 1.20, dead 0 of 1 |",
      "| cartpoleSerialDouble | 0.272 | 0.719 | `cartpole-two_poles` | 300,000 | 1.09 | 1.09 | 0 of 1 | – | – | – | – | – |",
    ]);
    assert.equal(rows.length, 2 + suiteTasks.paper.length);
    assert.deepEqual(paperReturns(folder).split("\n").slice(2, 5), [
      "| `cart` | 100 | 600 | 700, 149 | 0.0 | – | – |",
      "| `cartpole-swingup` | 20.0 | 100 | 120 | – | 40.0 [20.0, 60.0] | – |",
      "| `cartpole-balance` | 300 | – | 900 | – | – | – |",
    ]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test("others' returns are of tasks of the suite, one for each seed", () => {
  const file = path.join(root, "docs/results/published-dm_control.json");
  const { returns } = JSON.parse(fs.readFileSync(file, "utf8"));
  for (const [task, methods] of Object.entries(returns)) {
    assert.ok(suiteTasks.dm_control.includes(`dm_control/${task}`), task);
    for (const [method, bySteps] of Object.entries(methods)) {
      assert.deepEqual(Object.keys(bySteps), ["300000", "1000000"], `${task} ${method}`);
      for (const values of Object.values(bySteps))
        assert.ok(values.length >= 7 && values.every((value) => value >= 0 && value <= 1000), `${task} ${method}`);
    }
  }
});
