// `ddpg watch`: the page for a run on disk, finished or still training; or for several, also of sweeps that a server has.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { files } from "../../node/run-files.ts";
import { fromHere } from "../../node/starting-folder.ts";
import { loadEnvironment, type RunConfig, readConfig } from "../../node.ts";
import { environments } from "../../tasks.ts";
import { environmentOf } from "../environment/environments.ts";
import { closing, guarded } from "../environment/guard.ts";
import { exitCodes } from "../terminal/exit-codes.ts";
import { print, printError, stdout } from "../terminal/output.ts";
import { addServerOptions, chosenServer, type ServerFlags, serverHelp } from "../terminal/server-options.ts";
import { FolderRuns, holdsRuns } from "./folder-runs.ts";
import { LiveBody } from "./live-body.ts";
import { openBrowser } from "./open-browser.ts";
import { serveRun, serveRuns, type WatchServer } from "./watch-server.ts";

interface WatchFlags extends ServerFlags {
  port?: number;
  open: boolean;
  sweep?: string;
  environment?: string;
}

export function addWatchCommand(program: Command): void {
  const command = program
    .command("watch")
    .argument(
      "[run...]",
      "a run's directory; several runs, or folders of runs, such as that of a sweep, for an overview",
    )
    .summary("show runs in the browser, live while they train")
    .description(
      "Shows a run, finished or still training, on a page that only this machine can reach. Several runs are shown as a " +
        "table with their learning curves in one chart; a click opens one. Ctrl-C stops it.",
    )
    .option("--port <n>", "where to listen on 127.0.0.1 [a free one]", portNumber)
    .option("--no-open", "only print the address")
    .option(
      "--environment <path>",
      "the module of the run's own environment, which is then stepped here; its scene is shown [none is loaded]",
    )
    .option("--server <address>", "show the sweeps of a NATS server, such as nats://host:4222, live")
    .option("--sweep <name>", "with --server, the name of a sweep there [all]");
  addServerOptions(command, "The NATS server of --server:");
  command
    .addHelpText(
      "after",
      `
Examples:
  ddpg watch runs/Pendulum-v1-small-seed1
  ddpg watch runs                              all runs inside, also those that start later
  ddpg watch sweeps/Pendulum-v1                the runs of a sweep
  ddpg watch runs/boat-robust-seed1 --environment boat.js
                                               with the body of an environment of your own
  ddpg watch --server nats://host:4222         the runs of the sweeps that a server has

A run on another machine, with the same port on both sides:
  ssh -L 4000:127.0.0.1:4000 there npx ddpg watch <run> --port 4000 --no-open

${serverHelp}`,
    )
    .action(watch);
}

/** A server, and what to print about it. */
interface Watching {
  readonly server: WatchServer;
  readonly lines: readonly string[];
  /** Runs what lasts until the command ends. */
  guard?<T>(work: () => Promise<T>): Promise<T>;
  close?(): Promise<void>;
}

async function watch(runs: string[], flags: WatchFlags): Promise<void> {
  const { server, lines, guard, close } = await begin(runs, flags);
  const signalled = new Promise<number>((resolve) => {
    for (const [signal, code] of Object.entries(exitCodes)) process.once(signal, () => resolve(code));
  });
  print([...lines, `page           ${server.url}`, "Ctrl-C stops it."]);
  await stdout.written();
  // Then the address is unknown.
  if (!stdout.hasFailed) {
    if (flags.open) {
      openBrowser(server.url).then((opened) => {
        if (!opened) print("No browser could be opened: open the address yourself.");
      });
    }
    process.exitCode = await (guard ? guard(() => signalled) : signalled);
  }
  await server.close();
  await close?.();
}

async function begin(runs: readonly string[], flags: WatchFlags): Promise<Watching> {
  const { port = 0, server: address, sweep } = flags;
  const page = fileURLToPath(new URL("./page", import.meta.url));
  if (address !== undefined) {
    expect(runs.length === 0, "watch", "no <run> with --server", runs[0], "--sweep names a sweep there.");
    expect(flags.environment === undefined, "--environment", "a run on this machine, not --server", flags.environment);
    // Loaded only here, because files need no server.
    const { ServerRuns } = await import("./server-runs.ts");
    const source = await ServerRuns.connect(chosenServer(address, flags), sweep, printError);
    const server = await serveRuns(source, page, port);
    const lines = [`sweeps         ${source.place}: ${source.counts()}`];
    return { server, lines, close: () => source.close() };
  }
  expectNoServer(flags);
  const [first] = runs;
  if (first === undefined) {
    const hint = 'See "ddpg watch --help".';
    throw new InputError({ where: "watch", expected: "<run>", got: "nothing", hint });
  }
  if (runs.length === 1 && (fs.existsSync(path.join(first, files.config)) || !holdsRuns(first))) {
    const config = readConfig(first);
    const { environment, preset, seed } = config;
    const lines = [`run            ${first}: ${environment}, preset ${preset}, seed ${seed}`];
    if (flags.environment === undefined) return { server: await serveRun(first, page, port), lines };
    return withBody(first, config, flags.environment, async (body) => ({
      server: await serveRun(fromHere(first), page, port, undefined, body),
      lines: [...lines, `body           ${flags.environment}, stepped while the page is open`],
    }));
  }
  expect(flags.environment === undefined, "--environment", "one run, whose environment it is", runs.join(" "));
  const source = new FolderRuns(runs);
  const counts = source.counts();
  const server = await serveRuns(source, page, port);
  return { server, lines: [`runs           ${source.place}: ${counts}`] };
}

/** Serves a run with its environment, which the user named. */
async function withBody(
  run: string,
  config: RunConfig,
  given: string,
  serve: (body: LiveBody) => Promise<Watching>,
): Promise<Watching> {
  const isOwn = config.environmentModule !== undefined || !Object.hasOwn(environments, config.environment);
  expect(isOwn, "--environment", `nothing for ${config.environment}, which the page itself simulates`, given);
  const nameOrPath = environmentOf(run, config, { given });
  const { name, environment } = await guarded(
    () => `environment ${nameOrPath}`,
    async () => {
      const { name, create } = await loadEnvironment(nameOrPath, {}, { onLine: printError });
      return { name, environment: await create() };
    },
  );
  const close = (work: () => Promise<void>): Promise<void> => closing(name, [environment], work);
  try {
    const body = new LiveBody(fromHere(run), name, environment, (message) => printError(`ddpg: ${message}`));
    return {
      ...(await serve(body)),
      guard: (work) => guarded(() => name, work),
      close: () => close(() => body.close()),
    };
  } catch (error) {
    await close(() => Promise.reject(error));
    throw error;
  }
}

/** Throws an InputError for an option that needs --server. */
function expectNoServer(flags: WatchFlags): void {
  const names = { sweep: "--sweep", credentials: "--credentials", tlsCa: "--tls-ca", tlsCert: "--tls-cert" } as const;
  for (const [name, flag] of Object.entries({ ...names, tlsKey: "--tls-key" } as const)) {
    const given = flags[name as keyof WatchFlags];
    expect(given === undefined, flag, "to be used with --server", given);
  }
}

function portNumber(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : text;
  expect(typeof port === "number" && port < 65_536, "--port", "a whole number from 0 to 65535", port);
  return Number(port);
}
