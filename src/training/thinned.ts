import { expect } from "../base/expect.ts";

/**
 * Joins two neighbors of a sequence, the earlier one first. The weights are the numbers of items that each stands for.
 */
export type Join<T> = (a: T, b: T, weightOfA: number, weightOfB: number) => T;

/**
 * A sequence of any length in bounded memory: it keeps every item until there are too many, then joins neighbors in
 * pairs, again and again. All kept items stand for the same number of items, `each`, except the last one, which may
 * stand for fewer.
 */
export class Thinned<T> {
  /** How many items of the sequence a kept item stands for: a power of two. */
  each = 1;
  readonly #most: number;
  readonly #join: Join<T>;
  #complete: T[] = [];
  #open: T | undefined;
  #openCount = 0;

  /** Keeps at most `most` items, an even number, and one incomplete item. */
  constructor(most: number, join: Join<T>) {
    expect(most >= 2 && most % 2 === 0, "Thinned most", "an even number above 0", most);
    this.#most = most;
    this.#join = join;
  }

  add(item: T): void {
    this.#open = this.#openCount === 0 ? item : this.#join(this.#open as T, item, this.#openCount, 1);
    this.#openCount++;
    if (this.#openCount < this.each) return;
    if (this.#complete.length === this.#most) {
      // The open item stays open: it is now half of a longer one.
      const halves = this.#complete;
      this.#complete = [];
      for (let i = 0; i < halves.length; i += 2) this.#complete.push(this.#join(halves[i], halves[i + 1], 1, 1));
      this.each *= 2;
      return;
    }
    this.#complete.push(this.#open);
    this.#openCount = 0;
  }

  /** The kept items in the order of the sequence: a new array. */
  get items(): T[] {
    const items = this.#complete.slice();
    if (this.#openCount > 0) items.push(this.#open as T);
    return items;
  }
}
