import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "./printable.ts";

test("control characters, line breaks and bidirectional marks become escapes, and all else stays", () => {
  const unseen = [0x00, 0x07, 0x0a, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f, 0x61c, 0x200e, 0x200f]
    .concat([0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069])
    .map((code) => String.fromCharCode(code));
  for (const letter of unseen) {
    const shown = printable(`a${letter}b`);
    assert.match(shown, /^a\\u[0-9a-f]{4}b$/);
    // Within a string of JSON it is the same character.
    assert.equal(JSON.parse(`"${shown}"`), `a${letter}b`);
    assert.equal(printable(shown), shown);
  }
  assert.equal(printable("\u001b]0;title\u0007"), "\\u001b]0;title\\u0007");
  const plain = "a b – μ(s) ± 3 ∈ [−1, 1] “q” 漢字 עברית 👩‍🚀 \\u001b";
  assert.equal(printable(plain), plain);
});
