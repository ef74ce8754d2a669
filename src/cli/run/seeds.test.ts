import assert from "node:assert/strict";
import * as fs from "node:fs";
import { before, describe, it } from "node:test";
import { type RunConfig, readConfig } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { findRun, namingArithmetic, otherSeeds, parseSeeds, resumeArguments, seedArguments } from "./seeds.ts";

const { inFolder, succeed } = programInFolder("seeds");

describe("parseSeeds", () => {
  it("reads ranges, lists and both together, in the order given", () => {
    assert.deepEqual(parseSeeds("1..8"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(parseSeeds("7"), [7]);
    assert.deepEqual(parseSeeds("1,3,7"), [1, 3, 7]);
    assert.deepEqual(parseSeeds("10..12, 0,5..5"), [10, 11, 12, 0, 5]);
    assert.equal(parseSeeds("1..1000").length, 1000);
  });

  const refused = {
    "": "",
    "1,": "",
    "1-3": "",
    "1..": "",
    "-1": "",
    "1.5": "",
    "1..2..3": "",
    "9007199254740993": "",
    "3..1": " Write the smaller one first.",
    "1..3,2": " 2 appears twice.",
    "1..1001": " At most 1,000 at once.",
    "1..9007199254740991": " At most 1,000 at once.",
  };
  for (const [text, hint] of Object.entries(refused)) {
    it(`refuses "${text}"`, () => {
      const message = `--seeds: expected seeds such as 1..8 or 1,3,7, got "${text}".${hint}`;
      assert.throws(() => parseSeeds(text), { name: "InputError", message });
    });
  }
});

describe("seedArguments", () => {
  it("keeps the options that are not about several seeds", () => {
    const args = ["--verbose", "train", "a.js", "--seeds", "1..3", "--discount", "0.9", "--jobs=2", "--out", "here"];
    const kept = ["--verbose", "train", "a.js", "--discount", "0.9"];
    const own = ["--seed", "2", "--out", "here/seed2", "--as-child"];
    const one = ["--threads", "1"];
    assert.deepEqual(seedArguments(args, 2, "here/seed2", true), [...kept, ...one, ...own]);
    assert.deepEqual(seedArguments(args, 2, "here/seed2", false), [...kept, "--no-progress", ...one, ...own]);
  });

  it("keeps a requested number of threads", () => {
    for (const threads of [["--threads", "2"], ["--threads=2"], ["--threads", "auto"]]) {
      const own = ["--seed", "1", "--out", "x", "--as-child"];
      assert.deepEqual(seedArguments(["train", ...threads], 1, "x", true), ["train", ...threads, ...own]);
    }
  });

  it("keeps the arguments after --", () => {
    assert.deepEqual(seedArguments(["train", "--seeds=1,2", "--", "--out"], 1, "x", true), [
      ...["train", "--threads", "1", "--seed", "1", "--out", "x", "--as-child"],
      ...["--", "--out"],
    ]);
  });
});

describe("namingArithmetic", () => {
  it("names the arithmetic before --, unless the command line does", () => {
    assert.deepEqual(namingArithmetic(["train", "--", "--arithmetic"], "fused"), [
      ...["train", "--arithmetic", "fused", "--", "--arithmetic"],
    ]);
    for (const args of [
      ["train", "--arithmetic", "portable"],
      ["train", "--arithmetic=portable"],
    ])
      assert.deepEqual(namingArithmetic(args, "fused"), args);
  });
});

describe("resumeArguments", () => {
  it("keeps the options that resume has, with their values", () => {
    const args = ["train", "a.js", "--seeds", "1..3", "--discount", "0.9", "--simd=128", "--checkpoint-every", "5"];
    const kept = ["resume", "here/seed2", "--simd=128", "--checkpoint-every", "5"];
    assert.deepEqual(resumeArguments(args, "here/seed2", true, undefined), [...kept, "--threads", "1", "--as-child"]);
    assert.deepEqual(resumeArguments([...args, "--threads", "2", "--", "--simd"], "here/seed2", false, undefined), [
      ...[...kept, "--threads", "2", "--no-progress", "--as-child"],
    ]);
  });

  it("explains what it does if the parent does", () => {
    const wanted = ["resume", "b/seed1", "--verbose", "--threads", "1", "--as-child"];
    for (const args of [
      ["--verbose", "train", "--seeds", "1"],
      ["train", "--seeds", "1", "--verbose"],
    ])
      assert.deepEqual(resumeArguments(args, "b/seed1", true, undefined), wanted);
  });

  it("names the module, however it was named", () => {
    const kept = ["resume", "b/seed1", "--threads", "1", "--environment", "../a.js", "--as-child"];
    for (const args of [["../a.js"], ["--config", "run", "--environment", "../a.js"], ["--config", "run"]])
      assert.deepEqual(resumeArguments(["train", ...args, "--seeds", "1"], "b/seed1", true, "../a.js"), kept);
  });
});

describe("otherSeeds", () => {
  it("replaces the seeds", () => {
    assert.deepEqual(otherSeeds(["train", "a.js", "--seeds", "1..4", "--jobs", "2"], [3, 4]), [
      ...["train", "a.js", "--jobs", "2", "--seeds", "3,4"],
    ]);
    assert.deepEqual(otherSeeds(["train", "--seeds=1..4", "--", "a.js"], [4]), ["train", "--seeds", "4", "--", "a.js"]);
  });
});

describe("findRun", { timeout: 60_000 }, () => {
  const run = inFolder("runs/seed1");
  let wanted: RunConfig;
  before(async () => {
    fs.writeFileSync(
      inFolder("still.mjs"),
      `export default class Still {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  reset() { return [(this.steps = 0)]; }
  step() { return { observation: [++this.steps / 10], reward: -1, terminated: false, truncated: this.steps === 10 }; }
}
`,
    );
    const brief = ["--preset", "small", "--warmup-steps", "20", "--steps", "40", "--check-steps", "0"];
    const fixed = ["--evaluate-episodes", "1", "--episodes", "1", "--arithmetic", "portable"];
    await succeed("train", "./still.mjs", ...brief, ...fixed, "--seeds", "1", "--out", "runs");
    wanted = readConfig(run);
  });

  /** Rewrites the configuration that the run keeps, while `work` runs. */
  function keeping(changes: Partial<Record<keyof RunConfig, unknown>>, work: () => void): void {
    const file = inFolder("runs/seed1/config.json");
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(text), ...changes }));
    try {
      work();
    } finally {
      fs.writeFileSync(file, text);
    }
  }

  it("finds the run that is wanted, and nothing where there is none", () => {
    assert.equal(findRun(run, wanted, undefined), "result");
    assert.equal(findRun(inFolder("runs/seed2"), wanted, undefined), "nothing");
  });

  it("refuses a run of another arithmetic; one that names none is portable", () => {
    assert.throws(() => findRun(run, { ...wanted, arithmetic: "fused" }, undefined), {
      name: "InputError",
      message: `${run} arithmetic: expected "fused", got "portable". Choose another --out.`,
    });
    keeping({ arithmetic: undefined }, () => assert.equal(findRun(run, wanted, undefined), "result"));
  });

  it("refuses a run whose module has changed since, if the run kept its hash", () => {
    const changed = { ...wanted, environmentSha256: "0123456789abcdef".repeat(4) };
    const kept = wanted.environmentSha256?.slice(0, 12);
    assert.throws(() => findRun(run, changed, undefined), {
      name: "InputError",
      message: `${run} environmentSha256: expected 0123456789ab…, of the module as it is now, got ${kept}…. Choose another --out.`,
    });
    keeping({ environmentSha256: undefined }, () => assert.equal(findRun(run, changed, undefined), "result"));
  });

  it("refuses a finished run whose config.json was edited to what is wanted", () => {
    keeping({ preset: "paper" }, () =>
      assert.throws(
        () => findRun(run, { ...wanted, preset: "paper" }, undefined),
        /config\.json preset: expected "small", as checkpoint\.safetensors has it, got "paper"/,
      ),
    );
  });
});
