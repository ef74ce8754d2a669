// The connection to a NATS server, against a real one.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errors } from "@nats-io/transport-node";
import { InputError } from "../../base/expect.ts";
import { inWords, isPassing, isRefusal } from "../../base/nats.ts";
import { connect, type ServerContext } from "./connect.ts";
import { freePort, startServer, withoutServer } from "./nats-server.case.ts";

const secret = "s3cret/word";
const lines: string[] = [];
const context: ServerContext = { name: "test", where: "--server", onLine: (line) => lines.push(line), variables: {} };

async function refusal(action: () => unknown): Promise<InputError> {
  try {
    await action();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error;
  }
  throw new Error("nothing was refused");
}

describe("an error of the client", () => {
  it("is known by the name that the client gives it", () => {
    const unnamed = (error: Error): Error => Object.assign(error, { message: "" });
    const { AuthorizationError, ConnectionError, NoRespondersError, PermissionViolationError, TimeoutError } = errors;
    for (const passing of [new ConnectionError(""), new NoRespondersError("subject"), new TimeoutError()])
      assert.ok(isPassing(unnamed(passing)), passing.name);
    const refused = new PermissionViolationError("no", "publish", "subject");
    for (const other of [refused, new AuthorizationError("no")]) {
      assert.ok(!isPassing(other), other.name);
      assert.ok(inWords("nats://host", other) instanceof InputError, other.name);
    }
    assert.ok(isRefusal(new AuthorizationError("no")));
    assert.ok(!isRefusal(refused));
  });
});

describe("the connection", { skip: withoutServer, timeout: 60_000 }, () => {
  it("an unreachable server is one line that says what to do", async () => {
    const port = await freePort();
    const server = `nats://ann:${encodeURIComponent(secret)}@127.0.0.1:${port}`;
    const error = await refusal(() => connect({ server }, context));
    assert.match(
      error.message,
      /^--server: expected a NATS server at nats:\/\/127\.0\.0\.1:\d+, got connection refused.*\. Start it there with nats-server -js/,
    );
    assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}`, /s3cret/);
  });

  it("a host's name does not decide what the hint says", async () => {
    for (const host of ["user", "tls"]) {
      const { hint } = await refusal(() => connect({ server: `nats://${host}.invalid:1` }, context));
      assert.match(hint, /Start it there with nats-server -js/);
    }
  });

  it("JetStream missing and a wrong password are named", async () => {
    const plain = await startServer({ jetstream: false });
    try {
      const { message } = await refusal(() => connect({ server: plain.url }, context));
      assert.match(message, /^--server: expected JetStream at nats:.*, got one without it\. Start it with JetStream/);
    } finally {
      await plain.stop();
    }
    const closed = await startServer({ args: ["--user", "ann", "--pass", secret] });
    try {
      const wrong = await refusal(() => connect({ server: closed.url.replace("//", "//ann:oops@") }, context));
      assert.match(wrong.message, /got .*Authorization Violation.*DDPG_NATS_PASSWORD/i);
      assert.doesNotMatch(wrong.message, /oops/);
      const variables = { DDPG_NATS_USER: "ann", DDPG_NATS_PASSWORD: secret };
      const byVariable = await connect({ server: closed.url }, { ...context, variables });
      await byVariable.close();
      const url = closed.url.replace("//", `//ann:${encodeURIComponent(secret)}@`);
      const byUrl = await connect({ server: url }, context);
      assert.equal(byUrl.address, closed.url);
      await byUrl.close();
      // A file of credentials that a variable names does not replace the login of the address.
      const both = await connect({ server: url }, { ...context, variables: { DDPG_NATS_CREDENTIALS: "none.creds" } });
      await both.close();
    } finally {
      await closed.stop();
    }
  });

  it("a file that is no credentials file is refused", async () => {
    const file = path.join(fs.mkdtempSync(path.join(process.env.TMPDIR ?? "/tmp", "ddpg-creds-")), "my.creds");
    fs.writeFileSync(file, secret);
    const { message } = await refusal(() => connect({ server: "nats://127.0.0.1:1", credentials: file }, context));
    assert.match(message, /my\.creds: expected a \.creds file, with a line -----BEGIN, got/);
    fs.rmSync(path.dirname(file), { recursive: true });
    const none = await refusal(() => connect({ server: "nats://127.0.0.1:1", tlsCa: file }, context));
    assert.match(none.message, /my\.creds: expected a certificate, got no such file/);
  });

  const withoutOpenssl = spawnSync("openssl", ["version"]).status !== 0 && "openssl is not installed";
  it("is encrypted, and the server's certificate is checked", { skip: withoutOpenssl }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-tls-"));
    const [cert, key] = ["cert.pem", "key.pem"].map((name) => path.join(folder, name));
    const subject = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"];
    const form = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    assert.equal(spawnSync("openssl", [...form, ...subject, "-keyout", key, "-out", cert]).status, 0);
    const running = await startServer({ args: ["--tls", "--tlscert", cert, "--tlskey", key] });
    try {
      const server = running.url.replace("nats:", "tls:");
      const { message } = await refusal(() => connect({ server }, context));
      assert.match(message, /got .*certificate.*\. Give the certificate of its authority with --tls-ca <file>/);
      const encrypted = await connect({ server, tlsCa: cert }, context);
      assert.equal(encrypted.address, server);
      await encrypted.close();
      const byVariable = await connect({ server }, { ...context, variables: { DDPG_NATS_TLS_CA: cert } });
      await byVariable.close();
      const plain = await startServer();
      try {
        const unencrypted = plain.url.replace("nats:", "tls:");
        assert.match((await refusal(() => connect({ server: unencrypted }, context))).message, /tls/i);
      } finally {
        await plain.stop();
      }
    } finally {
      await running.stop();
      fs.rmSync(folder, { recursive: true });
    }
  });

  it("is taken up again after the server was killed, and keeps what was stored", async () => {
    const running = await startServer();
    const server = await connect({ server: running.url }, context);
    try {
      lines.length = 0;
      const bucket = await server.values.create("test");
      await bucket.put("a", "1");
      const objects = await server.objects.create("files");
      await objects.putBlob({ name: "big" }, new Uint8Array(500_000).fill(7));
      await running.kill();
      const meanwhile = server.retry(() => bucket.put("b", "2"));
      await delay(700);
      await running.restart();
      await meanwhile;
      assert.equal((await server.retry(() => bucket.get("a")))?.string(), "1");
      assert.equal((await bucket.get("b"))?.string(), "2");
      assert.deepEqual(await objects.getBlob("big"), new Uint8Array(500_000).fill(7));
      assert.deepEqual(lines, [
        `${running.url}: the connection is lost; trying to connect again`,
        `${running.url}: connected again`,
      ]);
    } finally {
      await server.close();
      await running.stop();
    }
  });
});
