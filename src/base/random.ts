import { log } from "./math.ts";
import type { Saved } from "./saved.ts";

/**
 * A stream of seeded chance: xoshiro128** (Blackman & Vigna, arXiv 1805.01407) over four 32-bit words. The same seed
 * gives the same numbers on every engine. `fork(name)` makes independent streams, so that what one part of a program
 * draws never moves another part's numbers.
 */
export class Random implements Saved<Uint32Array> {
  readonly stateSize = 4;
  /** Where this stream came from, 64 bits; forks depend on it, never on how much was drawn. */
  readonly #key: string;
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** A stream for a seed: any finite number. Seeds that differ give unrelated streams. */
  constructor(seed: number | string) {
    const name = String(seed);
    const first = hash(name, 0x811c9dc5);
    const second = hash(name, 0x050c5d1f);
    this.#key = `${first},${second}`;
    this.#a = mix(first);
    this.#b = mix(second);
    this.#c = mix(first + 0x9e3779b9);
    this.#d = mix(second + 0x9e3779b9) | 1; // never four zeros, the one state that xoshiro cannot leave
  }

  /** An independent stream with a name of its own; the same whenever and however often it is made. */
  fork(name: string): Random {
    return new Random(`${this.#key}/${name}`);
  }

  /** 32 random bits as an integer in [0, 2³²). */
  bits(): number {
    return this.#next() >>> 0;
  }

  // 32 random bits, signed: an integer that is no object, in which `sample` of a replay buffer draws its rows.
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

  /** Uniform in [low, high), [0, 1) by default: 53 random bits. With bounds of one's own, rounding can reach `high`. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * fraction(this.#next() >>> 5, this.#next() >>> 6);
  }

  /** A whole number, uniform in [0, end). */
  integer(end: number): number {
    return Math.floor(fraction(this.#next() >>> 5, this.#next() >>> 6) * end);
  }

  /** Normal with mean 0 and standard deviation 1, by Marsaglia's polar method. */
  normal(): number {
    // The method's second number is thrown away: a stream's whole state stays its four words.
    for (;;) {
      const x = this.uniform(-1, 1);
      const y = this.uniform(-1, 1);
      const square = x * x + y * y;
      if (square > 0 && square < 1) return x * Math.sqrt((-2 * log(square)) / square);
    }
  }

  save(): Uint32Array {
    return new Uint32Array([this.#a, this.#b, this.#c, this.#d]);
  }

  restore(state: ArrayLike<number>): void {
    [this.#a, this.#b, this.#c, this.#d] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
  }
}

/** In [0, 1), from 27 high bits and 26 low ones. */
function fraction(high: number, low: number): number {
  return (high * 67108864 + low) / 9007199254740992;
}

function rotate(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** 32-bit FNV-1a over UTF-16 units, from a start value. */
function hash(text: string, start: number): number {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

/** MurmurHash3's finaliser: every bit of the result depends on every bit of x. */
function mix(x: number): number {
  let z = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}
