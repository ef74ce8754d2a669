// `ddpg watch`: the page for a run on disk, finished or still training.
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect } from "../../base/expect.ts";
import { readConfig } from "../../node.ts";
import { exitCodes } from "../terminal/exit-codes.ts";
import { print, stdout } from "../terminal/output.ts";
import { openBrowser } from "./open-browser.ts";
import { serveRun } from "./watch-server.ts";

interface WatchFlags {
  port?: number;
  open: boolean;
}

export function addWatchCommand(program: Command): void {
  program
    .command("watch")
    .argument("<run>", "a run's directory")
    .summary("show a run in the browser, live while it trains")
    .description(
      "Shows a run, finished or still training, on a page that only this machine can reach. Ctrl-C stops it.",
    )
    .option("--port <n>", "where to listen on 127.0.0.1 [a free one]", portNumber)
    .option("--no-open", "only print the address")
    .addHelpText(
      "after",
      `
A run on another machine, with the same port on both sides:
  ssh -L 4000:127.0.0.1:4000 there npx ddpg watch <run> --port 4000 --no-open`,
    )
    .action(watch);
}

async function watch(run: string, { port = 0, open }: WatchFlags): Promise<void> {
  const { environment, preset, seed } = readConfig(run);
  const server = await serveRun(run, fileURLToPath(new URL("./page", import.meta.url)), port);
  const signalled = new Promise<number>((resolve) => {
    for (const [signal, code] of Object.entries(exitCodes)) process.once(signal, () => resolve(code));
  });
  print([
    `run            ${run}: ${environment}, preset ${preset}, seed ${seed}`,
    `page           ${server.url}`,
    "Ctrl-C stops it.",
  ]);
  await stdout.written();
  // Then the address is unknown.
  if (stdout.hasFailed) return server.close();
  if (open) {
    openBrowser(server.url).then((opened) => {
      if (!opened) print("No browser could be opened: open the address yourself.");
    });
  }
  process.exitCode = await signalled;
  await server.close();
}

function portNumber(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : text;
  expect(typeof port === "number" && port < 65_536, "--port", "a whole number from 0 to 65535", port);
  return Number(port);
}
