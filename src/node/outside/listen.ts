// What the kinds share that listen on a port for a simulator or a game.
import * as net from "node:net";
import { InputError } from "../../base/expect.ts";

/** How long a socket may take to close, in ms. */
export const graceMs = 1000;

/** A host and a port as text. */
export function addressText(host: string | undefined, port: number | undefined): string {
  return `${host !== undefined && net.isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** What to say of an error of a server that was to listen. `where` begins it. */
export function cannotListen(error: NodeJS.ErrnoException, where: string, address: string): InputError {
  const got = error.code === "EADDRINUSE" ? "one that another program uses" : error.message;
  const hint = "Choose another with --port.";
  return new InputError({ where, expected: `a port to listen on, ${address}`, got, hint }, { cause: error });
}

/** Sends one line to a peer that is not wanted, reads no more of it, and closes the connection. */
export function sendAway(socket: net.Socket, line: string): void {
  socket.removeAllListeners("data");
  socket.resume();
  socket.end(`${line}\n`);
  setTimeout(() => socket.destroy(), graceMs).unref();
}
