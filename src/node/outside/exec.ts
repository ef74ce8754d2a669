import * as path from "node:path";
import { startChild } from "./child.ts";
import type { OutsideKind } from "./kinds.ts";
import { environmentsOf } from "./link.ts";
import { toStandardError } from "./options.ts";

/** A program that speaks the frames of docs/protocol.md over its standard input and output. */
export const execKind: OutsideKind = {
  form: "exec:<program>",
  help: "a program in any language that speaks the frames of docs/protocol.md",
  options: ["args"],
  deciding: ["args"],
  expected: (rest) => (rest === "" || rest.includes("\0") ? "exec:<program>, such as exec:./simulator" : undefined),
  program: (rest) => rest,
  isHarmless: () => false,
  opener: (rest, { args = [] }, { stepTimeout, onLine = toStandardError }) => {
    // A path, because a name alone would be looked up in the PATH. It was hashed as this file.
    const command = path.resolve(rest);
    const connect = () =>
      startChild({
        command,
        args,
        what: "a program that can be started",
        hint: "It must be executable: a script needs a first line such as #!/usr/bin/env python3.",
        onLine,
      });
    return environmentsOf(connect, { name: `exec:${path.basename(rest)}`, timeoutMs: stepTimeout, canReconnect: true });
  },
};
