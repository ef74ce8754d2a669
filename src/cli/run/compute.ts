import * as os from "node:os";
import { Option } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { settingFlag } from "../../ddpg/config.ts";
import type { Ddpg } from "../../ddpg/ddpg.ts";
import type { ReplayBuffer } from "../../ddpg/replay-buffer.ts";
import { expectArithmetic, notFusedWarning } from "../../kernels/choose-backend.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import type { Threads } from "../../kernels/wasm/threads.ts";
import { type NodeBackend, nodeBackend, nodeThreads } from "../../node.ts";
import { whole } from "../terminal/numbers.ts";
import { numberOf } from "../terminal/options.ts";
import { printError } from "../terminal/output.ts";

const widths = ["128", "256", "auto"] as const;
const backends = ["auto", "native", "wasm"] as const;

/** More threads do not speed up a batch of the usual size. */
const maxThreads = 4;

/** What a command computes with. Only `arithmetic` changes the results. */
export interface ComputeFlags {
  arithmetic?: Arithmetic;
  backend?: (typeof backends)[number];
  simd?: (typeof widths)[number];
  threads?: number | "auto";
}

/** The options of commands that compute. */
export const computeOptions = {
  arithmetic: (byDefault = "fused where it is possible") =>
    new Option(
      "--arithmetic <name>",
      `rounding of products: fused, or portable, which runs everywhere; other results [${byDefault}]`,
    ).argParser(arithmeticName),
  backend: () =>
    new Option("--backend <name>", "what computes the networks: native, wasm or auto; same results [auto]").argParser(
      backendName,
    ),
  simd: () =>
    new Option(
      "--simd <bits>",
      "bits of WebAssembly's vectors: 128, 256 (Node 24 or newer) or auto; a width leaves native out; same results [auto]",
    ).argParser(simdWidth),
  threads: () =>
    new Option(
      "--threads <n>",
      `threads of one run, if layers and batch are large; same results [the cores, up to ${maxThreads}]`,
    ).argParser(threadCount),
};

function backendName(text: string): (typeof backends)[number] {
  const found = backends.find((name) => name === text);
  expect(found !== undefined, "--backend", "native, wasm or auto", text);
  return found;
}

function simdWidth(text: string): (typeof widths)[number] {
  const width = widths.find((name) => name === text);
  expect(width !== undefined, "--simd", "128, 256 or auto", text);
  return width;
}

function arithmeticName(text: string): Arithmetic {
  expectArithmetic(text, "--arithmetic");
  return text;
}

export function threadCount(text: string): number | "auto" {
  const number = numberOf(text);
  const value = Number.isInteger(number) ? number : text;
  const good = value === "auto" || (typeof value === "number" && value >= 1 && value <= 64);
  expect(good, "--threads", "a whole number from 1 to 64, or auto", value);
  return value === "auto" ? value : Number(value);
}

/** How the automatic choices of a command are explained. */
export interface Explanations {
  /** Whether the user asked for them. Otherwise only a choice that the user may not expect is explained. */
  readonly verbose: boolean;
  say(line: string): void;
}

/**
 * Explanations on the standard error. A child of this program gives none: its parent has explained the backend, and
 * takes what a child prints there for the report of an error.
 */
export function explanations(verbose: boolean, isChild: boolean): Explanations {
  return { verbose, say: isChild ? () => {} : printError };
}

/**
 * Creates the backend that the flags ask for; without `arithmetic`, it is fused where that is possible. Explains 128-bit
 * vectors if the user may not expect them. Throws an InputError, with this hint, where a named arithmetic is not possible.
 */
export async function backendFor(
  { backend: kind = "auto", simd = "auto", arithmetic }: ComputeFlags,
  { verbose, say }: Explanations,
  hint = "--arithmetic portable runs everywhere, with other results.",
): Promise<NodeBackend> {
  // A width is one of WebAssembly's vectors.
  const native = kind === "native" || (kind === "auto" && simd === "auto");
  const backend = await nodeBackend({ native, wide: simd !== "128", ...(arithmetic && { arithmetic }) }).catch(
    (error) => {
      if (!(error instanceof InputError) || error.where !== "arithmetic") throw error;
      const expected = `a processor and a Node that have ${arithmetic} arithmetic`;
      throw new InputError({ where: `--arithmetic ${arithmetic}`, expected, got: error.got, hint });
    },
  );
  const isNative = backend.name.startsWith("native");
  if (kind === "native" && !isNative) {
    const hint = "--backend auto takes the fastest that works here, with the same results.";
    throw new InputError({
      where: "--backend",
      expected: "native kernels that work here",
      got: backend.notes[0],
      hint,
    });
  }
  const [reason = "--simd 128"] = backend.notes.slice(native ? 1 : 0);
  const isNews = simd === "256" || verbose;
  if (!isNative && native && verbose) say(`ddpg: using WebAssembly: ${backend.notes[0]}.`);
  if (!isNative && backend.vectorBits === 128 && isNews) say(`ddpg: using 128-bit vectors: ${reason}.`);
  return backend;
}

/** What a command warns of if its arithmetic is portable although no one asked for that. */
export function portableWarning(reason: string): string {
  return notFusedWarning(reason, "--arithmetic", "");
}

/** What an agent is computed with, as commands print it. */
export function computeText({ name, vectorBits }: NodeBackend, { arithmetic, threads }: Ddpg): string {
  const kind = name.startsWith("native") ? "native" : "WebAssembly";
  return `${kind}, ${vectorBits}-bit SIMD, ${arithmetic} arithmetic${threads > 1 ? `, ${threads} threads` : ""}`;
}

export function threadsFor({ threads = "auto" }: ComputeFlags): Threads {
  return nodeThreads(threads === "auto" ? Math.min(maxThreads, os.availableParallelism()) : threads);
}

/** With `verbose`, explains why an agent computes with one thread although it could have had more. */
export function explainOneThread(
  { threads = "auto" }: ComputeFlags,
  agent: Ddpg,
  { verbose, say }: Explanations,
): void {
  if (!verbose || threads === 1 || agent.threads > 1) return;
  const cores = os.availableParallelism();
  const reason = threadsFor({ threads }).refusal || "there are no others";
  say(`ddpg: using one thread: ${reason}${cores === 1 ? ". This process has one core" : ""}.`);
}

/** A warning if the replay buffer with `rows` rows will not fit in the machine's memory, or in that which a container has; else "". */
export function memoryWarning({ capacity, rowSize }: ReplayBuffer, rows: number): string {
  const bytes = 4 * rowSize * Math.min(capacity, rows);
  const limit = process.constrainedMemory?.() ?? 0;
  // Without a limit, some versions of Node return 0, and others a number far above any memory.
  const available = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  if (bytes <= available) return "";
  return (
    `${settingFlag("replayCapacity")}: expected a buffer that fits in ${gigabytes(available)} of memory, got ${gigabytes(bytes)} ` +
    `for ${whole(Math.min(capacity, rows))} transitions of ${whole(4 * rowSize)} bytes. Choose a smaller one.`
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
