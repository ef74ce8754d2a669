import assert from "node:assert/strict";
import { test } from "node:test";
import { errorText, expect, fail, InputError, messageOf, show, suggest } from "./expect.ts";

/** What `action` throws. */
function thrownBy(action: () => void): InputError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof InputError);
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an InputError keeps the parts of its message", () => {
  const error = thrownBy(() => fail("--seed", "a whole number", "x", "Try 1."));
  assert.equal(error.message, '--seed: expected a whole number, got "x". Try 1.');
  const { where, expected, got, hint } = error;
  assert.deepEqual(
    { where, expected, got, hint },
    { where: "--seed", expected: "a whole number", got: '"x"', hint: "Try 1." },
  );
  assert.equal(thrownBy(() => expect(false, "a", "b", 1)).message, "a: expected b, got 1.");
  assert.equal(new InputError({ where: "a", expected: "b", got: "no file" }).message, "a: expected b, got no file.");
});

test("an InputError about a part becomes one about the whole, or about a flag", () => {
  const cause = new Error("why");
  const error = new InputError({ where: "noise", expected: "a name", got: "1", hint: "Try none." }, { cause });
  const outer = thrownBy(() =>
    InputError.within("config.json settings", () => {
      throw error;
    }),
  );
  assert.equal(outer.message, "config.json settings noise: expected a name, got 1. Try none.");
  assert.equal(outer.where, "config.json settings noise");
  assert.equal(outer.cause, cause);
  assert.equal(error.at("--noise").message, "--noise: expected a name, got 1. Try none.");
  assert.equal(new InputError("There is none.").within("file:").message, "file: There is none.");
  const other = new Error("of another kind");
  assert.throws(
    () =>
      InputError.within("where", () => {
        throw other;
      }),
    other,
  );
});

test("a value is shown as it is typed, one level deep and about 80 letters of it", () => {
  class Named {}
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  const cases: [value: unknown, shown: string][] = [
    ["text", '"text"'],
    ["x".repeat(1e6), `"${"x".repeat(80)}…"`],
    [1n, "1n"],
    [-0.5, "-0.5"],
    [-0, "-0"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [Named, "the function Named"],
    [() => {}, "a function"],
    [[], "[]"],
    [[1, "a", null, undefined, 2n], "[1, a, null, undefined, 2n]"],
    [Float32Array.of(1, 0.5), "[1, 0.5]"],
    [new BigInt64Array(1), "[0n]"],
    [[[1, 2], { a: 1 }], "[a list of 2, an object]"],
    [cyclic, "[1, a list of 2]"],
    [new DataView(new ArrayBuffer(8)), "an object with no properties"],
    [{}, "an object with no properties"],
    [{ a: 1, b: { c: 2 } }, "an object with a, b"],
  ];
  for (const [value, shown] of cases) assert.equal(show(value), shown);
  assert.match(show(new Float64Array(1e6)), /^\[0(, 0){20,40}, … \(1000000 in all\)\]$/);
  assert.match(
    show(Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`name${i}`, 0]))),
    /^.{60,120}99 in all\)$/,
  );
  assert.ok(show(["y".repeat(1e6)]).length < 100);
});

test("no text and no depth floods a message, which keeps its beginning and its end", () => {
  const deep: unknown = JSON.parse("[".repeat(1e5) + "]".repeat(1e5));
  assert.equal(show(deep), "[a list of 1]");
  assert.equal(show({ deep }), "an object with deep");
  assert.equal(messageOf(deep), "[a list of 1]");
  const long = "x".repeat(2e6);
  const error = thrownBy(() => fail(`file ${long} field`, `one of ${long}`, [deep, long]));
  assert.match(error.message, /^file x+…x+ field: expected one of x+…x+, got \[a list of 1, … \(2 in all\)\]\.$/);
  assert.ok(error.message.length < 2500);
  assert.match(messageOf(new Error(`first\n  second ${long} last`)), /^first second x+…x+ last$/);
  assert.ok(messageOf(new Error(long)).length < 600);
  assert.ok(messageOf(new Array(1e6).fill(1)).length < 200);
  assert.equal(errorText(new RangeError("a")), "RangeError: a");
  assert.equal(suggest(long, ["name"]), "");
  // A character of two code units is whole or left out.
  assert.equal(show("😀".repeat(99)), `"${"😀".repeat(40)}…"`);
  assert.equal(show(`x${"😀".repeat(99)}`), `"x${"😀".repeat(39)}…"`);
});

test("no getter and no proxy breaks an error", () => {
  const throwing = (): never => {
    throw new Error("broken");
  };
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  const hostile: unknown[] = [
    proxy,
    [proxy],
    new Proxy({}, { ownKeys: throwing }),
    new Proxy([1, 2], { get: throwing }),
    Object.defineProperty([1], 0, { get: throwing }),
    Object.defineProperty(() => {}, "name", { get: throwing }),
  ];
  for (const value of hostile) assert.equal(show(value), "a value that cannot be shown");
  for (const value of hostile.slice(0, 4)) assert.doesNotThrow(() => messageOf(value));
  assert.equal(
    messageOf(Object.defineProperty(new Error("a"), "message", { get: throwing })),
    "an object with no properties",
  );
  assert.equal(messageOf(Object.create(null)), "an object with no properties");
  assert.equal(messageOf(new Error("a")), "a");
  assert.equal(messageOf("b"), "b");
});
