// The parts of documents that are generated from other files: the line numbers of the seven steps, and the numbers in the
// records. `npm run figures` writes them; a test checks that the documents are up to date. Also the programs in documents.
import * as fs from "node:fs";
import * as path from "node:path";
import { paperReturns, paperTable } from "./paper-tasks.js";
import { performanceBlocks } from "./performance.js";
import { plannerTable } from "./planner.js";

/** The documents that have generated parts. They lie in docs/, from where the links to the sources lead. */
export const generatedIn = ["docs/algorithm.md", "docs/results.md", "docs/performance.md", "docs/paper-tasks.md"];

/** The text of one of these documents with its generated parts brought up to date. */
export function upToDate(text, root) {
  return withResults(withStepLinks(text, root), root);
}

/**
 * The programs of a document, by the file that each names in its first line. Tests run the modules (.mjs), and build and
 * open the page (.html, .js).
 */
export function programsOf(text, document) {
  const blocks = [...text.matchAll(/^```(?:[jt]s|html)\n([\s\S]*?)^```$/gm)];
  return new Map(
    blocks.map(([, code]) => {
      const [, name] = /^(?:\/\/|<!--) ([\w-]+\.(?:m?[jt]s|html))(?: -->)?\n/.exec(code) ?? [];
      if (!name)
        throw new Error(`${document}: expected a program that begins with "// name.mjs", got ${code.split("\n")[0]}`);
      return [name, code];
    }),
  );
}

/** The programs of README and of the pages that show how to use the package, by name. A program that is in two is the same. */
export function allPrograms(root) {
  const pages = ["start", "guides"].flatMap((folder) =>
    fs.readdirSync(path.join(root, "docs", folder)).map((name) => `docs/${folder}/${name}`),
  );
  const programs = new Map();
  for (const document of ["README.md", "docs/worked-update.md", ...pages.sort()]) {
    for (const [name, code] of programsOf(fs.readFileSync(path.join(root, document), "utf8"), document)) {
      if ((programs.get(name) ?? code) !== code) throw new Error(`${document}: another document has another ${name}`);
      programs.set(name, code);
    }
  }
  return programs;
}

/** The folders of docs/results that hold the records of a benchmark: all but that of `ddpg plan`. */
export function benchmarkFolders(records) {
  return fs
    .readdirSync(records, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "planner")
    .map(({ name }) => path.join(records, name));
}

/** Links each numbered step to its lines in the source: from its comment to the end of its block. */
function withStepLinks(text, root) {
  const lines = fs.readFileSync(path.join(root, "src/ddpg/ddpg.ts"), "utf8").split("\n");
  const trainLines = fs.readFileSync(path.join(root, "src/ddpg/train.ts"), "utf8").split("\n");
  const link = (file, from, to) => `[${file}:${from}](../src/ddpg/${file}#L${from}-L${to})`;
  return text.replace(/^(\| (\d)\. .* \| )[^|]*\|$/gm, (_, head, number) => {
    const start = lines.findIndex((line) => line.includes(`// ${number}. `));
    const indent = /^ */.exec(lines[start])[0];
    let end = start;
    while (lines[end + 1].startsWith(indent) && !/^ *\/\/ \d\. /.test(lines[end + 1])) end++;
    if (number !== "2") return `${head}${link("ddpg.ts", start + 1, lastOfBlock(lines, start, end) + 1)} |`;
    // Step 2 calls the environment, which `train` does.
    const call = trainLines.findIndex((line) => line.includes("calls.step("));
    return `${head}${link("train.ts", call + 1, call + 2)} |`;
  });
}

/** The last line of the block that starts at `start`: the one before the next empty line, at most `end`. */
function lastOfBlock(lines, start, end) {
  for (let i = start; i < end; i++) if (lines[i + 1].trim() === "") return i;
  return end;
}

function withResults(page, root) {
  return page.replace(/(<!-- results ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (whole, head, name, end) => {
    const [file, write] = sentences[name];
    if (file === null) return `${head}${write(path.join(root, "docs/results"))}\n${end}`;
    const record = path.join(root, "docs/results", file);
    if (!fs.existsSync(record)) return whole;
    const text = fs.readFileSync(record, "utf8");
    return `${head}${write(file.endsWith(".json") ? JSON.parse(text) : text)}\n${end}`;
  });
}

/**
 * For each generated block, by its unique name: the file of its record, and the function that writes its text. Without a
 * file, the function takes the folder of all records.
 */
const sentences = {
  ...performanceBlocks,
  small: ["pendulum-small.json", small],
  numpy: ["pendulum-v0-numpy.json", numpy],
  paper: ["pendulum-paper.json", paper],
  // Only the table, without the notes below it.
  mujoco: ["mujoco/benchmark.md", (page) => page.split("\n\n")[0]],
  planner: [null, plannerTable],
  "paper-tasks": [null, paperTable],
  "paper-returns": [null, paperReturns],
};

function small({ steps, evaluationEpisodes, machine, variants: [{ runs }] }) {
  const solved = runs.filter(({ solvedStep }) => solvedStep !== null);
  const of = (name) => sorted(solved.map((run) => run[name]));
  const [solvedSteps, seconds] = [of("solvedStep"), of("solvedSeconds")];
  const finals = sorted(runs.map(({ finalMeanReturn }) => finalMeanReturn));
  return `${solved.length} of ${runs.length} seeds reach a mean return of −160 over ${whole(evaluationEpisodes)} starts within ${whole(steps)} steps. The best
possible value, computed by dynamic programming, is about −138. The median seed takes ${whole(median(solvedSteps))} steps (range ${whole(solvedSteps[0])} to ${whole(solvedSteps.at(-1))}), or
${median(seconds).toFixed(2)} s of training (${seconds[0].toFixed(2)} to ${seconds.at(-1).toFixed(2)}). After ${whole(steps)} steps, the median return is ${number(median(finals))} (${number(finals[0])} to ${number(finals.at(-1))}).
Machine: ${machine}.`;
}

function numpy({ variants: [{ runs }] }) {
  const lateMeans = sorted(runs.map(({ episodes }) => mean(episodes.slice(-10))));
  const first = runs.map(({ episodes }) => 1 + episodes.findIndex((value) => value >= -500));
  const climbed = sorted(first.filter((episode) => episode > 0));
  const reached =
    climbed.length === 0
      ? "none"
      : `${climbed.length} of ${runs.length}, between episodes ${climbed[0]} and ${climbed.at(-1)}`;
  return `Seeds that reach −500 in an episode: ${reached}. Mean of the last ten episodes, one value per seed: ${lateMeans.map(number).join(", ")}.`;
}

function paper({ steps, evaluationEpisodes, variants }) {
  const ends = variants.map(({ name, runs }) => {
    const finals = sorted(runs.map(({ finalMeanReturn }) => finalMeanReturn));
    const range = `${number(finals[0])} to ${number(finals.at(-1))}`;
    return `${american(name)}, ${number(median(finals))} (${range}; ${runs.length} seeds)`;
  });
  return `Median of the mean return over ${evaluationEpisodes} starts after ${whole(steps)} steps: ${ends.join("; ")}.`;
}

/** A variant's name in American spelling. The records keep the spelling that they were written with. */
export function american(name) {
  return name.replace(/normalisation/, "normalization");
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const whole = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
const number = (value) => `${value < 0 ? "−" : ""}${whole(Math.abs(value))}`;

function median(values) {
  const half = (values.length - 1) / 2;
  return (values[Math.floor(half)] + values[Math.ceil(half)]) / 2;
}
