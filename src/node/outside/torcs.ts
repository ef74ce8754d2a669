// The racing game TORCS as an environment: a client of its SCR server, which speaks text over UDP (docs/worlds.md).
import * as dgram from "node:dgram";
import { isIPv6 } from "node:net";
import { setImmediate as macrotask } from "node:timers/promises";
import { cut, expect, expectOptions, fail, InputError, suggest } from "../../base/expect.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { TimeLimit } from "../../environment/time-limit.ts";
import { Alarm } from "./alarm.ts";
import type { OutsideKind } from "./kinds.ts";
import { addressText } from "./listen.ts";

/** The rules of reward and end: those of DDPG-Keras-Torcs, or of the paper. */
export type TorcsReward = "keras" | "paper";

/** Options of `torcs`. */
export interface TorcsOptions {
  /** The server's host. Default: 127.0.0.1. */
  host?: string;
  /** The server's port: 3001 for its first driver. */
  port?: number;
  /**
   * `keras`, the default: v cos α − |v sin α| − v |trackPos|, v in km/h, and −1 on a step on which damage grew; an episode
   * ends when the car points backwards. `paper`: v cos α, less 1 on such a step; an episode ends after 500 steps without
   * progress.
   */
  reward?: TorcsReward;
  /** Time steps of 20 ms after which an episode is truncated. Default: 5,000. */
  maxEpisodeSteps?: number;
  /** How long to wait for the server before an episode, in ms. Default: 60,000. */
  connectTimeout?: number;
  /** How long to wait for the answer to an action, in ms. Default: 10,000. */
  answerTimeout?: number;
}

const optionNames = Object.keys({
  ...{ host: true, port: true, reward: true, maxEpisodeSteps: true, connectTimeout: true, answerTimeout: true },
} satisfies Record<keyof TorcsOptions, true>);

/** The names of the rules. */
export const torcsRewards: readonly TorcsReward[] = ["keras", "paper"];

/** The port of the first driver. */
const torcsPort = 3001;

/**
 * The car of a TORCS server as an environment: 29 sensors, and steering, acceleration and brake as actions. It is `single`
 * and not `repeatable`. Its socket is open from the first `reset` to `close`.
 */
export function torcs(options: TorcsOptions = {}): Environment {
  expectOptions(options, "torcs", optionNames);
  const { maxEpisodeSteps = 5000 } = options;
  return new TimeLimit(new Torcs(options), maxEpisodeSteps);
}

/** What the server sends at each step, in its own units. */
export interface Sensors {
  /** From the direction of the track to that of the car, rad. */
  angle: number;
  /** The free distance ahead at each angle of `rangeAngles`, m; −1 off the road: [19]. */
  track: readonly number[];
  /** 0 on the axis of the track, 1 at its left edge, −1 at its right edge. */
  trackPos: number;
  /** km/h, along the axes of the car. */
  speedX: number;
  speedY: number;
  speedZ: number;
  /** rad/s: [4]. */
  wheelSpinVel: readonly number[];
  rpm: number;
  damage: number;
  /** m, since the server started. */
  distRaced: number;
  /** s; begins near −1, because the car stands until 0. */
  curLapTime: number;
  /** s; 0 before the first lap is complete. */
  lastLapTime: number;
}

const sensorSizes: Readonly<Record<keyof Sensors, number>> = {
  ...{ angle: 1, track: 19, trackPos: 1, speedX: 1, speedY: 1, speedZ: 1, wheelSpinVel: 4, rpm: 1 },
  ...{ damage: 1, distRaced: 1, curLapTime: 1, lastLapTime: 1 },
};

const example = "sensors such as (angle 0.01)(track 200 …)";

/**
 * Reads a sentence of the server: `(name number …)(name number …) …`, perhaps with a NUL at its end. Other sensors are
 * ignored. Throws an InputError that begins with `where` for anything else, and for a missing sensor.
 */
export function readSensors(sentence: string, where: string): Sensors {
  const text = sentence.split("\0", 1)[0].trim();
  const values = new Map<string, number[]>();
  let end = 0;
  for (const { 0: group, index, 1: content } of text.matchAll(/\s*\(([^()]*)\)/g)) {
    if (index !== end) break;
    end += group.length;
    const [name = "", ...words] = content.trim().split(/\s+/);
    if (Object.hasOwn(sensorSizes, name)) values.set(name, words.map(numberOf));
  }
  if (end !== text.length || text === "") throw new InputError({ where, expected: example, got: quoted(sentence) });
  for (const [name, size] of Object.entries(sensorSizes)) {
    const list = values.get(name);
    const numbers = `${size} ${size === 1 ? "number" : "numbers"}`;
    if (list?.length !== size) fail(`${where} ${name}`, numbers, list ? list.length : undefined);
    for (const [i, value] of list.entries())
      expect(Number.isFinite(value), `${where} ${name}${size === 1 ? "" : `[${i}]`}`, "a finite number", value);
  }
  const entries = Object.entries(sensorSizes).map(([name, size]) => {
    const list = values.get(name) ?? [];
    return [name, size === 1 ? list[0] : list];
  });
  return Object.fromEntries(entries) as Sensors;
}

/** A number as C++ writes it. Anything else is NaN, also what only JavaScript takes for a number, such as 0x10. */
function numberOf(word: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(word) ? Number(word) : Number.NaN;
}

function quoted(text: string): string {
  return `"${cut(text)}"`;
}

/** The angles of the 19 range finders, degrees, as in DDPG-Keras-Torcs. */
const rangeAngles = [-45, -19, -12, -7, -4, -2.5, -1.7, -1, -0.5, 0, 0.5, 1, 1.7, 2.5, 4, 7, 12, 19, 45];

const initialization = `SCR(init ${rangeAngles.join(" ")})`;

/** The speed in km/h above which each gear is used, from the second. */
const gearSpeeds = [50, 80, 110, 140, 170];

export function gearAt(speed: number): number {
  return 1 + gearSpeeds.filter((least) => speed > least).length;
}

/** One sentence to the server. `meta` 1 asks for a restart of the race. */
export function answerOf([steer, acceleration, brake]: ArrayLike<number> & Iterable<number>, gear: number): string {
  return `(accel ${acceleration})(brake ${brake})(gear ${gear})(steer ${steer})(clutch 0)(meta 0)`;
}

const idle = answerOf([0, 0, 0], 1);
const restart = "(accel 0)(brake 0)(gear 0)(steer 0)(clutch 0)(meta 1)";

// biome-ignore lint/suspicious/noApproximativeNumericConstant: the value that DDPG-Keras-Torcs has
export const theirPi = 3.1416;

/** Writes the observation of DDPG-Keras-Torcs to `out` [29]. */
export function observe(out: Float64Array, sensors: Sensors): void {
  const { angle, track, trackPos, speedX, speedY, speedZ, wheelSpinVel, rpm } = sensors;
  out[0] = angle / theirPi;
  for (let i = 0; i < 19; i++) out[1 + i] = track[i] / 200;
  out[20] = trackPos;
  out[21] = speedX / 300;
  out[22] = speedY / 300;
  out[23] = speedZ / 300;
  for (let i = 0; i < 4; i++) out[24 + i] = wheelSpinVel[i] / 100;
  out[28] = rpm / 10_000;
}

/** The paper's limit of steps without progress, which is a meter here. */
const stepsWithoutProgress = 500;
const progress = 1;

/** The duration of a step of the server, s. */
const stepSeconds = 0.02;

/** How often an unanswered sentence is repeated, in ms. A refusal comes at once, so the next try may come sooner. */
const repeatMs = 1000;
const refusedMs = 100;

/** How long to wait for the server to say that it restarts, in ms. One that runs without a display may end instead. */
const restartMs = 2000;

class Torcs implements Environment {
  readonly name = "torcs";
  readonly observationSize = 29;
  readonly actionLow = [-1, 0, 0];
  readonly actionHigh = [1, 1, 1];
  readonly repeatable = false;
  readonly single = true;
  readonly #host: string;
  readonly #port: number;
  readonly #reward: TorcsReward;
  readonly #connectTimeout: number;
  readonly #answerTimeout: number;
  readonly #observation = new Float64Array(29);
  #socket: Datagrams | null = null;
  /** Whether the server is in a race with this client. */
  #isRacing = false;
  #sensors: Sensors | null = null;
  #lastReward = 0;
  /** `distRaced` at the start of the episode, and the farthest since with the step on which it was reached. */
  #start = 0;
  #farthest = 0;
  #farthestStep = 0;
  #steps = 0;
  /** Steps of the server in this episode that no action answered. */
  #missed = 0;

  constructor(options: TorcsOptions) {
    const { host = "127.0.0.1", port = torcsPort, reward = "keras" } = options;
    const { connectTimeout = 60_000, answerTimeout = 10_000 } = options;
    expect(typeof host === "string" && host !== "", "torcs host", "the name or address of a host", host);
    const isPort = Number.isInteger(port) && port >= 1 && port <= 65_535;
    expect(isPort, "torcs port", "a whole number from 1 to 65535", port);
    const hint = typeof reward === "string" ? suggest(reward, torcsRewards) : "";
    expect(torcsRewards.includes(reward), "torcs reward", `one of ${torcsRewards.join(", ")}`, reward, hint);
    for (const [name, ms] of Object.entries({ connectTimeout, answerTimeout }))
      expect(Number.isFinite(ms) && ms > 0, `torcs ${name}`, "a finite number of milliseconds above 0", ms);
    this.#host = host;
    this.#port = port;
    this.#reward = reward;
    this.#connectTimeout = connectTimeout;
    this.#answerTimeout = answerTimeout;
  }

  get #where(): string {
    return `TORCS server ${addressText(this.#host, this.#port)}`;
  }

  async reset(): Promise<Float64Array> {
    this.#socket ??= await Datagrams.open(this.#host, this.#port, this.#where);
    const socket = this.#socket;
    if (this.#isRacing) await this.#endRace(socket);
    const sensors = await this.#identify(socket);
    this.#isRacing = true;
    this.#sensors = sensors;
    this.#lastReward = 0;
    this.#start = sensors.distRaced;
    this.#farthest = sensors.distRaced;
    this.#farthestStep = 0;
    this.#steps = 0;
    this.#missed = 0;
    observe(this.#observation, sensors);
    return this.#observation;
  }

  /** Asks the server to restart the race. Returns when it says so, or is silent: then it may have ended. */
  async #endRace(socket: Datagrams): Promise<void> {
    const deadline = performance.now() + restartMs;
    this.#isRacing = false;
    socket.clear();
    for (;;) {
      socket.send(restart);
      const last = Math.min(deadline, performance.now() + repeatMs);
      for (let text = await socket.next(last); text !== null; text = await socket.next(last)) {
        if (isEnd(text)) return;
      }
      if (socket.takeRefusal() || performance.now() >= deadline) return;
    }
  }

  /** Introduces itself until the server answers; returns the first state of the race. */
  async #identify(socket: Datagrams): Promise<Sensors> {
    const deadline = performance.now() + this.#connectTimeout;
    let isIdentified = false;
    let wasRefused = false;
    socket.clear();
    for (;;) {
      // A second introduction would be taken for an action. Once it knows this client, it may wait for one.
      socket.send(isIdentified ? idle : initialization);
      const last = Math.min(deadline, performance.now() + repeatMs);
      for (let text = await socket.next(last); text !== null; text = await socket.next(last)) {
        if (text.startsWith("***identified***")) isIdentified = true;
        else if (isEnd(text)) isIdentified = false;
        // The word itself may have been lost.
        else return readSensors(text, this.#where);
      }
      if (socket.takeRefusal()) {
        wasRefused = true;
        isIdentified = false;
        await socket.pause(Math.min(deadline, performance.now() + refusedMs));
      }
      if (performance.now() < deadline) continue;
      throw new InputError({
        where: this.#where,
        expected: `an answer to SCR(init …) within ${this.#connectTimeout / 1000} s`,
        got: wasRefused ? "none: nothing listens there" : "none",
        hint: "Start a race with the driver scr_server. A server that another client has left must be started again.",
      });
    }
  }

  async step(action: Float32Array): Promise<Step> {
    const [steer, acceleration, brake] = action;
    const socket = this.#socket;
    const before = this.#sensors;
    if (!socket || !before || !this.#isRacing)
      throw new InputError({ where: "torcs step", expected: "reset first", got: "no race" });
    // What came while the action was computed is too old to be the answer to it.
    await macrotask();
    let latest = before;
    for (let text = socket.take(); text !== undefined; text = socket.take()) {
      if (isEnd(text)) return this.#ended();
      latest = readSensors(text, this.#where);
    }
    const sentence = answerOf([steer, acceleration, brake], gearAt(latest.speedX));
    const deadline = performance.now() + this.#answerTimeout;
    for (;;) {
      // Repeated, because either the action or the answer may have been lost.
      socket.send(sentence);
      const last = Math.min(deadline, performance.now() + repeatMs);
      for (let text = await socket.next(last); text !== null; text = await socket.next(last)) {
        if (isEnd(text)) return this.#ended();
        if (!text.startsWith("***")) return this.#result(before, readSensors(text, this.#where));
      }
      const isGone = socket.takeRefusal();
      if (!isGone && performance.now() < deadline) continue;
      this.#isRacing = false;
      throw new InputError({
        where: this.#where,
        expected: `the car's next state within ${this.#answerTimeout / 1000} s`,
        got: isGone ? "none: nothing listens there any more" : "none",
        hint: "Start the server again before you resume.",
      });
    }
  }

  /** The server ended the race after the last state: it is cut short, and there is no newer observation. */
  #ended(): Step {
    this.#isRacing = false;
    return { observation: this.#observation, reward: this.#lastReward, terminated: false, truncated: true };
  }

  #result(before: Sensors, sensors: Sensors): Step {
    this.#sensors = sensors;
    this.#steps++;
    const seconds = sensors.curLapTime - before.curLapTime;
    // The time falls at the start of a lap.
    if (seconds > 0) this.#missed += Math.max(0, Math.round(seconds / stepSeconds) - 1);
    if (sensors.distRaced >= this.#farthest + progress) {
      this.#farthest = sensors.distRaced;
      this.#farthestStep = this.#steps;
    }
    const isHurt = sensors.damage > before.damage;
    const isStuck = this.#steps - this.#farthestStep >= stepsWithoutProgress;
    const reward = rewardOf(this.#reward, sensors, isHurt);
    this.#lastReward = reward;
    observe(this.#observation, sensors);
    return {
      observation: this.#observation,
      reward,
      terminated: this.#reward === "keras" ? Math.cos(sensors.angle) < 0 : isStuck,
      truncated: false,
      info: {
        distance: sensors.distRaced - this.#start,
        damage: sensors.damage,
        lastLapSeconds: sensors.lastLapTime,
        missedSteps: this.#missed,
      },
    };
  }

  close(): void {
    // Otherwise the server would keep racing for this client, and hear no other.
    if (this.#isRacing) this.#socket?.send(restart);
    this.#isRacing = false;
    this.#socket?.close();
    this.#socket = null;
    this.#sensors = null;
  }
}

/** v is the speed along the car's axis, km/h. */
export function rewardOf(rule: TorcsReward, { speedX: v, angle, trackPos }: Sensors, isHurt: boolean): number {
  const along = v * Math.cos(angle);
  if (rule === "paper") return along - (isHurt ? 1 : 0);
  return isHurt ? -1 : along - Math.abs(v * Math.sin(angle)) - v * Math.abs(trackPos);
}

function isEnd(text: string): boolean {
  return text.startsWith("***shutdown***") || text.startsWith("***restart***");
}

/** More datagrams than a client ever needs to look back at. The oldest are dropped. */
const maxQueue = 64;

/** A UDP socket that hears only one peer. */
class Datagrams {
  readonly #socket: dgram.Socket;
  readonly #queue: string[] = [];
  readonly #alarm = new Alarm();
  #isRefused = false;
  #isClosed = false;

  private constructor(socket: dgram.Socket) {
    this.#socket = socket;
    socket.on("message", (bytes) => {
      this.#queue.push(bytes.toString("latin1"));
      if (this.#queue.length > maxQueue) this.#queue.shift();
      this.#alarm.ring();
    });
    socket.on("error", () => this.#refuse());
  }

  /** Throws an InputError that begins with `where` if the host is not known. */
  static async open(host: string, port: number, where: string): Promise<Datagrams> {
    const socket = dgram.createSocket(isIPv6(host) ? "udp6" : "udp4");
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.connect(port, host, () => {
          socket.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      socket.close();
      const got = error instanceof Error ? error.message : "an error";
      throw new InputError({ where, expected: "a host that can be reached", got }, { cause: error });
    }
    return new Datagrams(socket);
  }

  send(text: string): void {
    if (this.#isClosed) return;
    this.#socket.send(`${text}\0`, (error) => {
      if (error) this.#refuse();
    });
  }

  /** Removes and returns the oldest datagram that has come. */
  take(): string | undefined {
    return this.#queue.shift();
  }

  /** The next datagram; null if none comes before `deadline`, or if the peer's host says that nothing listens. */
  async next(deadline: number): Promise<string | null> {
    while (this.#queue.length === 0) {
      if (this.#isRefused || performance.now() >= deadline) return null;
      await this.#alarm.wait(deadline);
    }
    return this.#queue.shift() ?? null;
  }

  /** Waits until `deadline`, or until the socket is closed. */
  async pause(deadline: number): Promise<void> {
    while (!this.#isClosed && performance.now() < deadline) await this.#alarm.wait(deadline);
  }

  /** Whether the peer's host has said since the last call that nothing listens. */
  takeRefusal(): boolean {
    if (this.#isClosed)
      throw new InputError({ where: "torcs", expected: "an open socket", got: "one that was closed" });
    const isRefused = this.#isRefused;
    this.#isRefused = false;
    return isRefused;
  }

  /** Drops what has come. */
  clear(): void {
    this.#queue.length = 0;
    this.#isRefused = false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#refuse();
    // Not at once: what was sent last may still be on its way to the system.
    setImmediate(() => this.#socket.close());
  }

  #refuse(): void {
    this.#isRefused = true;
    this.#alarm.ring();
  }
}

/** The car of a TORCS server. */
export const torcsKind: OutsideKind = {
  form: "torcs",
  help: "the racing game TORCS, by its SCR server at --host and --port (docs/worlds.md)",
  options: ["host", "port", "reward", "limit"],
  deciding: ["reward", "limit"],
  expected: (rest) => (rest === "" ? undefined : "torcs alone, with --host and --port"),
  // Without options it reaches only a server on this machine.
  isHarmless: () => true,
  isExclusive: true,
  defaults: { preset: "torcs", steps: 200_000 },
  opener: (_, { host, port, reward, limit }, { stepTimeout }) => {
    let car: Environment | undefined;
    return async () => {
      car ??= torcs({
        ...(host !== undefined && { host }),
        ...(port !== undefined && { port }),
        ...(reward !== undefined && { reward: reward as TorcsReward }),
        ...(limit !== undefined && { maxEpisodeSteps: limit }),
        ...(stepTimeout !== undefined && { answerTimeout: stepTimeout }),
      });
      return car;
    };
  },
};
