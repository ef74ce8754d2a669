// The recorded results of one seed, which every engine must give, and programs that compute them in Node and on a page.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { icon, openBrowser, serve } from "./browser.js";

const execute = promisify(execFile);

/**
 * What `compute` must return everywhere, in portable arithmetic. A fingerprint changes only if a number in the algorithm, the
 * preset or the environment changes, or the order of the arithmetic. The changelog must explain every change.
 */
const portable = {
  short: "93b35503c25826a5",
  pendulum: "f9b71d9440ecd9a3",
  mountainCar: "42238020003cc0f2",
  paper: "db0c8063352344f2",
  /** The paper preset by the rule of 0.1 for the statistics of batch normalization. */
  paperPlain: "fff928e0ff6fb94e",
  math: { cos: "ff14be0e", exp: "ea0af924", log: "2dc12a89", sin: "b7253472", tanh: "a14cb015" },
};

/** What `compute` must return by arithmetic. */
export const recorded = {
  portable,
  fused: {
    ...portable,
    short: "2d274b6493d0f0b2",
    pendulum: "d57bcb1fb7b6b7d7",
    mountainCar: "4cf6fb23cdad797b",
    paper: "9df18a4a0da5c8c5",
    paperPlain: "7721fff5a1bb6cb8",
  },
};

/**
 * Runs `compute` on the build in `dist` with a Node executable, 1 or 2 threads, and WebAssembly of 128 or 256 bits, or the
 * native kernels. `node` is the executable's path, or a list of words that starts one. `parts` names what to compute.
 */
export async function computeInNode(node, dist, { threads = 1, simd = 128, arithmetic = "portable", parts } = {}) {
  const module = (name) => pathToFileURL(path.join(dist, name)).href;
  const modules = {
    arithmetic,
    parts,
    index: module("index.js"),
    math: module("base/math.js"),
    allow: module("node/allow-fused.js"),
    ...(threads === 2 && { threads: module("kernels/wasm/threads.js"), helper: module("node/threads.js") }),
    ...(simd !== 128 && { node: module("node.js"), native: simd === "native" }),
  };
  const program = `console.log(JSON.stringify(await (${compute})(${JSON.stringify(modules)})))`;
  const [executable, ...words] = [node].flat();
  const { stdout } = await execute(executable, [...words, "--input-type=module", "--eval", program]);
  return JSON.parse(stdout);
}

/**
 * Runs `compute` in a browser on an unbundled build; also returns the browser's version. One thread runs on the page's
 * main thread; two run in a worker of a page that may share memory.
 */
export async function computeInBrowser(dist, { threads = 1, arithmetic = "portable" } = {}) {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-bits-"));
  let browser;
  let server;
  try {
    fs.writeFileSync(path.join(temporary, "index.html"), `<!doctype html>\n<title>ddpg</title>\n${icon}\n`);
    fs.writeFileSync(
      path.join(temporary, "worker.js"),
      `self.onmessage = ({ data }) => (${compute})(data).then(
        (bits) => postMessage({ bits }),
        (error) => postMessage({ error: String(error) }));`,
    );
    fs.cpSync(dist, path.join(temporary, "dist"), { recursive: true });
    [browser, server] = await Promise.all([openBrowser(), serve(temporary, { isolated: threads === 2 })]);
    const tab = await browser.newPage();
    await tab.goto(`${server.url}/`);
    const module = (name) => `${server.url}/dist/${name}`;
    const modules = { arithmetic, index: module("index.js"), math: module("base/math.js") };
    if (threads === 1) return { version: browser.version(), bits: await tab.evaluate(compute, modules) };
    const shared = { threads: module("kernels/wasm/threads.js"), helper: module("kernels/wasm/web-threads.js") };
    return { version: browser.version(), bits: await tab.evaluate(inWorker, { ...modules, ...shared }) };
  } finally {
    await Promise.all([browser?.close(), server?.close()]);
    fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs `compute` in the page's worker. */
function inWorker(modules) {
  return new Promise((resolve, reject) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data: { bits, error } }) => (bits ? resolve(bits) : reject(new Error(error)));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(modules);
  });
}

/**
 * Computes the fingerprints of five agents and the hashes of base/math, or those that `wanted` names. It runs elsewhere from its source text, so it
 * must not use anything else in this file. `index` and `math` are the URLs of the built modules. With `threads` and
 * `helper`, two threads share every call; with `node`, they are native or have vectors of 256 bits; `allow` allows fused arithmetic in Node 20.
 */
async function compute({ arithmetic, parts: wanted, index, math, threads, helper, node, native, allow }) {
  const { Ddpg, environments, train } = await import(index);
  if (allow) (await import(allow)).allowFused();
  const backend = node && (await (await import(node)).nodeBackend({ native, wide: !native, arithmetic }));
  if (backend && !backend.name.startsWith(native ? "native" : "wasm256")) throw new Error(backend.notes[0]);
  let shared = {};
  if (threads) {
    const [{ Threads }, { startHelper }] = await Promise.all([import(threads), import(helper)]);
    // Patient: a helper in an emulator takes seconds to answer.
    shared = { threads: new Threads(2, startHelper, { threshold: 1, lostMs: 60_000, answerMs: 60_000 }) };
  }

  /** The fingerprint of a task's agent after a number of steps, with seed 1. */
  async function fingerprintAfter(steps, name, options) {
    const environment = await environments[name].create();
    const agent = await Ddpg.create(environment, { seed: 1, arithmetic, backend, ...options, ...shared });
    if (agent.arithmetic !== arithmetic) throw new Error(`arithmetic: ${agent.arithmetic}`);
    if (agent.threads !== (threads ? 2 : 1)) throw new Error(`threads: ${agent.threads}`);
    for await (const { step } of train(agent, environment)) if (step === steps) break;
    return agent.fingerprint();
  }

  /** Hashes each function's results over 100,000 arguments: half are arbitrary doubles, half between −20 and 20. */
  function hashFunctions(module) {
    const hashes = {};
    const double = new Float64Array(1);
    const words = new Uint32Array(double.buffer);
    for (const [name, f] of Object.entries(module)) {
      if (typeof f !== "function") continue;
      let seed = 1;
      const bits = () => {
        seed ^= seed << 13;
        seed ^= seed >>> 17;
        seed ^= seed << 5;
        return seed >>> 0;
      };
      const argument = (i) => {
        if (i % 2) return (bits() / 4294967296 - 0.5) * 40;
        words[0] = bits();
        words[1] = bits();
        return double[0];
      };
      let hash = 0x811c9dc5;
      for (let i = 0; i < 100_000; i++) {
        const result = f(...Array.from({ length: f.length }, () => argument(i)));
        if (typeof result !== "number") throw new Error(`${name}: expected a number, got ${typeof result}`);
        double[0] = result;
        if (Number.isNaN(result)) words.fill(1); // engines may choose any of the many NaN values
        hash = Math.imul(hash ^ words[0], 0x01000193);
        hash = Math.imul(hash ^ words[1], 0x01000193);
        hash ^= hash >>> 15;
      }
      hashes[name] = (hash >>> 0).toString(16).padStart(8, "0");
    }
    return hashes;
  }

  const small = { actorHiddenSizes: [40, 24], criticHiddenSizes: [40, 24], batchSize: 30 };
  const parts = {
    // 31 updates that call every kernel.
    short: () => fingerprintAfter(60, "Pendulum-v1", { preset: "paper", ...small }),
    pendulum: () => fingerprintAfter(2000, "Pendulum-v1", { preset: "small" }),
    mountainCar: () =>
      fingerprintAfter(700, "MountainCarContinuous-v0", {
        preset: "small",
        warmupSteps: 200,
        ...environments["MountainCarContinuous-v0"].settings,
      }),
    // 301 updates of layers of 400 and 300 units, with batch normalization and L2.
    paper: () => fingerprintAfter(364, "Pendulum-v1", { preset: "paper" }),
    paperPlain: () => fingerprintAfter(364, "Pendulum-v1", { preset: "paper", batchNormStatistics: "plain" }),
    math: async () => hashFunctions(await import(math)),
  };
  const results = {};
  for (const name of wanted ?? Object.keys(parts)) results[name] = await parts[name]();
  return results;
}
