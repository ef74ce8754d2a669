// Actors and a learner as processes, with a real server.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { afterEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../node/nats/connect.ts";
import { actorsConfig, freePort, startServer, withoutServer } from "../node/nats/nats-server.case.ts";
import { readCheckpoint, readResult } from "../node/run-files.ts";
import { inboxes, learnerSubjects, rejectedSubject, streams, transitionsSubject } from "../training/actors/channel.ts";
import { connected, messagesOf, runOf } from "./act.case.ts";
import { programInFolder } from "./terminal/program.case.ts";

const { inFolder, start: startProgram, ddpg } = programInFolder("actors");

/** Every process of a test: one that a failed test left would wait for ever, or act for the next one's learner. */
const children: ReturnType<typeof startProgram>["child"][] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const started = startProgram(args, env);
  children.push(started.child);
  return started;
}

const steps = 2400;
const flags = ["--preset", "small", "--steps", `${steps}`, "--episodes", "3", "--evaluate-every", "800"];
const settings = ["--return-steps", "3", "--observation-normalization", "true", "--evaluate-episodes", "2"];

/** Waits until a condition holds. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (await isSo()) return;
    await delay(50);
  }
  throw new Error(`${what}: not within a minute`);
}

const checkpointed = (run: string): boolean => fs.existsSync(inFolder(run, "checkpoint.safetensors"));

describe("actors", { skip: withoutServer, timeout: 900_000 }, () => {
  it("a learner that is killed twice, while its actors and its server are killed too, ends with the bits of one that was not", async () => {
    const server = await startServer();
    const client = await connected(server);
    try {
      const actors = ["--actors", server.url, "--channel", "cut", "--checkpoint-every", "250"];
      let learner = start(["train", "Pendulum-v1", ...flags, ...settings, ...actors, "--out", "cut"]);
      await runOf(client, "cut");
      // So that the whole stream can be given to another learner.
      const stream = streams.transitions("cut");
      await client.manager.streams.update(stream, { deny_purge: true });
      const act = (seed: number) =>
        start([
          "act",
          "Pendulum-v1",
          "--server",
          server.url,
          "--channel",
          "cut",
          "--seed",
          `${seed}`,
          "--window",
          "100",
          "--batch",
          "20",
        ]);
      const living = [act(1), act(2), act(3)];
      // All of them have to be there before the end.
      await until(
        "three actors",
        async () => new Set((await messagesOf(client, "cut")).map(({ actor }) => actor)).size === 3,
      );
      await until("a checkpoint", () => checkpointed("cut"));
      learner.child.kill("SIGKILL");
      await learner.outcome;
      living[0].child.kill("SIGKILL"); // in the middle of an episode, without a farewell
      const resume = ["resume", "cut", "--actors", server.url, "--checkpoint-every", "250"];
      learner = start(resume);
      const before = fs.statSync(inFolder("cut", "checkpoint.safetensors")).mtimeMs;
      await until("another checkpoint", () => fs.statSync(inFolder("cut", "checkpoint.safetensors")).mtimeMs > before);
      await server.restart();
      await delay(300);
      learner.child.kill("SIGKILL");
      await learner.outcome;
      learner = start(resume);
      const { code, stdout, stderr } = await learner.outcome;
      assert.equal(code, 0, stdout + stderr);
      for (const [i, { outcome }] of living.entries()) {
        const { code, stdout, stderr } = await outcome;
        if (i > 0) assert.equal(code, 0, stdout + stderr);
        if (i > 0) assert.match(stdout, /The learner's run is over/);
      }
      const cut = readResult(inFolder("cut"));
      assert.equal(cut.steps, steps);

      const messages = await messagesOf(client, "cut");
      assert.equal(new Set(messages.map(({ actor }) => actor)).size, 3);

      const whole = start([
        "train",
        "Pendulum-v1",
        ...flags,
        ...settings,
        "--actors",
        server.url,
        "--channel",
        "whole",
        "--out",
        "whole",
      ]);
      const run = await runOf(client, "whole");
      for (const { actor, data } of messages)
        await client.jetstream.publish(transitionsSubject("whole", run, actor), data);
      const uncut = await whole.outcome;
      assert.equal(uncut.code, 0, uncut.stderr);
      assert.equal(readResult(inFolder("whole")).fingerprint, cut.fingerprint);
      const recordsOf = (name: string): unknown[] =>
        fs
          .readFileSync(inFolder(name, "metrics.jsonl"), "utf8")
          .trim()
          .split("\n")
          .map((line) => ({ ...JSON.parse(line), seconds: 0 }));
      assert.deepEqual(recordsOf("cut"), recordsOf("whole"));
    } finally {
      await client.close();
      await server.stop();
    }
  });

  it("poisoned messages are set aside with a line; Ctrl-C ends an actor; other sizes and a channel in use are refused", async () => {
    const server = await startServer();
    const client = await connected(server);
    try {
      const checkpoints = ["--checkpoint-every", "500"];
      const learner = start([
        "train",
        "Pendulum-v1",
        ...flags,
        "--actors",
        server.url,
        ...checkpoints,
        "--out",
        "poisoned",
      ]);
      const run = await runOf(client, "Pendulum-v1");
      const actor = "ab".repeat(16);
      const poison = (byte: number) =>
        client.jetstream.publish(transitionsSubject("Pendulum-v1", run, actor), new Uint8Array(200).fill(byte));
      for (const byte of [1, 2, 3, 4]) await poison(byte);
      const cart = await ddpg("act", "MountainCarContinuous-v0", "--server", server.url, "--channel", "Pendulum-v1");
      assert.equal(cart.code, 2, cart.stderr);
      assert.match(cart.stderr, /MountainCarContinuous-v0 observationSize: expected 3, as the learner has it, got 2/);
      const taken = await ddpg("train", "Pendulum-v1", ...flags, "--actors", server.url, "--out", "second");
      assert.equal(taken.code, 2);
      assert.match(taken.stderr, /channel Pendulum-v1: expected one without a run, .*--channel.*--replace-channel/);
      const interrupted = start(["act", "Pendulum-v1", "--server", server.url]);
      await until("a line of the actor", async () => {
        const message = await client.manager.streams.info(streams.transitions("Pendulum-v1"));
        return message.state.last_seq > 5;
      });
      interrupted.child.kill("SIGINT");
      assert.equal((await interrupted.outcome).code, 130);
      const actors = [1, 2].map((seed) => start(["act", "Pendulum-v1", "--server", server.url, "--seed", `${seed}`]));
      const { code, stdout, stderr } = await learner.outcome;
      assert.equal(code, 0, stderr);
      const bad = "expected a frame of transitions, of format 1, got other bytes. It is set aside";
      assert.match(stdout + stderr, new RegExp(`message 1: ${bad}`));
      // One line a second: the last one of those that were not said is.
      assert.match(stdout + stderr, new RegExp(`… and 3 more messages set aside. The last one: .*message 4: ${bad}`));
      const last = { last_by_subj: rejectedSubject("Pendulum-v1") };
      const rejected = await client.manager.streams.getMessage(streams.learner("Pendulum-v1"), last);
      assert.deepEqual(rejected?.data, new Uint8Array(200).fill(4));
      for (const { outcome } of actors) assert.equal((await outcome).code, 0);
      // What the last checkpoint has is no longer in the stream.
      const { transitions } = readCheckpoint(inFolder("poisoned")).state;
      const { state } = await client.manager.streams.info(streams.transitions("Pendulum-v1"));
      assert.equal(state.first_seq, Number(transitions?.sequence) + 1);
      // Only the command names a server.
      const again = await ddpg("resume", "poisoned");
      assert.match(again.stderr, /--actors: expected the server with channel Pendulum-v1, got none/);
      const withSecret = server.url.replace("//", "//someone:secret@");
      const finished = await ddpg("resume", "poisoned", "--actors", withSecret);
      assert.match(finished.stdout, new RegExp(`npx ddpg resume poisoned --actors ${server.url} --steps ${2 * steps}`));
      assert.doesNotMatch(finished.stdout + finished.stderr, /secret/);
      const same = await ddpg("train", "Pendulum-v1", "--actors", withSecret, "--out", "poisoned");
      assert.match(same.stderr, new RegExp(`npx ddpg resume poisoned --actors ${server.url} --steps N`));
      assert.doesNotMatch(same.stderr, /secret/);
    } finally {
      await client.close();
      await server.stop();
    }
  });

  it("a learner without actors ends with a sentence, saved, and can be resumed", async () => {
    const server = await startServer();
    try {
      const lonely = ["--actors", server.url, "--actors-timeout", "1", "--out", "lonely"];
      const { code, stdout, stderr } = await ddpg("train", "Pendulum-v1", ...flags, ...lonely);
      assert.equal(code, 2, stderr);
      assert.match(stdout, new RegExp(`Resume after step 0: npx ddpg resume lonely --actors ${server.url}$`, "m"));
      assert.match(stderr, /channel Pendulum-v1: expected a transition within 1 s, got none. Start some with ddpg act/);
      assert.equal(readCheckpoint(inFolder("lonely")).steps, 0);
      const again = await ddpg("resume", "lonely", "--actors", server.url, "--actors-timeout", "1");
      assert.match(again.stderr, /expected a transition within 1 s/);
    } finally {
      await server.stop();
    }
  });

  it("a learner that is stopped or fails in its first evaluation leaves neither a run nor a channel", async () => {
    const server = await startServer();
    const client = await connected(server);
    // Its evaluation fails, or says that it has begun and never ends.
    fs.writeFileSync(
      inFolder("first.mjs"),
      `export default class First {
        observationSize = 1;
        actionLow = [-1];
        actionHigh = [1];
        reset() { return [0]; }
        async step() {
          if (process.env.FAILS) throw new Error("no power");
          console.error("evaluates");
          await new Promise((resolve) => setTimeout(resolve, 60_000));
          return { observation: [0], reward: 0, terminated: false };
        }
      }
`,
    );
    const train = ["train", "first.mjs", ...flags, "--check-steps", "0", "--actors", server.url];
    const nothingIsLeft = async (out: string): Promise<void> => {
      assert.ok(!fs.existsSync(inFolder(out)), out);
      for await (const name of client.manager.streams.names()) assert.fail(name);
    };
    try {
      const failed = await start([...train, "--out", "failed"], { ...process.env, FAILS: "1" }).outcome;
      assert.match(failed.stderr, /no power/);
      await nothingIsLeft("failed");
      for (const signal of ["SIGINT", "SIGKILL"] as const) {
        const stopped = start([...train, "--out", "stopped"]);
        let said = "";
        stopped.child.stderr.on("data", (text) => (said += text));
        await until("the evaluation", () => said.includes("evaluates"));
        stopped.child.kill(signal);
        const { code, stdout } = await stopped.outcome;
        assert.equal(code, signal === "SIGINT" ? 130 : null);
        assert.doesNotMatch(stdout, /Resume/);
        await nothingIsLeft("stopped");
      }
    } finally {
      await client.close();
      await server.stop();
    }
  });

  it("with the accounts of the document, an actor acts, and may do nothing else", async () => {
    const passwords = { learner: "learning", actor: "acting", page: "paging" };
    const config = actorsConfig({ passwords, webSocketPort: await freePort(), origin: "http://localhost" });
    const server = await startServer({ config });
    const as = (user: string, password: string) => ({
      ...process.env,
      ...{ DDPG_NATS_USER: user, DDPG_NATS_PASSWORD: password },
    });
    const variables = { DDPG_NATS_USER: "actor", DDPG_NATS_PASSWORD: "acting" };
    const plain = { name: "test", where: "--server", onLine: () => {}, asksForJetStream: false, variables };
    const context = { ...plain, inboxPrefix: inboxes.actor };
    const client = await connect({ server: server.url }, context);
    try {
      const few = ["--steps", "1200", "--episodes", "3"];
      const train = ["train", "Pendulum-v1", ...flags, ...few, "--actors", server.url, "--out", "accounts"];
      const learner = start(train, as("learner", "learning"));
      const actor = start(["act", "Pendulum-v1", "--server", server.url], as("actor", "acting"));
      // The learner would wait for another actor.
      void actor.outcome.then(({ code }) => code !== 0 && learner.child.kill());
      const [learned, acted] = [await learner.outcome, await actor.outcome];
      assert.equal(learned.code, 0, learned.stderr);
      assert.equal(acted.code, 0, acted.stderr);
      assert.match(acted.stdout, /weights of update [1-9]/);
      const { manager, jetstream } = client;
      await assert.rejects(manager.streams.delete(streams.transitions("Pendulum-v1")), /permission|timeout/i);
      const weights = learnerSubjects.weights("Pendulum-v1", 0);
      await assert.rejects(jetstream.publish(weights, "x", { timeout: 500 }), /permission/i);
      // Nor may it read what the learner or another client receives.
      for (const prefix of ["_INBOX", inboxes.learner]) {
        const subscription = client.connection.subscribe(`${prefix}.>`);
        await assert.rejects(subscription[Symbol.asyncIterator]().next(), /permissions violation/i, prefix);
      }
      const stranger = await start(["act", "Pendulum-v1", "--server", server.url], as("actor", "guess")).outcome;
      assert.match(stranger.stderr, /--server: expected a NATS server at .*Authorization/i);
      assert.doesNotMatch(stranger.stderr, /guess/);
      const page = await start(["act", "Pendulum-v1", "--server", server.url], as("page", "paging")).outcome;
      assert.match(
        page.stderr,
        /--server: expected a NATS server at .*Authorization/i,
        "a page's user needs a WebSocket",
      );
    } finally {
      await client.close();
      await server.stop();
    }
  });
});
