// An update allocates nothing, and a run's memory does not grow with time. Each measurement has its own process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const dist = fs.realpathSync(path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist"));
const index = pathToFileURL(path.join(dist, "index.js")).href;

/** In bytes. The smallest object has twelve, so even one object in every four updates is detected. */
const mostPerUpdate = 3;
const mostPerStep = 3;
/** In bytes over 40,000 steps. The system's memory for a process varies by a few MiB. */
const mostResident = 16 * 2 ** 20;
/** In bytes. A process that does nothing has some 50 MB. */
const mostOfCheck = 180e6;

// The next two functions run from their source text, so they must not use anything else in this file.

/**
 * The heap bytes that one `learn` allocates, as a mean over many. The young generation must be large enough that no
 * collection happens: then all allocations are still there to be counted. A round with a collection does not count.
 * Until optimized code is ready, numbers are heap objects, so the result is the minimum over several rounds.
 */
async function allocatedByUpdate({ index, preset, planted, updates, rounds, threads }) {
  const { PerformanceObserver } = await import("node:perf_hooks");
  const { getHeapStatistics } = await import("node:v8");
  const { Ddpg, Pendulum } = await import(index);

  const sizes = { actorHiddenSizes: [16, 16], criticHiddenSizes: [16, 16], batchSize: 8 };
  let shared = {};
  if (threads) {
    const { patientThreads } = await import(threads);
    shared = { threads: patientThreads(2) };
  }
  const agent = await Ddpg.create(new Pendulum(), { preset, ...sizes, warmupSteps: 8, replayCapacity: 100, ...shared });
  for (let i = 0; i < 100; i++) {
    const observation = (x) => [Math.cos(x), Math.sin(x), (x % 16) - 8];
    agent.observe(observation(i), [(i % 5) - 2], -i % 16, observation(i + 1), i % 10 === 0);
  }
  const kept = { last: null };
  const learn = (times) => {
    for (let i = 0; i < times; i++) {
      if (!agent.learn()) throw new Error("no update was made");
      if (planted === "array") kept.last = [i];
      if (planted === "number" && i % 2) kept.last = i + 0.5;
      if (planted === "much") kept.last = new Array(5000);
    }
  };

  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
  for (let i = 0; i < 20; i++) {
    learn(1000);
    await turn(); // for optimized code to become ready
  }
  let least = null;
  for (let round = 0; round < rounds && !(least !== null && least < 1); round++) {
    globalThis.gc();
    await turn();
    collections = 0;
    const before = getHeapStatistics().used_heap_size;
    learn(updates);
    const bytes = (getHeapStatistics().used_heap_size - before) / updates;
    await turn(); // for the observer to be notified
    if (collections === 0) least = Math.min(least ?? bytes, bytes);
  }
  if (least === null) throw new Error("garbage was collected in every round");
  return least;
}

/** A run's memory in bytes after a collection, at 40,000 and 80,000 steps. Its replay buffer is full long before. */
async function memoryOfRun({ index, planted }) {
  const { Ddpg, Pendulum, train } = await import(index);
  const sizes = { actorHiddenSizes: [16, 16], criticHiddenSizes: [16, 16], batchSize: 8 };
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes, warmupSteps: 8, replayCapacity: 1000 });
  const kept = [];
  const memory = [];
  for await (const { step } of train(agent, environment)) {
    if (planted) kept.push([step]);
    if (step % 40_000 > 0) continue;
    globalThis.gc();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    memory.push({ resident: rss, used: heapUsed + arrayBuffers });
    if (step === 80_000) return memory;
  }
}

/** The most memory in bytes that a process takes which checks an environment that observes pictures of 84 × 84 × 4. */
async function memoryOfCheck({ index, planted }) {
  const { checkEnvironment } = await import(index);
  const kept = [];
  class Camera {
    observationSize = 28_224;
    actionLow = [-1];
    actionHigh = [1];
    #picture = new Float32Array(28_224);
    reset(random) {
      this.taken = 0;
      return this.#picture.fill(random.uniform(-1, 1));
    }
    step([action]) {
      this.#picture[this.taken++] = action;
      if (planted) kept.push(Float64Array.from(this.#picture));
      return { observation: this.#picture, reward: action, terminated: this.taken === 50 };
    }
  }
  const { problems } = await checkEnvironment(() => new Camera());
  if (problems.length > 0) throw new Error(problems.join());
  return process.resourceUsage().maxRSS * 1024;
}

/** Runs one of these functions in a new Node process and returns its result. */
async function run(program, flags, options) {
  const text = `console.log(JSON.stringify(await (${program})(${JSON.stringify({ index, ...options })})))`;
  const args = ["--expose-gc", ...flags, "--input-type=module", "--eval", text];
  return JSON.parse((await execute(process.execPath, args)).stdout);
}

const young = ["--min-semi-space-size=256", "--max-semi-space-size=256"]; // MiB

describe("memory", { timeout: 240_000 }, () => {
  for (const preset of ["small", "paper"]) {
    it(`${preset}: 100,000 updates allocate nothing`, async () => {
      const bytes = await run(allocatedByUpdate, young, { preset, updates: 100_000, rounds: 5 });
      assert.ok(bytes < mostPerUpdate, `${bytes} bytes per update`);
    });
  }

  it("with two threads, 20,000 updates allocate nothing on the calling thread", async () => {
    const threads = pathToFileURL(path.join(dist, "node/patient-threads.case.js")).href;
    const bytes = await run(allocatedByUpdate, young, { preset: "small", threads, updates: 20_000, rounds: 5 });
    assert.ok(bytes < mostPerUpdate, `${bytes} bytes per update`);
  });

  for (const [planted, what] of [
    ["array", "an array of one number every update"],
    ["number", "a fraction every second update"],
  ]) {
    it(`detects ${what}`, async () => {
      const bytes = await run(allocatedByUpdate, young, { preset: "small", planted, updates: 20_000, rounds: 1 });
      assert.ok(bytes > mostPerUpdate, `${bytes} bytes per update`);
    });
  }

  it("detects so many allocations that garbage is collected", async () => {
    const measurement = run(allocatedByUpdate, young, { preset: "small", planted: "much", updates: 20_000, rounds: 1 });
    await assert.rejects(measurement, /garbage was collected in every round/);
  });

  it("a run takes as much memory after 80,000 steps as after 40,000", async () => {
    const [half, whole] = await run(memoryOfRun, [], {});
    const [used, resident] = [whole.used - half.used, whole.resident - half.resident];
    assert.ok(used < mostPerStep * 40_000, `${used} bytes more in use`);
    assert.ok(resident < mostResident, `${resident} bytes more of the system's memory`);
  });

  it("a check of an environment that observes pictures takes less than 180 MB", async () => {
    const bytes = await run(memoryOfCheck, [], {});
    assert.ok(bytes < mostOfCheck, `${bytes} bytes`);
  });

  it("detects that a check keeps what it observes", async () => {
    const bytes = await run(memoryOfCheck, [], { planted: true });
    assert.ok(bytes > mostOfCheck, `${bytes} bytes`);
  });

  it("detects a leak of one small array per step", async () => {
    const [half, whole] = await run(memoryOfRun, [], { planted: true });
    assert.ok(whole.used - half.used > mostPerStep * 40_000, `${whole.used - half.used} bytes more in use`);
  });
});
