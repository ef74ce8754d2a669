import { show } from "../base/expect.ts";
import type { Step } from "./environment.ts";
import { EnvironmentError, maxInfoNames } from "./environment-calls.ts";

/** Named numbers, as `Step.info` has them. A name may be any text. */
export type Info = NonNullable<Step["info"]>;

/** What the `info` of an episode is, in training as in evaluations: the last value of each name that its steps gave. */
export class EpisodeInfo {
  readonly #values = new Map<string, number>();

  /** Adds the checked `info` of a step. Throws an EnvironmentError that begins with `where` for too many names. */
  add(info: Info, where: () => string): void {
    for (const [name, value] of Object.entries(info)) this.#values.set(name, value);
    if (this.#values.size > maxInfoNames) {
      const got = `${this.#values.size}, the last one ${show([...this.#values.keys()].at(-1))}`;
      throw new EnvironmentError(`${where()} info: expected at most ${maxInfoNames} names in an episode, got ${got}.`);
    }
  }

  /** The names, in the order in which they came. */
  get names(): string[] {
    return [...this.#values.keys()];
  }

  /** The value of each name. */
  get values(): Float64Array {
    return Float64Array.from(this.#values.values());
  }

  /** Restores `names` and `values`. */
  restore(names: readonly string[], values: ArrayLike<number>): void {
    this.clear();
    for (const [i, name] of names.entries()) this.#values.set(name, values[i]);
  }

  /** Returns the info of the episode and forgets it; undefined if no step gave any. */
  take(): Info | undefined {
    if (this.#values.size === 0) return undefined;
    const info = Object.fromEntries(this.#values);
    this.clear();
    return info;
  }

  clear(): void {
    this.#values.clear();
  }
}

/** The mean of each name over the episodes that have it; undefined if none has any. */
export function meanInfo(infos: Iterable<Info | undefined>): Info | undefined {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const info of infos) {
    if (!info) continue;
    for (const [name, value] of Object.entries(info)) {
      const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: sum + value, count: count + 1 });
    }
  }
  if (sums.size === 0) return undefined;
  return Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}
