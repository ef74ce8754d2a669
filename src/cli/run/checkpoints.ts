import { expect } from "../../base/expect.ts";
import { duration, whole } from "../terminal/numbers.ts";
import { numberOf } from "../terminal/options.ts";

/** When checkpoints are written: by the clock or by the steps. */
export interface CheckpointPlan {
  readonly every: number;
  readonly unit: "s" | "steps";
  /** Nobody asked for this length: it may become longer. */
  readonly stretches?: true;
}

const usual: CheckpointPlan = { every: 60, unit: "s", stretches: true };

/** What part of the time writing may take, unless the user says how often. */
const maxShareOfTime = 0.02;

export const checkpointHelp = `time between checkpoints, such as 60s, or steps, such as 500 [${usual.every}s, or longer if writing takes long]`;

/** `60s`, `0.5s`, `500`. */
export function parseCheckpointPlan(text: string): CheckpointPlan {
  const [, number, unit] = /^(.*?)(s?)$/.exec(text) ?? [];
  const every = numberOf(number);
  const good = every > 0 && (unit === "s" || Number.isSafeInteger(every));
  expect(good, "--checkpoint-every", "seconds such as 60s, or steps such as 500", text);
  return { every, unit: unit === "s" ? "s" : "steps" };
}

/** Says when it is time for the next one. */
export class CheckpointClock {
  readonly #plan: CheckpointPlan;
  #seconds: number;
  #written = performance.now();

  constructor(plan: CheckpointPlan = usual) {
    this.#plan = plan;
    this.#seconds = plan.every;
  }

  /** Whether one is to be written after this step. */
  isDue(step: number): boolean {
    const { every, unit } = this.#plan;
    return unit === "steps" ? step % every === 0 : performance.now() - this.#written >= 1000 * this.#seconds;
  }

  /** One was written, in so many seconds; returns what a person should know. */
  wrote(seconds: number): string {
    this.#written = performance.now();
    const needed = Math.ceil(seconds / maxShareOfTime);
    if (!this.#plan.stretches || needed <= this.#seconds) return "";
    // Some more, so that it does not change with every one.
    this.#seconds = Math.ceil(1.25 * needed);
    return `checkpoints: every ${duration(this.#seconds)} from now on, because writing one takes ${duration(seconds)}`;
  }

  toString(): string {
    const { every, unit, stretches } = this.#plan;
    if (unit === "steps") return `every ${every === 1 ? "step" : `${whole(every)} steps`}`;
    return `every ${every} s${stretches ? `, or longer if writing would take more than ${100 * maxShareOfTime} % of the time` : ""}`;
  }
}
