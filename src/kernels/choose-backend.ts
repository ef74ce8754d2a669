import { expect, InputError } from "../base/expect.ts";
import { type Backend, type BackendOptions, isArithmeticOpen } from "./backend.ts";
import type { Arithmetic } from "./kernels.ts";
import type { Threads } from "./wasm/threads.ts";
import { wasmBackend } from "./wasm/wasm-backend.ts";

// The only process-wide choice of a backend. Decision 16 says why there is one.
let current: Backend = wasmBackend;

/** The backend of agents and policies that are created without one: `wasmBackend`, or the last `setDefaultBackend`. */
export function defaultBackend(): Backend {
  return current;
}

/**
 * Sets the backend of agents and policies that are created from now on without a `backend` option. Existing ones keep
 * theirs. Meant for a program's main file; a library should pass `backend` instead. Throws an InputError for anything
 * but a backend.
 */
export function setDefaultBackend(backend: Backend): void {
  expectBackend(backend, "setDefaultBackend backend");
  current = backend;
}

/**
 * The backend that the options ask for. If they leave the arithmetic open, it is fused where that is possible, and
 * otherwise portable with `notFused`. Rejects with an InputError for an option that is invalid or not possible here.
 */
export async function chooseBackend({
  backend: given = current,
  threads,
  arithmetic,
}: BackendOptions): Promise<Backend> {
  expectBackend(given, "backend");
  const fused = arithmetic === undefined && isArithmeticOpen(given) ? await settled(given, "fused") : undefined;
  const backend = typeof fused === "object" ? fused : await withArithmetic(given, arithmetic ?? arithmeticOf(given));
  const found = threads === undefined ? backend : withThreads(backend, threads);
  return typeof fused === "string" ? { ...found, notFused: fused } : found;
}

/**
 * The backend for what was saved with an arithmetic but may be computed with another one: it has the saved arithmetic
 * where that is possible, unless the options name one.
 */
export async function backendForSaved(saved: Arithmetic, options: BackendOptions): Promise<Backend> {
  if (options.arithmetic !== undefined) return chooseBackend(options);
  const { backend = current } = options;
  expectBackend(backend, "backend");
  const found = await settled(backend, saved);
  return typeof found === "object" ? found : chooseBackend({ ...options, arithmetic: arithmeticOf(backend) });
}

/**
 * What to warn of if the arithmetic is portable although none was asked for. `option` is what asks for it, and `hint` says
 * where fused arithmetic is possible.
 */
export function notFusedWarning(reason: string, option = "arithmetic", hint = whereFused): string {
  return `${option}: using portable, with other bits than fused: ${reason}. ${hint}`.trim();
}

function withThreads(backend: Backend, threads: Threads): Backend {
  expect(areThreads(threads), "threads", "those of nodeThreads, from ddpg/node, or of webThreads", threads);
  expect(backend.withThreads !== undefined, "threads", "a backend that can use threads", backend.name);
  return backend.withThreads(threads);
}

/** Not by the class, whose code a page without threads need not load. */
function areThreads(threads: Threads): boolean {
  return typeof threads?.areWorth === "function" && typeof threads.share === "function";
}

/** Throws an InputError that begins with `where` unless a value names an arithmetic. */
export function expectArithmetic(value: unknown, where: string): asserts value is Arithmetic {
  expect(value === "fused" || value === "portable", where, "fused or portable", value);
}

function arithmeticOf({ arithmetic = "portable" }: Backend): Arithmetic {
  return arithmetic;
}

/** The same backend with this arithmetic, which is not open, or the reason why there is none. */
async function settled(backend: Backend, arithmetic: Arithmetic): Promise<Backend | string> {
  if (arithmetic === arithmeticOf(backend)) return isArithmeticOpen(backend) ? closed(backend) : backend;
  return (await backend.withArithmetic?.(arithmetic)) ?? `the backend ${backend.name} has no other arithmetic`;
}

/** A copy whose arithmetic is not open, also with threads. */
function closed(backend: Backend): Backend {
  const { withThreads } = backend;
  return {
    ...backend,
    ...(withThreads && { withThreads: (threads: Threads) => closed(withThreads.call(backend, threads)) }),
  };
}

async function withArithmetic(backend: Backend, arithmetic: Arithmetic): Promise<Backend> {
  expectArithmetic(arithmetic, "arithmetic");
  const found = await settled(backend, arithmetic);
  if (typeof found === "object") return found;
  throw new InputError({
    where: "arithmetic",
    expected: `a backend that has ${arithmetic} here`,
    got: `${arithmeticOf(backend)} alone: ${found}`,
    hint: hints[arithmetic],
  });
}

/** Node 20 has it only where `nodeBackend` has set a flag. */
const whereFused = "Node 22 has it, and Node 20 with a backend of ddpg/node.";

const hints: Record<Arithmetic, string> = {
  fused: `${whereFused} Portable runs everywhere, with other bits.`,
  portable: "Pass another backend, such as wasmBackend.",
};

function expectBackend(backend: Backend, where: string): void {
  const isBackend = typeof backend?.create === "function" && typeof backend.name === "string";
  expect(isBackend, where, "a backend, such as wasmBackend or await nodeBackend() of ddpg/node", backend);
}
