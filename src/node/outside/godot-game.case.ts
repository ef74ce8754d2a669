// A stand-in for a game with the plugin of Godot RL Agents. It speaks the game's side of the protocol, byte for byte.
import * as net from "node:net";

/** What the game is like. */
export interface GodotGameOptions {
  port: number;
  agents?: number;
  /** Physical steps after which an episode is done, as by `reset_after`. */
  resetAfter?: number;
  /** Changes a message before it is sent; a text is sent as it is, undefined sends nothing. */
  alters?: (message: Record<string, unknown>) => Record<string, unknown> | string | undefined;
  /** Sends each message in pieces of this many bytes. */
  pieces?: number;
  /** Whether the game tells its spaces once, as older versions of the plugin do. */
  isOld?: boolean;
}

interface Agent {
  x: number;
  target: number;
  steps: number;
  reward: number;
  done: boolean;
}

/** Each agent moves a point to a target, by an action of two parts whose second one counts half. */
export class GodotGame {
  /** The texts of all messages from the trainer. */
  readonly received: string[] = [];
  readonly closed: Promise<void>;
  readonly #options: GodotGameOptions;
  readonly #socket: net.Socket;
  readonly #agents: Agent[];
  #bytes = Buffer.alloc(0);
  #draws = 0;

  constructor(options: GodotGameOptions) {
    this.#options = options;
    this.#agents = Array.from({ length: options.agents ?? 1 }, () => this.#start());
    this.#socket = net.connect(options.port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (bytes) => this.#onData(bytes));
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.#socket.on("close", () => resolve()));
  }

  /** Ends the connection, as a game that crashes. */
  kill(): void {
    this.#socket.destroy();
  }

  #start(): Agent {
    // Two numbers in [-1, 1) that look random.
    const next = (): number => ((++this.#draws * 0.754877666) % 1) * 2 - 1;
    return { x: next(), target: next(), steps: 0, reward: 0, done: false };
  }

  #onData(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readUInt32LE()) {
      const end = 4 + this.#bytes.readUInt32LE();
      const text = this.#bytes.toString("utf8", 4, end);
      this.#bytes = this.#bytes.subarray(end);
      this.received.push(text);
      this.#answer(JSON.parse(text));
    }
  }

  #answer(message: { type: string; action?: { move: number[]; push: number[] }[] }): void {
    const { resetAfter = 20, isOld = false } = this.#options;
    const agents = this.#agents;
    switch (message.type) {
      case "handshake":
        return;
      case "env_info": {
        const observation = { obs: { size: [2], space: "box" }, speed: { size: [1], space: "box", low: -9, high: 9 } };
        const action = { move: { size: 1, action_type: "continuous" }, push: { size: 1, action_type: "continuous" } };
        const each = <T>(space: T): T | T[] => (isOld ? space : agents.map(() => space));
        this.#say({
          ...{ type: "env_info", observation_space: each(observation), action_space: each(action) },
          n_agents: agents.length,
          ...(isOld ? {} : { agent_policy_names: agents.map(() => "shared_policy") }),
        });
        return;
      }
      case "reset":
        for (const agent of agents) Object.assign(agent, this.#start());
        this.#say({ type: "reset", obs: this.#observations(), info: agents.map(() => ({})) });
        return;
      case "action": {
        for (const [i, agent] of agents.entries()) {
          const { move, push } = message.action?.[i] ?? { move: [0], push: [0] };
          agent.x += 0.1 * move[0] + 0.05 * push[0];
          agent.steps++;
          agent.reward = -Math.abs(agent.x - agent.target);
          agent.done = agent.reward > -0.05 || agent.steps >= resetAfter;
        }
        const [reward, done] = [agents.map((agent) => agent.reward), agents.map((agent) => agent.done)];
        // As most games do, it starts the next episode before it sends the observation.
        for (const agent of agents) if (agent.done) Object.assign(agent, this.#start());
        this.#say({ type: "step", obs: this.#observations(), reward, done, info: agents.map(() => ({})) });
        return;
      }
      case "close":
        this.#socket.end();
        return;
      default:
        throw new Error(`no message of type ${message.type}`);
    }
  }

  #observations() {
    return this.#agents.map(({ x, target, reward }) => ({ obs: [x, target], speed: [reward] }));
  }

  #say(message: Record<string, unknown>): void {
    const { alters, pieces } = this.#options;
    const altered = alters ? alters(message) : message;
    if (altered === undefined) return;
    const text = Buffer.from(typeof altered === "string" ? altered : JSON.stringify(altered));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    const bytes = Buffer.concat([length, text]);
    if (pieces === undefined) this.#socket.write(bytes);
    else void this.#inPieces(bytes, pieces);
  }

  async #inPieces(bytes: Buffer, size: number): Promise<void> {
    for (let i = 0; i < bytes.length; i += size) {
      this.#socket.write(bytes.subarray(i, i + size));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
