// Draws the figures of the documents, docs/figures/*.svg, and writes the parts of documents that are generated: numbers and
// tables from the committed records in docs/results, and the links of docs/algorithm.md into the source. Each folder of
// benchmark records gets its table and curves.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "./build.js";
import { writeDiagrams } from "./diagrams.js";
import { american, benchmarkFolders, generatedIn, upToDate } from "./documents.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const { compose, drawCurves, drawDistribution, drawLines, paper } = await import("../dist/cli/report/figures.js");
const { curves, page } = await import("../dist/cli/benchmark/page.js");
const { readRecords } = await import("../dist/cli/benchmark/records.js");

const theme = paper;
const width = 780;

/** Fifty seeds of `small` on the pendulum: every curve, and the steps and seconds that each seed took. */
function pendulumSmall({ environment, variants }) {
  const [{ name: preset, runs }] = variants;
  const target = { value: -160, name: "target −160", side: "below" };
  const optimum = { value: -138, name: "optimum −138 (dynamic programming)" };
  const evaluations = drawCurves([{ name: preset, runs: runs.map(({ evaluations }) => evaluations) }], {
    theme,
    width,
    height: 380,
    xLabel: "environment steps",
    yLabel: "mean return of an evaluation",
    references: [optimum, target],
    showRuns: true,
  });
  const strip = (name, xLabel, references = []) =>
    drawDistribution([{ name, values: runs.map((run) => run[name]).filter((value) => value !== null) }], {
      theme,
      width: width / 3,
      height: 190,
      xLabel,
      references,
    });
  const strips = [
    strip("solvedStep", "environment steps until solved"),
    strip("solvedSeconds", "seconds of training until solved"),
    strip("finalMeanReturn", "final mean return", [
      { value: -160, name: "target" },
      { value: -138, name: "optimum" },
    ]),
  ];
  const solved = runs.filter(({ solvedStep }) => solvedStep !== null).length;
  return compose([[evaluations], strips], {
    theme,
    padding: 12,
    gap: 10,
    title: `${environment}, preset ${preset}: mean return over steps of ${runs.length} seeds, and the steps and seconds until solved`,
    captions: [
      [`${environment}, preset ${preset}, ${runs.length} seeds`],
      [
        `Solved by ${solved} of ${runs.length} seeds:`,
        "a mean return of −160 or more. One dot per seed; interquartile mean, 95 % interval",
      ],
    ],
  });
}

/** Reward per episode, as in the document that the preset `numpy` comes from. */
function pendulumNumpy({ variants }) {
  const [{ runs }] = variants;
  const groups = runs.map(({ seed, episodes }) => ({
    name: `seed ${seed}`,
    runs: [episodes.map((value, index) => [index + 1, value])],
  }));
  const episodes = drawCurves(groups, {
    theme,
    width,
    xLabel: "training episode (1,000 steps each)",
    yLabel: "return of the episode, with exploration noise",
  });
  const title = "Pendulum-v0, preset numpy: reward per episode";
  return compose([[episodes]], { theme, padding: 12, title, captions: [[title]] });
}

/** The paper's settings as they are, with and without batch normalization. */
function pendulumPaper({ variants }) {
  const groups = variants.map(({ name, runs }) => ({
    name: american(name),
    runs: runs.map(({ evaluations }) => evaluations),
  }));
  const evaluations = drawCurves(groups, {
    theme,
    width,
    xLabel: "environment steps",
    yLabel: "mean return of an evaluation",
    showRuns: true,
  });
  const seeds = Math.max(...variants.map(({ runs }) => runs.length));
  const title = `Pendulum-v1, preset paper: interquartile mean of ${seeds} seeds, 95 % interval`;
  return compose([[evaluations]], { theme, padding: 12, title, captions: [[title]] });
}

/** The time of one multiply-add in an update, over the width of the networks: a panel for each contender. */
function cost({ results, machine: { cpu } }) {
  const panels = results.map(({ cells }) => {
    const lines = [...new Set(cells.map(({ batchSize }) => batchSize))].map((batch) => ({
      name: `batch ${batch}`,
      points: cells
        .filter(({ batchSize }) => batchSize === batch)
        .map(({ width, seconds, multiplyAdds }) => [width, (1e12 * seconds) / multiplyAdds]),
    }));
    const labels = { xLabel: "neurons in each hidden layer", yLabel: "picoseconds for each multiply-add" };
    return [drawLines(lines, { theme, width, height: 240, logarithmic: true, ...labels })];
  });
  return compose(panels, {
    theme,
    padding: 12,
    gap: 10,
    title: `${cpu}: the time of an update, divided by its multiply-adds`,
    captions: results.map(({ name }) => [name, "a flat line grows as the arithmetic does"]),
  });
}

/** The line that the car drove in a lap of each track, in shades of its speed, between the edges of the track. */
function torcs({ tracks }) {
  const [slow, fast] = [50, 110];
  const shade = (speed) => {
    const part = Math.min(1, Math.max(0, (speed - slow) / (fast - slow)));
    // From the orange to the blue of the theme.
    const mix = [0xd5, 0x5e, 0].map((from, i) => Math.round(from + part * ([0, 0x72, 0xb2][i] - from)));
    return `rgb(${mix.join(",")})`;
  };
  const panels = tracks.map(({ width: trackWidth, center, line }) => {
    const [xs, ys] = [0, 1].map((axis) => center.map((point) => point[axis]));
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const margin = 2 * trackWidth;
    const scale = (width - 24) / (right - left + 2 * margin);
    const height = scale * (high - low + 2 * margin);
    const place = ([x, y]) => [(scale * (x - left + margin)).toFixed(1), (scale * (high - y + margin)).toFixed(1)];
    const road = (stroke, wide) =>
      `<polygon points="${center.map((point) => place(point).join(",")).join(" ")}" fill="none" stroke="${stroke}" stroke-width="${wide.toFixed(1)}" stroke-linejoin="round"/>`;
    const pieces = line.slice(1).map((point, i) => {
      const [[x1, y1], [x2, y2]] = [place(line[i]), place(point)];
      return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${shade(point[2])}"/>`;
    });
    const driven = `<g stroke-width="1.6" stroke-linecap="round">${pieces.join("")}</g>`;
    const size = `width="${(width - 24).toFixed(0)}" height="${height.toFixed(0)}"`;
    return [
      `<svg ${size}>${road("#8c959f", scale * trackWidth + 2)}${road("#eaeef2", scale * trackWidth)}${driven}</svg>`,
    ];
  });
  return compose(panels, {
    theme,
    padding: 12,
    gap: 10,
    title: `TORCS: the driven line on ${tracks.map(({ name }) => name).join(", ")}`,
    captions: tracks.map(({ name, isSeen, lapSeconds, distance }) => {
      const outcome = lapSeconds
        ? `a lap of ${lapSeconds.toFixed(1)} s`
        : `the car stops after ${Math.round(distance)} m`;
      return [
        name,
        `${isSeen ? "trained on it" : "never seen in training"}; ${outcome}; orange: ${slow} km/h, blue: ${fast} km/h`,
      ];
    }),
  });
}

/** Each figure by the name of its record in docs/results. */
const figures = {
  "pendulum-small": pendulumSmall,
  "pendulum-v0-numpy": pendulumNumpy,
  "pendulum-paper": pendulumPaper,
  torcs,
};

/** Draws every figure whose record is in the folder; returns the files written. */
function drawFigures(records, target) {
  fs.mkdirSync(target, { recursive: true });
  const costs = fs.readdirSync(records).filter((name) => /^cost\.[^.]+\.json$/.test(name));
  const all = { ...figures, ...Object.fromEntries(costs.map((name) => [name.slice(0, -".json".length), cost])) };
  return Object.entries(all).flatMap(([name, draw]) => {
    const record = path.join(records, `${name}.json`);
    if (!fs.existsSync(record)) {
      console.error(`${path.relative(root, record)} is missing: its figure is not drawn.`);
      return [];
    }
    const file = path.join(target, `${name}.svg`);
    fs.writeFileSync(file, `${draw(JSON.parse(fs.readFileSync(record, "utf8")))}\n`);
    return [file];
  });
}

/** Writes into each folder of benchmark records the table and curves that `ddpg benchmark` writes; returns the files. */
function drawBenchmarks(records) {
  return benchmarkFolders(records).flatMap((folder) => {
    const found = readRecords(folder);
    return Object.entries({ "benchmark.md": page(found), "curves.svg": `${curves(found)}\n` }).map(([name, text]) => {
      fs.writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const target = path.join(root, "docs/figures");
  const records = path.join(root, "docs/results");
  const written = [...drawFigures(records, target), ...writeDiagrams(target), ...drawBenchmarks(records)];
  for (const file of written) console.log(path.relative(process.cwd(), file));
  for (const name of generatedIn) {
    const file = path.join(root, name);
    fs.writeFileSync(file, upToDate(fs.readFileSync(file, "utf8"), root));
  }
}
