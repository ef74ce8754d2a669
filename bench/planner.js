// Measures the two ends of the scale in docs/paper-tasks.md: what random actions and the planner reach. It calls `ddpg plan`
// for as many episodes of the planner as --jobs says, and writes them at once, so that it can be stopped and started again.
// Episodes that are recorded with the same settings are kept; with others, they are replaced.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { build } from "../scripts/build.js";
import { episodes, tasks } from "./planner-tasks.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const help = `npm run bench:planner -- [options] [task ...]
Records episodes of random actions and of the planner in docs/results/planner: of all tasks in bench/planner-tasks.js,
or of those that are named. "npm run figures" then draws the table of docs/paper-tasks.md.

  --policy <name>    random or planner (first random, then planner)
  --jobs <n>         episodes at the same time (1); they are recorded together, when the last of them has ended
  --out <folder>     where the records are (docs/results/planner)
`;

const { policies, names, jobs, out } = readArguments();
await build();
const { mean, meanAndError } = await import("../dist/training/aggregate.js");
fs.mkdirSync(out, { recursive: true });
for (const policy of policies) for (const name of names) measure(name, policy);

/** Plays the episodes of one record that are missing. */
function measure(environment, policy) {
  const file = path.join(out, `${environment.replaceAll("/", "-")}.${policy}.json`);
  const settings = policy === "planner" ? tasks[environment] : undefined;
  const wanted = episodes[policy];
  let record = kept(file, settings);
  // Random episodes are short, so that all are played by one command.
  const piece = policy === "random" ? wanted : jobs;
  while ((record?.episodes ?? 0) < wanted) {
    const done = record?.episodes ?? 0;
    const next = play(environment, policy, settings, done + 1, Math.min(piece, wanted - done));
    record = joined(record, next);
    // A new file takes the place of the old one, so that stopping at any time loses no episode.
    fs.writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`);
    fs.renameSync(`${file}.new`, file);
    console.log(`${environment}, ${policy}: ${next.returns.map((x) => x.toFixed(1)).join(", ")}`);
  }
}

/** The record in a file, if it was made with these settings. Other episodes are replaced. */
function kept(file, settings) {
  if (!fs.existsSync(file)) return undefined;
  const record = JSON.parse(fs.readFileSync(file, "utf8"));
  // Earlier records do not say how often the planner searched: in every step.
  const { stepsPerAction: _, ...budget } = { replan: 1, ...record.budget };
  return isDeepStrictEqual(budget, { replan: 1, ...settings }) ? record : undefined;
}

/** Calls `ddpg plan`. */
function play(environment, policy, settings, first, count) {
  const flags = Object.entries(settings ?? {}).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const which = ["--policy", policy, "--first-episode", `${first}`, "--episodes", `${count}`, "--jobs", `${jobs}`];
  const args = [path.join(root, "bin/ddpg.js"), "plan", environment, ...which, ...flags, "--json"];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}

/** One record of the episodes of two. */
function joined(record, next) {
  const returns = [...(record?.returns ?? []), ...next.returns];
  const lengths = [...(record?.lengths ?? []), ...next.lengths];
  const { mean: meanReturn, error } = meanAndError(returns);
  const episodes = returns.length;
  const standardError = episodes === 1 ? null : error;
  const { environment, policy, seed, budget } = next;
  const head = { environment, policy, seed, ...(budget && { budget }), firstEpisode: 1, episodes };
  return { ...head, meanReturn, standardError, meanLength: mean(lengths), returns, lengths };
}

function readArguments() {
  const text = { type: "string" };
  const options = { policy: text, jobs: { ...text, default: "1" }, out: text, help: { type: "boolean" } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    const known = ["random", "planner"];
    if (values.policy !== undefined && !known.includes(values.policy))
      throw new Error(`--policy: expected random or planner, got "${values.policy}"`);
    const jobs = Number(values.jobs);
    if (!Number.isSafeInteger(jobs) || jobs < 1)
      throw new Error(`--jobs: expected a whole number of at least 1, got "${values.jobs}"`);
    const unknown = positionals.find((name) => !Object.hasOwn(tasks, name));
    if (unknown !== undefined) throw new Error(`expected tasks of bench/planner-tasks.js, got "${unknown}"`);
    return {
      policies: values.policy === undefined ? known : [values.policy],
      names: positionals.length > 0 ? positionals : Object.keys(tasks),
      jobs,
      out: values.out ?? path.join(root, "docs/results/planner"),
    };
  } catch (error) {
    console.error(`bench/planner.js: ${error.message}\n\n${help}`);
    process.exit(2);
  }
}
