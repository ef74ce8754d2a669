// TORCS and games made with Godot through the command line, with stand-ins for both.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { GodotGame, type GodotGameOptions } from "../../node/outside/godot-game.case.ts";
import { TorcsServer, type TorcsServerOptions } from "../../node/outside/torcs-server.case.ts";
import { readConfig, readMetrics, readResult } from "../../node.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { file, inFolder, start, ddpg, succeed } = programInFolder("games");
const ends: (() => unknown)[] = [];
after(async () => {
  for (const end of ends) await end();
});

const brief = ["--evaluate-episodes", "1", "--episodes", "1", "--no-progress"];
const sizes = [
  "--actor-hidden-sizes",
  "16",
  "--critic-hidden-sizes",
  "16",
  "--critic-activations",
  "relu",
  "--batch-size",
  "8",
];

async function serve(options: TorcsServerOptions = {}): Promise<TorcsServer> {
  const server = new TorcsServer(options);
  await server.listen();
  ends.push(() => server.close());
  return server;
}

/** Starts a command that listens, and a game once it does. */
async function withGame(args: readonly string[], options: Partial<GodotGameOptions> = {}) {
  const { child, outcome } = start(args);
  let text = "";
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on("data", (piece) => {
      text += piece;
      const found = /Listening on 127\.0\.0\.1:(\d+)\. Start the game\./.exec(text);
      if (found) resolve(Number(found[1]));
    });
    child.on("close", () => reject(new Error(`it ended: ${text}`)));
  });
  const game = new GodotGame({ port, ...options });
  ends.push(() => game.kill());
  return { child, outcome, game };
}

describe("ddpg train torcs", { timeout: 120_000 }, () => {
  const train = (port: number, out: string, ...others: string[]) => [
    ...["train", "torcs", "--port", `${port}`, "--limit", "60", "--check-steps", "20", ...sizes, ...brief],
    ...["--steps", "300", "--out", out, ...others],
  ];

  it("trains with the preset of its name; the run is evaluated and resumed with the same words", async () => {
    const { port } = await serve();
    const stdout = await succeed(...train(port, "car"));
    assert.match(stdout, /preset +torcs/);
    const { environment, environmentOptions, preset, settings } = readConfig(inFolder("car"));
    assert.deepEqual([environment, preset, settings.noise], ["torcs", "torcs", "action-reverting"]);
    assert.deepEqual(environmentOptions, { port, limit: 60 });
    assert.deepEqual(settings.noiseTheta, [0.6, 1, 1]);
    assert.equal(readResult(inFolder("car")).steps, 300);
    const episodes = readMetrics(inFolder("car")).filter(({ type }) => type === "episode");
    assert.equal(episodes.length, 5);
    assert.ok("info" in episodes[0] && typeof episodes[0].info?.distance === "number");

    const given = ["--port", `${port}`, "--limit", "60"];
    const { code, stderr } = await ddpg("evaluate", "car", "--episodes", "2");
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`add --port ${port} --limit 60`));
    assert.match(await succeed("evaluate", "car", "--episodes", "2", ...given), /return/);
    await succeed("resume", "car", "--steps", "360", "--no-progress", ...given);
    assert.equal(readResult(inFolder("car")).steps, 360);
    const other = await ddpg("resume", "car", "--steps", "400", "--port", `${port}`, "--limit", "61");
    assert.equal(other.code, 2);
    assert.match(other.stderr, /--limit: expected 60, as car has it, got "61"/);
  });

  it("a server that is gone in mid-run: an error that says so, a checkpoint, and the run resumes with a new one", async () => {
    const server = await serve({
      alters: (sentence, state) => {
        if (state <= 180) return sentence;
        void server.close();
        return undefined;
      },
    });
    const { port } = server;
    const { code, stdout, stderr } = await ddpg(...train(port, "gone", "--evaluate-every", "1000"));
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /^ddpg: torcs episode \d+ step \d+: TORCS server 127\.0\.0\.1:\d+: expected the car's next state/m,
    );
    const { failed, steps } = readResult(inFolder("gone"));
    assert.match(String(failed), /nothing listens there any more/);
    assert.match(stdout, new RegExp(`Resume after step ${steps}: npx ddpg resume gone\n$`));
    await serve({ port });
    await succeed("resume", "gone", "--no-progress", "--port", `${port}`, "--limit", "60");
    assert.equal(readResult(inFolder("gone")).steps, 300);
  });

  it("a signal in mid-run leaves the server free", { skip: process.platform === "win32" }, async () => {
    const server = await serve();
    const { child, outcome } = start(train(server.port, "signal", "--steps", "1000000"));
    const metrics = inFolder("signal", "metrics.jsonl");
    while (!fs.existsSync(metrics) || fs.statSync(metrics).size < 500) await delay(20);
    child.kill("SIGINT");
    assert.equal((await outcome).code, 130);
    const { races } = server;
    await succeed("evaluate", "signal", "--episodes", "1", "--port", `${server.port}`, "--limit", "60");
    assert.ok(server.races > races);
  });

  it("wrong words are refused before anything starts", async () => {
    for (const [args, message] of [
      [
        ["torcs", "--reward", "papr"],
        /^ddpg: --reward: expected one of keras, paper, got "papr"\. Did you mean "paper"\?/,
      ],
      [["torcs", "--limit", "0"], /^ddpg: --limit: expected a whole number above 0, got 0/],
      [
        ["torcs", "--python", "python3"],
        /^ddpg: torcs: expected options among host, port, reward, limit, got "python"/,
      ],
      [["torcs:3001"], /expected torcs alone, with --host and --port/],
      [["Pendulum-v1", "--preset", "torcs"], /noiseScale|--noise-scale: expected one value, or 1/],
      [["torcs", "--seeds", "1,2"], /--seeds: expected an environment that several processes can have, got "torcs"/],
    ] as const) {
      const { code, stderr } = await ddpg("train", ...args, "--check-steps", "0");
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  });
});

describe("ddpg train godot", { timeout: 120_000 }, () => {
  const train = (out: string, ...others: string[]) => [
    ...["train", "godot", "--port", "0", "--preset", "small", "--warmup-steps", "50", ...brief],
    ...["--steps", "240", "--evaluate-every", "100", "--check-steps", "30", "--out", out, ...others],
  ];

  it("trains all agents of a game as one policy, which is evaluated meanwhile, and exported for its plugin", async () => {
    const { outcome, game } = await withGame(train("game"), { agents: 3 });
    const { code, stdout, stderr } = await outcome;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /environments +3 at once/);
    assert.match(stderr, /The game has 3 agents, which share the policy/);
    await game.closed;
    assert.equal(game.received.at(-1), '{"type":"close"}');
    assert.deepEqual([readConfig(inFolder("game")).environments, readResult(inFolder("game")).steps], [3, 240]);
    const evaluations = readMetrics(inFolder("game")).filter(({ type }) => type === "evaluation");
    assert.deepEqual(
      evaluations.map(({ step }) => step),
      [0, 100, 200, 240],
    );
    await succeed("export", "game", "--format", "onnx", "--for", "godot", "--output", "game.onnx");
    const bytes = fs.readFileSync(inFolder("game.onnx")).toString("latin1");
    for (const name of ["obs", "state_ins", "output", "state_outs"]) assert.ok(bytes.includes(name), name);
    for (const [args, message] of [
      [["--format", "onnx", "--for", "gdot"], /--for: expected one of godot, got "gdot"\. Did you mean "godot"\?/],
      [["--format", "js", "--for", "godot"], /--for: expected to be used with --format onnx, got "--format js"/],
    ] as const) {
      const refused = await ddpg("export", "game", ...args);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, message);
    }
  });

  it("a game that ends in mid-run: an error, a checkpoint, and the run resumes with the same number of agents", async () => {
    let count = 0;
    const { outcome, game } = await withGame(train("ended"), {
      agents: 2,
      alters: (message) => (message.type === "step" && ++count === 130 ? undefined : message),
    });
    while (count < 130) await delay(20);
    game.kill();
    const { code, stderr } = await outcome;
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Godot game: expected an answer, got the end of the connection\. Start the game again/);
    assert.ok(readResult(inFolder("ended")).failed);
    const resume = ["resume", "ended", "--no-progress", "--port", "0"];
    const wrong = await withGame(resume, { agents: 3 });
    const refused = await wrong.outcome;
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--environments: expected 3 agents, got 2\. They share one game/);
    const right = await withGame(resume, { agents: 2 });
    const resumed = await right.outcome;
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(readResult(inFolder("ended")).steps, 240);
  });
});

describe("the car of docs/worlds.md", { timeout: 120_000 }, () => {
  it("trains with the command that is there, and its policy drives TORCS itself", async () => {
    const { port } = await serve();
    const root = path.dirname(path.dirname(file));
    fs.mkdirSync(inFolder("node_modules"));
    fs.symlinkSync(root, inFolder("node_modules/ddpg"), "junction");
    const text = fs.readFileSync(path.join(root, "docs/worlds.md"), "utf8");
    const [, module = ""] = /```js\n(\/\/ car\.mjs\n[\s\S]*?)```/.exec(text) ?? [];
    fs.writeFileSync(inFolder("car.mjs"), module.replace("3001", `${port}`).replace("12_000", "60"));
    const [, command = ""] = /^npx ddpg (train \.\/car\.mjs (?:.*\\\n)*.*)$/m.exec(text) ?? [];
    const words = command.replaceAll("\\\n", " ").split(/ +/);
    words[words.indexOf("--steps") + 1] = "200";
    const stdout = await succeed(...words, "--batch-size", "8", "--out", "worlds", "--no-progress");
    assert.match(stdout, /preset +robust/);
    assert.equal(readResult(inFolder("worlds")).steps, 200);
    const drive = ["--environment", "torcs", "--port", `${port}`, "--limit", "60", "--episodes", "1", "--json"];
    assert.equal(JSON.parse(await succeed("evaluate", "worlds", "--best", ...drive)).environment, "torcs");
  });
});

describe("ddpg benchmark with games", { timeout: 180_000 }, () => {
  const seeds = ["--seeds", "1,2", "--check-steps", "20", "--no-progress"];
  const recorded = (out: string) =>
    fs
      .readdirSync(inFolder(out))
      .filter((name) => name.endsWith(".json"))
      .sort();

  it("one seed after another drives on TORCS' server", async () => {
    const { port } = await serve();
    const car = ["--tasks", "torcs", "--port", `${port}`, "--limit", "60", "--steps", "120", ...sizes];
    await succeed("benchmark", ...car, ...seeds, "--out", "cars");
    assert.deepEqual(recorded("cars"), ["torcs-seed1.json", "torcs-seed2.json"]);
    assert.match(fs.readFileSync(inFolder("cars/benchmark.md"), "utf8"), /^\| torcs \|/m);
  });

  it("each seed listens for a game of its own", async () => {
    const games: GodotGame[] = [];
    const preset = ["--preset", "small", "--warmup-steps", "50"];
    const args = ["benchmark", "--tasks", "godot", "--port", "0", "--steps", "120", ...preset, ...seeds];
    const { child, outcome } = start([...args, "--out", "games"]);
    let text = "";
    child.stderr.on("data", (piece) => {
      text += piece;
      const found = /^godot seed \d *: Listening on 127\.0\.0\.1:(\d+)\. Start the game\.\n/m.exec(text);
      if (!found) return;
      text = text.slice(found.index + found[0].length);
      games.push(new GodotGame({ port: Number(found[1]) }));
    });
    const { code, stderr } = await outcome;
    for (const game of games) game.kill();
    assert.equal(code, 0, stderr);
    assert.equal(games.length, 2, "one game for each run");
    assert.deepEqual(recorded("games"), ["godot-seed1.json", "godot-seed2.json"]);
  });
});
