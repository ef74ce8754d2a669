// `ddpg watch --server`: the sweeps of a real NATS server, with a real worker.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type RunningServer, startServer, withoutServer } from "../../node/nats/nats-server.case.ts";
import type { CurvePoint, OverviewRow } from "../../training/runs-overview.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { start } = programInFolder("watch-server");
const skip = withoutServer || (process.platform === "win32" && "signals of POSIX");

describe("ddpg watch --server", { skip, timeout: 600_000 }, () => {
  const secret = "s3cret";
  const children: ReturnType<typeof start>["child"][] = [];
  let running: RunningServer;
  let url = "";
  before(async () => {
    running = await startServer({ args: ["--user", "ann", "--pass", secret] });
    url = running.url.replace("//", `//ann:${secret}@`);
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await running?.stop();
  });
  const run = (...args: string[]) => {
    const started = start([...args, "--server", url]);
    children.push(started.child);
    return started;
  };
  /** Waits until a program has printed something. */
  const says = ({ child, outcome }: ReturnType<typeof start>, words: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      child.stdout.on("data", (part) => {
        text += part;
        if (words.test(text)) resolve(text);
      });
      outcome.then(({ stderr }) => reject(new Error(text + stderr)), reject);
    });

  it("shows the jobs of a sweep with states and evaluations, live, and says which sweeps there are", async () => {
    const short = ["--warmup-steps", "60", "--episodes", "2", "--evaluate-episodes", "1", "--steps", "400"];
    const sweep = run("sweep", "Pendulum-v1", "--grid", "batchSize=16,32", "--seeds", "1", ...short, "--out", "some");
    const said = await says(sweep, /^watch .*\n/m);
    assert.match(said, /^watch {10}npx ddpg watch --server nats:\/\/127\.0\.0\.1:\d+ --sweep some$/m);
    assert.doesNotMatch(said, new RegExp(secret));
    const other = await run("watch", "--sweep", "som", "--no-open").outcome;
    assert.equal(other.code, 2);
    assert.match(other.stderr, /expected a sweep som, got some\. Did you mean "some"\?/);
    const watching = run("watch", "--sweep", "some", "--no-open");
    const text = await says(watching, /Ctrl-C/);
    assert.match(text, /^sweeps {9}some at nats:\/\/127\.0\.0\.1:\d+: 2 waiting\npage /);
    const [address] = /http:\S+/.exec(text) ?? assert.fail(text);
    assert.match(await (await fetch(address)).text(), /<script type="module"[^>]*overview/);

    const rows = new Map<string, OverviewRow>();
    const curves = new Map<string, readonly CurvePoint[]>();
    const seen = new Set<string>();
    const response = await fetch(`${address}runs/events`);
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    const next = async (): Promise<void> => {
      const { value, done } = await reader.read();
      assert.ok(!done);
      const parts = (rest + value).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const [, data] = /^event: runs\ndata: (.*)$/.exec(part) ?? [];
        if (data === undefined) continue;
        const runs = JSON.parse(data);
        for (const row of runs.rows) {
          rows.set(row.id, row);
          seen.add(row.state);
        }
        for (const { id, from, points } of runs.curves)
          curves.set(id, [...(curves.get(id) ?? []).slice(0, from), ...points]);
      }
    };
    while (rows.size < 2) await next();
    assert.deepEqual([...seen], ["waiting"]);
    const worker = run("work", "--jobs", "1", "--lost-after", "2", "--idle", "5");
    while (![...rows.values()].every(({ state }) => state === "complete")) await next();
    assert.ok(seen.has("running"));
    for (const { id, step, last, best, final, seconds, canOpen, group } of rows.values()) {
      const points = curves.get(id) ?? [];
      assert.deepEqual([points[0][0], points.at(-1)?.[0], points.at(-1)?.[1]], [0, 400, last]);
      assert.deepEqual([step, canOpen], [400, false]);
      assert.ok(best !== null && final !== null && seconds !== null && best <= 0 && final < 0 && seconds > 0);
      assert.match(group, /^batchSize (16|32)$/);
      assert.equal((await fetch(`${address}runs/${id}/`)).status, 404);
    }
    await reader.cancel();
    watching.child.kill("SIGINT");
    assert.equal((await watching.outcome).code, 130);
    for (const each of [sweep, worker]) assert.equal((await each.outcome).code, 0);
  });

  it("is explained when options do not fit together", async () => {
    const wrong = async (...args: string[]) => (await start(["watch", ...args, "--no-open"]).outcome).stderr;
    assert.match(await wrong("--sweep", "a"), /^ddpg: --sweep: expected to be used with --server, got "a"\.\n$/);
    assert.match(await wrong("run", "--server", url), /^ddpg: watch: expected no <run> with --server, got "run"/);
    assert.match(await wrong("--sweep", "../a", "--server", url), /^ddpg: --sweep: expected/);
  });
});
