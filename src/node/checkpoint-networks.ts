// Reads only the networks of a checkpoint. The rest is the replay buffer, which may take gigabytes.
import * as fs from "node:fs";
import { expect, InputError } from "../base/expect.ts";
import { encodeSafetensors, readHeader, type Safetensors } from "../base/safetensors.ts";
import { stepsTaken } from "../ddpg/agent-state.ts";
import { checkPolicy } from "../ddpg/policy.ts";
import { parseObject } from "../ddpg/tensors.ts";
import { attempt } from "./files.ts";
import { files, openRunFile } from "./run-files.ts";

/** We never write longer headers. */
const maxHeaderLength = 1_000_000;

/**
 * The actor and critic of a run's checkpoint, as the bytes of a policy file with the critic added. Undefined if there
 * is no checkpoint. Throws an InputError that names the field if the file is something else. The checkpoint's checksum
 * covers the whole file and is not verified: the result is good enough to show, not to resume from.
 */
export function readNetworks(run: string): Uint8Array | undefined {
  const descriptor = openRunFile(run, files.checkpoint);
  if (descriptor === undefined) return undefined;
  const where = files.checkpoint;
  try {
    const { size } = fs.fstatSync(descriptor);
    const read = (start: number, end: number, what: string): Uint8Array => {
      expect(end <= size, `${where} ${what}`, `at most the ${size} bytes of the file`, end);
      const bytes = new Uint8Array(end - start);
      const count = attempt(where, what, () => fs.readSync(descriptor, bytes, 0, bytes.length, start));
      expect(count === bytes.length, `${where} ${what}`, `${bytes.length} bytes`, count);
      return bytes;
    };
    const length = Number(new DataView(read(0, 8, "header").buffer).getBigUint64(0, true));
    expect(length <= maxHeaderLength, `${where} header`, `at most ${maxHeaderLength} bytes`, length);
    // The tensors follow one another, so that no header makes the result larger than the file.
    const header = readHeader(read(8, 8 + length, "header"), Number.MAX_SAFE_INTEGER, where);
    const tensors: Safetensors["tensors"] = new Map();
    for (const [name, { dtype, shape, start, end }] of header.tensors) {
      if (/^(actor|critic)\.(?!adam)/.test(name))
        tensors.set(name, { dtype, shape, parts: [read(8 + length + start, 8 + length + end, name)] });
    }
    const texts = {
      format: "ddpg-policy-1",
      settings: header.metadata.get("settings") ?? "",
      spaces: header.metadata.get("spaces") ?? "",
      arithmetic: header.metadata.get("arithmetic") ?? "portable",
      step: String(stepsTaken(parseObject(header.metadata, "counters", where), where)),
    };
    const contents = { tensors, metadata: new Map(Object.entries(texts)) };
    checkPolicy(contents, where);
    return encodeSafetensors(contents);
  } catch (error) {
    // An allocation that is too large.
    if (error instanceof RangeError)
      throw new InputError({ where, expected: "networks that fit in memory", got: error.message });
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}
