import { InputError, messageOf, show } from "./expect.ts";

/**
 * Bytes in the forms in which programs get them: a Uint8Array (so also Node's Buffer) or any other view, an ArrayBuffer, or what
 * has an `arrayBuffer` method, such as a Blob, a File or the Response of `fetch`.
 */
export type Bytes =
  | ArrayBufferView
  | ArrayBufferLike
  | {
      /** Reads the bytes. */
      arrayBuffer(): Promise<ArrayBufferLike>;
    };

/**
 * The bytes of `source`, or of what it resolves to. They are not copied where the source is in memory. Throws an InputError that
 * begins with `where` and names anything else.
 */
export async function readBytes(source: Bytes | PromiseLike<Bytes>, where: string): Promise<Uint8Array> {
  const given: unknown = await source;
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  if (isBuffer(given)) return new Uint8Array(given);
  if (!hasArrayBuffer(given)) {
    const hint = Array.isArray(given) ? "Pass Uint8Array.from(list)." : "";
    throw new InputError({
      where,
      expected: "a Uint8Array, an ArrayBuffer, a Blob or a Response",
      got: kind(given),
      hint,
    });
  }
  if (given.ok === false) {
    throw new InputError({ where, expected: "a response with the file", got: `status ${show(given.status)}` });
  }
  let read: unknown;
  try {
    read = await given.arrayBuffer();
  } catch (error) {
    const got = `${kind(given)} that failed: ${messageOf(error)}`;
    throw new InputError({ where, expected: "bytes that can be read", got }, { cause: error });
  }
  return readBytes(read as Bytes, where);
}

/** By its tag, because a buffer may come from another realm: a frame, a worker's test double, Node's `vm`. */
function isBuffer(value: unknown): value is ArrayBufferLike {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
}

function hasArrayBuffer(
  value: unknown,
): value is { arrayBuffer(): Promise<unknown>; readonly ok?: unknown; readonly status?: unknown } {
  return typeof (value as { arrayBuffer?: unknown } | null | undefined)?.arrayBuffer === "function";
}

/** What a value is, for a message: "a string", "null", "a ReadableStream". */
function kind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  const name = typeof value === "object" ? value.constructor?.name || "object" : typeof value;
  return `${/^[AEIOU]/i.test(name) ? "an" : "a"} ${name}`;
}

/** The parts one after another, as one fresh array. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/** Each byte as the letter with its number. */
export function lettersOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
