// Reads parts of a checkpoint by its header: the networks, the run's configuration. The rest is the replay buffer, which
// may take gigabytes.
import * as fs from "node:fs";
import { InputError } from "../base/expect.ts";
import { type DType, encodeSafetensors, type Safetensors, type Tensor } from "../base/safetensors.ts";
import { stepsTaken } from "../ddpg/agent-state.ts";
import type { RunConfig } from "../training/run.ts";
import { configFrom, files, openRunFile } from "./run-files.ts";

/** We never write longer headers. */
const maxHeaderLength = 1_000_000;

/**
 * The actor and critic of a run's checkpoint, as the bytes of a policy file with the critic added. Undefined if there
 * is no checkpoint, or if the file is something else. The checkpoint's checksum covers the whole file and is not
 * verified: the result is good enough to show, not to resume from.
 */
export function readNetworks(run: string): Uint8Array | undefined {
  return fromHeader(run, ({ __metadata__: texts, ...entries }, numbers) => {
    const tensors: Safetensors["tensors"] = new Map();
    for (const [name, entry] of Object.entries(entries)) {
      if (!/^(actor|critic)\.(?!adam)/.test(name)) continue;
      const { dtype, shape, data_offsets: place } = entry;
      tensors.set(name, { dtype, shape, parts: [numbers(place)] });
    }
    const { settings, spaces, counters } = texts;
    const metadata = { format: "ddpg-policy-1", settings, spaces, step: String(stepsTaken(JSON.parse(counters))) };
    return encodeSafetensors({ tensors, metadata: new Map(Object.entries(metadata)) });
  });
}

/**
 * The run's configuration in its checkpoint. Undefined if there is no checkpoint, none in it or none that is whole. Its
 * checksum is not verified either: `readCheckpoint` does.
 */
export function readCheckpointConfig(run: string): RunConfig | undefined {
  try {
    return fromHeader(run, ({ __metadata__: { config } }) =>
      config === undefined ? undefined : configFrom(JSON.parse(config), files.checkpoint, ""),
    );
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Reads something by a checkpoint's header. Undefined if the file is missing or something else. */
function fromHeader<T>(
  run: string,
  action: (header: Header, numbers: (place: Entry["data_offsets"]) => Uint8Array) => T,
): T | undefined {
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
    const header = JSON.parse(Buffer.from(read(8, 8 + length)).toString("utf8"));
    return action(header, ([start, end]) => read(8 + length + start, 8 + length + end));
  } catch (error) {
    // The header is wrong. Readers of these networks validate them anyway.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** A header as we write it, unchecked. */
type Header = Record<string, Entry> & { __metadata__: Record<string, string> };

/** A tensor's entry in a header. */
interface Entry extends Pick<Tensor, "shape"> {
  dtype: DType;
  data_offsets: [start: number, end: number];
}
