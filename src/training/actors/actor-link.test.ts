// An actor's link over a server that is played here.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { presets } from "../../ddpg/config.ts";
import { ActorLink } from "./actor-link.ts";
import { learnerSubjects } from "./channel.ts";
import { taskText } from "./task.ts";

const channel = "played";
const run = "12".repeat(16);
const spaces = { observationSize: 1, actionLow: [-1], actionHigh: [1] };

/** One that is not closed has a timer. */
const links: ActorLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});

type Publish = (subject: string, data: Uint8Array) => Promise<number>;

/** A link to a server that takes some messages of one transition, and then answers with an error. */
async function linkTo(taken: number, error: Error | undefined, progress?: object, publish?: Publish, maxPayload = 1e6) {
  const lines: string[] = [];
  const task = taskText({ run, environment: "played", spaces, settings: presets.small });
  let listening: ((text: string) => void) | undefined;
  let messages = 0;
  const link = new ActorLink({
    server: {
      address: "ws://host",
      maxPayload,
      async *subscribe() {
        const text = await new Promise<string>((resolve) => {
          listening = resolve;
        });
        yield { subject: learnerSubjects.progress(channel), data: new TextEncoder().encode(text) };
      },
      last: async (_, subject) =>
        subject === learnerSubjects.task(channel) ? new TextEncoder().encode(task) : undefined,
      publish:
        publish ??
        (async () => {
          if (messages >= taken && error) throw error;
          return ++messages;
        }),
      close: async () => {},
    },
    ...{ actor: "ab".repeat(16), where: "--server", channel, window: Infinity, batch: 1 },
    onLine: (line) => lines.push(line),
  });
  links.push(link);
  await link.join(spaces, "played", () => false);
  const [observation, nextObservation] = [Float64Array.of(0), Float64Array.of(1)];
  const row = { observation, action: Float32Array.of(0), nextObservation, reward: 0 };
  for (let i = 0; i < 5; i++) {
    link.add({ ...row, terminated: false, truncated: false }, 0);
    // A message of one transition each, and no error is thrown before all of them are there.
    if (i < taken) await delay(1);
  }
  if (progress) listening?.(JSON.stringify(progress));
  await delay(5);
  return { link, lines };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

it("an actor's link sends no message that is larger than the server takes", async () => {
  const sizes: number[] = [];
  const publish: Publish = async (_, data) => {
    sizes.push(data.length);
    await delay(1);
    return sizes.length;
  };
  const maxPayload = 5000;
  const { link } = await linkTo(0, undefined, undefined, publish, maxPayload);
  const [observation, nextObservation] = [Float64Array.of(0), Float64Array.of(1)];
  const row = { observation, action: Float32Array.of(0), nextObservation, reward: 0 };
  for (let i = 0; i < 300; i++) link.add({ ...row, terminated: false, truncated: false }, 0);
  await link.close();
  assert.equal(link.sentRows, 305);
  // The rest is for the subject and the headers.
  assert.ok(Math.max(...sizes) <= maxPayload - 4096, `${sizes}`);
});

describe("an actor's link that is closed", () => {
  it("says how many transitions the server did not take, and why", async () => {
    const refusal = named("PermissionViolationError", "no permission to publish");
    const { link, lines } = await linkTo(2, refusal);
    assert.deepEqual([link.sentRows, link.unsentRows], [2, 3]);
    const row = { observation: [0], action: [0], nextObservation: [0], reward: 0, terminated: false, truncated: false };
    assert.throws(() => link.add(row as never, 0), /no permission to publish/);
    await link.close();
    assert.deepEqual(lines, ["ws://host did not acknowledge the last 3 transitions (no permission to publish)"]);
  });

  it("says it of a server that is full until it gives up", async () => {
    const { link, lines } = await linkTo(4, named("JetStreamError", "maximum bytes exceeded"));
    await link.close();
    assert.equal(lines.at(-1), "ws://host did not acknowledge the last transition (maximum bytes exceeded)");
  });

  it("says nothing if the server took all, or the learner's run is over", async () => {
    const all = await linkTo(5, undefined);
    await all.link.close();
    const ended = { run, sequence: 1, step: 1, updates: 1, hasEnded: true };
    const over = await linkTo(1, named("TimeoutError", "timeout"), ended);
    assert.equal(over.link.hasEnded, true);
    await over.link.close();
    assert.deepEqual([all.lines, over.lines], [[], []]);
  });

  it("says nothing more after that, whatever is still on its way", async () => {
    let messages = 0;
    const { link, lines } = await linkTo(0, undefined, undefined, async () => {
      // The second message begins a second and a half after the link began to close, and is never acknowledged.
      if (messages++ > 0) return new Promise<never>(() => {});
      await delay(1500);
      return 1;
    });
    await link.close();
    await delay(1000);
    assert.deepEqual(lines, ["ws://host did not acknowledge the last 4 transitions"]);
  });
});
