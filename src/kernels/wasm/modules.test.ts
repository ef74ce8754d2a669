import assert from "node:assert/strict";
import { test } from "node:test";
import { allowFused } from "../../node/allow-fused.ts";
import { halfFused } from "./half-fused.case.ts";
import { KernelModules, narrowKernels } from "./modules.ts";

allowFused();

test("a copy with its own pool compiles on first use, so that no error is left without a handler", async () => {
  // An empty module compiles, but it has no memory to share.
  const copy = new KernelModules(Buffer.from("\0asm\x01\0\0\0", "latin1").toString("base64")).withOwnPool();
  await copy.own();
  // An error without a handler would fail this test.
  await new Promise(setImmediate);
  await assert.rejects(copy.shared(), { message: "The kernels' module imports no memory, or two." });
});

test("a module counts as fused only if the probe finds that every step is", async () => {
  assert.equal(await narrowKernels.with("fused").problem(), null);
  assert.equal(await halfFused().with("fused").problem(), "the processor, or the engine, does not fuse");
});
