// A process whose addresses are limited: an engine reserves some 10 GB of them for each WebAssembly memory.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const { href } = new URL("../index.js", import.meta.url);

/** Creates an agent in a process with a limit, in kB. Returns what that prints: its error, or the agent's steps. */
function createIn(limit: number, ...flags: string[]): string {
  const program = `import { Ddpg, Pendulum } from ${JSON.stringify(href)};
    const created = Ddpg.create(new Pendulum(), { preset: "small" });
    console.log(await created.then((agent) => agent.steps, ({ name, message }) => name + ": " + message));`;
  const command = `ulimit -v ${limit}; exec "$@"`;
  const args = ["-c", command, "sh", process.execPath, ...flags, "--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync("sh", args, { encoding: "utf8" });
  return (stdout || stderr).trim();
}

test("a limit of 8 GB is named with a flag that helps", { skip: process.platform !== "linux" }, (t) => {
  const created = createIn(8_000_000);
  if (created === "0" && Number.parseInt(process.versions.node, 10) > 20) {
    return t.skip("this engine does not need the addresses");
  }
  assert.match(
    created,
    /^InputError: WebAssembly: expected a memory of \d+ MB, got ".*memory.*"\. .*ulimit -v.*--disable-wasm-trap-handler/,
  );
  assert.equal(createIn(8_000_000, "--disable-wasm-trap-handler"), "0");
});
