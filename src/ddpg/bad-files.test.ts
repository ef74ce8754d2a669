// Damaged, truncated or malicious files: each is refused with the field, before anything large is allocated.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../base/crc32c.ts";
import { Random } from "../base/random.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { Ddpg } from "./ddpg.ts";
import { Policy } from "./policy.ts";
import { train } from "./train.ts";

const environment = new Pendulum();
const agent = await Ddpg.create(environment, {
  preset: "small",
  actorHiddenSizes: [6, 5],
  criticHiddenSizes: [6, 5],
  batchNormalization: true,
  batchSize: 8,
  warmupSteps: 20,
  replayCapacity: 1000,
});
let whole: Uint8Array = new Uint8Array(0);
for await (const { step } of train(agent, environment)) {
  if (step < 60) continue;
  whole = agent.save();
  break;
}

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
  const text = new TextEncoder().encode(JSON.stringify(header).replace(/"crc32c":"[^"]*"/, '"crc32c":"00000000"'));
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
    ];
    for (const [name, value] of texts) {
      const { header } = headerOf(good);
      Object.defineProperty(header.__metadata__, name, { value, enumerable: true });
      await refused(sealed(header, data), `${name} ${JSON.stringify(value)}`);
    }
    for (const name of ["__proto__", "constructor", "toString"]) {
      const { header } = headerOf(good);
      const entry = { dtype: "F32", shape: [1], data_offsets: [data.length, data.length + 4], polluted: 1 };
      Object.defineProperty(header, name, { value: entry, enumerable: true });
      await load(sealed(header, new Uint8Array([...data, 0, 0, 0, 0]))); // an unknown tensor does no harm
    }
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
}

test("a policy does not load as a checkpoint, a checkpoint not as a policy, and neither for another task", async () => {
  await assert.rejects(
    Ddpg.load(agent.policy.save(), environment),
    /^InputError: Ddpg\.load format: expected ddpg-agent-1 or ddpg-agent-2, got "ddpg-policy-1"/,
  );
  await assert.rejects(
    Policy.load(whole),
    /^InputError: Policy\.load format: expected ddpg-policy-1, got "ddpg-agent-2"/,
  );
  const other = { observationSize: 2, actionLow: [-2], actionHigh: [2] };
  await assert.rejects(
    Ddpg.load(whole, other),
    /^InputError: Ddpg\.load environment observationSize: expected 3, got 2/,
  );
});
