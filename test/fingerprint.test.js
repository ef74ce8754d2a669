// Same seed, same bits, in Node and in a browser: the build as it is, without a bundler.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { openBrowser, serve } from "./browser.js";

/**
 * The networks after 2,000 steps of `small` on Pendulum-v1 with seed 1. It moves only when a number of the algorithm,
 * the preset, the environment or the order of its arithmetic does: whoever changes it says in the changelog why.
 */
const RECORDED_FINGERPRINT = "7b28d1b815b44971";
const steps = 2000;

const dist = fs.realpathSync(path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist"));

const page = `<!doctype html>
<title>ddpg</title>
<script type="importmap">{ "imports": { "ddpg": "./dist/index.js" } }</script>
`;

// These two run as they are on both sides: they may use nothing of this file.

async function fingerprintAfter([module, steps]) {
  const { Ddpg, Pendulum, train } = await import(module);
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { seed: 1, preset: "small" });
  for await (const { step } of train(agent, environment)) if (step === steps) break;
  return agent.fingerprint();
}

/** A hash of each function's results over 100,000 arguments: half any double at all, half between −20 and 20. */
async function hashFunctions(module) {
  const hashes = {};
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  for (const [name, f] of Object.entries(await import(module))) {
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
      if (Number.isNaN(result)) words.fill(1); // which of the many NaN it is, an engine may choose
      hash = Math.imul(hash ^ words[0], 0x01000193);
      hash = Math.imul(hash ^ words[1], 0x01000193);
      hash ^= hash >>> 15;
    }
    hashes[name] = (hash >>> 0).toString(16);
  }
  return hashes;
}

describe("same seed, same bits", { timeout: 60_000 }, () => {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-fingerprint-"));
  let browser;
  let server;
  let tab;

  before(async () => {
    fs.writeFileSync(path.join(temporary, "index.html"), page);
    fs.cpSync(dist, path.join(temporary, "dist"), { recursive: true });
    [browser, server] = await Promise.all([openBrowser(), serve(temporary)]);
    tab = await browser.newPage();
    await tab.goto(`${server.url}/`);
  });
  after(async () => {
    await Promise.all([browser?.close(), server?.close()]);
    fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  });

  it("gives the recorded fingerprint in Node", async () => {
    const index = pathToFileURL(path.join(dist, "index.js")).href;
    assert.equal(await fingerprintAfter([index, steps]), RECORDED_FINGERPRINT);
  });

  it("gives the recorded fingerprint in the browser", async () => {
    assert.equal(await tab.evaluate(fingerprintAfter, ["ddpg", steps]), RECORDED_FINGERPRINT);
  });

  it("gives the same results for every function of base/math in Node and in the browser", async () => {
    const here = await hashFunctions(pathToFileURL(path.join(dist, "base/math.js")).href);
    assert.ok(Object.keys(here).length >= 5, `functions: ${Object.keys(here).join(", ")}`);
    assert.deepEqual(await tab.evaluate(hashFunctions, `${server.url}/dist/base/math.js`), here);
  });
});
