// Several command lines of this program at once, each in a process of its own. A child tells its parent how far it is
// over the channel between them; when the channel closes, it ends as on SIGTERM, so that none outlives its parent.
import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Option } from "commander";
import { exitCodes, type Signal } from "../terminal/exit-codes.ts";
import { ProgressLines, type ProgressState } from "../terminal/progress.ts";

/** How long a child may take to write a checkpoint and to close its records, in ms. */
const graceMs = 5000;

/** What a child says to its parent. */
type Message = { progress: ProgressState } | { warning: string };

/** A command line of this program, without the program. */
export interface ChildCommand {
  /** What its lines begin with. */
  readonly label: string;
  readonly args: readonly string[];
}

/** How a child ended: by itself with code 0, by a signal or its parent, or in some other way. */
export interface ChildEnd {
  readonly how: "complete" | "stopped" | "failed";
  /** What went wrong: a sentence without a subject, or an error's message; further lines say where. */
  readonly why: string;
}

export interface ChildrenOptions<C extends ChildCommand> {
  /** How many run at the same time. */
  readonly jobs: number;
  /** Whether to show how far each is, on a terminal. */
  readonly progress: boolean;
  onStart(command: C): void;
  onWarning(command: C, warning: string): void;
  onEnd(command: C, end: ChildEnd): void;
}

/**
 * Runs all of them, so many at once, in their order; one that fails leaves the others alone. A signal stops them, the
 * second one without grace; the first is returned when all have ended.
 */
export async function runChildren<C extends ChildCommand>(
  commands: readonly C[],
  options: ChildrenOptions<C>,
): Promise<Signal | undefined> {
  const lines = new ProgressLines(process.stdout, options.progress);
  const waiting = [...commands];
  const running = new Set<ChildProcess>();
  let stopped: Signal | undefined;

  const kill = (): void => {
    for (const child of running) child.kill("SIGKILL");
  };
  const stop = (signal: Signal): void => {
    if (stopped) kill();
    else setTimeout(kill, graceMs).unref();
    stopped ??= signal;
    for (const child of running) if (child.connected) child.disconnect();
  };
  const runNext = async (): Promise<void> => {
    for (let command = waiting.shift(); command && !stopped; command = waiting.shift()) {
      lines.footer = waiting.length > 0 ? `${waiting.length} waiting` : "";
      const end = await runChild(command, lines, running, options);
      // A signal may reach what an environment depends on first: the error that follows is none.
      const how = stopped && end.how === "failed" ? "stopped" : end.how;
      lines.interrupt(() => options.onEnd(command, { ...end, how }));
    }
  };

  const signals = Object.keys(exitCodes) as Signal[];
  for (const signal of signals) process.on(signal, stop);
  try {
    await Promise.all(Array.from({ length: options.jobs }, runNext));
  } finally {
    for (const signal of signals) process.off(signal, stop);
    lines.stop();
  }
  return stopped;
}

async function runChild<C extends ChildCommand>(
  command: C,
  lines: ProgressLines,
  running: Set<ChildProcess>,
  { onStart, onWarning }: ChildrenOptions<C>,
): Promise<ChildEnd> {
  const { label, args } = command;
  lines.set(label, { done: 0, total: 1, parts: [] });
  lines.interrupt(() => onStart(command));
  // This very file: in a checkout, `bin/ddpg.js` might build anew for every child.
  const child = fork(fileURLToPath(import.meta.url), args, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  running.add(child);
  const errors: string[] = [];
  const say = (output: NodeJS.WriteStream, line: string): void =>
    lines.interrupt(() => output.write(`${label}: ${line}\n`));
  const silent = (["stdout", "stderr"] as const).map((stream) => {
    const input = child[stream];
    if (!input) return undefined;
    const reader = createInterface({ input }).on("line", (line) => {
      // The report of an error, ours or the engine's own, is the last that a child says; it waits for the end.
      if (stream === "stderr" && (errors.length > 0 || /^ddpg: |^<--- |^FATAL ERROR|^#$/.test(line))) errors.push(line);
      else if (line !== "") say(process[stream], line);
    });
    return new Promise((resolve) => reader.on("close", resolve));
  });
  child.on("message", (message: Message) => {
    if ("progress" in message) lines.set(label, message.progress);
    else lines.interrupt(() => onWarning(command, message.warning));
  });

  const end = await new Promise<ChildEnd>((resolve) => {
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ how: "failed", why: `could not be started: ${error.message}` });
    });
    child.on("exit", async (code, signal) => {
      // What it said last may still be on its way; a process of its own that it left behind may hold the stream for ever.
      await Promise.race([Promise.all(silent), delay(200)]);
      // Ctrl-C reaches children and parent alike: the parent shall know why they end.
      if (signal === "SIGINT" || code === exitCodes.SIGINT) await delay(50);
      resolve(describeEnd(code, signal, errors));
    });
  });
  running.delete(child);
  lines.delete(label);
  return end;
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, errors: readonly string[]): ChildEnd {
  if (code === 0) return { how: "complete", why: "" };
  const [stoppedBy] = Object.entries(exitCodes).find(([name, value]) => value === code || name === signal) ?? [];
  if (stoppedBy) return { how: "stopped", why: `was stopped by ${stoppedBy}` };
  return { how: "failed", why: whyFailed(code, signal, errors) };
}

function whyFailed(code: number | null, signal: NodeJS.Signals | null, errors: readonly string[]): string {
  const [first = "", ...others] = errors;
  if (errors.some((line) => /out of memory|allocation failed/i.test(line))) return "ran out of memory";
  if (first.startsWith("ddpg: ")) return [first.slice("ddpg: ".length), ...others].join("\n");
  if (signal === "SIGKILL") return "was killed (SIGKILL), manually or by the system because memory ran out";
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}

/** What tells a command that it is a child: it reports to its parent and says nothing itself. */
export function asChildOption(): Option {
  return new Option("--as-child").hideHelp();
}

/** The child's side; undefined in a process without a parent that listens. */
export function parent(): { onProgress(state: ProgressState): void; warn(warning: string): void } | undefined {
  if (process.connected === undefined) return undefined;
  const end = (): void => {
    if (!process.emit("SIGTERM", "SIGTERM")) process.exit(exitCodes.SIGTERM);
  };
  if (process.connected) process.on("disconnect", end);
  else end();
  // The listener alone would hold the process, also where nothing is left to do.
  process.channel?.unref();
  const send = (message: Message): void => {
    // With a callback, for an error has nobody to tell: the parent is gone.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  return { onProgress: (progress) => send({ progress }), warn: (warning) => send({ warning }) };
}
