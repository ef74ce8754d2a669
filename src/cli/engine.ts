import { expect } from "../base/expect.ts";
import { useWideVectors } from "../node.ts";

const widths = ["128", "256", "auto"] as const;

/** What a command computes with. */
export interface EngineFlags {
  simd: (typeof widths)[number];
}

export const simdHelp = "bits of the networks' vectors: 128, 256 (Node 24 or newer) or auto; the same results [auto]";

export function simdWidth(text: string): EngineFlags["simd"] {
  const width = widths.find((name) => name === text);
  expect(width !== undefined, "--simd", "128, 256 or auto", text);
  return width;
}

/** Sets the process up; returns what it computes with. */
export async function useEngine({ simd }: EngineFlags, verbose: boolean): Promise<string> {
  const reason = simd === "128" ? "--simd 128" : await useWideVectors();
  if (reason && (simd === "256" || verbose)) console.error(`ddpg: vectors of 128 bits: ${reason}.`);
  return `vectors of ${reason ? 128 : 256} bits`;
}
