import module128 from "./generated/module-128.ts";

// These are everywhere, but in no library of types that the pure floors may use.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };
declare const atob: (text: string) => string;

/** The kernels as WebAssembly modules, each compiled when it is first asked for. */
export class KernelModules {
  readonly #encoded: string;
  #own: Promise<object> | undefined;
  #shared: Promise<object> | undefined;

  /** From what the build has written into `generated/`. */
  constructor(encoded: string) {
    this.#encoded = encoded;
  }

  /** For a memory of one thread. */
  own(): Promise<object> {
    this.#own ??= WebAssembly.compile(this.#bytes());
    return this.#own;
  }

  /** For a memory that threads share: what the module imports must say so, in a bit of the memory's limits. */
  shared(): Promise<object> {
    this.#shared ??= WebAssembly.compile(withSharedMemory(this.#bytes()));
    return this.#shared;
  }

  #bytes(): Uint8Array {
    return Uint8Array.from(atob(this.#encoded), (letter) => letter.charCodeAt(0));
  }
}

/** For vectors of 128 bits, which every engine runs. */
export const narrowKernels = new KernelModules(module128);

let inUse = narrowKernels;

/** Those that are taken when none are named: the narrow ones, or what was given to `useKernels`. */
export function kernelsInUse(): KernelModules {
  return inUse;
}

/** Has everything that is created from now on take these. */
export function useKernels(modules: KernelModules): void {
  inUse = modules;
}

function withSharedMemory(bytes: Uint8Array): Uint8Array {
  // The import of "env" "memory", a memory (2) that has a maximum (1).
  const entry = `\x03env\x06memory\x02\x01`;
  const text = String.fromCharCode(...bytes);
  const at = text.indexOf(entry);
  if (at < 0 || text.includes(entry, at + 1)) throw new Error("The kernels' module imports no memory, or two.");
  bytes[at + entry.length - 1] |= 2;
  return bytes;
}
