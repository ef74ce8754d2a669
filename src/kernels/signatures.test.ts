import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { adamChunkBytes, adamSumBytes, kernelNames, lineBytes, signatures } from "./signatures.ts";
import module128 from "./wasm/generated/module-128.ts";
import module256 from "./wasm/generated/module-256.ts";
import { cuts, maxArguments } from "./wasm/pieces.ts";

declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: object }>;
  Memory: new (pages: { initial: number; maximum: number }) => object;
};

const source = fs.readFileSync("src/kernels/wasm/assembly/index.ts", "utf8");

/** The exported functions of AssemblyScript text, with the names of their parameters. */
function exportedSignatures(text: string): Record<string, string[]> {
  const found = [...text.matchAll(/^export function (\w+)\(([^)]*)\)/gm)];
  return Object.fromEntries(
    found.map(([, name, parameters]) => [name, [...parameters.matchAll(/(\w+):/g)].map(([, parameter]) => parameter)]),
  );
}

test("the signatures are those of the AssemblyScript kernels, in the same order", () => {
  assert.deepEqual(exportedSignatures(source), signatures);
});

test("that comparison notices a missing, a reordered and a renamed parameter, and a missing kernel", () => {
  const flush = "export function flush(x: usize, size: usize)";
  assert.ok(source.includes(flush));
  for (const changed of [
    "export function flush(x: usize)",
    "export function flush(size: usize, x: usize)",
    "export function flush(y: usize, size: usize)",
    "function flush(x: usize, size: usize)",
  ]) {
    assert.notDeepEqual(exportedSignatures(source.replace(flush, changed)), signatures, changed);
  }
});

test("the compiled modules export these kernels with this many parameters, and nothing else", async () => {
  for (const encoded of [module128, module256]) {
    const module = await WebAssembly.compile(Buffer.from(encoded, "base64"));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65535 });
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    const functions = Object.entries(exports).filter(([, value]) => typeof value === "function");
    const found = functions.map(([name, value]) => [name, (value as () => void).length] as const);
    const expected = kernelNames.map((name) => [name, signatures[name].length] as const);
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected));
  }
});

test("the AssemblyScript kernels sum squares over the same chunks", () => {
  const chunk = /^const CHUNK: usize = (\d+) \* (\d+);$/m.exec(source);
  assert.equal(Number(chunk?.[1]) * Number(chunk?.[2]), adamChunkBytes);
  assert.match(source, new RegExp(`\\n    sums \\+= ${adamSumBytes};\\n`));
  assert.equal(adamChunkBytes % lineBytes, 0);
});

test("every kernel can be cut, and its arguments fit a call", () => {
  assert.deepEqual([...new Set(cuts.map(({ kernel }) => kernel))].sort(), [...kernelNames].sort());
  const most = Math.max(...kernelNames.map((name) => signatures[name].length));
  assert.equal(most, maxArguments);
});
