// The project's own mutator: files of a run with one thing changed, as an attacker or a stray edit would, each with the
// right checksum. A reader either refuses the file with an InputError that names it, or takes exactly what it says.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Ddpg, Pendulum, Policy, Random } from "ddpg";
import { readCheckpoint, readConfig, readMetrics, readResult } from "ddpg/node";
import { crc32c } from "../dist/base/crc32c.js";
import { decodeSafetensors, encodeSafetensors, numbersOf, tensorOf } from "../dist/base/safetensors.js";
import { readRecord } from "../dist/cli/benchmark/records.js";

const kept = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "fixtures/kept-0.1.0");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-mutated-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const run = path.join(folder, "run");
fs.cpSync(path.join(kept, "stopped", "small"), run, { recursive: true });
const inRun = (name) => path.join(run, name);
fs.cpSync(path.join(kept, "complete", "result.json"), inRun("result.json"));

const random = new Random("mutated files");
const pick = (list) => list[random.integer(list.length)];

/** Values as JSON: wrong types, edges of numbers, and what only looks like a number. */
const values = [
  ...["null", "true", "false", '""', '"x"', '"0x10"', '" 1"', "[]", "{}", "[[]]", '{"__proto__":{"x":1}}'],
  ...["-1", "-0", "0", "0.5", "1", "2", "1e3", "1e300", "1e999", "-1e999", "5e-324", "9007199254740991"],
  ...[
    "9007199254740992",
    `${"[".repeat(5000)}${"]".repeat(5000)}`,
    `"${"long ".repeat(20_000)}"`,
    '"\\u0000\\u001b\\u202e"',
  ],
];

/** Every object and list in a JSON value, the value itself included. */
function containers(value) {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(containers)];
}

/** Text that takes the place of a marked value; the marks are strings that JSON keeps. */
const mark = "\u0001mark\u0001";

/** Returns a JSON text with one change in its structure. */
function mutateJson(text) {
  const value = JSON.parse(text);
  const inside = containers(value).filter((each) => Object.keys(each).length > 0);
  if (inside.length === 0) return pick(values);
  const object = pick(inside);
  const name = pick(Object.keys(object));
  const kind = random.integer(7);
  if (kind === 0) {
    const cut = random.integer(text.length);
    return pick([text.slice(0, cut), text + text[cut], text.slice(0, cut) + text.slice(cut + 1)]);
  }
  if (kind === 1) {
    if (Array.isArray(object)) object.splice(Number(name), 1);
    else delete object[name];
    return JSON.stringify(value);
  }
  if (kind === 2 && !Array.isArray(object)) {
    // The same name twice.
    const twice = JSON.stringify(object[name]);
    object[name] = mark;
    return JSON.stringify(value).replace(
      JSON.stringify(mark),
      () => `${pick(values)},${JSON.stringify(name)}:${twice}`,
    );
  }
  if (kind === 3 && !Array.isArray(object)) {
    Object.defineProperty(object, pick(["__proto__", "constructor", "toString", "x", ""]), {
      value: mark,
      enumerable: true,
    });
    return JSON.stringify(value).replace(JSON.stringify(mark), () => pick(values));
  }
  if (kind === 4) {
    const other = pick(Object.keys(object));
    [object[name], object[other]] = [object[other], object[name]];
    return JSON.stringify(value);
  }
  object[name] = mark;
  return JSON.stringify(value).replace(JSON.stringify(mark), () => pick(values));
}

/** Splits a safetensors file. */
function parts(file) {
  const end = 8 + Number(file.readBigUInt64LE(0));
  return { header: file.toString("utf8", 8, end).trimEnd(), data: file.subarray(end) };
}

/** Returns a safetensors file with this header and the right checksum, if the header has a place for it. */
function sealed(header, data) {
  const opening = '{"__metadata__":{"crc32c":"';
  const text = header.startsWith(opening) ? `${opening}00000000${header.slice(opening.length + 8)}` : header;
  const file = Buffer.concat([Buffer.alloc(8), Buffer.from(text), data]);
  file.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  if (text !== header || header.startsWith(opening))
    file.write(crc32c(file).toString(16).padStart(8, "0"), 8 + opening.length);
  return file;
}

/** Returns a safetensors file with one number, one metadata string or one thing in its header changed. */
function mutateTensors(file) {
  const kind = random.integer(4);
  if (kind === 0) {
    const { header, data } = parts(file);
    return sealed(mutateJson(header), data);
  }
  const contents = decodeSafetensors(file, "test");
  if (kind === 1) {
    const name = pick([...contents.metadata.keys()]);
    const text = contents.metadata.get(name);
    contents.metadata.set(
      name,
      /^[{[]/.test(text) ? mutateJson(text) : pick(["", " 1", "0x10", "1e3", "01", "-1", "2"]),
    );
  } else {
    const name = pick([...contents.tensors.keys()].filter((each) => numbersOf(contents.tensors.get(each)).length > 0));
    const tensor = contents.tensors.get(name);
    const numbers = numbersOf(tensor);
    const edges = [Number.NaN, Infinity, -Infinity, -1, -1e-30, 0, 0.5, 2, 1e30, 2 ** 53, 2 ** 32];
    numbers[random.integer(numbers.length)] = pick(edges);
    if (random.integer(8) === 0) numbers.fill(0);
    contents.tensors.set(name, tensorOf(tensor.dtype, tensor.shape, numbers));
  }
  return Buffer.from(encodeSafetensors(contents));
}

/** Throws unless an error is an InputError about `where`, short enough to read and safe to print. */
function checkError(error, where, what) {
  assert.ok(error instanceof Error && error.name === "InputError", `${what}: ${error?.stack}`);
  assert.ok(error.message.startsWith(where), `${what}: ${error.message}`);
  assert.ok(error.message.length < 1500, `${what}: ${error.message.length} letters`);
}

/**
 * Throws if a field of `value` that `good` has too is an infinite number, at any depth of `good`. A record has NaN for
 * JSON's null. Other fields are ignored.
 */
function checkNumbers(value, good, what) {
  for (const name of Object.keys(good)) {
    const [each, other] = [value[name], good[name]];
    if (typeof each === "number") assert.ok(Math.abs(each) !== Infinity, `${what}: ${name} is ${each}`);
    if (each && other && typeof each === "object" && typeof other === "object")
      checkNumbers(each, other, `${what} ${name}`);
  }
}

/** Mutates for a time, at least `least` times; `use` returns whether the mutated file was refused. */
async function mutate(least, ms, use) {
  const end = performance.now() + ms;
  let refused = 0;
  let count = 0;
  for (; count < least || (performance.now() < end && count < 10 * least); count++) if (await use(count)) refused++;
  assert.ok(refused > count / 4 && refused < count, `${refused} of ${count} were refused`);
}

const seed = (name) => fs.readFileSync(inRun(name));

describe("a mutated file is refused with its name and field, or taken as what it says", () => {
  for (const [name, read] of Object.entries({ "config.json": readConfig, "result.json": readResult })) {
    it(name, async () => {
      const good = seed(name).toString("utf8");
      await mutate(100, 1000, (i) => {
        const text = mutateJson(good);
        fs.writeFileSync(inRun(name), text);
        try {
          // The versions are only shown.
          const { versions: _, ...fields } = JSON.parse(good);
          checkNumbers(read(run), fields, `${name} ${i}`);
          return false;
        } catch (error) {
          checkError(error, inRun(name), `${name} ${i}: ${text.slice(0, 2000)}`);
          return true;
        }
      });
      fs.writeFileSync(inRun(name), good);
    });
  }

  it("lines of metrics.jsonl", async () => {
    const good = seed("metrics.jsonl").toString("utf8").trimEnd().split("\n");
    await mutate(100, 1000, (i) => {
      const from = pick(good);
      const line = mutateJson(from).replaceAll("\n", " ");
      fs.writeFileSync(inRun("metrics.jsonl"), `${good[0]}\n${line}\n`);
      try {
        checkNumbers(readMetrics(run)[1], JSON.parse(from), `line ${i}`);
        return false;
      } catch (error) {
        checkError(error, `${inRun("metrics.jsonl")} line 2`, `line ${i}: ${line.slice(0, 2000)}`);
        return true;
      }
    });
    fs.writeFileSync(inRun("metrics.jsonl"), `${good.join("\n")}\n`);
  });

  it("records of a benchmark", async () => {
    const from = path.join(kept, "benchmark");
    const name = fs.readdirSync(from).find((each) => /-seed\d+\.json$/.test(each));
    const good = fs.readFileSync(path.join(from, name), "utf8");
    const file = path.join(folder, name);
    await mutate(100, 1000, (i) => {
      const text = mutateJson(good);
      fs.writeFileSync(file, text);
      try {
        checkNumbers(readRecord(file), JSON.parse(good), `record ${i}`);
        return false;
      } catch (error) {
        checkError(error, file, `record ${i}: ${text.slice(0, 2000)}`);
        return true;
      }
    });
  });

  it("policies: one that is taken is saved again as the same numbers", async () => {
    const good = seed("best.safetensors");
    const observation = [0.1, 0.2, 0.3];
    await mutate(60, 1500, async (i) => {
      const file = mutateTensors(good);
      try {
        const policy = await Policy.load(file);
        const [mine, theirs] = [policy.save(), file].map((bytes) => decodeSafetensors(bytes, "test"));
        for (const [name, tensor] of mine.tensors)
          assert.deepEqual(numbersOf(tensor), numbersOf(theirs.tensors.get(name)));
        if (policy.units.observationSize === 3)
          assert.ok(policy.act(observation).every(Number.isFinite), `policy ${i}`);
        return false;
      } catch (error) {
        checkError(error, "Policy.load", `policy ${i}`);
        return true;
      }
    });
  });

  it("checkpoints: one that is taken is saved again as the same numbers and counters", async () => {
    const good = seed("checkpoint.safetensors");
    const environment = new Pendulum();
    await mutate(60, 4000, async (i) => {
      const file = mutateTensors(good);
      fs.writeFileSync(inRun("checkpoint.safetensors"), file);
      try {
        const { state, means, bytes } = readCheckpoint(run);
        checkNumbers([state, means], [state, means], `checkpoint ${i}`);
        const agent = await Ddpg.load(bytes, environment);
        const [mine, theirs] = [agent.save(), file].map((each) => decodeSafetensors(each, "test"));
        for (const [name, tensor] of mine.tensors) {
          const numbers = numbersOf(tensor);
          assert.ok(numbers.every(Number.isFinite), `checkpoint ${i} ${name}`);
          // Version 0.1 stored `terminated` in the last column.
          if (name !== "replay")
            assert.deepEqual(numbers, numbersOf(theirs.tensors.get(name)), `checkpoint ${i} ${name}`);
        }
        assert.equal(mine.metadata.get("seed"), theirs.metadata.get("seed"), `checkpoint ${i}`);
        // Unknown fields are left out.
        const [counted, given] = [mine, theirs].map(({ metadata }) => {
          const { stored, bodies, loop } = JSON.parse(metadata.get("counters"));
          return { stored, bodies, loop: loop && [loop.step, loop.episode, loop.length, loop.info] };
        });
        assert.deepEqual(counted, given, `checkpoint ${i}`);
        return false;
      } catch (error) {
        const where = error?.message?.startsWith("Ddpg.load") ? "Ddpg.load" : inRun("checkpoint.safetensors");
        checkError(error, where, `checkpoint ${i}`);
        return true;
      }
    });
  });
});
