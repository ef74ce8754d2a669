// An environment that ends the process: the program says so, keeps what there is, and its exit code is 1.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, start, ddpg, succeed } = programInFolder("exit");
fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');

/** Episodes of ten steps. The variables of the process say whether and where it ends the process. */
fs.writeFileSync(
  inFolder("leaver.js"),
  `const { EXIT_AT, EXIT_IN, EXIT_CODE = "0" } = process.env;
let steps = 0;
const leave = (place) => { if (place === EXIT_IN) process.exit(Number(EXIT_CODE)); };
leave("import");
export default class Leaver {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  constructor() { leave("constructor"); }
  reset(random) { this.t = 0; leave("reset"); return [this.x = random.uniform(-1, 1)]; }
  step([a]) {
    if (++steps === Number(EXIT_AT)) EXIT_IN === "timer" ? setTimeout(() => leave("timer")) : leave("step");
    return { observation: [this.x = 0.9 * this.x + 0.1 * a], reward: -Math.abs(this.x), terminated: false, truncated: ++this.t === 10 };
  }
  save() { if (steps > Number(EXIT_AT)) leave("save"); return Float64Array.of(this.t, this.x); }
  restore([t, x]) { this.t = t; this.x = x; }
  close() { leave("close"); }
}
`,
);

const brief = [
  "--preset",
  "small",
  "--warmup-steps",
  "100",
  "--check-steps",
  "0",
  "--evaluate-episodes",
  "1",
  "--episodes",
  "1",
];
const train = (directory: string, ...others: string[]) => [
  ...["train", "leaver.js", ...brief, "--steps", "300", "--no-progress", "--out", directory],
  ...others,
];
const leaving = (place: string, at = 0, code = 0) => ({
  ...process.env,
  ...{ EXIT_IN: place, EXIT_AT: `${at}`, EXIT_CODE: `${code}` },
});
const hint = "Throw an error instead of calling process.exit.";

describe("an environment that ends the process", { concurrency: 2, timeout: 120_000 }, () => {
  const places: [place: string, at: number, code: number, where: RegExp][] = [
    ["step", 157, 0, /leaver\.js episode 12 step 7/],
    ["step", 158, 3, /leaver\.js episode 12 step 8/],
    ["timer", 155, 0, /leaver\.js (episode \d+ step \d+|evaluation after step \d+)/],
    ["save", 15, 0, /leaver\.js episode 6 step 6/],
  ];
  for (const [place, at, code, where] of places) {
    it(`with code ${code} in training, in its ${place}: code 1, and the run can be resumed`, async () => {
      const run = `${place}-${code}`;
      const every = place === "save" ? ["--checkpoint-every", "55"] : [];
      const outcome = await start(train(run, ...every), leaving(place, at, code)).outcome;
      assert.equal(outcome.code, 1, outcome.stderr);
      const wanted = `^ddpg: (${where.source}: the environment ended the process with exit code ${code}\\. ${hint})\n {4}at .*leaver\\.js:\\d+:\\d+\\)?\n$`;
      const [, message] = new RegExp(wanted, "m").exec(outcome.stderr) ?? assert.fail(outcome.stderr);
      const { failed, steps } = readResult(inFolder(run));
      assert.equal(failed, message);
      if (place === "step") assert.equal(steps, at - 41);
      if (place !== "save") assert.ok(outcome.stdout.endsWith(`Resume after step ${steps}: npx ddpg resume ${run}\n`));
      await succeed("resume", run, "--no-progress");
      assert.equal(readResult(inFolder(run)).steps, 300);
    });
  }

  it("while it is loaded or made: code 1, and no run is left behind", async () => {
    for (const place of ["import", "constructor"]) {
      const { code, stderr } = await start(train(place), leaving(place)).outcome;
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^ddpg: environment leaver\.js: the environment ended the process with exit code 0\. Throw/m,
      );
      assert.ok(!fs.existsSync(inFolder(place)));
    }
  });

  it("in an evaluation of the command line, and when it is closed", async () => {
    await succeed(...train("whole"));
    const evaluate = ["evaluate", "whole", "--episodes", "3", "--json"];
    const during = await start(evaluate, leaving("step", 12)).outcome;
    assert.equal(during.code, 1);
    assert.match(
      during.stderr,
      /^ddpg: leaver evaluation episode 2: the environment ended the process with exit code 0/m,
    );
    const after = await start(evaluate, leaving("close")).outcome;
    assert.equal(after.code, 1);
    assert.match(after.stderr, /^ddpg: leaver close: the environment ended the process with exit code 0/m);
  });

  it("in one of several seeds: the others are finished, and the parent names the seed", async () => {
    const { code, stderr } = await start(train("seeds", "--seeds", "1,2"), leaving("step", 200)).outcome;
    assert.equal(code, 1);
    for (const seed of [1, 2]) {
      assert.match(
        stderr,
        new RegExp(`^ddpg: seed ${seed}: leaver\\.js episode \\d+ step \\d+: the environment ended`, "m"),
      );
    }
  });

  it("while a signal ends the run: the code is the signal's", { skip: process.platform === "win32" }, async () => {
    const { child, outcome } = start([...train("signal"), "--steps", "1000000"], leaving("close"));
    const metrics = inFolder("signal", "metrics.jsonl");
    while (!fs.existsSync(metrics) || fs.statSync(metrics).size < 500) await delay(20);
    child.kill("SIGINT");
    const { code, stderr } = await outcome;
    assert.deepEqual([code, stderr], [130, ""]);
  });

  it("when the program ends by itself, its code is the usual one", async () => {
    assert.equal((await ddpg("environments")).code, 0);
    assert.equal((await ddpg("unheard")).code, 2);
  });
});
