// Fused arithmetic over the same module: its bytes are those of the portable one with other instructions in the innermost
// loops of a product. Decision 24 says why.
import { lettersOf } from "../../base/bytes.ts";
import type { RawKernels } from "../signatures.ts";
import type { WasmMemory } from "./memories.ts";

/**
 * The innermost step of a product, and nothing else in the module: `f32x4.mul`, `local.get` of a sum, `f32x4.add`,
 * `local.set` of the same sum. Only products sum up in local variables, see scripts/tile.js.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are instructions.
const step = /\xfd\xe6\x01(\x20([\x80-\xff]?[\x00-\x7f]))\xfd\xe4\x01\x21\2/gs;

/**
 * Changes the module in place, so that every step of a product is one `f32x4.relaxed_madd`; returns the number of changed
 * steps. The product's operands are on the stack already: its instruction becomes three `nop`, and nothing moves.
 */
export function fuse(bytes: Uint8Array): number {
  let steps = 0;
  for (const { index, 1: getSum } of lettersOf(bytes).matchAll(step)) {
    bytes.set([0x01, 0x01, 0x01], index);
    bytes.set([0xfd, 0x85, 0x02], index + 3 + getSum.length);
    steps++;
  }
  return steps;
}

/** The products that `multiplies` makes reach every sum of every tile: rows and columns. */
const products = [
  [5, 32],
  [8, 1],
] as const;

/**
 * Whether the steps of a product really are fused, everywhere in the module: an engine may calculate `relaxed_madd` in two
 * steps, and does so on a processor that cannot fuse. Needs a page of memory, which it overwrites.
 */
export function fuses({ multiply }: Pick<RawKernels, "multiply">, { buffer }: Pick<WasmMemory, "buffer">): boolean {
  // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴, which Float32 rounds to 1 + 2⁻¹¹. So the sum is 2⁻²⁴ if it is fused, and 0 otherwise.
  const factor = 1 + 1 / 4096;
  const [sum, start] = [1 / 16777216, -1 - 1 / 2048];
  const numbers = new Float32Array(buffer);
  const [a, b, starts, c, stride] = [1024, 2048, 4096, 8192, 128];
  return products.every(([rows, columns]) => {
    numbers
      .fill(factor, a / 4, starts / 4)
      .fill(start, starts / 4, c / 4)
      .fill(0, c / 4);
    multiply(c, stride, starts, 0, 1, a, stride, 4, b, stride, rows, 1, columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) if (numbers[(c + i * stride) / 4 + j] !== sum) return false;
    }
    return true;
  });
}
