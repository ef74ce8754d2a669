import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { kernelsInUse, narrowKernels } from "../kernels/wasm/modules.ts";
import { trainedFingerprint, useWideVectors } from "./wide-vectors.ts";

const execute = promisify(execFile);
const [major] = process.versions.node.split(".").map(Number);
const possible = major >= 24 && process.arch === "x64";

test("what wider kernels must give is what those of 128 bits give", async () => {
  for (const shared of [false, true]) {
    assert.equal(await trainedFingerprint(narrowKernels, shared), "8bc83a67e9b32594");
  }
});

test("kernels that give other results are not used, nor any where they are not to be had", async () => {
  const reason = await useWideVectors("0123456789abcdef");
  const expected = possible ? /^256 gave other results, 8bc83a67e9b32594 and not 0123/ : /^256 need/;
  assert.match(reason ?? "", expected);
  assert.equal(kernelsInUse(), narrowKernels);
});

test("V8 doubles the width of the product", async () => {
  const module = new URL("./wide-vectors.js", import.meta.url).href;
  const program = `
    const { setFlagsFromString } = await import("node:v8");
    const { useWideVectors } = await import(${JSON.stringify(module)});
    setFlagsFromString("--trace-wasm-revectorize");
    const reason = await useWideVectors();
    setFlagsFromString("--no-trace-wasm-revectorize");
    console.log("reason", reason);`;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", program], { maxBuffer: 1e9 });
  const reason = /^reason (.*)$/m.exec(stdout)?.[1];
  if (!possible) {
    assert.match(reason ?? "", /^256 need/);
    return;
  }
  assert.equal(reason, "null");
  // A tile of 4 × 4 vectors: eight pairs, none of which is left single.
  const pairs = stdout
    .split(/^Begin revec function /m)
    .filter((text) => !/failed/.test(text))
    .map((text) => text.split("PackNode Store(").length - 1);
  assert.ok(pairs.includes(8), `pairs in each function: ${pairs}`);
  assert.equal(await useWideVectors(), null);
  assert.notEqual(kernelsInUse(), narrowKernels);
});
