// The trained policies in web/trained: each is the one that its record says, and the command line uses them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { environments, evaluate } from "ddpg";
import { readPolicyFile, readResult } from "ddpg/node";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const program = path.join(root, "bin/ddpg.js");
const folder = path.join(root, "web/trained");
const records = JSON.parse(fs.readFileSync(path.join(folder, "index.json"), "utf8"));
/** The tasks that README and the page begin with. */
const first = ["Pendulum-v1", "InvertedPendulum-v5", "HalfCheetah-v5"];
/** A run of at most this many steps is made again; it takes seconds. */
const shortSteps = 20_000;

describe("trained policies", { timeout: 900_000 }, () => {
  let temporary;
  const ddpg = (...args) =>
    execFileSync(process.execPath, [program, ...args], {
      cwd: temporary,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  before(() => {
    temporary = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-trained-"));
  });
  after(() => fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

  it("are those of the record, one for each task, and those that come first are there", () => {
    const files = fs.readdirSync(folder).filter((name) => name !== "index.json");
    assert.deepEqual(records.map(({ file }) => file).sort(), files.sort());
    assert.equal(new Set(records.map(({ task }) => task)).size, records.length);
    for (const task of first) assert.ok(records.some((record) => record.task === task));
  });

  for (const record of records) {
    const { task, file, evaluation, meanOfTen, command, step, steps, fingerprint } = record;
    it(`${task}: at most 700 kB, and earns what its record says`, async () => {
      const full = path.join(folder, file);
      assert.ok(fs.statSync(full).size <= 700_000);
      const { policy } = await readPolicyFile(full);
      const environment = await environments[task].create();
      const { meanReturn } = await evaluate(policy, environment, { episodes: 10 });
      environment.close?.();
      assert.equal(meanReturn, meanOfTen);
      assert.equal(evaluation.episodes, 1000);
      // The same ten starts are the first of the thousand.
      const spread = evaluation.standardError * Math.sqrt(1000 / 10);
      assert.ok(
        Math.abs(meanReturn - evaluation.meanReturn) <= 4 * spread,
        `${meanReturn} against ${evaluation.meanReturn}`,
      );
    });

    if (first.includes(task) && steps <= shortSteps) {
      it(`${task}: its command makes it again, byte by byte`, () => {
        const [, ddpgName, ...words] = command.split(" ");
        assert.equal(ddpgName, "ddpg");
        ddpg(...words, "--episodes", "1", "--no-progress", "--out", "again");
        const result = readResult(path.join(temporary, "again"));
        fs.renameSync(path.join(temporary, "again"), path.join(temporary, task));
        assert.equal(result.fingerprint, fingerprint);
        assert.equal(result.best.step, step);
        const again = fs.readFileSync(path.join(temporary, task, "best.safetensors"));
        assert.ok(again.equals(fs.readFileSync(path.join(folder, file))));
      });
    }
  }

  it("are evaluated, exported and drawn with --trained", () => {
    const [{ step, meanOfTen, fingerprint }] = records;
    const told = JSON.parse(ddpg("evaluate", "--trained", "Pendulum-v1", "--episodes", "10", "--json"));
    assert.deepEqual(
      [told.environment, told.policy, told.steps, told.meanReturn, told.fingerprint],
      ["Pendulum-v1", "trained", step, meanOfTen, fingerprint],
    );
    ddpg("export", "--trained", "Pendulum-v1");
    const exported = fs.readFileSync(path.join(temporary, "Pendulum-v1.safetensors"));
    assert.ok(exported.equals(fs.readFileSync(path.join(folder, "Pendulum-v1.safetensors"))));
    const drawn = ddpg("render", "--trained", "Pendulum-v1", "--seconds", "0.1", "--size", "40x30");
    assert.match(drawn, /^Wrote Pendulum-v1\.gif/);
    assert.match(drawn, /environment {2}Pendulum-v1, episode 1/);
  });

  it("say which there are, and refuse --trained beside a run", () => {
    for (const [args, message] of [
      [
        ["render", "--trained", "Pendulum-v2"],
        /^ddpg: --trained: expected one of Pendulum-v1, .*, got "Pendulum-v2"\. Did you mean "Pendulum-v1"\?\n$/,
      ],
      [
        ["export", "run", "--trained", "Pendulum-v1"],
        /^ddpg: export: expected <run> or --trained, got both\. See "ddpg export --help"\.\n$/,
      ],
      [["evaluate"], /^ddpg: evaluate: expected <run> or --trained, got nothing\. See "ddpg evaluate --help"\.\n$/],
      [
        ["evaluate", "--trained", "Pendulum-v1", "--best"],
        /^ddpg: --best: expected a run's directory, got --trained\.\n$/,
      ],
    ]) {
      assert.throws(
        () => ddpg(...args),
        ({ status, stderr }) => {
          assert.equal(status, 2);
          assert.match(stderr, message);
          return true;
        },
      );
    }
  });
});
