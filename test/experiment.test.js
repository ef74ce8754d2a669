// A link to the page and a terminal command with the same content mean the same experiment.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { environments, presets } from "ddpg";
import { rolldown } from "rolldown";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const execute = promisify(execFile);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-experiment-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The page's experiment module. It runs here only as a bundle. */
let experiment;
let watched;
before(async () => {
  const load = async (name) => {
    const bundle = await rolldown({ input: path.join(root, "web", `${name}.ts`), external: [/^@mujoco/] });
    const file = path.join(folder, `${name}.mjs`);
    await bundle.write({ file, codeSplitting: false });
    return import(file);
  };
  [experiment, watched] = await Promise.all(["experiment", "run-source"].map(load));
});

/** The `config.json` that the command line writes for these arguments. */
async function configOf(...args) {
  const out = fs.mkdtempSync(path.join(folder, "run-"));
  const short = ["--steps", "2", "--episodes", "1", "--evaluate-episodes", "1", "--no-progress", "--out", out];
  await execute(process.execPath, [path.join(root, "bin/ddpg.js"), "train", ...args, ...short], { cwd: folder });
  return JSON.parse(fs.readFileSync(path.join(out, "config.json"), "utf8"));
}

const car = "MountainCarContinuous-v0";
const cases = [
  [`#task=${car}&preset=small&seed=1`, [car, "--preset", "small"], presets.small],
  [`#task=${car}&seed=1`, [car], { ...presets.small, ...environments[car].settings }],
  [`#task=${car}&seed=1&noiseScale=0.4`, [car, "--noise-scale", "0.4"], undefined],
  [`#task=${car}&preset=standard&seed=7`, [car, "--preset", "standard", "--seed", "7"], presets.standard],
  ["#task=Pendulum-v1&preset=small&seed=1", ["Pendulum-v1"], presets.small],
  // A link that names no arithmetic is portable, although that is not the default; every new link and command names it.
  ["#task=Pendulum-v1&preset=small&seed=1&arithmetic=portable", ["Pendulum-v1"], presets.small],
  ["#task=Pendulum-v1&preset=small&seed=1&arithmetic=fused", ["Pendulum-v1"], presets.small],
];

test("a new experiment is fused in the command line as on the page, and its name says so if it is not", async () => {
  const { usualExperiment, nameOf, toLink } = experiment;
  assert.equal((await configOf("Pendulum-v1")).arithmetic, "fused");
  const [fused, portable] = ["fused", "portable"].map((arithmetic) => usualExperiment(arithmetic));
  assert.deepEqual([nameOf(fused), nameOf(portable)], ["seed 1", "seed 1, portable"]);
  assert.match(toLink(fused, 1), /&arithmetic=fused&/);
});

for (const [link, args, settings] of cases) {
  test(`${link} is ddpg train ${args.join(" ")}`, async () => {
    const { fromLink, settingsOf, presetOf, toCommand, toLink } = experiment;
    const linked = fromLink(link).experiment;
    const { arithmetic } = linked;
    assert.equal(arithmetic, /&arithmetic=(\w+)/.exec(link)?.[1] ?? "portable");
    const config = await configOf(...args, "--arithmetic", arithmetic);
    assert.deepEqual(settingsOf(linked), config.settings);
    if (settings) assert.deepEqual(config.settings, settings);
    assert.equal(presetOf(linked), config.preset);
    assert.equal(linked.seed, config.seed);
    assert.equal(linked.arithmetic, config.arithmetic);
    // Round trips: an experiment's link, its command, and the file of its run.
    assert.deepEqual(fromLink(toLink(linked, 1)).experiment, linked);
    const changes = /&noiseScale=.*/.exec(link)?.[0] ?? "";
    const rest = link
      .slice(1)
      .replace(changes, "")
      .replace(/&arithmetic=.*/, "");
    assert.equal(toLink(linked, 1), `${rest}&arithmetic=${linked.arithmetic}${changes}&speed=1`);
    const again = await configOf(...toCommand(linked).split(" ").slice(3));
    assert.deepEqual(again.settings, config.settings);
    assert.equal(again.arithmetic, config.arithmetic);
    assert.deepEqual(watched.experimentOf({ ...config, steps: linked.steps }), linked);
  });
}
