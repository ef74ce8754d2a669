// Builds the native kernels (native/), which are optional: without them, or without a C compiler, everything is computed by
// WebAssembly, to the same bits. `npm run build` builds them for this platform if it finds a compiler. `npm run build:native`
// does the same and says what is missing; with `--all` it also builds for Linux on x64 and on arm64, by cross compilers.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** No contraction: what is fused and what is not is part of the contract. No fast-math, no flush to zero. */
export const flags = ["-std=gnu11", "-O3", "-fPIC", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"];

/** The instruction sets of each architecture, with the flags that make a compiler use them. */
export const instructionSets = {
  x64: { avx512: ["-mavx512f", "-mfma"], avx2: ["-mavx2", "-mfma"] },
  arm64: { neon: [] },
};

/** The cross compiler for each platform, and the Debian package that has it. */
const crossCompilers = {
  "linux-x64": { name: "x86_64-linux-gnu-gcc", debian: "gcc-x86-64-linux-gnu" },
  "linux-arm64": { name: "aarch64-linux-gnu-gcc", debian: "gcc-aarch64-linux-gnu" },
};

/** The platform of this process, as the addon's file is called. */
const here = `${process.platform}-${process.arch}`;

/** Identifies what an addon is built from: the C sources, how they are compiled, and the contract that they implement. */
export function nativeSource() {
  const hash = createHash("sha256");
  for (const name of [
    "native/kernels.c",
    "native/addon.c",
    "scripts/build-native.js",
    "src/kernels/kernels.ts",
    "src/kernels/signatures.ts",
  ]) {
    hash
      .update(`${name}\0`)
      .update(fs.readFileSync(path.join(root, name)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

/** Whether there are native kernels for a platform. */
export function hasKernels(platform = here) {
  const [system, architecture] = platform.split("-");
  return architecture in instructionSets && (system === "linux" || system === "darwin");
}

/**
 * Builds the addon for a platform into `directory`. Returns null, or why it was not built. `extra` flags follow the others,
 * to show in a test what they are for.
 */
export function buildNative(directory, platform = here, extra = [], compiler = findCompiler(platform)) {
  if (!hasKernels(platform)) return `there are no native kernels for ${platform}`;
  const [system, architecture] = platform.split("-");
  const sets = instructionSets[architecture];
  if (!compiler) return `no C compiler for ${platform} was found (${wayToCompiler(platform)})`;
  const [program, ...own] = compiler;
  const temporary = path.join(directory, `${platform}-${process.pid}`);
  fs.mkdirSync(temporary, { recursive: true });
  const compile = (file, object, ...more) => {
    const output = path.join(temporary, object);
    execFileSync(program, [...own, ...flags, ...extra, ...more, "-c", file, "-o", output], {
      cwd: root,
      stdio: "pipe",
    });
    return output;
  };
  try {
    const objects = Object.entries(sets).map(([set, setFlags]) =>
      compile("native/kernels.c", `${set}.o`, `-DSET=${set}`, ...setFlags),
    );
    objects.push(
      compile("native/addon.c", "addon.o", "-Inode_modules/node-api-headers/include", `-DSOURCE="${nativeSource()}"`),
    );
    const link = system === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-s"];
    const linked = path.join(temporary, "addon.node");
    execFileSync(program, [...own, ...link, ...objects, "-o", linked], { cwd: root, stdio: "pipe" });
    fs.renameSync(linked, path.join(directory, `${platform}.node`));
    return null;
  } catch (error) {
    return `${compiler.join(" ")} failed:\n${error.stderr ?? error.message}`;
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
    if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
  }
}

/**
 * The command of a C compiler for a platform as a list of words, or undefined. CC is for this platform; as in a makefile,
 * it may have arguments, such as "ccache gcc".
 */
export function findCompiler(platform = here) {
  return candidates(platform).find(([program, ...own]) => {
    try {
      execFileSync(program, [...own, "--version"], { stdio: "pipe" });
      return true;
    } catch {
      return false;
    }
  });
}

function candidates(platform) {
  if (platform !== here) return crossCompilers[platform] ? [[crossCompilers[platform].name]] : [];
  const chosen = process.env.CC?.trim();
  // The whole text first, because a path may have spaces.
  return chosen ? [[chosen], chosen.split(/\s+/)] : [["cc"]];
}

/** What to do where there is no compiler for a platform. */
function wayToCompiler(platform) {
  if (platform === here) return "set CC, or install gcc 12 or clang";
  if (!crossCompilers[platform]) return "build on that platform";
  const { name, debian } = crossCompilers[platform];
  return `install ${name}; on Debian: apt-get install ${debian}`;
}

async function main(words) {
  if (words.length > 1 || (words.length === 1 && words[0] !== "--all")) {
    console.error(`build:native: expected --all or nothing, got ${words.join(" ")}`);
    return 2;
  }
  const { build } = await import("./build.js");
  await build();
  const directory = path.join(root, "dist/native");
  let failures = 0;
  for (const platform of words.length === 0 ? [here] : new Set([here, ...Object.keys(crossCompilers)])) {
    const reason = buildNative(directory, platform);
    if (reason) failures++;
    console.error(reason ? `build:native: ${reason}` : `Built dist/native/${platform}.node.`);
  }
  return failures > 0 ? 1 : 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
