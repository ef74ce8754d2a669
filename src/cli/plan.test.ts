// `ddpg plan`: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { programInFolder } from "./terminal/program.case.ts";

const { inFolder, ddpg, succeed, start } = programInFolder("plan");

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
    budget: { horizon: 8, spacing: 4, samples: 4, iterations: 1, replan: 1, noise: 0.5, stepsPerAction: 32 },
    firstEpisode: 1,
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
  const seldom = await succeed("plan", "Pendulum-v1", ...brief, "--replan", "4");
  assert.match(
    seldom,
    /^budget {7}8 simulated steps at most for each action on average: 1 iteration of 4 plans, every 4/m,
  );
});

test("plan --policy random measures random actions, without a budget", async () => {
  const { policy, budget, returns } = JSON.parse(
    await succeed("plan", "Pendulum-v1", "--policy", "random", "--episodes", "50", "--json"),
  );
  assert.deepEqual([policy, budget, returns.length], ["random", undefined, 50]);
  const mean = returns.reduce((sum: number, x: number) => sum + x, 0) / 50;
  assert.ok(mean < -1000 && mean > -1500, `${mean}`);
});

test("plan plays episodes at once, and in pieces, with the same returns", async () => {
  for (const policy of [brief, ["--policy", "random"]]) {
    const args = ["plan", "Pendulum-v1", ...policy, "--json"];
    const printed = await succeed(...args, "--episodes", "3");
    assert.equal(await succeed(...args, "--episodes", "3", "--jobs", "2"), printed);
    const { returns } = JSON.parse(printed);
    const rest = JSON.parse(await succeed(...args, "--episodes", "2", "--first-episode", "2", "--jobs", "8"));
    assert.deepEqual([rest.firstEpisode, rest.returns], [2, returns.slice(1)]);
  }
  const film = await succeed("plan", "Pendulum-v1", ...brief, "--episodes", "2", "--output", "one.gif");
  const films = ["--episodes", "2", "--jobs", "2", "--output", "two.gif"];
  assert.equal(await succeed("plan", "Pendulum-v1", ...brief, ...films), film.replace("one.gif", "two.gif"));
  assert.deepEqual(fs.readFileSync(inFolder("two.gif")), fs.readFileSync(inFolder("one.gif")));
});

/** Writes an environment of the user's own with this `step`. Each process that makes one leaves a file. */
function moduleThat(name: string, step: string): string {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  fs.writeFileSync(
    inFolder(name),
    `import * as fs from "node:fs";
export default class Own {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  constructor() { this.steps = 0; fs.writeFileSync("made." + process.pid, ""); }
  reset() { this.steps = 0; return [0]; }
  save() { return Float64Array.of(this.steps); }
  restore([steps]) { this.steps = steps; }
  step() { this.steps++; ${step} }
}
`,
  );
  return `./${name}`;
}

/** Returns the processes that have made such an environment, and removes their files. */
function made(): number[] {
  const names = fs.readdirSync(inFolder()).filter((name) => name.startsWith("made."));
  return names.map((name) => {
    fs.rmSync(inFolder(name));
    return Number(name.slice("made.".length));
  });
}

test("plan --jobs ends at the first episode that fails, with one line that says why", async () => {
  const endless = "return { observation: [0], reward: 0, terminated: false };";
  // Only the parent's process has no channel: it loads the environment, and its children fail.
  const broken = moduleThat("broken.js", `if (process.channel) throw new Error("no wind"); ${endless}`);
  const { code, stdout, stderr } = await ddpg("plan", broken, "--episodes", "4", "--jobs", "2", "--horizon", "2");
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.match(stderr, /^ddpg: episode [12]: Own step of a plan: no wind\n {4}at Own\.step \(broken\.js:\d+:\d+\)\n$/);
  assert.ok(made().length <= 3, "the third and fourth do not start");

  // A module that does not load is refused before any child starts.
  fs.writeFileSync(inFolder("unloadable.js"), 'throw new Error("no such wind");');
  const refused = await ddpg("plan", "./unloadable.js", "--episodes", "2", "--jobs", "2");
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /^ddpg: .*unloadable\.js.*no such wind/);
  assert.doesNotMatch(refused.stderr, /episode/);
});

test("plan --jobs passes --verbose on", async () => {
  const step = 'throw Object.assign(new Error("no wind"), { cause: new Error("no sun") });';
  const broken = moduleThat("verbose.js", `if (process.channel) ${step} return { observation: [0], reward: 0 };`);
  const { stderr } = await ddpg("plan", broken, "--episodes", "2", "--jobs", "2", "--horizon", "2", "--verbose");
  made();
  assert.match(stderr, /^ddpg: episode [12]: [\s\S]*no sun/);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`${signal} of one child of plan --jobs ends only that`, { skip: process.platform === "win32" }, async () => {
    // Each step waits until there is a file.
    const wait = `return new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!fs.existsSync("go")) return;
        clearInterval(timer);
        resolve({ observation: [0], reward: -1, terminated: this.steps === 3 });
      }, 20);
    });`;
    const module = moduleThat("waits.js", wait);
    const { child, outcome } = start(["plan", module, "--policy", "random", "--episodes", "3", "--jobs", "2"]);
    const pids: number[] = [];
    while (pids.length < 2 && child.exitCode === null) {
      pids.push(...made().filter((pid) => pid !== child.pid));
      await delay(20);
    }
    process.kill(pids[0], signal);
    fs.writeFileSync(inFolder("go"), "");
    const { code, stdout, stderr } = await outcome;
    fs.rmSync(inFolder("go"));
    made();
    assert.deepEqual([code, stdout], [1, ""], stderr);
    const why = { SIGTERM: "was stopped by SIGTERM", SIGKILL: "was killed \\(SIGKILL\\), [^.]*" }[signal];
    assert.match(
      stderr,
      new RegExp(`^ddpg: episode ([123]): ${why}\\. Play it again with --first-episode \\1 --episodes 1\\.$`, "m"),
    );
    assert.equal(stderr.match(/^episode [123]: return -3$/gm)?.length, 2, stderr);
  });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  test(`${signal} ends plan --jobs and all its children`, { skip: process.platform === "win32" }, async () => {
    const slow = "return { observation: [0], reward: 0, terminated: false, truncated: this.steps > 90_000 };";
    const { child, outcome } = start(["plan", moduleThat("slow.js", slow), "--episodes", "3", "--jobs", "2"]);
    const pids: number[] = [];
    while (pids.length < 3 && child.exitCode === null) {
      pids.push(...made());
      await delay(20);
    }
    child.kill(signal);
    const { code } = await outcome;
    assert.equal(code, { SIGINT: 130, SIGTERM: 143, SIGKILL: null }[signal]);
    const isAlive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    for (let tries = 0; pids.some(isAlive) && tries < 500; tries++) await delay(20);
    assert.deepEqual(pids.filter(isAlive), []);
  });
}

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
    [["Pendulum-v1", "--jobs", "0"], /--jobs: expected a whole number of at least 1, got 0/],
    [["Pendulum-v1", "--first-episode", "0"], /--first-episode: expected a whole number of at least 1, got 0/],
    [["./forgetful.js", "--episodes", "2", "--jobs", "2"], /expected an environment with save and restore, got one/],
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
