// The networks of a checkpoint without the rest of it: the rest is the replay buffer, up to gigabytes.
import * as fs from "node:fs";
import { type DType, encodeSafetensors, type Safetensors, type Tensor } from "../base/safetensors.ts";
import { files, openRunFile } from "./run-files.ts";

/** Longer headers are none of ours. */
const maxHeaderLength = 1_000_000;

/**
 * Actor and critic of a run's checkpoint as the bytes of a policy's file with the critic beside it; undefined where there
 * is no checkpoint, or something else in its place. The checksum of the checkpoint is over all of it and is not looked
 * at: good enough to be shown, not to go on from.
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
    const { loop } = JSON.parse(counters);
    const metadata = { format: "ddpg-policy-1", settings, spaces, step: String(loop?.step ?? 0) };
    return encodeSafetensors({ tensors, metadata: new Map(Object.entries(metadata)) });
  } catch (error) {
    // A header that says what is not so. Whoever is shown what was read checks it all the same.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What a header says of a tensor. */
interface Header extends Pick<Tensor, "shape"> {
  dtype: DType;
  data_offsets: [start: number, end: number];
}
