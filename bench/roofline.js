// The machine's own rate of multiply-adds in WebAssembly, without memory, and how near to it the kernels come.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { assemble } from "../scripts/build.js";
import { output } from "./runner.js";

const here = path.dirname(fileURLToPath(import.meta.url));

const program = path.join(here, "peers/ours-roofline.js");

/** A kernel that is faster than this is measured wrongly. */
const mostOfRoofline = 1.05;

/**
 * For each of our own contenders: { name, version, peak, products, updates, acting }. `peak` in GFLOP/s, the others as
 * { name, value, share }: GFLOP/s and their share of the peak; acting in µs. Medians over `rounds`. Throws when a share
 * is above 1.05.
 */
export async function measureRoofline(contenders, sizes, rounds) {
  const loops = [];
  for (const sums of [8, 10, 12]) {
    loops.push({ sums, 128: await compileLoop(sums, 1), 256: await compileLoop(sums, 2) });
  }
  const results = [];
  for (const contender of contenders) {
    const { name } = contender;
    const args = contender.args.map((arg) => (path.basename(arg) === "ours.js" ? program : arg));
    const task = JSON.stringify({ loops, sizes, rounds });
    const result = { name, ...JSON.parse(await output({ ...contender, args }, [task])) };
    for (const entry of [...result.products, ...result.updates]) {
      entry.share = entry.value / result.peak;
      if (entry.share > mostOfRoofline) {
        throw new Error(
          `${name}: ${entry.name} has ${entry.share.toFixed(2)} times the roofline: one of them is wrong`,
        );
      }
    }
    results.push(result);
  }
  return results;
}

/**
 * A module whose loop multiplies and adds in `sums` independent chains, of `vectors` neighbouring vectors each: with
 * two, V8 can run them as one of 256 bits.
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
