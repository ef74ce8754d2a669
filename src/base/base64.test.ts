import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test("base64 is that of Node, both ways, for every length of the last group and every byte", () => {
  const all = Uint8Array.from({ length: 1024 }, (_, i) => (i * 167 + (i >> 8)) & 255);
  for (const length of [0, 1, 2, 3, 4, 5, 1022, 1023, 1024]) {
    const bytes = all.subarray(0, length);
    const text = Buffer.from(bytes).toString("base64");
    assert.equal(encodeBase64(bytes), text);
    assert.deepEqual(decodeBase64(text), bytes);
  }
});
