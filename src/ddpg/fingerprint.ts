import type { Parameters } from "../nn/parameters.ts";

/**
 * 64-bit FNV-1a over the little-endian Float32 bytes of all tensors, network by network, the learned tensors of each
 * first, without padding: 16 hexadecimal digits.
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

/** The hash with more bytes, each word's lowest byte first. In 32-bit steps, because BigInt would delay a run's end. */
function addWords([high, low]: Hash, words: Int32Array): Hash {
  for (let i = 0; i < words.length; i++) {
    for (let shift = 0; shift < 32; shift += 8) {
      low ^= (words[i] >>> shift) & 0xff;
      // Times the prime 2⁴⁰ + 0x1b3, modulo 2⁶⁴.
      const carry = (Math.imul(low >>> 16, 0x1b3) + (Math.imul(low & 0xffff, 0x1b3) >>> 16)) >>> 16;
      high = (Math.imul(high, 0x1b3) + (low << 8) + carry) | 0;
      low = Math.imul(low, 0x1b3);
    }
  }
  return [high, low];
}
