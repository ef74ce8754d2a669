// What a run has shown, so that the page can show it again: its policies and maps, in bounded memory.
import type { Maps } from "./source.ts";

/** A moment of a run to look back at. */
export interface Past {
  /** The step of the policy. */
  readonly step: number;
  /** A policy file. */
  readonly policy: Uint8Array;
  /** Those nearest in time; null for a run without maps. */
  readonly maps: Maps | null;
}

/** Values by step. When they would take too much memory, those go that leave the smallest gap. */
class Kept<Value> {
  readonly #maxBytes: number;
  readonly #all: { readonly step: number; readonly value: Value; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#all.length;
  }

  get steps(): number[] {
    return this.#all.map(({ step }) => step);
  }

  /** Adds a value. Values of later steps are from before the run was cut back, so they go. */
  add(step: number, value: Value, bytes: number): void {
    while (this.#all.length > 0 && this.#all[this.#all.length - 1].step >= step) this.#drop(this.#all.length - 1);
    this.#all.push({ step, value, bytes });
    this.#bytes += bytes;
    while (this.#all.length > 2 && this.#bytes > this.#maxBytes) this.#drop(this.#leastMissed());
  }

  nearest(step: number): { readonly step: number; readonly value: Value } | undefined {
    let best = this.#all[0];
    for (const each of this.#all) if (Math.abs(each.step - step) < Math.abs(best.step - step)) best = each;
    return best;
  }

  /** The index, neither the first nor the last, whose neighbors are closest to each other. */
  #leastMissed(): number {
    let best = 1;
    const gap = (i: number): number => this.#all[i + 1].step - this.#all[i - 1].step;
    for (let i = 2; i < this.#all.length - 1; i++) if (gap(i) < gap(best)) best = i;
    return best;
  }

  #drop(index: number): void {
    const [{ bytes }] = this.#all.splice(index, 1);
    this.#bytes -= bytes;
  }
}

export class History {
  readonly #policies: Kept<Uint8Array>;
  readonly #maps: Kept<Maps>;

  /** `maxBytes` bounds the policies, and again the maps. */
  constructor(maxBytes = 12e6) {
    this.#policies = new Kept(maxBytes);
    this.#maps = new Kept(maxBytes);
  }

  get bytes(): number {
    return this.#policies.bytes + this.#maps.bytes;
  }

  /** The number of moments. */
  get size(): number {
    return this.#policies.size;
  }

  /** The steps of the policies, ascending. */
  get steps(): number[] {
    return this.#policies.steps;
  }

  addPolicy(step: number, policy: Uint8Array): void {
    this.#policies.add(step, policy, policy.byteLength);
  }

  addMaps(maps: Maps): void {
    this.#maps.add(maps.step, maps, maps.action.byteLength + (maps.value?.byteLength ?? 0));
  }

  /** The moment nearest to a step; null while there is none. */
  at(step: number): Past | null {
    const policy = this.#policies.nearest(step);
    return policy
      ? { step: policy.step, policy: policy.value, maps: this.#maps.nearest(policy.step)?.value ?? null }
      : null;
  }
}
