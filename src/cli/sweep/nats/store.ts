// What a server keeps of sweeps: a queue of jobs, the state of each, the records of the sweeps, and files of runs. Everything
// that is read is checked.
import { once } from "node:events";
import type { JsMsg } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { ObjectInfo, ObjectStore } from "@nats-io/obj";
import { expect, fail, InputError, messageOf } from "../../../base/expect.ts";
import { isPassing } from "../../../base/nats.ts";
import { isNatsName } from "../../../base/nats-name.ts";
import { maxTextBytes } from "../../../node/files.ts";
import { asInputErrors, type Server } from "../../../node/nats/connect.ts";
import { joined, parseSweep, type SweepRecord, sweepText } from "../record.ts";
import { encodeJob, expectSweepName, jobSubject, jobsSubject, planHash, type SweepJob } from "./job-message.ts";
import { decodeState, encodeState, isEnded, type JobState, queued, setAside } from "./job-state.ts";

const stream = "ddpg_jobs";
const consumer = "workers";
const bucket = "ddpg_sweeps";

/** What JetStream answers if something else was written meanwhile. */
const wrongLastSequence = 10071;
/** The code of the server's error for a message that cannot be deleted, such as one that it does not have. */
const notDeleted = 10057;

/** Whether a job is in the queue already. The code of this answer is also that of a disk that is full. */
export function isQueued(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if (/maximum messages per subject/i.test(each.message)) return true;
  return false;
}

/** Time in which the queue knows a message by its id, in ms. It holds each job once at any time. */
const duplicateMs = 120_000;

/** Questions that are asked at the same time. */
const atOnce = 32;

/** How long a worker may give no sign of life before its job is given to another, in ms. */
export const defaultLostAfterMs = 30_000;

/** How long a piece of an object may take, in ms. The client reports neither chunks that were removed nor a closed connection. */
const stallMs = 90_000;

interface StoredState {
  readonly state: JobState;
  /** The number of the write, for the next one. */
  readonly revision: number;
}

/** The queue of jobs. */
export interface JobQueue {
  /** The next job, or undefined after a second without one. */
  next(): Promise<JsMsg | undefined>;
  /** How long a worker may give no sign of life now, in ms. A worker that starts may change it. */
  lostAfterMs(): Promise<number>;
}

/** Receives the error of a run whose state cannot be read. */
export type OnUnreadable = (id: string, error: InputError) => void;

function raise(_: string, error: InputError): never {
  throw error;
}

/** Reads the state of a run. Undefined if there is none, or if it cannot be read and `onUnreadable` does not throw. */
async function readable<T>(id: string, onUnreadable: OnUnreadable, read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    onUnreadable(id, error);
    return undefined;
  }
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
      subjects: [`${jobsSubject}.>`],
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
      const { state: before, revision: last } = await this.latest(sweep, id);
      const found = before && { state: before, revision: last };
      if (found) {
        const hint = "Choose another --name.";
        const where = `job ${id} of ${sweep} at ${this.server.address}`;
        if (found.state.plan !== plan)
          throw new InputError({ where, expected: "the run of this command", got: "one with other evaluations", hint });
        if (found.state.phase === "complete" && found.state.hasResult) return found;
      }
      const isOpen = found !== undefined && !isEnded(found.state);
      const state = isOpen ? found.state : queued(plan, found?.state);
      const revision = isOpen ? last : await this.write(sweep, id, state, last);
      if (revision === undefined) continue;
      const isNew = await this.#publish(job, state.round);
      if (!isNew && state.phase !== "running") await this.#replaceOther(job, state.round);
      return { state, revision };
    }
  }

  /** Puts a job that has not ended into the queue again, if the server has lost it. */
  async publishAgain(job: SweepJob): Promise<void> {
    const found = await this.read(job.sweep, job.job.id);
    if (found && !isEnded(found.state)) await this.#publish(job, found.state.round);
  }

  /** Returns false if the queue has a message of this job already. */
  async #publish(job: SweepJob, round: number): Promise<boolean> {
    const { retry, jetstream } = this.server;
    try {
      const msgID = messageId(job, round);
      await retry(() => jetstream.publish(jobSubject(job.sweep, job.job.id), encodeJob(job), { msgID }));
      return true;
    } catch (error) {
      if (!isQueued(error)) throw error;
      return false;
    }
  }

  /**
   * Replaces a message of this job in the queue that no worker of this version would get: one that another version of ddpg
   * put there, or one of an earlier round. A server that crashed may have such a message again although it was acknowledged,
   * and never delivers it.
   */
  async #replaceOther(job: SweepJob, round: number): Promise<void> {
    const { retry, manager } = this.server;
    const filter = jobSubject(job.sweep, job.job.id);
    const message = await retry(() => manager.streams.getMessage(stream, { last_by_subj: filter }));
    if (message?.header.get("Nats-Msg-Id") === messageId(job, round)) return;
    // Not a purge of its subject: servers of version 2.9 then deliver none of the messages that wait after it.
    if (message) await retry(() => manager.streams.deleteMessage(stream, message.seq).catch(ifGone));
    await this.#publish(job, round);
  }

  /**
   * The queue. `lostAfterMs` changes when a job whose worker gives no sign of life is given to another; undefined leaves it.
   */
  async jobs(lostAfterMs: number | undefined): Promise<JobQueue> {
    const { manager, jetstream, packages, retry } = this.server;
    const { nanos } = packages;
    const ack_wait = nanos(lostAfterMs ?? defaultLostAfterMs);
    const config = {
      durable_name: consumer,
      ack_policy: packages.AckPolicy.Explicit,
      filter_subject: `${jobsSubject}.>`,
      max_deliver: -1,
      max_ack_pending: 100_000,
      ack_wait,
    };
    const add = () => manager.consumers.add(stream, config);
    const info = await asInputErrors(this.server, () =>
      retry(() => manager.consumers.info(stream, consumer).catch((error) => ifMissing(error, add))),
    );
    if (lostAfterMs !== undefined && info.config.ack_wait !== ack_wait)
      await asInputErrors(this.server, () => retry(() => manager.consumers.update(stream, consumer, { ack_wait })));
    const jobs = await asInputErrors(this.server, () => retry(() => jetstream.consumers.get(stream, consumer)));
    const next = async (): Promise<JsMsg | undefined> => {
      try {
        return (await jobs.next({ expires: 1000 })) ?? undefined;
      } catch (error) {
        // A machine under load notices heartbeats of the server late.
        if (isPassing(error) || /heartbeats missed/i.test(String(error))) return undefined;
        throw error;
      }
    };
    const wait = async (): Promise<number> => {
      const { config: now } = await retry(() => manager.consumers.info(stream, consumer));
      return (now.ack_wait ?? ack_wait) / 1e6;
    };
    return { next: () => asInputErrors(this.server, next), lostAfterMs: () => asInputErrors(this.server, wait) };
  }

  // The states.

  async read(sweep: string, id: string): Promise<StoredState | undefined> {
    const { state, revision } = await this.latest(sweep, id);
    return state && { state, revision };
  }

  /** The same, with the number of the last write also if it removed the state, such as by a person; 0 if there was none. */
  async latest(
    sweep: string,
    id: string,
  ): Promise<{ readonly state: JobState | undefined; readonly revision: number }> {
    const entry = await this.server.retry(() => this.#states.get(`${sweep}.${id}`));
    const { revision = 0 } = entry ?? {};
    if (entry?.operation !== "PUT") return { state: undefined, revision };
    return { state: decodeState(entry.value, this.#where(sweep, id)), revision };
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

  /**
   * Notes that a message is none of our jobs, if its subject is that of one, for the command that waits for it. Returns false
   * if a worker has that job.
   */
  async setAside(subject: string, error: string): Promise<boolean> {
    const [, sweep, id] = /^ddpg\.jobs\.([^.]+)\.([0-9a-f]+-seed\d+)$/.exec(subject) ?? [];
    if (!isNatsName(sweep)) return true;
    const found = await this.read(sweep, id);
    if (!found || isEnded(found.state)) return true;
    if (found.state.lease !== undefined) return false;
    return (await this.write(sweep, id, setAside(found.state, error), found.revision)) !== undefined;
  }

  /** The states of these runs of a sweep, by their ids, as far as the server has them. */
  async states(
    sweep: string,
    ids: readonly string[],
    onUnreadable: OnUnreadable = raise,
  ): Promise<Map<string, JobState>> {
    const found = new Map<string, JobState>();
    await someAtOnce(ids, async (id) => {
      const stored = await readable(id, onUnreadable, () => this.read(sweep, id));
      if (stored) found.set(id, stored.state);
    });
    return found;
  }

  /** The states of the wanted runs of a sweep, and then each one that changes, until `signal` is aborted. */
  async *changes(
    sweep: string,
    isWanted: (id: string) => boolean,
    signal: AbortSignal,
    onUnreadable: OnUnreadable = raise,
  ): AsyncGenerator<StoredState & { readonly id: string }> {
    const watch = await this.server.retry(() => this.#states.watch({ key: `${sweep}.*` }));
    const stop = (): void => watch.stop();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      for await (const { key, value, operation, revision } of watch) {
        const id = key.slice(sweep.length + 1);
        if (operation !== "PUT" || !isWanted(id)) continue;
        const state = await readable(id, onUnreadable, () => decodeState(value, this.#where(sweep, id)));
        if (state) yield { id, state, revision };
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
      .filter(isNatsName)
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

  /**
   * Stores files of a run in place of earlier ones. `open` is called again if the server did not answer. If it returns
   * undefined, nothing is stored, and false is returned.
   */
  async put(
    sweep: string,
    id: string,
    kind: Kind,
    open: () => Promise<AsyncGenerator<Uint8Array> | undefined>,
  ): Promise<boolean> {
    const name = objectName(sweep, id, kind);
    return this.server.retry(async () => {
      const pieces = await open();
      if (!pieces) return false;
      try {
        await this.#objects.put({ name }, streamOf(pieces));
      } finally {
        // The client leaves what it has not read, and so its files open.
        await pieces.return(undefined);
      }
      return true;
    });
  }

  /**
   * Files of a run, with their size. Undefined if there are none. Throws while it is read if they are damaged, if they do not
   * come, or if `signal` is aborted.
   */
  async get(sweep: string, id: string, kind: Kind, maxBytes: number, signal?: AbortSignal) {
    return this.#open(objectName(sweep, id, kind), maxBytes, signal);
  }

  async remove(sweep: string, id: string, kind: Kind): Promise<void> {
    await this.server.retry(() => this.#objects.delete(objectName(sweep, id, kind)));
  }

  async #open(name: string, maxBytes: number, signal?: AbortSignal) {
    const where = `${this.server.address} ${name}`;
    const info = await this.server.retry(() => this.#objects.info(name));
    if (!info || info.deleted) return undefined;
    const check = (found: ObjectInfo): void => {
      expect(found.options?.link === undefined, where, "files", "a link to others");
      expect(found.size <= maxBytes, where, `at most ${maxBytes} bytes`, found.size);
    };
    check(info);
    const object = await this.server.retry(() => this.#objects.get(name));
    if (!object) return undefined;
    try {
      // It may have been replaced meanwhile.
      check(object.info);
    } catch (error) {
      await object.data.cancel().catch(() => {});
      throw error;
    }
    return { size: object.info.size, pieces: limited(object.data, object.info.size, where, { signal }) };
  }
}

/** What the message of a job has as its id: a server drops a second one of the same id. */
function messageId({ sweep, job }: SweepJob, round: number): string {
  return `${sweep}/${job.id}/${round}/${job.config.versions.ddpg}`;
}

const recordName = "/sweep.json";

function objectName(sweep: string, id: string, kind: Kind): string {
  return `${sweep}/${id}/${kind}`;
}

/** The pieces of an object, and never more than it is said to have. Throws an InputError if none comes for a while. */
export async function* limited(
  data: ReadableStream<Uint8Array>,
  size: number,
  where: string,
  { signal, limitMs = stallMs }: { readonly signal?: AbortSignal | undefined; readonly limitMs?: number } = {},
): AsyncGenerator<Uint8Array> {
  let read = 0;
  const reader = data.getReader();
  const damaged = (error: unknown): never => fail(where, "whole files", messageOf(error));
  const next = async () => {
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    const timer = setTimeout(stop, limitMs);
    try {
      const stalled = once(over.signal, "abort").then(() => undefined);
      const found = over.signal.aborted ? undefined : await Promise.race([reader.read().catch(damaged), stalled]);
      if (found) return found;
      const got = signal?.aborted ? "a signal to stop" : "nothing";
      const expected = `${size - read} more bytes, some within ${limitMs / 1000} s`;
      throw new InputError({ where, expected, got });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  };
  try {
    for (;;) {
      const { done, value } = await next();
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

/** A message that is to be deleted may have been acknowledged, or deleted by a request whose answer was lost. */
function ifGone(error: unknown): void {
  if (codeOf(error) !== notDeleted) throw error;
}

/** Does something if an error says that a stream or a consumer does not exist. */
function ifMissing<T>(error: unknown, action: () => Promise<T>): Promise<T> {
  const code = codeOf(error);
  if (code === 10059 || code === 10014 || /not found/i.test(String(error))) return action();
  throw error;
}

/** Does something with each of a list, some at the same time. */
export async function someAtOnce<T>(list: readonly T[], action: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const next = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) await action(each);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}
