// Connects to a NATS server, and keeps the connection: one that drops is taken up again.
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { Kvm } from "@nats-io/kv";
import type { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { expect, InputError } from "../../base/expect.ts";
import {
  closeConnection,
  inWords,
  isPassing,
  isRefusal,
  keepsConnection,
  saidBy,
  watchConnection,
} from "../../base/nats.ts";
import { parseServer, type ServerAddress } from "../../base/nats-address.ts";
import { attempt, readFile } from "../files.ts";
import { fromStart } from "../starting-folder.ts";

type Packages = typeof import("./packages.ts");

/** Which server, and the credentials for it. Files are paths, in the forms that NATS has. */
export interface ServerOptions {
  /** nats://, tls://, ws:// or wss://. It may have a user and a password, or a token. */
  readonly server: string;
  /** A .creds file. */
  readonly credentials?: string;
  /** The certificate of the authority that signed the server's. */
  readonly tlsCa?: string;
  /** The client's certificate and key, if the server asks for them. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** The environment's variables that stand for options which are not given. A password is no option: others may see it. */
export const serverVariables = {
  credentials: "DDPG_NATS_CREDENTIALS",
  tlsCa: "DDPG_NATS_TLS_CA",
  tlsCert: "DDPG_NATS_TLS_CERT",
  tlsKey: "DDPG_NATS_TLS_KEY",
  user: "DDPG_NATS_USER",
  password: "DDPG_NATS_PASSWORD",
  token: "DDPG_NATS_TOKEN",
} as const;

export interface ServerContext {
  /** What the server calls this client in its log and its list of connections. */
  readonly name: string;
  /** What errors name: the flag that gave the address. */
  readonly where: string;
  /** Gets one line when the connection is lost, and one when it is back. */
  readonly onLine: (line: string, isLost: boolean) => void;
  /** False for a client that may not ask whether the server has JetStream. */
  readonly asksForJetStream?: boolean;
  /** The first part of the subjects that answers come to, so that accounts can tell clients apart. Default: _INBOX. */
  readonly inboxPrefix?: string;
  readonly variables?: Readonly<Record<string, string | undefined>>;
}

/** A connection. */
export interface Server {
  /** The address, as it may be shown. */
  readonly address: string;
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Buckets of keys and values. */
  readonly values: Kvm;
  /** Buckets of objects. */
  readonly objects: Objm;
  /** What the packages export: constants and functions that need no connection. */
  readonly packages: Packages;
  /**
   * Repeats an action while the server does not answer, until it does or the connection is closed. The action may have had
   * its effect before an answer was lost, so doing it twice must be harmless.
   */
  retry<T>(action: () => Promise<T>): Promise<T>;
  /** Sends what is on its way, and closes the connection. */
  close(): Promise<void>;
}

/** How long the first connection may take. */
const connectMs = 5000;
const retryMs = 250;

/** Connects. Throws an InputError with a hint if there is no such server, it refuses, or it has no JetStream. */
export async function connect(options: ServerOptions, context: ServerContext): Promise<Server> {
  const { where, onLine } = context;
  const address = parseServer(options.server, where);
  const given = withVariables(options, address, context.variables ?? process.env);
  const { printable } = address;
  const packages = await import("./packages.ts");
  packages.setSha256Backend("native");
  const connection = await open(packages, address, given, context);
  void watchConnection(connection, (isLost) =>
    onLine(`${printable}: ${isLost ? "the connection is lost; trying to connect again" : "connected again"}`, isLost),
  );
  try {
    const checkAPI = context.asksForJetStream !== false;
    const manager = await packages.jetstreamManager(connection, { checkAPI });
    const jetstream = packages.jetstream(connection);
    return {
      ...{ address: printable, connection, jetstream, manager, packages },
      values: new packages.Kvm(jetstream),
      objects: new packages.Objm(jetstream),
      retry: (action) => retry(connection, action),
      close: () => closeConnection(connection),
    };
  } catch (error) {
    await connection.close();
    const said = saidBy(error);
    const got = /jetstream.*not.*(enabled|available)|no responders|503/i.test(said) ? "one without it" : said;
    const hint = "Start it with JetStream: nats-server -js -sd <folder>. With accounts, enable it for this one.";
    throw new InputError({ where, expected: `JetStream at ${printable}`, got, hint });
  }
}

type Given = ServerOptions & { readonly user?: string; readonly password?: string; readonly token?: string };

/** The variables stand for what is not given: a login in the address comes before all of them. */
function withVariables(
  options: ServerOptions,
  { user, token }: ServerAddress,
  variables: Readonly<Record<string, string | undefined>>,
): Given {
  const hasLogin = user !== undefined || token !== undefined;
  const found = Object.entries(serverVariables).flatMap(([name, variable]) => {
    const value = variables[variable];
    const isGiven = hasLogin && name === "credentials";
    return value === undefined || value === "" || isGiven ? [] : [[name, value]];
  });
  const chosen = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(found), ...Object.fromEntries(chosen) };
}

async function open(
  packages: Packages,
  address: ServerAddress,
  given: Given,
  { where, name, inboxPrefix }: ServerContext,
): Promise<NatsConnection> {
  const { printable, hostname, isWebSocket, isEncrypted } = address;
  const { credentials, tlsCa, tlsCert, tlsKey } = given;
  expect((tlsCert === undefined) === (tlsKey === undefined), "--tls-cert and --tls-key", "both or none", "one of them");
  const tls = {
    ...(tlsCa !== undefined && { ca: readText(tlsCa, "a certificate") }),
    ...(tlsCert !== undefined && { cert: readText(tlsCert, "a certificate") }),
    ...(tlsKey !== undefined && { key: readText(tlsKey, "a key") }),
  };
  const hasTls = Object.keys(tls).length > 0;
  // Without the host, Node would compare the certificate of an IP address with "localhost".
  const withHost = { ...tls, host: hostname };
  expect(
    !hasTls || !isWebSocket,
    where,
    "nats:// or tls:// with files for TLS",
    printable,
    "NODE_EXTRA_CA_CERTS works.",
  );
  if (isWebSocket && typeof WebSocket === "undefined") {
    const hint = "Use nats:// or tls://, or Node 22 or newer.";
    throw new InputError({ where, expected: "nats:// or tls://", got: `${printable}, without WebSocket`, hint });
  }
  const secret =
    credentials !== undefined
      ? { authenticator: packages.credsAuthenticator(new TextEncoder().encode(readText(credentials, "a .creds file"))) }
      : login(address, given);
  try {
    return await (isWebSocket ? packages.wsconnect : packages.connect)({
      servers: printable,
      name,
      ...(inboxPrefix !== undefined && { inboxPrefix }),
      ...secret,
      timeout: connectMs,
      ...keepsConnection,
      ...((hasTls || isEncrypted) && !isWebSocket && { tls: withHost }),
    });
  } catch (error) {
    const said = saidBy(error);
    // The host may be called "user" or "tls".
    const reason = said.replaceAll(hostname, "");
    const isRefused = isRefusal(error) || /authori[sz]ation|authentication|credential|nkey|jwt/i.test(reason);
    const hint = isRefused
      ? `Give --credentials <file>, or ${serverVariables.user} and ${serverVariables.password}.`
      : /certificate|\btls\b|\bssl\b|self.signed/i.test(reason)
        ? "Give the certificate of its authority with --tls-ca <file>, or use nats:// if it has no TLS."
        : "Start it there with nats-server -js, or correct the address.";
    throw new InputError({ where, expected: `a NATS server at ${printable}`, got: said, hint });
  }
}

function login({ user, password, token }: ServerAddress, given: Given): object {
  if (token !== undefined) return { token };
  if (user !== undefined) return { user, pass: password };
  if (given.token !== undefined) return { token: given.token };
  return given.user === undefined ? {} : { user: given.user, pass: given.password ?? "" };
}

/** Larger files are not of this kind. */
const maxFileBytes = 2 ** 20;

function readText(file: string, expected: string): string {
  const text = attempt(file, expected, () => readFile(fromStart(file), maxFileBytes).toString("utf8"));
  expect(text.includes("-----BEGIN"), path.normalize(file), `${expected}, with a line -----BEGIN`, "another file");
  return text;
}

async function retry<T>(connection: NatsConnection, action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (connection.isClosed() || !isPassing(error)) throw error;
      await delay(retryMs);
    }
  }
}

/** Does something whose refusals by the server, such as for missing permissions or a full disk, become InputErrors. */
export async function asInputErrors<T>({ address }: Server, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw inWords(address, error);
  }
}
