// Files from an earlier version still work: runs resume and policies act with the same bits. The recorded files, and
// the numbers that the earlier version gave, are in fixtures/kept-0.1.0.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Ddpg, Pendulum, Policy, TimeLimit, train } from "ddpg";
import { readCheckpoint, readConfig, readMetrics, readPolicy, readResult } from "ddpg/node";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const kept = path.join(root, "fixtures/kept-0.1.0");
const index = JSON.parse(fs.readFileSync(path.join(kept, "index.json"), "utf8"));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-kept-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
fs.cpSync(kept, folder, { recursive: true });

const inFolder = (...names) => path.join(folder, ...names);
const read = (...names) => fs.readFileSync(inFolder(...names));

async function ddpg(...args) {
  const { stdout } = await execute(process.execPath, [path.join(root, "bin/ddpg.js"), ...args], { cwd: folder });
  return stdout;
}

/** A policy's actions for fixed observations. The recorder has the same lines. */
function actionsOf(actor, observationSize) {
  return Array.from({ length: 8 }, (_, k) =>
    Array.from(actor.act(Array.from({ length: observationSize }, (_, i) => ((7 * k + 3 * i) % 11) / 4 - 1.25))),
  );
}

/** Exports a run or a policy file, and checks that the exported policy gives the recorded actions. */
async function checkExports(source, observationSize, actions, formats, ...flags) {
  for (const format of formats) {
    const file = `${source.replaceAll("/", "-")}${flags.join("")}.${format === "js" ? "mjs" : format}`;
    await ddpg("export", source, "--format", format, ...flags, "--output", file);
    if (format === "onnx") {
      // There is no ONNX runtime here. The interop tests run such a model.
      assert.ok(read(file).length > 500);
      continue;
    }
    const actor = format === "js" ? await import(pathToFileURL(inFolder(file)).href) : await Policy.load(read(file));
    assert.deepEqual(actionsOf(actor, observationSize), actions, file);
  }
}

/** Checks that a finished run has the outcome that the earlier version recorded. */
async function checkOutcome(run, recorded) {
  const { steps, fingerprint, evaluation, best } = readResult(inFolder(run));
  const { episodes, evaluations, diagnostics } = recorded;
  assert.equal(fingerprint, recorded.fingerprint);
  assert.deepEqual(
    { steps, evaluation, best },
    { steps: recorded.steps, evaluation: recorded.evaluation, best: recorded.best },
  );
  const metrics = readMetrics(inFolder(run));
  const points = (type, field) => metrics.flatMap((each) => (each.type === type ? [[each.step, each[field]]] : []));
  assert.deepEqual(points("evaluation", "meanReturn"), evaluations);
  assert.deepEqual(points("episode", "return"), episodes);
  assert.equal(points("diagnostics", "step").length, diagnostics);
  for (const [flags, wanted] of [
    [[], recorded.evaluateLast],
    [["--best"], recorded.evaluateBest],
  ]) {
    const got = JSON.parse(await ddpg("evaluate", run, "--episodes", "3", "--json", ...flags));
    assert.equal(got.fingerprint, recorded.fingerprint);
    for (const [name, value] of Object.entries(wanted)) assert.equal(got[name], value, name);
  }
  const { last, best: bestActions } = recorded.actions;
  const policy = await readPolicy(inFolder(run), "best");
  const { observationSize } = policy.units;
  assert.deepEqual(actionsOf(policy, observationSize), bestActions);
  await checkExports(run, observationSize, last, ["js", "policy", "onnx"]);
  await checkExports(run, observationSize, bestActions, ["js"], "--best");
}

const all = ["complete", ...Object.keys(index.runs).map((name) => `stopped/${name}`)];

/** Draws all runs in one report and returns its HTML. */
async function reportOfAll(file) {
  await ddpg("report", ...all, "--output", file);
  return read(file).toString("utf8");
}

/** The TensorBoard event files of a run, by name. */
function eventsOf(run) {
  const names = fs.readdirSync(inFolder(run)).filter((name) => name.startsWith("events.out.tfevents."));
  return Object.fromEntries(names.map((name) => [name, read(run, name)]));
}

it("a report of the runs as the earlier version left them", async () => {
  const html = await reportOfAll("left.html");
  for (const run of all) assert.ok(html.includes(run), run);
  const ended = (run) => fs.existsSync(inFolder(run, "result.json"));
  assert.deepEqual(
    all.map((run) => ended(run) && html.includes(readResult(inFolder(run)).fingerprint)),
    all.map(ended),
  );
});

describe("files written by 0.1.0", { concurrency: 2 }, () => {
  it("include a stopped run of every preset", () => {
    const presets = Object.keys(index.runs).map((name) => readConfig(inFolder("stopped", name)).preset);
    assert.deepEqual([...new Set(presets)].sort(), ["numpy", "paper", "small", "standard"]);
  });

  for (const [name, recorded] of Object.entries(index.runs)) {
    it(`a stopped run, resumed to its end: ${name}`, async () => {
      const run = `stopped/${name}`;
      const before = { config: readConfig(inFolder(run)), metrics: read(run, "metrics.jsonl"), events: eventsOf(run) };
      const checkpoint = readCheckpoint(inFolder(run));
      assert.equal(checkpoint.steps, recorded.stoppedAfter);
      if (recorded.signal === "SIGINT") {
        const { observationSize, actionLow, actionHigh } = (await readPolicy(inFolder(run), "last")).units;
        const agent = await Ddpg.load(checkpoint.bytes, { observationSize, actionLow, actionHigh });
        const { fingerprint } = JSON.parse(await ddpg("evaluate", run, "--episodes", "1", "--json"));
        assert.equal(agent.fingerprint(), fingerprint);
        assert.ok(agent.updates > 200);
      }
      await ddpg("resume", run, "--no-progress");
      await checkOutcome(run, recorded);
      const { settings, seed, steps, environmentModule, untilReturn, from } = readConfig(inFolder(run));
      for (const [setting, value] of Object.entries(before.config.settings))
        assert.deepEqual(settings[setting], value, setting);
      for (const [field, value] of Object.entries({ seed, steps, environmentModule, untilReturn, from }))
        assert.equal(value, before.config[field], field);
      const { metricsBytes } = checkpoint;
      assert.ok(metricsBytes > 1000);
      assert.ok(read(run, "metrics.jsonl").subarray(0, metricsBytes).equals(before.metrics.subarray(0, metricsBytes)));
      const events = eventsOf(run);
      for (const [file, bytes] of Object.entries(before.events)) assert.ok(bytes.equals(events[file]), file);
      assert.ok(Object.keys(events).length > Object.keys(before.events).length);
    });
  }

  it("a complete run: resuming it leaves all of its files unchanged", async () => {
    const files = () =>
      Object.fromEntries(fs.readdirSync(inFolder("complete")).map((name) => [name, read("complete", name)]));
    const before = files();
    assert.ok(Object.keys(before).length >= 7);
    await checkOutcome("complete", index.complete);
    await ddpg("resume", "complete");
    assert.deepEqual(files(), before);
  });

  for (const [run, recorded] of [
    ["complete", index.complete],
    ["stopped/from", index.runs.from],
    ["stopped/scaled", index.runs.scaled],
  ]) {
    it(`a run that is repeated from its config.json: ${run}`, async () => {
      const again = `again-${path.basename(run)}`;
      await ddpg("train", "--config", run, "--no-progress", "--out", again);
      assert.equal(readResult(inFolder(again)).fingerprint, recorded.fingerprint);
    });
  }

  for (const [name, recorded] of Object.entries(index.agents)) {
    it(`an agent of two bodies: ${name}`, async () => {
      const agent = await Ddpg.load(read("agents", `${name}.safetensors`), recorded.spaces);
      assert.equal(agent.seed, recorded.options.seed);
      assert.deepEqual(move(agent, recorded.bodies, recorded.steps, 50), recorded.actions);
      assert.equal(agent.fingerprint(), recorded.fingerprint);
    });
  }

  it("an agent that was saved in the middle of an episode of `train`", async () => {
    const { timeLimit, steps, actions, fingerprint } = index.train;
    const environment = new TimeLimit(new Pendulum(), timeLimit);
    const agent = await Ddpg.load(read("agents/train.safetensors"), environment);
    const taken = [];
    for await (const { step, action, episode } of train(agent, environment)) {
      assert.equal(step, steps + taken.length + 1);
      assert.equal(episode !== null, step % timeLimit === 0);
      taken.push(Array.from(action));
      if (taken.length === actions.length) break;
    }
    assert.deepEqual(taken, actions);
    assert.equal(agent.fingerprint(), fingerprint);
  });

  for (const [name, recorded] of Object.entries(index.policies)) {
    it(`a policy file: ${name}`, async () => {
      const file = `policies/${name}.safetensors`;
      const { observationSize } = recorded.spaces;
      assert.deepEqual(actionsOf(await Policy.load(read(file)), observationSize), recorded.actions);
      await checkExports(file, observationSize, recorded.actions, ["js", "policy", "onnx"]);
    });
  }

  it("a benchmark's records: nothing is left to do, and the table is the same", async () => {
    const names = fs.readdirSync(inFolder("benchmark")).filter((name) => name.endsWith(".json"));
    const before = names.map((name) => read("benchmark", name));
    const rows = (text) =>
      [...text.matchAll(/^\|? ?((?:Pendulum|MountainCarContinuous)-v\d.*)$/gm)].map(([, row]) => row);
    // Version 0.1 printed returns below 1 with one decimal.
    const numbers = (row) =>
      row
        .match(/[−-]?\d[\d,.]*/g)
        .map((text) => (/\.\d/.test(text) ? Number(text.replace("−", "-").replace(/,$/, "")).toFixed(1) : text));
    const table = rows(read("benchmark/benchmark.md").toString("utf8")).map(numbers);
    assert.equal(table.length, 2);
    const stdout = await ddpg(...index.benchmark.command.split(" ").slice(1));
    assert.match(stdout, /4 of 4/);
    assert.deepEqual(rows(stdout).map(numbers), table);
    assert.ok(!fs.existsSync(inFolder("benchmark/runs")));
    assert.deepEqual(
      names.map((name) => read("benchmark", name)),
      before,
    );
  });
});

it("a report of the finished runs", async () => {
  const html = await reportOfAll("resumed.html");
  for (const { fingerprint } of [index.complete, ...Object.values(index.runs)])
    assert.ok(html.includes(fingerprint), fingerprint);
});

/** Moves two bodies without `train`, each with its own noise. Returns their actions. The recorder has the same loop. */
function move(agent, bodies, from, steps) {
  const actions = [];
  for (let t = from; t < from + steps; t++) {
    const number = t % 2;
    const body = bodies[number];
    const action = agent.explore(body, number);
    const speed = 0.9 * body[1] + 0.1 * action[0];
    const next = [body[0] + 0.1 * speed, speed];
    const terminated = Math.abs(next[0]) > 1;
    agent.observe(body, action, -Math.abs(next[0]), next, terminated);
    agent.learn();
    actions.push(Array.from(action));
    const ended = terminated || t % 61 === 60;
    if (ended) agent.endEpisode(number);
    bodies[number] = ended ? [0.5 - number, 0] : next;
  }
  return actions;
}
