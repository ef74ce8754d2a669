import { expect } from "../../base/expect.ts";
import { duration, whole } from "../terminal/numbers.ts";
import { numberOf } from "../terminal/options.ts";

/** When to write checkpoints: by time or by steps. */
export interface CheckpointPlan {
  readonly every: number;
  readonly unit: "s" | "steps";
  /** The interval is a default, so it may be extended. */
  readonly stretches?: true;
}

const usual: CheckpointPlan = { every: 60, unit: "s", stretches: true };

/** The largest share of the time that writing may take, unless the user sets the interval. */
const maxShareOfTime = 0.02;

export const checkpointHelp = `time between checkpoints, such as 60s, or steps, such as 500 [${usual.every}s, or longer if writing takes long]`;

/** Parses `60s`, `0.5s` or `500`. */
export function parseCheckpointPlan(text: string): CheckpointPlan {
  const [, number, unit] = /^(.*?)(s?)$/.exec(text) ?? [];
  const every = numberOf(number);
  const good = every > 0 && (unit === "s" || Number.isSafeInteger(every));
  expect(good, "--checkpoint-every", "seconds such as 60s, or steps such as 500", text);
  return { every, unit: unit === "s" ? "s" : "steps" };
}

/** Decides when the next checkpoint is due. */
export class CheckpointClock {
  readonly #plan: CheckpointPlan;
  #seconds: number;
  #written = performance.now();

  constructor(plan: CheckpointPlan = usual) {
    this.#plan = plan;
    this.#seconds = plan.every;
  }

  /** Whether to write a checkpoint after this step. */
  isDue(step: number): boolean {
    const { every, unit } = this.#plan;
    return unit === "steps" ? step % every === 0 : performance.now() - this.#written >= 1000 * this.#seconds;
  }

  /** Reports that a checkpoint was written, and in how many seconds. Returns a notice for the user, or "". */
  wrote(seconds: number): string {
    this.#written = performance.now();
    const needed = Math.ceil(seconds / maxShareOfTime);
    if (!this.#plan.stretches || needed <= this.#seconds) return "";
    // Leave some margin, so that the interval does not change after every checkpoint.
    this.#seconds = Math.ceil(1.25 * needed);
    return `checkpoints: every ${duration(this.#seconds)} from now on, because writing one takes ${duration(seconds)}`;
  }

  toString(): string {
    const { every, unit, stretches } = this.#plan;
    if (unit === "steps") return `every ${every === 1 ? "step" : `${whole(every)} steps`}`;
    return `every ${every} s${stretches ? `, or longer if writing would take more than ${100 * maxShareOfTime} % of the time` : ""}`;
  }
}
