// A policy on its way to the actors, in parts that a message has room for. Each part has a header of 48 bytes, little-endian:
//
//   0  "ddpgwt1\n"
//   8  U32 CRC-32C of everything after it
//  12  U32 part, U32 parts, U32 bytes of the whole policy
//  24  F64 version    the number of updates
//  32  F64 step       the number of time steps
//  40  F64 edition    counts what the learner sends, so that parts of two policies are never joined
import { concatenate } from "../../base/bytes.ts";
import { crc32c } from "../../base/crc32c.ts";
import { expect, InputError } from "../../base/expect.ts";

const magic = "ddpgwt1\n";
const headerBytes = 48;

/** The most parts of a policy, and the most bytes. */
export const maxParts = 1024;
const maxBytes = 268_435_456;

export interface Weights {
  /** A policy's file. */
  readonly bytes: Uint8Array;
  /** The number of updates. */
  readonly version: number;
  /** The number of time steps. */
  readonly step: number;
}

/** Splits a policy into messages of at most `size` bytes. */
export function splitWeights({ bytes, version, step }: Weights, edition: number, size: number): Uint8Array[] {
  const room = size - headerBytes;
  const parts = Math.max(1, Math.ceil(bytes.length / room));
  expect(parts <= maxParts, "weights", `at most ${maxParts} messages of ${size} bytes`, parts);
  return Array.from({ length: parts }, (_, part) => {
    const piece = bytes.subarray(part * room, (part + 1) * room);
    const message = new Uint8Array(headerBytes + piece.length);
    for (let i = 0; i < magic.length; i++) message[i] = magic.charCodeAt(i);
    const view = new DataView(message.buffer);
    for (const [i, count] of [part, parts, bytes.length].entries()) view.setUint32(12 + 4 * i, count, true);
    for (const [i, number] of [version, step, edition].entries()) view.setFloat64(24 + 8 * i, number, true);
    message.set(piece, headerBytes);
    view.setUint32(8, crc32c(message.subarray(12)), true);
    return message;
  });
}

/** Joins the parts of a policy as they come. Parts of an older edition are dropped when those of another begin. */
export class WeightsJoiner {
  #edition = Number.NaN;
  #parts: (Uint8Array | undefined)[] = [];
  #missing = 0;
  /** The bytes of the parts that are there. */
  #size = 0;

  /**
   * Adds a part. Returns the weights once all parts are there, and undefined before. Throws an InputError that begins with
   * `where` for a part that is damaged. The policy itself is not checked.
   */
  add(message: Uint8Array, where: string): Weights | undefined {
    expect(message.length > headerBytes, where, `more than ${headerBytes} bytes`, message.length);
    const isPart = Array.from(magic).every((letter, i) => message[i] === letter.charCodeAt(0));
    if (!isPart) throw new InputError({ where, expected: "a part of a policy, of format 1", got: "other bytes" });
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    expect(
      crc32c(message.subarray(12)) === view.getUint32(8, true),
      `${where} checksum`,
      "that of the bytes",
      "another",
    );
    const [part, parts, total] = [12, 16, 20].map((at) => view.getUint32(at, true));
    const [version, step, edition] = [24, 32, 40].map((at) => view.getFloat64(at, true));
    expect(parts > 0 && parts <= maxParts && part < parts, `${where} part`, `one of at most ${maxParts}`, part);
    expect(total <= maxBytes, `${where} size`, `at most ${maxBytes} bytes`, total);
    for (const count of [version, step])
      expect(Number.isSafeInteger(count) && count >= 0, `${where} version`, "whole numbers", count);
    if (edition !== this.#edition || parts !== this.#parts.length) {
      this.#edition = edition;
      this.#parts = new Array(parts).fill(undefined);
      this.#missing = parts;
      this.#size = 0;
    }
    if (this.#parts[part] === undefined) {
      const size = message.length - headerBytes;
      expect(this.#size + size <= total, `${where} size`, `${total} bytes`, this.#size + size);
      this.#missing--;
      this.#size += size;
      this.#parts[part] = new Uint8Array(message.subarray(headerBytes));
    }
    if (this.#missing > 0) return undefined;
    const bytes = concatenate(this.#parts.filter((each) => each !== undefined));
    this.#edition = Number.NaN;
    this.#parts = [];
    expect(bytes.length === total, `${where} size`, `${total} bytes`, bytes.length);
    return { bytes, version, step };
  }
}
