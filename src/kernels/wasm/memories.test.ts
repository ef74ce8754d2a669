import assert from "node:assert/strict";
import { test } from "node:test";
import * as v8 from "node:v8";
import * as vm from "node:vm";
import { Random } from "../../base/random.ts";
import { FreeRanges } from "./memories.ts";
import { narrowKernels } from "./modules.ts";
import { createWasmKernels } from "./wasm-kernels.ts";

const MEBIBYTE = 1024 * 1024;

test("free ranges: no byte is given twice, all can be taken back, and neighbors are joined", () => {
  const random = new Random(1);
  const ranges = new FreeRanges();
  ranges.add(640, 64_000);
  const taken: { start: number; end: number }[] = [];
  for (let i = 0; i < 5000; i++) {
    if (random.integer(2) === 0) {
      const bytes = 64 * (1 + random.integer(80));
      const start = ranges.take(bytes);
      if (start < 0) continue;
      const end = start + bytes;
      assert.ok(start >= 640 && end <= 64_000);
      assert.ok(
        taken.every((other) => end <= other.start || start >= other.end),
        `${start} to ${end}`,
      );
      taken.push({ start, end });
    } else if (taken.length > 0) {
      const [{ start, end }] = taken.splice(random.integer(taken.length), 1);
      ranges.add(start, end);
    }
  }
  for (const { start, end } of taken) ranges.add(start, end);
  assert.equal(ranges.freeBefore(64_000), 64_000 - 640);
  assert.equal(ranges.take(64_000 - 640), 640);
  assert.equal(ranges.take(64), -1);
});

test("small kernels share a memory, and refuse each other's vectors; large ones have their own", async () => {
  const [one, two, large] = await Promise.all([1, 1, 20].map((size) => createWasmKernels(size * MEBIBYTE)));
  const [a, b, c] = [one, two, large].map((kernels) => kernels.allocate(16));
  assert.equal(a.buffer, b.buffer);
  assert.notEqual(a.buffer, c.buffer);
  for (const [kernels, foreign] of [
    [one, b],
    [two, a],
    [one, c],
  ] as const) {
    assert.throws(() => kernels.flush(foreign), /expected a vector from these kernels' own allocate/);
  }
  assert.throws(() => one.allocate(MEBIBYTE / 4), /expected 0 to/);
});

test("what collected kernels had is used again, as zeros, and memories of which nothing is used are dropped", async () => {
  v8.setFlagsFromString("--expose-gc");
  const collect: () => void = vm.runInNewContext("gc");
  const kept = await createWasmKernels(MEBIBYTE);
  const mine = kept.allocate(1000).fill(7);
  const buffers = new Set<ArrayBufferLike>();
  const round = async (size: number) => {
    for (let i = 0; i < 40; i++) {
      const kernels = await createWasmKernels(size);
      const x = kernels.allocate(size / 4);
      assert.ok(x.every((value) => value === 0));
      x.fill(1);
      buffers.add(x.buffer);
      collect();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await round(MEBIBYTE);
  await round(MEBIBYTE / 2);
  await round(2 * MEBIBYTE);
  assert.ok(buffers.size <= 4, `${buffers.size} memories`);
  assert.ok(mine.every((value) => value === 7));
  kept.flush(mine);
  const many = await Promise.all(Array.from({ length: 60 }, () => createWasmKernels(MEBIBYTE)));
  assert.ok(narrowKernels.pool.bytes > 50 * MEBIBYTE);
  many.length = 0;
  for (let i = 0; i < 100 && narrowKernels.pool.bytes > 24 * MEBIBYTE; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(narrowKernels.pool.bytes <= 24 * MEBIBYTE, `${narrowKernels.pool.bytes} bytes are held`);
});
