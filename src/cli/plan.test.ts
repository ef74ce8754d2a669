// `ddpg plan`: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { programInFolder } from "./terminal/program.case.ts";

const { inFolder, ddpg, succeed } = programInFolder("plan");

/** A budget with which an episode of the pendulum takes a moment. */
const brief = ["--horizon", "8", "--samples", "4", "--iterations", "1"];

test("plan prints the returns and the budget as JSON, the same ones for the same seed", async () => {
  const args = ["plan", "Pendulum-v1", ...brief, "--episodes", "2", "--json"];
  const printed = await succeed(...args);
  const { meanReturn, returns, standardError, ...rest } = JSON.parse(printed);
  assert.deepEqual(rest, {
    environment: "Pendulum-v1",
    policy: "planner",
    seed: 1,
    budget: { horizon: 8, spacing: 4, samples: 4, iterations: 1, noise: 0.5, stepsPerAction: 32 },
    episodes: 2,
    meanLength: 200,
    lengths: [200, 200],
  });
  assert.equal(meanReturn, (returns[0] + returns[1]) / 2);
  assert.ok(Math.abs(standardError - Math.abs(returns[0] - returns[1]) / 2) < 1e-9);
  assert.equal(await succeed(...args), printed);
  const other = JSON.parse(await succeed(...args, "--seed", "2"));
  assert.notDeepEqual(other.returns, returns);
  // An episode does not depend on those before it.
  const one = JSON.parse(await succeed("plan", "Pendulum-v1", ...brief, "--json"));
  assert.deepEqual([one.returns, one.standardError], [[returns[0]], null]);
});

test("plan draws the first episode, which does not change its return", async () => {
  const printed = await succeed("plan", "Pendulum-v1", ...brief, "--output", "plan.gif", "--seconds", "0.5");
  assert.match(printed, /^Wrote plan\.gif, the first episode$/m);
  assert.match(printed, /^budget {7}32 simulated steps at most for each action: 1 iteration of 4 plans$/m);
  assert.equal(fs.readFileSync(inFolder("plan.gif"), "latin1").slice(0, 6), "GIF89a");
  const again = await succeed("plan", "Pendulum-v1", ...brief);
  assert.equal(/^return.*$/m.exec(printed)?.[0], /^return.*$/m.exec(again)?.[0]);
});

test("plan --policy random measures random actions, without a budget", async () => {
  const { policy, budget, returns } = JSON.parse(
    await succeed("plan", "Pendulum-v1", "--policy", "random", "--episodes", "50", "--json"),
  );
  assert.deepEqual([policy, budget, returns.length], ["random", undefined, 50]);
  const mean = returns.reduce((sum: number, x: number) => sum + x, 0) / 50;
  assert.ok(mean < -1000 && mean > -1500, `${mean}`);
});

test("plan explains what it cannot do", async () => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  fs.writeFileSync(
    inFolder("forgetful.js"),
    `export default class Forgetful {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  reset() { return [0]; }
  step() { return { observation: [0], reward: 0, terminated: true }; }
}
`,
  );
  const cases: [string[], RegExp][] = [
    [["./forgetful.js"], /expected an environment with save and restore, got one without/],
    [["Pendulum-v1", "--policy", "best"], /--policy: expected planner or random, got "?best/],
    [["Pendulum-v1", "--policy", "random", "--horizon", "3"], /--horizon: expected --policy planner, got/],
    [["Pendulum-v1", "--samples", "1"], /--samples: expected a whole number of at least 2, got 1/],
    [["Pendulum-v1", "--output", "plan.mp4"], /--output: expected a file that ends in \.gif or \.png/],
    [["Pendulm-v1"], /Did you mean "Pendulum-v1"/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await ddpg("plan", ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  const forgetful = ["./forgetful.js", "--policy", "random", "--output", "none.gif"];
  assert.match(
    (await ddpg("plan", ...forgetful)).stderr,
    /expected an environment that can be drawn, got one without a scene/,
  );
  assert.ok(!fs.existsSync(inFolder("none.gif")));
  assert.equal((await ddpg("plan", ...forgetful.slice(0, 3))).code, 0);
});
