import { expect, expectObject, expectWhole, InputError } from "../../base/expect.ts";
import type { ReceivedCut, ReceivedStep, TransitionSource } from "../../ddpg/learn-from.ts";
import type { Units } from "../../ddpg/units.ts";
import { type DecodedFrame, decodeFrame, type ReusedRow } from "./frame.ts";
import { Roster, type RosterState, readRoster } from "./roster.ts";

/** A message of the stream. Sequence numbers grow; some may be missing. */
export interface StreamMessage {
  readonly sequence: number;
  /** The actor that the server let send it, if it says so. */
  readonly actor?: string | undefined;
  readonly data: Uint8Array;
}

/** The stream: messages in their order, always the same ones. */
export interface MessageStream {
  next(): StreamMessage | Promise<StreamMessage>;
}

/** Where a learner is in the stream. A checkpoint holds it. */
export interface StreamState extends RosterState {
  /** The last message of which everything is taken. */
  sequence: number;
  /** How many rows of the message after it are taken. */
  row: number;
  /** How many messages came twice, and how many were set aside. */
  duplicates: number;
  rejected: number;
}

type Received = ReceivedStep | ReceivedCut;

/**
 * Turns the messages of a stream into transitions. What comes of a message depends on the messages before it and on nothing
 * else, so a learner that continues from a saved state has the same transitions.
 */
export class StreamSource implements TransitionSource {
  readonly #messages: MessageStream;
  readonly #units: Units;
  readonly #onRejected: (line: string, message: StreamMessage) => void;
  readonly #roster: Roster;
  /** The last step; reused by the next one. */
  readonly #step: ReusedRow & { readonly type: "step"; body: number };
  #sequence = 0;
  #row = 0;
  #duplicates = 0;
  #rejected = 0;
  #current: { sequence: number; frame: DecodedFrame; body: number; apply: () => void } | undefined;
  /** The bodies to cut before the rows of the current message. */
  #cuts: readonly number[] = [];
  /** The version of the weights that the last transition was acted by. */
  #version = 0;

  constructor(
    messages: MessageStream,
    units: Units,
    options: {
      saved?: StreamState | undefined;
      /** Gets a line about a message that is not taken, or that shows that others are missing. */
      onRejected?: (line: string, message: StreamMessage) => void;
      slots?: number;
    } = {},
  ) {
    const { saved, onRejected = () => {}, slots } = options;
    this.#messages = messages;
    this.#units = units;
    this.#onRejected = onRejected;
    this.#roster = new Roster(slots);
    const { observationSize, actionSize } = units;
    this.#step = {
      ...{ type: "step", body: 0, reward: 0, terminated: false, truncated: false, info: undefined },
      observation: new Float64Array(observationSize),
      action: new Float32Array(actionSize),
      nextObservation: new Float64Array(observationSize),
    };
    if (!saved) return;
    this.#sequence = saved.sequence;
    this.#row = saved.row;
    this.#duplicates = saved.duplicates;
    this.#rejected = saved.rejected;
    this.#roster.restore(saved);
  }

  /** The last message of which everything is taken. */
  get sequence(): number {
    return this.#sequence;
  }

  get version(): number {
    return this.#version;
  }

  /** The number of actors that have a body. */
  get actors(): number {
    return this.#roster.size;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  get rejected(): number {
    return this.#rejected;
  }

  next(): Received | Promise<Received> {
    for (;;) {
      const item = this.#item();
      if (item) return item;
      const message = this.#messages.next();
      if ("then" in message) return this.#later(message);
      this.#begin(message);
    }
  }

  async #later(waiting: Promise<StreamMessage>): Promise<Received> {
    // No call of `next`: thousands of messages without a transition would make a chain of as many promises.
    for (let message = await waiting; ; message = await this.#messages.next()) {
      this.#begin(message);
      const item = this.#item();
      if (item) return item;
    }
  }

  /** The next item of the current message, if there is any. */
  #item(): Received | undefined {
    const current = this.#current;
    if (!current) return undefined;
    if (this.#cuts.length > 0) return { type: "cut", body: this.#cuts[0] };
    const step = this.#step;
    step.body = current.body;
    current.frame.read(this.#row, step);
    return step;
  }

  /** Takes a message up. Afterwards there is a current one, or the message has nothing to take. */
  #begin(message: StreamMessage): void {
    const { sequence } = message;
    if (sequence <= this.#sequence) return; // an old one again
    // A message that was begun when the state was saved is no longer a message of the future.
    const isBegun = this.#row > 0;
    const where = `message ${sequence}`;
    let frame: DecodedFrame;
    try {
      frame = decodeFrame(message.data, this.#units, where);
      const { actor = frame.actor } = message;
      expect(actor === frame.actor, `${where} actor`, `${actor}, as its subject says`, frame.actor);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#rejected++;
      this.#finish(sequence);
      this.#onRejected(`${error.message} It is set aside.`, message);
      return;
    }
    const { actor, batch, kind } = frame;
    this.#version = frame.version;
    if (isBegun) {
      const body = this.#roster.bodyOf(actor);
      expect(body !== undefined && this.#row < frame.length, where, "the rest of a message", "another one", gone);
      this.#current = { sequence, frame, body, apply: () => {} };
      return;
    }
    const { isDuplicate, missing, cuts, body, apply } = this.#roster.consider(actor, batch, kind === "bye", sequence);
    if (isDuplicate) {
      this.#duplicates++;
      this.#finish(sequence);
      return;
    }
    if (missing > 0) {
      const got = `${batch}, without the ${missing} before it`;
      const shown = actor.slice(0, 8);
      const error = new InputError({ where: `${where} batch of actor ${shown}`, expected: "the next one", got });
      const isNew = cuts.length === 0;
      this.#onRejected(isNew ? error.message : `${error.message} The episode in progress is cut.`, message);
    }
    if (cuts.length === 0 && frame.length === 0) {
      apply();
      this.#finish(sequence);
      return;
    }
    this.#cuts = cuts;
    this.#current = { sequence, frame, body, apply };
  }

  taken(): void {
    const current = this.#current;
    if (!current) return;
    const { frame, sequence } = current;
    const isCut = this.#cuts.length > 0;
    if (isCut) this.#cuts = this.#cuts.slice(1);
    else if (this.#row++ === 0) current.apply();
    if (this.#cuts.length > 0 || this.#row < frame.length) return;
    if (frame.length === 0) current.apply();
    this.#finish(sequence);
  }

  #finish(sequence: number): void {
    this.#sequence = sequence;
    this.#row = 0;
    this.#current = undefined;
  }

  save(): StreamState {
    return {
      ...{ sequence: this.#sequence, row: this.#row, duplicates: this.#duplicates, rejected: this.#rejected },
      ...this.#roster.save(),
    };
  }
}

const gone = "The stream is not that of the checkpoint. Use the server and the channel of the run.";

/** Reads what `StreamSource.save` returned, from a file. Throws an InputError that begins with `where` for anything else. */
export function readStreamState(value: unknown, where: string): StreamState {
  expectObject(value, where, "an object");
  const { sequence, row, duplicates, rejected }: Partial<StreamState> = value;
  expectWhole(sequence, `${where} sequence`);
  expectWhole(row, `${where} row`);
  expectWhole(duplicates, `${where} duplicates`);
  expectWhole(rejected, `${where} rejected`);
  return { sequence, row, duplicates, rejected, ...readRoster(value, where) };
}
