// The lines of source code that implement each of the seven steps, from the source that this page was built from.
import ddpgText from "../src/ddpg/ddpg.ts?raw";
import trainText from "../src/ddpg/train.ts?raw";

export interface SourceLines {
  readonly file: string;
  /** The number of the first line, from 1. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** The lines of a step from 1 to 7. */
export function linesOf(step: number): SourceLines[] {
  // `train` calls the environment.
  if (step === 2) return [excerpt("src/ddpg/train.ts", trainText, "calls.step(", 2)];
  const lines = [excerpt("src/ddpg/ddpg.ts", ddpgText, `// ${step}. `)];
  return step === 3 ? [...lines, excerpt("src/ddpg/ddpg.ts", ddpgText, "this.replayBuffer.sample(", 1)] : lines;
}

/** Lines from the one that contains `begin`: `count` lines, or up to the next empty one. */
function excerpt(file: string, text: string, begin: string, count?: number): SourceLines {
  const all = text.split("\n");
  const from = all.findIndex((line) => line.includes(begin));
  const indent = /^ */.exec(all[from])?.[0] ?? "";
  let end = from + 1;
  while (count === undefined ? all[end].startsWith(indent) && all[end].trim() !== "" : end < from + count) end++;
  return { file, first: from + 1, lines: all.slice(from, end).map((line) => line.slice(indent.length)) };
}
