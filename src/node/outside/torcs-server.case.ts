// A stand-in for TORCS with its SCR server: one car on a straight road without end. It speaks as the server does.
import * as dgram from "node:dgram";
import type { AddressInfo } from "node:net";

/** What may go wrong on the way, for tests. Each is asked once for each datagram. */
export interface TorcsServerOptions {
  /** 0, the default: any free port. */
  port?: number;
  /** How long the server waits for an answer before it repeats the last action, in ms. Default: for ever. */
  answerMs?: number;
  /** Whether a datagram from the client is lost. */
  losesAnswer?: (text: string) => boolean;
  /** What is sent instead of a state; undefined: nothing, as if it were lost. */
  alters?: (sentence: string, state: number) => string | undefined;
  /** Whether the server ends at a restart, as one without a display does. */
  endsAtRestart?: boolean;
  /** States after which the race ends with a shutdown. */
  raceSteps?: number;
}

const dt = 0.02;
const halfWidth = 5;

/** A number as C++ writes it by default. */
function inCpp(x: number): string {
  return String(Number(x.toPrecision(6))).replace(/e([-+])(\d)$/, "e$10$2");
}

const sentence = (groups: Record<string, number | readonly number[]>): string =>
  Object.entries(groups)
    .map(([name, values]) => `(${name} ${[values].flat().map(inCpp).join(" ")})`)
    .join("");

export class TorcsServer {
  /** Everything that clients sent, oldest first. */
  readonly received: string[] = [];
  /** The states sent, over all races. */
  states = 0;
  races = 0;
  readonly #options: TorcsServerOptions;
  readonly #socket = dgram.createSocket("udp4");
  #client: dgram.RemoteInfo | null = null;
  #angles: number[] = [];
  #action: Record<string, number> = {};
  #timer: NodeJS.Timeout | undefined;
  #raceSteps = 0;
  // The car: m along the road and to its left, rad to its left, m/s.
  #along = 0;
  #left = 0;
  #yaw = 0;
  #speed = 0;
  #time = 0;
  #damage = 0;
  /** m; never set to 0, as in the server. */
  #raced = 0;

  constructor(options: TorcsServerOptions = {}) {
    this.#options = options;
    this.#socket.on("message", (bytes, from) => this.#onMessage(bytes.toString("latin1").replace(/\0.*$/, ""), from));
    this.#socket.on("error", () => {});
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#socket.bind(this.#options.port ?? 0, "127.0.0.1", resolve));
    return this.port;
  }

  get port(): number {
    return (this.#socket.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
    } catch {
      // It is closed.
    }
  }

  /** Sends a datagram to the client from another port. */
  async intrude(text: string): Promise<void> {
    const other = dgram.createSocket("udp4");
    const { port, address } = this.#client ?? { port: 9, address: "127.0.0.1" };
    await new Promise<void>((resolve) => other.send(`${text}\0`, port, address, () => other.close(() => resolve())));
  }

  #onMessage(text: string, from: dgram.RemoteInfo): void {
    this.received.push(text);
    if (this.#options.losesAnswer?.(text)) return;
    if (!this.#client) {
      if (!text.startsWith("SCR")) return;
      this.#client = from;
      this.#angles = /\(init ([^)]*)\)/.exec(text)?.[1].split(" ").map(Number) ?? [];
      this.#say("***identified***");
      this.#race();
      return;
    }
    // Any datagram counts as the answer, from any sender, and with any text.
    const given = Object.fromEntries(
      [...text.matchAll(/\((\w+) ([^)]*)\)/g)].map(([, name, value]) => [name, Number(value)]),
    );
    this.#action = { accel: 0, brake: 0, gear: 0, steer: 0, meta: 0, ...given };
    if (this.#action.meta === 1) {
      this.#end("***restart***");
      if (this.#options.endsAtRestart) void this.close();
      return;
    }
    this.#advance();
  }

  #race(): void {
    this.races++;
    [this.#along, this.#left, this.#yaw, this.#speed, this.#time, this.#damage] = [0, 0, 0, 0, -0.982, 0];
    this.#action = {};
    this.#raceSteps = 0;
    this.#sendState();
  }

  #end(word: string): void {
    clearTimeout(this.#timer);
    this.#say(word);
    this.#client = null;
  }

  #advance(): void {
    clearTimeout(this.#timer);
    const { accel = 0, brake = 0, steer = 0, gear = 0 } = this.#action;
    this.#time += dt;
    if (this.#time > 0) {
      const push = (gear > 0 ? 8 * accel : 0) - 12 * brake * Math.sign(this.#speed) - 0.1 * this.#speed;
      this.#speed = Math.max(0, this.#speed + push * dt);
      this.#yaw += (steer * this.#speed * dt) / 8;
      this.#along += this.#speed * Math.cos(this.#yaw) * dt;
      this.#raced += this.#speed * Math.cos(this.#yaw) * dt;
      this.#left += this.#speed * Math.sin(this.#yaw) * dt;
      if (Math.abs(this.#left) > halfWidth + 2) {
        this.#left = Math.sign(this.#left) * (halfWidth + 2);
        this.#damage += 1 + this.#speed;
        this.#speed *= 0.5;
      }
    }
    if (++this.#raceSteps === this.#options.raceSteps) this.#end("***shutdown***");
    else this.#sendState();
  }

  #sendState(): void {
    const { alters, answerMs } = this.#options;
    const plain = this.sentence();
    const text = alters ? alters(plain, this.states) : plain;
    this.states++;
    if (text !== undefined) this.#say(text);
    if (answerMs !== undefined) this.#timer = setTimeout(() => this.#advance(), answerMs);
  }

  /** The state of now, in the words of the server. */
  sentence(): string {
    const track = this.#angles.map((degrees) => {
      const angle = this.#yaw + (degrees * Math.PI) / 180;
      const side = Math.sin(angle);
      if (Math.abs(this.#left) > halfWidth) return -1;
      const distance = side > 0 ? (halfWidth - this.#left) / side : (-halfWidth - this.#left) / side;
      return Math.min(200, Number.isFinite(distance) ? distance : 200);
    });
    const spin = this.#speed / 0.33;
    return sentence({
      angle: -this.#yaw,
      curLapTime: this.#time,
      damage: this.#damage,
      distFromStart: this.#along,
      distRaced: this.#raced,
      fuel: 94,
      gear: this.#action.gear ?? 0,
      lastLapTime: 0,
      opponents: new Array(36).fill(200),
      racePos: 1,
      rpm: 942.478 + 300 * this.#speed,
      speedX: 3.6 * this.#speed,
      speedY: 7.78829e-7,
      speedZ: -0.00039,
      track,
      trackPos: this.#left / halfWidth,
      wheelSpinVel: [spin, spin, spin, spin],
      z: 0.345,
      focus: new Array(5).fill(-1),
    });
  }

  #say(text: string): void {
    if (this.#client) this.#socket.send(`${text}\0`, this.#client.port, this.#client.address);
  }
}
