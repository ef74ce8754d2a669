// Runs of a module that was moved or changed since: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { readConfig } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, ddpg, succeed } = programInFolder("moved");

function writeCart(name: string, high: number, head = ""): void {
  fs.writeFileSync(
    inFolder(name),
    `${head}export default class Cart {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [${high}];
  reset(random) {
    this.x = random.uniform(-1, 1);
    this.steps = 0;
    return [this.x];
  }
  step(action) {
    this.x += 0.1 * action[0];
    return { observation: [this.x], reward: -Math.abs(this.x), terminated: false, truncated: ++this.steps === 20 };
  }
}
`,
  );
}

async function refused(args: readonly string[], expected: RegExp): Promise<void> {
  const { code, stderr } = await ddpg(...args);
  assert.equal(code, 2, stderr);
  assert.match(stderr, expected);
}

const brief = ["--preset", "small", "--warmup-steps", "100", "--steps", "200", "--evaluate-episodes", "2"];

describe("a run of a module", { timeout: 120_000 }, () => {
  before(async () => {
    fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
    writeCart("cart.js", 3);
    await succeed("train", "./cart.js", ...brief, "--episodes", "5", "--out", "run");
    fs.mkdirSync(inFolder("elsewhere"));
    fs.renameSync(inFolder("run"), inFolder("elsewhere", "run"));
  });

  const run = "elsewhere/run";
  const commands = [
    ["evaluate", run],
    ["resume", run, "--steps", "300"],
    ["render", run],
    ["train", "--config", run],
  ];

  it("that was moved says how to name the module", async () => {
    for (const command of commands) {
      await refused(
        command,
        /^ddpg: environment elsewhere.cart\.js: expected the run's module, got no such file\. .*--environment <path>\.$/m,
      );
    }
  });

  it("is not evaluated, rendered or resumed with a module of other bounds", async () => {
    writeCart("wider.js", 4);
    for (const command of commands.slice(0, 3)) {
      await refused(
        [...command, "--environment", "wider.js"],
        /action bounds: expected \[-1\] to \[3\], as when the agent was created, got "?\[-1\] to \[4\]/,
      );
    }
  });

  it("that was moved takes the module of --environment, and a resumed run keeps it", async () => {
    const [evaluate, resume, render, train] = commands.map((command) => [...command, "--environment", "cart.js"]);
    assert.match(await succeed(...evaluate, "--episodes", "5"), /environment {2}cart\.js/);
    await refused(render, /^ddpg: cart: expected an environment that can be drawn, got one without a scene\./);
    await succeed(...train, "--out", "again");
    assert.equal(readConfig(inFolder("again")).environmentModule, "../cart.js");
    await succeed(...resume);
    assert.equal(readConfig(inFolder(run)).environmentModule, "../../cart.js");
    await succeed("evaluate", run, "--episodes", "5");
  });

  it("is not resumed on an environment of the package, and train needs --config", async () => {
    await refused(
      ["resume", run, "--steps", "400", "--environment", "Pendulum-v1"],
      /^ddpg: --environment: expected the module of elsewhere.run, got "Pendulum-v1"\. A run keeps its environment\./,
    );
    await refused(["train", "cart.js", "--environment", "cart.js"], /^ddpg: --environment: expected to be used with/);
  });
});

describe("the module that only a run names", { timeout: 240_000 }, () => {
  const outside = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-outside-")));
  after(() => fs.rmSync(outside, { recursive: true, force: true }));
  const marker = inFolder("loaded.txt");
  const leavesMarker = 'process.getBuiltinModule("fs").writeFileSync("loaded.txt", "");\n';
  const commands = (run: string): string[][] => [
    ["evaluate", run, "--episodes", "2"],
    ["resume", run, "--steps", "300"],
    ["render", run],
    ["train", "--config", run, "--out", "not-made"],
  ];
  const evaluate = (run: string, ...args: string[]) => ddpg("evaluate", run, "--episodes", "2", "--json", ...args);

  /** Refuses all commands that would load the module, and has not loaded it. */
  async function allRefused(run: string, expected: RegExp): Promise<void> {
    for (const command of commands(run)) await refused(command, expected);
    assert.ok(!fs.existsSync(marker));
    assert.ok(!fs.existsSync(inFolder("not-made")));
  }

  before(async () => {
    fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
    writeCart("wagon.js", 3);
    await succeed("train", "./wagon.js", ...brief, "--episodes", "5", "--out", "named");
  });

  it("is loaded from the current folder after a line with its path, which is not on the standard output", async () => {
    const { code, stdout, stderr } = await evaluate("named");
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "Loading wagon.js, the module of named\n");
    assert.equal(JSON.parse(stdout).environment, "wagon");
    const seeds = await ddpg("train", "--config", "named", "--seeds", "1,2", "--steps", "150", "--out", "seeds");
    assert.equal(seeds.code, 0, seeds.stderr);
    assert.equal(seeds.stderr.match(/Loading wagon\.js/g)?.length, 1);
    assert.equal(
      readConfig(inFolder("seeds/seed2")).environmentSha256,
      readConfig(inFolder("named")).environmentSha256,
    );
  });

  it("that changed is loaded only with --environment, and a resumed run keeps its new hash", async () => {
    fs.cpSync(inFolder("named"), inFolder("changed"), { recursive: true });
    const was = readConfig(inFolder("named")).environmentSha256;
    writeCart("wagon.js", 3, leavesMarker);
    await allRefused(
      "changed",
      /^ddpg: environment wagon\.js: expected the file that the run recorded, of SHA-256 \w{12}…, got one that has changed since, of SHA-256 \w{12}…\. To use it as it is now, add --environment wagon\.js$/m,
    );
    const changed = /^ddpg: warning: wagon\.js has changed since the run: its SHA-256 was \w{12}… and is \w{12}…$/m;
    const told = await evaluate("changed", "--environment", "wagon.js");
    assert.equal(told.code, 0, told.stderr);
    assert.match(told.stderr, changed);
    assert.ok(fs.existsSync(marker));
    const resumed = await ddpg("resume", "changed", "--steps", "300", "--environment", "wagon.js");
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stderr, changed);
    const { environmentSha256: is } = readConfig(inFolder("changed"));
    assert.ok(is !== undefined && is !== was);
    assert.equal((await evaluate("changed")).stderr, "Loading wagon.js, the module of changed\n");
    fs.rmSync(marker);
    writeCart("wagon.js", 3);
  });

  it("that is outside of the current folder, or a link to there, is loaded only with --environment", async () => {
    fs.writeFileSync(path.join(outside, "package.json"), '{ "type": "module" }');
    const far = path.join(outside, "wagon.js");
    fs.copyFileSync(inFolder("wagon.js"), far);
    fs.cpSync(inFolder("named"), inFolder("far"), { recursive: true });
    const config = inFolder("far/config.json");
    const text = fs.readFileSync(config, "utf8");
    const name = (module: string): void =>
      fs.writeFileSync(config, text.replace('"../wagon.js"', JSON.stringify(module)));
    fs.symlinkSync(far, inFolder("link.js"));
    fs.mkdirSync(inFolder("linked"));
    fs.symlinkSync(far, inFolder("linked/wagon.js"));
    for (const module of [far, path.relative(inFolder("far"), far), "../linked/wagon.js"]) {
      name(module);
      await allRefused(
        "far",
        /^ddpg: environment \S+wagon\.js: expected a file inside the current folder, because only the run's config\.json names it, got one outside of it, \S+wagon\.js\. If you trust it, add --environment \S+wagon\.js$/m,
      );
    }
    const { code, stderr } = await evaluate("far", "--environment", far);
    assert.deepEqual([code, stderr], [0, ""]);
  });

  it("that is outside of the current folder is loaded by the command that named it, which continues its seeds", async () => {
    fs.writeFileSync(path.join(outside, "package.json"), '{ "type": "module" }');
    const far = path.join(outside, "wide.js");
    writeCart("wide.js", 2);
    fs.renameSync(inFolder("wide.js"), far);
    const args = ["train", far, ...brief, "--episodes", "5", "--seeds", "1,2", "--out", "far-seeds"];
    await succeed(...args);
    fs.rmSync(inFolder("far-seeds/seed2/result.json"));
    const { code, stdout, stderr } = await ddpg(...args);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^seed 2 {2}resumed, records in far-seeds.seed2$/m);
  });

  it("of an earlier version, which kept no hash, is loaded from the current folder, and resume keeps its hash", async () => {
    fs.cpSync(inFolder("named"), inFolder("early"), { recursive: true });
    const config = inFolder("early/config.json");
    fs.writeFileSync(config, fs.readFileSync(config, "utf8").replace(/ *"environmentSha256": "\w+",\n/, ""));
    assert.equal(readConfig(inFolder("early")).environmentSha256, undefined);
    const { stderr } = await evaluate("early");
    assert.equal(stderr, "Loading wagon.js, the module of early, which did not keep its hash\n");
    await succeed("resume", "early", "--steps", "300");
    assert.equal(readConfig(inFolder("early")).environmentSha256, readConfig(inFolder("named")).environmentSha256);
  });

  it("is not loaded by a name that stands where an id belongs", async () => {
    fs.mkdirSync(inFolder("disguised"));
    const config = JSON.parse(fs.readFileSync(inFolder("named/config.json"), "utf8"));
    writeCart("evil.js", 3, leavesMarker);
    const { environmentModule, environmentSha256, ...rest } = { ...config, environment: "./evil.js" };
    fs.writeFileSync(inFolder("disguised/config.json"), JSON.stringify(rest));
    await refused(
      ["train", "--config", "disguised", "--out", "not-made"],
      /^ddpg: disguised.config\.json environment: expected an id of "ddpg environments", got "\.\/evil\.js"\. Name another one with --environment\.$/m,
    );
    assert.ok(!fs.existsSync(marker));
  });
});

describe("a run whose config.json was edited", { timeout: 120_000 }, () => {
  const edit = (change: (config: { seed: number; evaluation: { finalEpisodes: number } }) => void): void => {
    fs.rmSync(inFolder("edited"), { recursive: true, force: true });
    fs.cpSync(inFolder("kept"), inFolder("edited"), { recursive: true });
    const config = JSON.parse(fs.readFileSync(inFolder("edited/config.json"), "utf8"));
    change(config);
    fs.writeFileSync(inFolder("edited/config.json"), JSON.stringify(config));
  };
  before(() => succeed("train", "Pendulum-v1", ...brief, "--episodes", "5", "--out", "kept"));

  it("is neither resumed nor evaluated nor reported, and nothing in it changes", async () => {
    edit((config) => Object.assign(config, { seed: 3 }));
    const files = (): [string, string][] =>
      fs.readdirSync(inFolder("edited")).map((name) => [name, fs.readFileSync(inFolder("edited", name), "hex")]);
    const before = files();
    for (const command of [
      ["resume", "edited", "--steps", "300"],
      ["resume", "edited"],
      ["evaluate", "edited"],
      ["render", "edited"],
      ["report", "edited"],
    ])
      await refused(
        command,
        /^ddpg: edited.config\.json seed: expected 1, as checkpoint\.safetensors has it, got 3\. A run keeps what it was started with: set it back, or train another run with ddpg train --config\.$/m,
      );
    assert.deepEqual(files(), before);
  });

  it("with no episodes at its end is refused before it trains, with the file and the field", async () => {
    edit(({ evaluation }) => Object.assign(evaluation, { finalEpisodes: 0 }));
    await refused(
      ["resume", "edited", "--steps", "300"],
      /^ddpg: edited.config\.json evaluation finalEpisodes: expected a whole number above 0, got 0\. Set it right in the file, or train again\.$/m,
    );
  });
});
