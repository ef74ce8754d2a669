import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./crc32c.ts";

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
test("known checksums", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  const known: [Uint8Array, number][] = [
    [new Uint8Array(0), 0],
    [new TextEncoder().encode("123456789"), 0xe3069283],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [ascending, 0x46dd794e],
    [Uint8Array.from(ascending).reverse(), 0x113fdb5c],
  ];
  for (const [bytes, checksum] of known) assert.equal(crc32c(bytes), checksum);
});

test("a checksum goes on where another ended", () => {
  const bytes = new TextEncoder().encode("123456789");
  assert.equal(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4))), crc32c(bytes));
});
