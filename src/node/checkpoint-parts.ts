// Reads parts of a checkpoint alone: its header, or the networks. The rest is the replay buffer, which may take gigabytes. The
// checksum covers the whole file and is not verified: `readCheckpoint` does that.
import * as fs from "node:fs";
import { expect, InputError } from "../base/expect.ts";
import { encodeSafetensors, type Header, type Safetensors } from "../base/safetensors.ts";
import { stepsTaken } from "../ddpg/agent-state.ts";
import { checkPolicy, format2 } from "../ddpg/policy.ts";
import { parseObject } from "../ddpg/tensors.ts";
import type { RunConfig } from "../training/run.ts";
import { attempt, readAt, readSafetensorsHeader } from "./files.ts";
import { configFrom, files, openRunFile } from "./run-files.ts";

const where = files.checkpoint;

/**
 * The copy of a run's `config.json` in its checkpoint. Undefined if there is no checkpoint, or no copy in it that can be
 * read.
 */
export function readCheckpointConfig(run: string): RunConfig | undefined {
  try {
    return withHeader(run, ({ metadata }) =>
      metadata.has("config") ? configFrom(parseObject(metadata, "config", where), where, "") : undefined,
    );
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The environment steps that a run's checkpoint has taken. Undefined if there is no checkpoint, or none that can be read. */
export function readCheckpointStep(run: string): number | undefined {
  try {
    return withHeader(run, ({ metadata }) => stepsTaken(parseObject(metadata, "counters", where), where));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * The actor and critic of a run's checkpoint, as the bytes of a policy file with the critic added. Undefined if there
 * is no checkpoint. Throws an InputError that names the field if the file is something else. The result is good enough
 * to show, not to resume from.
 */
export function readNetworks(run: string): Uint8Array | undefined {
  return withHeader(run, (header, descriptor) => {
    const tensors: Safetensors["tensors"] = new Map();
    for (const [name, { dtype, shape, start, end }] of header.tensors) {
      if (!/^(actor|critic)\.(?!adam)|^(observation|reward)Normalization$/.test(name)) continue;
      // The tensors follow one another, so that no header makes the result larger than the file.
      const bytes = readAt(descriptor, header.start + start, end - start);
      expect(bytes.length === end - start, `${where} ${name}`, `${end - start} bytes`, bytes.length);
      tensors.set(name, { dtype, shape, parts: [bytes] });
    }
    const texts = {
      format: format2,
      settings: header.metadata.get("settings") ?? "",
      spaces: header.metadata.get("spaces") ?? "",
      arithmetic: header.metadata.get("arithmetic") ?? "portable",
      step: String(stepsTaken(parseObject(header.metadata, "counters", where), where)),
    };
    const contents = { tensors, metadata: new Map(Object.entries(texts)) };
    checkPolicy(contents, where);
    return encodeSafetensors(contents);
  });
}

/** Calls an action with the header of a run's checkpoint, and the open file. Undefined if there is no checkpoint. */
function withHeader<T>(
  run: string,
  action: (header: Header & { start: number }, descriptor: number) => T,
): T | undefined {
  const descriptor = openRunFile(run, files.checkpoint);
  if (descriptor === undefined) return undefined;
  try {
    // Only the parts that are read must be there.
    const read = (): T => action(readSafetensorsHeader(descriptor, where, { isCut: true }), descriptor);
    return attempt(where, "a checkpoint", read);
  } finally {
    fs.closeSync(descriptor);
  }
}
