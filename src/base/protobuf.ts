import { concatenate } from "./bytes.ts";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };

const LENGTH_DELIMITED = 2;

/**
 * Writes a protocol buffer message (protobuf.dev/programming-guides/encoding). Each method appends one field, given by
 * its number in the schema, and returns the message. The schema is known only to the caller.
 */
export class Message {
  readonly #parts: Uint8Array[] = [];

  /** Appends an int32, int64, uint64, bool or enum field: a whole number from 0 to 2⁵³ − 1. */
  integer(field: number, value: number): this {
    return this.#add(field, 0, varint(value));
  }

  /** Appends a double field. */
  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#add(field, 1, bytes);
  }

  /** Appends a float field; rounds to Float32. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#add(field, 5, bytes);
  }

  /** Appends a bytes field; keeps a reference to `value` until `encode`. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(field, LENGTH_DELIMITED, varint(value.length), value);
  }

  /** Appends a string field, in UTF-8. */
  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** Appends an embedded message, as it is now. */
  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  /** Returns the encoded message; a fresh array. */
  encode(): Uint8Array {
    return concatenate(this.#parts);
  }

  #add(field: number, wireType: number, ...parts: Uint8Array[]): this {
    this.#parts.push(varint(field * 8 + wireType));
    for (const part of parts) this.#parts.push(part);
    return this;
  }
}

/**
 * Encodes seven bits per byte, lowest first; the eighth bit is set if more bytes follow. Takes values beyond 32 bits.
 */
function varint(value: number): Uint8Array {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
