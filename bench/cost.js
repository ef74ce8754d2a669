// Measures how the time of an update grows with the networks' width and with the batch: `npm run bench:cost`. The number of
// multiply-adds says how much it must grow. `npm run figures` draws the record and writes its table.
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../scripts/build.js";
import { lastCores, onCores, ours, oursInRecord } from "./contenders.js";
import { choicesHelp, flag, readOptions, text } from "./options.js";
import { origin, output, recordFile, writeRecord } from "./runner.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const help = `npm run bench:cost -- [options]
  --widths <a,b>     neurons in each of the two hidden layers (64,128,256,512,1024)
  --batches <a,b>    transitions in a minibatch (16,64,256,1024)
${choicesHelp}
  --rounds <n>       measurements of each size (5)
  --seconds <s>      approximate length of one measurement (0.05)
  --write            record in docs/results/cost.<processor>.json
  --output <file>    record in this file
`;

const options = readCostOptions();
await build();
const { rounds, seconds } = options;
const sizes = options.widths.flatMap((width) =>
  options.batches.map((batchSize) => ({ width, batchSize, observationSize: 17, actionSize: 6 })),
);
const contenders = ours({ ...options, tell: console.log }, "ours-cost.js").map((each) => onCores(each, 1));
const record = {
  ...origin(root),
  ours: oursInRecord(contenders),
  boundToCores: lastCores(1),
  rounds,
  seconds,
  results: [],
};
for (const contender of contenders) {
  const task = JSON.stringify({ sizes, rounds, seconds });
  const result = await output(contender, [task], { patience: 900 }).then(JSON.parse, ({ message }) => message);
  if (typeof result === "string") {
    process.exitCode = 1;
    console.error(`${contender.name}: FAILED: ${result}`);
    continue;
  }
  record.results.push({ name: contender.name, ...result });
  print(contender.name, result.cells);
}
const file = options.output ?? (options.write ? recordFile(root, "cost", record) : null);
if (file) writeRecord(file, record);

function print(name, cells) {
  console.log(`\n${name}: ms for an update, and picoseconds for each of its multiply-adds`);
  console.log(["width", ...options.batches.map((batch) => `batch ${batch}`)].map((cell) => cell.padStart(18)).join(""));
  for (const width of options.widths) {
    const row = cells.filter((cell) => cell.width === width);
    const texts = row.map(({ seconds, multiplyAdds }) => {
      return `${(1e3 * seconds).toPrecision(3)} (${((1e12 * seconds) / multiplyAdds).toFixed(1)})`;
    });
    console.log([width, ...texts].map((cell) => String(cell).padStart(18)).join(""));
  }
}

function readCostOptions() {
  const own = {
    ...{ write: flag, output: text },
    widths: { ...text, default: "64,128,256,512,1024" },
    batches: { ...text, default: "16,64,256,1024" },
    rounds: { ...text, default: "5" },
    seconds: { ...text, default: "0.05" },
  };
  return readOptions("cost.js", help, own, (values) => {
    const [widths, batches] = [values.widths, values.batches].map((list) => list.split(",").map(Number));
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
    const whole = [...widths, ...batches, rounds].every((value) => Number.isInteger(value) && value >= 1);
    if (!(whole && seconds > 0)) throw new Error("expected whole numbers of at least 1, and --seconds above 0");
    return { widths, batches, rounds, seconds, output: values.output ? path.resolve(values.output) : null };
  });
}
