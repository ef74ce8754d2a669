// The two requests of an actor, with answers as servers give them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorServer, actorServer } from "./actor-server.ts";

interface Answer {
  readonly headers?: { readonly code: number; readonly description: string };
  readonly text?: string;
}

/** A server that gives these answers, one for each request. */
function serverWith(...answers: Answer[]): { server: ActorServer; asked: unknown[] } {
  const asked: unknown[] = [];
  const connection = {
    info: { max_payload: 1000 },
    subscribe: () => assert.fail("it is not asked"),
    async request(subject: string, data: Uint8Array, options: { timeout: number; headers?: Map<string, string> }) {
      asked.push([subject, data.length, options.timeout, [...(options.headers ?? [])]]);
      const { headers, text = "" } = answers.shift() ?? {};
      return { subject: "inbox", data: new TextEncoder().encode(text), headers };
    },
  };
  return {
    server: actorServer(
      "ws://host",
      connection,
      () => new Map<string, string>(),
      async () => {},
    ),
    asked,
  };
}

test("the last message of a subject is asked for by its subject, and may be missing", async () => {
  const fine = { headers: { code: 0, description: "" }, text: "words" };
  const { server, asked } = serverWith(
    fine,
    { headers: { code: 404, description: "Message Not Found" } },
    { headers: { code: 408, description: "Bad Request" } },
    { text: "no headers" },
  );
  assert.equal(server.maxPayload, 1000);
  assert.equal(new TextDecoder().decode(await server.last("stream", "a.b")), "words");
  assert.deepEqual(asked, [["$JS.API.DIRECT.GET.stream.a.b", 0, 5000, []]]);
  assert.equal(await server.last("stream", "a.b"), undefined);
  await assert.rejects(server.last("stream", "a.b"), /JetStreamError: Bad Request/);
  await assert.rejects(server.last("stream", "a.b"), /JetStreamError: no headers/);
});

test("a message is published with its id, and only a place in the stream is an acknowledgement", async () => {
  const refusal = { error: { code: 503, description: "insufficient resources" }, seq: 0 };
  const { server, asked } = serverWith(
    { text: '{"stream":"s","seq":7}' },
    { text: JSON.stringify(refusal) },
    { text: '{"stream":"s"}' },
    { text: '{"stream":"s","seq":"7"}' },
    { text: "+OK" },
  );
  const publish = (): Promise<number> => server.publish("to", new Uint8Array(3), { id: "a-1", timeout: 50 });
  assert.equal(await publish(), 7);
  assert.deepEqual(asked, [["to", 3, 50, [["Nats-Msg-Id", "a-1"]]]]);
  await assert.rejects(publish(), /JetStreamError: insufficient resources/);
  for (let i = 0; i < 2; i++) await assert.rejects(publish(), /JetStreamError: an acknowledgement without a number/);
  await assert.rejects(publish(), /acknowledgement: expected JSON/);
});
