// The runs of an overview that a NATS server has: the jobs of its sweeps, with the states that their workers write.
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { InputError, messageOf } from "../../base/expect.ts";
import { asInputErrors, connect, type Server, type ServerOptions } from "../../node/nats/connect.ts";
import type { CurvePoint, OverviewRow } from "../../training/runs-overview.ts";
import { cellName } from "../sweep/matrix.ts";
import { expectSweepName } from "../sweep/nats/job-message.ts";
import type { JobState } from "../sweep/nats/job-state.ts";
import { wantedSweeps } from "../sweep/nats/server-status.ts";
import { SweepStore } from "../sweep/nats/store.ts";
import { runsOf, type SweepRecord } from "../sweep/record.ts";
import { countsText } from "../sweep/status.ts";
import { cut, maxRuns, type OverviewRun, type RunsSource } from "./overview.ts";

/** How often the server is asked for new sweeps, and for runs that a command added, in ms. */
const recordsMs = 5000;

/** Time in which changes are collected, in ms: many workers may write at the same time. */
const collectMs = 250;

/** Time until states are asked for again after an error, in ms. */
const retryMs = 2000;

/** A sweep that is followed. */
interface Followed {
  record: SweepRecord;
  readonly states: Map<string, JobState>;
  /** Why the newest state of a run cannot be read, by the run's id. */
  readonly unreadable: Map<string, string>;
  readonly over: AbortController;
}

export class NatsRuns implements RunsSource {
  readonly place: string;
  readonly opening =
    "One run alone, with its body and its networks, needs its files. The command that started the sweep brings those of " +
    "finished runs into the sweep's directory, and ddpg watch shows them there.";
  runs: ReadonlyMap<string, OverviewRun> = new Map();
  readonly #server: Server;
  readonly #store: SweepStore;
  /** The only sweep that is shown. All are if it is undefined. */
  readonly #name: string | undefined;
  readonly #followed = new Map<string, Followed>();
  readonly #over = new AbortController();
  /** The problems with the list of sweeps, and with following each of them, by its name. */
  readonly #problems = new Map<string, string>();
  /** The problems with records, as they were read last. */
  #recordProblems: readonly InputError[] = [];
  #connection = "";
  #changed: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(server: Server, store: SweepStore, name: string | undefined) {
    this.#server = server;
    this.#store = store;
    this.#name = name;
    this.place = name === undefined ? server.address : `${name} at ${server.address}`;
  }

  /** Throws an InputError if there is no such server, or it has no sweep of this name. */
  static async connect(
    options: ServerOptions,
    name: string | undefined,
    print: (line: string) => void,
  ): Promise<NatsRuns> {
    if (name !== undefined) expectSweepName(name, "--sweep");
    let made: NatsRuns | undefined;
    const onLine = (line: string, isLost: boolean): void => {
      print(`ddpg: ${line}`);
      made?.setConnection(line, isLost);
    };
    const server = await connect(options, { name: "ddpg watch", where: "--server", onLine });
    try {
      made = await asInputErrors(server, async () => {
        const runs = new NatsRuns(server, await SweepStore.open(server), name);
        await runs.#readRecords(await wantedSweeps(runs.#store, name));
        const [error] = runs.#recordProblems;
        // Then there is nothing else to show.
        if (error && name !== undefined) throw error;
        return runs;
      });
    } catch (error) {
      await server.close();
      throw error;
    }
    void made.#followRecords();
    return made;
  }

  get problem(): string {
    const all = [...this.#followed.values()].reduce((sum, { record }) => sum + runsOf("", record).length, 0);
    const tooMany = all > maxRuns ? `Only the first ${maxRuns} of ${all} runs are shown: --sweep names one sweep.` : "";
    const problems = [...this.#problems.values(), ...this.#recordProblems.map(messageOf)];
    return cut([this.#connection, ...problems, tooMany].filter(Boolean).join(" "));
  }

  /** Its files are on other machines. */
  directoryOf(): undefined {
    return undefined;
  }

  start(changed: () => void): void {
    this.#changed = changed;
  }

  stop(): void {
    this.#changed = undefined;
  }

  /** "3 complete, 9 waiting". */
  counts(): string {
    return countsText([...this.runs.values()].map(({ row }) => row)) || this.problem || "none yet";
  }

  async close(): Promise<void> {
    this.#over.abort();
    clearTimeout(this.#timer);
    for (const { over } of this.#followed.values()) over.abort();
    await this.#server.close();
  }

  /** What the connection says of itself. */
  setConnection(line: string, isLost: boolean): void {
    this.#connection = isLost ? `${line}.` : "";
    this.#collect();
  }

  async #followRecords(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await delay(recordsMs, undefined, { signal: this.#over.signal }).catch(() => {});
      if (this.#over.signal.aborted) return;
      await this.#trying("", async () => {
        const all = await this.#store.sweeps();
        await this.#readRecords(all.filter((each) => this.#name === undefined || each === this.#name));
      });
    }
  }

  /** Reads the records of these sweeps, and follows those that are new. Others are gone. */
  async #readRecords(names: readonly string[]): Promise<void> {
    for (const [name, { over }] of this.#followed) {
      if (names.includes(name)) continue;
      over.abort();
      this.#followed.delete(name);
      this.#problems.delete(name);
    }
    const problems: InputError[] = [];
    for (const name of names) {
      try {
        await this.#readRecord(name);
      } catch (error) {
        // The others are shown all the same.
        if (!(error instanceof InputError)) throw error;
        problems.push(error);
      }
    }
    this.#recordProblems = problems;
    this.#update();
  }

  async #readRecord(name: string): Promise<void> {
    const record = await this.#store.record(name);
    if (!record) return;
    const known = this.#followed.get(name);
    if (known) {
      known.record = record;
      return;
    }
    const ids = runsOf("", record).map(({ id }) => id);
    const unreadable = new Map<string, string>();
    const states = await this.#store.states(name, ids, (id, error) => unreadable.set(id, error.message));
    const followed: Followed = { record, states, unreadable, over: new AbortController() };
    this.#followed.set(name, followed);
    void this.#followStates(name, followed);
  }

  async #followStates(name: string, { states, unreadable, over }: Followed): Promise<void> {
    while (!over.signal.aborted) {
      await this.#trying(name, async () => {
        const onUnreadable = (id: string, error: InputError): void => {
          unreadable.set(id, error.message);
          this.#collect();
        };
        for await (const { id, state } of this.#store.changes(name, () => true, over.signal, onUnreadable)) {
          states.set(id, state);
          unreadable.delete(id);
          this.#problems.delete(name);
          this.#collect();
        }
      });
      await delay(retryMs, undefined, { signal: over.signal }).catch(() => {});
    }
  }

  /** Whatever goes wrong is shown, and tried again. */
  async #trying(name: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.#problems.delete(name);
    } catch (error) {
      if (!this.#over.signal.aborted) this.#problems.set(name, messageOf(error));
    }
    this.#collect();
  }

  #collect(): void {
    if (this.#over.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#update();
    }, collectMs);
  }

  #update(): void {
    const before = this.runs;
    const runs = new Map<string, OverviewRun>();
    let groups = 0;
    for (const [sweep, { record, states, unreadable }] of this.#followed) {
      const indices = new Map(record.cells.map(({ id }, i) => [id, groups + i]));
      groups += record.cells.length;
      for (const { id: job, cell, seed } of runsOf("", record)) {
        if (runs.size === maxRuns) break;
        const id = createHash("sha256").update(`${sweep}/${job}`).digest("hex").slice(0, 16);
        const name = this.#name === undefined ? `${sweep}/${job}` : job;
        const { points, reason, ...state } = shown(states.get(job));
        const why = cut([reason, unreadable.get(job)].filter(Boolean).join(" "));
        const row: OverviewRow = {
          ...{ ...state, reason: why, id, name, seed, environment: cut(record.environment), steps: record.steps },
          canOpen: false,
          ...{ group: cut(cellName(cell.settings)), groupIndex: indices.get(cell.id) ?? 0 },
        };
        const last = before.get(id);
        const isSame = JSON.stringify(last?.row) === JSON.stringify(row);
        const isSameCurve = JSON.stringify(last?.points) === JSON.stringify(points);
        const next = { row: last && isSame ? last.row : row, points: last && isSameCurve ? last.points : points };
        runs.set(id, last && isSame && isSameCurve ? last : next);
      }
    }
    this.runs = runs;
    this.#changed?.();
  }
}

/** What the state of a job says of its run. */
function shown(state: JobState | undefined): Pick<
  OverviewRow,
  "state" | "reason" | "step" | "last" | "best" | "final" | "seconds" | "worker"
> & {
  readonly points: readonly CurvePoint[];
} {
  const { phase = "waiting", error, step = 0, evaluations, outcome, worker } = state ?? {};
  const { points = [], best = null, seconds = null, last = points.at(-1)?.[1] ?? null } = evaluations ?? {};
  return {
    ...{ state: phase, reason: error ?? "", step, last, best, seconds, points },
    final: phase === "complete" ? (outcome?.meanReturn ?? null) : null,
    ...(phase === "running" && worker !== undefined && { worker }),
  };
}
