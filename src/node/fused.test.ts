// Fused arithmetic in this Node. Node 20 has it only after `nodeBackend` has set a flag.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeBase64 } from "../base/base64.ts";
import { decodeSafetensors, encodeSafetensors } from "../base/safetensors.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Policy } from "../ddpg/policy.ts";
import { train } from "../ddpg/train.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { toModule } from "../export/module.ts";
import { type Backend, isArithmeticOpen, openArithmetic } from "../kernels/backend.ts";
import { chooseBackend } from "../kernels/choose-backend.ts";
import { kernelCases } from "../kernels/kernels.case.ts";
import { referenceBackend } from "../kernels/reference.ts";
import { fuse, fuses } from "../kernels/wasm/fuse.ts";
import module128 from "../kernels/wasm/generated/module-128.ts";
import module256 from "../kernels/wasm/generated/module-256.ts";
import { halfFused } from "../kernels/wasm/half-fused.case.ts";
import { instantiateOver, type WasmMemory } from "../kernels/wasm/memories.ts";
import { KernelModules, narrowKernels } from "../kernels/wasm/modules.ts";
import { Threads } from "../kernels/wasm/threads.ts";
import { createWasmBackend, wasmBackend } from "../kernels/wasm/wasm-backend.ts";
import { nodeBackend } from "./backend.ts";
import { patientThreads } from "./patient-threads.case.ts";
import { trainedFingerprint, tryWideVectors } from "./wide-vectors.ts";

declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  Memory: new (pages: { initial: number; maximum: number }) => WasmMemory;
};

// This also sets the flag. Every x64 and arm64 processor that the tests run on can fuse.
const fused = await nodeBackend({ wide: false, arithmetic: "fused" });
// However fast it is here, on a busy machine.
const wide = await tryWideVectors("fused", { enough: 0 });
// With either arithmetic, before its module runs without the flags, below: V8 shares the code of modules with the same bytes,
// and code that ran without the flags crashes in an instance that is created under them.
const both = await nodeBackend({ wide: true });
await nodeBackend({ wide: true, arithmetic: "portable" });

const tolerance = 5e-7;
const pendulum = new Pendulum();
const small = { preset: "small", batchSize: 16, warmupSteps: 20 } as const;
const named = (backend: Backend, name: string): Backend => ({ ...backend, name });
kernelCases(fused, tolerance);
const helped = fused.withThreads?.(patientThreads(2));
if (helped) {
  const create = (numbers: number) => helped.create(numbers, () => Infinity);
  kernelCases({ ...named(helped, "two threads"), create }, tolerance);
}
// The larger tile without wide vectors, and with them where this Node has them.
kernelCases(createWasmBackend("module 256", new KernelModules(module256, "fused")), tolerance);
if (typeof wide === "object") kernelCases(wide, tolerance);

describe("fused arithmetic", { timeout: 60_000 }, () => {
  it("changes exactly the steps of the tiles in a module", () => {
    for (const [text, steps] of [
      [module128, 8 + 4 + 8],
      [module256, 16 + 4 + 8],
    ] as const) {
      const [before, after] = [decodeBase64(text), decodeBase64(text)];
      assert.equal(fuse(after), steps);
      assert.equal(after.filter((byte, i) => byte !== before[i]).length, steps * (2 + 2));
      assert.equal(fuse(after), 0);
    }
  });

  it("is found by a probe in a module that fuses, and not in one that does not", async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    for (const arithmetic of ["fused", "portable"] as const) {
      for (const text of [module128, module256]) {
        const module = await new KernelModules(text, arithmetic).own();
        assert.equal(fuses(await instantiateOver(module, memory), memory), arithmetic === "fused");
      }
    }
  });

  it("is refused by a probe if a single step of a tile is not fused", async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    for (const text of [module128, module256]) {
      const [portable, bytes] = [decodeBase64(text), decodeBase64(text)];
      fuse(bytes);
      const changed = [...bytes.keys()].filter((i) => bytes[i] !== portable[i]);
      for (let step = 0; step < changed.length; step += 4) {
        const one = bytes.slice();
        for (const i of changed.slice(step, step + 4)) one[i] = portable[i];
        const module = await WebAssembly.compile(one);
        assert.equal(fuses(await instantiateOver(module, memory), memory), false, `step ${step / 4}`);
      }
    }
  });

  it("gives one fingerprint with every width, and another than portable arithmetic", async () => {
    assert.equal(await trainedFingerprint(fused), "2f7cc0226e01dc48");
    if (typeof wide === "object") assert.equal(await trainedFingerprint(wide), "2f7cc0226e01dc48");
    assert.equal(await trainedFingerprint(wasmBackend), "4315eedb66ee1f7f");
  });

  it("is an option of every backend that has it", async () => {
    for (const backend of [wasmBackend, fused, both]) {
      for (const arithmetic of ["fused", "portable"] as const) {
        const agent = await Ddpg.create(pendulum, { backend, arithmetic });
        assert.equal(agent.arithmetic, arithmetic);
      }
    }
    for (const arithmetic of ["fused", "portable"] as const) {
      assert.equal(
        (await Ddpg.create(pendulum, { backend: referenceBackend(Float32Array, arithmetic) })).arithmetic,
        arithmetic,
      );
    }
  });

  it("is the default where it is possible, and otherwise portable with one warning, unless that was asked for", async () => {
    const closed = createWasmBackend("wasm128", narrowKernels);
    for (const backend of [wasmBackend, await nodeBackend({ native: false })]) {
      const { arithmetic, warnings } = await Ddpg.create(pendulum, { backend });
      assert.deepEqual([arithmetic, warnings], ["fused", []]);
    }
    assert.equal((await Ddpg.create(pendulum)).arithmetic, "fused");
    const { threads, arithmetic } = await Ddpg.create(pendulum, { threads: new Threads(1, undefined) });
    assert.deepEqual([threads, arithmetic], [1, "fused"]);
    // A backend that was made with an arithmetic keeps it, and so does a copy with other methods.
    for (const backend of [closed, { ...wasmBackend }, await nodeBackend({ arithmetic: "portable" })]) {
      const { arithmetic, warnings } = await Ddpg.create(pendulum, { backend });
      assert.deepEqual([arithmetic, warnings], ["portable", []]);
    }
    const without = openArithmetic({ ...closed, withArithmetic: async () => "the engine calculates in two steps" });
    const warned = await Ddpg.create(pendulum, { backend: without });
    assert.equal(warned.arithmetic, "portable");
    assert.deepEqual(warned.warnings, [
      "arithmetic: using portable, with other bits than fused: the engine calculates in two steps. Node 22 has it, and " +
        "Node 20 with a backend of ddpg/node.",
    ]);
    const asked = await Ddpg.create(pendulum, { backend: without, arithmetic: "portable" });
    assert.deepEqual([asked.arithmetic, asked.warnings], ["portable", []]);
    // What was saved says itself what it is.
    const loaded = await Ddpg.load(warned.save(), pendulum, { backend: without });
    assert.deepEqual([loaded.arithmetic, loaded.warnings], ["portable", []]);
    assert.equal((await Ddpg.load(asked.save(), pendulum)).arithmetic, "portable");
    assert.equal((await Policy.load(asked.policy.save())).arithmetic, "portable");
  });

  it("is not the default of a backend that was chosen as portable, also with threads before or after", async () => {
    const threads = new Threads(1, undefined);
    const chosen = await chooseBackend({ arithmetic: "portable" });
    const after = chosen.withThreads?.(threads);
    for (const backend of [chosen, after, await chooseBackend({ arithmetic: "portable", threads })]) {
      assert.ok(backend);
      assert.equal(isArithmeticOpen(backend), false);
      const { arithmetic, warnings } = await Ddpg.create(pendulum, { backend });
      assert.deepEqual([arithmetic, warnings], ["portable", []]);
    }
  });

  it("is not the default over a module that the probe finds not to fuse", async () => {
    const { arithmetic, warnings } = await Ddpg.create(pendulum, {
      backend: openArithmetic(createWasmBackend("half", halfFused())),
    });
    assert.equal(arithmetic, "portable");
    assert.match(warnings.join(), /^arithmetic: using portable, .*: the processor, or the engine, does not fuse\. /);
  });

  it("is refused, with what to do, where there is none", async () => {
    const without = { ...wasmBackend, withArithmetic: async () => "this JavaScript engine has none" };
    await assert.rejects(Ddpg.create(pendulum, { backend: without, arithmetic: "fused" }), {
      name: "InputError",
      message:
        "arithmetic: expected a backend that has fused here, got portable alone: this JavaScript engine has none. " +
        "Node 22 has it, and Node 20 with a backend of ddpg/node. Portable runs everywhere, with other bits.",
    });
    await assert.rejects(Ddpg.create(pendulum, { backend: referenceBackend(Float64Array), arithmetic: "fused" }), {
      message: /got portable alone: the backend reference64 has no other arithmetic\./,
    });
    await assert.rejects(Ddpg.create(pendulum, { arithmetic: "exact" as never }), {
      message: 'arithmetic: expected fused or portable, got "exact".',
    });
  });

  it("stays with a saved agent, unless it is loaded with another; a file that names none is portable", async () => {
    const agent = await Ddpg.create(pendulum, { ...small, arithmetic: "fused" });
    const trainTo = async (last: number, agent: Ddpg, environment = new Pendulum()): Promise<void> => {
      for await (const { step } of train(agent, environment)) if (step === last) break;
    };
    await trainTo(40, agent, pendulum);
    const bytes = agent.save();
    const loaded = await Ddpg.load(bytes, pendulum);
    const other = await Ddpg.load(bytes, pendulum, { arithmetic: "portable" });
    assert.deepEqual([loaded.arithmetic, other.arithmetic], ["fused", "portable"]);
    await trainTo(60, agent, pendulum);
    for (const each of [loaded, other]) await trainTo(60, each);
    assert.equal(loaded.fingerprint(), agent.fingerprint());
    assert.notEqual(other.fingerprint(), agent.fingerprint());
    const without = { ...wasmBackend, withArithmetic: async () => "no" };
    await assert.rejects(Ddpg.load(bytes, pendulum, { backend: without }), /got portable alone: no\..*Portable runs/);

    const { tensors, metadata } = decodeSafetensors(bytes, "agent");
    metadata.delete("arithmetic");
    assert.equal((await Ddpg.load(encodeSafetensors({ tensors, metadata }), pendulum)).arithmetic, "portable");
    metadata.set("arithmetic", "exact");
    await assert.rejects(Ddpg.load(encodeSafetensors({ tensors, metadata }), pendulum), {
      message: 'Ddpg.load arithmetic: expected fused or portable, got "exact".',
    });
  });

  it("stays with a policy; where there is none, the policy computes portable and is saved and exported as fused", async () => {
    const agent = await Ddpg.create(pendulum, { ...small, arithmetic: "fused" });
    const bytes = agent.policy.save();
    assert.equal((await Policy.load(bytes)).arithmetic, "fused");
    assert.equal((await Policy.load(bytes, { arithmetic: "portable" })).arithmetic, "portable");
    const without = { ...wasmBackend, withArithmetic: async () => "no" };
    const elsewhere = await Policy.load(bytes, { backend: without });
    const asPortable = await Policy.load(bytes, { arithmetic: "portable" });
    assert.equal(elsewhere.arithmetic, "fused");
    assert.deepEqual(elsewhere.save(), bytes);
    assert.equal(toModule(elsewhere).source, toModule(agent.policy).source);
    assert.equal(savedArithmetic(asPortable), "portable");
    assert.notEqual(toModule(asPortable).source, toModule(agent.policy).source);
    let differing = 0;
    for (let i = 0; i < 100; i++) {
      const observation = [Math.cos(i), Math.sin(i), i / 50];
      const action = elsewhere.act(observation)[0];
      assert.equal(action, asPortable.act(observation)[0]);
      differing += Number(action !== agent.policy.act(observation)[0]);
    }
    assert.ok(differing > 0);
    // The other way round: a portable file over a backend that has nothing but fused.
    const portable = (await Ddpg.create(pendulum, { ...small, arithmetic: "portable" })).policy;
    const onlyFused = referenceBackend(Float32Array, "fused");
    const { withArithmetic: _, ...alone } = onlyFused;
    assert.equal(savedArithmetic(await Policy.load(portable.save(), { backend: alone })), "portable");
    await assert.rejects(Policy.load(bytes, { backend: without, arithmetic: "fused" }), /portable alone: no/);
    const { tensors, metadata } = decodeSafetensors(bytes, "policy");
    metadata.delete("arithmetic");
    assert.equal((await Policy.load(encodeSafetensors({ tensors, metadata }))).arithmetic, "portable");
  });
});

function savedArithmetic(policy: Policy): string | undefined {
  return decodeSafetensors(policy.save(), "policy").metadata.get("arithmetic");
}
