// Runs that are stopped and resumed: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import { before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readCheckpoint, readConfig, readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, start, ddpg, succeed } = programInFolder("resume");
const posix = { skip: process.platform === "win32" };

/** What a run left, except for times. */
function left(run: string): { metrics: string; result: unknown; best: Buffer; policy: Buffer } {
  const metrics = fs.readFileSync(inFolder(run, "metrics.jsonl"), "utf8").replaceAll(/,"seconds":[\d.e-]+/g, "");
  const { trainingSeconds, stepsPerSecond, ...result } = readResult(inFolder(run));
  assert.ok(trainingSeconds > 0 && stepsPerSecond > 0);
  const [best, policy] = ["best", "policy"].map((name) => fs.readFileSync(inFolder(run, `${name}.safetensors`)));
  return { metrics, result, best, policy };
}

/** Waits until a run has recorded this many bytes. */
async function recorded(run: string, bytes: number): Promise<void> {
  const metrics = inFolder(run, "metrics.jsonl");
  while (!fs.existsSync(metrics) || fs.statSync(metrics).size < bytes) await delay(5);
}

/** Writes a cart whose steps take time. `parts` are added to its class. */
function writeCart(name: string, parts = "", wait = 0.4): void {
  fs.writeFileSync(
    inFolder(name),
    `let taken = 0;
export default class Cart {
  observationSize = 2;
  actionLow = [-1];
  actionHigh = [3];
  x = 0;
  steps = 0;
  reset(random) {
    this.x = random.uniform(-1, 1);
    this.steps = 0;
    return [this.x, 0];
  }
  step(action) {
    for (const from = performance.now(); performance.now() - from < ${wait}; );
    this.x += 0.1 * action[0];
    return { observation: [this.x, action[0]], reward: -Math.abs(this.x), terminated: false, truncated: ++this.steps === 50 };
  }
  ${parts}
}
`,
  );
}

const saves = "save() { return Float64Array.of(this.x, this.steps); } restore(s) { [this.x, this.steps] = s; }";
const small = ["--preset", "small", "--warmup-steps", "100", "--episodes", "5", "--evaluate-episodes", "2"];
const brief = [...small, "--steps", "600"];

before(() => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  writeCart("cart.js", saves);
  writeCart("forgetful.js");
});

describe("a run that was stopped", { concurrency: 2, timeout: 300_000 }, () => {
  it("changes nothing if a record cannot be read", async () => {
    await succeed("train", "Pendulum-v1", ...brief, "--out", "damaged");
    const metrics = inFolder("damaged", "metrics.jsonl");
    fs.writeFileSync(metrics, fs.readFileSync(metrics, "utf8").replace("{", "#"));
    const before = fs.readdirSync(inFolder("damaged"));
    const { code, stderr } = await ddpg("resume", "damaged", "--steps", "700");
    assert.equal(code, 2);
    assert.match(stderr, /metrics\.jsonl line 1: expected one JSON object/);
    assert.ok(before.includes("result.json"));
    assert.deepEqual(fs.readdirSync(inFolder("damaged")), before);
  });

  for (const [name, args] of [
    ["Pendulum-v1", ["--steps", "3000", "--noise", "ornstein-uhlenbeck", "--batch-normalization", "true"]],
    ["MountainCarContinuous-v0", ["--steps", "3000"]],
    ["cart.js", ["--steps", "600"]],
  ] as const) {
    it(`continues as if it had never stopped: ${name}`, posix, async () => {
      const all = ["train", name, ...small, ...args, "--out"];
      await succeed(...all, `${name}-whole`);
      const run = `${name}-stopped`;
      const { child, outcome } = start([...all, run]);
      await recorded(run, 1500);
      child.kill("SIGINT");
      const { code, stdout } = await outcome;
      assert.equal(code, 130);
      assert.ok(stdout.endsWith(`: npx ddpg resume ${run}\n`), stdout);
      const { steps, interrupted } = readResult(inFolder(run));
      assert.ok(interrupted && steps < Number(args[1]));
      assert.equal(readCheckpoint(inFolder(run)).steps, steps);
      // Stop it again halfway, with another signal.
      const second = start(["resume", run]);
      await recorded(run, fs.statSync(inFolder(run, "metrics.jsonl")).size + 500);
      second.child.kill("SIGTERM");
      assert.equal((await second.outcome).code, 143);
      await succeed("resume", run, "--checkpoint-every", "97");
      assert.deepEqual(left(run), left(`${name}-whole`));
      assert.ok(!fs.existsSync(inFolder(run, "lock")));
    });
  }

  it("says that it is finished; with more steps it continues as a longer run would", async () => {
    const args = ["train", "Pendulum-v1", ...small, "--evaluate-every", "200", "--out"];
    await succeed(...args, "short", "--steps", "1000");
    assert.match(
      await succeed("resume", "short"),
      /^short is finished, after 1,000 steps\. To continue: .* --steps 2000\n$/,
    );
    await succeed("resume", "short", "--steps", "1500");
    await succeed(...args, "long", "--steps", "1500");
    assert.equal(readResult(inFolder("short")).fingerprint, readResult(inFolder("long")).fingerprint);
    assert.equal(readConfig(inFolder("short")).steps, 1500);
    // As a loop in a shell repeats it until it succeeds.
    assert.match(await succeed("resume", "short", "--steps", "1500"), /^short is finished, after 1,500 steps\./);
    const { stderr } = await ddpg("resume", "short", "--steps", "1400");
    assert.match(stderr, /^ddpg: --steps: expected at least the 1,500 steps already taken, got 1400\.\n$/);
  });

  it("restarts its episode and says so if the environment cannot be saved", posix, async () => {
    const { child, outcome } = start(["train", "forgetful.js", ...brief, "--out", "forgetful"]);
    await recorded("forgetful", 1500);
    child.kill("SIGINT");
    await outcome;
    const { code, stderr } = await ddpg("resume", "forgetful");
    assert.equal(code, 0);
    assert.match(
      stderr,
      /forgetful\.js: expected save and restore, to continue after step \d+ of episode \d+, got none\./,
    );
    const { metrics } = left("forgetful");
    const episodes = metrics.split("\n").filter((line) => line.includes('"episode"'));
    assert.deepEqual(
      episodes.map((line) => JSON.parse(line).episode),
      episodes.map((_, i) => i + 1),
    );
  });

  it(
    "belongs to one process: a second one is refused with the first one's number, and a stale lock is ignored",
    posix,
    async () => {
      const { child, outcome } = start(["train", "cart.js", ...small, "--steps", "100000", "--out", "locked"]);
      await recorded("locked", 500);
      for (const args of [
        ["resume", "locked"],
        ["train", "cart.js", "--out", "locked"],
      ]) {
        const { code, stderr } = await ddpg(...args);
        assert.equal(code, 2);
        assert.equal(
          stderr,
          `ddpg: run directory locked: expected one that no process writes to, got that of process ${child.pid}. Wait for it, or stop it.\n`,
        );
      }
      child.kill("SIGKILL");
      await outcome;
      assert.ok(fs.existsSync(inFolder("locked", "lock")));
      // A running process, but with another start time.
      fs.writeFileSync(
        inFolder("locked", "lock"),
        JSON.stringify({ pid: process.pid, start: "1", host: os.hostname() }),
      );
      if (process.platform !== "linux") fs.rmSync(inFolder("locked", "lock"));
      const again = start(["resume", "locked", "--checkpoint-every", "50"]);
      await recorded("locked", fs.statSync(inFolder("locked", "metrics.jsonl")).size + 200);
      again.child.kill("SIGINT");
      assert.equal((await again.outcome).code, 130);
    },
  );

  it("is continued by the same command with several seeds, and another run is refused", posix, async () => {
    const args = ["train", "cart.js", ...small, "--steps", "600", "--seeds", "1,2", "--jobs", "1", "--out", "seeds"];
    const { child, outcome } = start([...args, "--no-progress"]);
    await recorded("seeds/seed1", 1500);
    child.kill("SIGINT");
    const stopped = await outcome;
    assert.equal(stopped.code, 130);
    assert.match(stopped.stdout, /^continue +The same command continues the seeds that are left\.$/m);
    const other = await ddpg(...args, "--noise-scale", "0.4");
    assert.match(other.stderr, /^ddpg: seeds\/seed1 settings: expected .*Choose another --out\.$/m);
    const output = await succeed(...args);
    assert.match(output, /^seed 1 +resumed, records in seeds\/seed1$/m);
    assert.match(output, /^seed 2 +started, records in seeds\/seed2$/m);
    const again = await succeed(...args);
    assert.doesNotMatch(again, /started|resumed/);
    assert.match(again, /^return .* over 2 seeds$/m);
    await succeed("train", "cart.js", ...small, "--steps", "600", "--seed", "1", "--threads", "1", "--out", "alone");
    assert.deepEqual(left("seeds/seed1"), left("alone"));
  });

  it("has a directory of its own if several start at once", async () => {
    const plan = ["train", "Pendulum-v1", ...small, "--steps", "110", "--seed", "77"];
    const outputs = await Promise.all(Array.from({ length: 4 }, () => succeed(...plan)));
    const directories = outputs.map((output) => /^records +(.*)$/m.exec(output)?.[1]);
    assert.equal(new Set(directories).size, 4);
    for (const directory of directories) assert.equal(readResult(inFolder(directory ?? "")).steps, 110);
  });

  it("is repeated by train --config, with changes; starts from a policy with train --from, and that is repeated too", async () => {
    await succeed(
      "train",
      "Pendulum-v1",
      ...small,
      "--steps",
      "800",
      "--noise-scale",
      "0.4",
      "--seed",
      "3",
      "--out",
      "one",
    );
    await succeed("train", "--config", "one", "--out", "two");
    assert.deepEqual(left("two"), left("one"));
    await succeed("train", "--config", "one", "--steps", "700", "--out", "three");
    assert.equal(readConfig(inFolder("three")).settings.noiseScale, 0.4);
    const from = ["train", "Pendulum-v1", ...small, "--steps", "300", "--out"];
    await succeed(...from, "from", "--from", "one");
    await succeed("train", "--config", "from", "--out", "from-again");
    assert.deepEqual(left("from-again"), left("from"));
    const first = JSON.parse(left("from").metrics.split("\n")[0]);
    const last = left("one")
      .metrics.trimEnd()
      .split("\n")
      .filter((line) => line.includes('"evaluation"'))
      .map((line) => JSON.parse(line))
      .at(-1);
    assert.equal(first.meanReturn, last.meanReturn);
    const { stderr } = await ddpg(...from, "wrong", "--from", "one/best.safetensors", "--actor-hidden-sizes", "8");
    assert.match(stderr, /^ddpg: Ddpg\.startFrom policy actorHiddenSizes: expected \[8\], got \[64, 64\]\.\n$/);
    const both = await ddpg("train", "Pendulum-v1", "--config", "one");
    assert.equal(both.stderr, "ddpg: train: expected <environment> or --config, got both.\n");
  });

  it("ends at --until-return, keeps its best policy separately, and evaluates the requested one", async () => {
    const args = ["train", "Pendulum-v1", "--steps", "40000", "--evaluate-every", "250", "--until-return", "-300"];
    await succeed(...args, "--episodes", "20", "--out", "until");
    const { steps, best } = readResult(inFolder("until"));
    assert.ok(best && best.meanReturn >= -300 && best.step === steps && steps < 10_000);
    await succeed("resume", "until", "--steps", `${steps + 100}`);
    const { best: at } = readResult(inFolder("until"));
    assert.ok(at && at.meanReturn >= best.meanReturn);
    const evaluate = async (...flags: string[]) =>
      JSON.parse(await succeed("evaluate", "until", "--episodes", "10", "--json", ...flags));
    const [usual, last, chosen] = [await evaluate(), await evaluate("--last"), await evaluate("--best")];
    assert.deepEqual(usual, last);
    assert.deepEqual([usual.policy, usual.steps, chosen.policy, chosen.steps], ["last", steps + 100, "best", at.step]);
    assert.equal(chosen.meanReturn, at.meanReturn);
    assert.match(
      await succeed("evaluate", "until", "--best", "--episodes", "2"),
      /^policy +best: small, seed 1, after /m,
    );
    assert.match((await ddpg("evaluate", "until", "--best", "--last")).stderr, /expected --best or --last, got both/);
  });

  it("trains the same with and without evaluations", async () => {
    const args = ["train", "Pendulum-v1", ...small, "--steps", "700", "--out"];
    await succeed(...args, "often", "--evaluate-every", "20");
    await succeed(...args, "never", "--evaluate-every", "100000", "--checkpoint-every", "1");
    assert.equal(readResult(inFolder("often")).fingerprint, readResult(inFolder("never")).fingerprint);
  });

  it("says how often checkpoints are written, and refuses an invalid interval", async () => {
    const tiny = ["train", "Pendulum-v1", "--steps", "2", "--episodes", "1", "--evaluate-episodes", "1"];
    for (const [flag, said] of [
      ["0.5s", "every 0.5 s"],
      ["500", "every 500 steps"],
    ])
      assert.match(await succeed(...tiny, "--checkpoint-every", flag), new RegExp(`^checkpoints +${said}$`, "m"));
    assert.match(await succeed(...tiny), /^checkpoints +every 60 s, or longer if writing would take more than 2 % /m);
    for (const flag of ["0", "1.5", "5m", "s"]) {
      const { stderr } = await ddpg(...tiny, "--checkpoint-every", flag);
      assert.equal(
        stderr,
        `ddpg: --checkpoint-every: expected seconds such as 60s, or steps such as 500, got "${flag}".\n`,
      );
    }
  });
});

describe("a fault during training", { concurrency: 2, timeout: 300_000 }, () => {
  // Each instance counts its own steps. The check and the evaluations use other instances than training.
  const faults: [name: string, parts: string, message: RegExp][] = [
    ["throws", 'throw new Error("no fuel")', /^ddpg: throws\.js episode \d+ step \d+: no fuel\n {4}at /m],
    ["rejects", 'return Promise.reject(new Error("no line"))', /^ddpg: rejects\.js episode \d+ step \d+: no line$/m],
    [
      "nan",
      "return { observation: [0, NaN], reward: 0, terminated: false }",
      /^ddpg: nan\.js episode \d+ step \d+ observation\[1\]: expected a finite number, got NaN\.$/m,
    ],
    [
      "size",
      "return { observation: [0], reward: 0, terminated: false }",
      /^ddpg: size\.js episode \d+ step \d+ observation: expected 2 numbers, got 1\.$/m,
    ],
    [
      "never",
      "return new Promise((resolve) => { setTimeout(resolve, 1e6); })",
      /^ddpg: never\.js episode \d+ step \d+: expected an answer within 0\.2 s, got none/m,
    ],
  ];
  for (const [name, fault, message] of faults) {
    it(`leaves a checkpoint of the last good step, and names episode, step and field: ${name}`, posix, async () => {
      const trouble = (broken: boolean): string =>
        `${saves}
  own = 0;
  constructor() { const step = this.step; this.step = (action) => { if (++this.own === 2700 && ${broken}) { ${fault}; } return step.call(this, action); }; }`;
      writeCart(`${name}.js`, trouble(true), 0);
      const args = [
        "train",
        `${name}.js`,
        ...small,
        "--steps",
        "5000",
        "--step-timeout",
        "0.2",
        "--out",
        `faulty-${name}`,
      ];
      const { code, stderr } = await ddpg(...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
      const { failed, steps } = readResult(inFolder(`faulty-${name}`));
      assert.ok(failed && steps === 2699, `${steps}`);
      assert.equal(readCheckpoint(inFolder(`faulty-${name}`)).steps, steps);
      // When the environment is fixed, the run can be resumed.
      writeCart(`${name}.js`, trouble(false), 0);
      await succeed("resume", `faulty-${name}`, "--steps", "3000", "--environment", `${name}.js`);
      assert.equal(readResult(inFolder(`faulty-${name}`)).steps, 3000);
    });
  }

  it("an environment that never answers does not keep a signal from leaving a checkpoint", posix, async () => {
    const fault = `if (++this.own === 2700) {
      process.getBuiltinModule("fs").writeFileSync("silent.txt", "");
      return new Promise((resolve) => { setTimeout(resolve, 1e6); });
    }`;
    writeCart(
      "silent.js",
      `${saves}
  own = 0;
  constructor() { const step = this.step; this.step = (action) => { ${fault} return step.call(this, action); }; }`,
      0,
    );
    const plan = ["--steps", "5000", "--evaluate-every", "5000", "--out", "silent"];
    const { child, outcome } = start(["train", "silent.js", ...small, ...plan]);
    while (!fs.existsSync(inFolder("silent.txt"))) await delay(20);
    child.kill("SIGTERM");
    assert.equal((await outcome).code, 143);
    assert.equal(readCheckpoint(inFolder("silent")).steps, 2699);
  });

  it("a loss that is not finite ends the run; the last checkpoint is good", async () => {
    const infinite = ["--critic-learning-rate", "1", "--actor-learning-rate", "1", "--reward-scale", "1e12"];
    const args = ["train", "Pendulum-v1", ...small, ...infinite, "--steps", "5000", "--checkpoint-every", "50"];
    const { code, stderr } = await ddpg(...args, "--out", "infinite");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^ddpg: Pendulum-v1 episode \d+ step \d+, update \d+: .*: expected finite numbers, got NaN or /m,
    );
    const { steps } = readCheckpoint(inFolder("infinite"));
    assert.ok(steps % 50 === 0 && steps <= readResult(inFolder("infinite")).steps);
    const again = await ddpg("resume", "infinite");
    assert.equal(again.stderr.split(": ")[1], stderr.split(": ")[1]);
  });
});
