// Reads only the networks of a checkpoint. The rest is the replay buffer, which may take gigabytes.
import * as fs from "node:fs";
import { type DType, encodeSafetensors, type Safetensors, type Tensor } from "../base/safetensors.ts";
import { stepsTaken } from "../ddpg/agent-state.ts";
import { files, openRunFile } from "./run-files.ts";

/** We never write longer headers. */
const maxHeaderLength = 1_000_000;

/**
 * The actor and critic of a run's checkpoint, as the bytes of a policy file with the critic added. Undefined if there
 * is no checkpoint, or if the file is something else. The checkpoint's checksum covers the whole file and is not
 * verified: the result is good enough to show, not to resume from.
 */
export function readNetworks(run: string): Uint8Array | undefined {
  const descriptor = openRunFile(run, files.checkpoint);
  if (descriptor === undefined) return undefined;
  const { size } = fs.fstatSync(descriptor);
  const read = (start: number, end: number): Uint8Array => {
    if (!(start >= 0 && start <= end && end <= size)) throw new RangeError("a short file");
    const bytes = new Uint8Array(end - start);
    fs.readSync(descriptor, bytes, 0, bytes.length, start);
    return bytes;
  };
  try {
    const length = Number(new DataView(read(0, 8).buffer).getBigUint64(0, true));
    if (length > maxHeaderLength) return undefined;
    const { __metadata__: texts, ...entries } = JSON.parse(Buffer.from(read(8, 8 + length)).toString("utf8"));
    const tensors: Safetensors["tensors"] = new Map();
    for (const [name, entry] of Object.entries(entries)) {
      if (!/^(actor|critic)\.(?!adam)/.test(name)) continue;
      const { dtype, shape, data_offsets: place } = entry as Header;
      const [start, end] = place.map((offset) => 8 + length + offset);
      tensors.set(name, { dtype, shape, parts: [read(start, end)] });
    }
    const { settings, spaces, counters } = texts;
    const metadata = { format: "ddpg-policy-1", settings, spaces, step: String(stepsTaken(JSON.parse(counters))) };
    return encodeSafetensors({ tensors, metadata: new Map(Object.entries(metadata)) });
  } catch (error) {
    // The header is wrong. Readers of these networks validate them anyway.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** A tensor's entry in a header. */
interface Header extends Pick<Tensor, "shape"> {
  dtype: DType;
  data_offsets: [start: number, end: number];
}
