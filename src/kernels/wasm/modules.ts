import { lettersOf } from "../../base/bytes.ts";
import module128 from "./generated/module-128.ts";

// Every platform has these, but no type library that the pure floors may use declares them.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };
declare const atob: (text: string) => string;

/** The kernels as WebAssembly modules, each compiled on first use. */
export class KernelModules {
  readonly #encoded: string;
  #own: Promise<object> | undefined;
  #shared: Promise<object> | undefined;

  /** `encoded` is what the build wrote to `generated/`. */
  constructor(encoded: string) {
    this.#encoded = encoded;
  }

  /** For memory that one thread uses. */
  own(): Promise<object> {
    this.#own ??= WebAssembly.compile(this.#bytes());
    return this.#own;
  }

  /** For memory that threads share. The module declares that in a bit of its memory import. */
  shared(): Promise<object> {
    this.#shared ??= WebAssembly.compile(withSharedMemory(this.#bytes()));
    return this.#shared;
  }

  #bytes(): Uint8Array {
    return Uint8Array.from(atob(this.#encoded), (letter) => letter.charCodeAt(0));
  }
}

/** With 128-bit vectors, which every engine runs. */
export const narrowKernels = new KernelModules(module128);

function withSharedMemory(bytes: Uint8Array): Uint8Array {
  // The import of "env" "memory": a memory (2) with a maximum (1).
  const entry = `\x03env\x06memory\x02\x01`;
  const text = lettersOf(bytes);
  const at = text.indexOf(entry);
  if (at < 0 || text.includes(entry, at + 1)) throw new Error("The kernels' module imports no memory, or two.");
  bytes[at + entry.length - 1] |= 2;
  return bytes;
}
