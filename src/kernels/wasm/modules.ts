import { decodeBase64 } from "../../base/base64.ts";
import { lettersOf } from "../../base/bytes.ts";
import { InputError } from "../../base/expect.ts";
import module128 from "./generated/module-128.ts";
import { MemoryPool } from "./memories.ts";

// Every platform has it, but no type library that the pure floors may use declares it.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

/** The kernels as WebAssembly modules, each compiled on first use. */
export class KernelModules {
  readonly #encoded: string;
  #own: Promise<object> | undefined;
  #shared: Promise<object> | undefined;
  /** Memories that small builds over `own` share. */
  readonly pool = new MemoryPool(() => this.own());

  /** `encoded` is what the build wrote to `generated/`. */
  constructor(encoded: string) {
    this.#encoded = encoded;
  }

  /**
   * The same compiled modules with memories and instances of their own. Instances keep what V8's flags were when they were
   * created: those of a trial under other flags must not be used later.
   */
  withOwnPool(): KernelModules {
    const copy = new KernelModules(this.#encoded);
    copy.#own = this.own();
    copy.#shared = this.shared();
    return copy;
  }

  /** For memory that one thread uses. */
  own(): Promise<object> {
    this.#own ??= compile(decodeBase64(this.#encoded));
    return this.#own;
  }

  /** For memory that threads share. The module declares that in a bit of its memory import. */
  shared(): Promise<object> {
    this.#shared ??= compile(withSharedMemory(decodeBase64(this.#encoded)));
    return this.#shared;
  }
}

/** With 128-bit vectors, which every engine runs. */
export const narrowKernels = new KernelModules(module128);

/** Compiles, or says what keeps this page or program from it. */
async function compile(bytes: Uint8Array): Promise<object> {
  if (typeof WebAssembly === "undefined") {
    throw new InputError({ where: "WebAssembly", expected: "an engine that has it", got: "one without" });
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    const { message } = error as Error;
    // What Chromium, Firefox and Safari say where a page's policy forbids it, and V8 where its embedder does.
    if (!/unsafe-eval|content security policy|\bCSP\b|disallowed by embedder/i.test(message)) throw error;
    const hint =
      "Add 'wasm-unsafe-eval' to the page's Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'. It allows " +
      "WebAssembly, and no eval.";
    throw new InputError({ where: "WebAssembly", expected: "a page that allows it", got: `"${message}"`, hint });
  }
}

function withSharedMemory(bytes: Uint8Array): Uint8Array {
  // The import of "env" "memory": a memory (2) with a maximum (1).
  const entry = `\x03env\x06memory\x02\x01`;
  const text = lettersOf(bytes);
  const at = text.indexOf(entry);
  if (at < 0 || text.includes(entry, at + 1)) throw new Error("The kernels' module imports no memory, or two.");
  bytes[at + entry.length - 1] |= 2;
  return bytes;
}
