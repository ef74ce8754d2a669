import { setFlagsFromString } from "node:v8";

/**
 * Makes fused arithmetic possible in Node 20, whose V8 has relaxed SIMD behind a flag. The flag stays set, because it changes
 * nothing in modules without such instructions.
 */
export function allowFused(): void {
  if (Number.parseInt(process.versions.node, 10) < 21) setFlagsFromString("--experimental-wasm-relaxed-simd");
}
