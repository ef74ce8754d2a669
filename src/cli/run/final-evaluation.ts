import type { RunConfig } from "../../node.ts";
import type { Evaluation } from "../../training/evaluate.ts";
import { duration, whole } from "../terminal/numbers.ts";

/** A final evaluation that takes less than this many seconds is never shortened or announced. */
const unnoticed = 10;

/** Round numbers, so that runs of one task usually have the same. */
const shorter = [500, 200, 100, 50, 20, 10, 5, 2, 1];

/** How long the run has trained, and how long an evaluation takes, as measured so far. */
export interface Measured {
  readonly trainingSeconds: number;
  readonly secondsPerEpisode: number;
}

/** The evaluations at the end of a run, over the same starts. */
export interface FinalEvaluations {
  /** Of the final policy. */
  readonly last: Evaluation;
  /** Of the policy of the best evaluation during training; the same object if that is the final policy. */
  readonly best: Evaluation;
}

/**
 * Decides how many episodes the final evaluation has, and what to tell the user before it starts, or "". If the user did
 * not ask for a number, it takes at most as long as the training, but has no fewer episodes than each evaluation before.
 * `policies`: 2 if the best policy is evaluated besides the last one.
 */
export function planFinalEvaluation(
  { finalEpisodes, episodes, fewerIfSlow }: RunConfig["evaluation"],
  { trainingSeconds, secondsPerEpisode }: Measured,
  policies: 1 | 2,
): { episodes: number; notice: string } {
  const secondsPerStart = policies * secondsPerEpisode;
  const seconds = finalEpisodes * secondsPerStart;
  if (!(seconds >= unnoticed)) return { episodes: finalEpisodes, notice: "" };
  const time = (n: number): string => `about ${duration(n * secondsPerStart)}`;
  const [what, each] = policies === 1 ? ["", ""] : ["best and last policy, ", " each"];
  const shown = (n: number): string => `final evaluation: ${what}${whole(n)} episodes${each}, ${time(n)}`;
  if (!fewerIfSlow || seconds <= trainingSeconds) return { episodes: finalEpisodes, notice: shown(finalEpisodes) };
  const most = Math.max(unnoticed, trainingSeconds) / secondsPerStart;
  const least = Math.min(episodes, finalEpisodes);
  const fewer = Math.max(least, shorter.find((n) => n <= most && n < finalEpisodes) ?? 1);
  const why = `${whole(finalEpisodes)}${each} would take ${time(finalEpisodes)}, longer than the training (${duration(trainingSeconds)})`;
  return {
    episodes: fewer,
    notice: `${shown(fewer)}; ${why}. To choose their number: --episodes`,
  };
}
