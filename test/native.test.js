// The native kernels outside of Node: random calls under AddressSanitizer, and the flags that they are built with.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildNative, findCompiler, flags, instructionSets } from "../scripts/build-native.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-native-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const { loadNative, tryNative } = await import(pathToFileURL(path.join(root, "dist/node/native.js")).href);
const compiler = findCompiler();
const addon = loadNative();
const skip = compiler === undefined ? "no C compiler" : typeof addon === "string" ? addon : false;

/** Builds the fuzz program with AddressSanitizer; returns its path, or undefined if the compiler has no such library. */
function fuzzProgram(set, source = fs.readFileSync(path.join(root, "native/kernels.c"), "utf8")) {
  const kernels = path.join(folder, "kernels.c");
  fs.writeFileSync(kernels, source);
  const program = path.join(folder, `fuzz-${set}`);
  const optimization = flags.filter((flag) => flag !== "-O3").concat("-O1", "-g", "-fsanitize=address");
  const files = [kernels, path.join(root, "native/fuzz.c")];
  const own = instructionSets[process.arch][set];
  const [cc, ...words] = compiler;
  const { status } = spawnSync(cc, [...words, ...optimization, ...own, `-DSET=${set}`, ...files, "-lm", "-o", program]);
  return status === 0 ? program : undefined;
}

const run = (program) => spawnSync(program, ["1", "60"], { encoding: "utf8", timeout: 50_000 });

test("random calls touch only what they may, and products have the bits of plain loops", {
  skip,
  timeout: 120_000,
}, (t) => {
  for (const set of addon.sets) {
    const program = fuzzProgram(set);
    if (!program) return t.skip("the compiler has no AddressSanitizer");
    const { status, stderr } = run(program);
    assert.equal(status, 0, `${set}: ${stderr}`);
  }
});

test("the random calls find a row too many, and a sum in another order", { skip, timeout: 120_000 }, (t) => {
  const [set] = addon.sets;
  const source = fs.readFileSync(path.join(root, "native/kernels.c"), "utf8");
  for (const [text, fault, message] of [
    ["if (rows > 0) tile(1, vectors, fuse, p);", "tile(1, vectors, fuse, p);", /AddressSanitizer/],
    [".inner = arguments[11],", ".inner = arguments[11] - 1,", /multiplyPortable differs/],
  ]) {
    assert.ok(source.includes(text));
    const program = fuzzProgram(set, source.replace(text, fault));
    if (!program) return t.skip("the compiler has no AddressSanitizer");
    const { status, stderr } = run(program);
    assert.notEqual(status, 0);
    assert.match(stderr, message);
  }
});

test("kernels that the compiler may contract, or that were built for another contract, are refused", {
  skip,
  timeout: 120_000,
}, async () => {
  const directory = path.join(folder, "contracted");
  fs.mkdirSync(directory);
  assert.equal(buildNative(directory, undefined, ["-ffp-contract=fast"]), null);
  const file = path.join(directory, fs.readdirSync(directory)[0]);
  const contracted = loadNative(pathToFileURL(file));
  assert.equal(typeof contracted, "object");
  assert.match(String(await tryNative("portable", { addon: contracted })), /^the native kernels gave other results: /);
  assert.match(String(loadNative(pathToFileURL(file), "another contract")), /built from other sources/);
});

test("without a compiler nothing is built, and the reason is given", () => {
  const program = `
    const { buildNative } = await import(${JSON.stringify(pathToFileURL(path.join(root, "scripts/build-native.js")).href)});
    console.log(buildNative(${JSON.stringify(path.join(folder, "none"))}));
    console.log(buildNative(${JSON.stringify(path.join(folder, "none"))}, "plan9-mips"));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    env: { ...process.env, CC: path.join(folder, "no-such-compiler") },
  });
  assert.match(
    output,
    /^no C compiler for \S+ was found \(set CC, or install gcc\)\nthere are no native kernels for plan9-mips\n$/,
  );
  assert.ok(!fs.existsSync(path.join(folder, "none")));
});

test("without a cross compiler the reason names it and its Debian package", () => {
  const other = process.arch === "arm64" ? "linux-x64" : "linux-arm64";
  const [name, debian] =
    other === "linux-x64"
      ? ["x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"]
      : ["aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"];
  const searched = process.env.PATH;
  process.env.PATH = folder;
  try {
    const expected = `no C compiler for ${other} was found (install ${name}; on Debian: apt-get install ${debian})`;
    assert.equal(buildNative(path.join(folder, "none"), other), expected);
  } finally {
    process.env.PATH = searched;
  }
});

test("CC may have arguments, and a path with spaces", { skip }, () => {
  const before = process.env.CC;
  const spaced = path.join(folder, "my compiler");
  fs.writeFileSync(spaced, `#!/bin/sh\nexec ${compiler.join(" ")} "$@"\n`, { mode: 0o755 });
  try {
    for (const [cc, words] of [
      [`${compiler.join(" ")} -O2`, [...compiler, "-O2"]],
      [` ${spaced}`, [spaced]],
    ]) {
      process.env.CC = cc;
      assert.deepEqual(findCompiler(), words);
      const directory = path.join(folder, `cc-${words.length}`);
      fs.mkdirSync(directory);
      assert.equal(buildNative(directory), null);
      assert.deepEqual(fs.readdirSync(directory), [`${process.platform}-${process.arch}.node`]);
    }
  } finally {
    if (before === undefined) delete process.env.CC;
    else process.env.CC = before;
  }
});
