// A simulator that connects to a port of ours. This side listens, as trainers of game engines do: then a robot needs to know
// one address, and it can come back after a break.
import * as net from "node:net";
import type { OutsideKind } from "./kinds.ts";
import { environmentsOf, type Wire } from "./link.ts";
import { addressText, cannotListen, graceMs, sendAway } from "./listen.ts";
import { toStandardError } from "./options.ts";

const defaultPort = 5500;
const defaultHost = "127.0.0.1";

/** How long a peer may take to send the start of a hello, in ms: a browser or a scanner must not keep the place. */
const helloMs = 10_000;

/** The first bytes of a connection that are looked at: a header, whose last four bytes are "ddpg". */
const startBytes = 8;

/** A simulator or robot that connects to a port of this program and speaks the frames of docs/protocol.md. */
export const tcpKind: OutsideKind = {
  form: "tcp",
  help: "a simulator or robot that connects to --port (docs/protocol.md)",
  options: ["host", "port"],
  deciding: [],
  expected: (rest) => (rest === "" ? undefined : "tcp alone, with --host and --port"),
  isHarmless: () => true,
  isExclusive: true,
  opener: (_, { host = defaultHost, port = defaultPort }, { stepTimeout, onLine = toStandardError }) =>
    environmentsOf(() => accept(host, port, onLine), { name: "tcp", timeoutMs: stepTimeout, canReconnect: false }),
};

/** Waits for a peer that begins with a hello. While it is connected, others get one line and are closed. */
function accept(host: string, port: number, onLine: (line: string) => void): Promise<Wire> {
  return new Promise((resolve, reject) => {
    let peer: net.Socket | undefined;
    const server = net.createServer((socket) => {
      socket.on("error", () => socket.destroy());
      if (peer) {
        sendAway(socket, "ddpg: another simulator is connected");
        return;
      }
      let start = Buffer.alloc(0);
      const timer = setTimeout(() => {
        onLine(`${nameOf(socket)} connected and said nothing; closed.`);
        sendAway(socket, "ddpg: expected a hello as docs/protocol.md describes it, got none in time");
      }, helloMs);
      const onData = (piece: Buffer): void => {
        start = Buffer.concat([start, piece]);
        if (start.length < startBytes) return;
        clearTimeout(timer);
        socket.pause();
        socket.off("data", onData);
        if (start.toString("latin1", 4, startBytes) !== "ddpg") {
          onLine(`${nameOf(socket)} connected and sent no hello; closed.`);
          sendAway(socket, "ddpg: expected a hello as docs/protocol.md describes it, got something else");
        } else if (peer) sendAway(socket, "ddpg: another simulator is connected");
        else {
          peer = socket;
          onLine(`${nameOf(socket)} connected.`);
          resolve(new SocketWire(socket, server, start));
        }
      };
      socket.on("data", onData);
      socket.once("close", () => clearTimeout(timer));
    });
    server.on("error", (error) => reject(cannotListen(error, "tcp", addressText(host, port))));
    server.listen(port, host, () => {
      const { port } = server.address() as net.AddressInfo;
      onLine(`Listening on ${addressText(host, port)}: start the simulator now.`);
    });
  });
}

function nameOf({ remoteAddress, remotePort }: net.Socket): string {
  return addressText(remoteAddress, remotePort);
}

class SocketWire implements Wire {
  readonly #socket: net.Socket;
  readonly #server: net.Server;
  readonly #start: Buffer;

  /** `start`: what has been read of the socket. */
  constructor(socket: net.Socket, server: net.Server, start: Buffer) {
    this.#socket = socket;
    this.#server = server;
    this.#start = start;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  receive(onPiece: (piece: Uint8Array) => void, onEnd: (why: string) => void): void {
    this.#socket.on("data", onPiece);
    this.#socket.once("close", () => onEnd("the simulator closed the connection"));
    // After the caller is ready for an error.
    queueMicrotask(() => {
      onPiece(this.#start);
      this.#socket.resume();
    });
  }

  async close(): Promise<void> {
    // Until it is closed, the process must not end.
    this.hold(true);
    this.#server.close();
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.end();
      setTimeout(() => this.#socket.destroy(), graceMs).unref();
      if (this.#socket.destroyed) resolve();
    });
  }

  destroy(): void {
    this.#server.close();
    this.#socket.destroy();
  }

  hold(isBusy: boolean): void {
    for (const each of [this.#socket, this.#server]) isBusy ? each.ref() : each.unref();
  }
}
