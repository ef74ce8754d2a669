// The two sides of a channel, on a real server.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { presets } from "../../ddpg/config.ts";
import type { ActorLink } from "../../training/actors/actor-link.ts";
import { learnerSubjects, streams, transitionsSubject } from "../../training/actors/channel.ts";
import type { ActorTask } from "../../training/actors/task.ts";
import { connect, type Server } from "../nats/connect.ts";
import { type RunningServer, startServer, withoutServer } from "../nats/nats-server.case.ts";
import { LearnerLink, type LearnerLinkOptions } from "./learner-link.ts";
import { openActorLink } from "./open-actor-link.ts";

const channel = "links";
const [one, two, three] = ["1", "2", "3"].map((digit) => digit.repeat(32));
const actor = "ab".repeat(16);
const spaces = { observationSize: 2000, actionLow: [-1], actionHigh: [1] };

function taskOf(run: string): ActorTask {
  return { run, environment: "wide", spaces, settings: presets.small };
}

/** What was opened. A link that a failed test leaves open would keep the process alive. */
const opened: { close(): Promise<void> }[] = [];

function keep<T extends { close(): Promise<void> }>(link: T): T {
  opened.push(link);
  return link;
}

async function closeAll(): Promise<void> {
  for (const link of opened.splice(0)) await link.close();
}

async function learner({ url }: RunningServer, run: string, options: Partial<LearnerLinkOptions> = {}) {
  const plain = { server: { server: url }, where: "--actors", channel, task: taskOf(run), timeout: 20 };
  const link = keep(await LearnerLink.open({ ...plain, onLine: () => {}, ...options }));
  await link.begin();
  return link;
}

async function acting({ url }: RunningServer): Promise<ActorLink> {
  const options = { server: { server: url }, where: "--server", channel, window: Infinity, batch: 64 };
  return keep(await openActorLink({ ...options, onLine: () => {} }));
}

async function publish({ jetstream }: Server, run: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await jetstream.publish(transitionsSubject(channel, run, actor), `${run} ${i}`);
}

async function firstOf({ manager }: Server): Promise<number> {
  return (await manager.streams.info(streams.transitions(channel))).state.first_seq;
}

/** The learner's newest word. There is none before its first. */
async function lastProgress({ manager }: Server): Promise<{ run?: string; hasEnded?: boolean }> {
  const query = { last_by_subj: learnerSubjects.progress(channel) };
  const message = await manager.streams.getMessage(streams.learner(channel), query);
  return message ? JSON.parse(new TextDecoder().decode(message.data)) : {};
}

describe("the links of a channel", { skip: withoutServer, timeout: 120_000 }, () => {
  it("a learner reads and purges its own run only, and one that was replaced or has ended is silent", async () => {
    const server = await startServer();
    const client = await connect({ server: server.url }, { name: "test", where: "--server", onLine: () => {} });
    try {
      const first = await learner(server, one);
      await publish(client, one, 2);
      assert.deepEqual([(await first.next()).sequence, (await first.next()).sequence], [1, 2]);
      await assert.rejects(learner(server, two), /expected one without a run, got one whose run has not ended/);
      const lost = assert.rejects(async () => first.next(), /expected this run's, got (another run's|none)/);
      const second = await learner(server, two, { replaces: true });
      await publish(client, two, 3);
      await lost;
      first.purge(3);
      assert.equal((await second.next()).sequence, 1);
      await delay(300);
      assert.equal(await firstOf(client), 1);
      // The server removes what both say, the filter and the sequence number: also while the first one has not noticed.
      const filter = transitionsSubject(channel, one, "*");
      await client.manager.streams.purge(streams.transitions(channel), { filter, seq: 4 });
      assert.equal(await firstOf(client), 1);
      second.purge(2);
      while ((await firstOf(client)) !== 3) await delay(50);

      // An actor that waits for a run that has not ended begins with it.
      second.end();
      while (!(await lastProgress(client)).hasEnded) await delay(50);
      const waiting = await acting(server);
      const joining = waiting.join(spaces, "wide", () => false);
      await delay(500);
      await learner(server, three);
      assert.equal((await joining)?.run, three);
      assert.equal(waiting.hasEnded, false);
      // The second learner evaluates, and the third one has its heartbeat.
      await delay(2500);
      assert.deepEqual(await lastProgress(client).then(({ run, hasEnded }) => [run, hasEnded]), [three, false]);
      // The word of an earlier run is not about the actor's.
      const stale = { run: one, sequence: 5, step: 1, updates: 1, hasEnded: true };
      await client.jetstream.publish(learnerSubjects.progress(channel), JSON.stringify(stale));
      await delay(300);
      assert.equal(waiting.hasEnded, false);

      // More than a message has room for.
      const observation = new Float64Array(spaces.observationSize);
      for (let i = 0; i < 100; i++) {
        observation[0] = i;
        const nextObservation = observation.map((x) => x + 0.5);
        const row = { observation: observation.slice(), action: Float32Array.of(0), reward: i, nextObservation };
        await waiting.add({ ...row, terminated: false, truncated: false }, 0);
      }
      await waiting.close();
      assert.equal(waiting.sentRows, 100);
      const { state } = await client.manager.streams.info(streams.transitions(channel));
      assert.ok(state.messages > 3, `${state.messages}`);
    } finally {
      await closeAll();
      await client.close();
      await server.stop();
    }
  });

  it("a resumed run makes the stream of its words again, and refuses to read that of another run", async () => {
    const server = await startServer();
    const client = await connect({ server: server.url }, { name: "test", where: "--server", onLine: () => {} });
    try {
      await (await learner(server, one)).close();
      await client.manager.streams.delete(streams.learner(channel));
      const resumed = await learner(server, one, { after: 0 });
      await resumed.close();
      assert.ok(await client.manager.streams.info(streams.learner(channel)));
      await assert.rejects(learner(server, two, { after: 0 }), /expected the run's stream .* got that of another run/);
    } finally {
      await closeAll();
      await client.close();
      await server.stop();
    }
  });

  it("a new run takes the channel when it begins, and not before: one that another run has taken is refused", async () => {
    const server = await startServer();
    const client = await connect({ server: server.url }, { name: "test", where: "--server", onLine: () => {} });
    const task = { channel, timeout: 20, where: "--actors", server: { server: server.url } };
    const lines: string[] = [];
    const onLine = (line: string): number => lines.push(line);
    const streamsNow = async (): Promise<string[]> => {
      const names: string[] = [];
      for await (const name of client.manager.streams.names()) names.push(name);
      return names.sort();
    };
    try {
      const first = keep(await LearnerLink.open({ ...task, task: taskOf(one), onLine }));
      first.end();
      await first.close();
      assert.deepEqual(await streamsNow(), []);
      // One that was killed before it began has a checkpoint of its start.
      const resumed = await learner(server, one, { after: 0, onLine });
      assert.deepEqual(lines, [
        `nats://127.0.0.1:${server.port} has no transitions of this run yet: its channel is made`,
      ]);
      assert.deepEqual(await streamsNow(), [streams.learner(channel), streams.transitions(channel)]);
      await publish(client, one, 1);
      assert.equal((await resumed.next()).sequence, 1);
      await assert.rejects(learner(server, two, { after: 0 }), /got that of another run/);
      resumed.end();
      while (!(await lastProgress(client)).hasEnded) await delay(50);
      await resumed.close();
      // Two that found the channel free.
      const [second, third] = [
        keep(await LearnerLink.open({ ...task, task: taskOf(two), onLine })),
        await learner(server, three),
      ];
      await assert.rejects(second.begin(), /expected one without a run, got one whose run has not ended/);
      await second.close();
      await third.close();
      // What a server has lost is not made again.
      await client.manager.streams.delete(streams.transitions(channel));
      await assert.rejects(learner(server, three, { after: 1 }), /expected the run's stream .* got none/);
    } finally {
      await closeAll();
      await client.close();
      await server.stop();
    }
  });

  it("an actor refuses a server whose messages have no room for a transition", async () => {
    const server = await startServer({ config: "max_payload: 20000\n" });
    try {
      const link = await learner(server, one);
      const refused = await acting(server);
      await assert.rejects(
        refused.join(spaces, "wide", () => false),
        /expected a server whose messages have room for a transition, got "?max_payload 20000/,
      );
      await refused.close();
      await link.close();
    } finally {
      await closeAll();
      await server.stop();
    }
  });
});
