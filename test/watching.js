// `ddpg watch` for as long as a test.
import { spawn } from "node:child_process";

/**
 * Has a program's `ddpg watch` serve a run of a folder: the address, which ends with a slash, and what ends it. At the
 * latest it ends with the test `t`, even one that failed.
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
