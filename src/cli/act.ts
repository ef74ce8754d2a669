// `ddpg act`: steps an environment for a learner elsewhere.
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { expect } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { Random } from "../base/random.ts";
import { openActorLink } from "../node/actors/open-actor-link.ts";
import type { OutsideOptions } from "../node/outside/options.ts";
import { loadEnvironment, nodeBackend } from "../node.ts";
import { Acting } from "../training/actors/acting.ts";
import { defaultFlow } from "../training/actors/actor-link.ts";
import { channelOf, expectChannel } from "../training/actors/channel.ts";
import { outsideLines } from "./environment/environments.ts";
import { closing, guarded } from "./environment/guard.ts";
import { exit } from "./terminal/exit.ts";
import { exitCodes, type Signal } from "./terminal/exit-codes.ts";
import { whole } from "./terminal/numbers.ts";
import { milliseconds, numberOf, someNumber, stepTimeoutHelp, wholeNumber } from "./terminal/options.ts";
import { print, printError } from "./terminal/output.ts";
import { addOutsideOptions, chosenOutsideOptions } from "./terminal/outside-options.ts";
import { addServerOptions, chosenServer, type ServerFlags, serverHelp } from "./terminal/server-options.ts";

/** The sizes of noise that `spread` draws from: those of PQL. */
const spread = [0.05, 0.8] as const;

/** How often a line says how far the actor is, in ms. */
const reportMs = 30_000;

/** How long a step in progress may take after a signal, in ms. */
const graceMs = 250;

interface ActFlags extends ServerFlags, OutsideOptions {
  channel?: string;
  seed?: number;
  noiseScale?: number | "spread";
  window?: number;
  batch?: number;
  steps?: number;
  stepTimeout?: number;
  progress: boolean;
}

export function addActCommand(program: Command): void {
  const command = program
    .command("act")
    .argument(
      "<environment>",
      'an id of "ddpg environments", the path of your own module, or what is outside (see below)',
    )
    .summary("act for a learner on another machine")
    .description(
      'Steps an environment with the weights of a learner, "ddpg train --actors", and sends it the transitions.',
    )
    .requiredOption("--server <address>", "the NATS server of the learner")
    .option("--channel <name>", "name that learner and actors share on the server [the environment's]")
    .option("--seed <n>", "seed of the starts and the noise [a random one]", wholeNumber("--seed", 0))
    .option(
      "--noise-scale <x>",
      `size of this actor's noise, or spread: one between ${spread[0]} and ${spread[1]} by the seed [the learner's]`,
      noiseScale,
    )
    .option(
      "--window <n>",
      `transitions that may be ahead of the learner; 0: any number [${defaultFlow.window}]`,
      wholeNumber("--window", 0),
    )
    .option(
      "--batch <n>",
      `transitions of a message, if they come fast [${defaultFlow.batch}]`,
      wholeNumber("--batch", 1),
    )
    .option("--steps <n>", "end after this many steps [with the learner's run]", wholeNumber("--steps", 1))
    .option("--step-timeout <s>", stepTimeoutHelp, someNumber("--step-timeout", "a number above 0"))
    .option("--no-progress", "print only what needs attention");
  addOutsideOptions(command);
  addServerOptions(command);
  command
    .addHelpText(
      "after",
      `
Examples:
  ddpg act Pendulum-v1 --server nats://localhost
  ddpg act ./my-environment.js --server nats://10.0.0.1 --noise-scale spread

Outside of this process can be:
${outsideLines.join("\n")}

${serverHelp}`,
    )
    .action((environment: string, flags: ActFlags) => act(environment, flags));
}

function noiseScale(text: string): number | "spread" {
  if (text === "spread") return text;
  const value = numberOf(text);
  expect(Number.isFinite(value) && value >= 0, "--noise-scale", "a number of at least 0, or spread", text);
  return value;
}

async function act(nameOrPath: string, flags: ActFlags): Promise<void> {
  const { server = "", seed = randomInt(2 ** 31), steps = Infinity, progress } = flags;
  const { window, batch } = { ...defaultFlow, ...flags };
  const stepTimeout = milliseconds(flags.stepTimeout);
  const where = (): string => `environment ${nameOrPath}`;
  const { name, create, together } = await guarded(where, () =>
    loadEnvironment(nameOrPath, chosenOutsideOptions(flags), { stepTimeout, onLine: printError }),
  );
  const channel = expectChannel(flags.channel ?? channelOf(name), "--channel");
  const environment = await guarded(where, create);
  let place = (): string => name;
  let signal: Signal | undefined;
  await closing(nameOrPath, [environment], () =>
    guarded(
      () => place(),
      async () => {
        const all = together?.(environment) ?? [environment];
        expect(all.length === 1, nameOrPath, "an environment with one agent", all.length, "Train it without actors.");
        const stopping = new Stopping();
        const link = await openActorLink({
          server: chosenServer(server, flags),
          where: "--server",
          ...{ channel, window: window === 0 ? Infinity : window, batch: Math.min(batch, window || batch) },
          onLine: printError,
        });
        try {
          const isStopped = (): boolean => stopping.signal !== undefined;
          const task = await link.join(environment, nameOrPath, isStopped);
          const first = task && (await link.firstWeights(isStopped));
          if (!task || !first) return;
          const noise = flags.noiseScale === "spread" ? spreadScale(seed) : flags.noiseScale;
          const scale = noise === undefined ? {} : { noiseScale: noise };
          const backend = await nodeBackend();
          const acting = await Acting.create(task, environment, { seed, name, stepTimeout, backend, ...scale });
          acting.take(first, "weights");
          if (progress) {
            const shown = noise === undefined ? `${task.settings.noiseScale}, the learner's` : noise.toFixed(3);
            print(
              `acts for run ${task.run.slice(0, 8)} on channel ${channel} of ${link.address}, as ${link.actor.slice(0, 8)}, seed ${seed}, noise ${task.settings.noise} of ${shown}`,
            );
          }
          place = () => `${name} step ${acted + 1}`;
          let acted = 0;
          const started = performance.now();
          const report = (): void => {
            const seconds = (performance.now() - started) / 1000;
            const held = link.heldSeconds < 1 ? "" : `, held back for ${whole(link.heldSeconds)} s`;
            print(
              `acted ${whole(acted)} steps, ${(acted / seconds).toFixed(1)}/s, weights of update ${whole(acting.version)}${held}`,
            );
          };
          const timer = progress ? setInterval(report, reportMs) : undefined;
          const rows = acting.rows();
          try {
            while (acted < steps && !link.hasEnded && !isStopped()) {
              const next = await stopping.orStopped(rows.next(), graceMs);
              if (next === undefined) break;
              acted++;
              const room = link.add(next.value, acting.version);
              if (room) await stopping.orStopped(room, 0);
              const problem = acting.hear(link.takeWeights(), link.progress?.step ?? 0);
              if (problem) printError(`ddpg: ${problem}`);
              // An environment that answers at once never lets acknowledgements, weights and signals in.
              const turn = letMacrotasksRun();
              if (turn) await turn;
            }
          } finally {
            clearInterval(timer);
          }
          // Sends what is left.
          await link.close();
          if (progress) report();
          if (progress && link.hasEnded) print("The learner's run is over.");
        } finally {
          signal = stopping.signal;
          stopping.close();
          await link.close();
        }
      },
    ),
  );
  if (signal) exit(exitCodes[signal]);
}

/** One size of noise by the seed. */
function spreadScale(seed: number): number {
  return new Random(seed).fork("noise scale").uniform(spread[0], spread[1]);
}

/** The first signal asks the actor to end, and the second one ends the process. */
class Stopping {
  signal: Signal | undefined;
  #onSignal: () => void = () => {};
  readonly #listener = (signal: Signal): void => {
    if (this.signal) exit(exitCodes[signal]);
    this.signal = signal;
    this.#onSignal();
  };

  constructor() {
    for (const signal of Object.keys(exitCodes) as Signal[]) process.on(signal, this.#listener);
  }

  /** What a promise resolves to, or undefined if it takes longer than `ms` after a signal. */
  orStopped<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
    // No race with one promise for all signals: each step would leave a reaction on it.
    return new Promise((resolve, reject) => {
      this.#onSignal = () => void delay(ms).then(() => resolve(undefined));
      // It may have come between two promises.
      if (this.signal) this.#onSignal();
      promise.then(resolve, reject);
    });
  }

  close(): void {
    for (const signal of Object.keys(exitCodes) as Signal[]) process.off(signal, this.#listener);
  }
}
