import { expect } from "./expect.ts";
import { log } from "./math.ts";
import type { Saved } from "./saved.ts";

/**
 * A seeded stream of random numbers: xoshiro128** (Blackman & Vigna, arXiv 1805.01407), whose state is four 32-bit
 * words. The same seed gives the same numbers on every engine. `fork(name)` returns an independent stream. Give each
 * part of a program its own fork, and what one part draws never changes another part's numbers.
 */
export class Random implements Saved<Uint32Array> {
  readonly stateSize = 4;
  /** 64 bits derived from the seed. Forks depend on them, never on how much was drawn. */
  readonly #key: string;
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** Starts the stream of a seed, any finite number or string. Different seeds give unrelated streams. */
  constructor(seed: number | string) {
    const name = String(seed);
    const first = hash(name, 0x811c9dc5);
    const second = hash(name, 0x050c5d1f);
    this.#key = `${first},${second}`;
    this.#a = mix(first);
    this.#b = mix(second);
    this.#c = mix(first + 0x9e3779b9);
    this.#d = mix(second + 0x9e3779b9) | 1; // four zeros are the one state that xoshiro never leaves
  }

  /** Returns the independent stream of this name. It does not depend on what was drawn, and nothing is drawn for it. */
  fork(name: string): Random {
    return new Random(`${this.#key}/${name}`);
  }

  /** Returns 32 random bits as an integer in [0, 2³²). */
  bits(): number {
    return this.#next() >>> 0;
  }

  // Signed, because V8 keeps a 32-bit signed integer out of the heap; sampling from the replay buffer is a hot loop.
  #next(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  /**
   * Returns a number uniform in [low, high), by default [0, 1), from 53 random bits. With other bounds than the default
   * ones, rounding can return `high` itself.
   */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * fraction(this.#next() >>> 5, this.#next() >>> 6);
  }

  /** Returns a whole number, uniform in [0, end). */
  integer(end: number): number {
    return Math.floor(fraction(this.#next() >>> 5, this.#next() >>> 6) * end);
  }

  /** Returns a normally distributed number with mean 0 and standard deviation 1, by Marsaglia's polar method. */
  normal(): number {
    // The method yields a second number, which is discarded: keeping it would add to the state that `save` returns.
    for (;;) {
      const x = this.uniform(-1, 1);
      const y = this.uniform(-1, 1);
      const square = x * x + y * y;
      if (square > 0 && square < 1) return x * Math.sqrt((-2 * log(square)) / square);
    }
  }

  /** Returns the four words of the state: [4]; a fresh array. */
  save(): Uint32Array {
    return new Uint32Array([this.#a, this.#b, this.#c, this.#d]);
  }

  /** Resumes from four saved words: [4], not all 0. `fork` still gives the streams of this stream's own seed. */
  restore(state: ArrayLike<number>, where = "Random.restore state"): void {
    expect(state?.length === 4, where, "the four words of save", state);
    let isAlive = false;
    for (let i = 0; i < 4; i++) {
      expect(state[i] === state[i] >>> 0, `${where}[${i}]`, "a whole number from 0 to 4294967295", state[i]);
      isAlive ||= state[i] !== 0;
    }
    // Four zeros are the one state that the generator never leaves.
    expect(isAlive, where, "a word other than 0", state);
    [this.#a, this.#b, this.#c, this.#d] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
  }
}

/** Throws an InputError that begins with `where` unless a value is a `Random`, or has its methods. */
export function expectRandom(random: Random, where: string): void {
  expect(typeof random?.uniform === "function", where, "a Random, such as new Random(1)", random);
}

/** Returns a number in [0, 1) from its 27 high and 26 low bits. */
function fraction(high: number, low: number): number {
  return (high * 67108864 + low) / 9007199254740992;
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** Returns the 32-bit FNV-1a hash over UTF-16 code units, from a given start value. */
function hash(text: string, start: number): number {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

/** Applies MurmurHash3's finalizer: every bit of the result depends on every bit of x. */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}
