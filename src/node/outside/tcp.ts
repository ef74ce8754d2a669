import { fail } from "../../base/expect.ts";
import type { OutsideKind } from "./kinds.ts";

/** A simulator or robot that connects to a port of this program and speaks the frames of docs/protocol.md. */
export const tcp: OutsideKind = {
  form: "tcp",
  help: "a simulator or robot that connects to --port and speaks the frames of docs/protocol.md",
  options: ["host", "port"],
  deciding: [],
  expected: (rest) => (rest === "" ? undefined : "tcp, with --host and --port"),
  isHarmless: () => true,
  opener: (rest) => fail("tcp", "a later version", rest),
};
