import type { Parameters } from "../nn/parameters.ts";

/**
 * Returns the 64-bit FNV-1a hash of all parameters as 16 hexadecimal digits. It covers the little-endian Float32 bytes
 * of every tensor without padding, network by network; in each network the learned tensors come before the statistics.
 */
export function fingerprint(networks: readonly Parameters[]): string {
  let hash: Hash = [0xcbf29ce4, 0x84222325];
  for (const parameters of networks) {
    for (const name of parameters.names) {
      const values = new Float32Array(parameters.read(name));
      hash = addWords(hash, new Int32Array(values.buffer));
    }
  }
  return hash.map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

type Hash = [high: number, low: number];

/** Adds words to the hash, lowest byte first. It works in 32-bit steps because BigInt takes far longer. */
function addWords([high, low]: Hash, words: Int32Array): Hash {
  for (let i = 0; i < words.length; i++) {
    for (let shift = 0; shift < 32; shift += 8) {
      low ^= (words[i] >>> shift) & 0xff;
      // Multiplies by the prime 2⁴⁰ + 0x1b3, modulo 2⁶⁴.
      const carry = (Math.imul(low >>> 16, 0x1b3) + (Math.imul(low & 0xffff, 0x1b3) >>> 16)) >>> 16;
      high = (Math.imul(high, 0x1b3) + (low << 8) + carry) | 0;
      low = Math.imul(low, 0x1b3);
    }
  }
  return [high, low];
}
