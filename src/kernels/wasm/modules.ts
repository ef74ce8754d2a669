import { decodeBase64 } from "../../base/base64.ts";
import { lettersOf } from "../../base/bytes.ts";
import { InputError } from "../../base/expect.ts";
import type { Arithmetic } from "../kernels.ts";
import { fuse, fuses } from "./fuse.ts";
import module128 from "./generated/module-128.ts";
import { instantiateOver, MemoryPool, newMemory } from "./memories.ts";

// Every platform has it, but no type library that the pure floors may use declares it.
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  validate(bytes: Uint8Array): boolean;
};

/** The kernels as WebAssembly modules, each compiled on first use. */
export class KernelModules {
  /** What a product's steps are. */
  readonly arithmetic: Arithmetic;
  readonly #encoded: string;
  #other: KernelModules | undefined;
  /** Where the compiled modules come from, if others have them. */
  #source: KernelModules | undefined;
  #own: Promise<object> | undefined;
  #shared: Promise<object> | undefined;
  /** Memories that small builds over `own` share. */
  readonly pool = new MemoryPool(() => this.own());

  /** `encoded` is what the build wrote to `generated/`. */
  constructor(encoded: string, arithmetic: Arithmetic = "portable") {
    this.#encoded = encoded;
    this.arithmetic = arithmetic;
  }

  /** The same kernels with another arithmetic. */
  with(arithmetic: Arithmetic): KernelModules {
    if (arithmetic === this.arithmetic) return this;
    this.#other ??= new KernelModules(this.#encoded, arithmetic);
    this.#other.#other = this;
    return this.#other;
  }

  /** Returns why they cannot be used here, as the end of a message; null if they can. */
  async problem(): Promise<string | null> {
    try {
      await this.own();
      return null;
    } catch (error) {
      if (error instanceof NotFused) return error.message;
      throw error;
    }
  }

  /**
   * The same compiled modules with memories and instances of their own. Instances keep what V8's flags were when they were
   * created: those of a trial under other flags must not be used later.
   */
  withOwnPool(): KernelModules {
    const copy = new KernelModules(this.#encoded, this.arithmetic);
    // They compile on first use: an error now would be one that no caller handles.
    copy.#source = this;
    return copy;
  }

  /** For memory that one thread uses. */
  own(): Promise<object> {
    this.#own ??= (this.#source?.own() ?? this.#compileOwn()).catch((error) => {
      // With other flags, an engine may succeed.
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }

  /** For memory that threads share. The module declares that in a bit of its memory import. */
  shared(): Promise<object> {
    this.#shared ??= (this.#source?.shared() ?? this.#compileShared()).catch((error) => {
      this.#shared = undefined;
      throw error;
    });
    return this.#shared;
  }

  async #compileOwn(): Promise<object> {
    const module = await compile(this.#bytes());
    if (this.arithmetic === "fused" && !(await fusesHere(module))) {
      throw new NotFused("the processor, or the engine, does not fuse");
    }
    return module;
  }

  async #compileShared(): Promise<object> {
    // Its code is the same, and so is what a probe would find: it needs no second memory.
    if (this.arithmetic === "fused") await this.own();
    const bytes = this.#bytes();
    declareShared(bytes);
    return compile(bytes);
  }

  #bytes(): Uint8Array {
    const bytes = decodeBase64(this.#encoded);
    if (this.arithmetic === "portable") return bytes;
    fuse(bytes);
    if (!isValid(bytes)) throw new NotFused("the engine has no relaxed SIMD");
    return bytes;
  }
}

/** With 128-bit vectors, which every engine runs. */
export const narrowKernels = new KernelModules(module128);

/**
 * Whether a module fuses. Every instance runs the code of its module, so what is found in one of them holds for all. The
 * memory is free again after that: an engine that has no addresses left collects it.
 */
async function fusesHere(module: object): Promise<boolean> {
  const memory = newMemory({ initial: 1, maximum: 1, shared: false });
  return fuses(await instantiateOver(module, memory), memory);
}

/** Why there is no fused arithmetic here. */
class NotFused extends Error {}

function isValid(bytes: Uint8Array): boolean {
  // Without WebAssembly, `compile` says so.
  return typeof WebAssembly === "undefined" || WebAssembly.validate(bytes);
}

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

/** Changes the module in place. */
function declareShared(bytes: Uint8Array): void {
  // The import of "env" "memory": a memory (2) with a maximum (1).
  const entry = `\x03env\x06memory\x02\x01`;
  const text = lettersOf(bytes);
  const at = text.indexOf(entry);
  if (at < 0 || text.includes(entry, at + 1)) throw new Error("The kernels' module imports no memory, or two.");
  bytes[at + entry.length - 1] |= 2;
}
