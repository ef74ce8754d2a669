import type { Parameters } from "../nn/parameters.ts";

/**
 * 64-bit FNV-1a over the little-endian Float32 bytes of all tensors, network by network, the learned ones first, without
 * padding: 16 hexadecimal digits.
 */
export function fingerprint(networks: readonly Parameters[]): string {
  // The hash in four 16-bit limbs, lowest first; its prime is 2⁴⁰ + 0x1b3.
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2];
  for (const parameters of networks) {
    for (const name of parameters.names) {
      const bytes = new Uint8Array(littleEndian(Float32Array.from(parameters.read(name))));
      for (let i = 0; i < bytes.length; i++) {
        a ^= bytes[i];
        const p = a * 0x1b3;
        const q = b * 0x1b3 + (p >>> 16);
        const r = c * 0x1b3 + (a << 8) + (q >>> 16);
        d = (d * 0x1b3 + (b << 8) + (r >>> 16)) & 0xffff;
        a = p & 0xffff;
        b = q & 0xffff;
        c = r & 0xffff;
      }
    }
  }
  return [d, c, b, a].map((limb) => limb.toString(16).padStart(4, "0")).join("");
}

function littleEndian(values: Float32Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i], true);
  return view.buffer;
}
