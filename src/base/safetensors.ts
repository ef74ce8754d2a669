import { concatenate, lettersOf } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import { expect, InputError } from "./expect.ts";
import { isRecord, parseJson } from "./json.ts";

/** The contents of a safetensors file: tensors and metadata strings, by name. */
export interface Safetensors {
  tensors: Map<string, Tensor>;
  metadata: Map<string, string>;
}

/** The number formats that this project uses. */
export type DType = keyof typeof itemSizes;

/** A tensor as a file stores it: row-major, little-endian. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The bytes of its numbers, in consecutive parts: a large tensor in several blocks need not be copied into one. */
  readonly parts: readonly Uint8Array[];
}

const itemSizes = { F64: 8, F32: 4, U32: 4 } as const;
const arrays = { F64: Float64Array, F32: Float32Array, U32: Uint32Array } as const;

/** The limit of the format's reference library, in bytes. */
const maxHeaderLength = 100_000_000;

/** The start of every header that this module writes; eight hexadecimal digits follow. */
const opening = '{"__metadata__":{"crc32c":"';
const noDigits = "00000000";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };

/** Returns a tensor of these numbers, converted to `dtype`; copies them. */
export function tensorOf(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype, shape, parts: [bytesOf(arrays[dtype].from(values))] };
}

/** Returns a view of an array's bytes. They are little-endian, as on every platform with WebAssembly. */
export function bytesOf(values: Float32Array | Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Returns a tensor's numbers, row by row; a fresh array. */
export function numbersOf({ dtype, parts }: Tensor): Float32Array | Float64Array | Uint32Array {
  return new arrays[dtype](concatenate(parts).buffer as ArrayBuffer);
}

/** Returns the bytes of a safetensors file; a fresh array. */
export function encodeSafetensors(contents: Safetensors): Uint8Array {
  return concatenate(safetensorsParts(contents));
}

/**
 * Returns a safetensors file (huggingface/safetensors, format 1) in consecutive parts: the header's length in 8 bytes,
 * little-endian; a JSON header; the numbers. The parts of the numbers are views of the tensors' parts, not copies. The
 * first metadata entry is `crc32c`: the CRC-32C of the whole file, computed with eight zeros in place of its digits.
 */
export function safetensorsParts({ tensors, metadata }: Safetensors): Uint8Array[] {
  // Wider numbers first, so that each tensor is aligned to its item size.
  const sorted = [...tensors].sort(([, a], [, b]) => itemSizes[b.dtype] - itemSizes[a.dtype]);
  let end = 0;
  const entries = sorted.map(([name, { dtype, shape, parts }]) => {
    const start = end;
    for (const { length } of parts) end += length;
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const texts = Object.fromEntries([["crc32c", noDigits], ...metadata]);
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries([["__metadata__", texts], ...entries])));
  // Trailing spaces align the numbers to 8 bytes, as the format recommends.
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8);
  new DataView(header.buffer).setUint32(0, header.length - 8, true);
  header.fill(0x20, 8);
  header.set(text, 8);
  const parts = [header, ...sorted.flatMap(([, tensor]) => tensor.parts)];
  const crc = parts.reduce((crc, part) => crc32c(part, crc), 0);
  header.set(new TextEncoder().encode(digits(crc)), 8 + opening.length);
  return parts;
}

/**
 * Decodes a safetensors file; the tensors are views of `bytes`. Throws an InputError that begins with `where` and names
 * the field unless the file is complete and its checksum matches.
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): Safetensors {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, where);
  const data = bytes.subarray(8 + length);
  const { metadata, tensors, end } = readHeader(bytes.subarray(8, 8 + length), data.length, where);
  expect(end === data.length, where, `${end} bytes of numbers`, data.length);
  expectChecksum(bytes, where);
  return {
    metadata,
    tensors: new Map(
      [...tensors].map(([name, { dtype, shape, start, end }]) => [
        name,
        { dtype, shape, parts: [data.subarray(start, end)] },
      ]),
    ),
  };
}

/**
 * The length of a file's header, from the first 8 of its `size` bytes. Throws an InputError that begins with `where`
 * unless the file has room for it.
 */
export function headerLength(first: Uint8Array, size: number, where: string): number {
  expect(first.length >= 8, where, "a safetensors file of at least 8 bytes", size);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const length = view.getUint32(0, true);
  // No header is this long: the first bytes are something else.
  if (view.getUint32(4, true) > 0 || length > maxHeaderLength) {
    const bytes = Array.from(first.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new InputError({ where, expected: "a safetensors file", got: `a file that begins with the bytes ${bytes}` });
  }
  const complete = `${8 + length} bytes or more, from the length of the header in its first bytes`;
  expect(8 + length <= size, where, complete, size, "The file is cut off, or it is not a safetensors file.");
  return length;
}

/** A tensor that is not read yet. */
export interface TensorEntry extends Pick<Tensor, "dtype" | "shape"> {
  /** Where its bytes are, counted from the end of the header. */
  readonly start: number;
  readonly end: number;
}

/** A file's header: its metadata strings, its tensors by name, and the number of bytes that follow it. */
export interface Header {
  metadata: Map<string, string>;
  tensors: Map<string, TensorEntry>;
  end: number;
}

/**
 * Reads a header: JSON, after the 8 bytes of its length. Throws an InputError that begins with `where` and names the field
 * unless the tensors follow one another and end within the `room` bytes after the header.
 */
export function readHeader(bytes: Uint8Array, room: number, where: string): Header {
  const header = parseHeader(bytes, where);
  const metadata = new Map<string, string>();
  const tensors = new Map<string, TensorEntry>();
  const entries: (TensorEntry & { field: string })[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      expect(isRecord(entry), `${where} __metadata__`, "an object of strings", entry);
      for (const [key, value] of Object.entries(entry)) {
        expect(typeof value === "string", `${where} __metadata__ ${key}`, "a string", value);
        if (key !== "crc32c") metadata.set(key, value);
      }
      continue;
    }
    const field = `${where} ${name}`;
    expect(isRecord(entry), field, "an object with dtype, shape and data_offsets", entry);
    const { dtype, shape, data_offsets: offsets } = entry;
    expect(isDType(dtype), `${field} dtype`, Object.keys(itemSizes).join(" or "), dtype);
    expect(isSizes(shape), `${field} shape`, "a list of whole numbers", shape);
    expect(isSizes(offsets) && offsets.length === 2, `${field} data_offsets`, "two whole numbers", offsets);
    const [start, end] = offsets;
    expect(end <= room, `${field} data_offsets`, `at most ${room} bytes`, end);
    entries.push({ field, dtype, shape, start, end });
    tensors.set(name, { dtype, shape, start, end });
  }
  // Tensors follow one another without gaps, so that every byte belongs to exactly one of them.
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const field = `${entry.field} data_offsets`;
    expect(entry.start === end, field, `a start of ${end}`, entry.start);
    const size = entry.shape.reduce((product, length) => product * length, itemSizes[entry.dtype]);
    expect(entry.end - entry.start === size, field, `${size} bytes`, [entry.start, entry.end]);
    end = entry.end;
  }
  return { metadata, tensors, end };
}

function expectChecksum(bytes: Uint8Array, where: string): void {
  const field = `${where} crc32c`;
  const start = 8 + opening.length;
  const text = lettersOf(bytes.subarray(8, start + noDigits.length));
  const known = text.startsWith(opening) && /^[0-9a-f]{8}$/.test(text.slice(opening.length));
  expect(
    known,
    field,
    "eight hexadecimal digits as the header's first entry",
    text,
    "The file was written by another program.",
  );
  let crc = crc32c(bytes.subarray(0, start));
  crc = crc32c(new TextEncoder().encode(noDigits), crc);
  crc = crc32c(bytes.subarray(start + noDigits.length), crc);
  const written = text.slice(opening.length);
  expect(digits(crc) === written, field, written, digits(crc), "The file was damaged after it was written.");
}

function digits(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

function parseHeader(bytes: Uint8Array, where: string): Record<string, unknown> {
  const field = `${where} header`;
  const hint = "Is this a safetensors file?";
  const header = parseJson(decoded(bytes, field, hint), field, hint);
  expect(isRecord(header), field, "an object", header, hint);
  return header;
}

function decoded(bytes: Uint8Array, where: string, hint: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError({ where, expected: "JSON", got: "bytes that are no text", hint });
  }
}

function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(itemSizes, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
