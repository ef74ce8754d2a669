// Transitions as bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InputError } from "../../base/expect.ts";
import { Random } from "../../base/random.ts";
import { Units } from "../../ddpg/units.ts";
import {
  type DecodedFrame,
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameRow,
  fittingRows,
  maxRows,
} from "./frame.ts";

const units = new Units(
  { observationSize: 3, actionLow: [-2, 0], actionHigh: [2, 1] },
  { observationScale: 1, observationOffset: 0 },
);
const actor = "00112233445566778899aabbccddeeff";

/** Rows of episodes of 4 steps; every third has info. */
function rowsOf(count: number): FrameRow[] {
  const random = new Random(3);
  const observe = (): Float64Array => Float64Array.from({ length: 3 }, () => random.normal());
  let observation = observe();
  return Array.from({ length: count }, (_, i) => {
    const nextObservation = observe();
    const isOver = i % 4 === 3;
    const row = {
      ...{ observation, nextObservation, reward: random.normal() },
      action: Float32Array.of(random.uniform(-2, 2), random.uniform(0, 1)),
      ...{ terminated: isOver && i % 8 === 3, truncated: isOver && i % 8 !== 3 },
      info: i % 3 === 0 ? { distance: i, ...(i % 2 === 0 && { "a ü": 0.5 }) } : undefined,
    };
    observation = isOver ? observe() : nextObservation;
    return row;
  });
}

function frameOf(rows: readonly FrameRow[], changes: Partial<Frame> = {}): Frame {
  return { kind: "rows", actor, batch: 7, version: 123, rows, ...changes };
}

/** All rows of a decoded frame. */
function read({ kind, actor, batch, version, length, read }: DecodedFrame): Frame {
  const rows = Array.from({ length }, (_, i) => {
    const row = {
      ...{ reward: 0, terminated: false, truncated: false, info: undefined },
      observation: new Float64Array(3),
      action: new Float32Array(2),
      nextObservation: new Float64Array(3),
    };
    read(i, row);
    return row;
  });
  return { kind, actor, batch, version, rows };
}

function plain({ rows, ...frame }: Frame) {
  const lists = rows.map((row) => ({
    ...row,
    observation: [...Array.from(row.observation)],
    action: [...Array.from(row.action)],
    nextObservation: [...Array.from(row.nextObservation)],
  }));
  return { ...frame, rows: lists };
}

function refused(bytes: Uint8Array, expected: RegExp): void {
  assert.throws(
    () => decodeFrame(bytes, units, "message 5"),
    (error) => error instanceof InputError && expected.test(error.message),
    `${expected}`,
  );
}

/** The frame with some bytes changed, and the checksum of the result if `isSealed`. */
function changed(rows: readonly FrameRow[], change: (view: DataView) => void): Uint8Array {
  const bytes = encodeFrame(frameOf(rows), units);
  change(new DataView(bytes.buffer));
  return bytes;
}

test("a frame comes back as it was, from any place in memory, and what an episode repeats takes no room", () => {
  for (const count of [1, 2, 5, 64]) {
    const frame = frameOf(rowsOf(count));
    const bytes = encodeFrame(frame, units);
    for (const shift of [0, 1, 5]) {
      // A Buffer, as the client of NATS gives: its slices are views.
      const buffer = Buffer.alloc(bytes.length + shift);
      buffer.set(bytes, shift);
      const decoded = decodeFrame(buffer.subarray(shift), units, "frame");
      buffer.fill(255);
      assert.deepEqual(plain(read(decoded)), plain(frame), `${count}, ${shift}`);
    }
  }
  const rows = rowsOf(64);
  const starts = rows.filter((_, i) => i % 4 === 0).length;
  const informed = rows.filter(({ info }) => info).length;
  const names = JSON.stringify(["distance", "a ü"]);
  const expected = 64 + 64 + 64 * (8 + 24 + 8) + starts * 24 + informed * 16 + Buffer.byteLength(names);
  assert.equal(encodeFrame(frameOf(rows), units).length, expected);
  assert.deepEqual(decodeFrame(encodeFrame(frameOf([], { kind: "bye" }), units), units, "frame").kind, "bye");
});

test("a frame that is cut, lengthened or changed anywhere is refused", () => {
  const bytes = encodeFrame(frameOf(rowsOf(5)), units);
  for (let length = 0; length < bytes.length; length++)
    refused(bytes.subarray(0, length), /^message 5.*: expected .*, got /);
  const longer = new Uint8Array(bytes.length + 8);
  longer.set(bytes);
  refused(longer, /^message 5/);
  for (let i = 0; i < bytes.length; i++) {
    const flipped = bytes.slice();
    flipped[i] ^= 1 << (i % 8);
    refused(flipped, /^message 5/);
  }
});

test("numbers that are not finite, actions out of bounds and other sizes are refused", () => {
  const rows = rowsOf(3);
  const bad = (changes: Partial<FrameRow>): Uint8Array =>
    encodeFrame(frameOf([rows[0], { ...rows[1], ...changes }, rows[2]]), units);
  refused(bad({ reward: Number.NaN }), /rewards\[1\]: expected a finite number, got NaN/);
  refused(bad({ reward: Infinity }), /rewards\[1\]: expected a finite number/);
  refused(bad({ nextObservation: [0, Number.NaN, 0] }), /nextObservations\[4\]: expected a finite number/);
  refused(bad({ observation: [0, 0, -Infinity] }), /observations\[5\]: expected a finite number/);
  refused(bad({ action: [2.1, 0] }), /actions\[1\]\[0\]: expected -2 to 2, got 2.09/);
  refused(bad({ action: [0, Number.NaN] }), /actions\[1\]\[1\]: expected 0 to 1, got NaN/);
  refused(bad({ info: { distance: Infinity } }), /info\[1\].distance: expected a finite number/);
  const other = encodeFrame(frameOf([{ ...rows[0], observation: [1], nextObservation: [1] }]), {
    ...{ observationSize: 1, actionSize: 2 },
  });
  refused(other, /observationSize: expected 3, got 1/);
  refused(new TextEncoder().encode("x".repeat(100)), /expected a frame of transitions, of format 1/);
  // Sizes are compared with the bytes that came before anything of such a size is made.
  refused(
    changed(rows, (view) => view.setUint32(12, 0xffffffff, true)),
    /rows: expected at most 4096/,
  );
  refused(
    changed(rows, (view) => view.setUint32(12, 4096, true)),
    /expected a whole frame/,
  );
  refused(
    changed(rows, (view) => view.setUint32(24, 0xffffffff, true)),
    /names: expected at most 65536 bytes/,
  );
});

test("as many rows are sent as a message has room for", () => {
  const sizes = { observationSize: 3, actionSize: 2 };
  const rows = rowsOf(200);
  for (const room of [400, 1000, 5000, 7777]) {
    const count = fittingRows(rows, sizes, room);
    assert.ok(count > 0 && count < rows.length, `${count} in ${room}`);
    assert.ok(encodeFrame(frameOf(rows.slice(0, count)), sizes).length <= room);
    // Not far from the most: rows that do not begin take less room.
    assert.ok(encodeFrame(frameOf(rows.slice(0, 2 * count + 20)), sizes).length > room, `${count} in ${room}`);
  }
  assert.equal(fittingRows(rows, sizes, 100_000), rows.length);
  assert.equal(fittingRows(rows, sizes, 100), 0);
  assert.equal(fittingRows(new Array(5000).fill(rows[1]), sizes, 2 ** 30), maxRows);
  const names = (from: number) =>
    Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`ü${"x".repeat(20)}${from + i}`, i]));
  const many = rows.map((row, i) => ({ ...row, info: names(60 * i) }));
  const count = fittingRows(many, sizes, 2 ** 20);
  assert.ok(count > 0 && count < rows.length);
  const frame = encodeFrame(frameOf(many.slice(0, count)), sizes);
  assert.equal(decodeFrame(frame, units, "frame").length, count);
});

test("a number that Float32 does not hold is refused", () => {
  const [row] = rowsOf(1);
  const encoded = encodeFrame(frameOf([{ ...row, reward: 1e300 }]), { observationSize: 3, actionSize: 2 });
  assert.throws(
    () => decodeFrame(encoded, units, "frame"),
    /rewards\[0\]: expected a number that fits in Float32, got 1e\+300/,
  );
});
