// What a signal does to the program. These tests measure time, so the command that runs all tests runs this file alone.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe, it } from "node:test";
import { readMetrics, readResult } from "../node.ts";
import { programInFolder } from "./terminal/program.case.ts";

const { inFolder, start, succeed } = programInFolder("signals");

describe("a signal", { timeout: 180_000 }, () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`ends on ${signal} within 100 ms with code ${code} and closed records`, {
      skip: process.platform === "win32",
    }, async () => {
      const times: number[] = [];
      // A busy machine may be slow for a while, so there are eight attempts.
      while (times.length < 8 && !(times[times.length - 1] < 100)) {
        const run = `${signal}-${times.length}`;
        const { child, outcome } = start([
          "train",
          "Pendulum-v1",
          "--steps",
          "1000000",
          "--warmup-steps",
          "100",
          "--out",
          run,
        ]);
        const metrics = inFolder(run, "metrics.jsonl");
        while (!fs.existsSync(metrics) || fs.statSync(metrics).size < 2000) await new Promise((r) => setTimeout(r, 20));
        const sent = performance.now();
        child.kill(signal);
        const ended = await outcome;
        times.push(performance.now() - sent);
        assert.deepEqual([ended.code, ended.stderr], [code, ""]);
        assert.equal(readResult(inFolder(run)).interrupted, true);
        assert.equal(readMetrics(inFolder(run)).filter(({ type }) => type === "evaluation").length, 1);
        assert.equal(JSON.parse(await succeed("evaluate", run, "--episodes", "2", "--json")).episodes, 2);
      }
      assert.ok(times[times.length - 1] < 100, `${times.map(Math.round).join(", ")} ms`);
    });
  }

  const endless = ["train", "Pendulum-v1", "--steps", "1000000", "--warmup-steps", "100", "--jobs", "2"];
  const begun = async (run: string): Promise<void> => {
    for (const seed of ["seed1", "seed2"]) {
      const metrics = inFolder(run, seed, "metrics.jsonl");
      while (!fs.existsSync(metrics) || fs.statSync(metrics).size < 2000) await new Promise((r) => setTimeout(r, 20));
    }
  };

  it("ends several seeds within a second, with closed records and a summary so far", {
    skip: process.platform === "win32",
  }, async () => {
    const times: number[] = [];
    while (times.length < 3 && !(times[times.length - 1] < 1000)) {
      const run = `stopped-${times.length}`;
      const { child, outcome } = start([...endless, "--seeds", "1..3", "--out", run]);
      await begun(run);
      const sent = performance.now();
      child.kill("SIGINT");
      const { code, stdout, stderr } = await outcome;
      times.push(performance.now() - sent);
      assert.deepEqual([code, stderr], [130, ""]);
      for (const seed of [1, 2]) {
        const { interrupted, steps, fingerprint } = readResult(inFolder(run, `seed${seed}`));
        assert.equal(interrupted, true);
        const stopped = `stopped after ${steps.toLocaleString("en-US")} steps`;
        assert.match(
          stdout,
          new RegExp(`^ +${seed} {2}${stopped} +– +\\S+ {2}${fingerprint} {2}${run}/seed${seed}$`, "m"),
        );
      }
      assert.match(stdout, /^stopped +2 of 3 seeds: 1, 2\nnot started +1 of 3 seeds: 3$/m);
      assert.deepEqual(fs.readdirSync(inFolder(run)).sort(), ["seed1", "seed2"]);
    }
    assert.ok(times[times.length - 1] < 1000, `${times.map(Math.round).join(", ")} ms`);
  });

  it("that kills the parent of several seeds ends them too, with closed records", {
    skip: process.platform === "win32",
  }, async () => {
    const { child, outcome } = start([...endless, "--seeds", "1..3", "--out", "orphans"]);
    await begun("orphans");
    child.kill("SIGKILL");
    assert.equal((await outcome).code, null);
    for (const seed of ["seed1", "seed2"]) {
      const result = inFolder("orphans", seed, "result.json");
      while (!fs.existsSync(result)) await new Promise((r) => setTimeout(r, 20));
      assert.equal(readResult(inFolder("orphans", seed)).interrupted, true);
    }
  });
});
