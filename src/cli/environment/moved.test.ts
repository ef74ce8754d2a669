// Runs of a module that was moved or changed since: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { before, describe, it } from "node:test";
import { readConfig } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, ddpg, succeed } = programInFolder("moved");

function writeCart(name: string, high: number): void {
  fs.writeFileSync(
    inFolder(name),
    `export default class Cart {
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
