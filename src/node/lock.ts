// One process at a time may write to a run's directory. A lock that its process left behind, when it was killed or the
// machine went down, is recognized: its process is gone, or another one has its number.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { InputError } from "../base/expect.ts";

const name = "lock";

/** Who holds a lock. */
interface Holder {
  pid: number;
  /** When that process began, in the system's own count, where it tells. */
  start: string | null;
  host: string;
}

/** Whether a process writes to a directory. */
export function isLocked(directory: string): boolean {
  return livingHolder(directory) !== undefined;
}

/** Throws an InputError, with its number, if another process writes to a directory. */
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

/** Takes a directory for this process; what is returned gives it back. Throws an InputError if another one has it. */
export function takeLock(directory: string): () => void {
  const file = path.join(directory, name);
  const own = `${file}.${process.pid}`;
  const holder: Holder = { pid: process.pid, start: statusOf(process.pid)?.start ?? null, host: os.hostname() };
  const text = JSON.stringify(holder);
  fs.writeFileSync(own, text);
  try {
    // A link is made in one step, with its contents, and only where there is none.
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

/** Gives a file a second name; false where that name is taken. */
function linked(from: string, to: string): boolean {
  const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EEXIST";
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (isTaken(error)) return false;
    // Some file systems know no second names.
    try {
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }
  return true;
}

/** Removes a lock that nobody holds. Another process may just have done so and taken its place: that one stays. */
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

/** What a lock says; undefined where it says nothing. */
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
  // Of another machine nothing can be known.
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

/** What Linux tells of a process: when it began, and whether it has ended and waits for its parent to look. */
function statusOf(pid: number): { start: string; ended: boolean } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field, the program's name in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { start: fields[19], ended: /[ZX]/.test(fields[0]) };
}
