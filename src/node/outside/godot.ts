// A game made with Godot as environments: the trainer's side of the protocol of Godot RL Agents (docs/worlds.md). The game
// connects to a port of ours. Every message is JSON after its length, four bytes with the lowest first.
import * as net from "node:net";
import { cut, expect, expectOptions, fail, InputError, show } from "../../base/expect.ts";
import { isRecord } from "../../base/json.ts";
import { printable } from "../../base/printable.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { Alarm } from "./alarm.ts";
import type { OutsideKind } from "./kinds.ts";
import { addressText, cannotListen, graceMs, sendAway } from "./listen.ts";
import { toStandardError } from "./options.ts";

/** Options of `godot`. */
export interface GodotOptions {
  /** The address to listen on. Default: 127.0.0.1, which only this machine reaches. */
  host?: string;
  /** The port to listen on: 11008, where games look for it. 0 takes any free one. */
  port?: number;
  /**
   * The game's own limit of an episode, in actions. The protocol does not say why an episode is done: on this step of it
   * or later, it was cut short; before, the task ended. Default: none, so the task ended every time.
   */
  limit?: number;
  /** How long to wait for a game, in ms. Default: 600,000. */
  connectTimeout?: number;
  /** How long to wait for each answer of the game, in ms. Default: 60,000. */
  answerTimeout?: number;
  /** Receives lines for the user, such as where it listens. Default: the standard error. */
  onLine?: (line: string) => void;
}

const optionNames = Object.keys({
  ...{ host: true, port: true, limit: true, connectTimeout: true, answerTimeout: true, onLine: true },
} satisfies Record<keyof GodotOptions, true>);

/** The port that games connect to. */
const godotPort = 11_008;

/** The version of the protocol. */
const version = { major_version: "0", minor_version: "7" };

/** The most bytes of a frame before the game has said how large its observations are. */
const maxInfoBytes = 1 << 20;

/** The most bytes that JSON needs for a number, and that a game may add for each agent. */
const bytesPerNumber = 32;
const bytesPerAgent = 1 << 14;

const maxAgents = 4096;
const maxNumbers = 1_000_000;
/** The longest frame, in bytes, which bounds what all agents observe together. */
const maxFrameBytes = 2 ** 27;

/** The longest frame of a game with these agents and numbers in the observation of each, in bytes. */
function frameBytes(agents: number, observationSize: number): number {
  return maxInfoBytes + agents * (bytesPerAgent + bytesPerNumber * observationSize);
}

/**
 * Waits for a game and returns its agents, an environment each. They share one game, so that a step of one waits for those
 * of the others: give all of them to `train`. Those that do not step in the same round get the middle of their actions.
 * They are `single` and not `repeatable`. Closing one closes the game.
 */
export async function godot(options: GodotOptions = {}): Promise<readonly Environment[]> {
  expectOptions(options, "godot", optionNames);
  const { host = "127.0.0.1", port = godotPort, limit, connectTimeout = 600_000, answerTimeout = 60_000 } = options;
  expect(typeof host === "string" && host !== "", "godot host", "an address of this machine", host);
  const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535;
  expect(isPort, "godot port", "a whole number from 0 to 65535", port);
  const isLimit = limit === undefined || (Number.isInteger(limit) && limit > 0);
  expect(isLimit, "godot limit", "a whole number above 0", limit);
  for (const [name, ms] of Object.entries({ connectTimeout, answerTimeout }))
    expect(Number.isFinite(ms) && ms > 0, `godot ${name}`, "a finite number of milliseconds above 0", ms);
  const onLine = options.onLine ?? ((line: string): void => console.error(line));
  const peer = await accept({ host, port, connectTimeout, answerTimeout, onLine });
  try {
    const spaces = readInfo(await peer.ask({ type: "env_info" }, "env_info"));
    const { agents, observationSize, policies } = spaces;
    peer.maxBytes = frameBytes(agents, observationSize);
    onLine(`The game has ${agents === 1 ? "one agent" : `${agents} agents, which share the policy`}`);
    if (new Set(policies).size > 1)
      onLine(`Its policies ${policies.map((name) => printable(show(name))).join(", ")} are trained as one`);
    const game = new Game(peer, spaces, limit);
    return game.agents;
  } catch (error) {
    peer.close();
    throw error;
  }
}

/** The agents of the game that an environment is one of; undefined for other environments. */
export function godotAgentsOf(environment: Environment): readonly Environment[] | undefined {
  return environment instanceof GodotAgent ? environment.game.agents : undefined;
}

/** What the game says of its agents, all of which have the same spaces. */
interface Spaces {
  readonly agents: number;
  /** The parts of an observation and of an action, in the game's order, with their numbers. */
  readonly observation: readonly Part[];
  readonly action: readonly Part[];
  readonly observationSize: number;
  readonly actionSize: number;
  readonly policies: readonly unknown[];
}

interface Part {
  readonly name: string;
  readonly size: number;
}

const where = "Godot game";

/** Reads `env_info`. Throws an InputError for anything that cannot be learned here. */
export function readInfo(message: Readonly<Record<string, unknown>>): Spaces {
  const { n_agents: agents, observation_space, action_space, agent_policy_names } = message;
  const isCount = Number.isInteger(agents) && Number(agents) >= 1 && Number(agents) <= maxAgents;
  expect(isCount, `${where} n_agents`, `a whole number from 1 to ${maxAgents}`, agents);
  const count = Number(agents);
  const observation = shared(observation_space, count, `${where} observation_space`, observationPart);
  const action = shared(action_space, count, `${where} action_space`, actionPart);
  const policies = Array.isArray(agent_policy_names) ? agent_policy_names : [];
  const observationSize = sizeOf(observation, `${where} observation_space`);
  const bytes = frameBytes(count, observationSize);
  expect(bytes <= maxFrameBytes, where, `frames of at most ${maxFrameBytes} bytes`, bytes);
  return {
    ...{ agents: count, observation, action, policies, observationSize },
    actionSize: sizeOf(action, `${where} action_space`),
  };
}

function sizeOf(parts: readonly Part[], place: string): number {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  expect(size >= 1 && size <= maxNumbers, place, `1 to ${maxNumbers} numbers in all`, size);
  return size;
}

/** The parts of a space that all agents must have: one object, or one for each agent. */
function shared(
  given: unknown,
  agents: number,
  place: string,
  read: (name: string, value: Readonly<Record<string, unknown>>, place: string) => Part,
): readonly Part[] {
  const list = Array.isArray(given) ? given : [given];
  const fits = list.length === agents || !Array.isArray(given);
  expect(fits, place, `one object, or one for each of ${agents} agents`, given);
  const spaces = list.map((space) => {
    expect(isRecord(space), place, "an object of named spaces", space);
    return Object.entries(space).map(([name, value]) => {
      expect(isRecord(value), `${place} ${printable(cut(name))}`, "an object", value);
      // JavaScript would sort them.
      expect(!/^\d+$/.test(name), `${place} ${name}`, "a name that is not a number", name);
      return read(name, value, `${place} ${printable(cut(name))}`);
    });
  });
  for (const space of spaces) {
    if (JSON.stringify(space) === JSON.stringify(spaces[0])) continue;
    const got = "agents with different ones";
    throw new InputError({ where: place, expected: "the same for every agent, because they share a policy", got });
  }
  return spaces[0];
}

function observationPart(name: string, value: Readonly<Record<string, unknown>>, place: string): Part {
  const { space, size } = value;
  const hint = name.includes("2d") ? "Pictures are not supported: give the agent numbers." : "";
  expect(space === "box" && hint === "", place, 'space "box" of numbers', hint ? "a picture" : space, hint);
  const sizes: readonly unknown[] = Array.isArray(size) ? size : [size];
  const isSize = (n: unknown): boolean => Number.isInteger(n) && Number(n) >= 0 && Number(n) <= maxNumbers;
  expect(sizes.length > 0 && sizes.every(isSize), `${place} size`, "whole numbers", size);
  return { name, size: sizes.reduce((product: number, n) => product * Number(n), 1) };
}

function actionPart(name: string, value: Readonly<Record<string, unknown>>, place: string): Part {
  const { action_type: type, size } = value;
  const hint = type === "discrete" ? "DDPG learns continuous actions only: use numbers in [−1, 1]." : "";
  expect(type === "continuous", place, 'action_type "continuous"', type, hint);
  const isSize = Number.isInteger(size) && Number(size) >= 1 && Number(size) <= maxNumbers;
  expect(isSize, `${place} size`, "a whole number above 0", size);
  return { name, size: Number(size) };
}

/** Writes the numbers of an agent's observation, which may be lists in lists, to `out` in the order of its parts. */
function readObservation(out: Float64Array, given: unknown, parts: readonly Part[], place: string): void {
  expect(isRecord(given), place, "an object of lists of numbers", given);
  let start = 0;
  for (const { name, size } of parts) {
    const value: unknown = Object.hasOwn(given, name) ? given[name] : undefined;
    const numbers = Array.isArray(value) ? value.flat(Infinity) : [value];
    const isWhole = numbers.length === size && numbers.every((n) => typeof n === "number" && Number.isFinite(n));
    expect(isWhole, `${place} ${printable(cut(name))}`, `${size} finite ${size === 1 ? "number" : "numbers"}`, value);
    out.set(numbers, start);
    start += size;
  }
}

/** A step that an agent waits for, or a reset. */
interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** The agents of one game. It moves all of them at once, so a round of their steps is one message. */
class Game {
  readonly agents: readonly GodotAgent[];
  readonly spaces: Spaces;
  readonly limit: number | undefined;
  readonly #peer: Peer;
  /** Whether a message is on its way, or a turn that will look at what waits. */
  #isBusy = false;
  #isPlanned = false;

  constructor(peer: Peer, spaces: Spaces, limit: number | undefined) {
    this.#peer = peer;
    this.spaces = spaces;
    this.limit = limit;
    this.agents = Array.from({ length: spaces.agents }, (_, index) => new GodotAgent(this, index));
  }

  /** Call it when an agent waits. The others may begin to wait in the same turn of the event loop. */
  plan(): void {
    if (this.#isBusy || this.#isPlanned) return;
    if (this.agents.every(({ waitingStep }) => waitingStep)) {
      void this.#serve();
      return;
    }
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      if (!this.#isBusy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    try {
      await this.#resets();
      await this.#steps();
    } catch (error) {
      for (const agent of this.agents) agent.fail(error);
    }
    this.#isBusy = false;
    if (this.agents.some(({ isWaiting }) => isWaiting)) this.plan();
  }

  async #resets(): Promise<void> {
    const waiting = this.agents.filter(({ waitingReset }) => waitingReset);
    if (waiting.length === 0) return;
    if (waiting.some(({ isAtStart }) => !isAtStart)) {
      const { obs } = await this.#peer.ask({ type: "reset" }, "reset");
      const all = this.#list(obs, "reset obs");
      for (const [i, agent] of this.agents.entries()) agent.restart(all[i]);
    }
    for (const agent of waiting) agent.answerReset();
  }

  async #steps(): Promise<void> {
    const { agents } = this;
    if (!agents.some(({ waitingStep }) => waitingStep)) return;
    const action = agents.map((agent) => agent.takeAction());
    const { obs, reward, done } = await this.#peer.ask({ type: "action", action }, "step");
    const [observations, rewards, dones] = [
      this.#list(obs, "step obs"),
      this.#list(reward, "step reward"),
      this.#list(done, "step done"),
    ];
    for (const [i, agent] of agents.entries()) agent.read(observations[i], rewards[i], dones[i]);
    for (const agent of agents) agent.answerStep();
  }

  #list(value: unknown, name: string): readonly unknown[] {
    const { length } = this.agents;
    const isWhole = Array.isArray(value) && value.length === length;
    expect(isWhole, `${where} ${name}`, `a list of ${length}, one for each agent`, value);
    return value;
  }

  close(): void {
    this.#peer.close();
    const error = new InputError({ where, expected: "an open connection", got: "one that was closed" });
    for (const agent of this.agents) agent.fail(error);
  }
}

class GodotAgent implements Environment {
  readonly name = "godot";
  readonly repeatable = false;
  readonly single = true;
  readonly observationSize: number;
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  readonly maxEpisodeSteps: number | undefined;
  readonly game: Game;
  /** Whether the observation begins an episode. */
  isAtStart = false;
  waitingReset: Waiting<Float64Array> | null = null;
  waitingStep: (Waiting<Step> & { action: Float32Array }) | null = null;
  readonly #index: number;
  readonly #observation: Float64Array;
  /** The observation that came before, for an episode that was cut. */
  readonly #before: Float64Array;
  #reward = 0;
  #hasEnded = false;
  #steps = 0;
  /** Whether the game restarted for another agent since the last reset of this one. */
  #isLost = false;

  constructor(game: Game, index: number) {
    const { observationSize, actionSize } = game.spaces;
    this.game = game;
    this.#index = index;
    this.observationSize = observationSize;
    this.actionLow = new Array(actionSize).fill(-1);
    this.actionHigh = new Array(actionSize).fill(1);
    this.maxEpisodeSteps = game.limit;
    this.#observation = new Float64Array(observationSize);
    this.#before = new Float64Array(observationSize);
  }

  get isWaiting(): boolean {
    return this.waitingReset !== null || this.waitingStep !== null;
  }

  get #where(): string {
    return this.game.agents.length === 1 ? where : `${where} agent ${this.#index + 1}`;
  }

  reset(): Promise<Float64Array> {
    return new Promise((resolve, reject) => {
      this.#expectFree();
      this.waitingReset = { resolve, reject };
      this.game.plan();
    });
  }

  step(action: Float32Array): Promise<Step> {
    return new Promise((resolve, reject) => {
      this.#expectFree();
      if (this.#isLost) throw this.#lost();
      this.waitingStep = { action: action.slice(), resolve, reject };
      this.game.plan();
    });
  }

  #lost(): InputError {
    const expected = "reset before step, because the game restarted for another agent";
    const hint = "Reset all agents in the same round.";
    return new InputError({ where: this.#where, expected, got: "step", hint });
  }

  #expectFree(): void {
    expect(!this.isWaiting, this.#where, "one call at a time", "a second one");
  }

  /** The game restarted. */
  restart(observation: unknown): void {
    const isUntouched = this.isAtStart && this.#steps === 0;
    this.#isLost = this.waitingReset === null && !isUntouched;
    if (this.#isLost) this.fail(this.#lost());
    readObservation(this.#observation, observation, this.game.spaces.observation, `${this.#where} obs`);
    this.isAtStart = true;
  }

  answerReset(): void {
    this.#isLost = false;
    this.#steps = 0;
    this.waitingReset?.resolve(this.#observation);
    this.waitingReset = null;
  }

  /** The action to send: the one given, or the middle. */
  takeAction(): Record<string, number[]> {
    const { action } = this.game.spaces;
    let start = 0;
    const parts = action.map(({ name, size }) => {
      const numbers = Array.from({ length: size }, (_, i) => this.waitingStep?.action[start + i] ?? 0);
      start += size;
      return [name, numbers];
    });
    return Object.fromEntries(parts);
  }

  /** Reads what the game says of this agent. */
  read(observation: unknown, reward: unknown, done: unknown): void {
    this.#before.set(this.#observation);
    readObservation(this.#observation, observation, this.game.spaces.observation, `${this.#where} obs`);
    const isNumber = typeof reward === "number" && Number.isFinite(reward);
    expect(isNumber, `${this.#where} reward`, "a finite number", reward);
    const hasEnded = done === true || done === 1;
    expect(hasEnded || done === false || done === 0, `${this.#where} done`, "true or false", done);
    this.#reward = reward;
    this.#hasEnded = hasEnded;
    this.isAtStart = hasEnded;
    this.#steps++;
  }

  answerStep(): void {
    const { waitingStep } = this;
    this.waitingStep = null;
    const { limit } = this.game;
    const isCut = this.#hasEnded && limit !== undefined && this.#steps >= limit;
    waitingStep?.resolve({
      // What comes with the end may already be of the next episode, whose value must not count for this one.
      observation: isCut ? this.#before : this.#observation,
      reward: this.#reward,
      terminated: this.#hasEnded && !isCut,
      truncated: isCut,
    });
  }

  fail(error: unknown): void {
    const { waitingReset, waitingStep } = this;
    this.waitingReset = null;
    this.waitingStep = null;
    waitingReset?.reject(error);
    waitingStep?.reject(error);
  }

  close(): void {
    this.game.close();
  }
}

interface Listening extends Required<Pick<GodotOptions, "host" | "port" | "connectTimeout" | "answerTimeout">> {
  onLine: (line: string) => void;
}

/** A game waits for our handshake. What speaks before is no game: this long it is heard, in ms. */
const silenceMs = 100;

/** Listens until a game connects; others are sent away, then and later. */
async function accept({ host, port, connectTimeout, answerTimeout, onLine }: Listening): Promise<Peer> {
  const server = net.createServer();
  const place = addressText(host, port);
  let timer: NodeJS.Timeout | undefined;
  let quiet: NodeJS.Timeout | undefined;
  let chosen: net.Socket | undefined;
  try {
    return await new Promise<Peer>((resolve, reject) => {
      server.on("error", (error) => reject(cannotListen(error, "godot", place)));
      server.on("connection", (socket) => {
        socket.on("error", () => {}); // its end follows
        if (chosen) {
          sendAway(socket, "Another game is connected.");
          return;
        }
        chosen = socket;
        quiet = setTimeout(() => {
          socket.off("data", onEarly).off("close", onClose);
          resolve(new Peer(server, socket, answerTimeout));
        }, silenceMs);
        // A socket that was sent away may close while the next one is heard.
        const onClose = (): void => {
          if (chosen !== socket) return;
          clearTimeout(quiet);
          chosen = undefined;
        };
        const onEarly = (bytes: Buffer): void => {
          clearTimeout(quiet);
          chosen = undefined;
          const text = bytes.toString("latin1");
          const what = /^[A-Z]+ \S+ HTTP\//.test(text) ? "an HTTP request" : "something else";
          onLine(`Sent ${what} away: a game waits for the trainer to speak first`);
          sendAway(socket, "A Godot game is expected here.");
        };
        socket.on("data", onEarly).on("close", onClose);
      });
      server.listen(port, host, () => {
        const address = server.address() as net.AddressInfo;
        onLine(`Listening on ${addressText(host, address.port)}. Start the game.`);
      });
      timer = setTimeout(() => {
        const expected = `a game to connect within ${connectTimeout / 1000} s`;
        reject(
          new InputError({ where: `godot ${place}`, expected, got: "none", hint: "Start the game while this waits." }),
        );
      }, connectTimeout);
    });
  } catch (error) {
    clearTimeout(quiet);
    (chosen as net.Socket | undefined)?.destroy();
    server.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The connection to one game. */
class Peer {
  /** The longest frame that is read. */
  maxBytes = maxInfoBytes;
  readonly #server: net.Server;
  readonly #socket: net.Socket;
  readonly #answerTimeout: number;
  #received: Buffer = Buffer.alloc(0);
  #problem: InputError | undefined;
  #isClosed = false;
  readonly #alarm = new Alarm();

  constructor(server: net.Server, socket: net.Socket, answerTimeout: number) {
    this.#server = server;
    this.#socket = socket;
    this.#answerTimeout = answerTimeout;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      // The frame that is waited for is complete, or too long.
      if (this.#received.length >= this.maxBytes + 4) socket.pause();
      this.#alarm.ring();
    });
    socket.on("close", () => {
      const hint = "Start the game again before you resume.";
      this.#problem ??= new InputError({ where, expected: "an answer", got: "the end of the connection", hint });
      this.#alarm.ring();
    });
    this.#send({ type: "handshake", ...version });
  }

  /** Sends a message and returns the answer. Throws an InputError unless its type is `type`. */
  async ask(message: object, type: string): Promise<Readonly<Record<string, unknown>>> {
    this.#send(message);
    const text = await this.#frame();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      this.close();
      throw new InputError({ where, expected: "JSON", got: `"${printable(cut(text))}"` });
    }
    if (isRecord(answer) && answer.type === type) return answer;
    this.close();
    const got = isRecord(answer) ? answer.type : answer;
    fail(where, `an answer of type "${type}"`, typeof got === "string" ? printable(got) : got);
  }

  #send(message: object): void {
    if (this.#isClosed) throw new InputError({ where, expected: "an open connection", got: "one that was closed" });
    const text = Buffer.from(JSON.stringify(message));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    this.#socket.write(Buffer.concat([length, text]));
  }

  /** The text of the next frame. */
  async #frame(): Promise<string> {
    const deadline = performance.now() + this.#answerTimeout;
    for (;;) {
      const bytes = this.#received;
      if (bytes.length >= 4) {
        const end = 4 + bytes.readUInt32LE();
        if (end > this.maxBytes + 4) {
          this.close();
          const expected = `a message of at most ${this.maxBytes} bytes`;
          const hint = "Does it speak the protocol of Godot RL Agents?";
          throw new InputError({ where, expected, got: `one of ${end - 4}`, hint });
        }
        if (bytes.length >= end) {
          this.#received = bytes.subarray(end);
          this.#socket.resume();
          return bytes.toString("utf8", 4, end);
        }
      }
      if (this.#problem) {
        this.close();
        throw this.#problem;
      }
      if (performance.now() >= deadline) {
        this.close();
        const expected = `an answer within ${this.#answerTimeout / 1000} s`;
        throw new InputError({ where, expected, got: "none", hint: "Is the game paused?" });
      }
      await this.#alarm.wait(deadline);
    }
  }

  /** Asks the game to end, and stops listening. */
  close(): void {
    if (this.#isClosed) return;
    if (!this.#socket.destroyed) this.#send({ type: "close" });
    this.#isClosed = true;
    this.#problem ??= new InputError({ where, expected: "an open connection", got: "one that was closed" });
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), graceMs).unref();
    this.#server.close();
    this.#alarm.ring();
  }
}

/** A game made with Godot and the plugin of Godot RL Agents, which connects to a port of this program. */
export const godotKind: OutsideKind = {
  form: "godot",
  help: "a game with Godot RL Agents, which connects to --port (docs/worlds.md)",
  options: ["host", "port", "limit"],
  deciding: ["limit"],
  expected: (rest) => (rest === "" ? undefined : "godot alone, with --host and --port"),
  // Without options it listens only to this machine.
  isHarmless: () => true,
  isExclusive: true,
  together: godotAgentsOf,
  opener: (_, { host, port, limit }, { stepTimeout, onLine = toStandardError }) => {
    let agents: Promise<readonly Environment[]> | undefined;
    return async () => {
      agents ??= godot({
        ...(host !== undefined && { host }),
        ...(port !== undefined && { port }),
        ...(limit !== undefined && { limit }),
        ...(stepTimeout !== undefined && { answerTimeout: stepTimeout }),
        onLine,
      });
      return (await agents)[0];
    };
  },
};
