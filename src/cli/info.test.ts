// What an environment gives as `info` of its steps, from training to the report: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { readMetrics, readResult } from "../node.ts";
import { programInFolder } from "./terminal/program.case.ts";

const { inFolder, ddpg, succeed } = programInFolder("info");

function writeCart(name: string, info: string): void {
  fs.writeFileSync(
    inFolder(name),
    `export default class Cart {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  reset(random) {
    this.steps = 0;
    return [random.uniform(-1, 1)];
  }
  step([a]) {
    const truncated = ++this.steps === 20;
    return { observation: [a], reward: -a * a, terminated: false, truncated, ...(truncated && { info: ${info} }) };
  }
}
`,
  );
}

const brief = ["--preset", "small", "--steps", "200", "--evaluate-episodes", "2", "--episodes", "4"];

test("the info of steps is printed, recorded, drawn and in TensorBoard's file", async () => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  writeCart("cart.js", '{ landed: 0.25, "<b>": this.steps }');
  const printed = await succeed("train", "./cart.js", ...brief, "--out", "run");
  assert.match(printed, /^info {11}landed 0\.25 · <b> 20$/m);
  const info = { landed: 0.25, "<b>": 20 };
  const run = inFolder("run");
  const evaluations = readMetrics(run).flatMap((record) => (record.type === "evaluation" ? [record] : []));
  assert.ok(evaluations.length > 2);
  for (const evaluation of evaluations) assert.deepEqual(evaluation.info, info);
  const episodes = readMetrics(run).flatMap((record) => (record.type === "episode" ? [record] : []));
  assert.equal(episodes.length, 10);
  for (const episode of episodes) assert.deepEqual(episode.info, info);
  assert.deepEqual([readResult(run).evaluation?.info, readResult(run).bestEvaluation?.info], [info, info]);
  assert.deepEqual(JSON.parse(await succeed("evaluate", "run", "--episodes", "2", "--json")).info, info);
  const [events = ""] = fs.readdirSync(run).filter((name) => name.includes("tfevents"));
  const recorded = fs.readFileSync(inFolder("run", events), "latin1");
  assert.ok(recorded.includes("eval/info_landed") && recorded.includes("rollout/info_landed"));
  await succeed("report", "run");
  const page = fs.readFileSync(inFolder("run", "report.html"), "utf8");
  assert.match(page, /<h3>landed<\/h3>/);
  assert.match(page, />evaluations<\/text>[\s\S]*>training<\/text>/);
  assert.match(page, /<h3>&lt;b&gt;<\/h3>/);
});

test("an info that is not named finite numbers is refused before the training", async () => {
  writeCart("bad.js", '{ landed: "yes" }');
  const { code, stderr } = await ddpg("train", "./bad.js", ...brief, "--out", "bad");
  assert.equal(code, 2);
  assert.match(stderr, /bad\.js: step 20 info\.landed: expected a finite number, got "yes"\./);
});
