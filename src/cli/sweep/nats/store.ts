// What a server keeps of sweeps: a queue of jobs, the state of each, the records of the sweeps, and files of runs. Everything
// that is read is checked.
import type { JsMsg } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { ObjectStore } from "@nats-io/obj";
import { expect, InputError } from "../../../base/expect.ts";
import { maxTextBytes } from "../../../node/files.ts";
import { isPassing, type Server } from "../../../node/nats/connect.ts";
import { joined, parseSweep, type SweepRecord, sweepText } from "../record.ts";
import { encodeJob, expectSweepName, planHash, type SweepJob } from "./job-message.ts";
import { decodeState, encodeState, isEnded, type JobState, queued, setAside } from "./job-state.ts";

const stream = "ddpg_jobs";
const subject = "ddpg.jobs";
const consumer = "workers";
const bucket = "ddpg_sweeps";

/** What JetStream answers if something else was written meanwhile, and if a job is in the queue already. */
const wrongLastSequence = 10071;
const subjectIsFull = 10077;

/** Time in which the queue knows a message by its id, in ms. It holds each job once at any time. */
const duplicateMs = 120_000;

/** Questions that are asked at the same time. */
const atOnce = 32;

/** How long a worker may give no sign of life before its job is given to another, in ms. */
export const defaultLostAfterMs = 30_000;

export interface StoredState {
  readonly state: JobState;
  /** The number of the write, for the next one. */
  readonly revision: number;
}

/** Files of a run on the server. */
export type Kind = "checkpoint" | "result";

export class SweepStore {
  readonly server: Server;
  readonly #states: KV;
  readonly #objects: ObjectStore;

  private constructor(server: Server, states: KV, objects: ObjectStore) {
    this.server = server;
    this.#states = states;
    this.#objects = objects;
  }

  /** Creates on the server what is missing. */
  static async open(server: Server): Promise<SweepStore> {
    const { manager, packages, values, objects } = server;
    const config = {
      name: stream,
      subjects: [`${subject}.>`],
      retention: packages.RetentionPolicy.Workqueue,
      // A job that is in the queue is not added again, however long ago it was.
      max_msgs_per_subject: 1,
      discard: packages.DiscardPolicy.New,
      discard_new_per_subject: true,
      duplicate_window: packages.nanos(duplicateMs),
    };
    return asInputErrors(server, async () => {
      await server.retry(() =>
        manager.streams.info(stream).catch((error) => ifMissing(error, () => manager.streams.add(config))),
      );
      const [states, files] = await Promise.all([
        server.retry(() => values.create(bucket, { history: 1 })),
        server.retry(() => objects.create(bucket)),
      ]);
      return new SweepStore(server, states, files);
    });
  }

  // The queue.

  /**
   * Puts a job into the queue, unless it is there, or its result is. One that failed is tried again, and one whose result
   * was taken is made again. Throws an InputError if the server has another job of this id.
   */
  async enqueue(job: SweepJob): Promise<StoredState> {
    const plan = planHash(job);
    const { sweep } = job;
    const { id } = job.job;
    for (;;) {
      const found = await this.read(sweep, id);
      if (found) {
        const hint = "Choose another --name.";
        const where = `job ${id} of ${sweep} at ${this.server.address}`;
        if (found.state.plan !== plan)
          throw new InputError({ where, expected: "the run of this command", got: "one with other evaluations", hint });
        if (found.state.phase === "complete" && found.state.hasResult) return found;
      }
      const isOpen = found !== undefined && !isEnded(found.state);
      const state = isOpen ? found.state : queued(plan, found?.state);
      const revision = isOpen ? found.revision : await this.write(sweep, id, state, found?.revision ?? 0);
      if (revision === undefined) continue;
      await this.#publish(job, state.round);
      return { state, revision };
    }
  }

  async #publish(job: SweepJob, round: number): Promise<void> {
    const { sweep } = job;
    const { id } = job.job;
    const { retry, jetstream } = this.server;
    try {
      const msgID = `${sweep}/${id}/${round}`;
      await retry(() => jetstream.publish(`${subject}.${sweep}.${id}`, encodeJob(job), { msgID }));
    } catch (error) {
      if (codeOf(error) !== subjectIsFull) throw error;
    }
  }

  /**
   * What gives the next job, or undefined after a second without one. `lostAfterMs` changes when a job whose worker gives
   * no sign of life is given to another; undefined leaves it.
   */
  async jobs(lostAfterMs: number | undefined): Promise<{ next(): Promise<JsMsg | undefined>; lostAfterMs: number }> {
    const { manager, jetstream, packages, retry } = this.server;
    const { nanos } = packages;
    const ack_wait = nanos(lostAfterMs ?? defaultLostAfterMs);
    const config = {
      durable_name: consumer,
      ack_policy: packages.AckPolicy.Explicit,
      filter_subject: `${subject}.>`,
      max_deliver: -1,
      max_ack_pending: 100_000,
      ack_wait,
    };
    const add = () => manager.consumers.add(stream, config);
    const info = await asInputErrors(this.server, () =>
      retry(() => manager.consumers.info(stream, consumer).catch((error) => ifMissing(error, add))),
    );
    let wait = info.config.ack_wait ?? ack_wait;
    if (lostAfterMs !== undefined && wait !== ack_wait) {
      await retry(() => manager.consumers.update(stream, consumer, { ack_wait }));
      wait = ack_wait;
    }
    const jobs = await retry(() => jetstream.consumers.get(stream, consumer));
    const next = async (): Promise<JsMsg | undefined> => {
      try {
        return (await jobs.next({ expires: 1000 })) ?? undefined;
      } catch (error) {
        if (isPassing(error)) return undefined;
        throw error;
      }
    };
    return { next, lostAfterMs: wait / 1e6 };
  }

  // The states.

  async read(sweep: string, id: string): Promise<StoredState | undefined> {
    const entry = await this.server.retry(() => this.#states.get(`${sweep}.${id}`));
    if (entry?.operation !== "PUT") return undefined;
    return { state: decodeState(entry.value, this.#where(sweep, id)), revision: entry.revision };
  }

  /**
   * Writes a state, if the last write was that of `revision`; 0 for the first. Returns the number of this write, or undefined
   * if something else was written meanwhile.
   */
  async write(sweep: string, id: string, state: JobState, revision: number): Promise<number | undefined> {
    const text = encodeState(state);
    const key = `${sweep}.${id}`;
    try {
      return await this.server.retry(() => this.#states.put(key, text, { previousSeq: revision }));
    } catch (error) {
      if (codeOf(error) !== wrongLastSequence) throw error;
    }
    // The answer to a write that had its effect may have been lost.
    const entry = await this.server.retry(() => this.#states.get(key));
    return entry?.string() === text ? entry.revision : undefined;
  }

  /** Notes that a message is none of our jobs, if its subject is that of one, for the command that waits for it. */
  async setAside(subjectName: string, error: string): Promise<void> {
    const [sweep, id, ...rest] = subjectName.slice(subject.length + 1).split(".");
    if (rest.length > 0 || id === undefined) return;
    const found = await this.read(sweep, id);
    if (found && !isEnded(found.state)) await this.write(sweep, id, setAside(found.state, error), found.revision);
  }

  /** The states of these runs of a sweep, by their ids, as far as the server has them. */
  async states(sweep: string, ids: readonly string[]): Promise<Map<string, JobState>> {
    const found = new Map<string, JobState>();
    const waiting = [...ids];
    const readSome = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const stored = await this.read(sweep, id);
        if (stored) found.set(id, stored.state);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, readSome));
    return found;
  }

  /** The states of a sweep, and then each one that changes, until `signal` is aborted. */
  async *changes(sweep: string, signal: AbortSignal): AsyncGenerator<{ id: string; state: JobState }> {
    const watch = await this.server.retry(() => this.#states.watch({ key: `${sweep}.*` }));
    const stop = (): void => watch.stop();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      for await (const { key, value, operation } of watch) {
        if (operation !== "PUT") continue;
        const id = key.slice(sweep.length + 1);
        yield { id, state: decodeState(value, this.#where(sweep, id)) };
      }
    } finally {
      signal.removeEventListener("abort", stop);
      watch.stop();
    }
  }

  #where(sweep: string, id: string): string {
    return `${this.server.address} state of ${sweep} ${id}`;
  }

  // The records.

  /** The names of all sweeps. */
  async sweeps(): Promise<string[]> {
    const list = await this.server.retry(() => this.#objects.list());
    return list
      .flatMap(({ name, deleted }) => (!deleted && name.endsWith(recordName) ? name.slice(0, -recordName.length) : []))
      .filter((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name))
      .sort();
  }

  async record(sweep: string): Promise<SweepRecord | undefined> {
    const object = await this.#open(sweep + recordName, maxTextBytes);
    if (!object) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of object.pieces) pieces.push(piece);
    return parseSweep(Buffer.concat(pieces).toString("utf8"), `${this.server.address} record of ${sweep}`, "");
  }

  /** Adds to the record of a sweep. Throws an InputError if the server has one that does not belong together with it. */
  async addRecord(sweep: string, added: SweepRecord): Promise<void> {
    expectSweepName(sweep, "--name");
    const { retry, address } = this.server;
    for (;;) {
      const name = sweep + recordName;
      const previousRevision = (await retry(() => this.#objects.info(name)))?.revision ?? 0;
      const earlier = await this.record(sweep);
      const where = `${address} ${sweep}`;
      const text = Buffer.from(sweepText(joined(where, earlier, added, "Choose another --name.")));
      if (earlier && sweepText(earlier) === text.toString("utf8")) return;
      try {
        await retry(() => this.#objects.putBlob({ name }, text, { previousRevision }));
        return;
      } catch (error) {
        // Another command added to it meanwhile.
        if (codeOf(error) !== wrongLastSequence) throw error;
      }
    }
  }

  // The files.

  /** Stores files of a run in place of earlier ones. `pieces` is called again if the server did not answer. */
  async put(sweep: string, id: string, kind: Kind, pieces: () => AsyncIterable<Uint8Array>): Promise<void> {
    const name = objectName(sweep, id, kind);
    await this.server.retry(() => this.#objects.put({ name }, streamOf(pieces())));
  }

  /** Files of a run, with their size. Undefined if there are none. Throws while it is read if they are damaged. */
  async get(sweep: string, id: string, kind: Kind, maxBytes: number) {
    return this.#open(objectName(sweep, id, kind), maxBytes);
  }

  async remove(sweep: string, id: string, kind: Kind): Promise<void> {
    await this.server.retry(() => this.#objects.delete(objectName(sweep, id, kind)));
  }

  async #open(name: string, maxBytes: number) {
    const where = `${this.server.address} ${name}`;
    const info = await this.server.retry(() => this.#objects.info(name));
    if (!info || info.deleted) return undefined;
    expect(info.size <= maxBytes, where, `at most ${maxBytes} bytes`, info.size);
    const object = await this.server.retry(() => this.#objects.get(name));
    if (!object) return undefined;
    return { size: object.info.size, pieces: limited(object.data, object.info.size, where) };
  }
}

const recordName = "/sweep.json";

function objectName(sweep: string, id: string, kind: Kind): string {
  return `${sweep}/${id}/${kind}`;
}

/** The pieces of an object, and never more than it is said to have. */
async function* limited(data: ReadableStream<Uint8Array>, size: number, where: string): AsyncGenerator<Uint8Array> {
  let read = 0;
  const reader = data.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      read += value.length;
      expect(read <= size, where, `${size} bytes`, "more");
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  expect(read === size, where, `${size} bytes`, read);
}

function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}

function codeOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === "number") return code;
  const { cause } = (error ?? {}) as { cause?: unknown };
  return cause === undefined ? undefined : codeOf(cause);
}

/** Does something if an error says that a stream or a consumer does not exist. */
function ifMissing<T>(error: unknown, action: () => Promise<T>): Promise<T> {
  const code = codeOf(error);
  if (code === 10059 || code === 10014 || /not found/i.test(String(error))) return action();
  throw error;
}

/** A refusal by the server, such as for missing permissions, in words. */
async function asInputErrors<T>(server: Server, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof InputError || !(error instanceof Error)) throw error;
    const hint = "docs/scale.md shows what a worker and a sweep must be permitted.";
    throw new InputError({ where: server.address, expected: "streams for sweeps", got: error.message, hint });
  }
}
