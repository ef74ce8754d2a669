/** Remainder of each byte value followed by 0 to 7 zero bytes, for the reflected polynomial 0x1edc6f41: [8 · 256]. */
const table = makeTable();

/**
 * Returns the CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes`, an integer in [0, 2³²). To checksum data in
 * pieces, pass the result for the preceding bytes as `crc`.
 */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  let c = ~crc;
  let i = 0;
  // Eight bytes at a time: the eight lookups are independent, so the processor overlaps them.
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c =
      table[1792 + (c & 255)] ^
      table[1536 + ((c >>> 8) & 255)] ^
      table[1280 + ((c >>> 16) & 255)] ^
      table[1024 + (c >>> 24)] ^
      table[768 + bytes[i + 4]] ^
      table[512 + bytes[i + 5]] ^
      table[256 + bytes[i + 6]] ^
      table[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) c = table[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let i = 0; i < table.length; i++) {
    if (i >= 256) {
      table[i] = (table[i - 256] >>> 8) ^ table[table[i - 256] & 255];
      continue;
    }
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    table[i] = c;
  }
  return table;
}
