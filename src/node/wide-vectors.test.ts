import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { Random } from "../base/random.ts";
import { narrowKernels } from "../kernels/wasm/modules.ts";
import { createWasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { gainOf, trainedFingerprint, tryWideVectors } from "./wide-vectors.ts";

const execute = promisify(execFile);
const [major] = process.versions.node.split(".").map(Number);
const possible = major >= 24 && process.arch === "x64";

test("128-bit kernels give the fingerprint that wide kernels must match", async () => {
  for (const shared of [false, true]) {
    const backend = createWasmBackend("wasm128", narrowKernels, { shared });
    assert.equal(await trainedFingerprint(backend), "4315eedb66ee1f7f");
  }
});

test("wide kernels have the bits of narrow ones with layer normalization, too", async (context) => {
  const wide = await tryWideVectors("portable", { enough: 0 });
  if (typeof wide === "string") return context.skip(wide);
  const layer = { normalization: "layer" } as const;
  const narrow = createWasmBackend("wasm128", narrowKernels);
  assert.equal(await trainedFingerprint(wide, layer), await trainedFingerprint(narrow, layer));
});

test("wide kernels with other results are refused", async () => {
  const reason = await tryWideVectors("portable", { expected: "0123456789abcdef" });
  const expected = possible
    ? "256-bit vectors gave other results: fingerprint 4315eedb66ee1f7f, expected 0123456789abcdef"
    : /^256-bit vectors need/;
  if (typeof expected === "string") assert.equal(reason, expected);
  else assert.match(String(reason), expected);
});

test("Bun has no 256-bit vectors, although it names a version of V8", async () => {
  const versions = { ...process.versions, node: "26.3.0", v8: "14.6.202.34-node.20", bun: "1.4.5" };
  assert.equal(await tryWideVectors("portable", { versions }), "256-bit vectors need the V8 engine, this is Bun 1.4.5");
});

test("a gain is claimed only where there is one, on a busy machine and while the engine still optimizes", () => {
  const random = new Random("gain");
  /** Times around `ms`: some turns are interrupted, and the first ones run code that is not optimized yet. */
  const timer = (ms: number, interrupted: number, slowTurns = 0) => {
    let turn = 0;
    return () => {
      clock += 0.2;
      const slow = ++turn <= slowTurns ? 8 : 1;
      const noise = random.uniform(1, 1.05) + (random.uniform(0, 1) < interrupted ? random.uniform(0.5, 20) : 0);
      return slow * ms * noise;
    };
  };
  let clock = 0;
  const gain = (narrow: () => number, wide: () => number) => gainOf(narrow, wide, 1.1, { now: () => clock });
  for (let machine = 0; machine < 200; machine++) {
    // The flags do nothing; the wide kernels have run before, the others have not.
    assert.ok(gain(timer(0.1, 0.1, 35), timer(0.1, 0.1)) < 1.1);
    assert.ok(gain(timer(0.1, 0.5), timer(0.1, 0.5)) < 1.1);
    // They do, and other programs interrupt nine of ten turns of the wide kernels.
    assert.ok(gain(timer(0.1, 0), timer(0.06, 0.9)) > 1.1);
    assert.ok(gain(timer(0.1, 0.5), timer(0.06, 0.5)) > 1.1);
  }
  // One slow turn of the wide kernels decides nothing, whichever it is; nor do all but a few.
  for (let slow = 1; slow <= 100; slow++) {
    let turn = 0;
    assert.ok(gain(timer(0.1, 0), () => (++turn === slow ? 50 : 0.06)) > 1.1, `turn ${slow}`);
  }
  let turn = 0;
  assert.ok(gain(timer(0.1, 0), () => (++turn % 30 > 0 ? 50 : 0.06)) > 1.1);
  // It gives up in the end.
  clock = 0;
  gain(timer(0.1, 0), timer(0.1, 0));
  assert.ok(clock > 400 && clock < 450, `${clock}`);
});

test("kernels that ran before are not used under V8's flags, where they would crash", async () => {
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    const { Ddpg, Pendulum } = await import(${module("../index.js")});
    const { nodeBackend } = await import(${module("../node.js")});
    for (const arithmetic of ["portable", "fused"]) {
      await nodeBackend({ wide: false, arithmetic });
      const agent = await Ddpg.create(new Pendulum(), { arithmetic });
      agent.act([1, 0, 0]);
      const { vectorBits } = await nodeBackend({ wide: true, arithmetic });
      agent.act([1, 0, 0]);
      console.log(arithmetic, vectorBits);
    }`;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", program]);
  assert.match(stdout, /^portable \d+\nfused \d+\n$/);
});

test("V8 doubles the width of the product", async () => {
  const module = new URL("./backend.js", import.meta.url).href;
  const program = `
    const { setFlagsFromString } = await import("node:v8");
    const { nodeBackend } = await import(${JSON.stringify(module)});
    setFlagsFromString("--trace-wasm-revectorize");
    const { name, notes } = await nodeBackend({ wide: true });
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
