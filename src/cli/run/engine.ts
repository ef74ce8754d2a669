import * as os from "node:os";
import { expect } from "../../base/expect.ts";
import type { Threads } from "../../kernels/wasm/threads.ts";
import { nodeThreads, useWideVectors } from "../../node.ts";

const widths = ["128", "256", "auto"] as const;

/** More are never worth it for a batch of the usual size. */
const mostThreads = 4;

/** What a command computes with: it makes no difference to any result. */
export interface EngineFlags {
  simd?: (typeof widths)[number];
  threads?: number | "auto";
}

export const simdHelp = "bits of the networks' vectors: 128, 256 (Node 24 or newer) or auto; the same results [auto]";
export const threadsHelp = `threads of one run, where layers and batch are large; the same results [the cores, up to ${mostThreads}]`;

export function simdWidth(text: string): (typeof widths)[number] {
  const width = widths.find((name) => name === text);
  expect(width !== undefined, "--simd", "128, 256 or auto", text);
  return width;
}

export function threadCount(text: string): number | "auto" {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : text;
  const good = value === "auto" || (typeof value === "number" && value >= 1 && value <= 64);
  expect(good, "--threads", "a whole number from 1 to 64, or auto", value);
  return value === "auto" ? value : Number(value);
}

/** Sets the process up; the bits of its vectors. */
export async function useSimd({ simd = "auto" }: EngineFlags, verbose: boolean): Promise<number> {
  const reason = simd === "128" ? "--simd 128" : await useWideVectors();
  if (reason && (simd === "256" || verbose)) console.error(`ddpg: vectors of 128 bits: ${reason}.`);
  return reason ? 128 : 256;
}

export function threadsFor({ threads = "auto" }: EngineFlags): Threads {
  return nodeThreads(threads === "auto" ? Math.min(mostThreads, os.availableParallelism()) : threads);
}
