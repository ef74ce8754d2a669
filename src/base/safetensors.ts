import { expect, InputError } from "./expect.ts";

/** Tensors by name, and texts beside them: the contents of a safetensors file. */
export interface Safetensors {
  tensors: Map<string, { shape: readonly number[]; data: Float32Array }>;
  metadata: Map<string, string>;
}

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };

/**
 * The bytes of a safetensors file (huggingface/safetensors, format 1): the header's length in 8 bytes, little-endian; a
 * JSON header; the numbers. Here all of them are Float32.
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: Object.fromEntries(metadata) };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    const start = end;
    end += 4 * data.length;
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  // Spaces at the header's end bring the numbers to a multiple of 8 bytes, as the format advises.
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + end);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, start - 8, true);
  bytes.fill(0x20, 8, start);
  bytes.set(text, 8);
  let position = start;
  for (const { data } of tensors.values()) {
    for (let i = 0; i < data.length; i++, position += 4) view.setFloat32(position, data[i], true);
  }
  return bytes;
}

/** What a safetensors file holds. Throws an InputError that begins with `where` for anything that is not a good one. */
export function decodeSafetensors(bytes: Uint8Array, where: string): Safetensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(bytes.length >= 8, where, "a safetensors file of at least 8 bytes", bytes.length);
  const headerLength = view.getUint32(0, true) + view.getUint32(4, true) * 4294967296;
  const room = bytes.length - 8;
  expect(headerLength <= room, `${where} header`, `at most the ${room} bytes that follow`, headerLength);
  const header = parseHeader(bytes.subarray(8, 8 + headerLength), where);
  const data = new DataView(bytes.buffer, bytes.byteOffset + 8 + headerLength, room - headerLength);

  const contents: Safetensors = { tensors: new Map(), metadata: new Map() };
  let end = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      expect(isRecord(entry), `${where} __metadata__`, "an object of texts", entry);
      for (const [key, value] of Object.entries(entry)) {
        expect(typeof value === "string", `${where} __metadata__ ${key}`, "a text", value);
        contents.metadata.set(key, value);
      }
      continue;
    }
    const field = `${where} ${name}`;
    expect(isRecord(entry), field, "an object with dtype, shape and data_offsets", entry);
    const { dtype, shape, data_offsets: offsets } = entry;
    expect(dtype === "F32", `${field} dtype`, "F32", dtype);
    expect(isSizes(shape), `${field} shape`, "a list of whole numbers", shape);
    expect(isSizes(offsets) && offsets.length === 2, `${field} data_offsets`, "two whole numbers", offsets);
    const length = shape.reduce((product, size) => product * size, 1);
    // Tensors lie behind one another without gaps: every byte belongs to one of them.
    expect(offsets[0] === end, `${field} data_offsets`, `a start of ${end}`, offsets[0]);
    expect(offsets[1] - offsets[0] === 4 * length, `${field} data_offsets`, `${4 * length} bytes`, offsets);
    expect(offsets[1] <= data.byteLength, `${field} data_offsets`, `at most ${data.byteLength} bytes`, offsets[1]);
    end = offsets[1];
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = data.getFloat32(offsets[0] + 4 * i, true);
    contents.tensors.set(name, { shape, data: values });
  }
  expect(end === data.byteLength, where, `${end} bytes of numbers`, data.byteLength);
  return contents;
}

function parseHeader(bytes: Uint8Array, where: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InputError(`${where} header: expected JSON, got something else. Is this a safetensors file?`);
  }
  expect(isRecord(header), `${where} header`, "an object", header);
  return header;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
