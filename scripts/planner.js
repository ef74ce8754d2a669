// The table of docs/paper-tasks.md: the records of `ddpg plan` in docs/results/planner.
import * as fs from "node:fs";
import * as path from "node:path";

/** The records in a folder, by the names of their files. */
export function plannerRecords(folder) {
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.sort().map((name) => [name, JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"))]));
}

/** The table. `results` is the folder of all records. */
export function plannerTable(results) {
  const records = [...plannerRecords(path.join(results, "planner")).values()];
  const rows = [...new Set(records.map(({ environment }) => environment))].sort().map((environment) => {
    const find = (policy) => records.find((record) => record.environment === environment && record.policy === policy);
    const [random, planner] = [find("random"), find("planner")];
    return [`\`${environment}\``, returnOf(random), returnOf(planner), ...searchOf(planner)];
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

/** How far the planner looked ahead, and the simulated steps for one action. */
function searchOf(record) {
  if (!record) return ["–", "–"];
  const { horizon, spacing, samples, iterations, replan = 1, stepsPerAction } = record.budget;
  const steps = stepsPerAction.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const every = replan === 1 ? "" : ` / ${replan}`;
  return [`${horizon} steps, a knot every ${spacing}`, `${steps} = ${horizon} × ${samples} × ${iterations}${every}`];
}
