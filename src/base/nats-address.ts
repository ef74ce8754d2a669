// The address of a NATS server, with the secret that it may carry. Only what `printable` returns is ever shown or stored.
import { expect } from "./expect.ts";

declare const URL: {
  new (text: string): Readonly<Record<UrlPart, string>>;
  canParse(text: string): boolean;
};
type UrlPart = "protocol" | "hostname" | "port" | "pathname" | "search" | "hash" | "username" | "password";

export interface ServerAddress {
  /** The address without a user, a password or a token. */
  readonly printable: string;
  /** The name or the IP address of the machine. */
  readonly hostname: string;
  readonly isWebSocket: boolean;
  /** Whether the connection must be encrypted. */
  readonly isEncrypted: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const form = "an address such as nats://host:4222, tls://host:4222 or wss://host:443";
const schemes: readonly string[] = ["nats:", "tls:", "ws:", "wss:"];

/** An address as it may be shown: without what stands before the @, and without a query. It need not be valid. */
export function printableAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const [, scheme = ""] = /^([a-z]+:\/\/)/i.exec(address) ?? [];
  const rest = (at < 0 ? address.slice(scheme.length) : address.slice(at + 1)).replace(/[?#].*$/s, "");
  // Text in place of the port may be a password whose host was forgotten.
  return scheme + (/^(\[[^\]]*\]|[^:/]*)(:\d*)?(\/.*)?$/s.test(rest) ? rest : "…");
}

/** A text without the secrets of the servers' addresses in it. */
export function withoutSecrets(text: string): string {
  // A slash that the user did not encode may be a part of a password. A text that was cut may have lost its @.
  if (!text.includes("://")) return text;
  const shown = text.replaceAll(/\b(nats|tls|wss?):\/\/\S*[@…]/gi, "$1://");
  // A password whose host was forgotten looks like a port.
  return shown.replaceAll(/\b(nats|tls|wss?):\/\/[^\s:/@[\]]+:(?!\d+\b)\S+/gi, "$1://…");
}

/** Reads the address of a server. Throws an InputError that shows no secret. `where` names it, such as a flag. */
export function parseServer(text: string, where: string): ServerAddress {
  const shown = printableAddress(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  expect(url !== undefined && schemes.includes(url.protocol) && url.hostname !== "", where, form, shown);
  const isWebSocket = url.protocol.startsWith("ws");
  const isPlain = url.search === "" && url.hash === "" && (isWebSocket || /^\/?$/.test(url.pathname));
  expect(isPlain, where, `${form}, and nothing after the port`, shown);
  const [user, password] = [url.username, url.password].map((part) => decoded(part, where));
  const port = url.port === "" && !isWebSocket ? ":4222" : url.port && `:${url.port}`;
  return {
    printable: `${url.protocol}//${url.hostname}${port}${isWebSocket && url.pathname !== "/" ? url.pathname : ""}`,
    hostname: url.hostname.replaceAll(/[[\]]/g, ""),
    isWebSocket,
    isEncrypted: url.protocol === "tls:" || url.protocol === "wss:",
    // A lone name is a token, as in NATS' own tools.
    ...(user !== "" && (password === "" ? { token: user } : { user, password })),
  };
}

function decoded(part: string, where: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    const hint = "Write % as %25.";
    return expect(false, where, "a user and a password with % in its encoded form", "others", hint) as never;
  }
}
