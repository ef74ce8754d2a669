// The runs that the server of `ddpg watch` sends: rows and curves, and what changes.
import { messageOf } from "../src/base/expect.ts";
import type { CurvePoint, OverviewEvent, OverviewRow } from "../src/training/runs-overview.ts";

/** The time between two attempts to connect, where the browser does not retry by itself, in ms. */
const retryMs = 1000;

type Data<Name extends OverviewEvent["name"]> = Extract<OverviewEvent, { name: Name }>["data"];

export class OverviewSource {
  readonly rows = new Map<string, OverviewRow>();
  readonly curves = new Map<string, readonly CurvePoint[]>();
  place = "";
  /** How to see a run that the page cannot open. */
  opening = "";
  problem = "";
  isConnected = true;
  readonly #address: string;
  readonly #listeners: (() => void)[] = [];
  #events: EventSource | undefined;

  constructor(address: string) {
    this.#address = address;
    this.#connect();
    // Browsers limit the connections to a host, and a hidden page needs none. Reconnecting sends everything again.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#events?.close();
      else this.#connect();
    });
  }

  /** Calls the listener now and after every change. */
  subscribe(listener: () => void): void {
    this.#listeners.push(listener);
    listener();
  }

  #connect(): void {
    this.#events?.close();
    const events = new EventSource(this.#address);
    this.#events = events;
    const on = <Name extends OverviewEvent["name"]>(name: Name, take: (data: Data<Name>) => void): void =>
      events.addEventListener(name, ({ data }: MessageEvent<string>) => {
        try {
          take(JSON.parse(data));
        } catch (error) {
          this.problem = messageOf(error);
        }
        this.#tell();
      });
    on("begin", ({ place, opening }) => {
      this.rows.clear();
      this.curves.clear();
      Object.assign(this, { place, opening, problem: "" });
    });
    on("runs", ({ rows, curves, removed }) => {
      for (const id of removed) {
        this.rows.delete(id);
        this.curves.delete(id);
      }
      for (const row of rows) this.rows.set(row.id, row);
      for (const { id, from, points } of curves)
        this.curves.set(id, [...(this.curves.get(id) ?? []).slice(0, from), ...points]);
    });
    on("problem", (problem) => {
      this.problem = problem;
    });
    events.onopen = () => this.#setConnected(true);
    events.onerror = () => {
      this.#setConnected(false);
      if (events.readyState === EventSource.CLOSED)
        setTimeout(() => events === this.#events && this.#connect(), retryMs);
    };
  }

  #setConnected(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
