// Writes out the innermost loops of a product at build time; `assembly/index.ts` imports them from "./tile". A tile keeps its
// sums in registers, and AssemblyScript has no arrays of registers.

/**
 * The AssemblyScript source of the tiles for vectors of 128 or 256 bits. At 256 bits V8 runs two neighboring vectors as one,
 * so a tile can hold twice as many. A tile uses eight sums, two vectors of B and one of A at a time: V8 has fifteen registers,
 * and a spilled sum halves the speed.
 */
export function tileSource(bits) {
  const pair = bits / 128;
  return [
    "// Made by scripts/tile.js. Not for editing.",
    `/** Width of a tile's row of C, in bytes. */\nexport const TILE: usize = ${16 * 2 * pair};`,
    "/** Bytes of C that `multiplyRow` computes at a time. */\nexport const ROW: usize = 64;",
    tile("multiplyTile", 4, 2 * pair),
    tile("multiplyRow", 1, 4),
    tile("multiplyColumn", 8, 1),
    "",
  ].join("\n\n");
}

/**
 * A function for C = start + A · B over `rows` rows of `vectors` vectors. `bEnd` is the address after the last row of B. Every
 * sum starts from `start` and grows by one product at a time, without a branch, because V8 would otherwise not double the
 * width.
 */
function tile(name, rows, vectors) {
  const sums = range(rows).flatMap((i) => range(vectors).map((j) => [i, j]));
  return `export function ${name}(
  c0: usize,
  cStride: usize,
  start0: usize,
  startStride: usize,
  a0: usize,
  aRowStride: usize,
  aColumnStride: usize,
  b: usize,
  bStride: usize,
  bEnd: usize,
): void {
${lines(range(rows).slice(1), (i) => `  const c${i} = c${i - 1} + cStride;`)}
${lines(range(rows).slice(1), (i) => `  const start${i} = start${i - 1} + startStride;`)}
${lines(range(rows).slice(1), (i) => `  let a${i} = a${i - 1} + aRowStride;`)}
${lines(sums, ([i, j]) => `  let s${i}${j} = v128.load(start${i}, ${16 * j});`)}
  for (; b !== bEnd; b += bStride) {
${lines(range(vectors), (j) => `    const b${j} = v128.load(b, ${16 * j});`)}
${lines(range(rows), (i) =>
  [
    `    const x${i} = v128.load32_splat(a${i});`,
    // ../src/kernels/wasm/fuse.ts finds this step, with the product first, in the compiled module.
    ...range(vectors).map((j) => `    s${i}${j} = f32x4.add(f32x4.mul(x${i}, b${j}), s${i}${j});`),
  ].join("\n"),
)}
${lines(range(rows), (i) => `    a${i} += aColumnStride;`)}
  }
${lines(sums, ([i, j]) => `  v128.store(c${i}, s${i}${j}, ${16 * j});`)}
}`;
}

function range(length) {
  return Array.from({ length }, (_, i) => i);
}

function lines(items, line) {
  return items.map(line).join("\n");
}
