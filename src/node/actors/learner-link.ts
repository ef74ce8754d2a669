// A learner's side of a channel: reads transitions in the order of the stream, and sends weights and its progress.

import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerMessages, JsMsg, StreamInfo } from "@nats-io/jetstream";
import { InputError, messageOf } from "../../base/expect.ts";
import { isPassing } from "../../base/nats.ts";
import { EnvironmentError } from "../../environment/environment-calls.ts";
import {
  inboxes,
  learnerSubjects,
  rejectedSubject,
  streams,
  transitionsSubject,
} from "../../training/actors/channel.ts";
import type { MessageStream, StreamMessage } from "../../training/actors/stream-source.ts";
import { type ActorTask, type Progress, readProgress, taskText } from "../../training/actors/task.ts";
import { splitWeights, type Weights } from "../../training/actors/weights.ts";
import { asInputErrors, connect, type Server, type ServerOptions } from "../nats/connect.ts";

export interface LearnerLinkOptions {
  readonly server: ServerOptions;
  /** The flag that names the server, for errors. */
  readonly where: string;
  readonly channel: string;
  readonly task: ActorTask;
  /** The last message that a checkpoint has; undefined for a new run. */
  readonly after?: number | undefined;
  /** Removes the streams of another run. */
  readonly replaces?: boolean;
  /** How long to wait for a transition, in seconds. */
  readonly timeout: number;
  readonly onLine: (line: string) => void;
}

/** How long a learner waits before it says so, in ms. */
const quietMs = 3000;
/** How often the progress is sent, if there is any, and how often without any, in ms. */
const progressMs = 100;
const heartbeatMs = 2000;
/** How many messages are on their way to the learner. */
const prefetch = 256;
/** Bytes of the messages in the queue, about: messages may be as large as the server allows. */
const maxQueuedBytes = 32 * 2 ** 20;
/** How long a learner that closes waits until the server has its last word, in ms. */
const endingMs = 3000;
/** How many messages that were taken stay in the queue, so that it is not moved for each of them. */
const maxDone = 1024;
/** Bytes of a part of the weights, at most. */
const partBytes = 512 * 1024;

export class LearnerLink implements MessageStream {
  readonly #options: LearnerLinkOptions;
  readonly #server: Server;
  readonly #encoder = new TextEncoder();
  readonly #queue: StreamMessage[] = [];
  #head = 0;
  #queuedBytes = 0;
  #waiter: { resolve(message: StreamMessage): void; reject(error: unknown): void } | undefined;
  #error: unknown;
  #received: number;
  #messages: ConsumerMessages | undefined;
  /** Says where the learner is, when it is time to send that. */
  progress: (() => Pick<Progress, "sequence" | "step" | "updates">) | undefined;
  #isClosed = false;
  #ending: Promise<void> = Promise.resolve();
  #edition = Date.now();
  #isSending = false;
  #waiting: Weights | undefined;
  #purged = 0;
  #progress: Progress;
  #sent: { text: string; at: number } = { text: "", at: 0 };
  /** Sends the progress from `begin` on. */
  #timer: NodeJS.Timeout | undefined;

  /**
   * Connects, and changes nothing on the server until `begin`. Throws an InputError with a hint if the channel is another
   * run's.
   */
  static async open(options: LearnerLinkOptions): Promise<LearnerLink> {
    const { where, channel, onLine } = options;
    const context = { where, name: `ddpg learner ${channel}`, onLine, inboxPrefix: inboxes.learner };
    const server = await connect(options.server, context);
    try {
      await asInputErrors(server, () => findStream(server, options));
      return new LearnerLink(server, options);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  private constructor(server: Server, options: LearnerLinkOptions) {
    this.#server = server;
    this.#options = options;
    this.#received = options.after ?? 0;
    this.#progress = { run: options.task.run, sequence: this.#received, step: 0, updates: 0, hasEnded: false };
  }

  /**
   * Makes the streams of a new run, tells the actors its task and reads what they send. Throws an InputError with a hint if
   * another run has taken the channel.
   */
  async begin(): Promise<void> {
    const server = this.#server;
    const { channel, task } = this.#options;
    const text = this.#encoder.encode(taskText(task));
    await asInputErrors(server, async () => {
      await prepare(server, this.#options);
      await server.retry(() => server.jetstream.publish(learnerSubjects.task(channel), text));
    });
    if (this.#isClosed) return;
    this.#timer = setInterval(() => this.#sendProgress(), progressMs);
    void this.#read();
  }

  /** The server's address, as it may be shown. */
  get address(): string {
    return this.#server.address;
  }

  /** How many messages were received and not taken. */
  get queued(): number {
    return this.#queue.length - this.#head;
  }

  next(): StreamMessage | Promise<StreamMessage> {
    if (this.#head < this.#queue.length) {
      const message = this.#queue[this.#head++];
      this.#queuedBytes -= message.data.length;
      if (this.#head === this.#queue.length || this.#head === maxDone) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
      return message;
    }
    return this.#wait();
  }

  async #wait(): Promise<StreamMessage> {
    const { timeout, onLine, channel } = this.#options;
    if (this.#error) throw this.#error;
    const quiet = setTimeout(() => {
      onLine(`waiting for transitions of actors on channel ${channel} of ${this.address}`);
    }, quietMs);
    const late = setTimeout(
      () => {
        const hint = "Start some with ddpg act, and resume the run: what they sent and send is kept.";
        const got = `none. ${hint}`;
        this.#waiter?.reject(
          new EnvironmentError(
            `${this.address} channel ${channel}: expected a transition within ${timeout} s, got ${got}`,
          ),
        );
      },
      Math.min(1000 * timeout, 2 ** 31 - 1),
    );
    try {
      return await new Promise<StreamMessage>((resolve, reject) => {
        this.#waiter = { resolve, reject };
      });
    } finally {
      this.#waiter = undefined;
      clearTimeout(quiet);
      clearTimeout(late);
    }
  }

  /** The subjects of this run, without the actor. */
  get #own(): string {
    return transitionsSubject(this.#options.channel, this.#options.task.run, "");
  }

  /** Receives messages until the link is closed, in the order of the stream and without gaps. */
  async #read(): Promise<void> {
    const { channel, onLine } = this.#options;
    const { jetstream, packages } = this.#server;
    let hasSaid = false;
    while (!this.#isClosed && this.#error === undefined) {
      try {
        const opt_start_seq = this.#received + 1;
        const deliver_policy = packages.DeliverPolicy.StartSequence;
        const filter_subjects = `${this.#own}*`; // a list needs a server of 2.10
        const consumer = await this.#server.retry(() =>
          jetstream.consumers.get(streams.transitions(channel), { deliver_policy, opt_start_seq, filter_subjects }),
        );
        // Otherwise a stream that another run made in the place of this one would be read on.
        this.#messages = await consumer.consume({ max_messages: prefetch, abort_on_missing_resource: true });
        for await (const message of this.#messages) {
          this.#receive(message);
          // What is not learned from yet stays on the server.
          while (this.#isFull && !this.#isClosed) await delay(2);
        }
      } catch (error) {
        if (this.#isClosed) return;
        const lost = await this.#whyLost();
        if (lost) {
          this.#fail(lost);
          return;
        }
        if (!hasSaid && !isPassing(error)) {
          hasSaid = true;
          onLine(`${this.address} stream ${streams.transitions(channel)}: ${messageOf(error)}; trying again`);
        }
      }
      await delay(250);
    }
  }

  get #isFull(): boolean {
    return this.queued >= prefetch || this.#queuedBytes >= maxQueuedBytes;
  }

  /** The error if the stream is no longer this run's. */
  async #whyLost(): Promise<EnvironmentError | undefined> {
    const name = streams.transitions(this.#options.channel);
    try {
      const found = await infoOf(this.#server, name);
      if (found?.config.subjects?.includes(`${this.#own}*`)) return undefined;
      return this.#lost(found ? "another run's" : "none");
    } catch {
      return undefined; // closed, or tried again
    }
  }

  #lost(got: string): EnvironmentError {
    const name = streams.transitions(this.#options.channel);
    const reason = "It was removed or replaced, as --replace-channel does. What the checkpoint has is kept.";
    return new EnvironmentError(`${this.address} stream ${name}: expected this run's, got ${got}. ${reason}`);
  }

  #receive({ seq, subject, data }: JsMsg): void {
    if (!subject.startsWith(this.#own)) {
      this.#fail(this.#lost("another run's"));
      return;
    }
    if (seq <= this.#received || this.#error !== undefined) return;
    this.#received = seq;
    const message = { sequence: seq, actor: subject.slice(this.#own.length), data };
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter) waiter.resolve(message);
    else {
      this.#queue.push(message);
      this.#queuedBytes += data.length;
    }
  }

  /** Ends reading. Nothing is sent from then on: actors may act for the run that took the channel over. */
  #fail(error: unknown): void {
    this.#error ??= error;
    clearInterval(this.#timer);
    this.#messages?.stop();
    this.#waiter?.reject(this.#error);
  }

  /** Sends weights. If others are still on their way, the newest of those that wait follow them. */
  sendWeights(weights: Weights): void {
    if (this.#error !== undefined) return;
    this.#waiting = weights;
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    const { channel } = this.#options;
    const { connection, jetstream } = this.#server;
    this.#isSending = true;
    try {
      while (this.#waiting && !this.#isClosed && this.#error === undefined) {
        const weights = this.#waiting;
        this.#waiting = undefined;
        const size = Math.min(partBytes, (connection.info?.max_payload ?? 2 ** 20) - 1024);
        for (const [i, part] of splitWeights(weights, this.#edition++, size).entries())
          await this.#server.retry(() => jetstream.publish(learnerSubjects.weights(channel, i), part));
      }
    } catch (error) {
      if (!this.#isClosed) this.#options.onLine(`weights could not be sent: ${String(error)}`);
    } finally {
      this.#isSending = false;
    }
  }

  /** Whether weights are on their way. */
  get isSending(): boolean {
    return this.#isSending;
  }

  #sendProgress(): void {
    this.#progress = { ...this.#progress, ...this.progress?.() };
    const text = JSON.stringify(this.#progress);
    const now = performance.now();
    if (this.#isClosed || (text === this.#sent.text && now - this.#sent.at < heartbeatMs)) return;
    this.#sent = { text, at: now };
    try {
      this.#server.connection.publish(learnerSubjects.progress(this.#options.channel), this.#encoder.encode(text));
    } catch {
      // The connection is being taken up again: the next one is newer anyway.
    }
  }

  /** Keeps a message that was set aside, in the place of the last one. */
  keepRejected(data: Uint8Array): void {
    try {
      this.#server.connection.publish(rejectedSubject(this.#options.channel), data);
    } catch {
      // The connection is being taken up again: the next one is kept.
    }
  }

  /** Removes this run's messages up to a sequence number, which a written checkpoint has. */
  purge(sequence: number): void {
    if (sequence <= this.#purged || this.#isClosed || this.#error !== undefined) return;
    this.#purged = sequence;
    // If it fails, the next one removes them.
    this.#server.manager.streams
      .purge(streams.transitions(this.#options.channel), { filter: `${this.#own}*`, seq: sequence + 1 })
      .catch(() => {});
  }

  /** Tells the actors that the run is over, until the server has it. Another run may take the channel from then on. */
  end(): void {
    if (this.#error !== undefined || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#progress = { ...this.#progress, ...this.progress?.(), hasEnded: true };
    const text = this.#encoder.encode(JSON.stringify(this.#progress));
    const { jetstream, retry } = this.#server;
    const subject = learnerSubjects.progress(this.#options.channel);
    this.#ending = retry(() => jetstream.publish(subject, text)).then(
      () => {},
      () => {},
    );
  }

  async close(): Promise<void> {
    await Promise.race([this.#ending, delay(endingMs, undefined, { ref: false })]);
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#messages?.stop();
    await this.#server.close();
  }
}

/**
 * The stream of transitions that is on the channel, and whether it is this run's. Throws an InputError with a hint if this
 * run cannot begin there.
 */
async function findStream(
  server: Server,
  { channel, task, after, replaces, where }: LearnerLinkOptions,
): Promise<{ found: StreamInfo | undefined; isOwn: boolean }> {
  const name = streams.transitions(channel);
  const found = await infoOf(server, name);
  const isOwn = found?.config.subjects?.includes(transitionsSubject(channel, task.run, "*")) === true;
  const isFree = !found || (!isOwn && (await hasEnded(server, channel, found)));
  // A run that was killed before it took the channel has a checkpoint, and has learned from nothing.
  if (after !== undefined && (after > 0 || !isFree)) {
    const hint = "Use the server and the channel of the run.";
    if (!isOwn)
      throw new InputError({
        where,
        expected: `the run's stream ${name} at ${server.address}`,
        got: found ? "that of another run" : "none",
        hint,
      });
    const { first_seq: first, last_seq: last } = found.state;
    const isWhole = first <= after + 1 && last >= after;
    const got = `messages ${first} to ${last}`;
    if (!isWhole)
      throw new InputError({
        where,
        expected: `a stream ${name} with everything after message ${after}`,
        got,
        hint: `${hint} The server has lost transitions that were acknowledged.`,
      });
  } else if (!isFree && replaces !== true) {
    const hint =
      "Resume that run, name another channel with --channel, or drop that run's transitions with --replace-channel.";
    throw new InputError({
      where: `${where} channel ${channel}`,
      expected: "one without a run",
      got: "one whose run has not ended",
      hint,
    });
  }
  return { found, isOwn };
}

/** Makes the streams of a run that has none, in the place of another run's. */
async function prepare(server: Server, options: LearnerLinkOptions): Promise<void> {
  const { channel, task, after, onLine } = options;
  const { manager } = server;
  const { found, isOwn } = await findStream(server, options);
  const name = streams.transitions(channel);
  const words = await infoOf(server, streams.learner(channel));
  if (!isOwn) {
    if (after !== undefined) onLine(`${server.address} has no transitions of this run yet: its channel is made`);
    if (found) await manager.streams.delete(name);
    if (words) await manager.streams.delete(streams.learner(channel));
    const { DiscardPolicy } = server.packages;
    const subjects = [transitionsSubject(channel, task.run, "*")];
    await manager.streams.add({ ...common(server, task.run), name, subjects, discard: DiscardPolicy.New });
  }
  if (!isOwn || !words) await addLearnerStream(server, channel, task.run);
}

function common({ packages }: Server, run: string) {
  return { retention: packages.RetentionPolicy.Limits, num_replicas: 1, description: `ddpg run ${run}` };
}

async function addLearnerStream(server: Server, channel: string, run: string): Promise<void> {
  await server.manager.streams.add({
    ...common(server, run),
    name: streams.learner(channel),
    subjects: [learnerSubjects.all(channel), rejectedSubject(channel)],
    max_msgs_per_subject: 1,
    discard: server.packages.DiscardPolicy.Old,
    allow_direct: true,
  });
}

async function infoOf({ manager, retry }: Server, name: string): Promise<StreamInfo | undefined> {
  try {
    return await retry(() => manager.streams.info(name));
  } catch (error) {
    if (error instanceof Error && /stream not found/i.test(error.message)) return undefined;
    throw error;
  }
}

/** Whether the run whose stream was found has ended. */
async function hasEnded({ manager }: Server, channel: string, found: StreamInfo): Promise<boolean> {
  try {
    const query = { last_by_subj: learnerSubjects.progress(channel) };
    const message = await manager.streams.getMessage(streams.learner(channel), query);
    if (message === null) return false;
    const { run, hasEnded } = readProgress(new TextDecoder().decode(message.data), "progress");
    return hasEnded && found.config.subjects?.includes(transitionsSubject(channel, run, "*")) === true;
  } catch {
    return false;
  }
}
