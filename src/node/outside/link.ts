// A connection to environments outside of the process that speak our frames, and the environments behind it.
import { expect, InputError, messageOf } from "../../base/expect.ts";
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import {
  answerHead,
  commands,
  FrameReader,
  frameTypes,
  type Hello,
  headerBytes,
  readHello,
  readNames,
  requestHead,
  writeHeader,
} from "./frames.ts";

/** The most ms that an answer may take by default. */
const defaultTimeoutMs = 60_000;

/** The most ms that a hello may take: before it, a program may have to load a lot. A longer time for answers is for it, too. */
const helloTimeoutMs = 60_000;

/** What carries the frames: the pipes of a child, or a socket. */
export interface Wire {
  /** Sends bytes, which are not changed before the answer comes. */
  send(bytes: Uint8Array): void;
  /** Begins to receive. `onEnd` is called once, with what to say about it, when nothing more will come. */
  receive(onPiece: (piece: Uint8Array) => void, onEnd: (why: string) => void): void;
  /** Asks the other side to end, and waits until it has; one that does not is stopped. */
  close(): Promise<void>;
  /** Stops the other side at once. */
  destroy(): void;
  /** Lets the process exit although the other side is still there, or not. */
  hold(isBusy: boolean): void;
}

/** A picture of an environment: 3 bytes a pixel, red, green and blue, row by row from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** The other side reported an error of its own: a line, and the traceback as its stack. */
class OutsideError extends Error {
  override name = "OutsideError";

  constructor(text: string) {
    super(lastLine(text));
    this.stack = text;
  }
}

/** What an error says: Python's traceback ends with it. */
function lastLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").at(-1) ?? "an error without a message";
}

/** What waits for a frame. */
interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A row of a request that has not been sent. */
interface Planned extends Waiting<RowAnswer> {
  readonly row: number;
  readonly command: number;
  readonly seed: number;
  readonly action: ArrayLike<number> | undefined;
}

/** The environments behind a connection. Any failure ends all of it: what follows would belong to another request. */
export class Link {
  readonly #wire: Wire;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #helloMs: number;
  /** How long the other side has in what it is doing now, in ms. */
  #allowedMs: number;
  readonly #reader: FrameReader;
  readonly #hello: Promise<Hello>;
  readonly #greeting: Waiting<Hello>;
  #sizes = { rows: 0, request: 0, answer: 0, observation: 0 };
  #request = new Uint8Array(0);
  #requested = new Float64Array(0);
  #answerBytes = new Uint8Array(0);
  #answered = new Float64Array(0);
  #picture: readonly [number, number] | undefined;
  #info: readonly string[] = [];
  /** Who waits for the row of an answer, by row. */
  readonly #waiting: (Waiting<RowAnswer> | undefined)[] = [];
  /** What has not been sent yet. */
  readonly #planned: Planned[] = [];
  #pictureWaits: Waiting<Picture> | undefined;
  /** Whether a request has been sent whose answer has not come. */
  #isAsking = false;
  #failure: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the other side is too late, by `performance.now()`. */
  #deadline = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** Begins to receive. `name` begins what is reported. */
  constructor(wire: Wire, name: string, timeoutMs = defaultTimeoutMs, helloMs = Math.max(timeoutMs, helloTimeoutMs)) {
    this.#wire = wire;
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#helloMs = helloMs;
    this.#allowedMs = helloMs;
    this.#reader = new FrameReader(name, (type, body) => this.#take(type, body));
    let greeting: Waiting<Hello> | undefined;
    this.#hello = new Promise((resolve, reject) => {
      greeting = { resolve, reject };
    });
    this.#greeting = greeting as unknown as Waiting<Hello>;
    // It is awaited by `hello`, if at all.
    this.#hello.catch(() => {});
    wire.receive(
      (piece) => this.#push(piece),
      (why) => this.#end(why),
    );
  }

  /** What the other side says of itself. Rejects with an InputError if it does not, or not in time. */
  hello(): Promise<Hello> {
    this.#startTimer(this.#helloMs);
    return this.#hello;
  }

  /** The names of the numbers that an answer's rows end with. */
  get info(): readonly string[] {
    return this.#info;
  }

  /** Whether it can be used. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#failure === undefined;
  }

  /**
   * Sends a row of a request, and resolves with that of the answer. Rows that are asked for in the same turn of the event
   * loop share a frame.
   */
  ask(row: number, command: number, seed: number, action: ArrayLike<number> | undefined): Promise<RowAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      if (this.#isClosed) throw new Error("expected an open environment, got one that was closed");
      const isAgain = this.#waiting[row] !== undefined || this.#planned.some((each) => each.row === row);
      if (isAgain) throw new Error("expected one call at a time, got another one before the answer");
      // With one environment there is nothing to wait for, and the action is written at once.
      const isAlone = this.#sizes.rows === 1;
      this.#planned.push({
        row,
        command,
        seed,
        action: isAlone ? action : action && Array.from(action),
        resolve,
        reject,
      });
      if (isAlone) this.#send();
      else queueMicrotask(() => this.#send());
    });
  }

  /** Asks for a picture of an environment. */
  draw(row: number): Promise<Picture> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      if (!this.#picture) throw new Error("expected an environment that can be drawn, got one that cannot");
      if (this.#isAsking) throw new Error("expected one call at a time, got another one before the answer");
      this.#pictureWaits = { resolve, reject };
      const frame = new DataView(new ArrayBuffer(headerBytes + 8));
      writeHeader(frame, 8, frameTypes.draw);
      frame.setUint32(headerBytes, row, true);
      this.#begin(new Uint8Array(frame.buffer));
    });
  }

  /** Ends the connection and waits until the other side is gone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTimer();
    const closed = new Error("the environment was closed");
    for (const waiting of [...this.#waiting.splice(0), ...this.#planned.splice(0)]) waiting?.reject(closed);
    this.#pictureWaits?.reject(closed);
    await this.#wire.close();
  }

  /** Sends what is planned, unless an answer is still to come: then it is sent after that. */
  #send(): void {
    if (this.#isAsking || this.#planned.length === 0) return;
    const width = this.#sizes.request;
    const numbers = this.#requested;
    if (this.#sizes.rows > 1) numbers.fill(0);
    for (const { row, command, seed, action, resolve, reject } of this.#planned.splice(0)) {
      const at = row * width;
      numbers[at] = command;
      numbers[at + 1] = seed;
      for (let i = requestHead; i < width; i++) numbers[at + i] = action ? action[i - requestHead] : 0;
      this.#waiting[row] = { resolve, reject };
    }
    this.#begin(this.#request);
  }

  #begin(bytes: Uint8Array): void {
    this.#isAsking = true;
    this.#wire.hold(true);
    this.#startTimer(this.#timeoutMs);
    this.#wire.send(bytes);
  }

  /** One timer serves all requests, because making one for each would cost more than many a step. */
  #startTimer(ms: number): void {
    this.#allowedMs = ms;
    this.#deadline = performance.now() + ms;
    // What waits for the answer keeps the process alive, not the timer.
    this.#timer ??= setTimeout(() => this.#checkTime(), ms).unref();
  }

  #checkTime(): void {
    this.#timer = undefined;
    if (this.#deadline === Number.POSITIVE_INFINITY) return;
    const left = this.#deadline - performance.now();
    if (left > 1) this.#timer = setTimeout(() => this.#checkTime(), left).unref();
    else {
      const seconds = this.#allowedMs / 1000;
      const what = this.#sizes.rows === 0 ? "a hello" : "an answer";
      this.#fail(new Error(`expected ${what} within ${seconds} s, got none. It was stopped.`));
    }
  }

  #stopTimer(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #push(piece: Uint8Array): void {
    if (this.#failure || this.#isClosed) return;
    try {
      this.#reader.push(piece);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #take(type: number, body: Uint8Array): void {
    if (type === frameTypes.answer) this.#takeAnswer();
    else if (type === frameTypes.hello) this.#takeHello(readHello(textOf(body), `${this.#name} hello`));
    else if (type === frameTypes.names) {
      const names = readNames(textOf(body), `${this.#name} names`);
      const starts = this.#info.every((name, i) => names[i] === name);
      expect(starts, `${this.#name} names`, `a list that starts with ${this.#info.join(", ")}`, names.join(", "));
      this.#setInfo(names);
    } else if (type === frameTypes.error) throw new OutsideError(textOf(body));
    else this.#takePicture(body);
  }

  #takeHello(hello: Hello): void {
    const { observationSize, actionLow, environments = 1, info = [], picture } = hello;
    const request = requestHead + actionLow.length;
    this.#sizes = { rows: environments, request, answer: 0, observation: observationSize };
    this.#request = new Uint8Array(headerBytes + 8 * environments * request);
    writeHeader(new DataView(this.#request.buffer), this.#request.length - headerBytes, frameTypes.request);
    this.#requested = new Float64Array(this.#request.buffer, headerBytes);
    this.#picture = picture;
    this.#setInfo(info);
    this.#stopTimer();
    this.#wire.hold(false);
    this.#greeting.resolve(hello);
  }

  #setInfo(info: readonly string[]): void {
    const { rows, observation } = this.#sizes;
    this.#info = info;
    this.#sizes.answer = answerHead + observation + info.length;
    this.#answered = new Float64Array(rows * this.#sizes.answer);
    this.#answerBytes = new Uint8Array(this.#answered.buffer);
    const bodies = new Map([[frameTypes.answer as number, this.#answerBytes]]);
    if (this.#picture) bodies.set(frameTypes.picture, new Uint8Array(3 * this.#picture[0] * this.#picture[1]));
    this.#reader.agree(bodies);
  }

  #takeAnswer(): void {
    const isAsked = this.#isAsking && !this.#pictureWaits;
    expect(isAsked, this.#name, "one answer for each request", "another one");
    this.#settled();
    const { answer } = this.#sizes;
    this.#waiting.splice(0).forEach((waiting, row) => {
      waiting?.resolve({ numbers: this.#answered, at: row * answer });
    });
    if (this.#planned.length > 0) queueMicrotask(() => this.#send());
  }

  #takePicture(body: Uint8Array): void {
    const waiting = this.#pictureWaits;
    if (!waiting || !this.#picture) throw new InputError(`${this.#name}: expected an answer, got a picture.`);
    this.#settled();
    this.#pictureWaits = undefined;
    const [width, height] = this.#picture;
    waiting.resolve({ width, height, rgb: body.slice() });
    queueMicrotask(() => this.#send());
  }

  #settled(): void {
    this.#isAsking = false;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#wire.hold(false);
  }

  #end(why: string): void {
    if (this.#isClosed) return;
    const inside = this.#reader.isInside ? " in the middle of a frame" : "";
    this.#fail(new Error(`${why}${inside}`));
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#stopTimer();
    this.#wire.destroy();
    this.#greeting.reject(error);
    for (const waiting of [...this.#waiting.splice(0), ...this.#planned.splice(0)]) waiting?.reject(error);
    this.#pictureWaits?.reject(error);
    this.#pictureWaits = undefined;
  }
}

/** A row of an answer: a part of the numbers, until the next request. */
interface RowAnswer {
  readonly numbers: Float64Array;
  readonly at: number;
}

/** An environment outside of the process: a row of a link's frames. */
export class LinkedEnvironment implements Environment {
  readonly name: string;
  readonly observationSize: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  readonly maxEpisodeSteps: number | undefined;
  readonly repeatable: boolean;
  readonly single: boolean;
  /** Whether it can be drawn: then `draw` returns pictures of this size. */
  readonly picture: readonly [width: number, height: number] | undefined;
  /** The seconds of a step. */
  readonly stepSeconds: number;
  readonly #link: Link;
  readonly #row: number;
  readonly #release: () => Promise<void>;
  readonly #observation: Float64Array;

  /** `release` gives the row back. */
  constructor(link: Link, row: number, hello: Hello, name: string, single: boolean, release: () => Promise<void>) {
    this.#link = link;
    this.#row = row;
    this.#release = release;
    this.name = hello.name ?? name;
    this.observationSize = hello.observationSize;
    this.actionLow = hello.actionLow;
    this.actionHigh = hello.actionHigh;
    this.maxEpisodeSteps = hello.maxEpisodeSteps;
    this.repeatable = hello.repeatable ?? true;
    this.single = single;
    this.picture = hello.picture;
    this.stepSeconds = hello.stepSeconds ?? 1 / 30;
    this.#observation = new Float64Array(hello.observationSize);
  }

  async reset(random: Random): Promise<Float64Array> {
    const { numbers, at } = await this.#link.ask(this.#row, commands.reset, random.bits(), undefined);
    return this.#observe(numbers, at);
  }

  async step(action: Float32Array): Promise<Step> {
    const { numbers, at } = await this.#link.ask(this.#row, commands.step, 0, action);
    const reward = numbers[at];
    const info = this.#infoOf(numbers, at + answerHead + this.observationSize);
    return {
      observation: this.#observe(numbers, at),
      reward,
      terminated: flagOf(numbers[at + 1], "terminated"),
      truncated: flagOf(numbers[at + 2], "truncated"),
      ...(info && { info }),
    };
  }

  /** A picture of the present state. */
  draw(): Promise<Picture> {
    return this.#link.draw(this.#row);
  }

  /** Ends the other side, unless other environments behind the same connection are in use. */
  close(): Promise<void> {
    return this.#release();
  }

  #observe(numbers: Float64Array, at: number): Float64Array {
    const from = at + answerHead;
    for (let i = 0; i < this.#observation.length; i++) this.#observation[i] = numbers[from + i];
    return this.#observation;
  }

  /** The numbers that were given: the others are NaN. */
  #infoOf(numbers: Float64Array, from: number): Record<string, number> | undefined {
    const names = this.#link.info;
    let info: Record<string, number> | undefined;
    for (let i = 0; i < names.length; i++) {
      const value = numbers[from + i];
      if (!Number.isFinite(value)) continue;
      info ??= {};
      info[names[i]] = value;
    }
    return info;
  }
}

function flagOf(value: number, name: string): boolean {
  if (value !== 0 && value !== 1) throw new Error(`${name}: expected 0 or 1, got ${value}`);
  return value === 1;
}

function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/**
 * Returns a function that makes environments: one for each row of a connection, and a new connection when all its rows
 * are in use. With `canReconnect` false there is one connection, and an environment that is alone on it is `single`.
 */
export function environmentsOf(
  connect: () => Wire | Promise<Wire>,
  { name, timeoutMs, canReconnect }: { name: string; timeoutMs: number | undefined; canReconnect: boolean },
): () => Promise<LinkedEnvironment> {
  const links: { link: Link; hello: Hello; free: number[]; rows: number }[] = [];
  let only: { link: Link; environment: LinkedEnvironment } | undefined;
  return async () => {
    if (only?.link.isOpen) return only.environment;
    let place = links.find(({ link, free }) => link.isOpen && free.length > 0);
    if (!place) {
      const open = links.find(({ link }) => link.isOpen);
      if (open && !canReconnect) {
        const expected = `at most ${open.rows} at once, as its hello says`;
        throw new InputError({ where: name, expected, got: "one more", hint: "One is for evaluations." });
      }
      const link = new Link(await connect(), name, timeoutMs);
      let hello: Hello;
      try {
        hello = await link.hello();
      } catch (error) {
        throw explained(error, name);
      }
      const rows = hello.environments ?? 1;
      place = { link, hello, rows, free: Array.from({ length: rows }, (_, row) => row) };
      links.push(place);
    }
    const { link, hello, free, rows } = place;
    const row = free.shift() ?? 0;
    const release = async (): Promise<void> => {
      if (free.includes(row)) return;
      free.push(row);
      if (free.length < rows) return;
      links.splice(links.indexOf(place), 1);
      await link.close();
    };
    const environment = new LinkedEnvironment(link, row, hello, name, !canReconnect && rows === 1, release);
    if (environment.single) only = { link, environment };
    return environment;
  };
}

/** An error before the hello, as one that the user can do something about. */
function explained(error: unknown, name: string): unknown {
  if (error instanceof InputError) return error;
  const message = messageOf(error).replace(/\.$/, "");
  // One that says itself what was expected needs no more words.
  if (message.startsWith("expected ")) return new InputError(`${name}: ${message}.`, { cause: error });
  return new InputError({ where: name, expected: "an environment that starts", got: message }, { cause: error });
}
