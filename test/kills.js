// Kills what takes part in training over a NATS server, at random: actors, the learner, workers, the command of a sweep and
// the server. No transition that was acknowledged and no run may be lost, and the results must have the same bits.
// `npm run test:kills`, which takes some minutes; `-- --short` kills each twice. The schedule comes from a seed,
// which is printed: `-- --seed N` repeats it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { build } from "../scripts/build.js";

await build();
const { connected, messagesOf, runOf } = await import("../dist/cli/act.case.js");
const { readSweep, runsOf } = await import("../dist/cli/sweep/record.js");
const { SweepStore } = await import("../dist/cli/sweep/nats/store.js");
const { programInFolder } = await import("../dist/cli/terminal/program.case.js");
const { Random } = await import("../dist/index.js");
const { learnerSubjects, streams, transitionsSubject } = await import("../dist/training/actors/channel.js");
const { startServer, withoutServer } = await import("../dist/node/nats/nats-server.case.js");
const { readCheckpoint, readMetrics, readResult } = await import("../dist/node.js");

const { values } = parseArgs({ options: { short: { type: "boolean", default: false }, seed: { type: "string" } } });
const killsOfEach = values.short ? 2 : 20;
const seed = values.seed === undefined ? Math.floor(2 ** 31 * Math.random()) : Number(values.seed);
const chance = new Random(seed);
const skip = withoutServer || (process.platform === "win32" && "signals of POSIX");
const timeout = values.short ? 600_000 : 3_600_000;

const { inFolder, ...program } = programInFolder("kills");
/** A failed test leaves processes that would wait for ever. */
const children = new Set();
/** How often each was killed. */
const killed = new Map();
after(() => {
  for (const started of children) {
    console.log(`Still running: ${started.child.spawnargs.slice(2).join(" ")}\n${started.said}`);
    started.child.kill("SIGKILL");
  }
  const counts = [...killed].map(([kind, count]) => `${kind} ${count}`).join(", ");
  console.log(`Killed: ${counts || "nothing"}. The schedule was that of --seed ${seed}.`);
});

/** Starts the program. `printed` is what it wrote as output, and `said` that and its errors. */
function start(...args) {
  const { child, outcome } = program.start(args);
  const started = { child, outcome, printed: "", said: "" };
  child.stdout.on("data", (text) => (started.printed += text));
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (started.said += text));
  children.add(started);
  child.on("exit", () => children.delete(started));
  return started;
}

/** While this file is there, no step is made: what starts has all the time that it needs, on every machine. */
const hold = inFolder("hold");

/** An environment whose steps take a few milliseconds, so that a run takes long enough on every machine. */
fs.writeFileSync(
  inFolder("slow.mjs"),
  `import { existsSync } from "node:fs";
const hold = new URL("hold", import.meta.url);
export default class Slow {
  observationSize = 2;
  actionLow = [-1];
  actionHigh = [1];
  #o = [0, 0];
  #steps = 0;
  reset(random) {
    this.#steps = 0;
    return (this.#o = [random.uniform(-1, 1), random.uniform(-1, 1)]);
  }
  async step([action]) {
    do {
      await new Promise((resolve) => setTimeout(resolve, 3));
    } while (existsSync(hold));
    const [position, speed] = this.#o;
    this.#o = [position + 0.1 * speed, 0.9 * speed + 0.1 * action];
    return { observation: this.#o, reward: -position * position, terminated: false, truncated: ++this.#steps === 80 };
  }
  save() { return Float64Array.of(this.#steps, ...this.#o); }
  restore([steps, ...o]) { [this.#steps, this.#o] = [steps, o]; }
}
`,
);

/** Fails if one of these has ended. */
async function expectAlive(programs) {
  for (const { child, outcome } of programs) {
    if (child.exitCode === null && child.signalCode === null) continue;
    const { code, stdout, stderr } = await outcome;
    assert.fail(`${child.spawnargs.slice(2).join(" ")} ended with ${code ?? child.signalCode}:\n${stdout}${stderr}`);
  }
}

/** Kills a program that must still run. */
async function kill(program) {
  await expectAlive([program]);
  program.child.kill("SIGKILL");
  await program.outcome;
}

/** Waits for something that these programs bring about. */
async function until(programs, isSo) {
  while (!(await isSo())) {
    await expectAlive(programs());
    await delay(25);
  }
}

function between(low, high) {
  return chance.uniform(low, high);
}

/** A random index of a list. */
function indexIn(list) {
  return Math.floor(between(0, list.length));
}

/**
 * Kills each kind as often as wanted, in a random order, at random moments between the start and 70 % of the work: what is on
 * its way then may not be the rest of it.
 */
async function killAtRandom(programs, actions, progress) {
  const order = Object.keys(actions)
    .flatMap((kind) => Array.from({ length: killsOfEach }, () => ({ kind, rank: between(0, 1) })))
    .sort((a, b) => a.rank - b.rank);
  const moments = order.map(() => between(0, 0.7)).sort((a, b) => a - b);
  for (const [i, { kind }] of order.entries()) {
    await until(programs, async () => (await progress()) >= moments[i]);
    await delay(between(0, 100));
    await actions[kind]();
    killed.set(kind, (killed.get(kind) ?? 0) + 1);
  }
}

/**
 * Waits until all take part, and holds the run meanwhile. Otherwise it may be over before one that replaces a killed one
 * does, which then waits for the next run.
 */
async function untilAllTakePart(server, programs) {
  fs.writeFileSync(hold, "");
  try {
    const others = () => programs().filter(({ printed }) => !printed.includes(server.url));
    await until(others, () => others().length === 0);
  } finally {
    fs.rmSync(hold);
  }
}

/** Kills the server, when all have connected to it: it is away for a moment, and a program that starts then ends. */
async function killServer(server, programs) {
  await untilAllTakePart(server, programs);
  await delay(between(0, 100));
  await server.kill();
  await delay(between(0, 1000));
  await server.restart();
}

/** The records of a run, without times. */
function recordsOf(directory) {
  return readMetrics(directory).map((record) => ({ ...record, seconds: 0 }));
}

describe(`kills at random, with seed ${seed}`, { skip, timeout }, () => {
  it("of actors, the learner and the server lose no acknowledged transition, and change no bit of the run", async () => {
    const server = await startServer();
    const client = await connected(server);
    try {
      // Enough for each of the kills, of three kinds.
      const steps = 3 * killsOfEach * 800;
      const run = [
        "train",
        "slow.mjs",
        "--check-steps",
        "0",
        "--preset",
        "small",
        "--steps",
        `${steps}`,
        "--episodes",
        "3",
      ]
        .concat(["--evaluate-every", `${steps / 4}`, "--evaluate-episodes", "2", "--return-steps", "3"])
        .concat(["--observation-normalization", "true", "--actors", server.url]);
      const often = ["--checkpoint-every", "250"];
      let learner = start(...run, ...often, "--channel", "killed", "--out", "killed");
      await runOf(client, "killed");
      // So that the whole stream can be given to another learner.
      const stream = streams.transitions("killed");
      await client.manager.streams.update(stream, { deny_purge: true });
      let actorSeed = 0;
      const act = () =>
        start(
          ...["act", "slow.mjs", "--server", server.url, "--channel", "killed", "--seed", `${++actorSeed}`],
          ...["--window", "100", "--batch", "20"],
        );
      const actors = [act(), act(), act()];
      const programs = () => [learner, ...actors];
      await until(programs, () => fs.existsSync(inFolder("killed", "checkpoint.safetensors")));

      const actions = {
        server: () => killServer(server, programs),
        learner: async () => {
          await kill(learner);
          learner = start("resume", "killed", "--actors", server.url, ...often);
        },
        actors: async () => {
          const victim = indexIn(actors);
          await kill(actors[victim]);
          actors[victim] = act();
        },
      };
      const words = { last_by_subj: learnerSubjects.progress("killed") };
      await killAtRandom(programs, actions, async () => {
        const { direct } = client.manager;
        const message = await client.retry(() => direct.getMessage(streams.learner("killed"), words));
        return JSON.parse(new TextDecoder().decode(message.data)).step / steps;
      });
      await untilAllTakePart(server, programs);
      const { code, stdout, stderr } = await learner.outcome;
      assert.equal(code, 0, stdout + stderr);
      for (const { outcome } of actors) {
        const { code, stdout, stderr } = await outcome;
        assert.equal(code, 0, stderr);
        assert.match(stdout, /The learner's run is over/);
      }

      // An actor numbers its messages, and sends the next one when the last one is acknowledged.
      const messages = await messagesOf(client, "killed");
      const last = new Map();
      for (const { actor, data } of messages) {
        const batch = new DataView(data.buffer, data.byteOffset).getFloat64(48, true);
        const before = last.get(actor) ?? 0;
        assert.ok(batch <= before + 1, `actor ${actor}: message ${batch} after ${before}`);
        last.set(actor, Math.max(before, batch));
      }
      assert.ok(last.size > actors.length, "actors that replaced others have sent something");
      const { transitions } = readCheckpoint(inFolder("killed")).state;
      assert.equal(transitions.rejected, 0);

      const uncut = start(...run, "--channel", "whole", "--out", "whole");
      const id = await runOf(client, "whole");
      for (const { actor, data } of messages)
        await client.jetstream.publish(transitionsSubject("whole", id, actor), data);
      const whole = await uncut.outcome;
      assert.equal(whole.code, 0, whole.stderr);
      assert.equal(readResult(inFolder("killed")).fingerprint, readResult(inFolder("whole")).fingerprint);
      assert.deepEqual(recordsOf(inFolder("killed")), recordsOf(inFolder("whole")));
    } finally {
      await client.close();
      await server.stop();
    }
  });

  it("of workers, the command of a sweep and the server lose no run, and change no bit of one", async () => {
    const server = await startServer();
    const client = await connected(server);
    try {
      const runs = values.short ? 4 : 8;
      const steps = values.short ? 2000 : 6000;
      const matrix = [
        "sweep",
        "slow.mjs",
        "--check-steps",
        "0",
        "--grid",
        "batchSize=32,48",
        "--seeds",
        `1..${runs / 2}`,
      ]
        .concat(["--preset", "small", "--steps", `${steps}`, "--warmup-steps", "60", "--arithmetic", "portable"])
        .concat(["--evaluate-every", `${steps / 4}`, "--evaluate-episodes", "1", "--episodes", "2"]);
      const local = await start(...matrix, "--jobs", `${runs}`, "--out", "local").outcome;
      assert.equal(local.code, 0, local.stderr);

      const submit = () => start(...matrix, "--server", server.url, "--out", "swept");
      const work = () =>
        start(
          ...["work", "--server", server.url, "--jobs", "1", "--lost-after", "2", "--checkpoint-every", "200"],
          ...["--allow", "slow=./slow.mjs"],
        );
      let submitted = submit();
      const workers = [work(), work()];
      const store = await SweepStore.open(client);
      const programs = () => [submitted, ...workers];
      await until(programs, () => store.record("swept"));
      const ids = runsOf("", await store.record("swept")).map(({ id }) => id);
      const actions = {
        server: () => killServer(server, programs),
        "command of the sweep": async () => {
          await kill(submitted);
          submitted = submit();
        },
        workers: async () => {
          const victim = indexIn(workers);
          await kill(workers[victim]);
          workers[victim] = work();
        },
      };
      await killAtRandom(programs, actions, async () => {
        const states = await store.states("swept", ids);
        return [...states.values()].reduce((sum, { step }) => sum + step, 0) / (steps * ids.length);
      });
      const { code, stdout, stderr } = await submitted.outcome;
      assert.equal(code, 0, stdout + stderr);
      // The answer for a job may be lost with the server: then the next worker gets the job, and answers it. The stream may
      // still have messages, because a server that was killed may have forgotten that it had removed them.
      const isQueueEmpty = async () => {
        const { num_pending, num_ack_pending } = await client.manager.consumers.info("ddpg_jobs", "workers");
        return num_pending + num_ack_pending === 0;
      };
      await until(() => workers, isQueueEmpty);
      // One that was started just now does not listen yet.
      for (const { child, outcome } of workers) {
        child.kill("SIGTERM");
        const { code, stderr } = await outcome;
        assert.ok(code === 143 || child.signalCode === "SIGTERM", `${code} ${stderr}`);
      }

      const found = runsOf(inFolder("swept"), readSweep(inFolder("swept")));
      assert.equal(found.length, runs);
      for (const { directory } of found) {
        const own = directory.replace("swept", "local");
        assert.equal(readResult(directory).fingerprint, readResult(own).fingerprint, directory);
        assert.deepEqual(recordsOf(directory), recordsOf(own), directory);
      }
      for (const id of ids)
        for (const kind of ["checkpoint", "result"])
          assert.equal(await store.get("swept", id, kind, 1e9), undefined, `the ${kind} of ${id} is left`);
    } finally {
      await client.close();
      await server.stop();
    }
  });
});
