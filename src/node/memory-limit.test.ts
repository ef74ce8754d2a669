// A process whose addresses are limited: an engine reserves some 10 GB of them for each WebAssembly memory.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { Arithmetic } from "../kernels/kernels.ts";

const [library, node] = ["index", "node"].map((name) => new URL(`../${name}.js`, import.meta.url).href);

/** Creates an agent in a process with a limit, in kB. Returns what that prints: its error, or the agent's steps. */
function createIn(limit: number, arithmetic: Arithmetic, ...flags: string[]): string {
  const program = `import { Ddpg, Pendulum } from ${JSON.stringify(library)};
    import { nodeBackend } from ${JSON.stringify(node)};
    const backend = nodeBackend({ native: false, wide: false, arithmetic: "${arithmetic}" });
    const created = backend.then((backend) => Ddpg.create(new Pendulum(), { preset: "small", backend }));
    console.log(await created.then((agent) => agent.steps, ({ name, message }) => name + ": " + message));`;
  const command = `ulimit -v ${limit}; exec "$@"`;
  const args = ["-c", command, "sh", process.execPath, ...flags, "--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync("sh", args, { encoding: "utf8" });
  return (stdout || stderr).trim();
}

for (const arithmetic of ["portable", "fused"] as const) {
  const name = `a limit of 8 GB is named with a flag that helps, ${arithmetic}`;
  test(name, { skip: process.platform !== "linux" }, (t) => {
    const created = createIn(8_000_000, arithmetic);
    if (created === "0" && Number.parseInt(process.versions.node, 10) > 20) {
      return t.skip("this engine does not need the addresses");
    }
    assert.match(
      created,
      /^InputError: WebAssembly: expected a memory of \d+ MB, got ".*memory.*"\. .*ulimit -v.*--disable-wasm-trap-handler/,
    );
    assert.equal(createIn(8_000_000, arithmetic, "--disable-wasm-trap-handler"), "0");
  });
}
