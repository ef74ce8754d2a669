// Transitions as bytes: what an actor sends to a learner. A frame has a header of 64 bytes and then columns, so that a learner
// reads thousands of transitions without a copy for each. All numbers are little-endian.
//
//   0  "ddpgtr1\n"          the format and its version
//   8  U32 CRC-32C          of everything after it
//  12  U32 rows, U32 O, U32 A, U32 bytes of the names, U32 kind
//  32  16 bytes             the actor
//  48  F64 batch            the number of the frame, from 1
//  56  F64 version          of the weights that acted
//  64  U8 [rows]            flags; then zeros up to a multiple of 8
//      F64 [rows]           r
//      F64 [rows, O]        s′
//      F64 [begun, O]       s, of the rows that begin: that of the others is s′ of the row before
//      F32 [rows, A]        a; then zeros up to a multiple of 8
//      F64 [informed, names] info, of the rows that have some; NaN where a name is missing
//      bytes of the names   a list in JSON
import { crc32c } from "../../base/crc32c.ts";
import { expect, InputError } from "../../base/expect.ts";
import { parseJson } from "../../base/json.ts";
import type { ReceivedStep } from "../../ddpg/learn-from.ts";
import type { Units } from "../../ddpg/units.ts";
import { maxInfoNames } from "../../environment/environment-calls.ts";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };

const magic = "ddpgtr1\n";
const headerBytes = 64;
/** The most transitions of a frame. */
export const maxRows = 4096;
const maxNameBytes = 65_536;
/** Each row has at most maxInfoNames; those of a frame may be of several episodes. */
const maxNames = 8 * maxInfoNames;

const flags = { terminated: 1, truncated: 2, begins: 4, informed: 8 } as const;
const allFlags = 15;

/** `rows`: transitions. `bye`: the actor ends, and with it its open episode. */
export type FrameKind = "rows" | "bye";
const kinds: readonly FrameKind[] = ["rows", "bye"];

/** A transition, in the environment's units. The actor stands for the body. */
export type FrameRow = Omit<ReceivedStep, "type" | "body">;

export interface Frame {
  readonly kind: FrameKind;
  /** 32 hexadecimal digits. */
  readonly actor: string;
  readonly batch: number;
  readonly version: number;
  readonly rows: readonly FrameRow[];
}

/** Returns how many of these rows, from the first, fit in a frame of at most `bytes`. */
export function fittingRows(rows: readonly FrameRow[], { observationSize: O, actionSize: A }: Sizes, bytes: number) {
  const names = new Set<string>();
  // As if every row began, which takes the most room; and the zeros after two of the columns.
  const rowBytes = 1 + 8 + 16 * O + 4 * A;
  let nameBytes = 2;
  let informed = 0;
  for (const [i, { info }] of rows.entries()) {
    if (info) informed++;
    for (const name of info ? Object.keys(info) : []) {
      // A letter of UTF-16 takes at most three bytes.
      if (!names.has(name)) nameBytes += 1 + 3 * JSON.stringify(name).length;
      names.add(name);
    }
    const size = headerBytes + 16 + (i + 1) * rowBytes + 8 * informed * names.size + nameBytes;
    if (i === maxRows || size > bytes || nameBytes > maxNameBytes || names.size > maxNames) return i;
  }
  return rows.length;
}

/** Returns the bytes of a frame. A row whose observation is that of the row before takes less room. */
export function encodeFrame(
  { kind, actor, batch, version, rows }: Frame,
  { observationSize: O, actionSize: A }: Sizes,
) {
  const names = [...new Set(rows.flatMap(({ info }) => (info ? Object.keys(info) : [])))];
  const begins = rows.map(({ observation }, i) => i === 0 || !isSame(observation, rows[i - 1].nextObservation));
  const begun = rows.filter((_, i) => begins[i]);
  const informed = rows.filter(({ info }) => info !== undefined);
  const text = names.length === 0 ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(names));
  const counts = { rows: rows.length, O, A, begun: begun.length, informed: informed.length, names: names.length };
  const places = placesOf(counts);
  const bytes = new Uint8Array(places.names + text.length);
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  for (const [i, count] of [rows.length, O, A, text.length, kinds.indexOf(kind)].entries())
    view.setUint32(12 + 4 * i, count, true);
  for (let i = 0; i < 16; i++) bytes[32 + i] = Number.parseInt(actor.slice(2 * i, 2 * i + 2), 16);
  view.setFloat64(48, batch, true);
  view.setFloat64(56, version, true);
  const { buffer } = bytes;
  const columns = columnsOf(buffer, places, counts);
  for (const [i, row] of rows.entries()) {
    columns.flags[i] =
      (row.terminated ? flags.terminated : 0) |
      (row.truncated ? flags.truncated : 0) |
      (begins[i] ? flags.begins : 0) |
      (row.info ? flags.informed : 0);
    columns.rewards[i] = row.reward;
    columns.next.set(row.nextObservation, i * O);
    columns.actions.set(row.action, i * A);
  }
  for (const [i, row] of begun.entries()) columns.starts.set(row.observation, i * O);
  for (const [i, { info }] of informed.entries()) {
    for (const [j, name] of names.entries()) columns.info[i * names.length + j] = info?.[name] ?? Number.NaN;
  }
  bytes.set(text, places.names);
  view.setUint32(8, crc32c(bytes.subarray(12)), true);
  return bytes;
}

type Sizes = Pick<Units, "observationSize" | "actionSize">;

/** A row of a frame that is read into the same object as the last one. */
export interface ReusedRow {
  readonly observation: Float64Array;
  readonly action: Float32Array;
  readonly nextObservation: Float64Array;
  reward: number;
  terminated: boolean;
  truncated: boolean;
  info: Readonly<Record<string, number>> | undefined;
}

/** A frame whose rows are read one by one: views of each of them would take more time than learning from it. */
export interface DecodedFrame extends Omit<Frame, "rows"> {
  /** The number of rows. */
  readonly length: number;
  /** Copies row i. */
  read(i: number, into: ReusedRow): void;
}

/**
 * Decodes a frame for an agent with these sizes and bounds. Throws an InputError that begins with `where` unless it is
 * complete, its checksum matches, every number is finite in Float32, and actions are within the bounds. Sizes are checked
 * before anything is allocated.
 */
export function decodeFrame(given: Uint8Array, units: Units, where: string): DecodedFrame {
  const { observationSize: O, actionSize: A, lowest, highest } = units;
  expect(given.length >= headerBytes, where, `a frame of at least ${headerBytes} bytes`, given.length);
  const isFrame = Array.from(magic).every((letter, i) => given[i] === letter.charCodeAt(0));
  if (!isFrame) throw new InputError({ where, expected: "a frame of transitions, of format 1", got: "other bytes" });
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  const [rows, o, a, textBytes, kind] = [12, 16, 20, 24, 28].map((at) => view.getUint32(at, true));
  expect(rows <= maxRows, `${where} rows`, `at most ${maxRows}`, rows);
  expect(o === O, `${where} observationSize`, `${O}`, o);
  expect(a === A, `${where} actionSize`, `${A}`, a);
  expect(textBytes <= maxNameBytes, `${where} names`, `at most ${maxNameBytes} bytes`, textBytes);
  expect(kind < kinds.length, `${where} kind`, `a number below ${kinds.length}`, kind);
  expect(given.length >= headerBytes + aligned(rows), where, "a whole frame", `${given.length} bytes`);
  let begun = 0;
  let informed = 0;
  for (let i = 0; i < rows; i++) {
    const flag = given[headerBytes + i];
    expect(flag <= allFlags && (i > 0 || (flag & flags.begins) !== 0), `${where} flags[${i}]`, "known ones", flag);
    if (flag & flags.begins) begun++;
    if (flag & flags.informed) informed++;
  }
  const end = given.length - textBytes;
  const names = textBytes === 0 ? [] : namesIn(given.subarray(Math.max(0, end)), where);
  const counts = { rows, O, A, begun, informed, names: names.length };
  const places = placesOf(counts);
  expect(places.names === end, where, `${places.names + textBytes} bytes`, given.length);
  const crc = view.getUint32(8, true);
  expect(crc32c(given.subarray(12)) === crc, `${where} checksum`, "that of the bytes", crc, "The frame was damaged.");
  const batch = view.getFloat64(48, true);
  const version = view.getFloat64(56, true);
  expect(Number.isSafeInteger(batch) && batch > 0, `${where} batch`, "a whole number above 0", batch);
  expect(Number.isSafeInteger(version) && version >= 0, `${where} version`, "a whole number", version);
  expect(kinds[kind] !== "bye" || rows === 0, `${where} rows`, "none in a farewell", rows);

  // A fresh buffer is aligned; that of a message may begin anywhere. The slice of a Buffer would be no copy.
  const columns = columnsOf(new Uint8Array(given).buffer, places, counts);
  expectFinite(columns.rewards, `${where} rewards`);
  expectFinite(columns.next, `${where} nextObservations`);
  expectFinite(columns.starts, `${where} observations`);
  const { actions } = columns;
  for (let i = 0; i < actions.length; i++) {
    const j = i % A;
    const isInside = actions[i] >= lowest[j] && actions[i] <= highest[j];
    if (!isInside) expect(false, `${where} actions[${(i - j) / A}][${j}]`, `${lowest[j]} to ${highest[j]}`, actions[i]);
  }
  /** Where s of a row begins among the starts, or −1 if it is s′ of the row before. */
  const startOf = new Int32Array(rows).fill(-1);
  const infos: (Record<string, number> | undefined)[] = [];
  let started = 0;
  let told = 0;
  for (let i = 0; i < rows; i++) {
    const flag = columns.flags[i];
    if (flag & flags.begins) startOf[i] = O * started++;
    if (informed > 0)
      infos.push(flag & flags.informed ? infoOf(columns.info, told++, names, `${where} info[${i}]`) : undefined);
  }
  const actor = Array.from(given.subarray(32, 48), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    ...{ kind: kinds[kind], actor, batch, version, length: rows },
    read(i, into) {
      const begins = startOf[i] >= 0;
      const { next, starts } = columns;
      const [from, at] = begins ? [starts, startOf[i]] : [next, (i - 1) * O];
      for (let k = 0; k < O; k++) into.observation[k] = from[at + k];
      for (let k = 0; k < O; k++) into.nextObservation[k] = next[i * O + k];
      for (let k = 0; k < A; k++) into.action[k] = actions[i * A + k];
      const flag = columns.flags[i];
      into.reward = columns.rewards[i];
      into.terminated = (flag & flags.terminated) !== 0;
      into.truncated = (flag & flags.truncated) !== 0;
      into.info = infos[i];
    },
  };
}

function infoOf(values: Float64Array, index: number, names: readonly string[], where: string): Record<string, number> {
  const info: Record<string, number> = {};
  for (const [j, name] of names.entries()) {
    const value = values[index * names.length + j];
    if (Number.isNaN(value)) continue;
    expect(Number.isFinite(value), `${where}.${name}`, "a finite number", value);
    Object.defineProperty(info, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return info;
}

function namesIn(bytes: Uint8Array, where: string): string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError({ where: `${where} names`, expected: "UTF-8", got: "other bytes" });
  }
  const names = parseJson(text, `${where} names`);
  const areNames =
    Array.isArray(names) && names.every((name) => typeof name === "string") && new Set(names).size === names.length;
  expect(areNames && names.length <= maxNames, `${where} names`, "a list of distinct names", names);
  return names;
}

function expectFinite(values: Float64Array, where: string): void {
  for (let i = 0; i < values.length; i++) {
    // The networks compute in Float32. What is too large only after scaling is left out when it is learned from.
    if (Number.isFinite(Math.fround(values[i]))) continue;
    const wanted = Number.isFinite(values[i]) ? "a number that fits in Float32" : "a finite number";
    expect(false, `${where}[${i}]`, wanted, values[i]);
  }
}

function isSame(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  for (let i = 0; i < one.length; i++) if (!Object.is(one[i], other[i])) return false;
  return true;
}

interface Counts {
  readonly rows: number;
  readonly O: number;
  readonly A: number;
  readonly begun: number;
  readonly informed: number;
  readonly names: number;
}

/** Where the columns begin. */
function placesOf({ rows, O, A, begun, informed, names }: Counts) {
  const rewards = headerBytes + aligned(rows);
  const next = rewards + 8 * rows;
  const starts = next + 8 * rows * O;
  const actions = starts + 8 * begun * O;
  const info = actions + aligned(4 * rows * A);
  return { flags: headerBytes, rewards, next, starts, actions, info, names: info + 8 * informed * names };
}

function columnsOf(
  buffer: ArrayBufferLike,
  places: ReturnType<typeof placesOf>,
  { rows, O, A, begun, informed, names }: Counts,
) {
  return {
    flags: new Uint8Array(buffer, places.flags, rows),
    rewards: new Float64Array(buffer, places.rewards, rows),
    next: new Float64Array(buffer, places.next, rows * O),
    starts: new Float64Array(buffer, places.starts, begun * O),
    actions: new Float32Array(buffer, places.actions, rows * A),
    info: new Float64Array(buffer, places.info, informed * names),
  };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
