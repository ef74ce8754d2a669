import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { presets } from "../ddpg/config.ts";
import { formatRecord, type MetricsRecord } from "../training/metrics.ts";
import { eachMetric, inFileName, readConfig, readMetrics, readResult } from "./run-files.ts";

const run = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-records-"));
after(() => fs.rmSync(run, { recursive: true }));

const episode = (n: number): MetricsRecord => ({
  ...{ type: "episode", step: n, episode: n, return: -1 / n, length: 1, terminated: true, seconds: n },
});

function write(text: string): void {
  fs.writeFileSync(path.join(run, "metrics.jsonl"), text);
}

describe("the records of a run", () => {
  it("are the same however the file is cut into pieces", () => {
    // 40,000 lines are about 4 MB: several pieces, which end within lines.
    const records = Array.from({ length: 40_000 }, (_, i) => episode(i + 1));
    write(records.map(formatRecord).join(""));
    assert.deepEqual(readMetrics(run), records);
  });

  it("end before a line that was cut off, and at the byte asked for", () => {
    const lines = [episode(1), episode(2), episode(3)].map(formatRecord);
    write(lines.join("").slice(0, -20));
    assert.deepEqual(readMetrics(run), [episode(1), episode(2)]);
    assert.deepEqual([...eachMetric(run, lines[0].length)], [episode(1)]);
  });

  it("may have lines longer than a piece, up to 16 MiB", () => {
    const long = { ...episode(1), note: "x".repeat(3_000_000) };
    write(formatRecord(long) + formatRecord(episode(2)));
    assert.deepEqual(readMetrics(run), [long, episode(2)]);
    write(formatRecord(episode(1)) + " ".repeat(17 * 2 ** 20));
    assert.throws(() => readMetrics(run), {
      name: "InputError",
      message: /metrics\.jsonl line 2: expected a line of at most 16 MiB, got a longer one\.$/,
    });
  });

  it("name the line that is not a record", () => {
    write(`${formatRecord(episode(1))}nonsense\n`);
    assert.throws(() => readMetrics(run), { message: /metrics\.jsonl line 2: expected one JSON object/ });
  });
});

describe("config.json", () => {
  const file = path.join(run, "config.json");
  const good = {
    ...{
      format: "ddpg-run-1",
      environment: "cart",
      environmentModule: "../cart.js",
      environmentSha256: "0f".repeat(32),
    },
    ...{ preset: "small", seed: 1, steps: 100, settings: presets.small },
    evaluation: { every: 10, episodes: 2, finalEpisodes: 5, fewerIfSlow: true },
    ...{ untilReturn: -5.5, versions: { ddpg: "0.1.0", node: "20.0.0", platform: "linux" }, commit: "c0ffee" },
  };
  const refuses = (text: string, message: string): void => {
    fs.writeFileSync(file, text);
    assert.throws(() => readConfig(run), { name: "InputError", message: `${file}${message}` });
  };
  const wrong = "Set it right in the file, or train again.";

  it("reads back without its format", () => {
    fs.writeFileSync(file, JSON.stringify(good));
    const { format, ...rest } = good;
    assert.deepEqual(readConfig(run), rest);
  });

  it("is refused with the field for a value out of range", () => {
    for (const [name, value, shown] of [
      ["every", "0", "0"],
      ["episodes", "0", "0"],
      ["finalEpisodes", "0", "0"],
      ["finalEpisodes", "-1", "-1"],
      ["finalEpisodes", "2.5", "2.5"],
      ["finalEpisodes", "1e999", "Infinity"],
      ["every", "null", "null"],
      ["episodes", '"2"', '"2"'],
    ])
      refuses(
        JSON.stringify(good).replace(new RegExp(`"${name}":\\d+`), `"${name}":${value}`),
        ` evaluation ${name}: expected a whole number above 0, got ${shown}. ${wrong}`,
      );
    for (const [field, value, message] of [
      ["steps", "0", "expected a whole number above 0, got 0"],
      ["seed", "-1", "expected a whole number, got -1"],
      ["untilReturn", "1e999", "expected a number, or nothing, got Infinity"],
      ["from", "false", "expected true, or nothing, got false"],
      ["commit", "{}", "expected a text, or nothing, got an object with no properties"],
      ["environmentSha256", '"0F"', 'expected 64 hexadecimal digits, or nothing, got "0F"'],
      ["versions", "null", "expected an object, got null"],
    ])
      refuses(
        JSON.stringify({ ...good, [field]: "here" }).replace(`"${field}":"here"`, `"${field}":${value}`),
        ` ${field}: ${message}. ${wrong}`,
      );
    refuses(
      JSON.stringify({ ...good, versions: { ddpg: "1" } }),
      ` versions node: expected a text, got undefined. ${wrong}`,
    );
  });

  it("is refused for a field that it does not know, in whatever way it is written", () => {
    const known =
      "format, environment, environmentModule, environmentSha256, environmentOptions, preset, seed, steps, environments, actors, settings, arithmetic, evaluation, untilReturn, from, versions, commit";
    const keep = "Remove it, or use the version of ddpg that wrote it.";
    for (const [field, hint] of [
      ["constructor", keep],
      ["untilreturn", 'Did you mean "untilReturn"?'],
      ["x".repeat(30), keep],
    ])
      refuses(
        JSON.stringify(good).replace(/\}$/, `,"${field}":{"seed":2}}`),
        `: expected fields among ${known}, got "${field}". ${hint}`,
      );
    refuses(
      JSON.stringify(good).replace('"every":10', '"every":10,"ever":1'),
      ' evaluation: expected fields among every, episodes, finalEpisodes, fewerIfSlow, got "ever". Did you mean "every"?',
    );
    refuses(
      JSON.stringify(good).replace('"seed":1', '"seed":1,"seed":2'),
      `: expected every name once, got "seed" twice. ${wrong}`,
    );
    refuses(
      JSON.stringify(good).replace(/\}$/, ',"__proto__":{"seed":2}}'),
      `: expected another name, got "__proto__". ${wrong}`,
    );
    for (const text of ["null", "5", '"config"', "[]"]) {
      fs.writeFileSync(file, text);
      assert.throws(() => readConfig(run), { name: "InputError" }, text);
    }
  });
});

describe("result.json", () => {
  it("leaves out what it does not know, and has no infinite number", () => {
    const good = {
      ...{ environment: "Pendulum-v1", preset: "small", seed: 1, steps: 100, trainingSeconds: 1, stepsPerSecond: 100 },
      ...{ threads: 1, fingerprint: "0123456789abcdef" },
      evaluation: { meanReturn: -1, standardError: null, episodes: 1, info: { height: 2 } },
      best: { step: 0, meanReturn: -1, standardError: null, episodes: 1 },
    };
    const file = path.join(run, "result.json");
    const text = JSON.stringify({ format: "ddpg-run-1", ...good });
    fs.writeFileSync(
      file,
      text.replace('"steps"', '"constructor":{"steps":1},"more":1,"steps"').replace('"step"', '"x":1,"step"'),
    );
    assert.deepEqual(readResult(run), good);
    fs.writeFileSync(file, text.replace('"trainingSeconds":1', '"trainingSeconds":1e999'));
    assert.throws(() => readResult(run), {
      message: `${file} trainingSeconds: expected a number, got Infinity. Was it edited? ddpg resume writes it again, from the checkpoint.`,
    });
  });
});

describe("the name of an environment in names of files", () => {
  it("has nothing in it that a file's name cannot have on some system", () => {
    assert.equal(inFileName("dm_control/cheetah-run"), "dm_control-cheetah-run");
    assert.equal(inFileName("gymnasium:ALE/Pong-v5"), "gymnasium-ALE-Pong-v5");
    assert.equal(inFileName('a\\b*c?d"e<f>g|h:://i'), "a-b-c-d-e-f-g-h-i");
    assert.equal(inFileName("Hopper-v5"), "Hopper-v5");
  });
});
