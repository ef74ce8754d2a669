// Damaged, truncated or malicious files: each is refused with the field, before anything large is allocated.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../base/crc32c.ts";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, numbersOf, type Safetensors, tensorOf } from "../base/safetensors.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";
import { train } from "./train.ts";

const environment = new Pendulum();
const agent = await Ddpg.create(environment, {
  preset: "small",
  actorHiddenSizes: [6, 5],
  criticHiddenSizes: [6, 5],
  normalization: "batch",
  batchSize: 8,
  warmupSteps: 20,
  replayCapacity: 1000,
});

/** Trains for 60 steps and returns the agent's file. */
async function trained(agent: Ddpg): Promise<Uint8Array> {
  const own = new Pendulum();
  for await (const { step } of train(agent, own)) if (step === 60) return agent.save();
  throw new Error("train ended");
}
const whole = await trained(agent);
const noisy = await trained(await Ddpg.create(environment, { ...agent.settings, noise: "ornstein-uhlenbeck" }));

const kinds = {
  checkpoint: { good: whole, load: (bytes: Uint8Array) => Ddpg.load(bytes, environment), where: "Ddpg.load" },
  policy: { good: agent.policy.save(), load: (bytes: Uint8Array) => Policy.load(bytes), where: "Policy.load" },
};

type Header = Record<string, Record<string, unknown>>;

function headerOf(file: Uint8Array): { header: Header; data: Uint8Array } {
  const end = 8 + new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  return { header: JSON.parse(new TextDecoder().decode(file.subarray(8, end))), data: file.subarray(end) };
}

/** Returns a file with a correct checksum, as an attacker would make it. */
function sealed(header: unknown, data: Uint8Array): Uint8Array {
  return sealedText(JSON.stringify(header), data);
}

function sealedText(header: string, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header.replace(/"crc32c":"[^"]*"/, '"crc32c":"00000000"'));
  const file = new Uint8Array([
    text.length & 255,
    (text.length >> 8) & 255,
    text.length >> 16,
    0,
    0,
    0,
    0,
    0,
    ...text,
    ...data,
  ]);
  const digits = crc32c(file).toString(16).padStart(8, "0");
  file.set(new TextEncoder().encode(digits), 8 + '{"__metadata__":{"crc32c":"'.length);
  return file;
}

for (const [kind, { good, load, where }] of Object.entries(kinds)) {
  /** Asserts that loading fails with a message that names a field, and allocates no more than the valid file's size. */
  const refused = async (file: Uint8Array, what: string): Promise<void> => {
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(
      load(file),
      (error) => {
        assert.ok(error instanceof Error && error.name === "InputError", `${what}: ${error}`);
        assert.match(error.message, /: (expected .+, got |there is no setting )/s, what);
        assert.ok(error.message.startsWith(`${where}`), error.message);
        return true;
      },
      what,
    );
    const more = process.memoryUsage().arrayBuffers - before;
    assert.ok(more <= good.length, `${what}: ${more} bytes for a file of ${file.length}`);
  };

  test(`${kind}: the unchanged file is accepted`, async () => {
    await load(good);
    const { header, data } = headerOf(good);
    await load(sealed(header, data));
  });

  test(`${kind}: a thousand flipped bits, and files with missing or additional bytes, are refused`, async () => {
    const random = new Random(kind);
    const headerEnd = good.length - headerOf(good).data.length;
    for (let i = 0; i < 1000; i++) {
      const file = good.slice();
      const [from, to] = i % 2 === 0 ? [0, headerEnd] : [headerEnd, good.length];
      const at = from + random.integer(to - from);
      file[at] ^= 1 << random.integer(8);
      await refused(file, `bit of byte ${at}`);
    }
    for (let i = 0; i < 200; i++) {
      const end = random.integer(good.length);
      await refused(good.slice(0, end), `${end} bytes`);
      await refused(new Uint8Array([...good.subarray(0, end), 65, ...good.subarray(end)]), `one byte more at ${end}`);
    }
    for (let byte = 0; byte < 8; byte++) {
      const file = good.slice();
      file[byte] = 255;
      await refused(file, `a huge header, ${byte}`);
    }
  });

  test(`${kind}: tensors with other types, shapes or offsets are refused despite a correct checksum`, async () => {
    const { data } = headerOf(good);
    const names = Object.keys(headerOf(good).header).filter((name) => name !== "__metadata__");
    for (const name of names) {
      const entry = headerOf(good).header[name];
      const [start, end] = entry.data_offsets as number[];
      if (start === end) continue;
      const shape = entry.shape as number[];
      const changes: [string, unknown][] = [
        ...["F16", "constructor", 5, null, {}].map((value): [string, unknown] => ["dtype", value]),
        ["dtype", entry.dtype === "F32" ? "U32" : "F32"],
        ...[[...shape, 2], [0], [-1], [1e300, 1e300], [1.5], "x", null, {}, [[1]]].map((value): [string, unknown] => [
          "shape",
          value,
        ]),
        ...[[start], [start + 4, end + 4], [start, end - 4], [start, 2 ** 50], [end, start], [-4, end], null, "x"].map(
          (value): [string, unknown] => ["data_offsets", value],
        ),
      ];
      for (const [key, value] of changes) {
        const { header } = headerOf(good);
        header[name][key] = value;
        await refused(sealed(header, data), `${name} ${key} ${JSON.stringify(value)}`);
      }
      const { header } = headerOf(good);
      header[`${name}.again`] = header[name];
      await refused(sealed(header, data), `the bytes of ${name} twice`);
      delete header[`${name}.again`];
      delete header[name];
      await refused(sealed(header, data), `no ${name}`);
      for (const other of names.filter((_, i) => i % 7 === 0)) {
        const { header } = headerOf(good);
        const offsets = header[other].data_offsets as number[];
        if (offsets[1] - offsets[0] === end - start) continue;
        [header[name].data_offsets, header[other].data_offsets] = [offsets, header[name].data_offsets];
        await refused(sealed(header, data), `${name} and ${other} swapped`);
      }
    }
  });

  test(`${kind}: other metadata is refused; names such as __proto__ have no effect`, async () => {
    const { data } = headerOf(good);
    const texts: [string, unknown][] = [
      ...["ddpg-agent-0", "ddpg-policy-9", 1, null].map((value): [string, unknown] => ["format", value]),
      ...["", "[]", "null", "5", "{", '{"observationSize":1e15,"actionLow":[0],"actionHigh":[1]}'].map(
        (value): [string, unknown] => ["spaces", value],
      ),
      ["spaces", '{"observationSize":3,"actionLow":{"length":1e9},"actionHigh":{"length":1e9}}'],
      ["spaces", '{"observationSize":3,"actionLow":[null],"actionHigh":[1]}'],
      ...[
        "",
        "[]",
        "null",
        '{"actorHiddenSizes":[16384,16384]}',
        '{"__proto__":{"polluted":1}}',
        '{"constructor":1}',
      ].map((value): [string, unknown] => ["settings", value]),
      ["__proto__", { polluted: 1 }],
      ["__proto__", "a text"],
    ];
    for (const [name, value] of texts) {
      const { header } = headerOf(good);
      Object.defineProperty(header.__metadata__, name, { value, enumerable: true });
      await refused(sealed(header, data), `${name} ${JSON.stringify(value)}`);
    }
    for (const name of ["constructor", "toString", "__proto__"]) {
      const { header } = headerOf(good);
      const entry = { dtype: "F32", shape: [1], data_offsets: [data.length, data.length + 4], polluted: 1 };
      Object.defineProperty(header, name, { value: entry, enumerable: true });
      const file = sealed(header, new Uint8Array([...data, 0, 0, 0, 0]));
      if (name === "__proto__") await refused(file, name);
      else await load(file); // an unknown tensor does no harm
    }
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
}

/** Returns a file with some changes in its tensors and metadata, and the right checksum. */
function changed(file: Uint8Array, change: (contents: Safetensors) => void): Uint8Array {
  const contents = decodeSafetensors(file, "test");
  change(contents);
  return encodeSafetensors(contents);
}

/** Sets one number of a tensor. */
const set =
  (name: string, index: number, value: number) =>
  ({ tensors }: Safetensors): void => {
    const tensor = tensors.get(name);
    assert.ok(tensor, name);
    const values = numbersOf(tensor);
    values[index < 0 ? values.length + index : index] = value;
    tensors.set(name, tensorOf(tensor.dtype, tensor.shape, values));
  };

/** Sets fields of a metadata string that holds JSON. */
const counters =
  (changes: object) =>
  ({ metadata }: Safetensors): void => {
    const value = JSON.parse(metadata.get("counters") ?? "");
    const merged = { ...value, ...changes };
    for (const [name, part] of Object.entries(changes))
      if (typeof part === "object" && !Array.isArray(part)) merged[name] = { ...value[name], ...part };
    metadata.set("counters", JSON.stringify(merged));
  };

test("numbers that no agent has are refused with the field, whatever the checksum says", async () => {
  const row = 3 + 1 + 1 + 3 + 1;
  const cases: [(contents: Safetensors) => void, RegExp][] = [
    // The replay buffer.
    [set("replay", 0, Number.NaN), /replay\[0\] observation\[0\]: expected a finite number, got NaN/],
    [set("replay", row + 2, Infinity), /replay\[1\] observation\[2\]: expected a finite number, got Infinity/],
    [set("replay", 3, 1.5), /replay\[0\] action\[0\]: expected a number from -1 to 1, got 1\.5/],
    [set("replay", 3, Number.NaN), /replay\[0\] action\[0\]: expected a number from -1 to 1, got NaN/],
    [set("replay", 2 * row + 4, -Infinity), /replay\[2\] reward\[0\]: expected a finite number, got -Infinity/],
    [set("replay", -2, Number.NaN), /replay\[59\] nextObservation\[2\]: expected a finite number, got NaN/],
    [set("replay", -1, 2), /replay\[59\] discountSteps\[0\]: expected 0 or 1, got 2/],
    [set("replay", -1, Number.NaN), /replay\[59\] discountSteps\[0\]: expected 0 or 1, got NaN/],
    // Noise and random streams.
    [set("noises", 4, Number.NaN), /noises\[4\]: expected a finite number, got NaN/],
    [set("noises", 0, 0.5), /noises\[0\]\[0\]: expected a whole number from 0 to 4294967295, got 0\.5/],
    [set("noises", 3, -1), /noises\[0\]\[3\]: expected a whole number from 0 to 4294967295, got -1/],
    [
      ({ tensors }) => tensors.set("noises", tensorOf("F64", [1, 5], [0, 0, 0, 0, 1])),
      /noises\[0\]: expected a word other than 0, got \[0, 0, 0, 0\]/,
    ],
    [
      ({ tensors }) => tensors.set("environmentRandom", tensorOf("U32", [4], [0, 0, 0, 0])),
      /environmentRandom: expected a word other than 0/,
    ],
    // Adam.
    [set("actor.adam.m.layer1.weights", 1, Number.NaN), /actor\.adam\.m\.layer1\.weights\[1\]: expected a finite/],
    [set("critic.adam.v.layer2.weights", 3, Infinity), /critic\.adam\.v\.layer2\.weights\[3\]: expected a finite/],
    [set("critic.adam.v.layer2.weights", 3, -1e-9), /weights\[3\]: expected a number of at least 0, got -/],
    [set("actor.adam", 0, Number.NaN), /actor\.adam\[0\]: expected a finite number, got NaN/],
    [set("actor.adam", 0, 0.95), /actor\.adam β₁ᵗ: expected a number from 0 to 0\.9, got 0\.95/],
    [set("critic.adam", 1, -0.1), /critic\.adam β₂ᵗ: expected a number from 0 to 0\.999, got -0\.1/],
    [set("critic.adam", 2, 1.5), /critic\.adam t: expected a whole number of at least 0, got 1\.5/],
    [set("critic.adam", 2, 2 ** 53), /critic\.adam t: expected a whole number of at least 0, got 9007199254740992/],
    [set("actor.adam", 2, 42), /actor\.adam t: expected 41, the number of updates, got 42/],
    [set("critic.adam", 2, 40), /critic\.adam t: expected 41, the number of updates, got 40/],
    // Networks.
    [set("targetActor.layer1.weights", 0, Infinity), /targetActor\.layer1\.weights\[0\]: expected a finite number/],
    [set("actor.input.norm.runningVariance", 1, -1), /runningVariance\[1\]: expected a number of at least 0, got -1/],
    [set("critic.averages", 0, Number.NaN), /critic\.averages\[0\]: expected a finite number, got NaN/],
    // Counters.
    [counters({ steps: -1 }), /counters steps: expected a whole number, got -1/],
    [counters({ steps: 60.5 }), /counters steps: expected a whole number, got 60\.5/],
    [counters({ steps: 2 ** 53, stored: 2 ** 53 }), /counters stored: expected a whole number, got 9007199254740992/],
    [counters({ steps: 61 }), /counters stored: expected 61, the number of steps, got 60/],
    [counters({ steps: 1001, stored: 1001 }), /replay: expected F32 \[1000, 9\], got "F32 \[60, 9\]"/],
    [counters({ updates: "41" }), /counters updates: expected a whole number, got "41"/],
    [counters({ updates: 1e6 }), /adam t: expected 1000000, the number of updates, got 41/],
    [counters({ forgotten: -1 }), /counters forgotten: expected a whole number, got -1/],
    [
      counters({ learning: { owed: 1e15 } }),
      /learning owed: expected a whole number of at most 41, got 1000000000000000/,
    ],
    [
      counters({ learning: { turns: 42 } }),
      /learning turns: expected those of at most 41 updates, and 0 that are owed/,
    ],
    // The loop.
    [counters({ loop: { step: 61 } }), /loop step: expected a whole number of at most 60, got 61/],
    [counters({ loop: { length: 61 } }), /loop length: expected a whole number of at most 60, got 61/],
    [counters({ loop: { episode: 2 } }), /loop episode: expected a whole number from 1 to 1, got 2/],
    [counters({ loop: { episode: 0.5 } }), /loop episode: expected a whole number from 1 to 1, got 0\.5/],
    [set("loop.observation", 1, Number.NaN), /loop\.observation\[1\]: expected a finite number, got NaN/],
    [set("loop.return", 0, -Infinity), /loop\.return\[0\]: expected a finite number, got -Infinity/],
    [set("loop.environment", 0, Number.NaN), /loop\.environment\[0\]: expected a finite number, got NaN/],
    [set("loop.monitor", 0, 60.5), /loop\.monitor\[0\]: expected a whole number from 0 to 1000, got 60\.5/],
    [set("loop.monitor", 3, Infinity), /loop\.monitor\[3\]: expected a finite number, got Infinity/],
    [set("loop.monitor", -1, -1), /loop\.monitor\[7\]: expected a number of at least 0, got -1/],
    // Numbers as text.
    ...["", " 1", "1 ", "0x10", "01", "1.0", "1e3", "+1", "-0", "-1", "9007199254740992", "NaN", "１"].map(
      (seed): [(contents: Safetensors) => void, RegExp] => [
        ({ metadata }) => metadata.set("seed", seed),
        /seed: expected a whole number of at least 0 in decimal digits, got "/,
      ],
    ),
    [
      ({ metadata }) => metadata.delete("seed"),
      /seed: expected a whole number of at least 0 in decimal digits, got un/,
    ],
    [
      ({ metadata }) => metadata.set("counters", `{"steps":1,${metadata.get("counters")?.slice(1)}`),
      /counters: expected every name once, got "steps" twice/,
    ],
  ];
  for (const [change, message] of cases) {
    const file = changed(noisy, change);
    await assert.rejects(Ddpg.load(file, environment), (error) => {
      assert.ok(error instanceof Error && error.name === "InputError", `${message}: ${error}`);
      assert.ok(error.message.startsWith("Ddpg.load "), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
  await Ddpg.load(
    changed(noisy, () => {}),
    environment,
  );
});

test("counters of the decaying offset are whole numbers", async () => {
  const offset = await Ddpg.create(environment, { preset: "small", noise: "decaying-offset" });
  for (const [index, value] of [
    [0, -1],
    [1, 0.5],
    [1, 2 ** 53],
  ]) {
    await assert.rejects(
      Ddpg.load(changed(offset.save(), set("noises", index, value)), environment),
      new RegExp(`noises\\[0\\]\\[${index}\\]: expected a whole number of at least 0, got ${value}`),
    );
  }
});

test("a negative variance, whose root would make every action NaN, is refused in a policy", async () => {
  await assert.rejects(
    Policy.load(changed(agent.policy.save(), set("actor.layer1.norm.runningVariance", 0, -1))),
    /^InputError: Policy\.load actor\.layer1\.norm\.runningVariance\[0\]: expected a number of at least 0, got -1/,
  );
});

test("a name that is twice in a header is refused: two readers may take different ones", async () => {
  const { header, data } = headerOf(agent.policy.save());
  const text = JSON.stringify(header);
  const [name] = Object.keys(header).filter((each) => each !== "__metadata__");
  const entry = JSON.stringify(header[name]);
  const texts: [string, string][] = [
    [text.replace(`"${name}":`, `"${name}":${entry},"${name}":`), name],
    [text.replace(`"${name}":`, `"${name}":${entry},"\\u0061${name.slice(1)}":`), name],
    [text.replace('"format":', '"format":"ddpg-policy-1","format":'), "format"],
    [text.replace(`"${name}":{`, `"${name}":{"dtype":"F32",`), "dtype"],
    [`${text.slice(0, -1)},"__metadata__":${JSON.stringify(header.__metadata__)}}`, "__metadata__"],
  ];
  for (const [twice, shown] of texts) {
    await assert.rejects(
      Policy.load(sealedText(twice, data)),
      {
        name: "InputError",
        message: new RegExp(`^Policy\\.load header: expected every name once, got "${shown}" twice`),
      },
      twice.slice(0, 300),
    );
  }
});

test("a policy does not load as a checkpoint, a checkpoint not as a policy, and neither for another task", async () => {
  await assert.rejects(
    Ddpg.load(agent.policy.save(), environment),
    /^InputError: Ddpg\.load format: expected ddpg-agent-1 or ddpg-agent-2, got "ddpg-policy-1"/,
  );
  await assert.rejects(
    Policy.load(whole),
    /^InputError: Policy\.load format: expected ddpg-policy-1 or ddpg-policy-2, got "ddpg-agent-2"/,
  );
  const other = { observationSize: 2, actionLow: [-2], actionHigh: [2] };
  await assert.rejects(
    Ddpg.load(whole, other),
    /^InputError: Ddpg\.load environment observationSize: expected 3, got 2/,
  );
});
