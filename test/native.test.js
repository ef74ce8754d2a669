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

const source = fs.readFileSync(path.join(root, "native/kernels.c"), "utf8");

/** Compiles under AddressSanitizer. */
function compile(...words) {
  const [program, ...own] = compiler;
  const optimization = flags.filter((flag) => flag !== "-O3").concat("-O1", "-g", "-fsanitize=address");
  return spawnSync(program, [...own, ...optimization, ...words], { encoding: "utf8" });
}

/** Why random calls cannot be tried here, or false. */
const skipFuzz = skip || (linksEmpty() ? false : "the compiler has no AddressSanitizer");

function linksEmpty() {
  const empty = path.join(folder, "empty.c");
  fs.writeFileSync(empty, "int main(void) { return 0; }\n");
  return compile(empty, "-o", path.join(folder, "empty")).status === 0;
}

/** Builds the fuzz program for an instruction set; returns its path. */
function fuzzProgram(set, text = source) {
  const kernels = path.join(folder, "kernels.c");
  fs.writeFileSync(kernels, text);
  const [object, program] = [path.join(folder, `fuzz-${set}.o`), path.join(folder, `fuzz-${set}`)];
  const checked = (...words) => {
    const { status, stderr } = compile(`-DSET=${set}`, ...words);
    assert.equal(status, 0, stderr);
  };
  if (!fs.existsSync(object)) checked("-c", path.join(root, "native/fuzz.c"), "-o", object);
  checked(...instructionSets[process.arch][set], kernels, object, "-lm", "-o", program);
  return program;
}

const run = (program) => spawnSync(program, ["1", "60"], { encoding: "utf8", timeout: 50_000 });

test("random calls touch only what they may, and have the bits of plain loops", {
  skip: skipFuzz,
  timeout: 200_000,
}, () => {
  for (const set of addon.sets) {
    const { status, stderr } = run(fuzzProgram(set));
    assert.equal(status, 0, `${set}: ${stderr}`);
  }
});

/** Runs random calls of kernels with mistakes, each a text and what replaces it. Returns what they print. */
function runWith(mistakes) {
  // The set that compiles fastest.
  const set = addon.sets.at(-1);
  let text = source;
  for (const [right, wrong] of mistakes) {
    assert.equal(source.split(right).length, 2, right);
    text = text.replace(right, wrong);
  }
  const { status, stderr } = run(fuzzProgram(set, text));
  assert.notEqual(status, 0);
  return stderr;
}

test("the random calls find a mistake in any kernel", { skip: skipFuzz, timeout: 200_000 }, () => {
  const found = runWith([
    [".inner = arguments[11],", ".inner = arguments[11] - 1,"],
    ["whereNotLess(load(row), splat(0), load(row))", "whereNotLess(splat(0), load(row), load(row))"],
    ["whereGreater(load(yRow), splat(0), load(gRow))", "whereNotLess(load(yRow), splat(0), load(gRow))"],
    ["float zeros[16];", "float zeros[16] = {1};"],
    ["for (uint32_t i = 0; i < rows; i++, row += xStride)", "for (uint32_t i = 1; i < rows; i++, row += xStride)"],
    ["store(m + i, first);", "store(m + i, second);"],
    ["(s[0] + s[2]) + (s[4] + s[6])", "(s[0] + s[4]) + (s[2] + s[6])"],
    ["t + rate * (load(online + i) - t)", "t + rate * load(online + i) - rate * t"],
    ["whereNotLess(absolute(v), smallest, v)", "whereNotLess(v, smallest, v)"],
    ["(q[0] + q[2]) + (q[1] + q[3])", "(q[0] + q[1]) + (q[2] + q[3])"],
    ["load(l.shift + p));", "load(l.scale + p));"],
    ["inverse * ((h - mean) - load(normalized + p) * along)", "inverse * (h - (mean + load(normalized + p) * along))"],
    ["t[j] = t[j] + d;", "t[j] = t[j] - d;"],
    ["*l.inverseDeviation++ = 0;", "*l.inverseDeviation++ = 1;"],
  ]);
  assert.deepEqual(found.match(/^.*(?= differs at )/gm).sort(), [
    ...["adam's m", "adam's squares", "flush"],
    ...["layerNorm", "layerNorm's deviations", "layerNorm's normalized rows", "layerNormGradient"],
    ...["multiplyFused", "multiplyPortable", "relu", "reluGradient"],
    ...["softUpdate", "sumRows", "the gradient of the shift", "the padding of deviations", "the padding of transpose"],
  ]);
});

test("the random calls find a row too many, and a vector too many in a row", {
  skip: skipFuzz,
  timeout: 200_000,
}, () => {
  const rows = runWith([["if (rows > 0) tile(1, vectors, fuse, p);", "tile(1, vectors, fuse, p);"]]);
  assert.match(rows, /AddressSanitizer/);
  const vectors = runWith([
    [
      "p < width; p += VECTOR, row += LANES) store(row, whereNotLess",
      "p <= width; p += VECTOR, row += LANES) store(row, whereNotLess",
    ],
  ]);
  assert.match(vectors, /AddressSanitizer/);
});

test("kernels that the compiler may contract, or that were built for another contract, are refused", {
  skip,
  timeout: 200_000,
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
    const { buildNative, hasKernels } = await import(${JSON.stringify(pathToFileURL(path.join(root, "scripts/build-native.js")).href)});
    console.log(buildNative(${JSON.stringify(path.join(folder, "none"))}));
    console.log(buildNative(${JSON.stringify(path.join(folder, "none"))}, "plan9-mips"));
    console.log(["linux-x64", "darwin-arm64", "win32-x64", "linux-riscv64"].filter(hasKernels).join());`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    env: { ...process.env, CC: path.join(folder, "no-such-compiler") },
  });
  assert.match(
    output,
    /^no C compiler for \S+ was found \(set CC, or install gcc 12 or clang\)\nthere are no native kernels for plan9-mips\nlinux-x64,darwin-arm64\n$/,
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
