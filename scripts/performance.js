// The tables of docs/performance.md and the speed of docs/results.md, from the records of `npm run bench -- --write`. Records such
// as speed.json are of the first measurements; later ones name their processor, as speed.amd-epyc.json.
import * as fs from "node:fs";
import * as path from "node:path";

/**
 * For each generated block, by its name: the file of its record, and the function that writes its text. Without a file, the
 * function takes the folder of all records.
 */
export const performanceBlocks = {
  roofline: ["speed.json", roofline],
  update: ["speed.json", (record) => rates(record, "update")],
  loop: ["speed.json", (record) => rates(record, "loop")],
  "numpy-speed": ["speed.json", numpy],
  threads: ["speed-2-threads.json", threads],
  solve: ["solve.json", solve],
  cheetah: ["speed-cheetah.json", cheetah],
  speed: [null, summary],
  processors: [null, processors],
  machine: ["speed.json", machine],
};

const numpySize = "numpy preset";

function machine({ date, machine: { cpu, cores }, rounds, seconds }) {
  return `${cpu}, ${cores} cores, ${date}. Medians of ${rounds} rounds of ${seconds} s each, each contender bound to one core.`;
}

function roofline({ roofline: { results } }) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  const rows = [["multiply-adds without memory, GFLOP/s", ...results.map(({ peak }) => peak.toFixed(0))]];
  const add = (list, label, cell) => {
    for (const { name } of results[0][list]) {
      rows.push([label(name), ...results.map((result) => cell(result[list].find((entry) => entry.name === name)))]);
    }
  };
  const share = ({ value, share }) => `${value.toFixed(0)} (${percent(share)})`;
  add("products", (name) => `product ${name}`, share);
  add("updates", (name) => `update ${shown(name)}`, share);
  add(
    "acting",
    (name) => `acting ${shown(name)}, µs`,
    ({ value }) => value.toFixed(2),
  );
  add(
    "besides",
    (name) => `rest of a step ${shown(name)}`,
    ({ value }) => `${(100 * value).toFixed(1)} %`,
  );
  return table(["", ...results.map(({ name }) => shortName(name))], rows);
}

/** The rates of every contender, then our rates divided by those of each other contender. */
function rates({ sections }, measured) {
  const { sizes, unit } = sections.find(({ measure }) => measure === measured);
  const compared = sizes.filter(({ name }) => name !== numpySize);
  const names = compared[0].results.map(({ name }) => name);
  const find = (size, name) => size.results.find((result) => result.name === name);
  const row = (label, cell) => [label, ...compared.map(cell)];
  const rows = names.map((name) => row(shortName(name), (size) => rate(find(size, name)?.median)));
  for (const ours of references(names)) {
    for (const peer of names.filter((name) => !name.startsWith("ddpg"))) {
      rows.push(row(`${shortName(ours)} ÷ ${peer}`, (size) => `**${ratio(find(size, ours), find(size, peer))}**`));
    }
  }
  return table([unit, ...compared.map(({ name }) => shown(name))], rows);
}

/** Our contenders that are compared with the others: the fastest kernels, the fastest WebAssembly, and the oldest Node. */
function references(names) {
  const ours = names.filter((name) => name.startsWith("ddpg"));
  const wide = ours.find((name) => name.endsWith("256 bit, fused")) ?? ours[0];
  return [...new Set([ours[0], wide, ours.at(-1)])];
}

function numpy({ sections }) {
  const [update, loop] = sections.map(({ sizes }) => sizes.find(({ name }) => name === numpySize).results);
  const rows = update.map((result, i) => {
    const peer = !result.name.startsWith("ddpg");
    const times = (results) => (peer ? `**${ratio(results[0], results[i])}**` : "");
    return [shortName(result.name), rate(result.median), times(update), rate(loop[i].median), times(loop)];
  });
  const head = ["", "updates/s", `${shortName(update[0].name)} is`, "steps/s", `${shortName(loop[0].name)} is`];
  return table(head, rows);
}

function threads({ threading }) {
  const head = ["updates/s, one thread → two", ...threading.map(({ name }) => shortName(name))];
  const rows = threading[0].sizes.map(({ name }) => [
    shown(name),
    ...threading.map(({ sizes }) => {
      const { one, several, threads, ratio } = sizes.find((size) => size.name === name);
      return threads === 1 ? `${rate(one)}, one is used` : `${rate(one)} → ${rate(several)} = **${ratio.toFixed(2)}**`;
    }),
  ]);
  return table(head, rows);
}

function solve({ medians }) {
  const ours = medians.filter(({ name }) => name.startsWith("ddpg"));
  const head = ["", "seconds, median", "solved", ...ours.map(({ name }) => `÷ ${shortName(name)}`)];
  const rows = medians.map(({ name, seconds, solved, runs }) => [
    shortName(name),
    seconds.toFixed(2),
    `${solved} of ${runs}`,
    ...ours.map((one) => (name.startsWith("ddpg") ? "" : `**${(seconds / one.seconds).toFixed(1)}**`)),
  ]);
  return table(head, rows);
}

function cheetah({ measured }) {
  const [{ results: first }] = measured;
  const head = ["steps/s", ...measured.map(({ threads }) => (threads === 1 ? "one thread" : `${threads} threads`))];
  const find = ({ results }, name) => results.find((result) => result.name === name);
  const rows = first.map(({ name }) => [shortName(name), ...measured.map((each) => rate(find(each, name)?.median))]);
  for (const { name: peer } of first.filter(({ name }) => !name.startsWith("ddpg"))) {
    for (const { name } of first.filter(({ name }) => name.startsWith("ddpg"))) {
      const times = measured.map((each) => `**${ratio(find(each, name), find(each, peer))}**`);
      rows.push([`${shortName(name)} ÷ ${peer}`, ...times]);
    }
  }
  return table(head, rows);
}

/** One sentence about every processor that was measured, the one with the lowest rates first; or the first table. */
function summary(folder) {
  const records = processorRecords(folder, "speed");
  if (records.length === 0) return firstSummary(JSON.parse(fs.readFileSync(path.join(folder, "speed.json"), "utf8")));
  const measured = records.map(({ record }) => {
    const jax = ratiosTo(record, "JAX jit", isNativeFused);
    const native = ratiosTo(record, "PyTorch, tuned", isNativeFused);
    const wasm = ratiosTo(record, "PyTorch, tuned", (name) => name.endsWith("128 bit"));
    const text = `on ${shownCpu(record)} ${range(jax)} times those of JAX and ${range(native)} times those of tuned PyTorch with native kernels, ${range(wasm)} times those of tuned PyTorch with portable 128-bit WebAssembly`;
    return { text, least: Math.min(...jax, ...native) };
  });
  measured.sort((a, b) => a.least - b.least);
  return `Updates per second on one core, over four sizes of networks and batches: ${measured.map(({ text }) => text).join("; ")}.`;
}

/** "0.62 to 1.10". */
function range(values) {
  if (values.length === 0) return "–";
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2));
  return least === most ? least : `${least} to ${most}`;
}

/** The ratio of our contender's rate of updates to a peer's, at each size where both were measured. */
function ratiosTo(record, peer, isOurs, measured = "update") {
  const { sizes } = record.sections.find(({ measure }) => measure === measured);
  return sizes.flatMap(({ name, results }) => {
    const ours = results.find((result) => result.name.startsWith("ddpg") && isOurs(result.name));
    const other = results.find((result) => result.name === peer);
    return name === numpySize || !ours || !other ? [] : [ratioOf(ours, other)];
  });
}

const isNativeFused = (name) => name.endsWith("native, fused");

/** The records of a kind, one for each processor: { processor, record }. */
function processorRecords(folder, kind) {
  return fs
    .readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const [start, processor, ...end] = name.split(".");
      if (start !== kind || end.join() !== "json") return [];
      return [{ processor, record: JSON.parse(fs.readFileSync(path.join(folder, name), "utf8")) }];
    });
}

/** "Intel(R) Xeon(R) Processor @ 2.60GHz" as "Intel Xeon". */
function shownCpu({ machine: { cpu } }) {
  return cpu
    .replace(/\((R|TM)\)/gi, "")
    .replace(/ (Processor|CPU)\b.*$| @.*$/, "")
    .replace(/ {2,}/g, " ")
    .trim();
}

/** Everything about each processor. */
function processors(folder) {
  const records = processorRecords(folder, "speed");
  if (records.length === 0) return "There is no record yet.";
  return records.map(({ processor, record }) => onProcessor(folder, processor, record)).join("\n\n");
}

function onProcessor(folder, processor, record) {
  const other = (kind) => processorRecords(folder, kind).find((each) => each.processor === processor)?.record;
  const more = { threads: other("speed-2-threads"), solve: other("solve"), cheetah: other("speed-cheetah") };
  const { roofline: measured } = record;
  const native = record.ours.find(({ simd }) => simd === "native")?.backend;
  const { model, instructions = [] } = record.machine;
  const [{ results }] = record.sections[0].sizes;
  const peers = results
    .filter(({ name }) => !name.startsWith("ddpg"))
    .map(({ name, version }) => `${name}: ${version}`);
  const parts = [
    `### ${shownCpu(record)}`,
    `${machine(record)} Commit ${record.commit}.${model ? ` The processor: ${record.machine.cpu}, ${model}, ${instructions.join(", ")}.` : ""}${native ? ` The native kernels: ${native}.` : ""}${peers.length > 0 ? ` The others: ${peers.join("; ")}.` : ""}`,
    targets(record, more),
    "Products, GFLOP/s, and their share of the loop without memory:",
    shares(measured.results, "products", true),
    "Updates, GFLOP/s of their products, and the share:",
    shares(measured.results, "updates", false),
    "Acting, µs: the agent, its policy, and the policy as an exported module:",
    acting(measured.results),
    "Where the time of an update goes:",
    profile(measured.results[0]),
    "A minibatch from the replay buffer and one update:",
    rates(record, "update"),
  ];
  const has = (name) => record.sections.some(({ measure }) => measure === name);
  if (has("loop")) parts.push("The whole loop on Pendulum-v1:", rates(record, "loop"));
  if (has("loop") && record.sections[0].sizes.some(({ name }) => name === numpySize))
    parts.push("The NumPy program's update:", numpy(record));
  if (more.threads) parts.push("Two threads:", threadsByContender(more.threads));
  if (more.solve) parts.push("From a cold start to a solved pendulum:", solveByContender(more.solve));
  if (more.cheetah) parts.push("The whole loop on HalfCheetah-v5:", cheetahByContender(more.cheetah));
  const cost = other("cost");
  if (cost) parts.push(...costs(cost, processor));
  return parts.join("\n\n");
}

/** The targets for such a processor, and what was measured: the lowest value of each. Intel has more of them. */
function targets(record, { threads, solve, cheetah }) {
  const intel = /intel/i.test(record.machine.cpu);
  const find = (list, name) => list?.find((entry) => entry.name === name)?.value;
  const shareOf = (isOurs, list, name) => {
    const result = record.roofline.results.find((each) => isOurs(each.name));
    return result?.[list].find((entry) => entry.name === name)?.share ?? null;
  };
  const productOf = (end) => {
    return find(record.roofline.results.find(({ name }) => name.endsWith(end))?.products, "256 × 256 × 256");
  };
  const least = (values) => (values.length > 0 ? Math.min(...values) : null);
  const isWide = (name) => name.endsWith("256 bit, fused");
  const { results = [] } = record.sections[0].sizes.find(({ name }) => name === "256-256/B256") ?? {};
  const engine = results.find(({ name }) => isWide(name))?.name;
  const isInEngine = (name) => name === engine;
  const fused = ["native", "256 bit", "128 bit"].flatMap((end) => {
    const ratios = ["64-64/B64", "400-300/B64", "256-256/B256", "400-300/B256"].flatMap((size) => {
      const list = record.sections[0].sizes.find(({ name }) => name === size)?.results ?? [];
      const one = list.find(({ name }) => name.endsWith(`${end}, fused`));
      const two = list.find(({ name }) => name.endsWith(end));
      return one && two ? [ratioOf(one, two)] : [];
    });
    return ratios;
  });
  const cheetahs = cheetah?.measured.flatMap(({ results }) => {
    const ours = results.find(({ name }) => isNativeFused(name));
    const peer = results.find(({ name }) => name === "PyTorch, tuned");
    return ours && peer ? [ratioOf(ours, peer)] : [];
  });
  const twice = threads?.threading[0].sizes.filter(({ name }) => name.endsWith("B256")).map(({ ratio }) => ratio);
  const [ours, tuned] = [(name) => isNativeFused(name), (name) => name === "PyTorch, tuned"].map(
    (is) => solve?.medians.find(({ name }) => is(name))?.seconds,
  );
  const times = (value) => `${value.toFixed(2)} ×`;
  const percent = (value) => `${Math.round(100 * value)} %`;
  const product = [productOf("128 bit, fused"), productOf("128 bit")];
  const rows = [
    ["native, fused ÷ JAX, updates", least(ratiosTo(record, "JAX jit", isNativeFused)), intel ? 1.4 : 1, times],
    [
      "native, fused ÷ tuned PyTorch, updates",
      least(ratiosTo(record, "PyTorch, tuned", isNativeFused)),
      intel ? 1.6 : null,
      times,
    ],
    ["native, fused: product 256³", shareOf(isNativeFused, "products", "256 × 256 × 256"), 0.75, percent],
    ["native, fused: update 256-256, batch 256", shareOf(isNativeFused, "updates", "256-256/B256"), 0.6, percent],
    [
      "256 bit, fused ÷ tuned PyTorch, updates",
      least(ratiosTo(record, "PyTorch, tuned", isWide)),
      intel ? 0.95 : null,
      times,
    ],
    ["fused ÷ portable, 128 bit, product 256³", product[0] / product[1] || null, intel ? 1.7 : 1, times],
    ["fused ÷ portable, each kind of kernels, updates", least(fused), 1, times],
    ["256 bit, fused ÷ TensorFlow.js", least(ratiosTo(record, "TensorFlow.js wasm", isInEngine)), 15, times],
    ["256 bit, fused ÷ tuned TensorFlow.js", least(ratiosTo(record, "TensorFlow.js, tuned", isInEngine)), 3, times],
    ["HalfCheetah-v5, native, fused ÷ tuned PyTorch", least(cheetahs ?? []), 2, times],
    ["two threads ÷ one, native, fused, batch 256", least(twice ?? []), 1.6, times],
    ["a solved pendulum: tuned PyTorch ÷ native, fused", tuned / ours || null, 5, times],
  ].map(([label, value, target, show]) => {
    const met = value === null || target === null ? "–" : value >= target ? "yes" : "**no**";
    return [
      label,
      target === null ? "none here" : `at least ${show(target)}`,
      value === null ? "not measured" : show(value),
      met,
    ];
  });
  return table(["the lowest of all sizes", "target", "measured", "reached"], rows);
}

/** Products or updates: one row for each contender. */
function shares(results, list, withPeak) {
  const shown = ({ value, share }) => `${value.toFixed(0)}${share === null ? "" : ` (${Math.round(100 * share)} %)`}`;
  const head = ["", ...(withPeak ? ["without memory"] : []), ...results[0][list].map(({ name }) => sizeOr(name))];
  const rows = results.map((result) => {
    const peak = withPeak ? [result.peak?.toFixed(0) ?? "–"] : [];
    return [shortName(result.name), ...peak, ...result[list].map(shown)];
  });
  return table(head, rows);
}

function sizeOr(name) {
  return name.includes("/B") ? shown(name) : name;
}

function acting(results) {
  const kinds = { acting: "agent", policies: "policy", exported: "module" };
  const sizes = results[0].acting.map(({ name }) => name);
  const head = ["", ...sizes.map(shown)];
  const rows = results.map((result) => {
    const of = (size) =>
      Object.keys(kinds).map((kind) => result[kind].find(({ name }) => name === size).value.toFixed(2));
    return [shortName(result.name), ...sizes.map((size) => of(size).join(" / "))];
  });
  return table(head, rows);
}

/** The share of each kernel in the updates of one contender. */
function profile({ name, profile: sizes }) {
  const kernels = [...new Set(sizes.flatMap(({ parts }) => parts.map(({ kernel }) => kernel)))];
  const rows = kernels.map((kernel) => {
    const share = ({ parts }) => parts.find((part) => part.kernel === kernel)?.share ?? 0;
    return [kernel, ...sizes.map((size) => `${(100 * share(size)).toFixed(1)} %`)];
  });
  return table([shortName(name), ...sizes.map(({ name }) => shown(name))], rows);
}

function threadsByContender({ threading }) {
  const head = ["updates/s, one thread → two", ...threading[0].sizes.map(({ name }) => shown(name))];
  const rows = threading.map(({ name, sizes }) => [
    shortName(name),
    ...sizes.map(({ one, several, threads, ratio }) =>
      threads === 1 ? `${rate(one)}, one is used` : `${rate(one)} → ${rate(several)} = **${ratio.toFixed(2)}**`,
    ),
  ]);
  return table(head, rows);
}

function solveByContender({ medians }) {
  const peers = medians.filter(({ name }) => !name.startsWith("ddpg"));
  const rows = medians.map(({ name, seconds, solved, runs }) => [
    shortName(name),
    seconds?.toFixed(2) ?? "–",
    `${solved} of ${runs}`,
    ...peers.map((peer) => (name.startsWith("ddpg") ? `**${(peer.seconds / seconds).toFixed(1)}**` : "")),
  ]);
  return table(["", "seconds, median", "solved", ...peers.map(({ name }) => `${name} ÷ it`)], rows);
}

function cheetahByContender({ measured }) {
  const [{ results: first }] = measured;
  const peers = first.filter(({ name }) => !name.startsWith("ddpg")).map(({ name }) => name);
  const find = ({ results }, name) => results.find((result) => result.name === name);
  const named = (threads) => (threads === 1 ? "one thread" : `${threads} threads`);
  const head = measured.flatMap(({ threads }) => [named(threads), ...peers.map((peer) => `÷ ${peer}`)]);
  const rows = first.map(({ name }) => [
    shortName(name),
    ...measured.flatMap((each) => {
      const result = find(each, name);
      return [
        rate(result?.median),
        ...peers.map((peer) => (name.startsWith("ddpg") ? `**${ratio(result, find(each, peer))}**` : "")),
      ];
    }),
  ]);
  return table(["steps/s", ...head], rows);
}

/** How the time of an update grows: a picture, and a table for each contender. */
function costs({ results }, processor) {
  const tables = results.map(({ name, cells }) => {
    const each = cells.map((cell) => cell.seconds / cell.multiplyAdds);
    const best = Math.min(...each);
    const [widths, batches] = ["width", "batchSize"].map((key) => [...new Set(cells.map((cell) => cell[key]))]);
    const rows = widths.map((width) => [
      width,
      ...batches.map((batch) => {
        const index = cells.findIndex((cell) => cell.width === width && cell.batchSize === batch);
        return `${Number((1e3 * cells[index].seconds).toPrecision(3))} (${(each[index] / best).toFixed(2)})`;
      }),
    ]);
    return table([`${shortName(name)}: width`, ...batches.map((batch) => `batch ${batch}`)], rows);
  });
  return [
    "How the time of an update grows with the width of both hidden layers and with the batch: ms, and in parentheses the time of one multiply-add relative to the lowest in the table:",
    ...tables,
    `![The time of one multiply-add over width and batch](figures/cost.${processor}.svg)`,
  ];
}

function firstSummary({ sections: [{ sizes }], machine: { cpu } }) {
  const names = sizes[0].results.map(({ name }) => name);
  const [wide, narrow] = references(names);
  const compared = sizes.filter(({ name }) => name !== numpySize);
  const row = (label, ours, peer) => [
    label,
    ...compared.map(({ results }) => {
      const find = (wanted) => results.find(({ name }) => name === wanted);
      return ratio(find(ours), find(peer));
    }),
  ];
  const head = ["update rate of ddpg ÷ update rate of", ...compared.map(({ name }) => shown(name))];
  const rows = [
    row("PyTorch, ddpg with 256-bit vectors (Node 24 and newer)", wide, "PyTorch"),
    row("PyTorch, ddpg with 128-bit vectors (every engine)", narrow, "PyTorch"),
    row("JAX (512-bit vectors), ddpg with 256-bit vectors", wide, "JAX jit"),
  ];
  return `Speed on one core of an ${cpu.replace(/ Processor$/, "")}, WebAssembly with portable arithmetic; above 1, ddpg is faster:\n\n${table(head, rows)}`;
}

function ratio(ours, peer) {
  return ours && peer ? ratioOf(ours, peer).toFixed(2) : "–";
}

function ratioOf(ours, peer) {
  return median(peer.rounds.map((value, round) => ours.rounds[round] / value));
}

function rate(value) {
  if (value === undefined) return "–";
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
}

/** "ddpg, Node 26.10.0, 256 bit" as "Node 26, 256 bit". */
function shortName(name) {
  return name.replace(/^ddpg, (Node \d+)[\d.]*/, "$1");
}

/** "64-64/B64" as "64-64, batch 64". */
function shown(size) {
  return size.replace("/B", ", batch ");
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2;
}
