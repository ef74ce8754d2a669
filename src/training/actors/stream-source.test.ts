// A learner of a recorded stream: the same bits as training on the environments themselves, and after any pause.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../base/random.ts";
import { PendulumWithGoals, sizes } from "../../ddpg/agent-state.case.ts";
import { Ddpg, type DdpgOptions } from "../../ddpg/ddpg.ts";
import { learnFrom } from "../../ddpg/learn-from.ts";
import { type TrainingStep, train } from "../../ddpg/train.ts";
import type { Step } from "../../environment/environment.ts";
import { TimeLimit } from "../../environment/time-limit.ts";
import { encodeFrame, type FrameRow } from "./frame.ts";
import {
  type MessageStream,
  readStreamState,
  type StreamMessage,
  StreamSource,
  type StreamState,
} from "./stream-source.ts";

const options = { preset: "small", ...sizes, warmupSteps: 20, noise: "ornstein-uhlenbeck", returnSteps: 3 } as const;
const kinds: Record<string, DdpgOptions> = {
  "as it is": options,
  "with running normalizations and priorities": {
    ...options,
    ...{ observationNormalization: true, rewardNormalization: true, rewardScale: 1, replayPriority: "proportional" },
  },
  "with hindsight": { ...options, hindsight: "future", hindsightGoals: 2 },
  "with rounds": { ...options, updateEvery: 7, updatesPerStep: 0.5, noise: "pink" },
};

const actorOf = (body: number): string => `${body}`.repeat(32);

/** A pendulum with `info` that remembers the observation that its last action answered. */
class Recorded extends TimeLimit {
  before: ArrayLike<number> = [];
  #observation: ArrayLike<number> = [];

  override reset(random: Random) {
    this.#observation = Array.from(super.reset(random) as ArrayLike<number>);
    return this.#observation;
  }

  override step(action: Float32Array) {
    const step = super.step(action) as Step;
    this.before = this.#observation;
    this.#observation = Array.from(step.observation);
    return { ...step, info: { cosine: step.observation[0] } };
  }
}

/** Pendulums whose episodes are cut after 5, 6, 7 … steps. */
function pendulums(count: number): Recorded[] {
  return Array.from({ length: count }, (_, i) => new Recorded(new PendulumWithGoals(), 5 + i));
}

/** What a step showed, as far as a learner elsewhere can know it. */
function shown({ step, environment, observation, action, reward, learned, episode }: TrainingStep): string {
  return JSON.stringify({
    step,
    environment,
    observation: [...observation],
    action: [...action],
    reward,
    learned,
    episode,
  });
}

/** Trains on environments of this process. Returns what each step showed, the transitions, and the fingerprint. */
async function trained(settings: DdpgOptions, count: number, end: number) {
  const agent = await Ddpg.create(new PendulumWithGoals(), settings);
  const trace: string[] = [];
  const rows: { body: number; row: FrameRow }[] = [];
  const environments = pendulums(count);
  for await (const step of train(agent, environments)) {
    trace.push(shown(step));
    const { environment: body, observation, action, reward, episode } = step;
    rows.push({
      body,
      row: {
        observation: Float64Array.from(environments[body].before),
        ...{ action, reward, nextObservation: observation.slice(), info: { cosine: observation[0] } },
        ...{ terminated: episode?.terminated === true, truncated: episode?.terminated === false },
      },
    });
    if (step.step === end) break;
  }
  return { trace, rows, fingerprint: agent.fingerprint() };
}

/** The transitions as messages: each body is an actor, whose rows wait until a message of `size` is full. */
function messagesOf(rows: readonly { body: number; row: FrameRow }[], size: (body: number) => number): StreamMessage[] {
  const messages: StreamMessage[] = [];
  const waiting = new Map<number, FrameRow[]>();
  const batches = new Map<number, number>();
  const send = (body: number): void => {
    const batch = (batches.get(body) ?? 0) + 1;
    batches.set(body, batch);
    const frame = { kind: "rows", actor: actorOf(body), batch, version: 0, rows: waiting.get(body) ?? [] } as const;
    const data = encodeFrame(frame, { observationSize: 3, actionSize: 1 });
    messages.push({ sequence: messages.length + 1, actor: frame.actor, data });
    waiting.set(body, []);
  };
  for (const { body, row } of rows) {
    const own = [...(waiting.get(body) ?? []), row];
    waiting.set(body, own);
    if (own.length >= size(body)) send(body);
  }
  for (const [body, own] of waiting) if (own.length > 0) send(body);
  return messages;
}

/** A stream that ends with an error. Messages come at once, or after a turn of the event loop. */
function streamOf(messages: readonly StreamMessage[], after = 0, isSlow = false): MessageStream {
  let next = messages.findIndex(({ sequence }) => sequence > after);
  return {
    next: () => {
      const message = messages[next < 0 ? messages.length : next++];
      if (!message) throw new Error("the stream is over");
      if (!isSlow) return message;
      return new Promise((resolve) => setImmediate(() => resolve(message)));
    },
  };
}

/** Learns until `end` time steps; returns what each step showed, and the state after the last one. */
async function learn(agent: Ddpg, source: StreamSource, end: number) {
  const trace: string[] = [];
  for await (const step of learnFrom(agent, source)) {
    trace.push(shown(step));
    if (step.step === end) break;
  }
  return trace;
}

for (const [name, settings] of Object.entries(kinds)) {
  test(`a stream gives the bits of the environments it was recorded from: ${name}`, async () => {
    const { trace, rows, fingerprint } = await trained(settings, 3, 90);
    const messages = messagesOf(rows, () => 1);
    for (const isSlow of [false, true]) {
      const agent = await Ddpg.create(new PendulumWithGoals(), settings);
      const source = new StreamSource(streamOf(messages, 0, isSlow), agent.units);
      assert.deepEqual(await learn(agent, source, 90), trace);
      assert.equal(agent.fingerprint(), fingerprint);
    }
  });

  test(`paused after any transition, also in the middle of a message, a learner continues with the same bits: ${name}`, async () => {
    const { rows } = await trained(settings, 3, 120);
    const messages = messagesOf(rows, (body) => [4, 7, 1][body]);
    const whole = await Ddpg.create(new PendulumWithGoals(), settings);
    const trace = await learn(whole, new StreamSource(streamOf(messages), whole.units), 110);
    for (const pause of [1, 2, 5, 19, 20, 21, 22, 40, 61, 62, 109]) {
      const agent = await Ddpg.create(new PendulumWithGoals(), settings);
      const source = new StreamSource(streamOf(messages), agent.units);
      let saved: { bytes: Uint8Array; state: StreamState } | undefined;
      const first: string[] = [];
      for await (const step of learnFrom(agent, source)) {
        first.push(shown(step));
        if (step.step < pause) continue;
        saved = { bytes: agent.save().slice(), state: JSON.parse(JSON.stringify(source.save())) };
        break;
      }
      assert.ok(saved);
      const loaded = await Ddpg.load(saved.bytes, new PendulumWithGoals());
      assert.deepEqual(loaded.save(), saved.bytes, `${pause}`);
      const state = readStreamState(saved.state, "state");
      const rest = new StreamSource(streamOf(messages, state.sequence, true), loaded.units, { saved: state });
      assert.deepEqual([...first, ...(await learn(loaded, rest, 110))], trace, `${pause}`);
      assert.equal(loaded.fingerprint(), whole.fingerprint(), `${pause}`);
    }
  });
}

test("duplicates and damaged messages leave no trace in the bits; a gap and a farewell cut the episode", async () => {
  const { rows } = await trained(options, 2, 60);
  const messages = messagesOf(rows, () => 3);
  const learned = async (given: readonly StreamMessage[], end = 50) => {
    const agent = await Ddpg.create(new PendulumWithGoals(), options);
    const lines: string[] = [];
    const source = new StreamSource(streamOf(given), agent.units, { onRejected: (line) => lines.push(line) });
    const trace = await learn(agent, source, end);
    return { agent, source, lines, trace };
  };
  const numbered = (list: readonly StreamMessage[]) => list.map((message, i) => ({ ...message, sequence: i + 1 }));
  const plain = await learned(messages);
  const garbage = { sequence: 0, data: new Uint8Array(90).fill(7) };
  const nan = encodeFrame(
    { kind: "rows", actor: "9".repeat(32), batch: 1, version: 0, rows: [{ ...rows[0].row, reward: Number.NaN }] },
    { observationSize: 3, actionSize: 1 },
  );
  const stranger = { ...messages[2], actor: "8".repeat(32) };
  const noisy = await learned(
    numbered(
      messages.flatMap((message, i) => [
        garbage,
        message,
        { ...garbage, data: nan },
        stranger,
        messages[i >> 1],
        message,
      ]),
    ),
  );
  assert.deepEqual(noisy.trace, plain.trace);
  assert.equal(noisy.agent.fingerprint(), plain.agent.fingerprint());
  assert.ok(noisy.source.rejected > 20 && noisy.source.duplicates > 20);
  assert.match(
    noisy.lines[0],
    /^message 1: expected a frame of transitions, of format 1, got other bytes. It is set aside.$/,
  );
  assert.ok(noisy.lines.some((line) => /rewards\[0\]: expected a finite number, got NaN/.test(line)));
  assert.ok(noisy.lines.some((line) => /actor: expected "?8{32}"?, as its subject says/.test(line)));

  // The third message of the second actor is missing.
  const second = messages.filter(({ actor }) => actor === actorOf(1))[2];
  const gap = await learned(numbered(messages.filter((message) => message !== second)), 45);
  assert.match(gap.lines.join(), /batch of actor 11111111: expected the next one, got 4, without the 1 before it/);
  const bye = encodeFrame(
    { kind: "bye", actor: actorOf(0), batch: 3, version: 0, rows: [] },
    { observationSize: 3, actionSize: 1 },
  );
  const first = messages.filter(({ actor }) => actor === actorOf(0)).slice(0, 2);
  const next = {
    actor: "7".repeat(32),
    data: encodeFrame(
      {
        kind: "rows",
        actor: "7".repeat(32),
        batch: 1,
        version: 0,
        rows: rows
          .filter(({ body }) => body === 0)
          .slice(0, 5)
          .map(({ row }) => row),
      },
      { observationSize: 3, actionSize: 1 },
    ),
  };
  const left = await learned(numbered([...first, { sequence: 0, data: bye }, { sequence: 0, ...next }]), 11);
  // Six steps of the first actor: an episode of five, and one that its farewell cut. Then the same episode of another.
  const episodes = left.trace.map((line) => JSON.parse(line)).filter(({ episode }) => episode);
  assert.deepEqual(
    episodes.map(({ step, environment, episode }) => [step, environment, episode.number, episode.length]),
    [
      [5, 0, 1, 5],
      [11, 0, 2, 5],
    ],
  );
  assert.equal(left.agent.replayBuffer.stored, 11, "what waited for its rewards was stored when the episode was cut");
});

test("many messages without a transition make no chain of promises", async () => {
  const agent = await Ddpg.create(new PendulumWithGoals(), options);
  const { rows } = await trained(options, 1, 5);
  const [good] = messagesOf(rows, () => 1);
  const bad = new Uint8Array(70);
  let sequence = 0;
  const count = 300_000;
  const stream: MessageStream = {
    next: () => {
      sequence++;
      const message = { ...good, sequence, ...(sequence <= count && { data: bad }) };
      return sequence % 2 === 0 ? Promise.resolve(message) : message;
    },
  };
  const source = new StreamSource(stream, agent.units);
  let calls = 0;
  const { next } = source;
  source.next = () => {
    calls++;
    return next.call(source);
  };
  const item = await source.next();
  assert.equal(item.type, "step");
  assert.equal(source.rejected, count);
  assert.equal(calls, 1);
});
