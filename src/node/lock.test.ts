import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { expectUnlocked, isLocked, takeLock } from "./lock.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-lock-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const posix = { skip: process.platform === "win32" };

/** A short time to watch a lock, in ms. */
const brief = 400;

let made = 0;

/** A fresh directory with this lock: text, or the fields of one. */
function locked(lock: string | object): string {
  const directory = path.join(folder, `${made++}`);
  fs.mkdirSync(directory);
  fs.writeFileSync(path.join(directory, "lock"), typeof lock === "string" ? lock : JSON.stringify(lock));
  return directory;
}

/** The lock that this process takes, with changes. */
function ownLock(changes: object = {}): object {
  const directory = path.join(folder, `${made++}`);
  fs.mkdirSync(directory);
  const lock = takeLock(directory);
  const holder = JSON.parse(fs.readFileSync(path.join(directory, "lock"), "utf8"));
  lock.release();
  return { ...holder, ...changes };
}

/** A process id that no process has. */
const ended = 2 ** 22 + 1;
const elsewhere = { pid: 7, start: "12345", host: "3f2a9c1b7d10" };

/** Moves the time of a lock every 50 ms, as its owner does. Returns a function that stops it. */
function beat(directory: string): () => void {
  let time = 1e9;
  const timer = setInterval(() => fs.utimesSync(path.join(directory, "lock"), ++time, time), 50);
  return () => clearInterval(timer);
}

async function refusal(directory: string, ms = brief): Promise<string> {
  const error = await expectUnlocked(directory, () => {}, ms).then(
    () => undefined,
    (error: Error) => error,
  );
  assert.equal(error?.name, "InputError");
  assert.throws(() => takeLock(directory, ms), { name: "InputError" });
  assert.ok(isLocked(directory));
  return error?.message ?? "";
}

test("a lock that is not understood counts as taken, and the error says how to remove it", async () => {
  for (const text of ["", "{", "null", '{"pid":-1,"host":"x"}', '{"pid":1}']) {
    const directory = locked(text);
    assert.equal(
      await refusal(directory),
      `run directory ${directory}: expected one that no process writes to, got one whose lock is not valid. ` +
        `If no process writes to it, remove ${path.join(directory, "lock")}.`,
    );
    assert.equal(fs.readFileSync(path.join(directory, "lock"), "utf8"), text);
  }
});

test("a lock that is no readable file counts as taken, without waiting for a pipe", posix, async () => {
  for (const [make, got] of [
    [(file: string) => fs.mkdirSync(file), "a directory"],
    [(file: string) => execFileSync("mkfifo", [file]), "a named pipe"],
    [(file: string) => fs.symlinkSync("nothing", file), "a link to nothing"],
    [(file: string) => fs.symlinkSync("lock", file), "a link that leads to itself"],
    [(file: string) => fs.writeFileSync(file, Buffer.alloc(100_000)), "too long"],
  ] as const) {
    const directory = locked("");
    const file = path.join(directory, "lock");
    fs.rmSync(file);
    make(file);
    assert.match(
      await refusal(directory),
      new RegExp(`got one whose lock cannot be read \\(${got}\\)\\. If no process`),
    );
  }
});

test("locks of version 0.1: an ended process of this host is stale, one of another host counts as running", async () => {
  const lock = takeLock(locked({ pid: ended, start: "1", host: os.hostname() }));
  lock.release();
  const directory = locked(elsewhere);
  assert.equal(
    await refusal(directory, 0),
    `run directory ${directory}: expected one that no process writes to, got that of process 7 on 3f2a9c1b7d10, ` +
      `which cannot be checked from here. If that process has ended, remove ${path.join(directory, "lock")}.`,
  );
  const here = locked({ pid: process.pid, start: null, host: os.hostname() });
  assert.match(await refusal(here), /got that of process \d+\. Wait for it, or stop it\.$/);
});

test("a process of another machine or PID namespace runs while its lock changes", async () => {
  const other = [{ host: "other" }, ...(process.platform === "linux" ? [{ space: "another" }, { space: null }] : [])];
  for (const changes of other) {
    const directory = locked(ownLock({ pid: ended, ...changes }));
    const stop = beat(directory);
    const notices: string[] = [];
    await assert.rejects(
      expectUnlocked(directory, (text) => notices.push(text), 10_000),
      /got that of process 4194305( on other)?\. Wait for it, or stop it\.$/,
    );
    assert.equal(notices.length, 1, "it is said why it takes long");
    assert.match(notices[0], /watching for up to 10 s whether it is still that of process 4194305/);
    stop();
    // Seen once, it is not forgotten before the time is over.
    await assert.rejects(expectUnlocked(directory, () => {}, 10_000));
    await delay(brief + 100);
    takeLock(directory, brief).release();
    assert.deepEqual(fs.readdirSync(directory), []);
  }
});

test("a lock that was not watched for long enough is not taken over", async () => {
  const directory = locked(ownLock({ host: "other" }));
  assert.throws(() => takeLock(directory, brief), /got that of process \d+ on other\. Wait/);
  await expectUnlocked(directory, () => {}, brief);
  const lock = takeLock(directory, brief);
  lock.verify();
  lock.release();
});

test("the lock in a copy of a running run's directory is stale", async () => {
  const directory = locked("");
  fs.rmSync(path.join(directory, "lock"));
  const lock = takeLock(directory);
  const copy = locked(fs.readFileSync(path.join(directory, "lock"), "utf8"));
  if (process.platform === "linux") {
    await assert.rejects(
      expectUnlocked(directory, () => {}, 0),
      /Wait for it/,
    );
  }
  await expectUnlocked(copy, () => {}, brief);
  lock.release();
});

test("a lock changes while its process is busy, although the process may end meanwhile", async () => {
  const directory = locked("");
  const file = path.join(directory, "lock");
  fs.rmSync(file);
  const lock = takeLock(directory);
  const times = new Set<number>();
  for (const start = performance.now(); performance.now() - start < 20_000 && times.size < 3; ) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    times.add(fs.statSync(file).mtimeMs);
  }
  lock.release();
  assert.equal(times.size, 3);
  const own = JSON.stringify(new URL("./lock.js", import.meta.url).href);
  const text = `const { takeLock } = await import(${own}); takeLock(${JSON.stringify(directory)}); console.log("locked")`;
  const options = { timeout: 60_000, encoding: "utf8" } as const;
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "--eval", text], options), "locked\n");
  takeLock(directory).release();
});

test("the owner notices that its lock was taken or removed, and leaves the other's lock", () => {
  const directory = locked("");
  const file = path.join(directory, "lock");
  fs.rmSync(file);
  const lock = takeLock(directory);
  lock.verify();
  const other = JSON.stringify(ownLock({ pid: 12, host: "other" }));
  fs.rmSync(file);
  const expected = `run directory ${directory}: expected the lock of this process, ${process.pid}, got`;
  const hint = "This process ends and writes nothing more. Unless another one has continued the run, resume it.";
  assert.throws(() => lock.verify(), { name: "InputError", message: `${expected} none. ${hint}` });
  fs.writeFileSync(file, other);
  assert.throws(() => lock.verify(), { message: `${expected} that of process 12 on other. ${hint}` });
  assert.equal(lock.isHeld(), false);
  lock.release();
  assert.equal(fs.readFileSync(file, "utf8"), other);
});
