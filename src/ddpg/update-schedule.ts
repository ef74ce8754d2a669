import type { Problem } from "../base/expect.ts";
import type { Settings } from "./config.ts";

/** What an `UpdateSchedule` counts; an agent's file stores it. */
export interface UpdateCounts {
  /** The number of time steps that learning was possible after. */
  turns: number;
  /** The number of updates that are due and not made yet. */
  owed: number;
  /** Whether an episode ended after the last of these time steps. */
  episodeEnded: boolean;
}

/**
 * Says when to learn, and how often. Every time step adds `updatesPerStep` updates to those that are owed. Every
 * `updateEvery` time steps a round makes all of them; with 0, the round is at the end of each episode. So the number of
 * updates for each time step does not depend on the length of the rounds. With 1 and 1, one update follows every step.
 */
export class UpdateSchedule {
  readonly #every: number;
  readonly #perStep: number;
  #counts: UpdateCounts = { turns: 0, owed: 0, episodeEnded: false };
  /** Whether a round is in progress. A file does not store it: a round that was cut continues with the next one. */
  #isRound = false;

  constructor({ updateEvery, updatesPerStep }: Pick<Settings, "updateEvery" | "updatesPerStep">) {
    this.#every = updateEvery;
    this.#perStep = updatesPerStep;
  }

  /** A copy of what was counted. */
  get counts(): UpdateCounts {
    return { ...this.#counts };
  }

  restore(counts: UpdateCounts): void {
    this.#counts = { ...counts };
    this.#isRound = false;
  }

  endEpisode(): void {
    this.#counts.episodeEnded = true;
  }

  /** Counts a time step; starts a round if one is due. */
  takeTurn(): void {
    const counts = this.#counts;
    counts.turns++;
    // The difference of two rounded totals: no sum of fractions, whose rounding errors would add up.
    counts.owed += Math.floor(counts.turns * this.#perStep) - Math.floor((counts.turns - 1) * this.#perStep);
    this.#isRound = this.#every === 0 ? counts.episodeEnded : counts.turns % this.#every === 0;
    counts.episodeEnded = false;
  }

  /** Whether an update is to be made now. */
  get isDue(): boolean {
    return this.#isRound && this.#counts.owed > 0;
  }

  /** Counts an update that was made. */
  countUpdate(): void {
    this.#counts.owed--;
  }
}

/**
 * The setting because of which a run of so few steps makes no update, as the parts of an error; undefined if it makes
 * some. `shown` writes numbers.
 */
export function withoutUpdates(
  { warmupSteps, updateEvery }: Pick<Settings, "warmupSteps" | "updateEvery">,
  steps: number,
  shown: (n: number) => string = String,
): (Problem & { where: keyof Settings }) | undefined {
  const hint = "Nothing will be learned.";
  if (warmupSteps >= steps) {
    const expected = `less than the run's ${shown(steps)} steps`;
    return { where: "warmupSteps", expected, got: shown(warmupSteps), hint };
  }
  if (updateEvery <= steps - warmupSteps) return undefined;
  const expected = `at most the ${shown(steps - warmupSteps)} steps after the warm-up`;
  return { where: "updateEvery", expected, got: shown(updateEvery), hint };
}
