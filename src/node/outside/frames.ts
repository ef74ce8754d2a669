// The frames that an environment outside of the process and this program exchange: docs/protocol.md. A frame is a length,
// a type and a body. After the hello every length is known, and it is compared before memory for a body is allocated.
import { expect, expectNumbers, fail, InputError, suggest } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import { maxInfoNames } from "../../environment/environment-calls.ts";

/** The version of the protocol. A hello names it, and another one is refused. */
const protocolVersion = 1;

/** The types of frames. That of a hello is the letters "ddpg", so that other protocols are recognized. */
export const frameTypes = {
  hello: 0x67706464,
  request: 1,
  answer: 2,
  names: 3,
  error: 4,
  draw: 5,
  picture: 6,
} as const;

/** The bytes before a body: its length and the type, each an unsigned 32-bit number, little-endian. */
export const headerBytes = 8;

/** The longest texts, in bytes. A hello has the bounds of every dimension of an action. */
const maxBytes = { hello: 2 ** 24, names: 2 ** 16, error: 2 ** 16 };

/** The numbers in a row of a request before its action, and of an answer before its observation. */
export const requestHead = 2;
export const answerHead = 3;

/** What a row of a request asks for. */
export const commands = { nothing: 0, reset: 1, step: 2 } as const;

/** The largest observation, action, number of environments and side of a picture. */
const maxSizes = { numbers: 2 ** 20, environments: 1024, side: 4096 };

/** The longest frame of numbers, in bytes. */
const maxFrameBytes = 2 ** 27;

/** What the other side says of itself first. */
export interface Hello {
  readonly version: number;
  readonly name?: string;
  readonly observationSize: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  /** N, the number of environments behind this connection, each with a row in every frame. Default: 1. */
  readonly environments?: number;
  readonly maxEpisodeSteps?: number;
  readonly repeatable?: boolean;
  /** The names of the numbers that a row of an answer ends with. */
  readonly info?: readonly string[];
  /** The width and height of pictures, if it can draw. */
  readonly picture?: readonly [width: number, height: number];
  /** The seconds of a step, for the playback speed of pictures. */
  readonly stepSeconds?: number;
}

const helloFields = {
  version: true,
  name: true,
  observationSize: true,
  actionLow: true,
  actionHigh: true,
  environments: true,
  maxEpisodeSteps: true,
  repeatable: true,
  info: true,
  picture: true,
  stepSeconds: true,
} as const satisfies Record<keyof Hello, true>;

/** Reads a hello. Throws an InputError that begins with `where` for anything wrong in it. */
export function readHello(text: string, where: string): Hello {
  const hello = parseJson(text, where, "", "") as Hello;
  expect(typeof hello === "object" && hello !== null && !Array.isArray(hello), where, "a JSON object", hello);
  const { version, name, observationSize, actionLow, actionHigh } = hello;
  expect(version === protocolVersion, `${where} version`, `${protocolVersion}`, version, "See docs/protocol.md.");
  const known = Object.keys(helloFields);
  const unknown = Object.keys(hello).find((field) => !known.includes(field));
  if (unknown !== undefined) fail(where, `fields among ${known.join(", ")}`, unknown, suggest(unknown, known));
  expect(name === undefined || typeof name === "string", `${where} name`, "a text, or nothing", name);
  expectSize(observationSize, `${where} observationSize`, maxSizes.numbers);
  for (const [field, bound] of Object.entries({ actionLow, actionHigh })) {
    expect(Array.isArray(bound) && bound.length > 0, `${where} ${field}`, "a list of numbers", bound);
    expectNumbers(bound, actionLow.length, `${where} ${field}`);
  }
  const { environments, maxEpisodeSteps, repeatable, info, picture, stepSeconds } = hello;
  if (environments !== undefined) expectSize(environments, `${where} environments`, maxSizes.environments);
  if (maxEpisodeSteps !== undefined) expectSize(maxEpisodeSteps, `${where} maxEpisodeSteps`, Number.MAX_SAFE_INTEGER);
  const isFlag = repeatable === undefined || typeof repeatable === "boolean";
  expect(isFlag, `${where} repeatable`, "true, false or nothing", repeatable);
  if (info !== undefined) expectInfoNames(info, `${where} info`);
  if (picture !== undefined) {
    expect(Array.isArray(picture) && picture.length === 2, `${where} picture`, "[width, height]", picture);
    for (const side of picture) expectSize(side, `${where} picture`, maxSizes.side);
  }
  const isTime = stepSeconds === undefined || (Number.isFinite(stepSeconds) && stepSeconds > 0);
  expect(isTime, `${where} stepSeconds`, "a number above 0, or nothing", stepSeconds);
  const longest = 8 * (environments ?? 1) * (answerHead + observationSize + actionLow.length + maxInfoNames);
  expect(longest <= maxFrameBytes, where, `frames of at most ${maxFrameBytes} bytes`, longest);
  return hello;
}

function expectSize(value: unknown, where: string, max: number): void {
  const good = Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= max;
  expect(good, where, `a whole number from 1 to ${max}`, value);
}

/** Reads the text of a frame of names. */
export function readNames(text: string, where: string): readonly string[] {
  const names = parseJson(text, where, "", "");
  expectInfoNames(names, where);
  return names;
}

function expectInfoNames(names: unknown, where: string): asserts names is readonly string[] {
  const good = Array.isArray(names) && names.every((name) => typeof name === "string" && name !== "");
  expect(good, where, "a list of names", names);
  expect(names.length <= maxInfoNames, where, `at most ${maxInfoNames} names`, names.length);
  expect(new Set(names).size === names.length, where, "each name once", names);
}

/** The header of a frame, written to the first bytes of `out`. */
export function writeHeader(out: DataView, bodyBytes: number, type: number): void {
  out.setUint32(0, bodyBytes, true);
  out.setUint32(4, type, true);
}

/** Receives whole frames. A body is valid until the call returns. */
type OnFrame = (type: number, body: Uint8Array) => void;

/**
 * Puts frames together from the pieces that arrive. Nothing larger than the sizes that were agreed is ever allocated. A
 * hello and other texts grow with what has arrived, so a length alone costs nothing.
 */
export class FrameReader {
  readonly #where: string;
  readonly #onFrame: OnFrame;
  readonly #header = new Uint8Array(headerBytes);
  readonly #view = new DataView(this.#header.buffer);
  /** Bytes of the header that have arrived. */
  #headerFilled = 0;
  #type = 0;
  #length = 0;
  /** Bytes of the body that have arrived. */
  #filled = 0;
  #body: Uint8Array = new Uint8Array(0);
  /** The agreed lengths of bodies, by type; before the hello there are none. */
  #agreed: ReadonlyMap<number, Uint8Array> | undefined;

  constructor(where: string, onFrame: OnFrame) {
    this.#where = where;
    this.#onFrame = onFrame;
  }

  /** The bodies that are received from now on, by type: memory of the agreed lengths. */
  agree(bodies: ReadonlyMap<number, Uint8Array>): void {
    this.#agreed = bodies;
  }

  /** Whether some of a frame has arrived and not all of it. */
  get isInside(): boolean {
    return this.#headerFilled > 0;
  }

  /** Takes a piece. Throws an InputError for what cannot be a frame. */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length || (this.#headerFilled === headerBytes && this.#length === 0); ) {
      if (this.#headerFilled < headerBytes) {
        const count = Math.min(headerBytes - this.#headerFilled, piece.length - at);
        this.#header.set(piece.subarray(at, at + count), this.#headerFilled);
        this.#headerFilled += count;
        at += count;
        if (this.#headerFilled < headerBytes) {
          this.#expectStart(piece);
          return;
        }
        this.#length = this.#view.getUint32(0, true);
        this.#type = this.#view.getUint32(4, true);
        this.#body = this.#bodyFor(piece);
        this.#filled = 0;
        continue;
      }
      const count = Math.min(this.#length - this.#filled, piece.length - at);
      this.#reserve(this.#filled + count);
      this.#body.set(piece.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#length) return;
      this.#headerFilled = 0;
      this.#onFrame(this.#type, this.#body.subarray(0, this.#length));
    }
  }

  /** The memory for a body whose header has arrived. */
  #bodyFor(piece: Uint8Array): Uint8Array {
    const { hello, names, error } = frameTypes;
    if (!this.#agreed) {
      if (this.#type !== hello && this.#type !== error) this.#refuse("a hello", piece);
    } else {
      const body = this.#agreed.get(this.#type);
      if (body) {
        if (this.#length !== body.length) this.#refuse(`${body.length} bytes, as the hello says`, undefined);
        return body;
      }
      if (this.#type !== names && this.#type !== error) this.#refuse("a frame", piece);
    }
    const max = this.#type === hello ? maxBytes.hello : this.#type === names ? maxBytes.names : maxBytes.error;
    if (this.#length > max) this.#refuse(`at most ${max} bytes`, undefined);
    return new Uint8Array(Math.min(this.#length, 4096));
  }

  /** Grows the memory to `bytes` of a text. Bodies of agreed lengths have it. */
  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const larger = new Uint8Array(Math.min(this.#length, Math.max(bytes, 2 * this.#body.length)));
    larger.set(this.#body.subarray(0, this.#filled));
    this.#body = larger;
  }

  /** Refuses a printed text at once, which may be shorter than a header: four letters are no length that was agreed. */
  #expectStart(piece: Uint8Array): void {
    const start = this.#header.subarray(0, this.#headerFilled);
    if (start.length >= 4 && start.every(isPrintable)) this.#refuse(this.#agreed ? "a frame" : "a hello", piece);
  }

  #refuse(expected: string, piece: Uint8Array | undefined): never {
    if (piece === undefined) {
      const where = `${this.#where} frame of type ${this.#type}`;
      throw new InputError({ where, expected, got: `${this.#length}`, hint: "See docs/protocol.md." });
    }
    const shown = Buffer.concat([this.#header.subarray(0, this.#headerFilled), piece.subarray(headerBytes)]);
    const isPrint = shown.subarray(0, 3).every(isPrintable);
    const text = shown.subarray(0, 80).toString("latin1").split("\n")[0];
    const got =
      isPrint && text !== "" ? `the text ${JSON.stringify(text)}` : `bytes ${shown.subarray(0, 8).toString("hex")}`;
    const hint = isPrint
      ? "What the program prints must go to its standard error: its standard output is for frames."
      : "See docs/protocol.md.";
    throw new InputError({ where: this.#where, expected, got, hint });
  }
}

function isPrintable(byte: number): boolean {
  return (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13;
}
