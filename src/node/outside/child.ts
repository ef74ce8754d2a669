// A child process whose standard input and output carry frames.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type * as net from "node:net";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { InputError } from "../../base/expect.ts";
import { refusal } from "../files.ts";
import type { Wire } from "./link.ts";

/** How long a child may take to end after its input was closed, in ms. */
const graceMs = 2000;

/** How long to wait for the rest of what a child printed after it ended, or for its end after a pipe was closed, in ms. */
const restMs = 300;

/** The longest line of a child that is passed on, in letters. */
const maxLine = 2000;

/** What to start. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** What it is, for errors: "the Python of --python". */
  readonly what: string;
  /** What to do if it cannot be started. */
  readonly hint: string;
  /** Receives what it prints on its standard error. */
  onLine(line: string): void;
}

/** Starts a program, without a shell. Rejects with an InputError if it cannot be started. */
export async function startChild({ command, args, what, hint, onLine }: ChildCommand): Promise<Wire> {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    shell: false,
    windowsHide: true,
    // Ctrl-C in a terminal reaches a whole group of processes, and the environment is needed until the run is saved.
    detached: process.platform !== "win32",
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const got = error.code === "ENOENT" ? "no such program" : (refusal(error) ?? error.message);
      reject(new InputError({ where: command, expected: what, got, hint }, { cause: error }));
    });
  });
  return new ChildWire(child, onLine);
}

/** The children that have not ended. An error may end this process before they are asked to. */
const alive = new Set<ChildWire>();
process.on("exit", () => {
  for (const wire of alive) wire.kill();
});

class ChildWire implements Wire {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exited: Promise<string>;
  #lastLine = "";
  #onEnd: (why: string) => void = () => {};

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, onLine: (line: string) => void) {
    this.#child = child;
    alive.add(this);
    child.once("exit", () => alive.delete(this));
    const lines = eachLine(child.stderr, (line) => {
      if (line.trim() !== "") this.#lastLine = line;
      onLine(line);
    });
    this.#exited = new Promise((resolve) => {
      child.once("exit", async (code, signal) => {
        // A process that it started may keep its pipes open.
        await Promise.race([lines, delay(restMs)]);
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        resolve(`the program ${how}${this.#lastLine === "" ? "" : `, after it printed: ${this.#lastLine}`}`);
      });
    });
    // The end of the child says more than that of a pipe, which is only noticed first.
    const onPipe = (why: string) => async (): Promise<void> => {
      await Promise.race([this.#exited, delay(restMs)]);
      this.#onEnd(why);
    };
    child.stdin.on("error", onPipe("the program closed its standard input"));
    child.stdout.on("error", onPipe("the standard output of the program broke"));
    child.stdout.on("end", onPipe("the program closed its standard output"));
    child.stderr.on("error", () => {});
    child.on("error", () => {});
  }

  send(bytes: Uint8Array): void {
    this.#child.stdin.write(bytes);
  }

  receive(onPiece: (piece: Uint8Array) => void, onEnd: (why: string) => void): void {
    this.#onEnd = onEnd;
    this.#child.stdout.on("data", onPiece);
    this.#exited.then((why) => this.#onEnd(why));
  }

  async close(): Promise<void> {
    this.hold(true);
    this.#child.stdin.end();
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  destroy(): void {
    this.#child.stdin.destroy();
    this.kill();
    this.hold(false);
  }

  /** Ends it at once with all that it started: except on Windows, it leads a group of processes. */
  kill(): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined && process.platform !== "win32") process.kill(-pid, "SIGKILL");
      else this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  hold(isBusy: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    // They are sockets, which the types do not say.
    for (const each of [this.#child, stdin, stdout, stderr] as unknown as Pick<net.Socket, "ref" | "unref">[])
      isBusy ? each.ref() : each.unref();
  }
}

/** Calls `onLine` for each line, cut if it is long. Resolves at the end. */
function eachLine(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, maxLine);
    for (const line of lines) onLine(line.slice(0, maxLine).replace(/\r$/, ""));
  });
  return new Promise((resolve) => {
    stream.on("close", () => {
      if (rest !== "") onLine(rest);
      rest = "";
      resolve();
    });
  });
}
