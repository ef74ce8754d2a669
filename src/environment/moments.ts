// What `checkEnvironment` keeps of a walk through an environment, to compare another one with it. An observation may be
// a picture of 100,000 numbers, and a walk has a thousand of them. So the first numbers are kept, and of all others a
// hash: the memory has a bound, and a difference is found in any case.
import { InputError, show } from "../base/expect.ts";

/** One time step, or a reset. */
export interface Moment {
  readonly isStep: boolean;
  /** [O]. The next moment of the walk uses the same array. */
  readonly observation: Float64Array;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
}

/** How many numbers of observations a recording keeps: 8 MiB. */
const maxKept = 1024 * 1024;

/** A longer list is not shown: what differs in it might be left out. */
const maxShown = 3;

interface Kept extends Omit<Moment, "observation"> {
  readonly observation: Float64Array | string;
}

/** The moments of a walk. */
export class Recording {
  readonly #moments: Kept[] = [];
  #kept = 0;

  add(moment: Moment): void {
    const { observation } = moment;
    const isKept = this.#kept + observation.length <= maxKept;
    if (isKept) this.#kept += observation.length;
    this.#moments.push({ ...moment, observation: isKept ? observation.slice() : hashOf(observation) });
  }

  get length(): number {
    return this.#moments.length;
  }

  at(index: number): Kept | undefined {
    return this.#moments[index];
  }
}

/** Compares a walk, moment by moment, with a recorded one. NaN equals NaN here: it is reported elsewhere. */
export class Comparison {
  readonly #recorded: Recording;
  #next = 0;
  #step = 0;
  #difference: Pick<InputError, "where" | "expected" | "got"> | undefined;

  constructor(recorded: Recording) {
    this.#recorded = recorded;
  }

  add(moment: Moment): void {
    if (this.#difference) return;
    const wanted = this.#recorded.at(this.#next++);
    if ((wanted ?? moment).isStep) this.#step++;
    this.#difference = difference(wanted, moment, (wanted ?? moment).isStep ? `step ${this.#step}` : "reset");
  }

  /** The first difference after the last moment, as an error. `comparison` says what the walk was to be the same as. */
  end(comparison: string, hint: string): InputError | undefined {
    if (!this.#difference && this.#next < this.#recorded.length)
      this.#difference = { where: `step ${this.#step + 1}`, expected: "a step", got: "none" };
    if (!this.#difference) return undefined;
    const { where, expected, got } = this.#difference;
    return new InputError({ where, expected: `${expected}, ${comparison}`, got, hint });
  }
}

function difference(
  wanted: Kept | undefined,
  got: Moment,
  where: string,
): Pick<InputError, "where" | "expected" | "got"> | undefined {
  if (!wanted) return { where, expected: "none", got: "a step" };
  const { observation } = got;
  if (typeof wanted.observation === "string") {
    if (wanted.observation !== hashOf(observation)) {
      return { where: `${where} observation`, expected: `the same ${observation.length} numbers`, got: "others" };
    }
  } else {
    const i = firstDifference(wanted.observation, observation);
    if (i >= 0) {
      const isShort = observation.length <= maxShown;
      const [expected, shown] = [wanted.observation, observation].map((each) => show(isShort ? each : each[i]));
      return { where: `${where} observation${isShort ? "" : `[${i}]`}`, expected, got: shown };
    }
  }
  for (const name of ["reward", "terminated", "truncated"] as const) {
    if (!Object.is(wanted[name], got[name]))
      return { where: `${where} ${name}`, expected: show(wanted[name]), got: show(got[name]) };
  }
  return undefined;
}

/** The index of the first number that differs in two lists; −1 if none does. A shorter list differs at its end. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}

/** A hash of 64 bits of all bits of the numbers, in two halves that mix them with different factors. */
export function hashOf(numbers: Float64Array): string {
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
  let [high, low] = [words.length, ~words.length];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    high = mixed(high ^ word, 0x2c1b3c6d);
    low = mixed(low ^ word, 0x297a2d39);
  }
  return `${high} ${low}`;
}

/** Spreads each bit of x over the lower and the upper half: a one-to-one function, if the factor is odd. */
function mixed(x: number, factor: number): number {
  const product = Math.imul(x ^ (x >>> 15), factor);
  return product ^ (product >>> 13);
}
