/**
 * A binary tree over numbers of at least 0, in a flat array: each node has the sum of its two children. It finds the number
 * at a place of their total in log₂ steps. Sums are Float64. Each is always exactly the sum of its children, whatever
 * was set in which order, so a tree that is built from the numbers alone has the same bits as one that was updated.
 */
export class SumTree {
  /** The number of leaves that the tree has room for, a power of 2. */
  #size: number;
  /** The root at index 1, the children of node i at 2 i and 2 i + 1, the leaves from `#size` on. */
  #nodes: Float64Array;

  constructor(capacity = 1) {
    this.#size = powerOfTwo(capacity);
    this.#nodes = new Float64Array(2 * this.#size);
  }

  /** The sum of all numbers. */
  get total(): number {
    return this.#nodes[1];
  }

  /** Returns the number at an index; 0 if none was set. */
  at(index: number): number {
    return index < this.#size ? this.#nodes[this.#size + index] : 0;
  }

  /** The memory of a tree for `count` numbers, in bytes. */
  static bytes(count: number): number {
    return 2 * powerOfTwo(count) * Float64Array.BYTES_PER_ELEMENT;
  }

  /** Allocates the memory of the first `count` numbers, so that setting them cannot fail. A failure changes nothing. */
  makeRoom(count: number): void {
    if (count > this.#size) this.#grow(count);
  }

  /** Sets the number at an index; the tree grows to hold it. */
  set(index: number, value: number): void {
    this.makeRoom(index + 1);
    let node = this.#size + index;
    this.#nodes[node] = value;
    for (node >>>= 1; node > 0; node >>>= 1) this.#sum(node);
  }

  /** Sets the numbers from index 0 on, all at once. */
  fill(values: ArrayLike<number>): void {
    this.makeRoom(values.length);
    this.#nodes.fill(0);
    for (let i = 0; i < values.length; i++) this.#nodes[this.#size + i] = values[i];
    this.#build();
  }

  /**
   * Returns the index of the number that covers `place` of the total, if the numbers lie one after another from 0. The
   * place must be at least 0 and below the total; if rounding led to a number of 0, the last one above 0 is returned.
   */
  find(place: number): number {
    let node = 1;
    let rest = place;
    while (node < this.#size) {
      node *= 2;
      const left = this.#nodes[node];
      // To the right only if something is there: a sum is rounded, and so is the rest.
      if (rest >= left && this.#nodes[node + 1] > 0) {
        rest -= left;
        node++;
      }
    }
    return node - this.#size;
  }

  #sum(node: number): void {
    this.#nodes[node] = this.#nodes[2 * node] + this.#nodes[2 * node + 1];
  }

  #build(): void {
    for (let node = this.#size - 1; node > 0; node--) this.#sum(node);
  }

  #grow(count: number): void {
    const size = powerOfTwo(Math.max(count, 2 * this.#size));
    // There may be too little memory: nothing changes before this line.
    const nodes = new Float64Array(2 * size);
    nodes.set(this.#nodes.subarray(this.#size), size);
    this.#size = size;
    this.#nodes = nodes;
    this.#build();
  }
}

/** The smallest power of 2 that is not below a number. */
function powerOfTwo(least: number): number {
  let size = 1;
  while (size < least) size *= 2;
  return size;
}
