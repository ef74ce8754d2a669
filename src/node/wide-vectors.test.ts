import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { narrowKernels } from "../kernels/wasm/modules.ts";
import { createWasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { trainedFingerprint, tryWideVectors } from "./wide-vectors.ts";

const execute = promisify(execFile);
const [major] = process.versions.node.split(".").map(Number);
const possible = major >= 24 && process.arch === "x64";

test("128-bit kernels give the fingerprint that wide kernels must match", async () => {
  for (const shared of [false, true]) {
    const backend = createWasmBackend("wasm128", narrowKernels, { shared });
    assert.equal(await trainedFingerprint(backend), "8bc83a67e9b32594");
  }
});

test("wide kernels with other results are refused", async () => {
  const reason = await tryWideVectors("0123456789abcdef");
  const expected = possible
    ? "256-bit vectors gave other results: fingerprint 8bc83a67e9b32594, expected 0123456789abcdef"
    : /^256-bit vectors need/;
  if (typeof expected === "string") assert.equal(reason, expected);
  else assert.match(String(reason), expected);
});

test("V8 doubles the width of the product", async () => {
  const module = new URL("./backend.js", import.meta.url).href;
  const program = `
    const { setFlagsFromString } = await import("node:v8");
    const { nodeBackend } = await import(${JSON.stringify(module)});
    setFlagsFromString("--trace-wasm-revectorize");
    const { name, notes } = await nodeBackend();
    setFlagsFromString("--no-trace-wasm-revectorize");
    console.log("backend", name, notes.join());`;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", program], { maxBuffer: 1e9 });
  const backend = /^backend (.*)$/m.exec(stdout)?.[1] ?? "";
  if (!possible) {
    assert.match(backend, /^wasm128 256-bit vectors need/);
    return;
  }
  assert.equal(backend.trim(), "wasm256");
  // A tile of 4 × 4 vectors becomes eight pairs, with none left over.
  const pairs = stdout
    .split(/^Begin revec function /m)
    .filter((text) => !/failed/.test(text))
    .map((text) => text.split("PackNode Store(").length - 1);
  assert.ok(pairs.includes(8), `pairs in each function: ${pairs}`);
});
