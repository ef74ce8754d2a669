// Measures the machine's rate of multiply-adds in WebAssembly without memory, and how close the kernels come to it.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { assemble } from "../scripts/build.js";
import { output } from "./runner.js";

const here = path.dirname(fileURLToPath(import.meta.url));

const program = path.join(here, "peers/ours-roofline.js");

/** A kernel that seems faster than this share of the peak was measured wrongly. */
const mostOfRoofline = 1.05;

/**
 * For each of our contenders: { name, version, peak, products, updates, acting, besides }. `peak` is in GFLOP/s, the best
 * of all contenders with vectors of this width. `products` and `updates` are { name, value, share }: GFLOP/s and the share
 * of the peak. `acting` is in µs. `besides` is the share of a step on the pendulum that is not its update. All are medians
 * over `rounds`. `doubts` names the measurements that are faster than the machine can be.
 */
export async function measureRoofline(contenders, sizes, rounds) {
  const loops = [];
  for (const sums of [10, 11, 12, 13]) {
    loops.push({ sums, 128: await compileLoop(sums, 1), 256: await compileLoop(sums, 2) });
  }
  const results = [];
  for (const contender of contenders) {
    const args = contender.args.map((arg) => (path.basename(arg) === "ours.js" ? program : arg));
    const task = JSON.stringify({ loops, sizes, rounds });
    results.push({ name: contender.name, ...JSON.parse(await output({ ...contender, args }, [task])) });
  }
  const doubts = [];
  for (const result of results) {
    // The loop measures the machine's limit, but not every engine compiles it well.
    result.peak = Math.max(...results.filter(({ bits }) => bits === result.bits).map(({ peak }) => peak));
    for (const entry of [...result.products, ...result.updates]) {
      entry.share = entry.value / result.peak;
      if (entry.share > mostOfRoofline) doubts.push(`${result.name}: ${entry.name}`);
    }
  }
  return { results, doubts };
}

/**
 * A module whose loop multiplies and adds in `sums` independent chains of `vectors` neighboring vectors each. With two,
 * V8 can run them as one of 256 bits.
 */
async function compileLoop(sums, vectors) {
  const chains = Array.from({ length: sums * vectors }, (_, i) => i);
  const text = `
export function loop(data: usize, times: i32): void {
  const x = f32x4.splat(f32.load(data));
  const y = f32x4.splat(f32.load(data, 4));
${chains.map((i) => `  let s${i} = v128.load(data, ${64 + 16 * i});`).join("\n")}
  for (let i = 0; i < times; i++) {
${chains.map((i) => `    s${i} = f32x4.add(f32x4.mul(s${i}, x), y);`).join("\n")}
  }
${chains.map((i) => `  v128.store(data, s${i}, ${64 + 16 * i});`).join("\n")}
}
`;
  const file = path.join(here, "roofline-loop.ts");
  return Buffer.from(await assemble(file, new Map([[file, text]]))).toString("base64");
}
