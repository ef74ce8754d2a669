// The benchmark's runner: what it records, and how it handles contenders that fail. These tests need no Python.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ours } from "../bench/contenders.js";
import { measureRoofline } from "../bench/roofline.js";
import { measure, median, recordFile } from "../bench/runner.js";
import { performanceBlocks } from "../scripts/performance.js";

const execute = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { loadNative } = await import("../dist/node/native.js");
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

describe("bench:pendulum with all records", { timeout: 120_000 }, () => {
  const again = (env = {}) =>
    execute(process.execPath, [path.join(root, "bench/pendulum.js"), "small", "2"], {
      cwd: root,
      env: { ...process.env, ...env },
    }).catch((error) => error);

  it("trains them again and says how many fingerprints are as recorded", async () => {
    const file = path.join(root, "docs/results/pendulum-small.json");
    const before = fs.readFileSync(file, "utf8");
    const { code = 0, stdout } = await again();
    assert.match(stdout, /^2 of 2 fingerprints as recorded\.$/m);
    assert.equal(code, 0);
    assert.equal(fs.readFileSync(file, "utf8"), before, "the records stay as they are");

    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-records-"));
    try {
      const other = before.replace(/("seed":202.*?"fingerprint":")./s, "$1-");
      assert.notEqual(other, before);
      fs.writeFileSync(path.join(folder, "pendulum-small.json"), other);
      const { code, stdout } = await again({ DDPG_RESULTS: folder });
      assert.match(stdout, /^small seed 202: [0-9a-f]{16}, recorded -[0-9a-f]{15}$/m);
      assert.match(stdout, /^1 of 2 fingerprints as recorded\.$/m);
      assert.equal(code, 1);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the benchmark", { timeout: 300_000 }, () => {
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
    const { results, failures } = await measure(contenders, {}, { ...options, patience: 2 });
    assert.deepEqual(failures, [{ name: "silent", message: "no answer within 2 s" }]);
    // Without the first contender there is nothing to compare with.
    assert.deepEqual(
      results.map(({ name, ratio }) => [name, ratio]),
      [["other", null]],
    );
  });

  it("records ddpg's updates and steps as JSON", async () => {
    const output = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "bench-")), "speed.json");
    const kinds = ["--simd", "native", "--simd", "128", "--arithmetic", "fused"];
    const args = [speed, ...kinds, "--seconds", "0.02", "--rounds", "2", "--sizes", "64-64/B64", "--output", output];
    // Such a short measurement may seem impossibly fast, which the exit code reports.
    const { stdout } = await execute(process.execPath, args, { cwd: root }).catch((error) => error);
    assert.match(stdout, /ddpg, Node/);
    const record = JSON.parse(fs.readFileSync(output, "utf8"));
    const folder = path.dirname(output);
    fs.renameSync(output, path.join(folder, "speed.some-cpu.json"));
    const [document, sentence] = ["processors", "speed"].map((name) => performanceBlocks[name][1](folder));
    fs.rmSync(folder, { recursive: true });
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
    const expected = [...(typeof loadNative() === "object" ? ["native, fused"] : []), "128 bit, fused"].map(
      (kind) => `ddpg, Node ${process.versions.node}, ${kind}`,
    );
    assert.deepEqual(
      record.ours.map(({ name }) => name),
      expected,
    );
    for (const { name, node, v8, arithmetic, simd, backend } of record.ours) {
      assert.deepEqual([node, v8], [process.versions.node, process.versions.v8]);
      assert.equal(arithmetic, "fused");
      assert.match(backend, simd === "native" ? /^native-/ : /^wasm128$/);
      assert.ok(document.includes(name.replace(/^ddpg, (Node \d+)[\d.]*/, "$1")), name);
    }
    const lists = ["products", "updates", "acting", "policies", "exported", "besides"];
    for (const { name, peak, profile, ...result } of record.roofline.results) {
      // Native kernels may have been copied to a machine without a compiler.
      assert.ok(Number.isFinite(peak) || /native/.test(name));
      for (const list of lists) {
        assert.equal(result[list].length, list === "products" ? 4 : 1, `${name}: ${list}`);
        for (const { value } of result[list]) assert.ok(Number.isFinite(value));
      }
      assert.ok(Math.abs(profile[0].parts.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-3);
      for (const called of ["multiply", "adam", "softUpdate"]) {
        assert.ok(profile[0].parts.find(({ kernel }) => kernel === called).share > 0, called);
      }
    }
    assert.match(document, /^### /);
    assert.match(sentence, /^Updates per second/);
    for (const { sizes } of record.sections) {
      const { results, failures } = sizes[0];
      assert.deepEqual(failures, []);
      assert.deepEqual(
        results.map(({ name }) => name),
        expected,
      );
      for (const [i, { version, rounds, median }] of results.entries()) {
        const { backend, arithmetic } = record.ours[i];
        // What the process itself says that it ran.
        assert.equal(version, `Node ${process.versions.node}, ${backend}, ${arithmetic}`);
        assert.equal(rounds.length, 2);
        assert.ok(median > 0);
      }
      assert.equal(results[0].ratio, 1);
    }
  });

  it("leaves out the kernels that a Node lacks, and says why; a Node that does not run fails", () => {
    const told = [];
    const tell = (line) => told.push(line);
    const old = Number.parseInt(process.versions.node, 10) < 24;
    const wanted = { simd: ["128", "256"], arithmetic: ["portable"], tell };
    const found = ours({ nodes: [process.execPath], ...wanted }, "ours.js");
    assert.equal(found[0].name, `ddpg, Node ${process.versions.node}, 128 bit`);
    assert.equal(found.length + told.length, 2);
    if (old) assert.match(told[0], /256 bit is left out: 256-bit vectors need /);
    const none = ours({ nodes: ["/no/such/node"], ...wanted }, "ours.js");
    assert.deepEqual(
      none.map(({ name }) => name),
      ["ddpg, Node that does not run, 128 bit"],
    );
  });

  it("measures how the time of an update grows", async () => {
    const output = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "bench-")), "cost.json");
    const grid = ["--widths", "16,32", "--batches", "4,8", "--rounds", "2", "--seconds", "0.002"];
    const args = [path.join(root, "bench/cost.js"), ...grid, "--output", output];
    await execute(process.execPath, args, { cwd: root });
    const record = JSON.parse(fs.readFileSync(output, "utf8"));
    fs.rmSync(path.dirname(output), { recursive: true });
    const [{ name, cells }] = record.results;
    assert.equal(name, record.ours[0].name);
    assert.deepEqual(
      cells.map(({ width, batchSize }) => [width, batchSize]),
      [
        [16, 4],
        [16, 8],
        [32, 4],
        [32, 8],
      ],
    );
    assert.equal(cells[1].multiplyAdds, 2 * cells[0].multiplyAdds);
    for (const { seconds, rounds } of cells) assert.ok(seconds > 0 && rounds.length === 2);
  });

  it("names records by the processor", () => {
    const named = (cpu) => path.basename(recordFile(root, "speed", { machine: { cpu } }));
    assert.equal(named("Intel(R) Xeon(R) Processor @ 2.60GHz"), "speed.intel-xeon.json");
    assert.equal(named("AMD EPYC"), "speed.amd-epyc.json");
    assert.equal(named("unknown"), "speed.unknown.json");
  });

  it("quotes the slower processor first", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));
    const record = (cpu, rate) => {
      const results = [
        { name: "ddpg, Node 26.0.0, native, fused", rounds: [rate] },
        { name: "ddpg, Node 20.0.0, 128 bit", rounds: [rate / 2] },
        { name: "PyTorch, tuned", rounds: [50] },
        { name: "JAX jit", rounds: [100] },
      ];
      return { machine: { cpu }, sections: [{ measure: "update", sizes: [{ name: "64-64/B64", results }] }] };
    };
    fs.writeFileSync(path.join(folder, "speed.a.json"), JSON.stringify(record("Some Fast", 200)));
    fs.writeFileSync(path.join(folder, "speed.b.json"), JSON.stringify(record("Intel(R) Slow CPU @ 1 GHz", 90)));
    const text = performanceBlocks.speed[1](folder);
    fs.rmSync(folder, { recursive: true });
    assert.match(text, /on Intel Slow 0\.90 times those of JAX and 1\.80 .* 0\.90 .*; on Some Fast 2\.00 /);
  });

  it("flags a kernel that seems faster than the machine allows", async () => {
    const fake = (name, peak, product, arithmetic) => {
      const measured = { bits: 128, arithmetic, peak, products: [{ name: "a product", value: product }], updates: [] };
      const program = `console.log(${JSON.stringify(JSON.stringify(measured))})`;
      return { name, command: process.execPath, args: ["--eval", program], env: {} };
    };
    const measured = async (...contenders) => (await measureRoofline(contenders, {}, 1)).doubts;
    assert.deepEqual(await measured(fake("good", 100, 104)), []);
    assert.deepEqual(await measured(fake("bad", 100, 106)), ["bad: a product"]);
    // On the same machine, the peak that another engine measured is the limit.
    assert.deepEqual(await measured(fake("one", 100, 106), fake("other", 102, 90)), []);
    // But not with another arithmetic.
    assert.deepEqual(await measured(fake("one", 100, 106, "portable"), fake("other", 200, 190, "fused")), [
      "one: a product",
    ]);
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
    for (const args of [
      ["--size"],
      ["--sizes", "1-1"],
      ["--rounds", "x"],
      ["--simd", "512"],
      ["--arithmetic", "exact"],
    ]) {
      await assert.rejects(execute(process.execPath, [speed, ...args]), { code: 2 });
    }
  });

  it("computes medians", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });
});
