import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import { type PresetName, type Settings, settingsFrom } from "../../ddpg/config.ts";
import type { Arithmetic } from "../../kernels/kernels.ts";
import { RunDirectory } from "../../node/run-directory.ts";
import { stdout } from "../terminal/output.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { addReportCommand, report } from "./report.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-report-"));
after(() => fs.rmSync(folder, { recursive: true }));

interface Fake {
  environment?: string;
  preset?: PresetName;
  seed?: number;
  changes?: Partial<Settings>;
  arithmetic?: Arithmetic;
  final?: number;
  episodes?: number;
  ended?: boolean;
}

/** A run's directory with evaluations at 500, 1,000, … 3,000 steps. */
function fakeRun(name: string, fake: Fake = {}): string {
  const { environment = "Pendulum-v1", preset = "small", seed = 1, changes = {}, final = -150, episodes = 15 } = fake;
  const directory = path.join(folder, name);
  const steps = 3000;
  const run = RunDirectory.create(directory, {
    environment,
    preset,
    seed,
    steps,
    settings: settingsFrom(preset, changes),
    ...(fake.arithmetic && { arithmetic: fake.arithmetic }),
    evaluation: { every: 500, episodes: 20, finalEpisodes: 1000 },
    versions: { ddpg: "0.1.0", node: "20.19.0", platform: "linux x64" },
    commit: "c0ffee",
  });
  for (let i = 1; i <= episodes; i++) {
    const step = i * 200;
    run.append({ type: "episode", step, episode: i, return: -1000 + i, length: 200, terminated: false, seconds: i });
  }
  for (let step = 500; step <= steps; step += 500) {
    const valueBias = step === 500 ? Number.NaN : step / 100;
    const evaluation = { meanReturn: final - 3000 + step, standardError: 18.04, meanLength: 200, valueBias };
    run.append({ type: "evaluation", step, episodes: 20, ...evaluation, seconds: 1 });
    const norms = { criticGradientNorm: step, actorGradientNorm: 1 / step };
    run.append({
      type: "diagnostics",
      step,
      criticLoss: 9,
      meanValue: -9,
      actorLoss: 9,
      ...norms,
      saturation: [0.25, 1],
    });
  }
  if (fake.ended ?? true) {
    run.writeResult({
      environment,
      preset,
      seed,
      steps,
      trainingSeconds: 1.25,
      stepsPerSecond: 2400,
      threads: 1,
      evaluation: { meanReturn: final, standardError: 2.34, episodes: 1000 },
      fingerprint: `00000000deadbee${seed}`,
    });
  }
  run.close();
  return directory;
}

function read(file: string): string {
  return fs.readFileSync(file, "utf8");
}

/** Fails unless the text is one well-formed XML element: tags closed in order, no attribute twice, no bare & or <. */
function assertWellFormed(text: string): void {
  const open: string[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const match =
      /^(?:<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="(?:[^<&"]|&(?:\w+|#\d+);)*")*)\s*(\/?)>|([^<&]|&(?:\w+|#\d+);)+)/.exec(
        rest,
      );
    assert.ok(match, `not well-formed: ${rest.slice(0, 80)}`);
    const [whole, close, name, attributes = "", empty, content] = match;
    if (content !== undefined) assert.ok(open.length > 0, `text outside: ${content}`);
    else if (close) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
    const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, attribute]) => attribute);
    assert.equal(new Set(names).size, names.length, `an attribute twice: ${whole}`);
    rest = rest.slice(whole.length);
    if (open.length === 0) assert.equal(rest, "");
  }
}

/** Like assert.match, without the whole page in the message. */
function has(page: string, pattern: RegExp): void {
  assert.ok(pattern.test(page), `nothing in the page matches ${pattern}`);
}

/** Every SVG in a page that is not inside another. */
function drawingsOf(page: string): string[] {
  return page
    .split('<div class="drawing')
    .slice(1)
    .map((part) => part.slice(part.indexOf("<svg"), part.indexOf("</div>")));
}

function assertSelfContained(whole: string): void {
  // The icon is inline: without one, a browser asks the server for /favicon.ico.
  const page = whole.replace(/<link rel="icon" href="data:[^"]*">/, "");
  assert.ok(page.length < whole.length, "an inline icon");
  assert.doesNotMatch(page, /<script|<link|<img|@import|\bsrc=|\bhref=|undefined|\bNaN\b|Infinity/);
  assert.deepEqual(
    [...new Set(page.match(/https?:[^"\s]*/g))].filter((address) => !address.startsWith("http://www.w3.org/")),
    [],
  );
}

test("one run: a page in its directory with its curves, diagnostics, settings, versions, fingerprint and result", async () => {
  const directory = fakeRun("one", { changes: { discount: 0.97 }, final: -151.26 });
  assert.deepEqual(await report([directory]), [path.join(directory, "report.html")]);
  const page = read(path.join(directory, "report.html"));
  assertSelfContained(page);
  for (const text of [
    "<title>Pendulum-v1, seed 1</title>",
    "−151.3 ± 2.3",
    "00000000deadbee1",
    "2,400 steps/s",
    "<mark>0.97</mark>",
    "20.19.0",
    "c0ffee",
    "prefers-color-scheme: dark",
    "Critic loss",
    "Mean value",
    "Gradient norms",
    "Saturated actions",
    "dimension 1",
    "Value bias",
    "−2,651.3 ± 18.0",
    "not finite",
  ])
    assert.ok(page.includes(text), text);
  assert.equal(page.match(/<mark>/g)?.length, 1);
  const drawings = drawingsOf(page);
  assert.equal(drawings.length, 7);
  for (const svg of drawings) {
    assertWellFormed(svg);
    assert.match(svg, /var\(--series-1\)/);
  }
});

test("the picture is one well-formed SVG with its own background, generic fonts and no colors of a page", async () => {
  const directory = fakeRun("picture");
  const [output, svg] = [path.join(folder, "a.html"), path.join(folder, "a.svg")];
  assert.deepEqual(await report([directory], { output, svg }), [output, svg]);
  const picture = read(svg);
  assertWellFormed(picture);
  assert.match(
    picture,
    /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]* role="img"[^>]*><title>[^<]+<\/title><rect [^>]*fill="#ffffff"/,
  );
  assert.doesNotMatch(picture, /var\(|<style|<script/);
  for (const [, fonts] of picture.matchAll(/font-family[=:]\s*"?([^";]+)/g))
    assert.equal(fonts, "system-ui, sans-serif");
  assert.ok(!fs.existsSync(path.join(directory, "report.html")));
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.startsWith(".")),
    [],
  );
  await report([directory], { output, svg });
  assert.equal(read(svg), picture, "the same runs give the same picture");
});

test("several runs: groups of runs that differ only by seed, their interquartile mean, and what differs", async () => {
  const five = [1, 2, 3, 4, 5].map((seed) =>
    fakeRun(`five-${seed}`, { seed, final: -100 - [1, 2, 3, 4, 500][seed - 1] }),
  );
  const two = [1, 2].map((seed) => fakeRun(`two-${seed}`, { seed, final: -300 - seed, changes: { batchSize: 32 } }));
  const open = fakeRun("open", { seed: 2, ended: false, changes: { batchSize: 32 } });
  const output = path.join(folder, "several.html");
  // A directory given twice counts as one run.
  await report([...five, ...two, open, `${five[0]}${path.sep}`], { output, svg: path.join(folder, "several.svg") });
  const page = read(output);
  assertSelfContained(page);
  has(page, /<h1>Pendulum-v1: 8 runs, 2 groups<\/h1>/);
  // (0.75 · 2 + 3 + 0.75 · 4) / 2.5 = 3 below −100.
  assert.match(
    page,
    /<th scope="row">batchSize 64<\/th><td class="number">5<\/td><td[^>]*>−103.0<\/td><td>interquartile mean over 5 seeds<\/td><td>−[\d.]+ to −10[\d.]+<\/td>/,
  );
  has(
    page,
    /<th scope="row">batchSize 32<\/th><td class="number">3<\/td><td[^>]*>−301.5<\/td><td>interquartile mean over 2 seeds<\/td>/,
  );
  has(page, /<th scope="row">batchSize<\/th><td class="number">32<\/td><td class="number">64<\/td>/);
  has(page, /batchSize 32: 1 run of 3 not finished/);
  has(page, /batchSize 32: seed 2 more than once/);
  has(page, /unfinished/);
  assert.equal(drawingsOf(page).length, 6);
  for (const name of ["Critic loss", "Mean value", "Saturated actions", "Value bias"])
    has(page, new RegExp(`<h3>${name}`));
  has(
    page,
    /<figcaption>0 is right\. Above 0 the critic expects more than the policy then gets; below 0, less\.<\/figcaption>/,
  );
  // One line per group.
  assert.equal(drawingsOf(page)[2].match(/batchSize 32/g)?.length, 1);
  drawingsOf(page).forEach(assertWellFormed);
  assertWellFormed(read(path.join(folder, "several.svg")));
});

test("runs of another arithmetic are another group; a run that names none is portable", async () => {
  const runs = ([undefined, "portable", "fused"] as const).map((arithmetic, i) =>
    fakeRun(`arithmetic-${i}`, { seed: i, ...(arithmetic && { arithmetic }) }),
  );
  const file = path.join(folder, "arithmetic.json");
  const groupsOf = async (those: readonly string[]) => {
    await report(those, { json: file });
    return JSON.parse(read(file)).groups.map(({ name, seeds }: { name: string; seeds: number[] }) => [name, seeds]);
  };
  assert.deepEqual(await groupsOf(runs), [
    ["fused arithmetic", [2]],
    ["portable arithmetic", [0, 1]],
  ]);
  assert.deepEqual(await groupsOf(runs.slice(2)), [["small", [2]]]);
});

test("groups are named by what differs between them, and sorted by its values, runs by seed", async () => {
  const runs = [
    fakeRun("sorted-1", { changes: { noiseScale: 0.3 }, seed: 2 }),
    fakeRun("sorted-2", { changes: { noiseScale: 0.3 }, seed: 1 }),
    fakeRun("sorted-3", { changes: { noiseScale: 0.05 } }),
    fakeRun("sorted-4", { changes: { noiseScale: 0.1, actorHiddenSizes: [16, 16] } }),
    fakeRun("sorted-5", { changes: { noiseScale: 0.1, actorHiddenSizes: [16, 8] } }),
    fakeRun("sorted-6", { preset: "standard" }),
    fakeRun("sorted-7", { environment: "MountainCarContinuous-v0" }),
  ];
  const file = path.join(folder, "sorted.json");
  await report(runs, { json: file });
  const { groups } = JSON.parse(read(file));
  assert.deepEqual(
    groups.map(({ name, seeds }: { name: string; seeds: number[] }) => [name, seeds]),
    [
      ["small, actorHiddenSizes 16, 8, noiseScale 0.1", [1]],
      ["small, actorHiddenSizes 16, 16, noiseScale 0.1", [1]],
      ["small, actorHiddenSizes 64, 64, noiseScale 0.05", [1]],
      ["small, actorHiddenSizes 64, 64, noiseScale 0.3", [1, 2]],
      // Its other settings are those of the preset, whose name says so.
      ["standard", [1]],
      ["small", [1]],
    ],
  );
});

test("a folder stands for the runs inside, however their folders are nested", async () => {
  fakeRun(path.join("folder", "seeds", "seed10"), { seed: 4 });
  fakeRun(path.join("folder", "seeds", "seed2"), { seed: 2 });
  fakeRun(path.join("folder", "alone"), { seed: 3 });
  fs.mkdirSync(path.join(folder, "folder", "empty"));
  const file = path.join(folder, "folder.json");
  const runsOf = async (...directories: string[]): Promise<string[]> => {
    await report(
      directories.map((name) => path.join(folder, name)),
      { json: file },
    );
    return JSON.parse(read(file)).runs.map(({ run }: { run: string }) => path.relative(folder, run));
  };
  const all = ["alone", path.join("seeds", "seed2"), path.join("seeds", "seed10")].map((name) =>
    path.join("folder", name),
  );
  assert.deepEqual(await runsOf("folder"), all);
  // A run that is named besides its folder counts once.
  assert.deepEqual(await runsOf("folder", path.join("folder", "alone")), all);
  await assert.rejects(
    runsOf(path.join("folder", "empty")),
    /empty.config\.json: expected a file of a run, got no such file/,
  );
});

test("several environments have one figure each", async () => {
  const runs = [fakeRun("e1"), fakeRun("e2", { environment: "MountainCarContinuous-v0", preset: "standard" })];
  const output = path.join(folder, "environments.html");
  await report(runs, { output });
  const page = read(output);
  has(page, /<h1>Pendulum-v1, MountainCarContinuous-v0: 2 runs, 2 groups<\/h1>/);
  assert.equal(drawingsOf(page)[0].match(/environment steps/g)?.length, 2);
});

test("text is escaped wherever it comes from", async () => {
  const environment = `<script>alert("1")</script>&amp;'\u0001`;
  const runs = [1, 2].map((seed) =>
    fakeRun(`evil <b>&${seed}`, { environment, seed, changes: { batchSize: 31 + seed } }),
  );
  const [output, svg] = [path.join(folder, "evil.html"), path.join(folder, "evil.svg")];
  for (const directories of [runs.slice(0, 1), runs]) {
    await report(directories, { output, svg });
    for (const raw of ["<script", "<b>", "\u0001"]) assert.ok(!read(output).includes(raw), raw);
    has(read(output), /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&amp;amp;/);
    [read(svg), ...drawingsOf(read(output))].forEach(assertWellFormed);
  }
});

test("a run in training, one with a single evaluation and one without any: what exists is shown", async () => {
  const directory = fakeRun("open-end", { ended: false });
  const metrics = path.join(directory, "metrics.jsonl");
  const lines = read(metrics).split("\n");
  const kinds = (...wanted: string[]) => lines.filter((line) => wanted.some((kind) => line.includes(`"${kind}"`)));
  const [output, svg] = [path.join(folder, "open-end.html"), path.join(folder, "open-end.svg")];
  for (const some of [lines, kinds("evaluation").slice(0, 1), kinds("episode")]) {
    fs.writeFileSync(metrics, `${some.join("\n").trim()}\n`);
    await report([directory], { output, svg });
    has(read(output), /<dd>unfinished<\/dd>/);
    assertSelfContained(read(output));
    await report([directory, fakeRun(`beside-${some.length}`, { seed: 2 })], { output, svg });
    assertSelfContained(read(output));
    assertWellFormed(read(svg));
  }
});

test("a long run's page stays small: 20,000 episodes under 250 kB", async () => {
  const directory = fakeRun("long", { episodes: 20_000 });
  const [output] = await report([directory]);
  assert.ok(fs.statSync(output).size < 250_000);
  has(read(output), /mean of 25 training episodes/);
});

test("a record of a hundred thousand dimensions does not make the page long", async () => {
  const directory = fakeRun("wide");
  const values = { criticLoss: 1, meanValue: 1, actorLoss: 1, criticGradientNorm: 1, actorGradientNorm: 1 };
  const record = { type: "diagnostics", step: 3000, ...values, saturation: Array(100_000).fill(0.5) };
  fs.appendFileSync(path.join(directory, "metrics.jsonl"), `${JSON.stringify(record)}\n`);
  const [output] = await report([directory]);
  assert.ok(fs.statSync(output).size < 250_000);
  has(read(output), /Saturated actions, dimensions 0 to 31/);
  has(read(output), /dimension 31/);
  assert.doesNotMatch(read(output), /dimension 32/);
});

/** Appends one-step episodes, as a bandit's run has. */
function appendEpisodes(directory: string, count: number): void {
  const lines: string[] = [];
  for (let n = 1; n <= count; n++) {
    const episode = {
      type: "episode",
      step: n,
      episode: n,
      return: n % 2,
      length: 1,
      terminated: true,
      seconds: n / 1e4,
    };
    lines.push(`${JSON.stringify(episode)}\n`);
  }
  fs.appendFileSync(path.join(directory, "metrics.jsonl"), lines.join(""));
}

test("300,000 episodes are read in 64 MB: by a report, and by a run that is resumed", () => {
  const directory = fakeRun("bandit", { episodes: 0 });
  appendEpisodes(directory, 300_000);
  const run = JSON.stringify(directory);
  const inLittleMemory = (script: string): string => {
    const file = path.join(folder, "little.mjs");
    fs.writeFileSync(file, script);
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--max-old-space-size=64", file], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr.slice(0, 2000));
    return stdout;
  };
  const [built, events] = ["./report.js", "../../node/event-file.js"].map((name) =>
    JSON.stringify(new URL(name, import.meta.url).href),
  );
  const table = path.join(folder, "bandit.csv");
  inLittleMemory(`import { report } from ${built}; await report([${run}]);
    await report([${run}], { csv: ${JSON.stringify(table)} });`);
  assert.equal(
    read(table)
      .split("\r\n")
      .filter((line) => line.includes(",episode,")).length,
    5 * 300_000,
  );
  // Every second episode returned 1.
  has(read(path.join(directory, "report.html")), /mean of 384 training episodes/);
  const reader = JSON.stringify(new URL("../../node/run-files.js", import.meta.url).href);
  inLittleMemory(`import { EventFile } from ${events};
    import { eachMetric } from ${reader};
    const records = eachMetric(${run});
    new EventFile(${run}, { warmupSteps: 1, batchSize: 1 }, { step: 300_000, records }).close();`);
});

test("10,000 evaluations are thinned; the last one stays", async () => {
  const directory = fakeRun("evaluated", { episodes: 0 });
  const rest = { episodes: 1, meanReturn: 1, standardError: 1, meanLength: 1, valueBias: 0, seconds: 1 };
  const lines = Array.from(
    { length: 9994 },
    (_, i) => `${JSON.stringify({ type: "evaluation", step: 3001 + i, ...rest })}\n`,
  );
  fs.appendFileSync(path.join(directory, "metrics.jsonl"), lines.join(""));
  const [output] = await report([directory]);
  has(read(output), /One of every 4 evaluations as numbers/);
  has(read(output), />12,994<\/th>/);
});

test("bad input gives one line that names the file and the line, and nothing is written", async () => {
  const output = path.join(folder, "bad.html");
  const refused = async (directory: string, expected: RegExp, options = { output }) =>
    assert.rejects(report([fakeOne, directory], options), (error: Error) => {
      assert.ok(error instanceof InputError, error.stack);
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  const fakeOne = fakeRun("good");
  await refused(path.join(folder, "nowhere"), /nowhere: expected a run's directory, got no such file or directory/);
  const empty = path.join(folder, "empty");
  fs.mkdirSync(empty);
  await refused(empty, /empty.config\.json: expected a file of a run/);
  const silent = fakeRun("silent");
  fs.writeFileSync(path.join(silent, "metrics.jsonl"), "");
  await refused(silent, /silent.metrics\.jsonl: expected at least one episode or evaluation, got none/);
  fs.rmSync(path.join(silent, "metrics.jsonl"));
  await refused(silent, /silent.metrics\.jsonl: expected a file of a run/);
  const damaged = fakeRun("damaged");
  const metrics = path.join(damaged, "metrics.jsonl");
  const lines = read(metrics).split("\n");
  lines[2] = lines[2].slice(0, 20);
  fs.writeFileSync(metrics, lines.join("\n"));
  await refused(damaged, /damaged.metrics\.jsonl,? line 3: expected/);
  fs.writeFileSync(path.join(damaged, "config.json"), "{");
  await refused(damaged, /damaged.config\.json: expected JSON/);
  assert.ok(!fs.existsSync(output));
  const there = path.join(folder, "no-such-folder", "a.html");
  const [page, folderThere] = [path.join(folder, "beside-nothing.html"), path.join(folder, "directory.svg")];
  fs.mkdirSync(folderThere);
  for (const svg of [path.join(folder, "no-such-folder", "a.svg"), folderThere]) {
    await assert.rejects(report([fakeRun(`good-${path.basename(svg)}`)], { output: page, svg }), (error: Error) => {
      const reason = svg === folderThere ? "a directory" : "no such file or directory";
      return (
        error.name === "InputError" && error.message.startsWith(`${svg}: `) && error.message.includes(`got ${reason}. `)
      );
    });
  }
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.includes("beside-nothing")),
    [],
  );
  await refused(fakeRun("good-too"), /no-such-folder.a\.html: expected a file that can be written/, { output: there });
  await refused(fakeOne, /--svg: expected a file other than the page/, { output, svg: output } as never);
});

test("the command prints where it wrote; several runs go to report.html in the current folder", async (t) => {
  const runs = [fakeRun("command-1"), fakeRun("command-2", { seed: 2 })];
  const lines: string[] = [];
  t.mock.method(stdout, "print", (line: string) => lines.push(line));
  const program = new Command().exitOverride();
  addReportCommand(program);
  const before = process.cwd();
  process.chdir(folder);
  try {
    await program.parseAsync(["node", "ddpg", "report", ...runs]);
    await program.parseAsync(["node", "ddpg", "report", runs[0], "--output", "b.html", "--svg", "b.svg"]);
  } finally {
    process.chdir(before);
  }
  assert.deepEqual(lines, ["Wrote report.html", "Wrote b.html", "Wrote b.svg"]);
  assertWellFormed(read(path.join(folder, "b.svg")));
  assert.ok(fs.existsSync(path.join(folder, "report.html")));
});

/** The rows of a CSV file after RFC 4180. */
function rowsOf(text: string): string[][] {
  assert.match(text, /\r\n$/);
  const rows: string[][] = [[]];
  for (let rest = text; rest !== ""; ) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest);
    assert.ok(match, `not a cell: ${rest.slice(0, 40)}`);
    rows[rows.length - 1].push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] !== ",") rows.push([]);
    rest = rest.slice(match[0].length);
  }
  return rows.slice(0, -1);
}

test("--csv has a row for each value of each record, and of the final evaluation", async () => {
  const runs = [1, 2].map((seed) => fakeRun(`table, ${seed}`, { seed, episodes: 1, final: -140 - seed }));
  const info = { landed: 0.5, "=1+1": 2, 'a "b",c': 3 };
  const evaluation = { episodes: 2, meanReturn: 1 / 3, standardError: null, meanLength: 9, valueBias: 0, seconds: 1 };
  const line = JSON.stringify({ type: "evaluation", step: 3001, ...evaluation, info });
  fs.appendFileSync(path.join(runs[0], "metrics.jsonl"), `${line}\n`);
  const file = path.join(folder, "table.csv");
  assert.deepEqual(await report(runs, { csv: file }), [file]);
  const [head, ...rows] = rowsOf(read(file));
  assert.deepEqual(head, ["run", "environment", "seed", "kind", "step", "name", "value"]);
  assert.ok(rows.every((row) => row.length === 7));
  const of = (run: number, kind: string, step: string) =>
    rows
      .filter((row) => row[0] === runs[run - 1] && row[3] === kind && row[4] === step)
      .map(([, environment, seed, , , name, value]) => {
        assert.deepEqual([environment, seed], ["Pendulum-v1", `${run}`]);
        return [name, value];
      });
  assert.deepEqual(of(1, "episode", "200"), [
    ...[
      ["episode", "1"],
      ["return", "-999"],
      ["length", "200"],
      ["terminated", "0"],
      ["seconds", "1"],
    ],
  ]);
  assert.deepEqual(of(2, "diagnostics", "3000"), [
    ...[
      ["criticLoss", "9"],
      ["meanValue", "-9"],
      ["actorLoss", "9"],
      ["criticGradientNorm", "3000"],
    ],
    ...[
      ["actorGradientNorm", String(1 / 3000)],
      ["saturation[0]", "0.25"],
      ["saturation[1]", "1"],
    ],
  ]);
  assert.deepEqual(of(1, "evaluation", "3001"), [
    ...[
      ["episodes", "2"],
      ["meanReturn", String(1 / 3)],
      ["standardError", ""],
      ["meanLength", "9"],
    ],
    ...[
      ["valueBias", "0"],
      ["seconds", "1"],
      ["info.landed", "0.5"],
      ["info.=1+1", "2"],
      ['info.a "b",c', "3"],
    ],
  ]);
  assert.deepEqual(of(2, "final", "3000"), [
    ...[
      ["meanReturn", "-142"],
      ["standardError", "2.34"],
      ["episodes", "1000"],
    ],
  ]);
  assert.equal(rows.length, 2 * (5 + 6 * (6 + 7) + 3) + 9);
  // A page only on request.
  assert.ok(!fs.existsSync(path.join(folder, "report.html")) || !fs.existsSync(path.join(runs[0], "report.html")));
});

test("--json has the groups with their statistics, and the curves of each run", async () => {
  const runs = [1, 2, 3].map((seed) => fakeRun(`json-${seed}`, { seed, final: [-100, -200, -900][seed - 1] }));
  const open = fakeRun("json-open", { ended: false, changes: { batchSize: 32 } });
  const file = path.join(folder, "report.json");
  assert.deepEqual(await report([...runs, open], { json: file }), [file]);
  const data = JSON.parse(read(file));
  assert.equal(data.format, "ddpg-report-1");
  assert.deepEqual(
    data.groups.map(({ name, seeds, final }: { name: string; seeds: number[]; final: unknown }) => [
      name,
      seeds,
      final,
    ]),
    [
      // (¼ · −100 − 200 − ¼ · 900) / 1.5
      ["batchSize 32", [1], null],
      ["batchSize 64", [1, 2, 3], { name: "interquartile mean over 3 seeds", seeds: 3, value: -300, interval: null }],
    ],
  );
  assert.equal(data.groups[1].curve.length, 6);
  assert.equal(data.groups[1].curve[5].value, -300);
  const [first, , , last] = data.runs;
  assert.deepEqual([first.run, first.group, first.state, first.config.seed], [runs[0], 1, "complete", 1]);
  assert.deepEqual([last.run, last.group, last.state, last.result], [open, 0, "unfinished", null]);
  assert.equal(first.evaluations[0].valueBias, null, "not a number");
  assert.deepEqual([first.evaluations.length, first.episodes.length, first.diagnostics.length], [6, 15, 6]);
  assert.equal(first.result.evaluation.meanReturn, -100);
});

test("nothing replaces a file of the run or of another output", async () => {
  const run = fakeRun("guarded");
  const config = path.join(run, "config.json");
  const before = read(config);
  for (const [options, expected] of [
    [{ csv: config }, /^--csv: expected a file other than the run's own, got /],
    [{ output: path.join(run, ".", "metrics.jsonl") }, /^--output: expected a file other than the run's own, got /],
    [{ svg: path.join(run, "policy.safetensors") }, /^--svg: expected a file other than the run's own, got /],
    [{ csv: "same", json: "./same" }, /^--json: expected a file other than that of --csv, got "\.\/same"/],
    [{ csv: true, json: "-" }, /^--json: expected a file other than that of --csv, got "-"/],
    [
      { csv: folder },
      /: expected a file that can be written, got a directory\. Choose another with --output, --svg, --csv/,
    ],
  ] as const) {
    await assert.rejects(report([run], options), { name: "InputError", message: expected });
  }
  assert.equal(read(config), before);
  // A line that is damaged while the table is written: neither the table nor a part of it remains.
  const metrics = path.join(run, "metrics.jsonl");
  fs.appendFileSync(metrics, "{\n");
  await assert.rejects(report([run], { csv: path.join(folder, "damaged.csv") }), /metrics\.jsonl line 28: expected/);
  assert.ok(!fs.readdirSync(folder).some((name) => name.includes("damaged.csv")));
});

const program = programInFolder("report-data");

test("without a file, the standard output has the data alone; what cannot be written is an error", async () => {
  const run = fakeRun("printed", { final: -1 });
  const table = path.join(folder, "printed.csv");
  await report([run], { csv: table });
  for (const args of [["--csv"], ["--csv", "-"], ["--csv=-", "--svg", "a.svg"]]) {
    const { code, stdout, stderr } = await program.ddpg("report", run, ...args);
    assert.deepEqual([code, stderr], [0, args.length > 2 ? "Wrote a.svg\n" : ""]);
    assert.equal(stdout, read(table));
  }
  assert.ok(!fs.existsSync(path.join(run, "report.html")));
  const { stdout } = await program.ddpg("report", run, "--json");
  assert.equal(JSON.parse(stdout).groups[0].final.value, -1);
});

test("a reader that stops early ends the command; a full disk fails it", { skip: !fs.existsSync("/dev/full") }, () => {
  const run = fakeRun("cut", { episodes: 20_000 });
  const shell = (command: string) =>
    spawnSync("sh", ["-c", command, process.execPath, program.file, run], { encoding: "utf8", timeout: 60_000 });
  const cut = shell('{ "$0" "$1" report "$2" --csv; echo "code $?" >&2; } | head -n 1');
  assert.deepEqual([cut.stdout, cut.stderr], ["run,environment,seed,kind,step,name,value\r\n", "code 0\n"]);
  for (const command of ["report $2 --csv", "report $2 --json", "environments"]) {
    const { status, stderr } = shell(`"$0" "$1" ${command.replace("$2", '"$2"')} > /dev/full`);
    assert.equal(stderr, "ddpg: standard output: expected one that can be written, got a full disk.\n");
    assert.equal(status, 2, command);
  }
});
