// Runs several command lines of this program at once, each in its own process. A child reports its progress to its
// parent over the channel between them. When the channel closes, the child ends as on SIGTERM, so that it never
// outlives its parent.
import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Option } from "commander";
import { startingFolder } from "../../node/starting-folder.ts";
import { exit } from "../terminal/exit.ts";
import { exitCodes, type Signal } from "../terminal/exit-codes.ts";
import { type Output, stderr, stdout, type Terminal } from "../terminal/output.ts";
import { ProgressLines, type ProgressState } from "../terminal/progress.ts";

/** How long a child may take to write a checkpoint and close its records, in ms. */
const graceMs = 5000;

/** What a child reports to its parent. */
type Message = { progress: ProgressState } | { warning: string } | { result: unknown };

/** The arguments of one child. */
export interface ChildCommand {
  /** What its lines start with. */
  readonly label: string;
  readonly args: readonly string[];
}

/** How a child ended: with code 0, by a signal or its parent, or in any other way. */
export interface ChildEnd {
  readonly how: "complete" | "stopped" | "failed";
  /** What went wrong: a phrase without a subject, or an error's message. Further lines say where. */
  readonly why: string;
  /** Whether it was killed from outside, or because memory ran out. It has then failed. */
  readonly isKilled?: boolean;
}

export interface ChildrenOptions<C extends ChildCommand> {
  /** The number of children that run at the same time. */
  readonly jobs: number;
  /** Whether to show their progress on a terminal. */
  readonly progress: boolean;
  /** Where the progress is drawn: the standard output by default. */
  readonly output?: Terminal;
  /** Stops all children when it is aborted, as SIGTERM does. */
  readonly until?: AbortSignal;
  onStart(command: C): void;
  onWarning(command: C, warning: string): void;
  /** Takes what a child has reported as its result. It comes before the child's end. */
  onResult?(command: C, result: unknown): void;
  onEnd(command: C, end: ChildEnd): void;
}

/**
 * Runs all children in order, `jobs` at a time. A failure does not affect the others. A signal stops them all, and a
 * second one kills them. Returns the first signal, if any, when all have ended.
 */
export async function runChildren<C extends ChildCommand>(
  commands: readonly C[],
  options: ChildrenOptions<C>,
): Promise<Signal | undefined> {
  const lines = new ProgressLines(options.output ?? stdout, options.progress);
  const waiting = [...commands];
  const running = new Set<ChildProcess>();
  let stopped: Signal | undefined;
  let isStopping = false;

  const kill = (): void => {
    for (const child of running) child.kill("SIGKILL");
  };
  const end = (): void => {
    if (isStopping) kill();
    else setTimeout(kill, graceMs).unref();
    isStopping = true;
    for (const child of running) if (child.connected) child.disconnect();
  };
  const stop = (signal: Signal): void => {
    stopped ??= signal;
    end();
  };
  const runNext = async (): Promise<void> => {
    for (let command = waiting.shift(); command && !isStopping; command = waiting.shift()) {
      lines.footer = waiting.length > 0 ? `${waiting.length} waiting` : "";
      const end = await runChild(command, lines, running, options);
      // A signal may first reach something that an environment depends on. The error that follows is not a failure.
      const how = isStopping && end.how === "failed" ? "stopped" : end.how;
      lines.interrupt(() => options.onEnd(command, { ...end, how }));
    }
  };

  const signals = Object.keys(exitCodes) as Signal[];
  for (const signal of signals) process.on(signal, stop);
  options.until?.addEventListener("abort", end);
  if (options.until?.aborted) end();
  try {
    await Promise.all(Array.from({ length: options.jobs }, runNext));
  } finally {
    for (const signal of signals) process.off(signal, stop);
    options.until?.removeEventListener("abort", end);
    lines.stop();
  }
  return stopped;
}

/** Variables without those for a NATS server: an environment that a child loads needs no password. */
export function withoutServerVariables(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !/^DDPG_NATS_/i.test(name)));
}

async function runChild<C extends ChildCommand>(
  command: C,
  lines: ProgressLines,
  running: Set<ChildProcess>,
  { onStart, onWarning, onResult }: ChildrenOptions<C>,
): Promise<ChildEnd> {
  const { label, args } = command;
  lines.set(label, { done: 0, total: 1, parts: [] });
  lines.interrupt(() => onStart(command));
  // Fork this file, because in a checkout `bin/ddpg.js` might build again for every child.
  const child = fork(fileURLToPath(import.meta.url), args, {
    cwd: startingFolder(),
    env: withoutServerVariables(process.env),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  running.add(child);
  const errors: string[] = [];
  const say = (output: Output, line: string): void => lines.interrupt(() => output.print(`${label}: ${line}`));
  const silent = (["stdout", "stderr"] as const).map((stream) => {
    const input = child[stream];
    if (!input) return undefined;
    const reader = createInterface({ input }).on("line", (line) => {
      // The report of an error, ours or Node's, comes last. It is kept until the child has ended.
      if (stream === "stderr" && (errors.length > 0 || /^ddpg: |^<--- |^FATAL ERROR|^#$/.test(line))) errors.push(line);
      else if (line !== "") say(stream === "stdout" ? stdout : stderr, line);
    });
    return new Promise((resolve) => reader.on("close", resolve));
  });
  child.on("message", (message: Message) => {
    if ("progress" in message) lines.set(label, message.progress);
    else if ("result" in message) onResult?.(command, message.result);
    else lines.interrupt(() => onWarning(command, message.warning));
  });
  const disconnected = new Promise((resolve) => child.on("disconnect", resolve));

  const end = await new Promise<ChildEnd>((resolve) => {
    child.on("error", (error) => {
      if (child.pid === undefined) resolve({ how: "failed", why: `could not be started: ${error.message}` });
    });
    child.on("exit", async (code, signal) => {
      // Its last output may still be on its way. Do not wait for long: a process that it started may keep the stream
      // open.
      await Promise.race([Promise.all(silent), delay(200)]);
      // Everything that it sent over the channel arrives before the channel's end.
      if (child.connected) await disconnected;
      // Ctrl-C reaches children and parent at the same time. Wait, so that the parent knows why they end.
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
  return { how: "failed", why: whyFailed(code, signal, errors), isKilled: signal === "SIGKILL" };
}

function whyFailed(code: number | null, signal: NodeJS.Signals | null, errors: readonly string[]): string {
  const [first = "", ...others] = errors;
  if (errors.some((line) => /out of memory|allocation failed/i.test(line))) return "ran out of memory";
  if (first.startsWith("ddpg: ")) return [first.slice("ddpg: ".length), ...others].join("\n");
  if (signal === "SIGKILL") return "was killed (SIGKILL), manually or by the system because memory ran out";
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}

/** Marks a command as a child: it reports to its parent and prints nothing itself. */
export function asChildOption(): Option {
  return new Option("--as-child").hideHelp();
}

/** What a child can tell its parent. */
export interface Parent {
  onProgress(state: ProgressState): void;
  warn(warning: string): void;
  /** Resolves once the result is on its way, so that the process may end. */
  report(result: unknown): Promise<void>;
}

/** The child's side. Undefined in a process without a parent that listens. */
export function parent(): Parent | undefined {
  if (process.connected === undefined) return undefined;
  const end = (): void => {
    if (!process.emit("SIGTERM", "SIGTERM")) exit(exitCodes.SIGTERM);
  };
  if (process.connected) process.on("disconnect", end);
  else end();
  // Otherwise the listener would keep the process alive after its work is done.
  process.channel?.unref();
  const send = (message: Message): void => {
    // The callback ignores errors, because the parent may be gone.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  const report = (result: unknown): Promise<void> =>
    new Promise((resolve) => {
      if (process.connected) process.send?.({ result } satisfies Message, undefined, undefined, () => resolve());
      else resolve();
    });
  return { onProgress: (progress) => send({ progress }), warn: (warning) => send({ warning }), report };
}
