// Only one process at a time may write to a run's directory. A lock left behind by a process that was killed, or by a
// machine that went down, is recognized as stale. Where the process can be looked up, the system decides. Otherwise (another
// machine, another container, a copied directory) the lock is watched: its owner changes it every second, from a thread of
// its own. Clocks of two machines are never compared. A lock that is not understood counts as taken. See
// docs/decisions/0023-locks.md.
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { InputError } from "../base/expect.ts";
import { openFile, refusal } from "./files.ts";
import { closeQuietly, prepareFile } from "./replace-file.ts";
import { fromStart } from "./starting-folder.ts";

const name = "lock";

/** How often an owner changes its lock, in ms. */
const beatMs = 1000;

/** A lock that does not change for this long is stale, in ms. A busy disk may delay several beats. */
const watchMs = 10_000;

/** How often a lock is looked at while it is watched, in ms. */
const pollMs = 100;

/** The process that holds a lock. The optional fields are missing in the locks of version 0.1. */
interface Holder {
  pid: number;
  /** When that process started, in the system's own units. Null if the system does not report it. */
  start: string | null;
  host: string;
  /** Where `pid` is valid: see `processSpace`. */
  space?: string | null;
  /** The directory it locks. A copy of the directory has the same lock, but no owner. */
  directory?: string;
  /** The owner changes the file's time this often, in ms. Missing if it does not. */
  beat?: number;
}

/** A lock file as it is at one moment. */
interface Look {
  text: string;
  /** Changes with each beat. */
  time: number;
}

type State =
  | { kind: "free" }
  | { kind: "stale"; look: Look }
  /** `isUndecided`: whether watching may still show that the lock is stale. */
  | { kind: "taken"; got: string; hint: string; isUndecided: boolean };

/** Locks that are being watched, by file: how each looked last, since when, and whether it ever changed. */
const watched = new Map<string, Look & { since: number; beats: boolean }>();

/** Whether a process writes to a directory. The answer for another machine's process needs several calls over time. */
export function isLocked(directory: string): boolean {
  return stateOf(directory, watchMs).kind === "taken";
}

/**
 * Throws an InputError, with the process id, if another process writes to a directory. Watching a lock takes
 * some seconds; it then calls `notice` with the reason.
 */
export async function expectUnlocked(
  directory: string,
  notice: (text: string) => void = () => {},
  ms = watchMs,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    const state = stateOf(directory, ms);
    if (state.kind !== "taken") return;
    if (!state.isUndecided) throw refused(directory, state);
    const seconds = Math.ceil(ms / 1000);
    if (isFirst) notice(`${directory}: watching for up to ${seconds} s whether it is still ${state.got}`);
    await delay(pollMs);
  }
}

/** The same without waiting: a lock that was not watched long enough counts as taken. */
export function expectUnlockedNow(directory: string): void {
  const state = stateOf(directory, watchMs);
  if (state.kind === "taken") throw refused(directory, state);
}

function refused(directory: string, { got, hint }: { got: string; hint: string }): InputError {
  return new InputError({
    where: `run directory ${directory}`,
    expected: "one that no process writes to",
    got,
    hint,
  });
}

/** A lock that this process holds. */
export interface Lock {
  /**
   * Throws an InputError if another process has taken the lock, or it was removed. Call it before each write: a process
   * may have been suspended for hours, and another one may have continued the run.
   */
  verify(): void;
  /** Whether `verify` would not throw. */
  isHeld(): boolean;
  /** Removes the lock, unless another process has taken it. */
  release(): void;
}

/**
 * Locks a directory for this process. Throws an InputError if another process holds the lock, or may hold it. Wait for
 * `expectUnlocked` first: it watches a lock for long enough.
 */
export function takeLock(directory: string, ms = watchMs): Lock {
  const folder = fromStart(directory);
  const file = path.join(folder, name);
  // Process ids are not unique: two containers may share the directory.
  const own = `${file}.${randomUUID()}`;
  let text: string;
  try {
    fs.writeFileSync(own, "");
    const holder: Holder & { token: string } = {
      ...{ pid: process.pid, start: statusOf(process.pid)?.start ?? null, host: os.hostname(), space: processSpace() },
      directory: realPath(folder),
      ...(canBeat(own) && { beat: beatMs }),
      token: randomUUID(),
    };
    text = JSON.stringify(holder);
    // An empty lock after a power cut could not be understood.
    prepareFile(own, [Buffer.from(text)], own);
    // A link is created atomically, with its contents, and only if the name is free.
    while (!linked(own, file)) {
      const state = stateOf(directory, ms);
      if (state.kind === "taken") throw refused(directory, state);
      if (state.kind === "stale") removeStale(file, state.look);
    }
  } finally {
    removeQuietly(own);
  }
  const stopBeating = startBeating(file);
  const isOwn = (look: Look | string | undefined): boolean => typeof look === "object" && look.text === text;
  return {
    verify: () => {
      const look = lookAt(file);
      if (isOwn(look)) return;
      // If the whole directory is gone, this throws the error that says so.
      if (look === undefined) fs.statSync(folder);
      const by = typeof look === "object" ? holderOf(look.text) : undefined;
      const got = by ? `that of ${described(by)}` : look === undefined ? "none" : "another";
      throw new InputError({
        where: `run directory ${directory}`,
        expected: `the lock of this process, ${process.pid}`,
        got: typeof look === "string" ? `one that cannot be read (${look})` : got,
        hint: "This process ends and writes nothing more. Unless another one has continued the run, resume it.",
      });
    },
    isHeld: () => isOwn(lookAt(file)),
    release: () => {
      stopBeating();
      if (isOwn(lookAt(file))) fs.rmSync(file, { force: true });
    },
  };
}

/** Whether the time of a file can be set and is seen to change. Not every file system can. */
function canBeat(file: string): boolean {
  try {
    const before = fs.statSync(file).mtimeMs;
    const later = before / 1000 + 2;
    fs.utimesSync(file, later, later);
    return fs.statSync(file).mtimeMs !== before;
  } catch {
    return false;
  }
}

/**
 * The program of the thread that beats, because an environment's step may block the main thread for minutes. It stops
 * with its process, also while that is suspended. It opens the file once, so it cannot touch another process's lock. The
 * time moves even if the clock stands still.
 */
const beatProgram = `
import("node:worker_threads").then(async ({ workerData: { file, everyMs, stop } }) => {
  const fs = await import("node:fs");
  const descriptor = fs.openSync(file, "r+");
  let time = fs.fstatSync(descriptor).mtimeMs / 1000;
  while (Atomics.wait(stop, 0, 0, everyMs) === "timed-out") {
    time = Math.max(Date.now() / 1000, time + everyMs / 1000);
    try {
      fs.futimesSync(descriptor, time, time);
    } catch {}
  }
  fs.closeSync(descriptor);
});
`;

/** Starts a thread that changes the lock every second. Returns a function that ends it. */
function startBeating(file: string): () => void {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  try {
    const worker = new Worker(beatProgram, {
      ...{ eval: true, execArgv: [], env: {}, workerData: { file, everyMs: beatMs, stop } },
    });
    // Without it, another machine may take this process for a dead one. `verify` then still protects the run.
    worker.on("error", () => {});
    worker.unref();
  } catch {
    // As above.
  }
  return () => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
  };
}

/** The state of a directory's lock. Reads it once, and remembers locks that have to be watched. */
function stateOf(directory: string, ms: number): State {
  const file = path.join(fromStart(directory), name);
  const look = lookAt(file);
  if (look === undefined) return { kind: "free" };
  const taken = (got: string, hint: string, isUndecided = false): State => ({ kind: "taken", got, hint, isUndecided });
  const remove = `remove ${path.join(directory, name)}.`;
  if (typeof look === "string")
    return taken(`one whose lock cannot be read (${look})`, `If no process writes to it, ${remove}`);
  const holder = holderOf(look.text);
  if (!holder) return taken("one whose lock is not valid", `If no process writes to it, ${remove}`);
  const got = `that of ${described(holder)}`;
  const life = lifeOf(holder, path.dirname(file));
  if (life === "running") return taken(got, "Wait for it, or stop it.");
  if (life === "ended") return { kind: "stale", look };
  if (holder.beat === undefined)
    return taken(`${got}, which cannot be checked from here`, `If that process has ended, ${remove}`);
  const now = performance.now();
  const seen = watched.get(file);
  if (seen?.text !== look.text) {
    watched.set(file, { ...look, since: now, beats: false });
  } else if (seen.time !== look.time) {
    watched.set(file, { ...look, since: now, beats: true });
  } else if (now - seen.since >= ms) {
    return { kind: "stale", look };
  }
  return taken(got, "Wait for it, or stop it.", !watched.get(file)?.beats);
}

function described({ pid, host }: Holder): string {
  return `process ${pid}${host === os.hostname() ? "" : ` on ${host}`}`;
}

/** A lock as it is now. Undefined if there is none, and a reason if it cannot be read. */
function lookAt(file: string): Look | string | undefined {
  try {
    // A file system of another machine gives its current state only to a file that is opened again.
    const descriptor = openFile(file);
    try {
      const { size, mtimeMs } = fs.fstatSync(descriptor);
      if (size > maxBytes) return "too long";
      return { text: fs.readFileSync(descriptor, "utf8"), time: mtimeMs };
    } finally {
      closeQuietly(descriptor);
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" && fs.lstatSync(file, { throwIfNoEntry: false })) return "a link to nothing";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const reason = refusal(error);
    if (reason === undefined) throw error;
    return reason;
  }
}

/** Longer than any lock. */
const maxBytes = 65_536;

/** Adds a hard link to a file. Returns false if the name is taken. */
function linked(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    // Some file systems have no hard links.
    try {
      fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    }
  }
  return true;
}

/** Removes a stale lock. Another process may have just removed it and locked the directory itself: its lock stays. */
function removeStale(file: string, { text, time }: Look): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  const look = lookAt(aside);
  const isSame = typeof look === "object" && look.text === text && look.time === time;
  if (!isSame) linked(aside, file);
  removeQuietly(aside);
}

/** Whether a name is that of a lock, or of a file that `takeLock` makes for a moment. */
export function isLockName(file: string): boolean {
  return file === name || /^lock\.[0-9a-f-]{36}$/.test(file) || /^lock\.\d+(\.stale)?$/.test(file);
}

/** A file that remains does no harm. */
function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // See above.
  }
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function realPath(folder: string): string {
  try {
    return fs.realpathSync(folder);
  } catch {
    return folder;
  }
}

/** Parses a lock. Undefined if it is not valid. */
function holderOf(text: string): Holder | undefined {
  try {
    const { pid, start, host, space, directory, beat } = JSON.parse(text) ?? {};
    if (!Number.isSafeInteger(pid) || pid <= 0 || typeof host !== "string") return undefined;
    return {
      ...{ pid, host, start: typeof start === "string" ? start : null },
      ...(space !== undefined && { space: typeof space === "string" ? space : null }),
      ...(typeof directory === "string" && { directory }),
      ...(typeof beat === "number" && { beat }),
    };
  } catch {
    return undefined;
  }
}

/** What the system says about a lock's owner. `unknown`: it cannot say, so the lock must be watched. */
function lifeOf(holder: Holder, folder: string): "running" | "ended" | "unknown" {
  const { pid, start, host, space, directory, beat } = holder;
  if (host !== os.hostname()) return "unknown";
  // Version 0.1 did not write it; its lock is judged by the process id alone, as it was.
  if (space !== undefined && (space === null || space !== processSpace())) return "unknown";
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return "ended";
  }
  const status = statusOf(pid);
  if (status && (status.ended || (start !== null && status.start !== start))) return "ended";
  if (beat === undefined) return "running";
  const isCertain = status !== undefined && start !== null;
  return isCertain && directory === realPath(folder) ? "running" : "unknown";
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

/**
 * A name for the processes that this one can look up by their ids. On Linux: those of the same start of the machine and
 * the same PID namespace, such as a container. Null if the system does not say.
 */
function processSpace(): string | null {
  if (process.platform !== "linux") return process.platform;
  try {
    // Otherwise /proc shows another namespace.
    if (fs.readlinkSync("/proc/self") !== `${process.pid}`) return null;
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${fs.readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}
