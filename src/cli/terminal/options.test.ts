import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { parseCheckpointPlan } from "../run/checkpoints.ts";
import { threadCount } from "../run/compute.ts";
import { addSettingOptions, chosenSettings, someNumber, wholeNumber } from "./options.ts";

test("a whole number may be written with an exponent or with underscores", () => {
  const parse = wholeNumber("--steps", 1);
  for (const text of ["1000000", "1e6", "1E6", "1.0e6", "1_000_000", "+1000000", "1000000.0"]) {
    assert.equal(parse(text), 1_000_000, text);
  }
  assert.equal(threadCount("1e1"), 10);
  assert.deepEqual(parseCheckpointPlan("1e3"), { every: 1000, unit: "steps" });
  assert.deepEqual(parseCheckpointPlan("1_000s"), { every: 1000, unit: "s" });
  assert.equal(someNumber("--seconds", "a number above 0")("1_000.5"), 1000.5);
});

test("anything else is refused with the text", () => {
  for (const text of [
    "",
    " ",
    "1.5",
    "1e-1",
    "1e400",
    "0x10",
    "1__0",
    "_1",
    "1_",
    "ten",
    "NaN",
    "Infinity",
    "0",
    "-3",
  ]) {
    const message = /^--steps: expected a whole number of at least 1, got /;
    assert.throws(() => wholeNumber("--steps", 1)(text), { name: "InputError", message }, text);
  }
  for (const text of ["", "0", "s", "1e-1", "1.5", "-5s"]) assert.throws(() => parseCheckpointPlan(text), text);
});

test("a flag of an earlier version means what it meant, and contradicts no other", () => {
  const chosen = (...args: string[]) => {
    const command = new Command().exitOverride();
    addSettingOptions(command, "Settings");
    return chosenSettings(command.parse(args, { from: "user" }).opts());
  };
  assert.deepEqual(chosen("--batch-normalization", "true"), { normalization: "batch" });
  assert.deepEqual(chosen("--batch-normalization", "false", "--normalization", "none"), { normalization: "none" });
  assert.deepEqual(chosen(), {});
  assert.throws(() => chosen("--batch-normalization", "true", "--normalization", "layer"), {
    name: "InputError",
    message: "--batch-normalization: expected --normalization alone, got both.",
  });
  assert.throws(
    () => chosen("--batch-normalization", "yes"),
    /--batch-normalization: expected true or false, got "yes"/,
  );
});
