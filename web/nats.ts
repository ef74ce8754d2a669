// Connects the page with a NATS server through a WebSocket. Only this file of the page imports NATS' client, and only the
// worker loads it, when a user asks for a connection.
import { headers, wsconnect } from "@nats-io/nats-core";
import { InputError } from "../src/base/expect.ts";
import { closeConnection, isRefusal, keepsConnection, saidBy, watchConnection } from "../src/base/nats.ts";
import type { ServerAddress } from "../src/base/nats-address.ts";
import { type ActorServer, actorServer } from "../src/training/actors/actor-server.ts";
import { inboxes } from "../src/training/actors/channel.ts";

/** A user with a password, a password alone, which is a token, or nothing. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** How long the first connection may take, in ms. */
const connectMs = 10_000;

/**
 * Connects, and keeps the connection: one that drops is taken up again, and `onChange` hears of both. Throws an InputError that
 * says what may be wrong.
 */
export async function connectToNats(
  address: ServerAddress,
  login: Login,
  name: string,
  onChange: (isLost: boolean) => void,
): Promise<ActorServer> {
  const { printable } = address;
  try {
    const connection = await wsconnect({
      ...{ servers: printable, name, inboxPrefix: inboxes.actor, timeout: connectMs },
      ...credentials(login),
      ...keepsConnection,
    });
    void watchConnection(connection, onChange);
    return actorServer(printable, connection, headers, () => closeConnection(connection));
  } catch (error) {
    throw new InputError(isRefusal(error) ? refused(printable, login) : unreachable(address, saidBy(error)));
  }
}

function credentials({ user, password }: Login): object {
  if (user !== "") return { user, pass: password };
  return password === "" ? {} : { token: password };
}

function refused(printable: string, { user, password }: Login): string {
  if (user === "" && password === "") return `${printable} wants a user and a password.`;
  const given = user === "" ? "this password without a user" : "this user with this password";
  return `${printable} refused ${given}. Correct them. If they are right, the server does not let this user in from a page: see allowed_connection_types in its configuration.`;
}

/** Browsers hide why a WebSocket failed, so that pages cannot explore a network: the user has to look. */
function unreachable({ printable, isEncrypted }: ServerAddress, said: string): string {
  const secure = isEncrypted
    ? "that this browser trusts its certificate"
    : "that this block has no_tls: true, because a server with TLS needs wss://";
  const reason = /\w/.test(said) && said !== "undefined" ? ` (${said})` : "";
  return (
    `There is no connection to ${printable}${reason}. Browsers do not say why. Check that a NATS server with a ` +
    `websocket block listens there, that its allowed_origins include ${location.origin}, and ${secure}.`
  );
}
