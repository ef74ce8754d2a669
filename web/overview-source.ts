// The runs that the server of `ddpg watch` sends: rows and curves, and what changes.
import { messageOf } from "../src/base/expect.ts";
import type { CurvePoint, OverviewEvent, OverviewRow } from "../src/training/runs-overview.ts";
import { followEvents } from "./server-events.ts";

export class OverviewSource {
  readonly rows = new Map<string, OverviewRow>();
  readonly curves = new Map<string, readonly CurvePoint[]>();
  place = "";
  /** How to see a run that the page cannot open. */
  opening = "";
  problem = "";
  isConnected = true;
  readonly #listeners: (() => void)[] = [];

  constructor(address: string) {
    followEvents<OverviewEvent>(
      address,
      {
        begin: ({ place, opening }) => {
          this.rows.clear();
          this.curves.clear();
          Object.assign(this, { place, opening, problem: "" });
        },
        runs: ({ rows, curves, removed }) => {
          for (const id of removed) {
            this.rows.delete(id);
            this.curves.delete(id);
          }
          for (const row of rows) this.rows.set(row.id, row);
          for (const { id, from, points } of curves)
            this.curves.set(id, [...(this.curves.get(id) ?? []).slice(0, from), ...points]);
        },
        problem: (problem) => {
          this.problem = problem;
        },
      },
      (action) => this.#attempt(action),
      (isConnected) => {
        this.isConnected = isConnected;
        this.#tell();
      },
    );
  }

  /** Calls the listener now and after every change. */
  subscribe(listener: () => void): void {
    this.#listeners.push(listener);
    listener();
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
