import assert from "node:assert/strict";
import * as http from "node:http";
import * as net from "node:net";
import { after, afterEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../../base/random.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { train } from "../../ddpg/train.ts";
import { checkEnvironment } from "../../environment/check-environment.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { environmentCases } from "../../envs/environment.case.ts";
import { evaluate } from "../../training/evaluate.ts";
import { type GodotOptions, godot, godotAgentsOf, readInfo } from "./godot.ts";
import { GodotGame, type GodotGameOptions } from "./godot-game.case.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Listens on a free port; returns it, what is printed, and the agents that come. */
async function listen(options: GodotOptions = {}) {
  const lines: string[] = [];
  const agents = godot({ port: 0, onLine: (line) => lines.push(line), ...options });
  agents.catch(() => {});
  while (lines.length === 0) await delay(5);
  const port = Number(/:(\d+)\. Start/.exec(lines[0])?.[1]);
  return { lines, agents, port };
}

async function play(gameOptions: Partial<GodotGameOptions> = {}, options: GodotOptions = {}) {
  const { lines, agents: coming, port } = await listen(options);
  const game = new GodotGame({ port, ...gameOptions });
  ends.push(() => game.kill());
  const agents = await coming;
  ends.unshift(() => agents[0].close?.());
  return { game, agents, lines, port };
}

const random = new Random(1);
const resets = (agents: readonly Environment[]) =>
  Promise.all(agents.map(async (agent) => Array.from(await agent.reset(random))));
const steps = (agents: readonly Environment[], ...actions: number[][]): Promise<Step[]> =>
  Promise.all(
    agents.map(async (agent, i) => {
      const step = await agent.step(Float32Array.from(actions[i] ?? [0, 0]));
      return { ...step, observation: Array.from(step.observation) };
    }),
  );

describe("the contract of an environment", { timeout: 60_000 }, () => {
  const made: (() => unknown)[] = [];
  after(async () => {
    for (const end of made) await end();
  });
  const make = async (): Promise<Environment> => {
    const { agents, port } = await listen({ limit: 20 });
    const game = new GodotGame({ port });
    const [agent] = await agents;
    made.push(() => agent.close?.());
    made.push(() => game.kill());
    return agent;
  };
  environmentCases("godot", make, 20, { outside: true, repeatable: false });
});

describe("a game made with Godot", { timeout: 60_000 }, () => {
  test("is greeted and asked, then reset, moved and closed, in the words of Godot RL Agents", async () => {
    const { game, agents, lines } = await play();
    const [agent] = agents;
    assert.deepEqual([agent.observationSize, agent.actionLow, agent.actionHigh], [3, [-1, -1], [1, 1]]);
    assert.deepEqual([agent.single, agent.repeatable], [true, false]);
    const [[x, target]] = await resets(agents);
    const [{ observation, reward, terminated, truncated }] = await steps(agents, [1, -0.5]);
    assert.deepEqual([observation[0], observation[1]], [x + (0.1 + 0.05 * -0.5), target]);
    assert.equal(reward, observation[2]);
    assert.deepEqual([terminated, truncated], [false, false]);
    agent.close?.();
    await game.closed;
    assert.deepEqual(game.received, [
      '{"type":"handshake","major_version":"0","minor_version":"7"}',
      '{"type":"env_info"}',
      '{"type":"reset"}',
      '{"type":"action","action":[{"move":[1],"push":[-0.5]}]}',
      '{"type":"close"}',
    ]);
    assert.deepEqual(lines.slice(1), ["The game has one agent"]);
  });

  test("may send its messages in pieces, and tell its spaces only once", async () => {
    const { agents } = await play({ pieces: 7, agents: 2, isOld: true });
    await resets(agents);
    assert.equal((await steps(agents)).length, 2);
  });

  test("with several agents moves them all with one message, and idle ones by the middle", async () => {
    const { game, agents } = await play({ agents: 3 });
    assert.deepEqual(godotAgentsOf(agents[1]), agents);
    assert.equal(godotAgentsOf({} as Environment), undefined);
    await resets(agents);
    assert.equal(game.received.length, 3, "one reset for all");
    await steps(agents, [1, 0], [0.5, 0], [-1, 1]);
    assert.equal(game.received.length, 4);
    assert.match(
      game.received[3],
      /\[\{"move":\[1\],"push":\[0\]\},\{"move":\[0\.5\],"push":\[0\]\},\{"move":\[-1\],"push":\[1\]\}\]/,
    );
    await agents[1].step(Float32Array.of(1, 1));
    assert.match(game.received[4], /\[\{"move":\[0\],"push":\[0\]\},\{"move":\[1\],"push":\[1\]\},\{"move":\[0\]/);
  });

  test("starts the next episode by itself: a reset after an end asks nothing, one in mid-episode restarts the game", async () => {
    const { game, agents } = await play({ resetAfter: 3 });
    await resets(agents);
    let last: Step[] = [];
    for (let i = 0; i < 3; i++) last = await steps(agents);
    assert.deepEqual([last[0].terminated, last[0].truncated], [true, false]);
    const asked = game.received.length;
    assert.deepEqual((await resets(agents))[0], last[0].observation);
    assert.equal(game.received.length, asked);
    await steps(agents);
    await resets(agents);
    assert.equal(game.received.at(-1), '{"type":"reset"}');
  });

  test("an agent whose episode another's reset ended gets an error that says so, not a wrong step", async () => {
    const { agents } = await play({ agents: 2 });
    await resets(agents);
    await steps(agents);
    await agents[0].reset(random);
    const lost = /^Godot game agent 2: expected reset before step, because the game restarted for another agent/;
    await assert.rejects(async () => agents[1].step(Float32Array.of(0, 0)), { message: lost });
    await agents[1].reset(random);
    await steps(agents);
  });

  test("whose limit is known cuts the episodes that reach it: the last observation is then that before", async () => {
    const { agents } = await play({ resetAfter: 4 }, { limit: 4 });
    assert.equal(agents[0].maxEpisodeSteps, 4);
    await resets(agents);
    let [before, last] = [[] as Step[], [] as Step[]];
    for (let i = 0; i < 4; i++) [before, last] = [last, await steps(agents)];
    assert.deepEqual([last[0].terminated, last[0].truncated], [false, true]);
    assert.deepEqual(last[0].observation, before[0].observation);
    const [next] = await resets(agents);
    assert.notDeepEqual(next, last[0].observation);
  });

  test("passes checkEnvironment, trains several agents as one policy, and is evaluated on one of them", async () => {
    const { agents } = await play({ agents: 3 });
    const { problems } = await checkEnvironment(() => agents[0], { steps: 60 }).catch((error) => ({
      problems: [error],
    }));
    // The check has closed it: a game is not made twice.
    assert.deepEqual(problems, []);
    const second = await play({ agents: 3 });
    const agent = await Ddpg.create(second.agents[0], { preset: "small", warmupSteps: 30 });
    const seen = new Set<number>();
    let episodes = 0;
    for await (const { step, environment, episode } of train(agent, second.agents)) {
      seen.add(environment);
      if (episode) episodes++;
      if (step === 240) break;
    }
    assert.deepEqual([...seen], [0, 1, 2]);
    assert.ok(episodes >= 9, `${episodes}`);
    const { meanLength } = await evaluate(agent.policy, second.agents[0], { episodes: 3 });
    assert.ok(meanLength >= 1 && meanLength <= 20, `${meanLength}`);
    for await (const { step } of train(agent, second.agents)) if (step === 300) break;
  });
});

describe("a peer that is not a game, or no longer", { timeout: 60_000 }, () => {
  test("an HTTP request gets one line and is closed; the game is still waited for", async () => {
    const { lines, agents, port } = await listen();
    const error = await new Promise<Error>((resolve) => http.get({ port, host: "127.0.0.1" }).on("error", resolve));
    assert.match(error.message, /Expected HTTP|Parse Error/);
    const raw = net.connect(port, "127.0.0.1", () => raw.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    let text = "";
    raw.on("data", (bytes) => (text += bytes));
    await new Promise((resolve) => raw.on("close", resolve));
    assert.equal(text, "A Godot game is expected here.\n");
    // One that was sent away closes while the game is heard.
    const slow = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => slow.write("x"));
    await new Promise((resolve) => slow.once("data", resolve));
    const game = new GodotGame({ port });
    ends.push(() => game.kill());
    await delay(30);
    slow.end();
    const joined = await Promise.race([agents, delay(10_000, undefined, { ref: false })]);
    assert.ok(joined, "the game is not taken");
    joined[0].close?.();
    assert.equal(lines[1], "Sent an HTTP request away: a game waits for the trainer to speak first");
  });

  test("a second game is sent away, and the first one stays", async () => {
    const { agents, port } = await play();
    await resets(agents);
    const raw = net.connect(port, "127.0.0.1");
    let text = "";
    raw.on("data", (bytes) => (text += bytes));
    await new Promise((resolve) => raw.on("close", resolve));
    assert.equal(text, "Another game is connected.\n");
    await steps(agents);
  });

  test("it listens only on this machine unless asked", async () => {
    const { lines, agents, port } = await listen();
    assert.match(lines[0], /^Listening on 127\.0\.0\.1:\d+\. Start the game\.$/);
    const { networkInterfaces } = await import("node:os");
    const other = Object.values(networkInterfaces())
      .flat()
      .find((each) => each && !each.internal && each.family === "IPv4");
    if (other) {
      const failed = await new Promise<boolean>((resolve) => {
        net.connect(port, other.address, () => resolve(false)).on("error", () => resolve(true));
      });
      assert.ok(failed);
    }
    const game = new GodotGame({ port });
    ends.push(() => game.kill());
    (await agents)[0].close?.();
  });

  test("a port that is taken, and a game that never comes, are errors that say so", async () => {
    const { agents, port } = await listen({ connectTimeout: 400 });
    await assert.rejects(godot({ port, onLine: () => {} }), {
      message: new RegExp(
        `^godot: expected a port to listen on, 127\\.0\\.0\\.1:${port}, got one that another program uses\\. `,
      ),
    });
    await assert.rejects(agents, {
      message: /expected a game to connect within 0\.4 s, got none\. Start the game while/,
    });
  });

  /** The error of the first step of a game whose answer is changed. */
  async function stepError(
    alters: NonNullable<GodotGameOptions["alters"]>,
    options: GodotOptions = {},
  ): Promise<Error> {
    const isStep = (message: Record<string, unknown>): boolean => message.type === "step";
    const change = (message: Record<string, unknown>) => (isStep(message) ? alters(message) : message);
    const { agents } = await play({ alters: change, agents: 2 }, { answerTimeout: 5000, ...options });
    await resets(agents);
    return steps(agents).then(
      () => assert.fail("no error"),
      (error) => error,
    );
  }

  const wrong: [what: string, alters: NonNullable<GodotGameOptions["alters"]>, message: RegExp][] = [
    ["no JSON", () => "\u0007 what", /^Godot game: expected JSON, got "\\u0007 what"\.$/],
    [
      "another type",
      (m) => ({ ...m, type: "reset" }),
      /^Godot game: expected an answer of type "step", got "reset"\.$/,
    ],
    [
      "one observation too few",
      (m) => ({ ...m, obs: [{}] }),
      /^Godot game step obs: expected a list of 2, one for each agent/,
    ],
    [
      "a part missing",
      (m) => ({ ...m, obs: [{ obs: [1, 2] }, {}] }),
      /^Godot game agent 1 obs speed: expected 1 finite number, got undefined/,
    ],
    [
      "a number too many",
      (m) => ({ ...m, obs: [{ obs: [1, 2, 3], speed: [0] }, {}] }),
      /agent 1 obs obs: expected 2 finite numbers, got \[1, 2, 3\]/,
    ],
    [
      "a text",
      (m) => ({ ...m, obs: [{ obs: [1, "2"], speed: [0] }, {}] }),
      /agent 1 obs obs: expected 2 finite numbers/,
    ],
    [
      "no reward",
      (m) => ({ ...m, reward: [null, 0] }),
      /^Godot game agent 1 reward: expected a finite number, got null/,
    ],
    ["no done", (m) => ({ ...m, done: [false, "x"] }), /^Godot game agent 2 done: expected true or false, got "x"/],
    ["no list", (m) => ({ ...m, done: undefined }), /^Godot game step done: expected a list of 2/],
  ];
  for (const [what, alters, message] of wrong)
    test(`an answer with ${what} is an error that names it`, async () => {
      const error = await stepError(alters);
      assert.equal(error.name, "InputError");
      assert.match(error.message, message);
    });

  test("a silent game is an error after the time limit; a game that ends, at once", async () => {
    const silent = await stepError(() => undefined, { answerTimeout: 300 });
    assert.match(silent.message, /^Godot game: expected an answer within 0\.3 s, got none\. Is the game paused\?$/);
    const { game, agents } = await play();
    await resets(agents);
    game.kill();
    await assert.rejects(steps(agents), {
      message: /^Godot game: expected an answer, got the end of the connection\. Start/,
    });
  });

  test("a frame's length is checked before its bytes are awaited", async () => {
    const { agents, port } = await listen({ answerTimeout: 3000 });
    const raw = net.connect(port, "127.0.0.1");
    ends.push(() => raw.destroy());
    // It waits for the handshake, as a game does, then announces a gigabyte.
    raw.once("data", () => raw.write(Buffer.from([0, 0, 0, 0x40, 1, 2])));
    await assert.rejects(agents, {
      message: /^Godot game: expected a message of at most 1048576 bytes, got one of 1073741824\./,
    });
  });

  test("spaces that cannot be learned are refused by name", () => {
    const box = { obs: { size: [2], space: "box" } };
    const move = { move: { size: 1, action_type: "continuous" } };
    const info = { n_agents: 1, observation_space: box, action_space: move };
    assert.equal(readInfo(info).observationSize, 2);
    const refused = (changes: object, message: RegExp) =>
      assert.throws(() => readInfo({ ...info, ...changes }), { message });
    refused({ n_agents: 0 }, /^Godot game n_agents: expected a whole number from 1 to 4096, got 0/);
    refused({ n_agents: 1e9 }, /n_agents/);
    refused(
      { action_space: { jump: { size: 2, action_type: "discrete" } } },
      /action_space jump: expected action_type "continuous", got "discrete"\. DDPG learns continuous actions only/,
    );
    refused(
      { observation_space: { camera_2d: { size: [3, 3], space: "box" } } },
      /observation_space camera_2d: .*a picture.*Pictures are not supported/,
    );
    refused(
      { observation_space: { n: { size: 4, space: "discrete" } } },
      /observation_space n: expected space "box" of numbers, got "discrete"/,
    );
    refused({ observation_space: {} }, /observation_space: expected 1 to 1000000 numbers in all, got 0/);
    refused({ action_space: { 7: { size: 1, action_type: "continuous" } } }, /a name that is not a number/);
    refused({ observation_space: [box, box] }, /one object, or one for each of 1 agents/);
    const two = { n_agents: 2, action_space: [move, move] };
    refused(
      { ...two, observation_space: [box, { obs: { size: [3], space: "box" } }] },
      /the same for every agent, because they share a policy/,
    );
  });

  test("wrong options are refused by name", async () => {
    const refused = (options: object, message: RegExp) => assert.rejects(godot(options), { message });
    await refused({ port: -1 }, /^godot port: expected a whole number from 0 to 65535/);
    await refused({ limit: 0 }, /^godot limit: expected a whole number above 0/);
    await refused({ hosts: "x" }, /^godot options: there is no option "hosts"\. Did you mean "host"\?/);
  });
});
