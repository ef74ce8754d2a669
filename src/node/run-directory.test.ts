import assert from "node:assert/strict";
// The default export can be patched; `syncBuiltinESMExports` makes the other imports see it.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { after, type TestContext, test } from "node:test";
import { saveAgent } from "../ddpg/agent-state.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { type RunConfig, readCheckpoint, readMetrics } from "../node.ts";
import type { EvaluationRecord } from "../training/metrics.ts";
import { replaceFile } from "./replace-file.ts";
import { checkRunDirectory, isUnstarted, RunDirectory, unstartedHint } from "./run-directory.ts";
import { versions } from "./versions.ts";

const start = process.cwd();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-run-directory-"));
after(() => {
  process.chdir(start);
  fs.rmSync(folder, { recursive: true, force: true });
});

const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
const config: RunConfig = {
  ...{ environment: "Pendulum-v1", preset: "small", seed: 1, steps: 10, settings: agent.settings },
  evaluation: { every: 10, episodes: 1, finalEpisodes: 1 },
  versions: versions(),
};

function evaluation(step: number): EvaluationRecord {
  return {
    ...{ type: "evaluation", step, episodes: 1, meanReturn: -1000, standardError: 0, meanLength: 200 },
    ...{ valueBias: 0, seconds: 0 },
  };
}

function writeCheckpoint(run: RunDirectory): void {
  const best = { step: 0, meanReturn: -1000, standardError: null, episodes: 1 };
  const state = { seconds: 0.5, diagnosticsEvery: 1, evaluation: { step: 0, meanReturn: -1000 }, best };
  const means = new Float64Array(7);
  run.writeCheckpoint(saveAgent(agent), { state, means, bestPolicy: agent.policy.contents() }, config);
}

const policy = agent.policy.save();

/** A directory as a kill before the first checkpoint leaves it, with the lock of a process that has ended. */
function killed(name: string, from?: Uint8Array): string {
  const directory = path.join(folder, name);
  const run = RunDirectory.create(directory, config, from);
  run.writePolicy(policy, "best");
  run.append(evaluation(0));
  run.close();
  fs.writeFileSync(path.join(directory, "checkpoint.safetensors.unfinished"), "x");
  fs.writeFileSync(path.join(directory, "lock.1234"), "");
  fs.writeFileSync(path.join(directory, "lock"), JSON.stringify({ pid: 2 ** 22 + 1, start: "1", host: os.hostname() }));
  return directory;
}

test("a run that ended before its first checkpoint is replaced by another one", async () => {
  const directory = killed("killed");
  assert.ok(isUnstarted(directory));
  assert.equal(
    unstartedHint(directory, "killed"),
    "That run ended before its first step, so there is nothing to resume. Start it again: npx ddpg train --config killed --out killed",
  );
  await checkRunDirectory(directory);
  const run = RunDirectory.create(directory, config);
  assert.deepEqual(
    fs.readdirSync(directory).filter((name) => !/^events|^lock/.test(name)),
    ["config.json", "metrics.jsonl"],
  );
  assert.equal(fs.readdirSync(directory).filter((name) => name.startsWith("events")).length, 1);
  run.discard();
  assert.match(unstartedHint(directory, "killed") ?? "", /Train again\.$/, "the rest of a lock is one of a run");
  fs.rmSync(directory, { recursive: true });
  fs.mkdirSync(directory);
  assert.equal(unstartedHint(directory, "killed"), undefined, "an empty directory holds no run");
});

test("a run that was killed while it wrote its configuration is replaced too", async () => {
  const directory = killed("early");
  for (const name of ["best.safetensors", "checkpoint.safetensors.unfinished"]) fs.rmSync(path.join(directory, name));
  fs.renameSync(path.join(directory, "config.json"), path.join(directory, "config.json.unfinished"));
  assert.ok(isUnstarted(directory));
  assert.match(unstartedHint(directory, "early") ?? "", /Train again\.$/);
  RunDirectory.create(directory, config).discard();
});

test("nothing is removed from a directory that holds anything else", async () => {
  const changes: [name: string, change: (directory: string) => void][] = [
    ["a file of the user", (directory) => fs.writeFileSync(path.join(directory, "notes.txt"), "")],
    ["a policy", (directory) => fs.writeFileSync(path.join(directory, "policy.safetensors"), "")],
    ["a result", (directory) => fs.writeFileSync(path.join(directory, "result.json"), "")],
    ["a checkpoint", (directory) => fs.writeFileSync(path.join(directory, "checkpoint.safetensors"), "")],
    ["a folder", (directory) => fs.mkdirSync(path.join(directory, "best.safetensors.unfinished"))],
    ["a training step", (directory) => append(directory, `${JSON.stringify(evaluation(1))}\n`)],
    ["a damaged record", (directory) => append(directory, "#\n")],
    ["another's config.json", (directory) => fs.writeFileSync(path.join(directory, "config.json"), '{"mine":1}')],
    ["a best policy without its run", (directory) => keepOnly(directory, "best.safetensors")],
    ["a best policy without records", (directory) => keepOnly(directory, "best.safetensors", "config.json")],
    [
      "another's config.json alone",
      (directory) => {
        keepOnly(directory);
        fs.writeFileSync(path.join(directory, "config.json"), '{"mine":1}');
      },
    ],
    ["many records", (directory) => append(directory, `${JSON.stringify(evaluation(0))}\n`.repeat(1000))],
  ];
  for (const [name, change] of changes) {
    const directory = killed(name);
    change(directory);
    const before = fs.readdirSync(directory).sort();
    assert.equal(isUnstarted(directory), false, name);
    await assert.rejects(checkRunDirectory(directory), /expected a new or empty directory, got one with /, name);
    assert.throws(() => RunDirectory.create(directory, config), /expected a new or empty directory/, name);
    assert.deepEqual(fs.readdirSync(directory).sort(), before, name);
  }
  function keepOnly(directory: string, ...names: string[]): void {
    for (const name of fs.readdirSync(directory)) if (!names.includes(name)) fs.rmSync(path.join(directory, name));
  }
  function append(directory: string, text: string): void {
    fs.appendFileSync(path.join(directory, "metrics.jsonl"), text);
  }
});

test("the policy that an actor started as is removed only if the new run starts as the same", async () => {
  const directory = killed("from", policy);
  for (const other of [undefined, policy.slice(1)])
    await assert.rejects(checkRunDirectory(directory, other), /That run ended before its first step\. Remove it/);
  await checkRunDirectory(directory, policy);
  RunDirectory.create(directory, config, policy).discard();
});

test("a run writes where it started, although the working directory changes", () => {
  const relative = path.relative(start, path.join(folder, "moved"));
  const run = RunDirectory.create(relative, config);
  process.chdir(folder);
  run.append(evaluation(0));
  writeCheckpoint(run);
  run.writePolicy(policy, "last");
  assert.deepEqual(run.close(), []);
  const resumed = RunDirectory.resume(relative, config, readCheckpoint(path.join(folder, "moved")));
  resumed.append(evaluation(10));
  resumed.close();
  process.chdir(start);
  assert.deepEqual(
    readMetrics(path.join(folder, "moved")).map(({ step }) => step),
    [0, 10],
  );
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name === path.basename(relative)),
    ["moved"],
  );
});

test("an owner that lost its lock writes nothing, and removes nothing", () => {
  const directory = path.join(folder, "lost");
  const run = RunDirectory.create(directory, config);
  run.append(evaluation(0));
  writeCheckpoint(run);
  const other = JSON.stringify({ pid: 12, start: "1", host: "other" });
  fs.writeFileSync(path.join(directory, "lock"), other);
  const contents = () =>
    fs.readdirSync(directory).map((name) => [name, fs.readFileSync(path.join(directory, name), "latin1")]);
  const before = contents();
  const lost =
    /^run directory .*: expected the lock of this process, \d+, got that of process 12 on other\. This process/;
  const message = ({ message }: Error): boolean => lost.test(message);
  run.append(evaluation(1));
  assert.throws(() => run.flush(), message);
  assert.throws(() => writeCheckpoint(run), message);
  assert.throws(() => run.writePolicy(policy, "best"), message);
  assert.throws(() => run.writeResult({ steps: 1 } as never), message);
  assert.throws(() => run.close(), message);
  assert.deepEqual(contents(), before);

  const discarded = RunDirectory.create(path.join(folder, "lost-2"), config);
  fs.writeFileSync(path.join(folder, "lost-2", "lock"), other);
  discarded.discard();
  assert.deepEqual(
    fs.readdirSync(path.join(folder, "lost-2")).filter((name) => !name.startsWith("events")),
    ["config.json", "lock", "metrics.jsonl"],
  );
});

test("a checkpoint is not put in place if the lock was lost while it was written", (t) => {
  const directory = path.join(folder, "slow");
  const run = RunDirectory.create(directory, config);
  writeCheckpoint(run);
  const file = path.join(directory, "checkpoint.safetensors");
  const { ino } = fs.statSync(file);
  patched(t, "fsyncSync", (fsync, descriptor) => {
    fs.rmSync(path.join(directory, "lock"), { force: true });
    fsync(descriptor);
  });
  assert.throws(() => writeCheckpoint(run), /expected the lock of this process, \d+, got none/);
  assert.equal(fs.statSync(file).ino, ino);
  assert.ok(!fs.existsSync(`${file}.unfinished`));
});

test("the unfinished file of a process that took over stays", () => {
  const file = path.join(folder, "taken");
  const check = (): never => {
    fs.rmSync(`${file}.unfinished`);
    fs.writeFileSync(`${file}.unfinished`, "another's");
    throw new Error("lost");
  };
  assert.throws(() => replaceFile(file, [new Uint8Array(3)], check), /lost/);
  assert.equal(fs.readFileSync(`${file}.unfinished`, "utf8"), "another's");
  assert.throws(() => replaceFile(file, [new Uint8Array(3)], () => assert.fail("lost")), /lost/);
  assert.ok(!fs.existsSync(`${file}.unfinished`));
});

test("a failing close or unlink at the end is a warning, and a failing write is an error", (t) => {
  const refuse = (): never => {
    throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  };
  for (const [call, expected] of [
    ["closeSync", ["metrics.jsonl", "events.out.tfevents"]],
    ["rmSync", ["lock"]],
  ] as const) {
    const directory = path.join(folder, call);
    const run = RunDirectory.create(directory, config);
    run.append(evaluation(0));
    const restore = patched(t, call, (original, file) => {
      // The lock is read before it is removed, and closed after that.
      return typeof file === "number" && isLock(file) ? original(file) : refuse();
    });
    const warnings = run.close();
    restore();
    assert.equal(warnings.length, expected.length, warnings.join());
    for (const [i, name] of expected.entries())
      assert.ok(warnings[i].startsWith(path.join(directory, name)), warnings[i]);
    assert.match(warnings[0], /: could not be closed \(an error of the disk\)$/);
    assert.equal(readMetrics(directory).length, 1);
  }
  const run = RunDirectory.create(path.join(folder, "fsync"), config);
  const restore = patched(t, "fsyncSync", refuse);
  assert.throws(() => run.close(), /metrics\.jsonl: expected a file that can be written, got an error of the disk/);
  restore();
  assert.ok(!fs.existsSync(path.join(folder, "fsync", "lock")));

  function isLock(descriptor: number): boolean {
    const { ino } = fs.fstatSync(descriptor);
    return fs
      .readdirSync(folder)
      .some((name) => fs.statSync(path.join(folder, name, "lock"), { throwIfNoEntry: false })?.ino === ino);
  }
});

test("a copy whose records are older than its checkpoint continues with a warning, from complete records", () => {
  const directory = path.join(folder, "copy");
  const run = RunDirectory.create(directory, config);
  run.append(evaluation(0));
  run.append(evaluation(5));
  writeCheckpoint(run);
  run.close();
  const metrics = path.join(directory, "metrics.jsonl");
  const whole = fs.readFileSync(metrics, "utf8");
  const [first] = whole.split(/(?<=\n)/);
  for (const [kept, left] of [
    [whole.length - 1, first],
    [first.length, first],
    [first.length - 1, ""],
    [0, ""],
  ] as const) {
    fs.writeFileSync(metrics, whole.slice(0, kept));
    const warnings: string[] = [];
    RunDirectory.resume(directory, config, readCheckpoint(directory), (text) => warnings.push(text)).close();
    assert.equal(fs.readFileSync(metrics, "utf8"), left);
    assert.deepEqual(warnings, [
      `${metrics}: expected at least the ${whole.length} bytes recorded at the checkpoint, got ${kept}. The run was probably ` +
        "copied while it was writing. It continues with the same results, but the records in between are missing.",
    ]);
  }
});

/** Replaces a function of node:fs until the test ends or the returned function is called. */
function patched<N extends "closeSync" | "rmSync" | "fsyncSync">(
  t: TestContext,
  name: N,
  replacement: (original: (argument: never) => unknown, argument: never) => unknown,
): () => void {
  const original = fs[name];
  const restore = (): void => {
    Object.assign(fs, { [name]: original });
    syncBuiltinESMExports();
  };
  Object.assign(fs, { [name]: (argument: never) => replacement(original as never, argument) });
  syncBuiltinESMExports();
  t.after(restore);
  return restore;
}
