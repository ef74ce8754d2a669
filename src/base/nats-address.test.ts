import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InputError } from "./expect.ts";
import { parseServer, printableAddress, withoutSecrets } from "./nats-address.ts";

const secret = "s3cret/word";

function refusal(action: () => unknown): InputError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error;
  }
  throw new Error("nothing was refused");
}

describe("the address of a server", () => {
  it("is split into what may be shown and its secret", () => {
    assert.deepEqual(parseServer("nats://ann:p%40ss@host:4333", "--server"), {
      ...{ printable: "nats://host:4333", hostname: "host", isWebSocket: false, isEncrypted: false },
      ...{ user: "ann", password: "p@ss" },
    });
    assert.deepEqual(parseServer("tls://tok@host", "--server"), {
      ...{ printable: "tls://host:4222", hostname: "host", isWebSocket: false, isEncrypted: true, token: "tok" },
    });
    assert.equal(parseServer("wss://host/nats", "--server").printable, "wss://host/nats");
    assert.equal(printableAddress(`nats://ann:${secret}@host:1`), "nats://host:1");
    assert.equal(printableAddress("nats://host?token=x"), "nats://host");
    assert.equal(printableAddress("nats://ann:s3cret"), "nats://…");
    for (const text of ["nats://host:4222", "tls://[::1]:4222", "wss://host/nats", "nats://host"]) {
      assert.equal(printableAddress(text), text);
      assert.equal(withoutSecrets(`${text}: lost`), `${text}: lost`);
    }
    assert.equal(withoutSecrets("got nats://ann:s3cret"), "got nats://…");
    assert.equal(withoutSecrets(`at nats://ann:a"b'c<d>e@host, x`), "at nats://host, x");
    assert.equal(
      withoutSecrets(`from nats://ann:${secret}@host and wss://x@y, mail a@b`),
      "from nats://host and wss://y, mail a@b",
    );
  });

  it("is refused without its secret", () => {
    for (const text of [
      `http://ann:${secret}@host`,
      `nats://ann:${secret}@`,
      `nats://ann:${secret}@host/path`,
      `nats://ann:${secret} x@host`,
      `ann:${secret}@host`,
      "nats://ann:%zz@host",
      `nats://host?password=${secret}`,
    ]) {
      const { message } = refusal(() => parseServer(text, "--server"));
      assert.match(message, /^--server: expected /);
      assert.doesNotMatch(message, /s3cret|ann|%zz/, text);
    }
  });
});
