// Threads as a Node program uses them. Each test program has its own process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const dist = fs.realpathSync(path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist"));
const module = (name) => pathToFileURL(path.join(dist, name)).href;
const modules = {
  index: module("index.js"),
  node: module("node.js"),
  threads: module("node/patient-threads.case.js"),
};

// These functions run from their source text, so they must not use anything else in this file.

/** Makes an update with a large agent. Every call is split, because other programs may use the cores. */
async function largeAgent({ index, threads, count }) {
  const { Ddpg, Pendulum } = await import(index);
  const { patientThreads } = await import(threads);
  const sizes = { actorHiddenSizes: [1024, 1024], criticHiddenSizes: [1024, 1024], batchSize: 1024 };
  const agent = await Ddpg.create(new Pendulum(), { ...sizes, warmupSteps: 1024, threads: patientThreads(count) });
  for (let i = 0; i < 1024; i++) agent.observe([i / 1024, 0, 0], [0], i, [0, i / 1024, 0], false);
  agent.learn();
  return { threads: agent.threads, fingerprint: agent.fingerprint() };
}

/** The number of system threads after creating each of several agents, each with a new `nodeThreads`. */
async function threadsOfManyAgents({ index, node }) {
  const { Ddpg, Pendulum } = await import(index);
  const { nodeThreads } = await import(node);
  const { readdirSync } = await import("node:fs");
  const sizes = { actorHiddenSizes: [256, 256], criticHiddenSizes: [256, 256], batchSize: 256 };
  const counts = [];
  for (let i = 0; i < 20; i++) {
    await Ddpg.create(new Pendulum(), { ...sizes, threads: nodeThreads(2) });
    counts.push(readdirSync("/proc/self/task").length);
  }
  return counts;
}

async function run(program, options) {
  const text = `console.log(JSON.stringify(await (${program})(${JSON.stringify({ ...modules, ...options })})))`;
  const args = ["--input-type=module", "--eval", text];
  return JSON.parse((await execute(process.execPath, args, { timeout: 30_000 })).stdout);
}

describe("threads in Node", { timeout: 60_000 }, () => {
  it("a program with two threads exits by itself, with the same bits as with one", async () => {
    const one = await run(largeAgent, { count: 1 });
    assert.equal(one.threads, 1);
    assert.deepEqual(await run(largeAgent, { count: 2 }), { ...one, threads: 2 });
  });

  it("agents share the helpers", { skip: !fs.existsSync("/proc/self/task") }, async () => {
    const counts = await run(threadsOfManyAgents, {});
    assert.ok(counts[19] <= counts[0] + 1, counts.join(", "));
  });

  it("an invalid number of threads is rejected", async () => {
    const { nodeThreads } = await import(modules.node);
    const { webThreads } = await import(modules.index);
    for (const threads of [nodeThreads, webThreads]) {
      for (const [count, got] of [
        [0, "0"],
        [1.5, "1.5"],
        [65, "65"],
        ["2", '"2"'],
      ]) {
        const message = `threads: expected a whole number from 1 to 64, got ${got}.`;
        assert.throws(() => threads(count), { name: "InputError", message });
      }
    }
    assert.equal(webThreads(2).count, 1);
    assert.equal(nodeThreads(3), nodeThreads(3));
  });
});
