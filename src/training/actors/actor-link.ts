// An actor's side of a channel: sends transitions in order and again until they are acknowledged, and receives weights.
import { InputError, messageOf } from "../../base/expect.ts";
import { inWords, isPassing } from "../../base/nats.ts";
import type { Spaces } from "../../ddpg/units.ts";
import { type ActorServer, decode } from "./actor-server.ts";
import { learnerSubjects, streams, transitionsSubject } from "./channel.ts";
import { encodeFrame, type FrameRow, fittingRows, maxRows } from "./frame.ts";
import { type ActorTask, type Progress, readProgress, readTask } from "./task.ts";
import { maxParts, type Weights, WeightsJoiner } from "./weights.ts";

declare const performance: { now(): number };
declare const setTimeout: (callback: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;
declare const setInterval: (callback: () => void, ms: number) => unknown;
declare const clearInterval: (timer: unknown) => void;

export interface ActorLinkOptions {
  readonly server: ActorServer;
  /** The id of this actor, 32 hexadecimal digits: a new one for every process and every page. */
  readonly actor: string;
  /** What errors name: the flag or the field that gave the address. */
  readonly where: string;
  readonly channel: string;
  /** How many transitions may be on their way to the learner; Infinity for no limit. */
  readonly window: number;
  /** How many transitions a message has, unless it waits longer than `batchMs` for them. */
  readonly batch: number;
  readonly onLine: (line: string) => void;
}

/** How many transitions may be on their way to the learner and how many a message has, by default. */
export const defaultFlow = { window: 256, batch: 64 } as const;

/** How long a transition waits for others, in ms. */
const batchMs = 200;
/** How long to wait for an acknowledgement, in ms. */
const ackMs = 5000;
/** How long an actor waits for the learner before it says so, in ms. */
const quietMs = 3000;
/** After this long without a word of the learner, it is said to be away, in ms. */
const silenceMs = 10_000;
/** Bytes of a message that are not the frame's: its subject and its headers. */
const envelopeBytes = 4096;

export class ActorLink {
  readonly actor: string;
  readonly #options: ActorLinkOptions;
  readonly #server: ActorServer;
  readonly #joiner = new WeightsJoiner();
  #sizes = { observationSize: 0, actionSize: 0 };
  #run = "";
  #rows: FrameRow[] = [];
  #version = 0;
  #oldest = 0;
  #batch = 0;
  #isSending = false;
  #sending: Promise<void> | undefined;
  #timer: unknown;
  /** Asks for the learner's last word if none is heard. */
  #asking: unknown;
  /** Messages that the learner has not learned from: where they are in the stream, and how many transitions they have. */
  #outstanding: { sequence: number; rows: number }[] = [];
  #outstandingRows = 0;
  #addedRows = 0;
  #sentRows = 0;
  /** Why the server did not take the last message, if it did not. */
  #refusal = "";
  #wake: (() => void) | undefined;
  #weights: Weights | undefined;
  #progress: Progress | undefined;
  #heard = performance.now();
  #isAlone = false;
  #isAsking = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #error: unknown;
  #held = 0;

  constructor(options: ActorLinkOptions) {
    this.#server = options.server;
    this.actor = options.actor;
    this.#options = options;
  }

  get address(): string {
    return this.#server.address;
  }

  /** How many transitions the server has acknowledged. */
  get sentRows(): number {
    return this.#sentRows;
  }

  /** How many the server has not acknowledged. */
  get unsentRows(): number {
    return this.#addedRows - this.#sentRows;
  }

  /** How many are on their way to the learner, or with it and not learned from. */
  get #outstandingAll(): number {
    return this.#outstandingRows + this.#rows.length;
  }

  /** Seconds that this actor was held back. */
  get heldSeconds(): number {
    return this.#held / 1000;
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** Whether `add` waits for a learner of which nothing was heard for some time. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /**
   * Waits for the learner's task, and follows its words from then on. `environment` is the actor's, or returns it by the
   * name of the learner's. Throws an InputError if it is not the learner's; `name` is what that error calls it.
   */
  async join(
    environment: Spaces | ((learners: string) => Spaces),
    name: string,
    isStopped: () => boolean,
  ): Promise<ActorTask | undefined> {
    const { channel, onLine } = this.#options;
    const subscription = this.#server.subscribe(learnerSubjects.all(channel));
    void this.#listen(subscription).catch((error: unknown) => {
      const expected = `the learner's words on channel ${channel} of ${this.address}`;
      this.#fail(new InputError({ where: this.#options.where, expected, got: messageOf(error) }));
    });
    for (let tries = 0; !isStopped(); tries++) {
      if (this.#error) throw this.#error;
      const text = await this.#last(learnerSubjects.task(channel));
      const progress = text && (await this.#last(learnerSubjects.progress(channel)));
      if (text) {
        const task = readTask(decode(text), environment, `channel ${channel} task`, name);
        const known = progress ? this.#readProgress(progress) : undefined;
        if (!known?.hasEnded || known.run !== task.run) {
          const { observationSize, actionLow } = task.spaces;
          this.#sizes = { observationSize, actionSize: actionLow.length };
          this.#expectRoom();
          this.#run = task.run;
          // What an earlier run said is not about this one. The stream has the weights of this one.
          this.#progress = undefined;
          this.#weights = undefined;
          if (known?.run === task.run) this.#follow(known);
          this.#asking = setInterval(() => void this.#ask(), silenceMs / 2);
          return task;
        }
      }
      if (tries === 2) onLine(`waiting for a learner on channel ${channel} of ${this.address}`);
      await delay(tries < 10 ? 200 : 1000);
    }
    return undefined;
  }

  /** How many bytes a frame may have. */
  get #room(): number {
    return this.#server.maxPayload - envelopeBytes;
  }

  #expectRoom(): void {
    const { observationSize, actionSize } = this.#sizes;
    const observation = new Float64Array(observationSize);
    const action = new Float32Array(actionSize);
    const none = { reward: 0, terminated: false, truncated: false };
    this.#fit([{ observation, action, nextObservation: observation, ...none }]);
  }

  /** How many of these rows fit in a message. Throws an InputError if the first one does not. */
  #fit(rows: readonly FrameRow[]): number {
    const count = fittingRows(rows, this.#sizes, this.#room);
    if (count > 0 || rows.length === 0) return count;
    throw new InputError({
      where: this.#options.where,
      expected: "a server whose messages have room for a transition",
      got: `max_payload ${this.#room + envelopeBytes}`,
      hint: "Set a larger max_payload in the server's configuration, up to 64MB.",
    });
  }

  /** Hears what the learner said last, in case that was missed: it says only once that its run is over. */
  async #ask(): Promise<void> {
    if (this.#isClosed || performance.now() - this.#heard < silenceMs) return;
    try {
      const last = await this.#last(learnerSubjects.progress(this.#options.channel));
      const progress = last && this.#readProgress(last);
      if (progress) await this.#hear(progress);
    } catch {
      // It is asked again.
    }
  }

  /** Follows the learner's word, unless it is that of a run which this one has replaced. */
  async #hear(progress: Progress): Promise<void> {
    if (this.#run === "" || progress.run === this.#run) {
      this.#follow(progress);
      return;
    }
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const text = await this.#last(learnerSubjects.task(this.#options.channel));
      const task: unknown = text && JSON.parse(decode(text));
      if ((task as { run?: unknown } | undefined)?.run === progress.run) this.#follow(progress);
    } finally {
      this.#isAsking = false;
    }
  }

  /** The first weights. The learner sends some before its first step. */
  async firstWeights(isStopped: () => boolean): Promise<Weights | undefined> {
    const { channel } = this.#options;
    while (!isStopped() && !this.#weights) {
      if (this.#error) throw this.#error;
      const first = await this.#last(learnerSubjects.weights(channel, 0));
      if (first) {
        // The joiner refuses a shorter one.
        const isLong = first.length >= 20;
        const parts = isLong ? new DataView(first.buffer, first.byteOffset).getUint32(16, true) : 1;
        const joiner = new WeightsJoiner();
        for (let part = 0; part < Math.min(parts, maxParts); part++) {
          const message = part === 0 ? first : await this.#last(learnerSubjects.weights(channel, part));
          const weights = message && this.#read("weights", () => joiner.add(message, "weights"));
          if (weights) this.#weights = weights;
        }
      }
      if (!this.#weights) await delay(200);
    }
    return this.takeWeights();
  }

  /** The last message of a subject, if there is one. */
  async #last(subject: string): Promise<Uint8Array | undefined> {
    const stream = streams.learner(this.#options.channel);
    try {
      return await this.#server.last(stream, subject);
    } catch (error) {
      const said = messageOf(error);
      if (isPassing(error) || /not found|no message/i.test(said)) return undefined;
      throw new InputError({ where: this.#options.where, expected: `stream ${stream} at ${this.address}`, got: said });
    }
  }

  async #listen(subscription: AsyncIterable<{ subject: string; data: Uint8Array }>): Promise<void> {
    const { channel } = this.#options;
    for await (const { subject, data } of subscription) {
      this.#heard = performance.now();
      if (this.#isAlone) {
        this.#isAlone = false;
        this.#options.onLine("the learner is back");
      }
      if (subject === learnerSubjects.progress(channel)) {
        const progress = this.#readProgress(data);
        if (progress) await this.#hear(progress).catch(() => {});
      } else if (subject.startsWith(learnerSubjects.weights(channel, ""))) {
        const weights = this.#read("weights", () => this.#joiner.add(data, "weights"));
        if (weights) this.#weights = weights;
      }
    }
  }

  #readProgress(data: Uint8Array): Progress | undefined {
    return this.#read("progress", () => readProgress(decode(data), "progress"));
  }

  /** What a message says; undefined, with a line, if it is damaged. */
  #read<T>(what: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#options.onLine(`channel ${this.#options.channel} ${what}: ${error.message} It is ignored.`);
      return undefined;
    }
  }

  #follow(progress: Progress): void {
    if (this.#run === "") return;
    if (progress.run !== this.#run) {
      const got = "another";
      const hint = "Start the actor again to act for that one.";
      this.#fail(
        new InputError({ where: `channel ${this.#options.channel}`, expected: "the run it acts for", got, hint }),
      );
      return;
    }
    this.#progress = progress;
    while (this.#outstanding.length > 0 && this.#outstanding[0].sequence <= progress.sequence) {
      this.#outstandingRows -= this.#outstanding[0].rows;
      this.#outstanding.shift();
    }
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Weights that came since the last call, if any. */
  takeWeights(): Weights | undefined {
    const weights = this.#weights;
    this.#weights = undefined;
    return weights;
  }

  /** Whether the learner's run is over. */
  get hasEnded(): boolean {
    return this.#progress?.hasEnded === true;
  }

  /**
   * Takes a transition, which weights of this version acted. Returns a promise while the window is full. Throws if the run
   * is another one now.
   */
  add(row: FrameRow, version: number): Promise<void> | undefined {
    if (this.#error) throw this.#error;
    if (this.#rows.length === 0) this.#oldest = performance.now();
    this.#version = version;
    this.#rows.push(row);
    this.#addedRows++;
    const isFull = this.#rows.length >= this.#options.batch;
    if (isFull) this.#flush();
    else this.#flushLater();
    // Whole messages wait in the process only as long as one is on its way.
    const isOver = (): boolean => this.#outstandingAll >= this.#options.window || this.#rows.length >= maxRows;
    return isOver() ? this.#hold(isOver) : undefined;
  }

  async #hold(isOver: () => boolean): Promise<void> {
    const { onLine, window, channel } = this.#options;
    const from = performance.now();
    this.#flush();
    let hasSaid = false;
    while (isOver() && this.#closing === undefined && !this.hasEnded) {
      if (this.#error) throw this.#error;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(woken, 250);
      const now = performance.now();
      if (!hasSaid && !this.#isAlone && now - from > quietMs && now - this.#heard <= silenceMs) {
        hasSaid = true;
        onLine(
          `held back: the learner has not learned from ${this.#outstandingAll} transitions, and the window is ${window}`,
        );
      }
      if (!this.#isAlone && now - this.#heard > silenceMs) {
        this.#isAlone = true;
        onLine(`waiting for the learner on channel ${channel} of ${this.address}; it continues with what was sent`);
      }
    }
    this.#wake = undefined;
    this.#held += performance.now() - from;
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, batchMs);
  }

  /** Sends what is there. While something is on its way, what comes meanwhile follows it. */
  #flush(): void {
    if (this.#isSending || this.#rows.length === 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isSending = true;
    this.#sending = this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    const { batch } = this.#options;
    try {
      // One message at a time: a later one must not reach the stream before an earlier one that has to be sent again.
      while (this.#rows.length > 0 && !this.#isClosed) {
        const isYoung = performance.now() - this.#oldest < batchMs;
        if (this.#rows.length < batch && isYoung && this.#outstandingAll < this.#options.window) {
          this.#flushLater();
          return;
        }
        const rows = this.#rows.splice(0, this.#fit(this.#rows));
        this.#oldest = performance.now();
        this.#outstandingRows += rows.length;
        const sequence = await this.#publish("rows", rows);
        if (sequence === undefined) return;
        this.#sentRows += rows.length;
        this.#outstanding.push({ sequence, rows: rows.length });
        if (this.#progress) this.#follow(this.#progress);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      // Not after a turn: rows that came in between would wait for the next ones.
      this.#isSending = false;
    }
  }

  /** Publishes a frame until it is acknowledged. Returns its place in the stream. */
  async #publish(kind: "rows" | "bye", rows: readonly FrameRow[], tries = Infinity): Promise<number | undefined> {
    const { channel } = this.#options;
    const batch = ++this.#batch;
    const frame = encodeFrame({ kind, actor: this.actor, batch, version: this.#version, rows }, this.#sizes);
    const subject = transitionsSubject(channel, this.#run, this.actor);
    this.#refusal = "";
    const late = setTimeout(() => {
      // After closing, nothing is sent again; and a farewell has no transitions.
      if (this.#isClosed || rows.length === 0) return;
      this.#options.onLine(`${this.address}: transitions are not acknowledged${this.#reason}; they are sent again`);
    }, quietMs);
    try {
      for (let i = 0; i < tries && !this.#isClosed; i++) {
        try {
          return await this.#server.publish(subject, frame, { id: `${this.actor}-${batch}`, timeout: ackMs });
        } catch (error) {
          this.#refusal = messageOf(error);
          if (this.#isClosed || this.hasEnded) return undefined;
          const isFull = /insufficient|maximum (messages|bytes)|resources/i.test(this.#refusal);
          if (!isPassing(error) && !isFull) {
            this.#fail(inWords(this.#server.address, error));
            return undefined;
          }
          await delay(250);
        }
      }
      return undefined;
    } finally {
      clearTimeout(late);
    }
  }

  get #reason(): string {
    return this.#refusal === "" ? "" : ` (${this.#refusal})`;
  }

  /**
   * Sends what is left and says goodbye, so that the learner ends the open episode. Gives up after a few seconds, and then
   * says what the server did not take.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    this.#wake?.();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#asking);
    const farewell = async (): Promise<void> => {
      await this.#sending;
      while (this.#rows.length > 0 && !this.hasEnded) {
        const rows = this.#rows.splice(0, this.#fit(this.#rows));
        if ((await this.#publish("rows", rows, 20)) === undefined) return;
        this.#sentRows += rows.length;
      }
      if (this.#batch > 0 && !this.hasEnded) await this.#publish("bye", [], 20);
    };
    if (this.#run !== "" && !this.#error)
      await within(
        farewell().catch(() => {}),
        4000,
      );
    this.#isClosed = true;
    const { unsentRows } = this;
    // A run that is over needs no more of them.
    if (unsentRows > 0 && !this.hasEnded)
      this.#options.onLine(
        `${this.address} did not acknowledge the last ${unsentRows === 1 ? "transition" : `${unsentRows} transitions`}${this.#reason}`,
      );
    await this.#server.close();
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Waits for a promise, at most for some time in ms. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: unknown;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
