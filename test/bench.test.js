// The benchmark's runner: what it records, and how it handles contenders that fail. These tests need no Python.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { measureRoofline } from "../bench/roofline.js";
import { measure, median } from "../bench/runner.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const speed = path.join(root, "bench/speed.js");

/** A contender that runs `answer` for every line n. By default it reports n × `each` seconds. */
function fake(name, { each = 0.001, answer = "console.log(n * each)", ready = "console.log('ready fake 1')" } = {}) {
  const program = `
    const each = ${each};
    ${ready};
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const n = Number(line);
      ${answer};
    });`;
  return { name, command: process.execPath, args: ["-e", program, "--"], env: {}, runs: () => true };
}

const options = { rounds: 3, seconds: 0.02, patience: 20 };

describe("the benchmark", { timeout: 60_000 }, () => {
  it("measures contenders in turn: rates, medians and how many times as fast the first one is", async () => {
    const { results, failures } = await measure([fake("ours"), fake("slow", { each: 0.004 })], {}, options);
    assert.deepEqual(failures, []);
    assert.deepEqual(
      results.map(({ name, version, rounds }) => [name, version, rounds.length]),
      [
        ["ours", "fake 1", 3],
        ["slow", "fake 1", 3],
      ],
    );
    const near = (actual, expected) => assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual}, not ${expected}`);
    near(results[0].median, 1000);
    near(results[1].median, 250);
    near(results[0].ratio, 1);
    near(results[1].ratio, 4);
  });

  it("reports contenders that crash, answer nonsense or do not start, and continues with the others", async () => {
    const crash = "if (n > 10) { console.error('out of luck'); process.exit(3); } console.log(n * each)";
    const { results, failures } = await measure(
      [
        fake("ours"),
        fake("crashes", { answer: crash }),
        fake("nonsense", { answer: "console.log('hm')" }),
        fake("no set-up", { ready: "throw new Error('no such module')" }),
        { ...fake("no program"), command: path.join(root, "no-such-program") },
        fake("last"),
      ],
      {},
      options,
    );
    assert.deepEqual(
      results.map(({ name, ratio }) => [name, ratio]),
      [
        ["ours", 1],
        ["last", 1],
      ],
    );
    const messages = Object.fromEntries(failures.map(({ name, message }) => [name, message]));
    assert.match(messages.crashes, /ended with 3\nout of luck/);
    assert.match(messages.nonsense, /expected seconds, got "hm"/);
    assert.match(messages["no set-up"], /no such module/);
    assert.match(messages["no program"], /no-such-program/);
    assert.equal(failures.length, 4);
  });

  it("reports a contender that does not answer in time", async () => {
    const contenders = [fake("silent", { answer: "" }), fake("other")];
    const { results, failures } = await measure(contenders, {}, { ...options, patience: 0.5 });
    assert.deepEqual(failures, [{ name: "silent", message: "no answer within 0.5 s" }]);
    // Without the first contender there is nothing to compare with.
    assert.deepEqual(
      results.map(({ name, ratio }) => [name, ratio]),
      [["other", null]],
    );
  });

  it("records ddpg's updates and steps as JSON", async () => {
    const output = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "bench-")), "speed.json");
    const args = [speed, "--seconds", "0.02", "--rounds", "2", "--sizes", "64-64/B64", "--output", output];
    // Such a short measurement may seem impossibly fast, which the exit code reports.
    const { stdout } = await execute(process.execPath, args, { cwd: root }).catch((error) => error);
    assert.match(stdout, /ddpg, Node/);
    const record = JSON.parse(fs.readFileSync(output, "utf8"));
    fs.rmSync(path.dirname(output), { recursive: true });
    assert.match(record.date, /^\d{4}-\d\d-\d\d$/);
    assert.equal(typeof record.machine.cpu, "string");
    assert.deepEqual([record.rounds, record.seconds, record.threads], [2, 0.02, 1]);
    assert.deepEqual(
      record.sections.map(({ measure, sizes }) => [measure, sizes.map(({ name }) => name)]),
      [
        ["update", ["64-64/B64"]],
        ["loop", ["64-64/B64"]],
      ],
    );
    const [{ peak, products, updates, acting, besides }] = record.roofline.results;
    for (const value of [peak, ...[...products, ...updates, ...acting, ...besides].map(({ value }) => value)]) {
      assert.ok(Number.isFinite(value));
    }
    assert.deepEqual(
      [products, updates, acting, besides].map((list) => list.length),
      [4, 1, 1, 1],
    );
    for (const { sizes } of record.sections) {
      const { results, failures } = sizes[0];
      assert.deepEqual(failures, []);
      assert.equal(results.length, 1);
      assert.equal(results[0].rounds.length, 2);
      assert.ok(results[0].median > 0);
      assert.equal(results[0].ratio, 1);
    }
  });

  it("flags a kernel that seems faster than the machine allows", async () => {
    const fake = (name, peak, product) => {
      const measured = { bits: 128, peak, products: [{ name: "a product", value: product }], updates: [] };
      const program = `console.log(${JSON.stringify(JSON.stringify(measured))})`;
      return { name, command: process.execPath, args: ["--eval", program], env: {} };
    };
    const measured = async (...contenders) => (await measureRoofline(contenders, {}, 1)).doubts;
    assert.deepEqual(await measured(fake("good", 100, 104)), []);
    assert.deepEqual(await measured(fake("bad", 100, 106)), ["bad: a product"]);
    // On the same machine, the peak that another engine measured is the limit.
    assert.deepEqual(await measured(fake("one", 100, 106), fake("other", 102, 90)), []);
  });

  it("detects whether an update matches the recorded one", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
    const good = path.join(root, "fixtures/update/action-at-input.json");
    const fixture = JSON.parse(fs.readFileSync(good, "utf8"));
    fixture.config.softUpdateRate *= 1.1;
    const bad = path.join(folder, "bad.json");
    fs.writeFileSync(bad, JSON.stringify(fixture));
    const check = async (file) => {
      const args = [path.join(root, "bench/peers/ours.js"), "--check", file];
      return Object.values(JSON.parse((await execute(process.execPath, args)).stdout));
    };
    const small = await check(good);
    assert.equal(small.length, 2);
    assert.ok(
      small.every((difference) => difference <= 1e-5),
      String(small),
    );
    const [, large] = await check(bad);
    fs.rmSync(folder, { recursive: true });
    assert.ok(large > 1e-5, String(large));
  });

  it("rejects unknown options", async () => {
    for (const args of [["--size"], ["--sizes", "1-1"], ["--rounds", "x"], ["--simd", "512"]]) {
      await assert.rejects(execute(process.execPath, [speed, ...args]), { code: 2 });
    }
  });

  it("computes medians", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });
});
