// Finds the lines of source code that implement each of the seven steps. It runs when the page is built, because the page has no
// use for the rest of the files.
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";

const source = (file) => new URL(`../${file}`, import.meta.url);

/** The files that the lines are from. */
export const sources = ["src/ddpg/ddpg.ts", "src/ddpg/train.ts"];

/** For each step from 1 to 7, its excerpts: file, number of the first line, lines. */
export function stepLines() {
  const [ddpg, train] = sources.map((file) => ({ file, text: fs.readFileSync(source(file), "utf8") }));
  return [1, 2, 3, 4, 5, 6, 7].map((step) => {
    // `train` calls the environment.
    if (step === 2) return [excerpt(train, "calls.step(", 2)];
    const lines = [excerpt(ddpg, `// ${step}. `)];
    return step === 3 ? [...lines, excerpt(ddpg, "this.replayBuffer.sample(", 1)] : lines;
  });
}

/** Lines from the one that contains `begin`: `count` lines, or up to the next empty one. */
function excerpt({ file, text }, begin, count) {
  const all = text.split("\n");
  const from = all.findIndex((line) => line.includes(begin));
  if (from < 0) throw new Error(`${file}: no line contains ${JSON.stringify(begin)}.`);
  const indent = /^ */.exec(all[from])[0];
  let end = from + 1;
  while (count === undefined ? all[end].startsWith(indent) && all[end].trim() !== "" : end < from + count) end++;
  return { file, first: from + 1, lines: all.slice(from, end).map((line) => line.slice(indent.length)) };
}

/** The module "virtual:step-lines" of the page. */
export function stepLinesPlugin() {
  const id = "virtual:step-lines";
  return {
    name: "step-lines",
    resolveId: (name) => (name === id ? `\0${id}` : null),
    load(name) {
      if (name !== `\0${id}`) return null;
      for (const file of sources) this.addWatchFile(fileURLToPath(source(file)));
      return `export default ${JSON.stringify(stepLines())};`;
    },
  };
}
