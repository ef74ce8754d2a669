import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { readConfig, readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { planFinalEvaluation } from "./final-evaluation.ts";

const { inFolder, succeed } = programInFolder("final");

const byDefault = { every: 200, episodes: 10, finalEpisodes: 1000, fewerIfSlow: true } as const;

test("a final evaluation of a few seconds is neither shortened nor announced", () => {
  const planned = planFinalEvaluation(byDefault, { trainingSeconds: 1, secondsPerEpisode: 0.009 }, 1);
  assert.deepEqual(planned, { episodes: 1000, notice: "" });
});

test("one that takes longer than the training has fewer episodes, and says so", () => {
  assert.deepEqual(planFinalEvaluation(byDefault, { trainingSeconds: 44, secondsPerEpisode: 0.4 }, 1), {
    episodes: 100,
    notice:
      "final evaluation: 100 episodes, about 40 s; 1,000 would take about 7 min, longer than the training (44 s). " +
      "To choose their number: --episodes",
  });
});

test("it has no fewer episodes than the evaluations before it", () => {
  const slow = { trainingSeconds: 4, secondsPerEpisode: 60 };
  assert.equal(planFinalEvaluation(byDefault, slow, 1).episodes, 10);
  assert.equal(planFinalEvaluation({ ...byDefault, finalEpisodes: 3 }, slow, 1).episodes, 3);
});

test("one that takes less than the training, or was asked for, is only announced", () => {
  const announced = { episodes: 1000, notice: "final evaluation: 1,000 episodes, about 7 min" };
  assert.deepEqual(planFinalEvaluation(byDefault, { trainingSeconds: 4000, secondsPerEpisode: 0.4 }, 1), announced);
  const { fewerIfSlow, ...asked } = byDefault;
  assert.deepEqual(planFinalEvaluation(asked, { trainingSeconds: 4, secondsPerEpisode: 0.4 }, 1), announced);
});

test("the best policy, if it is another one than the last, doubles the time", () => {
  const byDefaultText = "final evaluation: best and last policy, ";
  assert.deepEqual(planFinalEvaluation(byDefault, { trainingSeconds: 44, secondsPerEpisode: 0.4 }, 2), {
    episodes: 50,
    notice:
      `${byDefaultText}50 episodes each, about 40 s; 1,000 each would take about 13 min, longer than the training (44 s). ` +
      "To choose their number: --episodes",
  });
  const { episodes, notice } = planFinalEvaluation(byDefault, { trainingSeconds: 4000, secondsPerEpisode: 0.006 }, 2);
  assert.deepEqual([episodes, notice], [1000, `${byDefaultText}1,000 episodes each, about 12 s`]);
});

test("a run of a slow environment shortens its final evaluation unless asked, and its files say both", async () => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  // An episode takes 0.3 s, in evaluations only, because the check of the environment takes 2,000 steps.
  fs.writeFileSync(
    inFolder("slow.js"),
    `export default class Slow {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  reset(random) {
    this.steps = 0;
    this.wait = /training.evaluate/.test(new Error().stack) ? 300 : 0;
    return [random.uniform(-1, 1)];
  }
  step([a]) {
    if (++this.steps === 10) for (const from = performance.now(); performance.now() - from < this.wait; );
    return { observation: [a], reward: -a * a, terminated: false, truncated: this.steps === 10 };
  }
}
`,
  );
  const train = (out: string, ...more: string[]): Promise<string> =>
    succeed(
      "train",
      "./slow.js",
      "--preset",
      "small",
      "--steps",
      "20",
      "--evaluate-episodes",
      "1",
      "--out",
      out,
      ...more,
    );
  const printed = await train("run");
  assert.match(
    printed,
    /^final evaluation: .*\b(5|10|20) episodes.*, about .* 1,000 (each )?would take about .* than the training/m,
  );
  const { evaluation } = readConfig(inFolder("run"));
  assert.deepEqual(evaluation, { every: 2, episodes: 1, finalEpisodes: 1000, fewerIfSlow: true });
  assert.ok((readResult(inFolder("run")).evaluation?.episodes ?? 0) <= 20);

  assert.doesNotMatch(await train("asked", "--episodes", "2"), /final evaluation/);
  assert.equal(readConfig(inFolder("asked")).evaluation.fewerIfSlow, undefined);
  assert.equal(readResult(inFolder("asked")).evaluation?.episodes, 2);
});
