// `node scripts/add-trained.js <run>` adds the best policy of a finished run to web/trained, or replaces the one of its task. The
// page shows these policies, and the command line uses them with --trained. Their record, web/trained/index.json, says how
// each was made; test/trained.test.js checks it.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { environments, evaluate } from "ddpg";
import { readConfig, readPolicy, readResult } from "ddpg/node";
import { settingFlag, settingNames, showSetting } from "../dist/ddpg/config.js";
import { settingsFor } from "../dist/tasks.js";

const folder = fileURLToPath(new URL("../web/trained/", import.meta.url));
const maxBytes = 700_000;

const [run] = process.argv.slice(2);
if (run === undefined) throw new Error("add-trained: expected a run's directory, got nothing.");
const { environment: task, environmentModule, preset, seed, steps, settings, arithmetic, evaluation } = readConfig(run);
if (environmentModule !== undefined || !environments[task])
  throw new Error(`add-trained: ${task} is not a task of this package.`);
const { best, bestEvaluation, fingerprint } = readResult(run);
if (!best || !bestEvaluation)
  throw new Error(`add-trained: ${run} has no evaluation of its best policy: it was stopped.`);

const changesFrom = (named) => {
  const usual = settingsFor(environments[task], named ?? undefined).settings;
  return settingNames.filter((name) => showSetting(settings[name]) !== showSetting(usual[name]));
};
// A run's file does not say whether the preset was named, so take the reading with fewer changes.
const readings = preset === environments[task].preset && environments[task].settings ? [null, preset] : [preset];
const named = readings.reduce((a, b) => (changesFrom(b).length < changesFrom(a).length ? b : a));
const changes = Object.fromEntries(changesFrom(named).map((name) => [name, settings[name]]));

const file = `${task.replaceAll("/", "-")}.safetensors`;
const bytes = fs.readFileSync(path.join(run, "best.safetensors"));
if (bytes.length > maxBytes) throw new Error(`add-trained: expected at most ${maxBytes} bytes, got ${bytes.length}.`);
const made = await environments[task].create();
const { meanReturn } = await evaluate(await readPolicy(run, "best"), made, { episodes: 10 });
made.close?.();

const entry = {
  task,
  file,
  preset: named,
  seed,
  steps,
  arithmetic,
  changes,
  command: [
    `npx ddpg train ${task}`,
    ...(named ? [`--preset ${named}`] : []),
    `--seed ${seed} --steps ${steps} --arithmetic ${arithmetic}`,
    ...(evaluation.every === steps / 10 ? [] : [`--evaluate-every ${evaluation.every}`]),
    ...(evaluation.episodes === 10 ? [] : [`--evaluate-episodes ${evaluation.episodes}`]),
    ...Object.entries(changes).map(([name, value]) => `${settingFlag(name)} ${showSetting(value)}`),
  ].join(" "),
  step: best.step,
  fingerprint,
  evaluation: bestEvaluation,
  meanOfTen: meanReturn,
};
const index = path.join(folder, "index.json");
const others = fs.existsSync(index)
  ? JSON.parse(fs.readFileSync(index, "utf8")).filter((each) => each.task !== task)
  : [];
const order = Object.keys(environments);
const all = [...others, entry].sort((a, b) => order.indexOf(a.task) - order.indexOf(b.task));
fs.writeFileSync(path.join(folder, file), bytes);
fs.writeFileSync(index, `${JSON.stringify(all, null, 2)}\n`);
console.log(`Wrote web/trained/${file}, ${bytes.length} bytes: ${meanReturn} over ten starts.`);
