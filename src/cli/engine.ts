import { Option } from "commander";
import { useWideVectors } from "../node.ts";

/** What a command computes with. */
export interface EngineFlags {
  simd: "128" | "256" | "auto";
}

export function engineOptions(): Option[] {
  return [
    new Option("--simd <bits>", "vectors that the networks compute with; the results are the same")
      .choices(["128", "256", "auto"])
      .default("auto"),
  ];
}

/** Sets the process up; says what it computes with. */
export async function useEngine({ simd }: EngineFlags, verbose: boolean): Promise<string> {
  const reason = simd === "128" ? null : await useWideVectors();
  if (reason && (simd === "256" || verbose)) console.error(`ddpg: --simd ${simd}: ${reason}. It stays with 128.`);
  return `vectors of ${simd === "128" || reason ? 128 : 256} bits`;
}
