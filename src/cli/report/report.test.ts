import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import { type PresetName, type Settings, settingsFrom } from "../../ddpg/config.ts";
import { RunDirectory } from "../../node/run-directory.ts";
import { addReportCommand, report } from "./report.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-report-"));
after(() => fs.rmSync(folder, { recursive: true }));

interface Fake {
  environment?: string;
  preset?: PresetName;
  seed?: number;
  changes?: Partial<Settings>;
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
    /<th scope="row">small<\/th><td class="number">5<\/td><td>−103.0<\/td><td>−[\d.]+ to −10[\d.]+<\/td>/,
  );
  has(page, /<th scope="row">small, batchSize 32<\/th><td class="number">3<\/td><td>−301.5 \(mean\)<\/td>/);
  has(page, /<th scope="row">batchSize<\/th><td class="number">64<\/td><td class="number">32<\/td>/);
  has(page, /small, batchSize 32: 1 run of 3 not finished/);
  has(page, /small, batchSize 32: seed 2 more than once/);
  has(page, /unfinished/);
  assert.equal(drawingsOf(page).length, 6);
  for (const name of ["Critic loss", "Mean value", "Saturated actions", "Value bias"])
    has(page, new RegExp(`<h3>${name}`));
  // One line per group.
  assert.equal(drawingsOf(page)[2].match(/small, batchSize 32/g)?.length, 1);
  drawingsOf(page).forEach(assertWellFormed);
  assertWellFormed(read(path.join(folder, "several.svg")));
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
  t.mock.method(console, "log", (line: string) => lines.push(line));
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
