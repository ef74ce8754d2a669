import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { bundleOf, checkpointFiles, maxBundleBytes, resultFiles, unpack } from "./bundle.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-bundle-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const from = path.join(folder, "from");
const to = path.join(folder, "to");
fs.mkdirSync(from);
const texts = {
  "config.json": "{}",
  "checkpoint.safetensors": "x".repeat(300_000),
  "metrics.jsonl": "",
  "notes.txt": "",
};
for (const [name, text] of Object.entries(texts)) fs.writeFileSync(path.join(from, name), text);
fs.writeFileSync(path.join(from, "events.out.tfevents.1.000.ddpg"), "e");

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
async function* inPieces(bytes: Uint8Array, length: number) {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}
const open = (bytes: Buffer, length = 1000, size = bytes.length, id = "a-seed1") =>
  unpack(inPieces(bytes, length), { directory: to, id, size, where: "bundle" });

describe("a bundle of files", () => {
  it("is unpacked as it was packed, in pieces of any length", async () => {
    const bytes = await bytesOf(bundleOf(from, checkpointFiles, "a-seed1"));
    for (const length of [7, 1000, bytes.length]) {
      await open(bytes, length);
      assert.deepEqual(fs.readdirSync(to).sort(), [...checkpointFiles].sort());
      for (const name of checkpointFiles)
        assert.equal(fs.readFileSync(path.join(to, name), "utf8"), texts[name as keyof typeof texts]);
      fs.rmSync(to, { recursive: true });
    }
    assert.deepEqual(resultFiles(from).sort(), ["config.json", "events.out.tfevents.1.000.ddpg", "metrics.jsonl"]);
  });

  it("is refused before anything is written if it is not what it should be", async () => {
    const bundle = (header: object, body = "") => Buffer.from(`${JSON.stringify(header)}\n${body}`);
    const good = { format: "ddpg-files-1", id: "a-seed1", files: [{ name: "config.json", size: 2 }] };
    const withFile = (file: object) => bundle({ ...good, files: [file] }, "{}");
    for (const [bytes, expected, size] of [
      [withFile({ name: "../config.json", size: 2 }), /files\[0\] name: expected a file of a run, got "\.\.\/config/],
      [withFile({ name: "/etc/passwd", size: 2 }), /a file of a run/],
      [withFile({ name: "lock", size: 2 }), /a file of a run/],
      [withFile({ name: "config.json", size: 1e15 }), /files: expected \d+ bytes/],
      [withFile({ name: "config.json", size: -1 }), /size: expected a whole number/],
      [bundle({ ...good, id: "b-seed1" }, "{}"), /id: expected "?a-seed1/],
      [bundle({ ...good, files: [...good.files, ...good.files] }, "{}{}"), /different names/],
      [bundle(good, "{}x"), /files: expected/],
      [bundle(good, "{"), /files: expected/],
      [Buffer.from("x".repeat(100_000)), /a first line of at most 65536 bytes/],
      [bundle(good, "{}"), /at most \d+ bytes/, maxBundleBytes + 1],
      [bundle(good, "{}").subarray(0, -1), /bytes, got "?fewer/, bundle(good, "{}").length],
    ] as const) {
      await assert.rejects(open(bytes, 1000, size ?? bytes.length), expected);
      assert.equal(fs.existsSync(to), false);
    }
  });
});
