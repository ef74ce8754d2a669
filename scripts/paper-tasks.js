// The tables of docs/paper-tasks.md: the paper's Table 1 beside our runs on the tasks that stand for its tasks, on the scale whose
// ends are random actions (0) and the planner (1). From the records of `ddpg plan` (docs/results/planner) and of
// `ddpg benchmark` (the folders below).
import * as fs from "node:fs";
import * as path from "node:path";
import { plannerRecords } from "./planner.js";

/** Where the runs of each column are: with the best preset, and with the paper's settings. */
const columns = { robust: "dm_control", paper: "dm_control-paper" };

/** The methods of others' runs. */
const methods = ["DDPG", "TD3"];

/** A run's return is the mean of its last evaluations, as `ddpg benchmark` judges it. */
export const judgedBy = 10;

/** Below the first a seed counts as dead. Where a learned policy is above the second, the planner is a weak end of the scale. */
const [deadBelow, weakAbove] = [0.1, 1.1];

/**
 * Table 1 of the paper, low-dimensional observations: the average and the best of five runs, and the names of the tasks of
 * dm_control that stand for the task.
 */
export const table1 = [
  ["cart", 0.938, 1.336, ["cart"]],
  ["cartpole", 0.844, 1.115, ["cartpole-swingup"]],
  ["cartpoleBalance", 0.951, 1.0, ["cartpole-balance"]],
  ["cartpoleParallelDouble", 0.549, 0.9, ["cartpole-parallel_double"]],
  ["cartpoleSerialDouble", 0.272, 0.719, ["cartpole-two_poles"]],
  ["cartpoleSerialTriple", 0.736, 0.946, ["cartpole-three_poles"]],
  ["cheetah", 0.903, 1.206, ["cheetah-run"]],
  ["fixedReacher", 0.849, 1.021, ["reacher-triple_fixed"]],
  ["fixedReacherDouble", 0.924, 0.996, ["reacher-double_fixed"]],
  ["fixedReacherSingle", 0.954, 1.0, ["reacher-single_fixed"]],
  ["hardCheetah", 1.311, 1.99, ["hard_cheetah-run"]],
  ["hopper", 0.676, 0.936, ["hopper-stand", "hopper-hop"]],
  ["pendulum", 0.946, 1.021, ["pendulum-swingup"]],
  ["reacher", 0.72, 0.987, ["reacher-triple"]],
  ["reacherSingle", 0.981, 1.102, ["reacher-single"]],
  ["walker2d", 0.705, 1.573, ["walker-walk", "walker-run"]],
];

/** The normalized table. `results` is the folder of all records. */
export function paperTable(results) {
  const read = reader(results);
  const head = ["the paper's task", "average", "best", "stand-in", "steps"];
  head.push("`robust`: average", "best", "dead", "`paper`: average", "best", "dead", ...methods);
  const rows = tasksOfPaper().map(({ name, average, best, task }) => {
    const ours = Object.keys(columns).flatMap((column) => summary(read.runs(column, task), read.scale(task)));
    const others = methods.map((method) => othersSummary(read, method, task));
    const mark = isWeak(read, task) ? " †" : "";
    return [name, average.toFixed(3), best.toFixed(3), `\`${task}\`${mark}`, read.steps(task), ...ours, ...others];
  });
  return markdown([head, ...rows]);
}

/** The returns that the normalized table is made of. */
export function paperReturns(results) {
  const read = reader(results);
  const head = ["stand-in", "random", "planner", "`robust`, each seed", "`paper`, each seed", ...methods];
  const rows = tasksOfPaper().map(({ task }) => {
    const { random, planner } = read.scale(task);
    const ours = Object.keys(columns).map((column) => read.runs(column, task).map(text).join(", ") || "–");
    const others = methods.map((method) => {
      const values = read.others(method, task);
      return values ? `${text(mean(values))} [${text(Math.min(...values))}, ${text(Math.max(...values))}]` : "–";
    });
    return [`\`${task}\``, text(random), text(planner), ...ours, ...others];
  });
  return markdown([head, ...rows]);
}

/** One row for each stand-in. */
function tasksOfPaper() {
  return table1.flatMap(([name, average, best, tasks]) => tasks.map((task) => ({ name, average, best, task })));
}

/** What the records say of a task. */
function reader(results) {
  const plans = [...plannerRecords(path.join(results, "planner")).values()];
  const runs = Object.fromEntries(
    Object.entries(columns).map(([column, folder]) => [column, records(path.join(results, folder))]),
  );
  const published = path.join(results, "published-dm_control.json");
  const { returns = {} } = fs.existsSync(published) ? JSON.parse(fs.readFileSync(published, "utf8")) : {};
  const of = (column, task) => runs[column].filter(({ environment }) => environment === `dm_control/${task}`);
  const stepsOf = (task) => [
    ...new Set(Object.keys(columns).flatMap((column) => of(column, task).map((r) => r.steps))),
  ];
  return {
    /** The means of random actions and of the planner; undefined without a record. */
    scale: (task) => {
      const end = (policy) =>
        plans.find((plan) => plan.environment === `dm_control/${task}` && plan.policy === policy)?.meanReturn;
      return { random: end("random"), planner: end("planner") };
    },
    /** The return of each seed. A run that failed has none: it counts as 0, the least that a task of the suite can return. */
    runs: (column, task) =>
      of(column, task).map(({ evaluations, failed }) =>
        failed === undefined ? mean(evaluations.slice(-judgedBy).map(([, value]) => value)) : 0,
      ),
    steps: (task) =>
      stepsOf(task)
        .map((steps) => steps.toLocaleString("en-US"))
        .join(", ") || "–",
    /** The return of each seed of others, after as many steps as ours. */
    others: (method, task) => returns[task]?.[method]?.[stepsOf(task)[0] ?? 300_000],
  };
}

function records(folder) {
  if (!fs.existsSync(folder)) return [];
  const names = fs.readdirSync(folder).filter((name) => /-seed\d+\.json$/.test(name));
  return names.sort().map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8")));
}

/** Whether a learned policy, ours or another, beats the planner by more than a tenth. */
function isWeak(read, task) {
  const ours = Object.keys(columns).flatMap((column) => read.runs(column, task));
  const returns = [...ours, ...methods.flatMap((method) => read.others(method, task) ?? [])];
  return returns.some((value) => normalized(value, read.scale(task)) > weakAbove);
}

/** The average, the best and the number of dead of normalized returns. */
function summary(returns, scale) {
  const values = returns.map((value) => normalized(value, scale)).filter((value) => value !== undefined);
  if (values.length === 0) return ["–", "–", "–"];
  return [digits(mean(values), 2), digits(Math.max(...values), 2), deadOf(values)];
}

function othersSummary(read, method, task) {
  const scale = read.scale(task);
  const values = (read.others(method, task) ?? [])
    .map((value) => normalized(value, scale))
    .filter((value) => value !== undefined);
  return values.length === 0 ? "–" : `${digits(mean(values), 2)}, dead ${deadOf(values)}`;
}

function deadOf(values) {
  return `${values.filter((value) => value < deadBelow).length} of ${values.length}`;
}

function normalized(value, { random, planner }) {
  return random === undefined || planner === undefined ? undefined : (value - random) / (planner - random);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const digits = (value, count) => value.toFixed(count).replace("-", "−");
const text = (value) => (value === undefined ? "–" : digits(value, value < 99.95 ? 1 : 0));
const markdown = ([head, ...rows]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
