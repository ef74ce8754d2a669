import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, numbersOf, tensorOf } from "../base/safetensors.ts";
import type { Settings } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";

const spaces = { observationSize: 3, actionLow: [-1, 10], actionHigh: [3, 20] };

const variants: [string, Partial<Settings>][] = [
  ["plain", {}],
  ["scaled observations", { observationScale: [0.1, 1, 2], observationOffset: [5, 0, -1] }],
  ["batch normalization", { normalization: "batch", warmupSteps: 0, batchSize: 8 }],
  ["other layers", { actorHiddenSizes: [5, 3, 4], actorActivations: ["tanh", "relu", "linear"] }],
];

for (const [name, changes] of variants) {
  test(`a policy loaded from its bytes acts with the same bits as the agent: ${name}`, async () => {
    const agent = await Ddpg.create(spaces, { preset: "small", ...changes });
    const random = new Random(1);
    const observation = () => [random.normal(), random.normal(), random.normal()];
    for (let i = 0; i < 50; i++) {
      const s = observation();
      agent.observe(s, agent.explore(s), random.normal(), observation(), false);
      agent.learn();
    }
    const policy = await Policy.load(agent.policy.save());
    for (let i = 0; i < 100; i++) {
      const s = observation();
      assert.deepEqual(policy.act(s), agent.act(s));
    }
    assert.deepEqual(policy.save(), agent.policy.save());
  });
}

test("files that are not a policy, or a damaged one, are refused with the field", async () => {
  const agent = await Ddpg.create(spaces, { preset: "small" });
  const good = agent.policy.save();
  const changed = (change: (contents: ReturnType<typeof decodeSafetensors>) => void): Uint8Array => {
    const contents = decodeSafetensors(good, "test");
    change(contents);
    return encodeSafetensors(contents);
  };
  const withHeader = (text: string): Uint8Array => {
    const bytes = new Uint8Array(8 + text.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(new TextEncoder().encode(text), 8);
    return bytes;
  };
  const refused: [Uint8Array, RegExp][] = [
    [new Uint8Array(3), /^Policy\.load: expected a safetensors file/],
    [good.slice(0, 100), /^Policy\.load: expected \d+ bytes or more, .*, got 100\. The file is cut off/],
    [good.slice(0, good.length - 4), /^Policy\.load actor\.layer3\.biases data_offsets: expected at most/],
    [new Uint8Array([...good, 0, 0, 0, 0]), /^Policy\.load: expected \d+ bytes of numbers, got \d+/],
    [
      good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte)),
      /^Policy\.load crc32c: expected [0-9a-f]{8}, got /,
    ],
    [
      withHeader('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}'),
      /^Policy\.load a data_offsets: expected 4 bytes, got \[0, 0\]/,
    ],
    [withHeader("{}"), /^Policy\.load crc32c: expected eight hexadecimal digits/],
    [withHeader("[1]"), /^Policy\.load header: expected an object/],
    [withHeader("{no"), /^Policy\.load header: expected JSON/],
    [
      withHeader('{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}'),
      /^Policy\.load a dtype: expected F64 or F32 or U32, got "F16"/,
    ],
    [
      withHeader('{"a":{"dtype":"F32","shape":[1e9,1e9],"data_offsets":[0,4]}}'),
      /^Policy\.load a shape|a data_offsets/,
    ],
    [
      changed(({ metadata }) => metadata.set("format", "ddpg-policy-9")),
      /^Policy\.load format: expected ddpg-policy-1 or ddpg-policy-2/,
    ],
    [changed(({ metadata }) => metadata.set("settings", "{")), /^Policy\.load settings: expected JSON, got/],
    [changed(({ metadata }) => metadata.set("spaces", "{}")), /^Policy\.load spaces: expected observationSize/],
    [
      changed(({ tensors }) => tensors.delete("actor.layer2.biases")),
      /^Policy\.load actor\.layer2\.biases: expected F32 \[64\], got undefined/,
    ],
    [
      changed(({ tensors }) => {
        const tensor = tensors.get("actor.layer1.weights");
        assert.ok(tensor);
        const values = numbersOf(tensor);
        values[0] = Number.NaN;
        tensors.set("actor.layer1.weights", tensorOf("F32", tensor.shape, values));
      }),
      /^Policy\.load actor\.layer1\.weights\[\d+\]: expected a finite number, got NaN/,
    ],
  ];
  for (const [bytes, message] of refused) await assert.rejects(Policy.load(bytes), { name: "InputError", message });
});

test("a policy and an agent load from bytes in every form in which a program gets them", async () => {
  const environment = { observationSize: 3, actionLow: [-2], actionHigh: [2] };
  const agent = await Ddpg.create(environment, { preset: "small", replayCapacity: 128 });
  const observation = [0.5, -0.5, 1];
  for (const [load, saved] of [
    [async (bytes: never) => (await Policy.load(bytes)).act(observation), agent.policy.save()],
    [async (bytes: never) => (await Ddpg.load(bytes, environment)).act(observation), agent.save()],
  ] as const) {
    // A Buffer inside a larger one, at an odd place: as what `fs.readFile` returns for small files.
    const pooled = Buffer.concat([Buffer.from([1]), saved, Buffer.from([2])]).subarray(1, 1 + saved.length);
    const shared = new SharedArrayBuffer(saved.length);
    new Uint8Array(shared).set(saved);
    const forms = {
      Uint8Array: saved,
      Buffer: pooled,
      DataView: new DataView(pooled.buffer, pooled.byteOffset, pooled.byteLength),
      ArrayBuffer: saved.slice().buffer,
      SharedArrayBuffer: shared,
      "ArrayBuffer of another realm": vm.runInNewContext("Uint8Array.from(bytes).buffer", { bytes: [...saved] }),
      Blob: new Blob([saved.slice()]),
      Response: new Response(saved.slice()),
      "promise of a Response": Promise.resolve(new Response(saved.slice())),
      "promise of an ArrayBuffer": new Response(saved.slice()).arrayBuffer(),
    };
    for (const [name, form] of Object.entries(forms)) {
      let action: unknown;
      await assert.doesNotReject(async () => {
        action = await load(form as never);
      }, name);
      assert.deepEqual(action, agent.act(observation), name);
    }
  }
});

test("what cannot be bytes is named", async () => {
  const used = new Response("text");
  await used.text();
  const expected = "expected a Uint8Array, an ArrayBuffer, a Blob or a Response, got";
  for (const [given, message] of [
    ["policy.safetensors", `${expected} a string.`],
    [undefined, `${expected} undefined.`],
    [null, `${expected} null.`],
    [[1, 2, 3], `${expected} a list. Pass Uint8Array.from(list).`],
    [{ data: 1 }, `${expected} an Object.`],
    [new Response("text").body, `${expected} a ReadableStream.`],
    [new Response("Not found", { status: 404 }), "expected a response with the file, got status 404."],
    [used, /^Policy\.load: expected bytes that can be read, got a Response that failed: /],
    [new ArrayBuffer(4), "expected a safetensors file of at least 8 bytes, got 4."],
  ] as const) {
    const whole = typeof message === "string" ? `Policy.load: ${message}` : message;
    await assert.rejects(Policy.load(given as never), { name: "InputError", message: whole });
  }
});

test("an agent starts from a policy whatever its epsilon of a normalization that neither has", async () => {
  const agent = await Ddpg.create(spaces, { preset: "small", layerNormEpsilon: 1e-3 });
  const policy = await Policy.load(agent.policy.save());
  agent.startFrom(policy);
  const layered = (layerNormEpsilon: number) =>
    Ddpg.create(spaces, { preset: "small", normalization: "layer", layerNormEpsilon });
  const [one, other] = [await layered(1e-3), await layered(1e-5)];
  one.startFrom(await Policy.load(one.policy.save()));
  assert.throws(
    () => one.startFrom(other.policy),
    /^InputError: Ddpg\.startFrom policy layerNormEpsilon: expected 0\.001/,
  );
});
