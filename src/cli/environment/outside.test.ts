// Environments outside of the process in the commands: a program that trains, fails, is resumed and drawn.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connectFake, writeFake } from "../../node/outside/fake.case.ts";
import { readCheckpoint, readConfig, readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, start, ddpg, succeed } = programInFolder("outside");
const simulator = writeFake(inFolder());

const learning = [
  "--warmup-steps",
  "20",
  "--batch-size",
  "8",
  "--actor-hidden-sizes",
  "8",
  "--critic-hidden-sizes",
  "8",
];
const short = ["--steps", "200", "--evaluate-every", "200", "--evaluate-episodes", "1", "--episodes", "2", ...learning];
const train = ["train", "exec:./simulator.cjs", "--no-progress", "--check-steps", "20", ...short];
const mode = (fake: object): string[] => ["--args", JSON.stringify([JSON.stringify({ limit: 10, ...fake })])];

/** Whether a process exists and is no zombie. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("a program outside of the process", { skip: process.platform === "win32" && "it needs #!" }, () => {
  it("is trained on, recorded, evaluated, drawn, resumed and reported", async () => {
    const fake = mode({ mode: "picture" });
    await succeed(...train, ...fake, "--out", "first");
    const config = readConfig(inFolder("first"));
    assert.equal(config.environment, "exec:simulator");
    assert.equal(config.environmentModule, "../simulator.cjs");
    assert.deepEqual(config.environmentOptions, { args: [fake[1]].map((text) => JSON.parse(text)[0]) });
    assert.equal(readResult(inFolder("first")).steps, 200);

    const refused = await ddpg("evaluate", "first", "--episodes", "2");
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^ddpg: environment exec:simulator: expected --args in the command, because only the run/,
    );
    assert.match(await succeed("evaluate", "first", "--episodes", "2", ...fake), /^length {7}10\.0 steps$/m);
    assert.match(await succeed("render", "first", ...fake), /^frames {7}11, 4 × 3$/m);
    assert.equal(fs.readFileSync(inFolder("first.gif"), "latin1").slice(0, 6), "GIF89a");
    const other = await ddpg("resume", "first", "--steps", "250", ...mode({}));
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /ddpg: --args: expected \[.*picture.*\], as first has it, got .*A run keeps its environment: give --args/,
    );
    await succeed("resume", "first", "--steps", "250", "--no-progress", ...fake);
    assert.equal(readResult(inFolder("first")).steps, 250);
    assert.deepEqual(readConfig(inFolder("first")).environmentOptions, config.environmentOptions);
    await succeed("report", "first");
    await succeed(
      "train",
      "--config",
      "first",
      "--steps",
      "60",
      "--no-progress",
      "--check-steps",
      "0",
      "--out",
      "again",
      ...fake,
    );
    // A program that has changed is not started, whatever its options are.
    fs.appendFileSync(inFolder("simulator.cjs"), "\n");
    const changed = await ddpg("evaluate", "first", "--episodes", "2", ...fake);
    assert.match(changed.stderr, /expected the file that the run recorded, .*add --environment exec:simulator\.cjs$/m);
    writeFake(inFolder());
  });

  it("fails with one line, and leaves the checkpoint of its last good step; --verbose prints the traceback", async () => {
    const fake = mode({ mode: "raises", at: 153 });
    const failed = await ddpg(...train, ...fake, "--check-steps", "0", "--out", "failed");
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /^ddpg: exec:\.\/simulator\.cjs .*: ZeroDivisionError: by zero$/m);
    assert.doesNotMatch(failed.stderr, /Traceback/);
    assert.equal(readCheckpoint(inFolder("failed")).steps, 153);
    const again = await ddpg("resume", "failed", "--verbose", "--no-progress", ...mode({ mode: "raises", at: 153 }));
    // The second simulator starts at its own step 0, so it gets to the end.
    assert.equal(again.code, 0, again.stderr);
    const cut = ["--no-progress", ...mode({ mode: "raises", at: 153 })];
    await succeed("resume", "failed", "--steps", "205", ...cut);
    const middle = await ddpg("resume", "failed", "--steps", "210", ...cut);
    assert.match(middle.stderr, /to continue after step 5 of episode .* The episode starts over\./);
    const verbose = await ddpg(...train, "--verbose", ...mode({ mode: "raises", at: 3 }), "--out", "verbose");
    assert.match(verbose.stderr, /^Traceback \(most recent call last\):$/m);
  });

  it("survives Ctrl-C until the run is saved, and ends with the run", async () => {
    const file = inFolder("pid");
    const args = ["--args", JSON.stringify(['{"mode":"pid"}', file])];
    const { child, outcome } = start([
      ...train,
      ...args,
      "--steps",
      "10000000",
      "--check-steps",
      "0",
      "--out",
      "stopped",
    ]);
    while (!fs.existsSync(inFolder("stopped", "checkpoint.safetensors"))) await delay(50);
    const pid = Number(fs.readFileSync(file, "utf8"));
    assert.ok(isRunning(pid));
    child.kill("SIGINT");
    const { code, stderr } = await outcome;
    assert.equal(code, 130, stderr);
    assert.ok(readCheckpoint(inFolder("stopped")).steps > 0);
    for (let waited = 0; isRunning(pid); waited += 20) {
      assert.ok(waited < 20_000);
      await delay(20);
    }
    assert.ok(fs.existsSync(path.join(inFolder("stopped"), "config.json")));
  });
});

describe("ddpg train tcp", { timeout: 120_000 }, () => {
  /** Starts the command, and the simulator once it listens. Returns both. */
  async function play(args: readonly string[], fake: object) {
    const { child, outcome } = start([...args, "--port", "0"]);
    const port = await new Promise<number>((resolve, reject) => {
      let text = "";
      child.stderr.on("data", (bytes) => {
        text += bytes;
        const [, found] = /Listening on 127\.0\.0\.1:(\d+): start the simulator now\./.exec(text) ?? [];
        if (found) resolve(Number(found));
      });
      child.on("exit", () => reject(new Error(`It ended: ${text}`)));
    });
    const peer = await connectFake(simulator, port, fake);
    return { child, outcome, peer };
  }
  const train = ["train", "tcp", "--no-progress", "--check-steps", "20", ...short];

  it("waits for a simulator, trains on it, keeps what it learned when that dies, and resumes with the next", async () => {
    const whole = await play([...train, "--out", "tcp"], { limit: 10 });
    const { code, stderr } = await whole.outcome;
    assert.equal(code, 0, stderr);
    assert.equal(readConfig(inFolder("tcp")).environment, "tcp");
    assert.equal(readResult(inFolder("tcp")).steps, 200);
    whole.peer.child.kill();

    const dying = await play([...train, "--out", "tcp-dies"], { limit: 10, mode: "dies", at: 150 });
    const failed = await dying.outcome;
    assert.equal(failed.code, 2, failed.stderr);
    assert.match(failed.stderr, /^ddpg: tcp episode \d+ step \d+: .*the simulator closed the connection/m);
    const { steps } = readCheckpoint(inFolder("tcp-dies"));
    assert.ok(steps >= 90 && steps < 150, `${steps}`);
    const again = await play(["resume", "tcp-dies", "--no-progress"], { limit: 10 });
    const resumed = await again.outcome;
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(readResult(inFolder("tcp-dies")).steps, 200);
    again.peer.child.kill();
  });
});
