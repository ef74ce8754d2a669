// What a run's configuration may load, without a process.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, before, beforeEach, describe, it, mock } from "node:test";
import { presets } from "../../ddpg/config.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { sha256Of } from "../../node/trusted-file.ts";
import type { RunConfig } from "../../node.ts";
import { stderr } from "../terminal/output.ts";
import { environmentEntries, environmentFor, environmentOf, trainingEnvironments } from "./environments.ts";

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-environments-")));
const started = process.cwd();
before(() => {
  fs.mkdirSync(path.join(folder, "runs/one"), { recursive: true });
  for (const file of ["cart.mjs", "plain", "runs/cart.mjs"])
    fs.writeFileSync(path.join(folder, file), "export default 1;");
  process.chdir(folder);
});
after(() => {
  process.chdir(started);
  fs.rmSync(folder, { recursive: true, force: true });
});

const config = (changes: Partial<RunConfig>): RunConfig => ({
  ...{ environment: "cart", preset: "small", seed: 1, steps: 10, settings: presets.small },
  ...{ evaluation: { every: 1, episodes: 1, finalEpisodes: 1 }, versions: { ddpg: "", node: "", platform: "" } },
  ...changes,
});

describe("the environment of a run", () => {
  let lines: string[];
  beforeEach(() => {
    lines = [];
    mock.method(stderr, "print", (line: string) => lines.push(line));
  });
  afterEach(() => mock.restoreAll());

  it("is an id of the package, and nothing else without a module", () => {
    assert.equal(environmentOf("runs/one", config({ environment: "Pendulum-v1" })), "Pendulum-v1");
    for (const environment of ["./cart.mjs", "cart.mjs", path.join(folder, "cart.mjs"), "__proto__", "constructor", ""])
      assert.throws(() => environmentOf("runs/one", config({ environment })), {
        name: "InputError",
        message: `${path.join("runs/one", "config.json")} environment: expected an id of "ddpg environments", got "${environment}". Name another one with --environment.`,
      });
    assert.deepEqual(lines, []);
  });

  it("is its module, after a line with the path; a child of the program says nothing", () => {
    const sha256 = sha256Of("cart.mjs", "test");
    const own = config({ environmentModule: "../../cart.mjs", environmentSha256: sha256 });
    assert.equal(environmentOf("runs/one", own, { quiet: true }), "cart.mjs");
    assert.deepEqual(lines, []);
    assert.equal(environmentOf("runs/one", own), "cart.mjs");
    assert.equal(
      environmentOf("runs/one", config({ environmentModule: "../cart.mjs" })),
      path.join("runs", "cart.mjs"),
    );
    // A name without an ending is a path, too.
    assert.equal(environmentOf("runs/one", config({ environmentModule: "../../plain" })), `.${path.sep}plain`);
    assert.deepEqual(lines, [
      "Loading cart.mjs, the module of runs/one",
      `Loading ${path.join("runs", "cart.mjs")}, the module of runs/one, which did not keep its hash`,
      `Loading .${path.sep}plain, the module of runs/one, which did not keep its hash`,
    ]);
  });

  it("is the module that the user names, with a warning if it has changed", () => {
    const sha256 = "0".repeat(64);
    const own = config({ environmentModule: "../../cart.mjs", environmentSha256: sha256 });
    assert.equal(environmentOf("runs/one", own, { given: "cart.mjs", quiet: true }), "cart.mjs");
    assert.deepEqual(lines, []);
    assert.equal(environmentOf("runs/one", own, { given: "cart.mjs" }), "cart.mjs");
    assert.equal(lines.length, 1);
    assert.match(
      lines[0],
      /^ddpg: warning: cart\.mjs has changed since the run: its SHA-256 was 000000000000… and is \w{12}…$/,
    );
    assert.throws(
      () => environmentOf("runs/one", own),
      /expected the file that the run recorded, of SHA-256 000000000000…/,
    );
  });

  it("is outside of the process only as far as the user named it", () => {
    const of = (changes: Partial<RunConfig>, choice = {}) => environmentOf("runs/one", config(changes), choice);
    assert.equal(of({ environment: "gymnasium:HalfCheetah-v5" }), "gymnasium:HalfCheetah-v5");
    assert.equal(of({ environment: "tcp" }), "tcp");
    assert.deepEqual(lines, [
      "Using gymnasium:HalfCheetah-v5, the environment of runs/one",
      "Using tcp, the environment of runs/one",
    ]);
    const refused: [Partial<RunConfig>, string][] = [
      [{ environment: "gymnasium:evil:Task-v0" }, "add --environment gymnasium:evil:Task-v0"],
      [{ environment: "gymnasium:A-v0", environmentOptions: { python: "/tmp/p" } }, "add --python /tmp/p"],
      [
        { environment: "gymnasium:m:A-v0", environmentOptions: { python: "p", kwargs: { a: "b c" } } },
        `add --environment gymnasium:m:A-v0 --python p --kwargs '{"a":"b c"}'`,
      ],
      [{ environment: "tcp", environmentOptions: { host: "0.0.0.0", port: 1 } }, "add --host 0.0.0.0 --port 1"],
      [{ environment: "tcp", environmentOptions: { other: 1 } }, "add --other 1"],
    ];
    for (const [changes, hint] of refused)
      assert.throws(() => of(changes), {
        name: "InputError",
        message: new RegExp(`because only the run's config.json names .*${hint.replace(/[{}.]/g, "\\$&")}$`),
      });
    const recorded = { environment: "tcp", environmentOptions: { port: 1 } };
    assert.equal(of(recorded, { options: { port: 2 } }), "tcp");
    assert.equal(of(recorded, { given: "tcp" }), "tcp");
    for (const environment of ["gymnasium:a b", "gymnasium:", "tcp:80", "exec:./cart.mjs", "exec:cart"])
      assert.throws(() => of({ environment }), { name: "InputError" });
  });

  it("is a program in the current folder, unchanged, and without arguments that only the run names", () => {
    const sha256 = sha256Of("cart.mjs", "test");
    const own = { environment: "exec:cart", environmentModule: "../../cart.mjs", environmentSha256: sha256 };
    assert.equal(environmentOf("runs/one", config(own)), "exec:cart.mjs");
    assert.deepEqual(lines, ["Starting cart.mjs, the program of runs/one"]);
    const changed = config({ ...own, environmentSha256: "0".repeat(64) });
    assert.throws(() => environmentOf("runs/one", changed), /add --environment exec:cart\.mjs$/);
    assert.equal(environmentOf("runs/one", changed, { given: "exec:cart.mjs" }), "exec:cart.mjs");
    assert.match(lines[1], /^ddpg: warning: exec:cart\.mjs has changed since the run/);
    const outside = config({ ...own, environmentModule: path.relative("runs/one", process.execPath) });
    assert.throws(() => environmentOf("runs/one", outside), /expected a file inside the current folder/);
    const withArguments = config({ ...own, environmentOptions: { args: ["-c", "rm"] } });
    assert.throws(() => environmentOf("runs/one", withArguments), /add --args '\["-c","rm"\]'$/);
    assert.equal(environmentOf("runs/one", withArguments, { options: { args: [] } }), "exec:cart.mjs");
  });

  it("is kept with its path from the run and its hash", () => {
    const create = () => Promise.reject(new Error("not called"));
    const module = path.join(folder, "cart.mjs");
    assert.deepEqual(environmentEntries("runs/one", { name: "cart", module, sha256: "ab", create }), {
      environment: "cart",
      environmentModule: "../../cart.mjs",
      environmentSha256: "ab",
    });
    const outside = { name: "tcp", options: { host: undefined, port: 1 }, create };
    assert.deepEqual(environmentEntries("runs/one", outside), { environment: "tcp", environmentOptions: { port: 1 } });
    assert.deepEqual(environmentEntries("runs/one", { name: "tcp", options: {}, create }), { environment: "tcp" });
    assert.deepEqual(environmentEntries("runs/one", { name: "Pendulum-v1", create }), { environment: "Pendulum-v1" });
  });
});

describe("an environment that cannot be closed", () => {
  const made = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
  const close = (): never => {
    throw new Error("cannot be closed");
  };

  it("does not hide that it is not the policy's", async () => {
    fs.writeFileSync(
      path.join(folder, "other.mjs"),
      `export default class Other {
  observationSize = 3;
  actionLow = [-1];
  actionHigh = [1];
  reset() { return [0, 0, 0]; }
  step() { return { observation: [0, 0, 0], reward: 0, terminated: false }; }
  close() { throw new Error("cannot be closed"); }
}
`,
    );
    const { policy } = await Ddpg.create(made, presets.small);
    await assert.rejects(environmentFor(policy, "./other.mjs"), /^InputError: other observationSize: expected 2/);
  });

  it("does not hide that a second one cannot be made", async () => {
    let count = 0;
    const create = async () => {
      if (++count === 2) throw new Error("only one");
      return { ...made, close, reset: () => [0, 0], step: close };
    };
    await assert.rejects(
      trainingEnvironments({ name: "one", create }, () => "environment one"),
      /only one/,
    );
    assert.equal(count, 2);
  });
});
