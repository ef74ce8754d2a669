import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { Output } from "./output.ts";

/** A stream that is full after some writes, or closed by its reader. It fails in the call, or later. */
function failing(code: string, writes: number, isLater: boolean) {
  const texts: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      if (texts.length < writes) {
        texts.push(String(chunk));
        done();
        return;
      }
      const error = Object.assign(new Error(code), { code });
      if (isLater) setImmediate(done, error);
      else done(error);
    },
  });
  const failures: string[] = [];
  const output = new Output(stream as unknown as NodeJS.WriteStream, "output", ({ message }) => failures.push(message));
  return { output, texts, failures };
}

describe("Output", () => {
  it("shows the control characters of lines and obeys those that it writes", () => {
    const { output, texts } = failing("", 9, false);
    output.print("one \u001b[31m\r\n two\u2028");
    output.print(["a", "", "b\u202e"]);
    output.write("\r\u001b[K");
    assert.deepEqual(texts, ["one \\u001b[31m\\u000d\\u000a two\\u2028\n", "a\n\nb\\u202e\n", "\r\u001b[K"]);
  });

  it("cuts the secrets of addresses from lines", () => {
    const { output, texts } = failing("", 9, false);
    output.print(`got "nats://ann:secret@host:4222", wss://secret@host, "tls://secret…", a@b`);
    assert.deepEqual(texts, ['got "nats://host:4222", wss://host, "tls://", a@b\n']);
  });

  for (const isLater of [false, true]) {
    it(`reports once that it cannot write${isLater ? ", when it finds out later" : ""}, and never throws`, async () => {
      const { output, texts, failures } = failing("ENOSPC", 1, isLater);
      for (const line of ["a", "b", "c"]) output.print(line);
      await output.written();
      output.print("d");
      await output.written();
      assert.deepEqual(texts, ["a\n"]);
      assert.deepEqual(failures, ["output: expected one that can be written, got a full disk."]);
      assert.equal(output.hasFailed, true);
    });

    it(`a reader that stops reading is no failure${isLater ? ", found out later" : ""}`, async () => {
      const { output, failures } = failing("EPIPE", 1, isLater);
      for (const line of ["a", "b", "c"]) output.print(line);
      await output.written();
      assert.deepEqual(failures, []);
      assert.equal(output.hasFailed, false);
    });
  }
});
