import type { RunResult } from "../../node.ts";
import { plusMinus, whole } from "./numbers.ts";

type FinalReturns = Pick<RunResult, "evaluation" | "bestEvaluation">;

/** Whether a run's best policy is worse than its last one over the final starts. */
export function isBestWorse({ evaluation, bestEvaluation }: FinalReturns): boolean {
  const [last, best] = [evaluation, bestEvaluation].map((each) => each?.meanReturn ?? Number.NaN);
  return best < last;
}

/** Says that a run's best policy is worse than its last one over the final starts; "" unless it is. */
export function warningOfBest(result: FinalReturns): string {
  const { evaluation, bestEvaluation } = result;
  if (!evaluation || !bestEvaluation || !isBestWorse(result)) return "";
  const [best, last] = [bestEvaluation, evaluation].map((each) => plusMinus(each.meanReturn, each.standardError));
  return `The best policy is worse than the last one over the ${whole(evaluation.episodes)} final starts: ${best}, not ${last}.`;
}
