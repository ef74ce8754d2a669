import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { defaultBackend, setDefaultBackend } from "../kernels/choose-backend.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { nodeBackend, useWideVectors } from "./backend.ts";
import { patientThreads } from "./patient-threads.case.ts";
import { recorded, trainedFingerprint } from "./wide-vectors.ts";

describe("nodeBackend", { timeout: 60_000 }, () => {
  it("has 128-bit vectors if requested, without a note", async () => {
    const { name, vectorBits, notes } = await nodeBackend({ wide: false });
    assert.deepEqual({ name, vectorBits, notes }, { name: "wasm128", vectorBits: 128, notes: [] });
  });

  it("has 256-bit vectors, or a note that says why not", async () => {
    const { name, vectorBits, notes } = await nodeBackend({ wide: true });
    assert.equal(name, `wasm${vectorBits}`);
    assert.equal(notes.length, vectorBits === 256 ? 0 : 1);
    for (const note of notes) assert.match(note, /^256-bit vectors /);
  });

  it("splits the calls of a large agent over threads, with the same bits", async () => {
    const sizes = { actorHiddenSizes: [512, 512], criticHiddenSizes: [512, 512], batchSize: 512, warmupSteps: 512 };
    const fingerprints: string[] = [];
    const backend = await nodeBackend({ wide: true });
    // Threads of a fixed threshold, because other programs may use the cores. With `threads: 2` the machine decides.
    const always = backend.withThreads?.(patientThreads(2));
    for (const [threads, backendWith] of [
      [1, backend],
      [2, always],
    ] as const) {
      const agent = await Ddpg.create(new Pendulum(), { ...sizes, backend: backendWith });
      assert.equal(agent.threads, threads);
      agent.update();
      fingerprints.push(agent.fingerprint());
    }
    const agent = await Ddpg.create(new Pendulum(), {
      ...sizes,
      backend: await nodeBackend({ threads: 2, wide: true }),
    });
    agent.update();
    fingerprints.push(agent.fingerprint());
    assert.equal(fingerprints[0], fingerprints[2]);
    assert.equal(fingerprints[0], fingerprints[1]);
    await assert.rejects(nodeBackend({ threads: 0 }), {
      name: "InputError",
      message: "threads: expected a whole number from 1 to 64, got 0.",
    });
  });

  it("has the bits of the other arithmetic, also over other threads", async () => {
    const byDefault = await nodeBackend();
    const possible = await byDefault.withArithmetic?.("fused");
    const arithmetics = (typeof possible === "object" ? ["portable", "fused"] : ["portable"]) as Arithmetic[];
    const threads = patientThreads(2);
    for (const arithmetic of arithmetics) {
      const backend = await nodeBackend({ arithmetic });
      for (const start of [backend, backend.withThreads?.(threads)]) {
        for (const other of arithmetics) {
          const found = other === arithmetic ? start : await start?.withArithmetic?.(other);
          assert.ok(typeof found === "object");
          assert.equal(found.arithmetic, other);
          assert.equal(await trainedFingerprint(found), recorded[other], `${arithmetic} to ${other}`);
          // The threads stay.
          const { threads: count } = await found.create(1000, () => Infinity);
          assert.equal(count, start === backend ? 1 : 2);
        }
      }
    }
  });

  it("has the bits of one thread with layer normalization, too", async () => {
    const layer = { normalization: "layer" } as const;
    const start = await nodeBackend();
    const split = start.withThreads?.(patientThreads(3));
    assert.ok(split);
    assert.equal(await trainedFingerprint(split, layer), await trainedFingerprint(start, layer));
  });

  it("useWideVectors sets the default backend, or leaves it and returns the reason", async () => {
    assert.equal(defaultBackend(), wasmBackend);
    const reason = await useWideVectors();
    assert.equal(defaultBackend().name, reason === null ? "wasm256" : "wasm128");
    if (reason !== null) assert.match(reason, /^256-bit vectors /);
    setDefaultBackend(wasmBackend);
  });
});
