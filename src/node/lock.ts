// Only one process at a time may write to a run's directory. A lock left behind by a process that was killed, or by a
// machine that went down, is recognized as stale: its process is gone, or another process has its number.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { InputError } from "../base/expect.ts";

const name = "lock";

/** The process that holds a lock. */
interface Holder {
  pid: number;
  /** When that process started, in the system's own units. Null if the system does not report it. */
  start: string | null;
  host: string;
}

/** Whether a process writes to a directory. */
export function isLocked(directory: string): boolean {
  return livingHolder(directory) !== undefined;
}

/** Throws an InputError, with the process id, if another process writes to a directory. */
export function expectUnlocked(directory: string): void {
  const holder = livingHolder(directory);
  if (!holder) return;
  const elsewhere = holder.host === os.hostname() ? "" : ` on ${holder.host}`;
  throw new InputError({
    where: `run directory ${directory}`,
    expected: "one that no process writes to",
    got: `that of process ${holder.pid}${elsewhere}`,
    hint: "Wait for it, or stop it.",
  });
}

function livingHolder(directory: string): Holder | undefined {
  const text = read(path.join(directory, name));
  const holder = text === undefined ? undefined : holderOf(text);
  return holder && isAlive(holder) ? holder : undefined;
}

/**
 * Locks a directory for this process. Returns a function that releases it. Throws an InputError if another process
 * holds the lock.
 */
export function takeLock(directory: string): () => void {
  const file = path.join(directory, name);
  const own = `${file}.${process.pid}`;
  const holder: Holder = { pid: process.pid, start: statusOf(process.pid)?.start ?? null, host: os.hostname() };
  const text = JSON.stringify(holder);
  fs.writeFileSync(own, text);
  try {
    // A link is created atomically, with its contents, and only if the name is free.
    while (!linked(own, file)) {
      expectUnlocked(directory);
      removeStale(file, `${own}.stale`);
    }
  } finally {
    fs.rmSync(own, { force: true });
  }
  return () => {
    if (read(file) === text) fs.rmSync(file, { force: true });
  };
}

/** Adds a hard link to a file. Returns false if the name is taken. */
function linked(from: string, to: string): boolean {
  const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EEXIST";
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (isTaken(error)) return false;
    // Some file systems have no hard links.
    try {
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }
  return true;
}

/** Removes a stale lock. Another process may have just removed it and locked the directory itself: its lock stays. */
function removeStale(file: string, aside: string): void {
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const holder = holderOf(read(aside) ?? "");
  if (holder && isAlive(holder)) linked(aside, file);
  fs.rmSync(aside, { force: true });
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Parses a lock. Undefined if it is not valid. */
function holderOf(text: string): Holder | undefined {
  try {
    const { pid, start, host } = JSON.parse(text) ?? {};
    const good = Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    return good ? { pid, start: typeof start === "string" ? start : null, host } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, start, host }: Holder): boolean {
  // Processes on another machine cannot be checked.
  if (host !== os.hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const status = statusOf(pid);
  if (!status) return true;
  return !status.ended && (start === null || status.start === start);
}

/**
 * What Linux reports about a process: when it started, and whether it has ended and waits for its parent to collect it.
 */
function statusOf(pid: number): { start: string; ended: boolean } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses. It may contain anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { start: fields[19], ended: /[ZX]/.test(fields[0]) };
}
