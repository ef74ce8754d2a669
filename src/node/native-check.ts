// What the native kernels must show before they are used: the bits of the WebAssembly kernels, in one short case of each
// that reaches every tile and edge.
import { Random } from "../base/random.ts";
import type { Backend } from "../kernels/backend.ts";
import type { KernelName, Kernels } from "../kernels/kernels.ts";
import type { Matrix, Vector } from "../kernels/matrix.ts";
import { allocateMatrix } from "../nn/parameters.ts";

/** The memory of the cases below. */
const numbers = 1 << 18;

/** The sizes of products: whole tiles of every instruction set, and every remainder. */
const rowCounts = [1, 11];
const columnCounts = [5, 20, 40, 140];

/** Native products have at least this many multiplications: see native.ts. */
const multiplications = 4096;

/** The first kernel whose results differ between two backends, or null. */
export async function differingKernel(one: Backend, other: Backend): Promise<KernelName | null> {
  const kernels = await Promise.all([one, other].map((backend) => backend.create(numbers, () => 0)));
  const [expected, actual] = kernels.map(resultsOf);
  const differs = expected.find(({ words }, index) => words.some((word, k) => word !== actual[index].words[k]));
  return differs?.kernel ?? null;
}

interface Result {
  readonly kernel: KernelName;
  /** The bits of all numbers that it wrote, and of their padding. */
  readonly words: Uint32Array;
}

/** What the native kernels calculate from fixed inputs. */
function resultsOf(kernels: Kernels): Result[] {
  const random = new Random("native");
  const results: Result[] = [];
  const draw = (x: Matrix): Matrix => {
    for (let i = 0; i < x.rows; i++) for (let j = 0; j < x.columns; j++) x.set(i, j, random.uniform(-1, 1));
    return x;
  };
  const matrix = (rows: number, columns: number): Matrix => draw(allocateMatrix(kernels, rows, columns));
  const keep = (kernel: KernelName, { buffer, byteOffset, length }: Vector): void => {
    results.push({ kernel, words: new Uint32Array(buffer, byteOffset, length).slice() });
  };
  for (const [i, rows] of rowCounts.entries()) {
    for (const [j, columns] of columnCounts.entries()) {
      const inner = Math.ceil(multiplications / (rows * columns));
      const a = (i + j) % 2 === 0 ? matrix(rows, inner) : matrix(inner, rows).transposed;
      const c = matrix(rows, columns);
      const start = [null, c, matrix(1, columns)][j % 3];
      kernels.multiply(c, a, matrix(inner, columns), start);
      keep("multiply", c.data);
    }
    const x = matrix(rows, 75);
    const y = allocateMatrix(kernels, 75, rows);
    kernels.transpose(y, x);
    keep("transpose", y.data);
    const sums = kernels.allocate(75);
    kernels.sumRows(sums, x);
    keep("sumRows", sums);
    kernels.relu(x);
    keep("relu", x.data);
    const g = matrix(rows, 75);
    kernels.reluGradient(g, x);
    keep("reluGradient", g.data);
  }
  // More than a chunk of Adam's.
  const [parameters, gradients, m, v] = [1, 2, 3, 4].map(() => matrix(1, 4200).data);
  for (let p = 0; p < v.length; p++) v[p] = Math.abs(v[p]);
  const step = {
    stepSize: 0.01,
    correction: 0.3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    squares: 0,
  };
  kernels.adam(parameters, gradients, m, v, step);
  for (const vector of [parameters, m, v, new Float32Array([step.squares])]) keep("adam", vector);
  kernels.softUpdate(m, v, { rate: 0.001 });
  keep("softUpdate", m);
  v.set([1e-39, -1e-39, 1.2e-38, -1.2e-38]);
  kernels.flush(v);
  keep("flush", v);
  return results;
}
