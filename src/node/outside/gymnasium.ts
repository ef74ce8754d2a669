import { fail } from "../../base/expect.ts";
import type { OutsideKind } from "./kinds.ts";

/** A task of Gymnasium's registry, in a Python process. */
export const gymnasium: OutsideKind = {
  form: "gymnasium:<id>",
  help: "a task of Gymnasium in Python; gymnasium:<module>:<id> imports a module first",
  options: ["python", "kwargs"],
  deciding: ["kwargs"],
  expected: (rest) =>
    /^(?:[\w.]+:)?[\w./-]+$/.test(rest)
      ? undefined
      : "gymnasium:<id> or gymnasium:<module>:<id>, such as gymnasium:HalfCheetah-v5",
  // A module is a program. An id alone is looked up among the packages of the user's own Python.
  isHarmless: (rest) => !rest.includes(":"),
  opener: (rest) => fail("gymnasium", "a later version", rest),
};
