// A simulator that speaks the frames, written in JavaScript, so that tests need no other language. It does what its first
// argument says, also everything wrong.
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";

const program = `#!${process.execPath}
const fs = require("node:fs");
const { mode = "", at = 0, rows = 1, limit = 20 } = JSON.parse(process.argv[2] ?? "{}");

/** Reads exactly N bytes; undefined at the end. */
function read(count) {
  const all = Buffer.alloc(count);
  for (let filled = 0; filled < count; ) {
    const got = fs.readSync(0, all, filled, count - filled);
    if (got === 0) return undefined;
    filled += got;
  }
  return all;
}
function send(type, body, length = body.length) {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(length, 0);
  header.writeUInt32LE(type, 4);
  // In two pieces, as a pipe may deliver them.
  fs.writeSync(1, header.subarray(0, 3));
  fs.writeSync(1, Buffer.concat([header.subarray(3), body]));
}
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

if (mode === "pid") fs.writeFileSync(process.argv[3], String(process.pid));
if (mode === "text") console.log("Loading the world ...");
if (mode === "no hello") sleep(60000);
if (mode === "hello dies") { console.error("no license"); process.exit(3); }
if (mode === "hello raises") send(4, Buffer.from("Traceback:\\n  File x, line 1\\nValueError: no such world"));
const hello = { version: 1, name: "fake", observationSize: 2, actionLow: [-1, -2], actionHigh: [1, 2], maxEpisodeSteps: limit, environments: rows };
if (mode === "version") hello.version = 2;
if (mode === "field") hello.observationsize = 2;
if (mode === "bounds") hello.actionHigh = [1];
if (mode === "picture") { hello.picture = [4, 3]; hello.stepSeconds = 0.5; }
if (mode === "huge hello") send(0x67706464, Buffer.from("{}"), 0xfffffff0);
else if (mode === "garbage") fs.writeSync(1, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9]));
else send(0x67706464, Buffer.from(JSON.stringify(hello)));
if (mode === "stderr") console.error("a warning");

const state = Array.from({ length: rows }, () => ({ x: 0, t: 0 }));
let names = [];
let steps = 0;
let frames = 0;
for (;;) {
  const header = read(8);
  if (!header) break;
  const [length, type] = [header.readUInt32LE(0), header.readUInt32LE(4)];
  const body = read(length);
  if (type === 5) {
    send(6, Buffer.alloc(36, state[0].t));
    continue;
  }
  frames++;
  const answers = [];
  for (let row = 0; row < rows; row++) {
    const number = (i) => body.readDoubleLE(8 * (4 * row + i));
    const each = state[row];
    const command = number(0);
    if (command === 1) Object.assign(each, { x: number(1) / 2 ** 32, t: 0 });
    if (command === 2) {
      steps++;
      each.t++;
      each.x = 0.9 * each.x + 0.1 * number(2) + 0.01 * number(3);
    }
    if (steps > at && command === 2) {
      if (mode === "dies") { console.error("out of oil"); process.exit(3); }
      if (mode === "killed") process.kill(process.pid, "SIGKILL");
      if (mode === "print") console.log("still alive");
      if (mode === "length") { send(2, Buffer.alloc(48)); process.exit(0); }
      if (mode === "half") { fs.writeSync(1, Buffer.from([40, 0, 0])); process.exit(0); }
      if (mode === "raises") send(4, Buffer.from("Traceback (most recent call last):\\n  File x\\nZeroDivisionError: by zero\\n"));
      if (mode === "hangs") sleep(60000);
      if (mode === "closes input") { fs.closeSync(0); fs.closeSync(1); sleep(60000); }
      if (mode === "info" && !names.includes("odd") && each.t % 2) { names = ["odd"]; send(3, Buffer.from(JSON.stringify(names))); }
      if (mode === "names") send(3, Buffer.from('["a", "a"]'));
    }
    const reward = mode === "nan" && steps > at ? NaN : mode === "frames" ? frames : -Math.abs(each.x);
    const ended = each.t === limit ? (mode === "flag" ? 2 : 1) : 0;
    answers.push(reward, 0, ended, each.x, 1 / 3 + each.t, ...names.map(() => (each.t % 2 ? each.t : NaN)));
  }
  send(2, Buffer.from(Float64Array.from(answers).buffer));
  if (mode === "twice") send(2, Buffer.from(Float64Array.from(answers).buffer));
}
`;

/** What the simulator does. */
export interface FakeMode {
  /** What goes wrong. */
  readonly mode?: string;
  /** After this many steps. */
  readonly at?: number;
  /** The number of environments behind it. */
  readonly rows?: number;
  /** The steps of an episode. */
  readonly limit?: number;
}

/** Writes the simulator to a folder and returns its path. */
export function writeFake(folder: string): string {
  const file = path.join(folder, "simulator.cjs");
  fs.writeFileSync(file, program, { mode: 0o755 });
  return file;
}

/** Starts the simulator of this path with its frames connected to a port of this machine. */
export async function connectFake(simulator: string, port: number, mode: FakeMode = {}) {
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  const child = spawn(process.execPath, [simulator, JSON.stringify(mode)], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.pipe(socket);
  socket.pipe(child.stdin);
  child.on("exit", () => socket.destroy());
  socket.on("error", () => {});
  child.stdin.on("error", () => {});
  return { socket, child };
}
