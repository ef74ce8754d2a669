// Sweeps over a real NATS server: the real program, with workers that are killed, stopped and overtaken.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Server } from "../../../node/nats/connect.ts";
import { type RunningServer, startServer, withoutServer } from "../../../node/nats/nats-server.case.ts";
import { readConfig, readMetrics, readResult } from "../../../node.ts";
import { programInFolder } from "../../terminal/program.case.ts";
import { jobOf } from "../job.ts";
import { readSweep, runsOf, type SweepRecord } from "../record.ts";
import { decodeJob, encodeJob, jobSubject, type SweepJob } from "./job-message.ts";
import { completed, fetched, type JobState } from "./job-state.ts";
import { Lease } from "./lease.ts";
import { SweepStore } from "./store.ts";

const program = programInFolder("nats");
const { inFolder } = program;
const secret = "s3cret";
const skip = withoutServer || (process.platform === "win32" && "signals of POSIX");

/** Everything that was printed. */
const printed: string[] = [];

const children: ChildProcess[] = [];

function start(...args: string[]) {
  const { child, outcome } = program.start(args);
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => printed.push(String(text)));
  return { child, outcome };
}

function outcomes(name: string): Record<string, string> {
  const record = readSweep(inFolder(name)) as SweepRecord;
  const runs = runsOf(inFolder(name), record);
  return Object.fromEntries(runs.map(({ id, directory }) => [id, readResult(directory).fingerprint]));
}

describe("sweeps over NATS", { skip, timeout: 1_800_000 }, () => {
  let running: RunningServer;
  let server: Server;
  let store: SweepStore;
  let url = "";
  let sample: SweepJob;
  const short = ["--warmup-steps", "60", "--episodes", "2", "--evaluate-episodes", "1", "--arithmetic", "portable"];
  const grid = ["Pendulum-v1", "--grid", "batchSize=32,48", ...short, "--steps", "2500"];
  // For workers that are to be stopped in a run: long enough that it does not end before.
  const long = ["Pendulum-v1", "--grid", "batchSize=32", ...short, "--steps", "12000"];
  const every = ["--checkpoint-every", "200"];
  const sweep = (...args: string[]) => start("sweep", ...args, "--server", url);
  const work = (...args: string[]) =>
    start("work", "--server", url, "--jobs", "1", ...every, "--lost-after", "2", ...args);

  /** Waits until the state of a run of a sweep is as wanted. */
  async function until(name: string, isWanted: (states: JobState[]) => boolean): Promise<JobState[]> {
    for (;;) {
      const states = [...(await statesOf(name)).values()];
      if (isWanted(states)) return states;
      await delay(20);
    }
  }
  async function statesOf(name: string): Promise<Map<string, JobState>> {
    const record = await store.record(name);
    const ids = record ? runsOf("", record).map(({ id }) => id) : [];
    return store.states(name, ids);
  }

  before(async () => {
    running = await startServer({ args: ["--user", "ann", "--pass", secret] });
    url = running.url.replace("//", `//ann:${secret}@`);
    server = await connect({ server: url }, { name: "test", where: "test", onLine: () => {}, variables: {} });
    store = await SweepStore.open(server);
    for (const [args, out] of [
      [grid, "local"],
      [long, "local-long"],
    ] as const) {
      const local = await start("sweep", ...args, "--seeds", "1", "--out", out).outcome;
      assert.equal(local.code, 0, local.stderr);
    }
  });
  // A worker that a failed test left would take the jobs of the next one.
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });
  after(async () => {
    await server?.close();
    await running?.stop();
  });

  const limit = { timeout: 600_000 };
  it(
    "a worker that is killed loses nothing: another continues from its checkpoint, to the same results",
    limit,
    async () => {
      const submitted = sweep(...long, "--seeds", "1", "--out", "killed");
      const first = work();
      await until("killed", (states) => states.some(({ checkpoint }) => checkpoint > 0));
      first.child.kill("SIGKILL");
      await first.outcome;
      const second = work("--idle", "5");
      const { code, stdout, stderr } = await submitted.outcome;
      assert.equal(code, 0, stderr);
      assert.deepEqual(outcomes("killed"), outcomes("local-long"));
      const worked = await second.outcome;
      assert.equal(worked.code, 0, worked.stderr);
      assert.match(worked.stdout, /-seed1 {2}resumed at step \d/);
      assert.match(stdout, /^runs {11}1 complete$/m);
      for (const name of ["report.html", "sweep.csv"]) assert.ok(fs.existsSync(inFolder("killed", name)));
      const [run] = runsOf(inFolder("killed"), readSweep(inFolder("killed")) as SweepRecord);
      const local = run.directory.replace("killed", "local-long");
      const names = (directory: string) =>
        fs.readdirSync(directory).map((each) => each.replace(/tfevents\..*/, "tfevents"));
      assert.deepEqual(new Set(names(run.directory)), new Set(names(local)));
      const records = (directory: string) => readMetrics(directory).map((record) => ({ ...record, seconds: 0 }));
      assert.deepEqual(records(run.directory), records(local));
      assert.equal(readConfig(run.directory).environment, "Pendulum-v1");
      // Nothing is left on the server, or where the runs were at work, except for what the killed worker left.
      assert.deepEqual((await server.manager.streams.info("ddpg_jobs")).state.messages, 0);
      const id = run.id;
      for (const kind of ["checkpoint", "result"] as const)
        assert.equal(await store.get("killed", id, kind, 1e9), undefined);

      const again = await sweep(...long, "--seeds", "1", "--out", "killed").outcome;
      assert.match(again.stdout, /^Complete in killed: 1 of 1 run\.\n/);
    },
  );

  it(
    "a signal hands the job back with its checkpoint; the command that submitted may leave and come back",
    limit,
    async () => {
      const submitted = sweep(...long, "--seeds", "1", "--out", "left");
      const first = work();
      await until("left", (states) => states.some(({ checkpoint }) => checkpoint > 0));
      submitted.child.kill("SIGINT");
      const left = await submitted.outcome;
      assert.equal(left.code, 130, left.stderr);
      assert.match(left.stdout, /^continue {7}The workers continue\. The same command takes/m);
      first.child.kill("SIGTERM");
      const stopped = await first.outcome;
      assert.equal(stopped.code, 143, stopped.stderr);
      const [, step] = /handed back at step ([\d,]+)/.exec(stopped.stdout) ?? [];
      assert.ok(step, stopped.stdout);
      const states = await until("left", (all) => all.every(({ phase }) => phase !== "running"));
      assert.deepEqual(
        states.map(({ phase, lease }) => [phase, lease]),
        [["stopped", undefined]],
      );
      assert.deepEqual(fs.readdirSync(inFolder("work")).length <= 1, true);

      const status = await start("sweep", "status", "--server", url, "left").outcome;
      assert.match(status.stdout, /^Pendulum-v1: 1 run in left at nats:/);
      assert.match(status.stdout, /-seed1 +\d+ +1 +stopped +[\d,]+ of 12,000 /);
      const second = work("--idle", "5");
      await until("left", (all) => all.every(({ phase }) => phase === "complete"));
      const back = await sweep(...long, "--seeds", "1", "--out", "left").outcome;
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(outcomes("left"), outcomes("local-long"));
      assert.match((await second.outcome).stdout, new RegExp(`resumed at step ${step}`));
      // A directory that lacks what was taken gets it again.
      fs.rmSync(inFolder("left"), { recursive: true });
      const third = work();
      const once = await sweep(...long, "--seeds", "1", "--out", "left").outcome;
      assert.equal(once.code, 0, once.stderr);
      assert.deepEqual(outcomes("left"), outcomes("local-long"));
      third.child.kill("SIGTERM");
      await third.outcome;
    },
  );

  it("a worker whose job another one has stops, and neither writes nor acknowledges anything", limit, async () => {
    const submitted = sweep(...long, "--grid", "discount=0.98", "--seeds", "2", "--out", "overtaken");
    const first = work();
    await until("overtaken", (states) => states.some(({ checkpoint }) => checkpoint > 0));
    const [[id]] = [...(await statesOf("overtaken"))].filter(([, { phase }]) => phase === "running");
    const message = await server.manager.streams.getMessage("ddpg_jobs", { last_by_subj: `ddpg.jobs.overtaken.${id}` });
    assert.ok(message);
    const job = decodeJob(message.data, "job");
    sample = job;
    const lease = await Lease.claim(store, job, "other");
    assert.ok(lease instanceof Lease);
    for (let out = ""; !out.includes(`${id}  left: another worker has it`); out = printed.join("")) await delay(20);
    first.child.kill("SIGTERM");
    await first.outcome;
    const state = (await statesOf("overtaken")).get(id);
    assert.deepEqual([state?.phase, state?.worker, state?.lease], ["running", "other", lease.id]);
    const kept = await server.manager.streams.getMessage("ddpg_jobs", { last_by_subj: `ddpg.jobs.overtaken.${id}` });
    assert.equal(kept?.seq, message.seq, "the job is still in the queue");
    assert.equal(await lease.update((each) => each), true);
    const second = work("--idle", "6");
    const { code, stderr } = await submitted.outcome;
    assert.equal(code, 0, stderr);
    assert.equal(await lease.update((each) => each), false, "the other one has lost it, too");
    await second.outcome;
  });

  it("a server that is killed and started again loses no run", limit, async () => {
    const submitted = sweep(...grid, "--seeds", "1", "--out", "restarted");
    const worker = work("--idle", "8");
    await until("restarted", (states) => states.some(({ checkpoint }) => checkpoint > 0));
    await running.restart();
    const { code, stderr } = await submitted.outcome;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the connection is lost; trying to connect again\n.*connected again/);
    assert.deepEqual(outcomes("restarted"), outcomes("local"));
    await worker.outcome;
  });

  it(
    "a job that the server has again after a crash, and does not deliver, is replaced by one of a later round",
    limit,
    async () => {
      const config = { ...sample.job.config };
      const [done, waiting] = [71, 72].map((seed) => ({ sweep: "again", job: jobOf({ ...config, seed }) }));
      const queue = await store.jobs(2000);
      const next = async () => {
        for (let tries = 0; tries < 20; tries++) {
          const message = await queue.next();
          if (message) return message;
        }
        return assert.fail("no job came");
      };
      await store.enqueue(done);
      await store.enqueue(waiting);
      const message = await next();
      assert.equal(message.subject, jobSubject("again", done.job.id));
      const lease = await Lease.claim(store, done, "worker");
      assert.ok(lease instanceof Lease);
      const outcome = { meanReturn: 1, standardError: 0, fingerprint: "0123456789abcdef" };
      assert.equal(await lease.update((state) => fetched(completed(state, 1, outcome))), true);
      message.ack();
      // The server writes at once that the message is acknowledged, and later that it is removed.
      await delay(500);
      await running.kill();
      await running.restart();
      const { state } = await store.enqueue(done);
      assert.deepEqual([state.phase, state.round], ["waiting", 2]);
      const seen = new Set<string>();
      while (seen.size < 2) {
        const each = await next();
        seen.add(each.subject);
        each.ack();
      }
      assert.deepEqual(seen, new Set([done, waiting].map(({ job }) => jobSubject("again", job.id))));
    },
  );

  it("takes environments of the worker's own list alone, and sets aside what fails three times", limit, async () => {
    const line = (bad: string) =>
      `export default () => ({ observationSize: 1, actionLow: [-1], actionHigh: [1], position: 0, steps: 0,
        reset(random) { this.steps = 0; this.position = random.uniform(-1, 1); return [this.position]; },
        step([a]) { ${bad} this.position += a; return { observation: [this.position], reward: -Math.abs(this.position),
          terminated: false, truncated: ++this.steps === 10 }; } });`;
    fs.writeFileSync(inFolder("line.mjs"), line(""));
    fs.writeFileSync(inFolder("broken.mjs"), line("if (process.env.BREAK) throw new Error('no such part');"));
    const own = ["--grid", "batchSize=8", "--seeds", "1", "--steps", "60", "--warmup-steps", "20", "--episodes", "1"];
    const allowed = sweep("./line.mjs", ...own, "--check-steps", "50", "--out", "line");
    const broken = sweep("./broken.mjs", ...own, "--check-steps", "50", "--out", "broken");
    await until("line", (states) => states.length === 1);
    await until("broken", (states) => states.length === 1);
    // Something that is no job, under a name of the queue.
    await server.jetstream.publish("ddpg.jobs.broken.junk", "{}");
    // A subject that is no name, and a state that nothing can read, must not end a worker.
    await server.jetstream.publish("ddpg.jobs.broken.b:c", "{}");
    const states = await server.values.open("ddpg_sweeps");
    const another = { ...JSON.parse(encodeJob(sample)), sweep: "unread" };
    await states.put(`unread.${sample.job.id}`, "junk");
    await server.jetstream.publish(`ddpg.jobs.unread.${sample.job.id}`, JSON.stringify(another));
    const without = await work("--idle", "10").outcome;
    assert.match(without.stderr, /jobs with line are left to others: --allow line=<its path> is not on this worker's/);
    assert.match(without.stderr, /ddpg\.jobs\.broken\.junk format: expected "ddpg-job-1".*It is set aside\.\n/);
    assert.match(without.stderr, /ddpg\.jobs\.unread\.\S+: .*state of unread .*expected JSON/);
    assert.ok((await statesOf("line")).values().next().value?.phase === "waiting");

    const list = ["--allow", "line=./line.mjs", "--allow", "broken=./broken.mjs", "--idle", "8"];
    const args = ["work", "--server", url, "--jobs", "1", ...list];
    const { outcome } = program.start(args, { ...process.env, BREAK: "1" });
    const [whole, failed, worked] = await Promise.all([allowed.outcome, broken.outcome, outcome]);
    assert.equal(whole.code, 0, whole.stderr);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(worked.stdout, /set aside after 3 tries/);
    assert.match(failed.stderr, /no such part/);
    assert.match(failed.stdout, /^runs {11}1 failed$/m);
    for (const args of [["broken"], ["--server", url, "broken"]]) {
      const status = await start("sweep", "status", ...args).outcome;
      assert.match(status.stdout, /-seed1: .*no such part/, status.stderr);
    }
    const again = sweep("./broken.mjs", ...own, "--check-steps", "0", "--out", "broken");
    const mended = work(...list);
    assert.equal((await again.outcome).code, 0);
    assert.equal(
      readConfig(runsOf(inFolder("broken"), readSweep(inFolder("broken")) as SweepRecord)[0].directory).environment,
      "broken",
    );
    await mended.outcome;
    await server.manager.streams.purge("ddpg_jobs", { filter: `ddpg.jobs.unread.${sample.job.id}` });
  });

  it("a run that failed on one machine is left to another, which may be whole", limit, async () => {
    const line = `export default () => ({ observationSize: 1, actionLow: [-1], actionHigh: [1], steps: 0,
      reset(random) { this.steps = 0; return [random.uniform(-1, 1)]; },
      step([a]) { if (process.env.BREAK) throw new Error("no such part");
        return { observation: [a], reward: a, terminated: false, truncated: ++this.steps === 10 }; } });`;
    fs.writeFileSync(inFolder("machine.mjs"), line);
    const own = ["--grid", "batchSize=8", "--seeds", "1", "--steps", "60", "--warmup-steps", "20", "--episodes", "1"];
    const submitted = sweep("./machine.mjs", ...own, "--check-steps", "0", "--out", "machine");
    // The time for which a worker leaves a run that failed on it is that after which a silent worker counts as lost.
    const args = ["--server", url, "--jobs", "1", "--lost-after", "30", "--allow", "machine=./machine.mjs"];
    const broken = program.start(["work", ...args], { ...process.env, BREAK: "1" });
    children.push(broken.child);
    await until("machine", ([state]) => state?.tries === 1 && state.phase !== "running");
    await delay(4000);
    assert.deepEqual(
      [...(await statesOf("machine")).values()].map(({ phase, tries }) => [phase, tries]),
      [["waiting", 1]],
    );
    const whole = start("work", ...args);
    const { code, stdout, stderr } = await submitted.outcome;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /no such part.* \(try 1\)/s);
    for (const { child } of [broken, whole]) child.kill("SIGTERM");
    assert.match((await broken.outcome).stderr, /no such part/);
    assert.match((await whole.outcome).stdout, /-seed1 {2}started\n/);
  });

  it("works with the server of docs/scale.md, whose worker cannot add jobs", limit, async () => {
    const document = fs.readFileSync(path.join(path.dirname(program.file), "../docs/scale.md"), "utf8");
    const text = /```text\n(listen:.*?)```/s.exec(document)?.[1];
    assert.ok(text);
    const config = text
      .replace(/^tls .*\n/m, "")
      .replace("0.0.0.0:4222", "127.0.0.1:PORT")
      .replace("/var/lib/nats", "FOLDER/data")
      .replaceAll(/\$(SWEEPER|WORKER)_PASSWORD/g, secret);
    const closed = await startServer({ config, jetstream: false });
    try {
      const as = (user: string) => closed.url.replace("//", `//${user}:${secret}@`);
      const submitted = start("sweep", ...grid, "--seeds", "1", "--out", "closed", "--server", as("sweeper"));
      const worker = start("work", "--server", as("worker"), "--jobs", "2", "--idle", "6", ...every);
      const { code, stderr } = await submitted.outcome;
      assert.equal(code, 0, stderr);
      assert.deepEqual(outcomes("closed"), outcomes("local"));
      const worked = await worker.outcome;
      assert.deepEqual([worked.code, worked.stderr], [0, ""]);
      const context = { name: "test", where: "test", onLine: () => {}, variables: {} };
      const intruder = await connect({ server: as("worker") }, context);
      await assert.rejects(intruder.jetstream.publish("ddpg.jobs.closed.x", "{}"), /permission/i);
      // It can read objects, as for a checkpoint, but have no other consumer of the queue.
      const own = await SweepStore.open(intruder);
      assert.equal((await own.record("closed"))?.environment, "Pendulum-v1");
      assert.equal(await (await own.jobs(3000)).lostAfterMs(), 3000);
      const other = { durable_name: "other", ack_policy: intruder.packages.AckPolicy.Explicit };
      await assert.rejects(intruder.manager.consumers.add("ddpg_jobs", other), /permission|timeout/i);
      await intruder.close();
    } finally {
      await closed.stop();
    }
  });

  it("refuses what does not belong together", limit, async () => {
    for (const [args, message] of [
      [["--print", "slurm"], /^ddpg: --print: expected not to be used with --server/],
      [["--keep-checkpoints"], /^ddpg: --keep-checkpoints: expected not to be used with --server/],
      [["--name", "a/b"], /^ddpg: --name: expected up to 64 letters/],
    ] as const) {
      const { code, stderr } = await sweep(...grid, ...args, "--out", "refused").outcome;
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
    const alone = await start("sweep", ...grid, "--name", "x").outcome;
    assert.match(alone.stderr, /^ddpg: --name: expected to be used with --server/);
    const none = await start("sweep", "status", "--server", url, "kiled").outcome;
    assert.match(none.stderr, /expected a sweep kiled, got .*Did you mean "killed"\?/);
    const other = await sweep(...long, "--episodes", "3", "--seeds", "1", "--out", "other", "--name", "killed").outcome;
    assert.match(
      other.stderr,
      /expected the run of this command, got one with other evaluations\. Choose another --name/,
    );
    // The secret also when the command line is wrong.
    for (const args of [
      ["train", url],
      ["sweep", url, "--grid", "batchSize=1"],
      ["work", "--server", `${url}/x`],
      ["work", "--serve", url],
    ])
      assert.notEqual((await start(...args).outcome).code, 0);
  });

  it("the secret in the server's address is nowhere", () => {
    assert.doesNotMatch(printed.join(""), new RegExp(secret));
    assert.match(printed.join(""), new RegExp(`nats://127\\.0\\.0\\.1:${running.port}`));
    const files = fs.readdirSync(inFolder(), { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    assert.ok(files.length > 30);
    for (const { parentPath, name } of files) {
      const file = path.join(parentPath, name);
      assert.equal(fs.readFileSync(file).includes(secret), false, file);
    }
    const stored = fs.readdirSync(running.folder, { recursive: true, withFileTypes: true });
    for (const { parentPath, name } of stored.filter((each) => each.isFile() && each.name !== "log"))
      assert.equal(fs.readFileSync(path.join(parentPath, name)).includes(secret), false, name);
  });
});
