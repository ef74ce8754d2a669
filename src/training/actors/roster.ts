import { expect, isList } from "../../base/expect.ts";

/** The most actors that have a body at the same time. */
const maxActors = 16_384;

/** How many actors that are gone are remembered, so that a frame of theirs that comes twice is dropped. */
const maxGone = 1024;

/** What the roster stores of an actor: its id, its body, its last frame, and where in the stream that was. */
type Entry = readonly [actor: string, body: number, batch: number, sequence: number];

export interface RosterState {
  actors: Entry[];
  gone: (readonly [actor: string, batch: number])[];
}

/** What a frame means for the bodies. Nothing of it has happened before `apply`. */
export interface Admission {
  readonly isDuplicate: boolean;
  /** How many frames of the actor are missing before this one. */
  readonly missing: number;
  /** The bodies whose episodes end before the frame. */
  readonly cuts: readonly number[];
  /** The body of the frame's rows. */
  readonly body: number;
  apply(): void;
}

/**
 * Assigns a body to each actor, by the order of the stream alone: a new one gets the lowest that is free. If all are taken,
 * the actor whose last frame is the oldest loses its body. A restarted actor has another id and so is a new one.
 */
export class Roster {
  readonly #slots: number;
  readonly #actors = new Map<string, { body: number; batch: number; sequence: number }>();
  readonly #taken = new Set<number>();
  readonly #gone = new Map<string, number>();
  #lowest = 0;

  constructor(slots = maxActors) {
    this.#slots = slots;
  }

  /** The number of actors that have a body. */
  get size(): number {
    return this.#actors.size;
  }

  bodyOf(actor: string): number | undefined {
    return this.#actors.get(actor)?.body;
  }

  /** What frame `batch` of an actor means, at this place of the stream. */
  consider(actor: string, batch: number, isBye: boolean, sequence: number): Admission {
    const known = this.#actors.get(actor);
    const last = known?.batch ?? this.#gone.get(actor) ?? 0;
    if (batch <= last || (isBye && !known))
      return { isDuplicate: true, missing: 0, cuts: [], body: known?.body ?? 0, apply: () => {} };
    const missing = batch - last - 1;
    if (known) {
      const { body } = known;
      const apply = (): void => {
        if (isBye) this.#remove(actor, batch);
        else Object.assign(known, { batch, sequence });
      };
      return { isDuplicate: false, missing, cuts: isBye || missing > 0 ? [body] : [], body, apply };
    }
    const oldest = this.#actors.size >= this.#slots ? this.#oldest() : undefined;
    const body = oldest?.body ?? this.#lowest;
    const apply = (): void => {
      if (oldest) this.#remove(oldest.actor, oldest.batch);
      this.#gone.delete(actor);
      this.#add(actor, { body, batch, sequence });
    };
    return { isDuplicate: false, missing, cuts: oldest ? [body] : [], body, apply };
  }

  #oldest(): { actor: string; body: number; batch: number } {
    let found = { actor: "", body: 0, batch: 0, sequence: Number.POSITIVE_INFINITY };
    for (const [actor, entry] of this.#actors) if (entry.sequence < found.sequence) found = { actor, ...entry };
    return found;
  }

  #add(actor: string, entry: { body: number; batch: number; sequence: number }): void {
    this.#actors.set(actor, entry);
    this.#taken.add(entry.body);
    while (this.#taken.has(this.#lowest)) this.#lowest++;
  }

  #remove(actor: string, batch: number): void {
    const body = this.#actors.get(actor)?.body ?? 0;
    this.#actors.delete(actor);
    this.#taken.delete(body);
    this.#lowest = Math.min(this.#lowest, body);
    this.#gone.set(actor, batch);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= maxGone) break;
      this.#gone.delete(oldest);
    }
  }

  save(): RosterState {
    return {
      actors: [...this.#actors].map(([actor, { body, batch, sequence }]) => [actor, body, batch, sequence]),
      gone: [...this.#gone],
    };
  }

  restore({ actors, gone }: RosterState): void {
    this.#actors.clear();
    this.#taken.clear();
    this.#gone.clear();
    this.#lowest = 0;
    for (const [actor, body, batch, sequence] of actors) this.#add(actor, { body, batch, sequence });
    for (const [actor, batch] of gone) this.#gone.set(actor, batch);
  }
}

/** Reads what `Roster.save` returned, from a file. Throws an InputError that begins with `where` for anything else. */
export function readRoster(value: { actors?: unknown; gone?: unknown }, where: string): RosterState {
  const { actors, gone } = value;
  const isEntry = (entry: unknown, length: number): entry is readonly [string, ...number[]] =>
    isList(entry) &&
    entry.length === length &&
    isActor(entry[0]) &&
    Array.from(entry)
      .slice(1)
      .every((count) => Number.isSafeInteger(count) && Number(count) >= 0);
  const areActors =
    Array.isArray(actors) &&
    actors.every((entry) => isEntry(entry, 4) && Number(entry[1]) < maxActors) &&
    new Set(actors.map(([actor]) => actor)).size === actors.length &&
    new Set(actors.map(([, body]) => body)).size === actors.length;
  expect(areActors, `${where} actors`, "a list of actors with different bodies", actors);
  const areGone = Array.isArray(gone) && gone.length <= maxGone && gone.every((entry) => isEntry(entry, 2));
  expect(areGone, `${where} gone`, "a list of actors", gone);
  return { actors: actors as Entry[], gone: gone as RosterState["gone"] };
}

/** Whether a value is the id of an actor or a run: 32 hexadecimal digits. */
export function isActor(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}
