import { fail } from "../../base/expect.ts";
import type { OutsideKind } from "./kinds.ts";

/** A program that speaks the frames of docs/protocol.md over its standard input and output. */
export const exec: OutsideKind = {
  form: "exec:<program>",
  help: "a program in any language that speaks the frames of docs/protocol.md",
  options: ["args"],
  deciding: ["args"],
  expected: (rest) => (rest === "" || rest.includes("\0") ? "exec:<program>, such as exec:./simulator" : undefined),
  program: (rest) => rest,
  isHarmless: () => false,
  opener: (rest) => fail("exec", "a later version", rest),
};
