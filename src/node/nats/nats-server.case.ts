// A real NATS server for tests, on a free port and with its own folder. It can be killed and started again.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Why tests that need the server are skipped, or false. For the option `skip` of a test. */
export const withoutServer: string | false =
  spawnSync("nats-server", ["--version"]).status === 0 ? false : "nats-server is not installed";

export interface StartOptions {
  /** False: without -js. */
  readonly jetstream?: boolean;
  /** More arguments, such as --user. */
  readonly args?: readonly string[];
  /** A configuration file's text; `PORT` and `FOLDER` in it are replaced. */
  readonly config?: string;
}

export interface RunningServer {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** Ends it at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same folder. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** What follows the port and the folder in the configuration for actors of docs/scale.md, for tests. */
export interface ActorsConfig {
  readonly passwords: { readonly learner: string; readonly actor: string; readonly page: string };
  readonly webSocketPort: number;
  /** The site whose pages may connect. */
  readonly origin: string;
}

export function actorsConfig({ passwords, webSocketPort, origin }: ActorsConfig): string {
  const root = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
  const text = fs.readFileSync(path.join(root, "docs/scale.md"), "utf8");
  const [, block = ""] = /```\n(port: 4222\n[\s\S]*?)```/.exec(text) ?? [];
  const replaced: readonly (readonly [RegExp, string])[] = [
    [/port: 4222\njetstream .*\n/, ""],
    [/port: 8080\n/, `port: ${webSocketPort}\n`],
    [/"http:\/\/localhost:4173"/, JSON.stringify(origin)],
    [/\$LEARNER_PASSWORD/, passwords.learner],
    [/\$ACTOR_PASSWORD/, passwords.actor],
    [/\$PAGE_PASSWORD/, passwords.page],
  ];
  return replaced.reduce((config, [what, by]) => {
    if (!what.test(config)) throw new Error(`The configuration in docs/scale.md has no ${what}.`);
    return config.replace(what, by);
  }, block);
}

/** Starts a server. Call `stop` after the tests. */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-nats-"));
  const port = await freePort();
  const args = ["-a", "127.0.0.1", "-p", `${port}`, ...(options.args ?? [])];
  if (options.jetstream !== false) args.push("-js", "-sd", path.join(folder, "data"));
  if (options.config !== undefined) {
    const text = options.config.replaceAll("PORT", `${port}`).replaceAll("FOLDER", folder);
    fs.writeFileSync(path.join(folder, "server.conf"), text);
    args.push("-c", path.join(folder, "server.conf"));
  }
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const log = fs.openSync(path.join(folder, "log"), "a");
    child = spawn("nats-server", args, { stdio: ["ignore", log, log] });
    fs.closeSync(log);
    for (let tries = 0; !(await answers(port)); tries++) {
      if (child.exitCode !== null || tries > 400) {
        child.kill("SIGKILL");
        throw new Error(`nats-server did not start:\n${fs.readFileSync(path.join(folder, "log"), "utf8")}`);
      }
      await delay(25);
    }
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    ...{ port, url: `nats://127.0.0.1:${port}`, folder, kill },
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => {
      await kill();
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether a server greets: it does when it takes clients. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const end = (good: boolean): void => {
      socket.destroy();
      resolve(good);
    };
    socket
      .once("data", () => end(true))
      .once("error", () => end(false))
      .setTimeout(500, () => end(false));
  });
}
