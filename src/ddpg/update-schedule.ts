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
 * The setting because of which a run of `steps` steps makes no update, as the parts of an error; undefined if it makes
 * some. With `updateEvery` 0 it may still make none, if no episode ends. With `returnSteps` n, the last n − 1 steps wait for
 * their rewards; they do not if an episode ends, which is not considered here. `shown` writes numbers.
 */
export function withoutUpdates(
  { warmupSteps, batchSize, returnSteps, updateEvery, updatesPerStep }: UpdateSettings,
  steps: number,
  shown: (n: number) => string = String,
): (Problem & { where: keyof UpdateSettings }) | undefined {
  const filled = batchSize + returnSteps - 1;
  const dependsOnEnds = returnSteps > 1 && filled > warmupSteps;
  const hint = dependsOnEnds ? "Nothing will be learned unless an episode ends early." : "Nothing will be learned.";
  // The last step of the warm-up is the first that learning is possible after.
  const first = Math.max(warmupSteps, filled);
  const turns = steps - first + 1;
  if (turns <= 0) {
    const expected = `at most the run's ${shown(steps)} steps`;
    if (filled <= warmupSteps) return { where: "warmupSteps", expected, got: shown(warmupSteps), hint };
    if (batchSize > steps)
      return { where: "batchSize", expected, got: shown(batchSize), hint: "Nothing will be learned." };
    const most = `at most ${shown(steps - batchSize + 1)}, so that ${shown(steps)} steps complete ${shown(batchSize)} rows`;
    return { where: "returnSteps", expected: most, got: shown(returnSteps), hint };
  }
  if (updateEvery > turns) {
    const expected = `at most ${shown(turns)}, the steps that learning is possible after`;
    return { where: "updateEvery", expected, got: shown(updateEvery), hint };
  }
  const inRounds = updateEvery > 0 ? turns - (turns % updateEvery) : turns;
  if (Math.floor(inRounds * updatesPerStep) > 0) return undefined;
  return { where: "updatesPerStep", expected: `at least 1 / ${shown(inRounds)}`, got: String(updatesPerStep), hint };
}

type UpdateSettings = Pick<Settings, "warmupSteps" | "batchSize" | "returnSteps" | "updateEvery" | "updatesPerStep">;
