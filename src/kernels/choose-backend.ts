import { expect } from "../base/expect.ts";
import type { Backend, BackendOptions } from "./backend.ts";
import { Threads } from "./wasm/threads.ts";
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

/** The backend that the options ask for. Throws an InputError for an invalid option. */
export function chooseBackend({ backend = current, threads }: BackendOptions): Backend {
  expectBackend(backend, "backend");
  if (threads === undefined) return backend;
  expect(threads instanceof Threads, "threads", "those of nodeThreads, from ddpg/node, or of webThreads", threads);
  expect(backend.withThreads !== undefined, "threads", "a backend that can use threads", backend.name);
  return backend.withThreads(threads);
}

function expectBackend(backend: Backend, where: string): void {
  const isBackend = typeof backend?.create === "function" && typeof backend.name === "string";
  expect(isBackend, where, "a backend, such as wasmBackend or await nodeBackend() of ddpg/node", backend);
}
