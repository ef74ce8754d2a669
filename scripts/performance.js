// The tables of docs/performance.md and the speed table of the README, from the records of `npm run bench -- --write`.

/** For each generated block, by its name: the file of its record, and the function that writes its text. */
export const performanceBlocks = {
  roofline: ["speed.json", roofline],
  update: ["speed.json", (record) => rates(record, "update")],
  loop: ["speed.json", (record) => rates(record, "loop")],
  "numpy-speed": ["speed.json", numpy],
  threads: ["speed-2-threads.json", threads],
  solve: ["solve.json", solve],
  cheetah: ["speed-cheetah.json", cheetah],
  speed: ["speed.json", summary],
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

/** Our two contenders that are compared with the others: the widest vectors, and the oldest Node. */
function references(names) {
  const ours = names.filter((name) => name.startsWith("ddpg"));
  return [...new Set([ours[0], ours.at(-1)])];
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

function summary({ sections: [{ sizes }], machine: { cpu } }) {
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
  return `Speed on one core of an ${cpu.replace(/ Processor$/, "")}; above 1, ddpg is faster:\n\n${table(head, rows)}`;
}

function ratio(ours, peer) {
  if (!ours || !peer) return "–";
  return median(peer.rounds.map((value, round) => ours.rounds[round] / value)).toFixed(2);
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
