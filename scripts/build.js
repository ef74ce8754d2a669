// Builds what the checkout needs: the WebAssembly kernels, the library, the command line and the page. Does nothing if nothing
// changed. Every build has its own folder, named after a hash of its inputs, and `dist` is a link that is swapped in one step.
// So a run that imported the old build keeps all of it.

import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildNative, findCompiler, hasKernels, nativeSource } from "./build-native.js";
import { tileSource } from "./tile.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const builds = path.join(root, ".builds");
const assembly = path.join(root, "src/kernels/wasm/assembly");
const manifest = path.join(root, "package.json");
const manifestBackup = path.join(builds, "package.json");
const generated = path.join(root, "src/kernels/wasm/generated");

/** Brings `dist` up to date. Returns whether it had to build. */
export async function build() {
  restoreManifest({ olderThanMs: 60_000 });
  const hash = fingerprint();
  const target = path.join(builds, hash);
  let built = false;
  if (!fs.existsSync(target)) {
    const temporary = path.join(builds, `unfinished-${process.pid}-${randomUUID()}`);
    try {
      await compile(temporary);
      if (!fs.existsSync(target)) fs.renameSync(temporary, target);
    } finally {
      fs.rmSync(temporary, { recursive: true, force: true });
    }
    built = true;
  }
  point(target);
  if (built) sweep(hash);
  return built;
}

async function compile(directory) {
  fs.mkdirSync(directory, { recursive: true });
  await compileKernels();
  run("typescript/lib/tsc.js", ["-p", path.join(root, "tsconfig.json"), "--outDir", directory]);
  dropMaps(path.join(directory, "kernels/wasm/generated"));
  compileNative(path.join(directory, "native"));
  const clients = await bundleClients(path.join(directory, "node/nats/packages.js"));
  await bundleCommandLine(directory, clients);
  await bundlePage(path.join(directory, "page"));
}

/** Compiles the AssemblyScript kernels and writes TypeScript modules that hold the WebAssembly bytes. */
export async function compileKernels() {
  fs.mkdirSync(generated, { recursive: true });
  const source = `// Made by scripts/build.js. Not for editing.\nexport const nativeSource: string = "${nativeSource()}";\n`;
  writeGenerated("native-source.ts", source);
  for (const bits of [128, 256]) {
    const tile = new Map([[path.join(assembly, "tile.ts"), tileSource(bits)]]);
    const text = Buffer.from(await assemble(path.join(assembly, "index.ts"), tile)).toString("base64");
    const content = `// Made by scripts/build.js from ../assembly/. Not for editing.\nconst encoded: string = "${text}";\nexport default encoded;\n`;
    writeGenerated(`module-${bits}.ts`, content);
  }
}

function writeGenerated(name, content) {
  const file = path.join(generated, name);
  if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== content) replaceFile(file, content);
}

/** Builds the native kernels if they can be built here: nothing needs them, so only a failure is worth a line. */
function compileNative(directory) {
  const compiler = hasKernels() && findCompiler();
  if (!compiler) return;
  const reason = buildNative(directory, undefined, [], compiler);
  if (reason) console.error(`The native kernels were not built; WebAssembly computes in their place. ${reason}`);
}

/** Drops the source maps of files that hold one long text, which the maps would repeat. */
function dropMaps(directory) {
  for (const name of fs.readdirSync(directory)) {
    const file = path.join(directory, name);
    if (name.endsWith(".map")) fs.rmSync(file);
    else fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*\n?/m, ""));
  }
}

/**
 * The WebAssembly bytes of an AssemblyScript file. `sources` has the texts of files that do not exist, by path. `features`
 * of WebAssembly are allowed besides SIMD.
 */
export async function assemble(file, sources, features = []) {
  const { main } = await import("assemblyscript/asc");
  const source = path.relative(root, file);
  let bytes = new Uint8Array();
  const { error, stderr } = await main(
    [
      ...[source, "--outFile", "kernels.wasm", "--runtime", "stub", "--noAssert", "--importMemory"],
      ...[
        "--optimizeLevel",
        "3",
        "--enable",
        ["simd", ...features].join(","),
        "--disable",
        "bulk-memory",
        "--use",
        "abort=",
      ],
      // A memory that threads share must have a maximum.
      ...["--maximumMemory", "65535"],
    ],
    {
      readFile: (name, base) => {
        const wanted = path.resolve(root, base, name);
        return sources.get(wanted) ?? (fs.existsSync(wanted) ? fs.readFileSync(wanted, "utf8") : null);
      },
      writeFile: (_, content) => {
        bytes = content;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${source}: ${error.message}\n${stderr.toString()}`);
  return bytes;
}

/**
 * Bundles the NATS clients into the module that imports them. Commands load that module only when they connect to a server.
 * Returns the files that went into the bundle.
 */
async function bundleClients(file) {
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({ cwd: root, input: file, platform: "node" });
  const comments = { legal: true, annotation: true, jsdoc: false };
  const { output } = await bundle.write({ file, codeSplitting: false, minify: true, comments });
  await bundle.close();
  // Its map and its types name the packages, which users do not have.
  fs.rmSync(`${file}.map`, { force: true });
  return output[0].moduleIds;
}

/**
 * Bundles `cli/main.js` and the packages it uses into one file, and beside it the program of the threads that draw for it. The
 * library is not bundled; its files stay beside them. `more` are files of packages that are in other files of the build.
 */
export async function bundleCommandLine(directory, more = []) {
  const programs = { "cli.js": "cli/main.js", "draw-helper.js": "cli/render/draw-helper.js" };
  const bundled = [];
  for (const [name, input] of Object.entries(programs)) bundled.push(...(await bundleProgram(directory, name, input)));
  fs.writeFileSync(path.join(directory, "THIRD-PARTY-LICENSES.txt"), licenses([...bundled, ...more]));
}

/** Bundles a file of cli/; returns the modules that are in it. */
async function bundleProgram(directory, name, input) {
  const { rolldown } = await import("rolldown");
  const inside = path.join(directory, "cli") + path.sep;
  const bundle = await rolldown({
    // The bundle's comments name files relative to this folder, wherever the build was started.
    cwd: root,
    input: path.join(directory, input),
    platform: "node",
    plugins: [
      {
        name: "library-outside",
        resolveId(id, importer) {
          if (!id.startsWith(".") || !importer?.startsWith(inside)) return null;
          const file = path.resolve(path.dirname(importer), id);
          if (file.startsWith(inside)) return null;
          return { id: `./${path.relative(directory, file).replaceAll(path.sep, "/")}`, external: true };
        },
      },
    ],
  });
  // The documentation in the comments is for readers of the source. Comments on licenses stay.
  const comments = { legal: true, annotation: true, jsdoc: false };
  const file = path.join(directory, name);
  const { output } = await bundle.write({ file, codeSplitting: false, minify: false, comments });
  await bundle.close();
  return output[0].moduleIds;
}

/** Builds the page as static files that any host can serve from any folder. */
async function bundlePage(directory) {
  const vite = await import("vite");
  const modules = [];
  const collector = {
    name: "collect-modules",
    generateBundle(_, bundle) {
      for (const { moduleIds = [] } of Object.values(bundle)) modules.push(...moduleIds);
    },
  };
  await vite.build({
    configFile: path.join(root, "web/vite.config.js"),
    logLevel: "warn",
    build: { outDir: directory, emptyOutDir: true },
    plugins: [collector],
    worker: { plugins: () => [collector] },
  });
  fs.writeFileSync(path.join(directory, "THIRD-PARTY-LICENSES.txt"), licenses(modules));
}

/**
 * The license of every package in the bundle, in full. MuJoCo's engine says in its manifest which license it has and carries no
 * text; the text of such a license is kept beside this file.
 */
function licenses(modules) {
  const packages = new Set();
  for (const id of modules) {
    const match = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll(path.sep, "/"));
    if (match) packages.add(match[1]);
  }
  return [...packages]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
      const file = fs.readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
      const source = file ? path.join(directory, file) : path.join(root, `scripts/licenses/${license}.txt`);
      if (!fs.existsSync(source))
        throw new Error(`${name} carries no license text: put that of ${license} into ${source}.`);
      const text = fs.readFileSync(source, "utf8").trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

/** A hash of everything that the build reads. */
function fingerprint() {
  const hash = createHash("sha256");
  const add = (file) => {
    if (file === generated) return;
    if (fs.statSync(file).isDirectory()) {
      for (const name of fs.readdirSync(file).sort()) add(path.join(file, name));
    } else {
      hash
        .update(`${path.relative(root, file)}\0`)
        .update(fs.readFileSync(file))
        .update("\0");
    }
  };
  for (const name of [
    "src",
    "web",
    "native",
    // The page carries them.
    "README.md",
    "LICENSE",
    "docs/gradients.md",
    "scripts/build.js",
    "scripts/build-native.js",
    "scripts/tile.js",
    "scripts/licenses",
    "package-lock.json",
    "tsconfig.json",
  ]) {
    add(path.join(root, name));
  }
  // The build reads no scripts, and while npm packs they are missing.
  hash.update(withoutScripts(fs.readFileSync(manifest, "utf8")));
  return hash.digest("hex").slice(0, 16);
}

function point(target) {
  const dist = path.join(root, "dist");
  const status = fs.lstatSync(dist, { throwIfNoEntry: false });
  if (status?.isSymbolicLink() && path.resolve(root, fs.readlinkSync(dist)) === target) return;
  if (status?.isDirectory()) fs.rmSync(dist, { recursive: true });
  const link = `${dist}-${process.pid}`;
  const windows = process.platform === "win32";
  fs.symlinkSync(windows ? target : path.relative(root, target), link, windows ? "junction" : "dir");
  if (windows) fs.rmSync(dist, { force: true });
  fs.renameSync(link, dist);
}

/** Removes builds and unfinished folders that are older than a day. Keeps the three newest builds. */
function sweep(hash) {
  const ages = new Map();
  for (const name of fs.readdirSync(builds)) {
    if (name !== hash && name !== path.basename(manifestBackup))
      ages.set(name, Date.now() - fs.statSync(path.join(builds, name)).mtimeMs);
  }
  const day = 24 * 60 * 60 * 1000;
  const names = [...ages.keys()].sort((a, b) => ages.get(a) - ages.get(b));
  const unfinished = names.filter((name) => name.startsWith("unfinished"));
  const older = names.filter((name) => !name.startsWith("unfinished")).slice(2);
  for (const name of [...unfinished, ...older]) {
    if (ages.get(name) > day) fs.rmSync(path.join(builds, name), { recursive: true, force: true });
  }
}

function replaceFile(file, content) {
  const temporary = `${file}.${process.pid}`;
  fs.writeFileSync(temporary, content);
  fs.renameSync(temporary, file);
}

function run(script, args) {
  const file = path.join(root, "node_modules", script);
  try {
    execFileSync(process.execPath, [file, ...args], { cwd: root, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    throw new Error(`${script} failed:\n${error.stdout}${error.stderr}`);
  }
}

/** Makes `dist` a real folder, because packing leaves links out. The next build replaces it by the link. */
async function materialize() {
  await build();
  const dist = path.join(root, "dist");
  if (!fs.lstatSync(dist).isSymbolicLink()) return;
  const folder = `${dist}-${process.pid}`;
  fs.cpSync(fs.realpathSync(dist), folder, { recursive: true });
  fs.rmSync(dist, { recursive: true });
  fs.renameSync(folder, dist);
}

/** A manifest as it is packed: the scripts are for a checkout and name files that are not packed. */
function withoutScripts(text) {
  const { scripts: _, ...rest } = JSON.parse(text);
  return `${JSON.stringify(rest, null, 2)}\n`;
}

/** Takes the scripts out of package.json until `restoreManifest` is called. */
function stripManifest() {
  restoreManifest();
  fs.copyFileSync(manifest, manifestBackup);
  replaceFile(manifest, withoutScripts(fs.readFileSync(manifestBackup, "utf8")));
}

/**
 * Brings back the package.json that `stripManifest` kept, unless package.json was edited or restored meanwhile. A build does
 * this too if npm was killed while it packed, which is assumed after `olderThanMs`.
 */
function restoreManifest({ olderThanMs = 0 } = {}) {
  const status = fs.statSync(manifestBackup, { throwIfNoEntry: false });
  if (!status || Date.now() - status.mtimeMs < olderThanMs) return;
  const kept = fs.readFileSync(manifestBackup, "utf8");
  if (fs.readFileSync(manifest, "utf8") === withoutScripts(kept)) replaceFile(manifest, kept);
  fs.rmSync(manifestBackup);
}

/**
 * What npm calls. `prepare` also runs where npm installs this repository as a dependency from git: it packs a temporary
 * clone, after `prepare` and without `prepack`. There is nothing to restore there, so the clone's scripts are dropped for good.
 */
async function lifecycle(event) {
  if (event === "prepack") {
    await materialize();
    stripManifest();
  } else if (event === "postpack") {
    restoreManifest();
    await build();
  } else if (event === "prepare") {
    await materialize();
    // Set by npm for the installation inside such a clone, and nowhere else.
    if (process.env._PACOTE_NO_PREPARE_) replaceFile(manifest, withoutScripts(fs.readFileSync(manifest, "utf8")));
  } else throw new Error(`scripts/build.js: expected prepack, postpack, prepare or nothing, got ${event}`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const [event] = process.argv.slice(2);
    if (event !== undefined) await lifecycle(event);
    else if (await build()) console.error("Built.");
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
