import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fusedMultiplyAdd } from "./fused.ts";
import { Random } from "./random.ts";

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The Float32 number with these bits. */
function fromBits(bits: number): number {
  word[0] = bits;
  return float[0];
}

/** A finite Float32 number as a whole multiple of 2⁻¹⁴⁹. */
function units(x: number): bigint {
  float[0] = x;
  const exponent = (word[0] >>> 23) & 0xff;
  const significand = BigInt(word[0] & 0x7fffff) | (exponent === 0 ? 0n : 0x800000n);
  const magnitude = significand << BigInt(Math.max(exponent, 1) - 1);
  return word[0] >>> 31 ? -magnitude : magnitude;
}

/** a · b + c for finite Float32 numbers, calculated with whole numbers and rounded once, to the nearest, ties to even. */
function exact(a: number, b: number, c: number): number {
  // A multiple of 2⁻²⁹⁸. A sum that is exactly 0 is −0 only if both terms are −0.
  const sum = units(a) * units(b) + (units(c) << 149n);
  if (sum === 0n) return a * b + c;
  const magnitude = sum < 0n ? -sum : sum;
  const length = magnitude.toString(2).length;
  // Float32 keeps 24 bits, and none below 2⁻¹⁴⁹.
  const drop = BigInt(Math.max(length - 24, 149));
  let kept = magnitude >> drop;
  const rest = magnitude - (kept << drop);
  const half = 1n << (drop - 1n);
  if (rest > half || (rest === half && kept % 2n === 1n)) kept++;
  const value = Number(kept) * 2 ** (Number(drop) - 298);
  return (sum < 0n ? -1 : 1) * (value >= 2 ** 128 ? Infinity : value);
}

describe("fusedMultiplyAdd", () => {
  const agrees = (a: number, b: number, c: number): void => {
    const [actual, expected] = [fusedMultiplyAdd(a, b, c), exact(a, b, c)];
    if (!Object.is(actual, expected)) assert.fail(`${a} · ${b} + ${c}: expected ${expected}, got ${actual}`);
  };

  it("rounds numbers of all sizes once", () => {
    const random = new Random("fused");
    const any = (): number => {
      for (;;) {
        const x = fromBits(Math.floor(random.uniform(0, 2 ** 32)));
        if (Number.isFinite(x)) return x;
      }
    };
    for (let i = 0; i < 50_000; i++) agrees(any(), any(), any());
  });

  it("rounds sums whose terms have similar sizes once, where rounding twice would differ", () => {
    const random = new Random("similar");
    const near = () => Math.fround(random.uniform(-2, 2) * 2 ** (random.integer(60) - 30));
    let differs = 0;
    for (let i = 0; i < 100_000; i++) {
      const [a, b] = [near(), near()];
      const c = Math.fround(a * b * 2 ** (random.integer(60) - 30) * random.uniform(-2, 2));
      agrees(a, b, c);
      if (Math.fround(c + Math.fround(a * b)) !== fusedMultiplyAdd(a, b, c)) differs++;
    }
    assert.ok(differs > 10_000, `${differs} differ from an unfused step`);
  });

  it("decides halfway cases by what Float64 cannot hold", () => {
    let differs = 0;
    for (const exponent of [0, 100, -100, -126, -140]) {
      // Subnormal numbers all have the same spacing.
      const spacing = Math.max(exponent - 23, -149);
      for (const last of [0, 1, 2, 3]) {
        const c = 2 ** exponent + last * 2 ** spacing;
        // Half of the spacing times (1 ± 2⁻ⁱ)(1 ± 2⁻ʲ): the sum is halfway between two numbers, or very near.
        const first = Math.floor((spacing - 1) / 2);
        for (let i = 1; i <= 24; i++) {
          for (let j = 1; j <= 24; j++) {
            for (const [x, y] of [-1, 0, 1].flatMap((x) => [-1, 0, 1].map((y) => [x, y]))) {
              const a = Math.fround(2 ** first * (1 + x * 2 ** -i));
              const b = Math.fround(2 ** (spacing - 1 - first) * (1 + y * 2 ** -j));
              for (const [p, q] of [
                [a, c],
                [-a, c],
                [a, -c],
                [-a, -c],
              ]) {
                agrees(p, b, q);
                if (Math.fround(p * b + q) !== fusedMultiplyAdd(p, b, q)) differs++;
              }
            }
          }
        }
      }
    }
    assert.ok(differs > 500, `${differs} differ from a sum that is rounded twice`);
  });

  it("keeps the signs of zero, infinities and NaN, and overflows as a single rounding does", () => {
    const special = [0, 1, 2 ** -149, 2 ** -126, 1 + 2 ** -23, 2 ** 127, fromBits(0x7f7fffff), Infinity, NaN];
    const all = special.flatMap((x) => [x, -x]);
    for (const a of all) {
      for (const b of all) {
        for (const c of all) {
          if ([a, b, c].every(Number.isFinite)) agrees(a, b, c);
          // Where an argument is not finite, nothing is rounded.
          else assert.ok(Object.is(fusedMultiplyAdd(a, b, c), a * b + c), `${a} · ${b} + ${c}`);
        }
      }
    }
    const largest = fromBits(0x7f7fffff);
    // Halfway to the next number is infinite; a bit less is not.
    assert.equal(fusedMultiplyAdd(2 ** 103, 1, largest), Infinity);
    assert.equal(fusedMultiplyAdd(2 ** 103, 1 - 2 ** -24, largest), largest);
    assert.equal(fusedMultiplyAdd(-(2 ** 103), 1 - 2 ** -24, -largest), -largest);
  });
});
