// The table of docs/paper-tasks.md holds what the records of `ddpg plan` say.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, "docs/results/planner");

const records = fs.readdirSync(folder).map((name) => {
  const record = JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
  assert.equal(name, `${record.environment.replaceAll("/", "-")}.${record.policy}.json`);
  return record;
});

/** The table that belongs into the document. */
function table() {
  const rows = [...new Set(records.map(({ environment }) => environment))].sort().map((environment) => {
    const find = (policy) => records.find((record) => record.environment === environment && record.policy === policy);
    const [random, planner] = [find("random"), find("planner")];
    const { budget } = planner ?? {};
    const search = budget && [
      `${budget.horizon} steps, a knot every ${budget.spacing}`,
      `${budget.stepsPerAction.toLocaleString("en-US")} = ${budget.horizon} × ${budget.samples} × ${budget.iterations}`,
    ];
    return [`\`${environment}\``, returnOf(random), returnOf(planner), ...(search ?? ["–", "–"])];
  });
  const head = ["task", "random", "planner", "horizon", "budget"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function returnOf(record) {
  if (!record) return "–";
  const { meanReturn, standardError, episodes } = record;
  const error = standardError === null ? "" : ` ± ${standardError.toFixed(1)}`;
  return `${meanReturn.toFixed(1)}${error}, ${episodes} ${episodes === 1 ? "episode" : "episodes"}`;
}

test("the table of docs/paper-tasks.md is that of the records", () => {
  const text = fs.readFileSync(path.join(root, "docs/paper-tasks.md"), "utf8");
  assert.ok(text.includes(`\n\n${table()}\n\n`), `expected this table:\n${table()}`);
});

test("a record's figures follow from its returns", () => {
  for (const { environment, policy, episodes, meanReturn, standardError, returns, budget } of records) {
    assert.equal(returns.length, episodes, environment);
    const mean = returns.reduce((sum, x) => sum + x, 0) / episodes;
    assert.ok(Math.abs(mean - meanReturn) <= 1e-9 * Math.abs(mean), environment);
    const squares = returns.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    const error = episodes === 1 ? null : Math.sqrt(squares / (episodes - 1) / episodes);
    if (error === null) assert.equal(standardError, null, environment);
    else assert.ok(Math.abs(error - standardError) <= 1e-9 * error, environment);
    assert.equal(budget !== undefined, policy === "planner");
    if (budget) assert.equal(budget.stepsPerAction, budget.horizon * budget.samples * budget.iterations);
  }
});
