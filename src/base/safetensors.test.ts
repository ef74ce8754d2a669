import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeSafetensors, headerLength } from "./safetensors.ts";

test("a header's length has eight bytes, and a file without room for it is no safetensors file", () => {
  const bytes = encodeSafetensors({ metadata: new Map([["format", "test"]]), tensors: new Map() });
  const length = headerLength(bytes, bytes.length, "file");
  assert.equal(length, bytes.length - 8);
  const far = bytes.slice();
  far[4] = 1; // 2³² more: the lower four bytes alone would be right
  assert.throws(() => headerLength(far, far.length, "file"), {
    name: "InputError",
    message: /^file: expected a safetensors file, got a file that begins with the bytes .. 00 00 00 01 00 00 00\.$/,
  });
  assert.throws(() => headerLength(bytes, bytes.length - 1, "file"), {
    message: `file: expected ${bytes.length} bytes or more, from the length of the header in its first bytes, got ${bytes.length - 1}. The file is cut off, or it is not a safetensors file.`,
  });
});
