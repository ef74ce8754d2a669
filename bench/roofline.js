// Measures the machine's rate of multiply-adds without memory, and how close the kernels come to it. The loop exists for each
// width of vectors and each arithmetic: in WebAssembly for 128 and 256 bits, in C for the vectors of the native kernels.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { assemble } from "../scripts/build.js";
import { findCompiler, flags, instructionSets } from "../scripts/build-native.js";
import { median, output } from "./runner.js";

const here = path.dirname(fileURLToPath(import.meta.url));

const program = path.join(here, "peers/ours-roofline.js");

/** A kernel that seems faster than this share of the peak was measured wrongly. */
const mostOfRoofline = 1.05;

/**
 * For each of our contenders: { name, version, backend, arithmetic, peak, products, updates, acting, policies, exported,
 * besides, profile }. `peak` is in GFLOP/s, the best of all contenders with such vectors and this arithmetic; null for native
 * kernels where there is no C compiler. `products` and `updates` are { name, value, share }: GFLOP/s and the share of the
 * peak. `acting`, `policies` and `exported` are in µs. `besides` is the share of a step on the pendulum that is not its
 * update. All are medians over `rounds`. `profile` has the share of each kernel in an update. `doubts` names the
 * measurements that are faster than the machine can be, and `failures` the contenders that failed: { name, message }.
 */
export async function measureRoofline(contenders, sizes, rounds) {
  const loops = await compileLoops(contenders);
  const native = new NativeLoops(rounds);
  const [results, failures] = [[], []];
  const measureOne = async (contender) => {
    const args = contender.args.map((arg) => (path.basename(arg) === "ours.js" ? program : arg));
    const task = JSON.stringify({ loops, sizes, rounds });
    const set = /^native-(.*)/.exec(contender.ours?.backend)?.[1];
    // Before and after, because the machine's speed may drift.
    if (set) await native.measure(set, contender);
    results.push({ name: contender.name, ...JSON.parse(await output({ ...contender, args }, [task])) });
    if (set) await native.measure(set, contender);
  };
  try {
    for (const contender of contenders) {
      await measureOne(contender).catch(({ message }) => failures.push({ name: contender.name, message }));
    }
  } finally {
    native.remove();
  }
  const doubts = [];
  for (const result of results) {
    // The loop measures the machine's limit, but not every engine compiles it well.
    const alike = results.filter((other) => kind(other) === kind(result)).map(({ peak }) => peak);
    result.peak = result.peak === null ? native.peak(result) : Math.max(...alike);
    for (const entry of [...result.products, ...result.updates]) {
      entry.share = result.peak === null ? null : entry.value / result.peak;
      if (entry.share > mostOfRoofline) doubts.push(`${result.name}: ${entry.name}`);
    }
  }
  return { results, doubts, failures };
}

/** The vectors and the arithmetic of a result. A fused loop can be twice as fast as another. */
function kind({ backend, bits, arithmetic }) {
  return `${backend} ${bits} ${arithmetic}`;
}

/** The loops in WebAssembly that the contenders need, for several numbers of chains: { sums, "fused 128": base64, … }. */
async function compileLoops(contenders) {
  const loops = [];
  for (const sums of [10, 11, 12, 13]) {
    const loop = { sums };
    for (const { ours } of contenders) {
      if (!ours || ours.simd === "native") continue;
      const { arithmetic, simd } = ours;
      loop[`${arithmetic} ${simd}`] ??= await compileLoop(sums, Number(simd) / 128, arithmetic);
    }
    loops.push(loop);
  }
  return loops;
}

/**
 * A module whose loop multiplies and adds in `sums` independent chains of `vectors` neighboring vectors each. With two,
 * V8 can run them as one of 256 bits.
 */
async function compileLoop(sums, vectors, arithmetic) {
  const chains = Array.from({ length: sums * vectors }, (_, i) => i);
  const step = (s) => (arithmetic === "fused" ? `f32x4.relaxed_madd(${s}, x, y)` : `f32x4.add(f32x4.mul(${s}, x), y)`);
  const text = `
export function loop(data: usize, times: i32): void {
  const x = f32x4.splat(f32.load(data));
  const y = f32x4.splat(f32.load(data, 4));
${chains.map((i) => `  let s${i} = v128.load(data, ${64 + 16 * i});`).join("\n")}
  for (let i = 0; i < times; i++) {
${chains.map((i) => `    s${i} = ${step(`s${i}`)};`).join("\n")}
  }
${chains.map((i) => `  v128.store(data, s${i}, ${64 + 16 * i});`).join("\n")}
}
`;
  const file = path.join(here, "roofline-loop.ts");
  const features = arithmetic === "fused" ? ["relaxed-simd"] : [];
  return Buffer.from(await assemble(file, new Map([[file, text]]), features)).toString("base64");
}

/** The loop in C (roofline.c), compiled with the compiler and the flags of the native kernels. */
class NativeLoops {
  #rounds;
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-roofline-"));
  #found = {};

  constructor(rounds) {
    this.#rounds = rounds;
  }

  /** Measures the loop of an instruction set where the contender runs. Does nothing without a compiler. */
  async measure(set, { command, args, env }) {
    const file = this.#compile(set);
    if (!file) return;
    // A contender that is bound to cores is an argument of taskset.
    const bound = command === "taskset" ? { command, args: [...args.slice(0, 2), file] } : { command: file, args: [] };
    const text = await output({ ...bound, env }, [String(this.#rounds)]);
    const rates = {};
    for (const line of text.split("\n")) {
      const [arithmetic, sums, rate] = line.split(" ");
      rates[arithmetic] ??= {};
      rates[arithmetic][sums] ??= [];
      rates[arithmetic][sums].push(Number(rate));
    }
    for (const [arithmetic, bySums] of Object.entries(rates)) {
      const key = `native-${set} ${arithmetic}`;
      this.#found[key] = Math.max(this.#found[key] ?? 0, ...Object.values(bySums).map(median));
    }
  }

  /** GFLOP/s, or null. */
  peak({ backend, arithmetic }) {
    return this.#found[`${backend} ${arithmetic}`] ?? null;
  }

  remove() {
    fs.rmSync(this.#folder, { recursive: true });
  }

  #compile(set) {
    const file = path.join(this.#folder, set);
    const compiler = findCompiler();
    if (!compiler || fs.existsSync(file)) return compiler && file;
    const setFlags = instructionSets[process.arch][set];
    const source = path.join(here, "roofline.c");
    const [program, ...own] = compiler;
    execFileSync(program, [...own, ...flags, ...setFlags, `-DSET=${set}`, source, "-o", file], { stdio: "pipe" });
    return file;
  }
}
