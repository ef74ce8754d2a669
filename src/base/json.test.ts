import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "./json.ts";

test("JSON is read as JSON.parse reads it, at any depth", () => {
  for (const text of [
    '{"a":{"a":1,"b":[{"a":2},{"a":3}]},"b":"a","c":["a","a",{}],"":"}"}',
    '[{"a":1},{"a":1}]',
    '{"a\\"b":"{\\"x\\":1,\\"x\\":2}","a":"\\\\"}',
    " 5 ",
    '"a"',
  ])
    assert.deepEqual(parseJson(text, "file"), JSON.parse(text));
  // Too deep for a function that calls itself, such as JSON.stringify.
  assert.ok(Array.isArray(parseJson(`${"[".repeat(20_000)}{"a":1}${"]".repeat(20_000)}`, "file")));
});

test("a name that an object has twice is refused, however it is written", () => {
  for (const [text, key] of [
    ['{"seed":1,"seed":1}', "seed"],
    ['{"seed":1,"steps":{"a":[1]},"s\\u0065ed":3}', "seed"],
    ['[1,{"a":{"x":[],"y":{},"x":0}}]', "x"],
  ])
    assert.throws(() => parseJson(text, "config.json", "Remove one."), {
      name: "InputError",
      message: `config.json: expected every name once, got "${key}" twice. Remove one.`,
    });
});

test("the name of every object's prototype is refused, however it is written", () => {
  for (const text of ['{"__proto__":1}', '[{"a":{"__pr\\u006fto__":{}}}]'])
    assert.throws(() => parseJson(text, "config.json"), {
      name: "InputError",
      message: 'config.json: expected another name, got "__proto__".',
    });
});

test("anything else than JSON is refused with its place", () => {
  assert.throws(() => parseJson("{", "config.json", "Is it a run's?"), {
    name: "InputError",
    message: /^config\.json: expected JSON, got something else \(.+\)\. Is it a run's\?$/s,
  });
});
