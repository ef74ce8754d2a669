// The lines of source code that implement each of the seven steps, from the source that this page was built from:
// step-lines.js finds them.
import steps, { symbols } from "virtual:step-lines";

export interface SourceLines {
  readonly file: string;
  /** The number of the first line, from 1. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** The lines of a step from 1 to 7. */
export function linesOf(step: number): readonly SourceLines[] {
  return steps[step - 1];
}

/** The number of the line of src/ddpg/ddpg.ts that computes a symbol of a step from 1 to 7. */
export function lineOf(step: number, symbol: string): number {
  return symbols[step - 1][symbol];
}
