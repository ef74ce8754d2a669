// `ddpg watch --server`: the sweeps of a real NATS server, with a real worker.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../../node/nats/connect.ts";
import { type RunningServer, startServer, withoutServer } from "../../node/nats/nats-server.case.ts";
import type { CurvePoint, OverviewRow } from "../../training/runs-overview.ts";
import { queued } from "../sweep/nats/job-state.ts";
import { SweepStore } from "../sweep/nats/store.ts";
import type { SweepRecord } from "../sweep/record.ts";
import { programInFolder } from "../terminal/program.case.ts";
import { NatsRuns } from "./nats-runs.ts";

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

  it("shows what it can read if a record or a state is damaged, and says what is wrong with the rest", {
    timeout: 60_000,
  }, async () => {
    const server = await connect({ server: url }, { name: "test", where: "test", onLine: () => {}, variables: {} });
    const store = await SweepStore.open(server);
    const cells = [{ id: "a".repeat(12), settings: { batchSize: 8 }, seeds: [1, 2] }];
    const record: SweepRecord = { environment: "Pendulum-v1", steps: 100, arithmetic: "fused", cells };
    for (const name of ["m-bad", "m-good", "m-half"]) await store.addRecord(name, record);
    const objects = await server.objects.open("ddpg_sweeps");
    await objects.putBlob({ name: "m-bad/sweep.json" }, Buffer.from("{"));
    const values = await server.values.open("ddpg_sweeps");
    const [first, second] = [1, 2].map((seed) => `${"a".repeat(12)}-seed${seed}`);
    await values.put(`m-half.${first}`, "damaged");
    const evaluations = { points: [[0, -2] as const], last: null, best: -2, seconds: 1 };
    await store.write("m-half", second, { ...queued("0".repeat(64)), step: 7, evaluations }, 0);
    const runs = await NatsRuns.connect({ server: url }, undefined, () => {});
    try {
      const rows = (): readonly OverviewRow[] =>
        [...runs.runs.values()].map(({ row }) => row).filter(({ name }) => name.startsWith("m-"));
      const until = async (isSo: () => boolean): Promise<void> => {
        for (let tries = 0; !isSo(); tries++) {
          assert.ok(tries < 400, `not within 20 s: ${isSo}`);
          await delay(50);
        }
      };
      assert.deepEqual(
        rows().map(({ name, step }) => [name, step]),
        [
          [`m-good/${first}`, 0],
          [`m-good/${second}`, 0],
          [`m-half/${first}`, 0],
          [`m-half/${second}`, 7],
        ],
      );
      assert.match(rows()[2].reason, /state of m-half a+-seed1: expected/);
      assert.deepEqual([rows()[1].reason, rows()[3].reason], ["", ""]);
      // The newest evaluation was not finite, so it is no point of the curve.
      assert.deepEqual([rows()[3].last, rows()[3].best], [null, -2]);
      assert.match(runs.problem, /record of m-bad: expected/);
      // The damaged state does not keep later ones from being seen.
      await values.put(`m-half.${second}`, "damaged, too");
      await until(() => /seed2: expected/.test(rows()[3].reason));
      assert.equal(rows()[3].step, 7);
      const { revision } = (await values.get(`m-half.${first}`)) ?? assert.fail();
      await store.write("m-half", first, { ...queued("0".repeat(64)), step: 9 }, revision);
      await until(() => rows()[2].step === 9);
      assert.equal(rows()[2].reason, "");
      await running.kill();
      await until(() => runs.problem.includes(`${server.address}: the connection is lost`));
      await running.restart();
      await until(() => !runs.problem.includes("the connection"));
      await assert.rejects(
        NatsRuns.connect({ server: url }, "m-bad", () => {}),
        /record of m-bad: expected/,
      );
      const { code, stdout, stderr } = await run("sweep", "status").outcome;
      assert.equal(code, 2);
      assert.match(stdout, /2 runs in m-good.*\n(.*\n)*.*2 runs in m-half/);
      assert.match(stderr, /^ddpg: .*state of m-half a+-seed2: expected.*\nddpg: .*record of m-bad: expected.*\n$/);
    } finally {
      await runs.close();
      await server.close();
    }
  });

  it("is explained when options do not fit together", async () => {
    const wrong = async (...args: string[]) => (await start(["watch", ...args, "--no-open"]).outcome).stderr;
    assert.match(await wrong("--sweep", "a"), /^ddpg: --sweep: expected to be used with --server, got "a"\.\n$/);
    assert.match(await wrong("--tls-ca", "b"), /^ddpg: --tls-ca: expected to be used with --server, got "b"\.\n$/);
    const status = await start(["sweep", "status", "here", "--credentials", "c"]).outcome;
    assert.match(status.stderr, /^ddpg: --credentials: expected to be used with --server, got "c"\.\n$/);
    assert.match(await wrong("run", "--server", url), /^ddpg: watch: expected no <run> with --server, got "run"/);
    assert.match(await wrong("--sweep", "../a", "--server", url), /^ddpg: --sweep: expected/);
  });
});
