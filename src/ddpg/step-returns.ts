// Returns over n steps (Sutton 1988; Watkins 1989, as used by Barth-Maron et al., arXiv 1804.08617): a stored row holds
// rₜ + γ rₜ₊₁ + … + γⁿ⁻¹ rₜ₊ₙ₋₁ and sₜ₊ₙ, whose value counts γⁿ. Until the n-th reward is known, a row waits here.
import { expect } from "../base/expect.ts";
import { joinNumbers } from "../base/numbers.ts";
import type { BodyId } from "./ddpg.ts";
import type { ReplayBuffer, Transition } from "./replay-buffer.ts";

/** A row without its end. */
interface Waiting {
  readonly observation: Float32Array;
  readonly action: Float32Array;
  /** The discounted sum of the rewards since. */
  sum: number;
}

/** The rows of one body that wait, oldest first: there is one for each of its last steps. */
interface Steps {
  readonly rows: Waiting[];
  /** The observation after the last of these steps. */
  readonly next: Float32Array;
}

/** What `StepReturns.save` returns: arrays of all bodies, one after another. */
export interface SavedReturns {
  readonly bodies: readonly { body: BodyId; rows: number }[];
  /** s, a and the sum of each row: [rows, O + A + 1]. */
  readonly rows: Float64Array;
  /** The last observation of each body: [bodies, O]. */
  readonly next: Float64Array;
}

/** Turns the steps of each body into rows of the replay buffer. With n = 1, a step is a row. */
export class StepReturns {
  /** n. */
  readonly #steps: number;
  /** γᵏ at index k. */
  readonly #factors: Float64Array;
  readonly #buffer: ReplayBuffer;
  readonly #observationSize: number;
  readonly #actionSize: number;
  readonly #bodies = new Map<BodyId, Steps>();
  /** Rows to use again, because a step should not allocate. */
  readonly #spare: Waiting[] = [];
  #waiting = 0;

  constructor(steps: number, discount: number, observationSize: number, actionSize: number, buffer: ReplayBuffer) {
    this.#steps = steps;
    this.#factors = powers(discount, steps);
    this.#buffer = buffer;
    this.#observationSize = observationSize;
    this.#actionSize = actionSize;
  }

  /** The number of rows that wait, of all bodies. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Throws an InputError that begins with `where` if a sum with this reward would not fit in Float32. */
  expectReward(body: BodyId, reward: number, where: string): void {
    const rows = this.#bodies.get(body)?.rows ?? [];
    for (const [i, { sum }] of rows.entries()) {
      const total = sum + this.#factors[rows.length - i] * reward;
      const expected = `a number whose discounted sum over ${this.#steps} steps fits in Float32 after scaling`;
      expect(Number.isFinite(Math.fround(total)), where, expected, reward);
    }
  }

  /** Adds a step of a body; copies it. If the task ended with the step, no row of the body waits any longer. */
  add(body: BodyId, step: Omit<Transition, "discountSteps">, terminated: boolean): void {
    if (this.#steps === 1) {
      this.#buffer.store({ ...step, discountSteps: terminated ? 0 : 1 });
      return;
    }
    // Nothing below that stores can fail: otherwise some rows of a step would be stored and others not.
    this.#buffer.makeRoom(this.#waiting + 1);
    const { rows, next } = this.#of(body);
    const row = this.#spare.pop() ?? this.#allocate();
    for (const [i, each] of rows.entries()) each.sum += this.#factors[rows.length - i] * step.reward;
    row.observation.set(step.observation);
    row.action.set(step.action);
    row.sum = step.reward;
    rows.push(row);
    this.#waiting++;
    next.set(step.nextObservation);
    if (terminated) while (rows.length > 0) this.#store(rows, next, 0);
    else if (rows.length === this.#steps) this.#store(rows, next, this.#steps);
  }

  /** Ends the steps of a body without an end of the task: the rows that wait get the value of its last observation. */
  cut(body: BodyId): void {
    const steps = this.#bodies.get(body);
    if (!steps) return;
    const { rows, next } = steps;
    for (let k = rows.length; k > 0; k--) this.#store(rows, next, k);
  }

  /** Ends the steps of a body that is gone. */
  forget(body: BodyId): void {
    this.cut(body);
    this.#bodies.delete(body);
  }

  save(): SavedReturns {
    const waiting = [...this.#bodies].filter(([, { rows }]) => rows.length > 0);
    return {
      bodies: waiting.map(([body, { rows }]) => ({ body, rows: rows.length })),
      rows: joinNumbers(
        waiting.flatMap(([, { rows }]) => rows.flatMap(({ observation, action, sum }) => [observation, action, [sum]])),
      ),
      next: joinNumbers(waiting.map(([, { next }]) => next)),
    };
  }

  /** Restores what `save` returned. Throws an InputError that begins with `where` if a number cannot have been saved. */
  restore({ bodies, rows, next }: SavedReturns, where: string): void {
    this.#bodies.clear();
    this.#waiting = 0;
    const [O, A] = [this.#observationSize, this.#actionSize];
    for (const [index, { body, rows: count }] of bodies.entries()) {
      const steps = this.#of(body);
      for (let i = 0; i < count; i++) {
        const row = this.#allocate();
        const start = this.#waiting * (O + A + 1);
        row.observation.set(rows.subarray(start, start + O));
        row.action.set(rows.subarray(start + O, start + O + A));
        row.sum = rows[start + O + A];
        const isRow =
          row.observation.every(Number.isFinite) &&
          row.action.every((a) => a >= -1 && a <= 1) &&
          Number.isFinite(Math.fround(row.sum));
        const expected = "finite numbers in Float32, with actions from -1 to 1";
        expect(isRow, `${where}[${this.#waiting}]`, expected, "others");
        steps.rows.push(row);
        this.#waiting++;
      }
      steps.next.set(next.subarray(index * O, (index + 1) * O));
      expect(steps.next.every(Number.isFinite), `${where}.next`, "finite numbers in Float32", "others");
    }
    // So that `cut` cannot fail, as after `add`.
    this.#buffer.makeRoom(this.#waiting);
  }

  #of(body: BodyId): Steps {
    const steps = this.#bodies.get(body) ?? { rows: [], next: new Float32Array(this.#observationSize) };
    this.#bodies.set(body, steps);
    return steps;
  }

  #allocate(): Waiting {
    return {
      observation: new Float32Array(this.#observationSize),
      action: new Float32Array(this.#actionSize),
      sum: 0,
    };
  }

  /** Stores the oldest of the rows. */
  #store(rows: Waiting[], nextObservation: Float32Array, discountSteps: number): void {
    const row = rows.shift();
    if (!row) return;
    const { observation, action, sum: reward } = row;
    this.#buffer.store({ observation, action, reward, nextObservation, discountSteps });
    this.#spare.push(row);
    this.#waiting--;
  }
}

/** Returns γᵏ at index k, for k from 0 to n. */
export function powers(discount: number, n: number): Float64Array {
  const values = new Float64Array(n + 1).fill(1);
  for (let k = 1; k <= n; k++) values[k] = values[k - 1] * discount;
  return values;
}
