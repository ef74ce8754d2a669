// Runs `ddpg watch` for the duration of a test.
import { spawn } from "node:child_process";

/**
 * Starts a program's `ddpg watch` for a run in a folder. Returns `url`, which ends with a slash, and `end`, which stops
 * it. It also stops when the test `t` ends, even if the test failed.
 */
export async function watch(t, program, folder, run, ...options) {
  const child = spawn(process.execPath, [program, "watch", run, "--no-open", ...options], { cwd: folder });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const end = () => {
    child.kill();
    return ended;
  };
  t.after(end);
  const url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      const [, address] = /(http:\S+)\s+Ctrl-C/.exec(said) ?? [];
      if (address) resolve(address);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
    ended.then(() => reject(new Error(`ddpg watch ended: ${said}`)));
  });
  return { url, end };
}
