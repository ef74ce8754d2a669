import assert from "node:assert/strict";
import { test } from "node:test";
import { isNatsName } from "./nats-name.ts";

test("a name has letters, digits, - and _, at least one and at most 64", () => {
  for (const name of ["a", "Pendulum-v1", "my_robot", "9", "x".repeat(64)]) assert.ok(isNatsName(name), name);
  for (const name of ["", "x".repeat(65), "a.b", "a*", ">", "a b", "a/b", "a\n", "é", 1, null, undefined, ["a"]])
    assert.ok(!isNatsName(name), JSON.stringify(name));
});
