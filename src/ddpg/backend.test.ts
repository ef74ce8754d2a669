import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Backend, openArithmetic } from "../kernels/backend.ts";
import { defaultBackend, setDefaultBackend } from "../kernels/choose-backend.ts";
import { referenceBackend } from "../kernels/reference.ts";
import { Threads } from "../kernels/wasm/threads.ts";
import { wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";

const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
const options = { actorHiddenSizes: [8], criticHiddenSizes: [8], batchSize: 4, warmupSteps: 4 };
const state = [0.3, -0.7];

/** A backend that counts the kernels it created. */
function counting(inner: Backend): Backend & { created: number } {
  const backend = {
    ...inner,
    name: "counting",
    created: 0,
    create: (numbers: number, largestProduct: () => number) => {
      backend.created++;
      return inner.create(numbers, largestProduct);
    },
  };
  return backend;
}

describe("the backend", () => {
  it("is the one given to Ddpg.create, Ddpg.load and Policy.load", async () => {
    const backend = counting(wasmBackend);
    const agent = await Ddpg.create(spaces, { ...options, backend });
    assert.equal(backend.created, 1);
    const loaded = await Ddpg.load(agent.save(), spaces, { backend });
    assert.equal(backend.created, 2);
    assert.equal(loaded.fingerprint(), agent.fingerprint());
    const policy = await Policy.load(agent.policy.save(), { backend });
    assert.equal(backend.created, 3);
    assert.deepEqual(policy.act(state), agent.act(state));
  });

  it("computes in fused arithmetic where it leaves the choice open and has it", async () => {
    const open = openArithmetic(referenceBackend(Float32Array));
    assert.equal((await Ddpg.create(spaces, { ...options, backend: open })).arithmetic, "fused");
    const portable = await Ddpg.create(spaces, { ...options, backend: open, arithmetic: "portable" });
    assert.equal(portable.arithmetic, "portable");
    const closed = referenceBackend(Float32Array);
    assert.equal((await Ddpg.create(spaces, { ...options, backend: closed })).arithmetic, "portable");
  });

  it("is the default one if none is given: wasm128 until a program sets another", async () => {
    assert.equal(defaultBackend().name, "wasm128");
    const backend = counting(wasmBackend);
    setDefaultBackend(backend);
    try {
      const agent = await Ddpg.create(spaces, options);
      await Ddpg.load(agent.save(), spaces);
      await Policy.load(agent.policy.save());
      assert.equal(backend.created, 3);
      await Ddpg.create(spaces, { ...options, backend: wasmBackend });
      assert.equal(backend.created, 3);
    } finally {
      setDefaultBackend(wasmBackend);
    }
  });

  it("may be the reference: a Float32 agent acts the same within rounding, and loads into WebAssembly", async () => {
    const agent = await Ddpg.create(spaces, { ...options, backend: referenceBackend(Float32Array) });
    const wasm = await Ddpg.create(spaces, options);
    assert.equal(agent.fingerprint(), wasm.fingerprint());
    for (const each of [agent, wasm]) {
      for (let i = 0; i < 4; i++) each.observe(state, [i / 4], i, [i, -i], false);
      assert.ok(each.learn());
    }
    assert.ok(Math.abs(agent.act(state)[0] - wasm.act(state)[0]) < 1e-6);
    const loaded = await Ddpg.load(agent.save(), spaces);
    assert.equal(loaded.fingerprint(), agent.fingerprint());
  });

  it("must be a backend, and must support threads if threads are given", async () => {
    for (const bad of [2, "wasm128", {}, null]) {
      const expected = /backend: expected a backend, such as wasmBackend or await nodeBackend\(\) of ddpg\/node, got/;
      const backend = bad as unknown as Backend;
      await assert.rejects(Ddpg.create(spaces, { ...options, backend }), { name: "InputError", message: expected });
      assert.throws(() => setDefaultBackend(backend), { name: "InputError", message: expected });
    }
    const threads = new Threads(1, undefined);
    await assert.rejects(Ddpg.create(spaces, { ...options, backend: referenceBackend(Float32Array), threads }), {
      name: "InputError",
      message: 'threads: expected a backend that can use threads, got "reference32".',
    });
    assert.equal((await Ddpg.create(spaces, { ...options, threads })).threads, 1);
  });
});
