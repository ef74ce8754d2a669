import { concatenate } from "./bytes.ts";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };

const LENGTH_DELIMITED = 2;

/**
 * A message of protocol buffers (protobuf.dev/programming-guides/encoding) as it is written: each method adds one field,
 * by its number, and returns the message. Nothing here knows a schema: which field is what stands where it is written.
 */
export class Message {
  readonly #parts: Uint8Array[] = [];

  /** int32, int64, uint64, bool or enum: a whole number from 0 to 2⁵³ − 1. */
  integer(field: number, value: number): this {
    return this.#add(field, 0, varint(value));
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#add(field, 1, bytes);
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#add(field, 5, bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#add(field, LENGTH_DELIMITED, varint(value.length), value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  /** The message's bytes; a fresh array. */
  encode(): Uint8Array {
    return concatenate(this.#parts);
  }

  #add(field: number, wireType: number, ...parts: Uint8Array[]): this {
    this.#parts.push(varint(field * 8 + wireType), ...parts);
    return this;
  }
}

/** Seven bits a byte, the lowest first; the eighth bit says that more follow. Also for what 32 bits do not hold. */
function varint(value: number): Uint8Array {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
