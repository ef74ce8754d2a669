import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, it } from "node:test";
import { programInFolder } from "./terminal/program.case.ts";

describe("ddpg evaluate beside something else that acts, and as a figure", { timeout: 120_000 }, () => {
  const { inFolder, ddpg, succeed } = programInFolder("evaluate");
  const write = (name: string, text: string): void => fs.writeFileSync(inFolder(name), text);

  it("compares a policy with a controller from start to start, and draws an episode", async () => {
    const short = ["--steps", "200", "--warmup-steps", "100", "--episodes", "2", "--evaluate-episodes", "1"];
    await succeed("train", "Pendulum-v1", ...short, "--no-progress", "--out", "run");
    // What the policy itself does, from its own file: every difference is 0.
    await succeed("export", "run", "--format", "js", "--output", "same.mjs");
    fs.appendFileSync(inFolder("same.mjs"), "\nexport default { act };\n");
    const same = JSON.parse(await succeed("evaluate", "run", "--episodes", "7", "--beside", "./same.mjs", "--json"));
    const { module, meanReturn, difference, differenceError, higher, lower } = same.beside;
    assert.deepEqual(
      [module, meanReturn, difference, differenceError, higher, lower],
      ["./same.mjs", same.meanReturn, 0, 0, 0, 0],
    );

    // Pushes as hard as it can against the speed, with a force beyond the bounds, and counts its steps until `reset`.
    write(
      "brake.mjs",
      `export default class {
        steps = 0;
        reset() { this.steps = 0; }
        act([, , speed]) {
          if (++this.steps > 200) throw new Error("no reset");
          return [speed > 0 ? -1000 : 1000];
        }
      }`,
    );
    const printed = await succeed("evaluate", "run", "--episodes", "5", "--beside", "./brake.mjs");
    const [, policy] = /^return +(-[\d,.]+) ±/m.exec(printed) ?? [];
    const [, brake] = /^beside +(-[\d,.]+) ± [\d,.]+, \.\/brake\.mjs from the same starts$/m.exec(printed) ?? [];
    const words =
      /^difference +(-?[\d,.]+) ± [\d,.]+, policy minus .*; the policy has more from (\d), less from (\d)$/m;
    const [, apart, more, less] = words.exec(printed) ?? [];
    const number = (text = ""): number => Number(text.replace(",", ""));
    assert.ok(number(brake) < -500 && number(policy) < 0, printed);
    assert.ok(Math.abs(number(policy) - number(brake) - number(apart)) < 30, printed);
    assert.equal(Number(more) + Number(less), 5, printed);

    assert.match(
      await succeed("evaluate", "run", "--plot", "episode.svg"),
      /over 1 fixed start[\s\S]*^plot +episode\.svg$/m,
    );
    const figure = fs.readFileSync(inFolder("episode.svg"), "utf8");
    assert.match(figure, /^<svg [\s\S]*<\/svg>\n$/);
    for (const text of ["Observation", "Action", "Reward", "observation[2]", "time (s)", "Pendulum-v1, the first of"])
      assert.ok(figure.includes(text), text);
    // Three numbers of the observation, one action and one reward, of 200 steps.
    const paths = Array.from(figure.matchAll(/ d="(M[^"]*)"/g), ([, path]) => path.split("L").length);
    assert.equal(paths.filter((points) => points === 200 || points === 201).length, 5, paths.join());
  });

  it("finds a controller from where the command started, and its default export in CommonJS", async () => {
    fs.mkdirSync(inFolder("other"), { recursive: true });
    const sizes = "observationSize = 3; actionLow = [-2]; actionHigh = [2];";
    const step = "step() { return { observation: [1, 0, 0], reward: 1, terminated: true }; }";
    const away = `process.chdir("other");\nexport default class { ${sizes} reset() { return [1, 0, 0]; } ${step} }`;
    write("away.mjs", away);
    const compiled = 'Object.defineProperty(exports, "__esModule", { value: true });';
    write("zero.cjs", `${compiled}\nexports.default = { act: () => [0] };`);
    const files = ["--beside", "./zero.cjs", "--plot", "away.svg", "--trajectory", "away.csv"];
    assert.match(await succeed("evaluate", "run", "--environment", "./away.mjs", ...files), /^difference +0/m);
    assert.ok(fs.existsSync(inFolder("away.svg")) && fs.existsSync(inFolder("away.csv")));
  });

  it("says what is wrong with a controller or a name, with exit code 2, and evaluates nothing", async () => {
    write("two.mjs", "export default () => ({ act: () => [Number.NaN] });");
    write("bare.mjs", "export default { act: () => 0.5 };");
    write("late.mjs", "export default { act: async () => [0] };");
    write("failed.mjs", 'export default async () => { throw new Error("no port"); };');
    write("typed.js", "export default { act(x: number) { return [x]; } };");
    write("none.mjs", "export const act = () => [0];");
    write("short.mjs", "export default { act: () => [] };");
    write("thrown.mjs", 'export default { act() { throw new Error("no sensor"); } };');
    write("broken.mjs", "export default {");
    for (const [args, words] of [
      [["--beside", "missing.mjs"], /^ddpg: --beside missing\.mjs: expected a module, got no such file/],
      [["--beside", "./none.mjs"], /default export: expected an object with act\(observation\), .*, got undefined/],
      [["--beside", "./short.mjs"], /^ddpg: --beside \.\/short\.mjs act: expected 1 finite number, got \[\]/m],
      [["--beside", "./two.mjs"], /two\.mjs act: expected 1 finite number, got \[NaN\]/],
      [["--beside", "./bare.mjs"], /bare\.mjs act: expected 1 finite number, got 0\.5/],
      [["--beside", "./late.mjs"], /late\.mjs act: expected 1 finite number, got a promise/],
      [["--beside", "./failed.mjs"], /^ddpg: --beside \.\/failed\.mjs default export: no port/],
      [
        ["--beside", "./typed.js"],
        /typed\.js: expected JavaScript, got TypeScript in a \.js file\. Call it typed\.mts/,
      ],
      [["--beside", "./thrown.mjs"], /--beside \.\/thrown\.mjs act: no sensor/],
      [["--beside", "./broken.mjs"], /--beside \.\/broken\.mjs: Unexpected/],
      [["--plot", "episode.png"], /^ddpg: --plot: expected a file that ends in \.svg, got "episode\.png"/],
      [["--plot", "a.svg", "--trajectory", "a.svg"], /--plot: expected a file other than that of --trajectory/],
    ] as const) {
      const outcome = await ddpg("evaluate", "run", "--episodes", "2", ...args);
      assert.match(outcome.stderr, words);
      assert.equal(outcome.code, 2, outcome.stderr);
      assert.equal(outcome.stdout, "");
    }
  });
});
