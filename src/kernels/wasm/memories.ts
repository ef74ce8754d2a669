// Where kernels keep their numbers. An engine reserves gigabytes of addresses for every WebAssembly memory, so that a
// page can have about a hundred. So small kernels, such as a policy's, share memories, and kernels with threads share
// one. What kernels have is free again when they are collected.
import { InputError, messageOf } from "../../base/expect.ts";
import { macrotask } from "../../base/macrotask.ts";
import { wasmMemoryHint } from "../../base/wasm-memory.ts";
import { reservedBytes } from "../raw-kernels.ts";
import { lineBytes, type RawKernels } from "../signatures.ts";

// Every platform has WebAssembly, but no type library that the pure floors may use declares it.
declare const WebAssembly: {
  instantiate(module: object, imports: object): Promise<{ readonly exports: RawKernels }>;
  Memory: new (pages: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
};

/** A WebAssembly memory. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

export const pageBytes = 65536;

/** No memory has more pages: the modules say so. */
export const maxPages = 65535;

/** A part of a memory for one build of kernels. It may hold what others left. */
export interface Part {
  readonly exports: RawKernels;
  readonly buffer: ArrayBufferLike;
  /** Its first byte, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  /** Gives the part back. It must not be used any more. */
  release(): void;
}

/** Instantiates kernels over a memory of its own. */
export async function instantiate(module: object, bytes: number, shared: boolean): Promise<Part> {
  const start = reservedBytes(bytes);
  const pages = Math.ceil((start + bytes) / pageBytes);
  const memory = newMemory({ initial: pages, maximum: pages, shared });
  return {
    exports: await instantiateOver(module, memory),
    buffer: memory.buffer,
    start,
    end: start + bytes,
    release() {},
  };
}

/** The kernels over a memory. */
export async function instantiateOver(module: object, memory: WasmMemory): Promise<RawKernels> {
  return (await WebAssembly.instantiate(module, { env: { memory } })).exports;
}

/** A new memory. Throws an InputError that says what to do if the engine refuses one. */
export function newMemory(pages: { initial: number; maximum: number; shared: boolean }): WasmMemory {
  try {
    return new WebAssembly.Memory(pages);
  } catch (error) {
    const expected = `a memory of ${Math.ceil((pages.initial * pageBytes) / 1e6)} MB`;
    const got = `"${messageOf(error)}"`;
    throw new InputError({ where: "WebAssembly", expected, got, hint: wasmMemoryHint }, { cause: error });
  }
}

const collected = new FinalizationRegistry<() => void>((release) => release());

/** Calls `release` some time after an object was collected. `release` must not refer to it. */
export function releaseWith(object: object, release: () => void): void {
  collected.register(object, release);
}

/** The free bytes of a range of addresses. What is taken is a multiple of a cache line. */
export class FreeRanges {
  /** Sorted, and never adjacent. */
  readonly #free: { start: number; end: number }[] = [];

  /** Takes the first free range of `bytes` bytes; returns its start, or −1 where none is large enough. */
  take(bytes: number): number {
    const index = this.#free.findIndex(({ start, end }) => end - start >= bytes);
    if (index < 0) return -1;
    const range = this.#free[index];
    const { start } = range;
    range.start += bytes;
    if (range.start === range.end) this.#free.splice(index, 1);
    return start;
  }

  /** Adds a range that is not free yet. */
  add(start: number, end: number): void {
    const found = this.#free.findIndex((range) => range.start > start);
    const index = found < 0 ? this.#free.length : found;
    this.#free.splice(index, 0, { start, end });
    if (index + 1 < this.#free.length && this.#free[index + 1].start === end) this.#join(index);
    if (index > 0 && this.#free[index - 1].end === start) this.#join(index - 1);
  }

  /** The bytes at the end of the range, up to `end`, that are free. */
  freeBefore(end: number): number {
    const last = this.#free[this.#free.length - 1];
    return last?.end === end ? end - last.start : 0;
  }

  #join(index: number): void {
    this.#free[index].end = this.#free[index + 1].end;
    this.#free.splice(index + 1, 1);
  }
}

/** `bytes`, rounded up to whole cache lines; at least one. */
export function wholeLines(bytes: number): number {
  return lineBytes * Math.max(1, Math.ceil(bytes / lineBytes));
}

/**
 * Builds of up to this many bytes share memories: policies and small agents. Larger ones have their own, whose size tells
 * the engine when to collect garbage.
 */
export const maxPooledBytes = 2 * 1024 * 1024;

/** The sizes of the memories that builds share: each adds as much as there is, within these limits. */
const [minMemory, maxMemory] = [4 * 1024 * 1024, 16 * 1024 * 1024];

interface PooledMemory {
  readonly exports: RawKernels;
  readonly buffer: ArrayBufferLike;
  readonly ranges: FreeRanges;
  readonly bytes: number;
  used: number;
}

/** Memories that builds of one thread share. Of those in which nothing is used, the pool keeps one. */
export class MemoryPool {
  readonly #module: () => Promise<object>;
  #memories: readonly PooledMemory[] = [];
  #adding: Promise<void> | undefined;

  constructor(module: () => Promise<object>) {
    this.#module = module;
  }

  /** A part of `bytes` bytes, at most `maxPooledBytes`. */
  async take(bytes: number): Promise<Part> {
    const size = wholeLines(bytes);
    for (;;) {
      for (const memory of this.#memories) {
        const start = memory.ranges.take(size);
        if (start >= 0) return this.#part(memory, start, start + size);
      }
      this.#adding ??= this.#add(size).finally(() => {
        this.#adding = undefined;
      });
      await this.#adding;
    }
  }

  /** The size of all memories that are in use. */
  get bytes(): number {
    return this.#memories.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #part(memory: PooledMemory, start: number, end: number): Part {
    const { exports, buffer } = memory;
    memory.used += end - start;
    const release = (): void => {
      memory.ranges.add(start, end);
      memory.used -= end - start;
      if (memory.used === 0) this.#memories = this.#memories.filter((other) => other === memory || other.used > 0);
    };
    return { exports, buffer, start, end, release };
  }

  async #add(atLeast: number): Promise<void> {
    // A loop that only awaits lets no finalizer run. One may free what is needed.
    const [before] = [this.#free, await macrotask()];
    if (this.#free > before) return;
    const bytes = Math.max(atLeast, minMemory, Math.min(this.bytes, maxMemory));
    const { exports, buffer, start, end } = await instantiate(await this.#module(), bytes, false);
    const ranges = new FreeRanges();
    ranges.add(start, end);
    this.#memories = [...this.#memories, { exports, buffer, ranges, bytes, used: 0 }];
  }

  get #free(): number {
    return this.#memories.reduce((sum, { used }) => sum - used, this.bytes);
  }
}

/** One memory that grows, for the builds that share their calls with the same helpers. */
export class GrowingMemory {
  readonly memory: WasmMemory;
  readonly #ranges = new FreeRanges();
  #end: number;

  /** A shared memory; growing it leaves every view of it valid. Throws a RangeError if the engine refuses one. */
  constructor(bytes: number) {
    const start = reservedBytes(maxPages * pageBytes);
    const initial = Math.ceil((start + bytes) / pageBytes);
    this.memory = largestMemory(initial);
    this.#end = this.memory.buffer.byteLength;
    this.#ranges.add(start, this.#end);
  }

  /** A part of `bytes` bytes; undefined if none is free. */
  take(bytes: number): Omit<Part, "exports"> | undefined {
    const size = wholeLines(bytes);
    const start = this.#ranges.take(size);
    if (start < 0) return undefined;
    // The buffer as it is: older ones end before the part.
    const { buffer } = this.memory;
    const end = start + size;
    return { buffer, start, end, release: () => this.#ranges.add(start, end) };
  }

  /** Grows until a part of `bytes` bytes fits; false if the engine refuses. */
  grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil((wholeLines(bytes) - this.#ranges.freeBefore(this.#end)) / pageBytes));
    } catch {
      return false;
    }
    const { byteLength } = this.memory.buffer;
    this.#ranges.add(this.#end, byteLength);
    this.#end = byteLength;
    return true;
  }
}

/** An engine may reserve all addresses of a shared memory at once; where it cannot, a smaller maximum serves. */
function largestMemory(initial: number): WasmMemory {
  for (let maximum = maxPages; ; maximum = Math.max(initial, Math.floor(maximum / 4))) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch (error) {
      if (maximum === initial) throw error;
    }
  }
}
