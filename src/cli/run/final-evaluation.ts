import type { RunConfig } from "../../node.ts";
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

/**
 * Decides how many episodes the final evaluation has, and what to tell the user before it starts, or "". If the user did
 * not ask for a number, it takes at most as long as the training, but has no fewer episodes than each evaluation before.
 */
export function planFinalEvaluation(
  { finalEpisodes, episodes, fewerIfSlow }: RunConfig["evaluation"],
  { trainingSeconds, secondsPerEpisode }: Measured,
): { episodes: number; notice: string } {
  const seconds = finalEpisodes * secondsPerEpisode;
  if (!(seconds >= unnoticed)) return { episodes: finalEpisodes, notice: "" };
  const time = (n: number): string => `about ${duration(n * secondsPerEpisode)}`;
  const all = whole(finalEpisodes);
  if (!fewerIfSlow || seconds <= trainingSeconds)
    return { episodes: finalEpisodes, notice: `final evaluation: ${all} episodes, ${time(finalEpisodes)}` };
  const most = Math.max(unnoticed, trainingSeconds) / secondsPerEpisode;
  const least = Math.min(episodes, finalEpisodes);
  const fewer = Math.max(least, shorter.find((n) => n <= most && n < finalEpisodes) ?? 1);
  const why = `${all} would take ${time(finalEpisodes)}, longer than the training (${duration(trainingSeconds)})`;
  return {
    episodes: fewer,
    notice: `final evaluation: ${whole(fewer)} episodes, ${time(fewer)}; ${why}. To choose their number: --episodes`,
  };
}
