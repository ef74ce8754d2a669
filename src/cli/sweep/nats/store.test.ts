// What a store does without a server.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { JetStreamError } from "@nats-io/jetstream";
import { presets } from "../../../ddpg/config.ts";
import type { Server } from "../../../node/nats/connect.ts";
import { type RunConfig, readConfig } from "../../../node.ts";
import { withoutServerVariables } from "../../run/children.ts";
import { jobOf } from "../job.ts";
import { bundleOf, checkpointFiles } from "./bundle.ts";
import { decodeJob, encodeJob, planHash } from "./job-message.ts";
import type { JobState } from "./job-state.ts";
import { queued } from "./job-state.ts";
import { Lease } from "./lease.ts";
import { removeLeftovers, restore, whileMoving } from "./run-job.ts";
import { isQueued, limited, SweepStore } from "./store.ts";

async function all(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const piece of pieces) length += piece.length;
  return length;
}

describe("an object of a server", () => {
  const stream = (end: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(3));
        end(controller);
      },
    });

  it("is read to its end, and not beyond", async () => {
    const whole = () => stream((controller) => controller.close());
    assert.equal(await all(limited(whole(), 3, "object")), 3);
    await assert.rejects(all(limited(whole(), 2, "object")), /^InputError: object: expected 2 bytes, got "?more/);
    await assert.rejects(all(limited(whole(), 4, "object")), /^InputError: object: expected 4 bytes, got 3/);
    const damaged = stream((controller) => controller.error(new Error("digests do not match")));
    await assert.rejects(
      all(limited(damaged, 3, "object")),
      /^InputError: object: expected whole files, got "?digests/,
    );
  });

  it("that does not come is an error, and no wait without end", { timeout: 20_000 }, async () => {
    const stalled = limited(
      stream(() => {}),
      9,
      "object",
      { limitMs: 50 },
    );
    const said = await Promise.race([all(stalled).catch(String), delay(5000, "nothing", { ref: false })]);
    assert.match(`${said}`, /^InputError: object: expected 6 more bytes, some within 0\.05 s, got "?nothing/);
    const over = new AbortController();
    const stopped = assert.rejects(
      all(
        limited(
          stream(() => {}),
          9,
          "object",
          { signal: over.signal },
        ),
      ),
      /a signal to stop/,
    );
    over.abort();
    await stopped;
  });
});

describe("a server's answer", () => {
  it("is a full queue only if it says so: the code is also that of a full disk", () => {
    const answer = (text: string) => new Error("publish", { cause: Object.assign(new Error(text), { code: 10077 }) });
    assert.equal(isQueued(answer("maximum messages per subject exceeded")), true);
    assert.equal(isQueued(answer("no space left on device")), false);
  });
});

describe("the queue of a server", () => {
  it("is asked again if the server's heartbeats are noticed late; what it refuses is an error", async () => {
    const answers: (Error | { subject: string })[] = [
      new JetStreamError("heartbeats missed"),
      { subject: "ddpg.jobs.s.a" },
      new JetStreamError("consumer deleted"),
    ];
    const next = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const server = {
      address: "nats://host",
      retry: (action: () => Promise<unknown>) => action(),
      manager: { streams: { info: async () => ({}) }, consumers: { info: async () => ({ config: {} }) } },
      jetstream: { consumers: { get: async () => ({ next }) } },
      ...{ values: { create: async () => ({}) }, objects: { create: async () => ({}) } },
      packages: { nanos: (ms: number) => 1e6 * ms, AckPolicy: {}, RetentionPolicy: {}, DiscardPolicy: {} },
    } as unknown as Server;
    const queue = await (await SweepStore.open(server)).jobs(undefined);
    assert.equal(await queue.next().catch(String), undefined);
    assert.equal((await queue.next())?.subject, "ddpg.jobs.s.a");
    await assert.rejects(queue.next(), /^InputError: nats:\/\/host: .* got "?consumer deleted/);
  });
});

describe("a wait that ends", () => {
  it("lasts as long as something moves", { timeout: 20_000 }, async () => {
    let moved = 0;
    const timer = setInterval(() => {
      moved = performance.now();
    }, 10);
    assert.equal(await whileMoving(delay(600, "sent"), () => moved, 200), "sent");
    clearInterval(timer);
    assert.equal(await whileMoving(new Promise<string>(() => {}), () => moved, 100), undefined);
    await assert.rejects(
      whileMoving(Promise.reject(new Error("refused")), () => moved, 100),
      /refused/,
    );
  });
});

describe("a job of a sweep", () => {
  const config: RunConfig = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 3, steps: 500, settings: { ...presets.small } },
    ...{ arithmetic: "portable", evaluation: { every: 50, episodes: 1, finalEpisodes: 2 } },
    versions: { ddpg: "1", node: "2", platform: "3" },
  };
  const sent = { sweep: "s", job: jobOf(config) };

  it("whose state was removed is claimed after the number of the removal", { timeout: 20_000 }, async () => {
    const writes: [JobState, number][] = [];
    const store = {
      latest: async () => ({ state: undefined, revision: 7 }),
      write: async (_sweep: string, _id: string, state: JobState, revision: number) => {
        writes.push([state, revision]);
        assert.ok(writes.length < 5, "it is claimed without end");
        return revision === 7 ? 8 : undefined;
      },
    } as unknown as SweepStore;
    const lease = await Lease.claim(store, decodeJob(new TextEncoder().encode(encodeJob(sent)), "job"), "w");
    assert.ok(lease instanceof Lease);
    assert.deepEqual(writes, [[lease.state, 7]]);
    assert.equal(lease.state.round, queued(planHash(sent)).round);
  });

  it("is lost to a worker whose claim came later", async () => {
    let last: { state: JobState; revision: number } | undefined;
    const store = {
      latest: async () => ({ state: last?.state, revision: last?.revision ?? 0 }),
      read: async () => last,
      write: async (_sweep: string, _id: string, state: JobState, revision: number) => {
        if (revision !== (last?.revision ?? 0)) return undefined;
        last = { state, revision: revision + 1 };
        return last.revision;
      },
    } as unknown as SweepStore;
    const job = decodeJob(new TextEncoder().encode(encodeJob(sent)), "job");
    const [first, second] = [await Lease.claim(store, job, "v"), await Lease.claim(store, job, "w")];
    assert.ok(first instanceof Lease && second instanceof Lease);
    assert.equal(await first.update((state) => ({ ...state, step: 1 })), false);
    assert.deepEqual([first.isLost, last?.state.lease], [true, second.id]);
    assert.equal(await second.update((state) => ({ ...state, step: 2 })), true);
    assert.deepEqual([second.isLost, last?.state.step], [false, 2]);
    // Another write of the same worker is not a loss.
    last = { state: second.state, revision: 9 };
    assert.equal(await second.update((state) => ({ ...state, step: 3 })), true);
    assert.deepEqual([last.state.step, last.revision], [3, 10]);
  });

  it("replaces what the queue has of an earlier round or another version, and leaves its own", async () => {
    const { sweep, job } = sent;
    const before = JSON.stringify({ ...queued(planHash(sent)), phase: "failed", format: "ddpg-job-state-1" });
    for (const [round, ddpg, isReplaced] of [
      [1, "1", true],
      [2, "0", true],
      [2, "1", false],
    ] as const) {
      const queue = new Map([[7, `${sweep}/${job.id}/${round}/${ddpg}`]]);
      const full = Object.assign(new Error("maximum messages per subject exceeded"), { code: 10077 });
      const states = {
        get: async () => ({ operation: "PUT", revision: 3, value: new TextEncoder().encode(before) }),
        put: async () => 4,
      };
      const streams = {
        info: async () => ({}),
        getMessage: async () => {
          const [[seq, id]] = queue;
          return { seq, header: { get: () => id } };
        },
        deleteMessage: async (_: string, seq: number) => queue.delete(seq),
      };
      const publish = async (_subject: string, _data: string, { msgID }: { msgID: string }) => {
        if (queue.size > 0) throw full;
        queue.set(8, msgID);
      };
      const server = {
        retry: (action: () => Promise<unknown>) => action(),
        ...{ manager: { streams }, jetstream: { publish } },
        ...{ values: { create: async () => states }, objects: { create: async () => ({}) } },
        packages: { nanos: (ms: number) => 1e6 * ms, RetentionPolicy: {}, DiscardPolicy: {} },
      } as unknown as Server;
      const { state } = await (await SweepStore.open(server)).enqueue(sent);
      assert.deepEqual([state.phase, state.round], ["waiting", 2]);
      assert.deepEqual([...queue], [[isReplaced ? 8 : 7, `${sweep}/${job.id}/2/1`]]);
    }
  });

  it("is resumed from its checkpoint, and only from its own", async () => {
    const root = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
    const kept = path.join(root, "fixtures/kept-0.1.0/stopped/small");
    const { id } = sent.job;
    const pieces: Uint8Array[] = [];
    for await (const piece of bundleOf(kept, checkpointFiles, id)) pieces.push(Uint8Array.from(piece));
    async function* sending() {
      yield* pieces;
    }
    let isThere = true;
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    const store = {
      server: { address: "server", connection: { isClosed: () => false } },
      get: async () => (isThere ? { pieces: sending(), size } : undefined),
    } as unknown as SweepStore;
    const worker = { store, leaving: new AbortController().signal };
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-restored-"));
    const restored = (wanted: RunConfig): Promise<boolean> => {
      const directory = path.join(folder, "run");
      fs.rmSync(directory, { recursive: true, force: true });
      fs.mkdirSync(directory);
      return restore(worker, sent, directory, wanted);
    };
    assert.equal(await restored(readConfig(kept)), true);
    assert.equal(fs.existsSync(path.join(folder, "run/checkpoint.safetensors")), true);
    assert.equal(await restored({ ...readConfig(kept), seed: 99 }), false);
    isThere = false;
    assert.equal(await restored(readConfig(kept)), false);
    fs.rmSync(folder, { recursive: true });
  });

  it("loses its own leftovers, and not those of other sweeps", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-leftovers-"));
    const { id } = sent.job;
    const kept = [`t-${id}-0123abcd`, `s-s-${id}-0123abcd`, `s-${id}1-0123abcd`, `s-${id}-notes`, "other"];
    for (const name of [...kept, `s-${id}-0123abcd`]) fs.mkdirSync(path.join(folder, name));
    removeLeftovers(folder, sent);
    assert.deepEqual(fs.readdirSync(folder).sort(), kept.sort());
    fs.rmSync(folder, { recursive: true });
  });
});

describe("the children of a sweep", () => {
  it("get no password of a server", () => {
    const variables = { PATH: "/bin", DDPG_NATS_PASSWORD: "x", DDPG_NATS_TOKEN: "y", DDPG_THREADS: "2" };
    assert.deepEqual(withoutServerVariables(variables), { PATH: "/bin", DDPG_THREADS: "2" });
  });
});
