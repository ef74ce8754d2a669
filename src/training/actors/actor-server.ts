// What an actor asks of a NATS server: two requests of JetStream over a plain connection. So a page needs no client of
// JetStream, and an actor's account needs no other permission.
import { expectObject } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";

declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

/** The part of a connection that an actor uses. The connections of NATS' clients have it; `H` is their type of headers. */
interface Connection<H> {
  readonly info?: { readonly max_payload: number } | undefined;
  subscribe(subject: string): AsyncIterable<Message>;
  request(subject: string, data: Uint8Array, options: { timeout: number; headers?: H }): Promise<Message>;
}

interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: { readonly code: number; readonly description: string } | undefined;
}

/** JetStream answered with an error. */
class JetStreamError extends Error {
  override readonly name = "JetStreamError";
}

/** How long to wait for the last message of a subject, in ms. */
const askMs = 5000;

/** A server as an actor sees it. */
export interface ActorServer {
  /** The address, as it may be shown. */
  readonly address: string;
  /** The most bytes of a message. */
  readonly maxPayload: number;
  subscribe(subject: string): AsyncIterable<Message>;
  /** The last message of a subject in a stream; undefined if there is none. */
  last(stream: string, subject: string): Promise<Uint8Array | undefined>;
  /**
   * Publishes a message in a stream and waits for at most `timeout` ms until the server has it. Returns its place. A message
   * whose id the stream got a short time ago is not stored again.
   */
  publish(subject: string, data: Uint8Array, options: { id: string; timeout: number }): Promise<number>;
  /** Sends what is on its way, and closes the connection. */
  close(): Promise<void>;
}

/** A server behind a connection of one of NATS' clients. `newHeaders` is the client's function that makes headers. */
export function actorServer<H extends { set(name: string, value: string): void }>(
  address: string,
  connection: Connection<H>,
  newHeaders: () => H,
  close: () => Promise<void>,
): ActorServer {
  return {
    address,
    close,
    get maxPayload() {
      return connection.info?.max_payload ?? 1_048_576;
    },
    subscribe: (subject) => connection.subscribe(subject),
    async last(stream, subject) {
      const request = `$JS.API.DIRECT.GET.${stream}.${subject}`;
      const { headers, data } = await connection.request(request, new Uint8Array(0), { timeout: askMs });
      if (headers?.code === 404) return undefined;
      if (headers?.code !== 0) throw new JetStreamError(headers?.description ?? decode(data));
      return data;
    },
    async publish(subject, data, { id, timeout }) {
      const headers = newHeaders();
      headers.set("Nats-Msg-Id", id);
      const answer = await connection.request(subject, data, { timeout, headers });
      const value = parseJson(decode(answer.data), "acknowledgement");
      expectObject(value, "acknowledgement", "an object");
      const { seq, error } = value as { seq?: unknown; error?: { description?: unknown } };
      if (error) throw new JetStreamError(String(error.description));
      if (!Number.isSafeInteger(seq)) throw new JetStreamError("an acknowledgement without a number");
      return Number(seq);
    },
  };
}

export function decode(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
