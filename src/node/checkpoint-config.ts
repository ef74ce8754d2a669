// Reads only the run's configuration from a checkpoint's header. The rest may take gigabytes.
import * as fs from "node:fs";
import { InputError } from "../base/expect.ts";
import { parseJson } from "../base/json.ts";
import type { RunConfig } from "../training/run.ts";
import { configFrom, files, openRunFile } from "./run-files.ts";

/** We never write longer headers. */
const maxHeaderLength = 1_000_000;

/**
 * The copy of a run's `config.json` in its checkpoint. Undefined if there is no checkpoint, or no copy in it that can be
 * read. The checksum, which covers the whole file, is not verified: `readCheckpoint` does that.
 */
export function readCheckpointConfig(run: string): RunConfig | undefined {
  const descriptor = openRunFile(run, files.checkpoint);
  if (descriptor === undefined) return undefined;
  try {
    const start = Buffer.alloc(8);
    fs.readSync(descriptor, start, 0, 8, 0);
    const length = Number(start.readBigUInt64LE());
    if (length > Math.min(maxHeaderLength, fs.fstatSync(descriptor).size)) return undefined;
    const bytes = Buffer.alloc(length);
    fs.readSync(descriptor, bytes, 0, length, 8);
    const header = Object(parseJson(bytes.toString("utf8"), files.checkpoint));
    const config = Object(header.__metadata__).config;
    if (typeof config !== "string") return undefined;
    const value = parseJson(config, files.checkpoint);
    return typeof value === "object" && value !== null ? configFrom(value, files.checkpoint, "") : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}
