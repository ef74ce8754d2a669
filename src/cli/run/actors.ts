// Training on the transitions of actors elsewhere: the flags of train and resume, and what a run does with its actors.
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { InputError } from "../../base/expect.ts";
import { printableAddress } from "../../base/nats-address.ts";
import { flagOf } from "../../ddpg/config.ts";
import type { Ddpg } from "../../ddpg/ddpg.ts";
import { LearnerLink } from "../../node/actors/learner-link.ts";
import type { RunConfig } from "../../node.ts";
import { channelOf, expectChannel } from "../../training/actors/channel.ts";
import { StreamSource, type StreamState } from "../../training/actors/stream-source.ts";
import { count, whole } from "../terminal/numbers.ts";
import { inShell, someNumber } from "../terminal/options.ts";
import { print } from "../terminal/output.ts";
import { addServerOptions, chosenServer, credentialFlags, type ServerFlags } from "../terminal/server-options.ts";

export interface ActorsFlags extends Omit<ServerFlags, "server"> {
  actors?: string;
  channel?: string;
  replaceChannel?: true;
  actorsTimeout?: number;
  weightsEvery?: number;
}

/** Adds the flags. Those that only a new run has are left out for `resume`. */
export function addActorsOptions(command: Command, isNew: boolean): void {
  addServerOptions(command, "Actors on other machines:");
  command.option("--actors <address>", "learn from the transitions that ddpg act sends to this NATS server");
  if (isNew) {
    command
      .option("--channel <name>", "name that learner and actors share on the server [the environment's]")
      .option("--replace-channel", "drop what another run has on the channel");
  }
  command
    .option(
      "--actors-timeout <s>",
      "how long to wait for a transition [600]",
      someNumber("--actors-timeout", "a number above 0"),
    )
    .option(
      "--weights-every <s>",
      "how often actors get new weights [0.25]",
      someNumber("--weights-every", "a number above 0"),
    );
}

const onlyWithActors = [
  ...(["channel", "replaceChannel", "actorsTimeout", "weightsEvery"] as const),
  ...credentialFlags,
];

/** Throws an InputError for flags that need --actors, if it is not given. */
export function expectActorsGiven(flags: ActorsFlags): void {
  if (flags.actors !== undefined) return;
  const alone = onlyWithActors.find((name) => flags[name] !== undefined);
  if (alone === undefined) return;
  throw new InputError({ where: flagOf(alone), expected: "to be used with --actors", got: "no --actors" });
}

/** The entry of a new run's configuration. */
export function newActors(flags: ActorsFlags, environment: string): RunConfig["actors"] {
  if (flags.actors === undefined) return undefined;
  const channel = expectChannel(flags.channel ?? channelOf(environment), "--channel");
  return { channel, run: randomBytes(16).toString("hex") };
}

/** How often at most a line says that messages were set aside, and one is kept, in ms. */
const rejectedMs = 1000;

/** The actors of a run: its source of transitions, and what it sends them. */
export class RunActors {
  /** Gets what is worth a line. */
  onLine: (line: string) => void = print;
  readonly source: StreamSource;
  readonly #agent: Ddpg;
  readonly #link: LearnerLink;
  readonly #weightsMs: number;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sentVersion = -1;
  /** The messages that were set aside since the last line about one: how many, and the last of them. */
  #unsaid = 0;
  #last: { readonly line: string; readonly data: Uint8Array } | undefined;
  #quiet: NodeJS.Timeout | undefined;

  /**
   * Connects. The actors of a resumed run can act from then on, those of a new one from `begin` on. Throws an InputError with
   * a hint if that is not possible.
   */
  static async open(
    flags: ActorsFlags,
    agent: Ddpg,
    { environment, actors }: Pick<RunConfig, "environment" | "actors">,
    saved?: StreamState,
  ): Promise<RunActors> {
    if (flags.actors === undefined || actors === undefined)
      throw new InputError({ where: "--actors", expected: "the address of a NATS server", got: "none" });
    const lines: { write: (line: string) => void } = { write: print };
    const { units, settings } = agent;
    const { observationSize, actionLow, actionHigh } = units;
    const link = await LearnerLink.open({
      server: chosenServer(flags.actors, flags),
      where: "--actors",
      channel: actors.channel,
      task: { run: actors.run, environment, spaces: { observationSize, actionLow, actionHigh }, settings },
      after: saved?.sequence,
      replaces: flags.replaceChannel === true,
      timeout: flags.actorsTimeout ?? 600,
      onLine: (line) => lines.write(line),
    });
    const run = new RunActors(link, agent, saved, 1000 * (flags.weightsEvery ?? 0.25));
    lines.write = (line) => run.onLine(line);
    try {
      if (saved) await run.begin();
      return run;
    } catch (error) {
      await run.close();
      throw error;
    }
  }

  /**
   * Takes the channel. A new run does so after its first evaluation, which may fail, and before its first checkpoint: a
   * channel on the server whose run has no checkpoint could be used by no run. Throws an InputError with a hint if another run
   * was faster.
   */
  async begin(): Promise<void> {
    await this.#link.begin();
    this.#sendWeights();
  }

  private constructor(link: LearnerLink, agent: Ddpg, saved: StreamState | undefined, weightsMs: number) {
    this.#link = link;
    this.#agent = agent;
    this.#weightsMs = weightsMs;
    this.source = new StreamSource(link, agent.units, {
      saved,
      onRejected: (line, { data }) => {
        // A broken actor sends thousands a second.
        if (this.#quiet) {
          this.#unsaid++;
          this.#last = { line, data };
          return;
        }
        this.#quiet = setTimeout(() => this.#sayMore(), rejectedMs);
        this.onLine(line);
        link.keepRejected(data);
      },
    });
    link.progress = () => {
      const { updates, loop } = agent;
      return { sequence: this.source.sequence, step: loop?.step ?? 0, updates };
    };
  }

  #sayMore(): void {
    this.#quiet = undefined;
    if (this.sayRest()) this.#quiet = setTimeout(() => this.#sayMore(), rejectedMs);
  }

  /** Says what is not said yet of the messages that were set aside. Returns whether there was anything. */
  sayRest(): boolean {
    if (!this.#last) return false;
    const { line, data } = this.#last;
    // The line of one message is complete.
    this.onLine(
      this.#unsaid === 1 ? line : `… and ${whole(this.#unsaid)} more messages set aside. The last one: ${line}`,
    );
    this.#link.keepRejected(data);
    this.#unsaid = 0;
    this.#last = undefined;
    return true;
  }

  get address(): string {
    return this.#link.address;
  }

  /** Call it between two steps: sends weights if it is time. */
  ready(): void {
    const { updates } = this.#agent;
    if (updates === this.#sentVersion || this.#link.isSending) return;
    if (performance.now() - this.#sentAt >= this.#weightsMs) this.#sendWeights();
  }

  #sendWeights(): void {
    const { policy, updates, loop } = this.#agent;
    this.#link.sendWeights({ bytes: policy.save(), version: updates, step: loop?.step ?? 0 });
    this.#sentAt = performance.now();
    this.#sentVersion = updates;
  }

  /** Call it once a checkpoint is written: the server need not keep what it has. */
  checkpointed(): void {
    this.#link.purge(this.source.sequence);
  }

  /** What the line of progress says of the actors. */
  status(step: number): string[] {
    const { updates } = this.#agent;
    const { actors, version, rejected, duplicates } = this.source;
    return [
      count(actors, "actor"),
      this.#link.queued === 0 ? "waiting for them" : "they are ahead",
      `${(updates / Math.max(1, step)).toFixed(2)} updates a step`,
      `acted ${whole(Math.max(0, updates - version))} updates ago`,
      rejected > 0 ? `${whole(rejected)} messages set aside` : "",
      duplicates > 0 ? `${whole(duplicates)} came twice` : "",
    ];
  }

  /** Tells the actors that there is nothing more to do. */
  end(): void {
    this.#link.end();
  }

  close(): Promise<void> {
    clearTimeout(this.#quiet);
    return this.#link.close();
  }
}

/** The command that continues a run. `server` is that of its actors, if it has any. */
export function resumeCommand(directory: string, server: string | undefined): string {
  return `npx ddpg resume ${inShell(directory)}${actorsFlag(server)}`;
}

/** The flag of a printed command, with a space before it: a run names no server. */
export function actorsFlag(server: string | undefined): string {
  return server === undefined ? "" : ` --actors ${inShell(printableAddress(server))}`;
}

/** The lines of the introduction about a run's actors. */
export function actorsLines(
  nameOrPath: string,
  { environment, actors }: Pick<RunConfig, "environment" | "actors">,
  address: string,
): string[] {
  if (!actors) return [];
  const channel = actors.channel === channelOf(environment) ? "" : ` --channel ${actors.channel}`;
  return [
    `actors         channel ${actors.channel} of ${address}. Start them with:`,
    `               npx ddpg act ${inShell(nameOrPath)} --server ${inShell(address)}${channel}`,
  ];
}
