// The command line as a user runs it: the real program in an empty folder.
import assert from "node:assert/strict";
import { type ChildProcessByStdio, type SpawnOptions, spawn } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import type { Readable } from "node:stream";
import { after } from "node:test";

const root = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
const program = path.join(root, "bin/ddpg.js");

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Call this at the top of a test file. It creates an empty folder, which is removed after the file's tests, and returns
 * functions that run the program there.
 */
export function programInFolder(name: string) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `ddpg-${name}-`));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** The path of something in the folder. Without names, the folder itself. */
  const inFolder = (...names: string[]): string => path.join(folder, ...names);

  /** Starts the program. Returns the process and a promise of its outcome. `output` may be a file's descriptor. */
  function start(args: readonly string[], env: NodeJS.ProcessEnv = process.env, output: "pipe" | number = "pipe") {
    const options: SpawnOptions = { cwd: folder, env, stdio: ["ignore", output, "pipe"] };
    // Without a pipe there is no stream, which only the test that gives a descriptor has to know.
    const child = spawn(process.execPath, [program, ...args], options) as ChildProcessByStdio<null, Readable, Readable>;
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    const outcome = new Promise<Outcome>((resolve, reject) => {
      child.on("error", reject).on("close", (code) => resolve({ code, stdout, stderr }));
    });
    return { child, outcome };
  }

  /** Runs the program to its end. */
  const ddpg = (...args: string[]): Promise<Outcome> => start(args).outcome;

  /** Runs the program to its end, which must be successful. Returns what it printed. */
  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await ddpg(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  return { file: program, inFolder, start, ddpg, succeed };
}
