// What every client of a NATS server shares, in Node and in a page: what errors mean, and whether the connection is there.
import { InputError, messageOf } from "./expect.ts";
import { withoutSecrets } from "./nats-address.ts";

declare const setTimeout: (callback: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

/** How every client keeps its connection. It tries for ever, because a worker outlives a server that is restarted. */
export const keepsConnection = { maxReconnectAttempts: -1, reconnectTimeWait: 500, pingInterval: 20_000 } as const;

/** How long a connection that closes waits for the server, which may be lost, in ms. */
const drainMs = 2000;

/** Sends what is on its way, and closes a connection. */
export async function closeConnection(connection: { drain(): Promise<void>; close(): Promise<void> }): Promise<void> {
  let timer: unknown;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, drainMs);
  });
  await Promise.race([connection.drain().catch(() => {}), late]);
  clearTimeout(timer);
  await connection.close();
}

/** What an error of the client says, with its causes, in one line without secrets. */
export function saidBy(error: unknown): string {
  const messages: string[] = [];
  for (let each = error; each !== undefined && messages.length < 3; each = (each as { cause?: unknown }).cause)
    messages.push(messageOf(each));
  return withoutSecrets(messages.filter((text, i) => text !== "" && messages.indexOf(text) === i).join(": "));
}

/** Whether a server refused the login, by the names of an error and its causes. */
export function isRefusal(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if (["AuthorizationError", "UserAuthenticationExpiredError"].includes(each.name)) return true;
  return false;
}

/** Whether the same request may succeed later: the server did not answer, or is still starting. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (["TimeoutError", "NoResponders", "ConnectionError"].includes(error.name)) return true;
  if (error.name === "RequestError") return isPassing(error.cause) || /timeout|disconnect/i.test(error.message);
  return /timeout|503|no responders|temporarily unavailable|not yet available/i.test(error.message);
}

/** An error of the client as an InputError, if the server refused something; other errors as they are. */
export function inWords(address: string, error: unknown): unknown {
  if (!(error instanceof Error) || !refusals.test(error.name)) return error;
  const hint = "docs/scale.md shows what each user must be permitted.";
  return new InputError({ where: address, expected: "a server that does what ddpg needs", got: error.message, hint });
}

/** The names of the errors with which the client reports what the server or the connection refuses. */
const refusals =
  /^(JetStream\w*|PermissionViolation|Authorization|UserAuthenticationExpired|ClosedConnection|DrainingConnection|Connection|Request|Timeout|NoResponders|ConsumerNotFound|StreamNotFound)(Error)?$/;

/** The part of a connection that `watchConnection` uses. */
interface Watched {
  status(): AsyncIterable<{ readonly type: string }>;
  isClosed(): boolean;
}

/** Calls `onChange` when a connection is lost and when it is back, once each, until it is closed. */
export async function watchConnection(connection: Watched, onChange: (isLost: boolean) => void): Promise<void> {
  let isLost = false;
  for await (const { type } of connection.status()) {
    if (type === "disconnect" && !isLost && !connection.isClosed()) {
      isLost = true;
      onChange(true);
    } else if (type === "reconnect" && isLost) {
      isLost = false;
      onChange(false);
    }
  }
}
