// An engine can hold about a hundred WebAssembly memories, so policies and small agents share theirs: hundreds live.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { icon, openBrowser, serve } from "./browser.js";

const execute = promisify(execFile);
const dist = fs.realpathSync(path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist"));

// These run from their text: they may use nothing of this file.

/** Keeps policies and agents alive; all of them act and every agent learns. Returns how many gave the right bits. */
async function keepAlive({ index, policies, agents }) {
  const { Ddpg, Pendulum, Policy } = await import(index);
  const options = { preset: "small", warmupSteps: 0, batchSize: 64 };
  const observation = [0.6, 0.8, -1];
  const learned = (agent) => {
    for (let i = 0; i < 64; i++) agent.observe([i / 64, 0, 1], [i % 2], -i, [0, i / 64, 1], false);
    if (!agent.learn()) throw new Error("no update was made");
    return agent;
  };
  const first = learned(await Ddpg.create(new Pendulum(), options));
  const [bytes, action, fingerprint] = [first.policy.save(), first.act(observation)[0], first.fingerprint()];
  const [loaded, created] = [[], []];
  for (let i = 0; i < policies; i++) loaded.push(await Policy.load(bytes));
  for (let i = 0; i < agents; i++) created.push(await Ddpg.create(new Pendulum(), options));
  created.forEach(learned);
  return [
    loaded.filter((policy) => policy.act(observation)[0] === action).length,
    created.filter((agent) => agent.act(observation)[0] === action && agent.fingerprint() === fingerprint).length,
  ];
}

/** The process's memory in MB after each tenth of the agents, which are made one after another, with threads. */
async function memoryOfMany({ index, threads, agents }) {
  const { Ddpg, Pendulum } = await import(index);
  const { patientThreads } = await import(threads);
  const options = { preset: "standard", batchSize: 256, warmupSteps: 0 };
  const shared = { threads: patientThreads(2) };
  const memory = [];
  for (let i = 1; i <= agents; i++) {
    const agent = await Ddpg.create(new Pendulum(), { ...options, ...shared });
    if (agent.threads !== 2) throw new Error("one thread");
    for (let k = 0; k < 256; k++) agent.observe([1, 0, 0], [0], 1, [1, 0, 0], false);
    agent.learn();
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (i % (agents / 10) === 0) memory.push(Math.round(process.memoryUsage().rss / 1e6));
  }
  return memory;
}

describe("many at once, and one after another", { timeout: 120_000 }, () => {
  it("500 policies and 100 small agents are alive in a page, and all act", async () => {
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-many-"));
    let browser;
    let server;
    try {
      fs.writeFileSync(path.join(temporary, "index.html"), `<!doctype html>\n<title>ddpg</title>\n${icon}\n`);
      fs.cpSync(dist, path.join(temporary, "dist"), { recursive: true });
      [browser, server] = await Promise.all([openBrowser(), serve(temporary)]);
      const tab = await browser.newPage();
      await tab.goto(`${server.url}/`);
      const options = { index: `${server.url}/dist/index.js`, policies: 500, agents: 100 };
      assert.deepEqual(await tab.evaluate(keepAlive, options), [500, 100]);
    } finally {
      await Promise.all([browser?.close(), server?.close()]);
      fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  it("agents with threads, each dropped before the next, take the memory of a few", async () => {
    const url = (name) => pathToFileURL(path.join(dist, name)).href;
    const options = {
      ...{ index: url("index.js"), threads: url("node/patient-threads.case.js") },
      agents: 60,
    };
    const text = `console.log(JSON.stringify(await (${memoryOfMany})(${JSON.stringify(options)})))`;
    const args = ["--expose-gc", "--input-type=module", "--eval", text];
    const memory = JSON.parse((await execute(process.execPath, args, { timeout: 100_000 })).stdout);
    // An agent takes about 7 MB: without release, the last nine tenths would take 380.
    assert.ok(memory[9] - memory[0] < 60, `${memory.join(", ")} MB`);
  });
});
