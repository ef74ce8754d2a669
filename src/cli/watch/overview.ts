// Sends the rows and curves of several runs to viewers: to each what changed since it was sent last.
import type { CurveChange, CurvePoint, OverviewEvent, OverviewRow } from "../../training/runs-overview.ts";

/** A run of an overview. Both parts are replaced when they change, and the same objects otherwise. */
export interface OverviewRun {
  readonly row: OverviewRow;
  readonly points: readonly CurvePoint[];
}

/** Where the runs of an overview come from. */
export interface RunsSource {
  /** Where they are, as a person reads it. */
  readonly place: string;
  /** How to see a run that the page cannot open; "" if it can open all. */
  readonly opening: string;
  /** By id. */
  readonly runs: ReadonlyMap<string, OverviewRun>;
  /** What is wrong, or "". */
  readonly problem: string;
  /** The directory of a run that can be opened. */
  directoryOf(id: string): string | undefined;
  /** Follows the runs and calls `changed` after changes, until `stop`. The first runs are there when it returns. */
  start(changed: () => void): void;
  stop(): void;
}

/** Runs that are followed. More are probably not meant. */
export const maxRuns = 2000;

/** Letters of a text of a file that are sent. */
const maxLetters = 500;

/** A text of a file, cut to a length that a row can show. */
export function cut(text: string): string {
  return text.length > maxLetters ? `${text.slice(0, maxLetters)}…` : text;
}

/** Rows of a message, and the points of curves in it, about. A viewer with a full buffer gets no further message. */
const maxRows = 50;
const maxPoints = 5000;

interface Viewer {
  /** Returns whether there is room for more. */
  send(event: OverviewEvent): boolean;
  isFull: boolean;
  hasBegun: boolean;
  readonly sent: Map<string, OverviewRun>;
  problem: string;
}

export class Overview {
  readonly #source: RunsSource;
  readonly #viewers = new Set<Viewer>();

  constructor(source: RunsSource) {
    this.#source = source;
  }

  /** Sends all runs, then changes. After `send` returns false, the rest waits for `resume`. */
  follow(send: (event: OverviewEvent) => boolean): { resume(): void; stop(): void } {
    const viewer: Viewer = { send, isFull: false, hasBegun: false, sent: new Map(), problem: "" };
    if (this.#viewers.size === 0) {
      this.#source.start(() => {
        for (const each of this.#viewers) this.#bring(each);
      });
    }
    this.#viewers.add(viewer);
    this.#bring(viewer);
    return {
      resume: () => {
        viewer.isFull = false;
        this.#bring(viewer);
      },
      stop: () => {
        if (this.#viewers.delete(viewer) && this.#viewers.size === 0) this.#source.stop();
      },
    };
  }

  /** Sends what a viewer has not received yet. */
  #bring(viewer: Viewer): void {
    const { place, opening, runs, problem } = this.#source;
    const send = (event: OverviewEvent): void => {
      viewer.isFull = !viewer.send(event);
    };
    if (viewer.isFull) return;
    if (!viewer.hasBegun) {
      viewer.hasBegun = true;
      send({ name: "begin", data: { place, opening } });
    }
    const { sent } = viewer;
    const removed = [...sent.keys()].filter((id) => !runs.has(id));
    for (const id of removed) sent.delete(id);
    let rows: OverviewRow[] = [];
    let curves: CurveChange[] = [];
    let points = 0;
    const flush = (): void => {
      send({ name: "runs", data: { rows, curves, removed: removed.splice(0) } });
      [rows, curves, points] = [[], [], 0];
    };
    for (const [id, run] of runs) {
      if (viewer.isFull) break;
      const before = sent.get(id);
      if (before === run) continue;
      if (before?.row !== run.row) rows.push(run.row);
      const curve = before?.points === run.points ? undefined : curveChange(id, before?.points ?? [], run.points);
      if (curve) curves.push(curve);
      points += curve?.points.length ?? 0;
      sent.set(id, run);
      if (rows.length >= maxRows || points >= maxPoints) flush();
    }
    if (rows.length + curves.length + removed.length > 0) flush();
    if (viewer.isFull || viewer.problem === problem) return;
    viewer.problem = problem;
    send({ name: "problem", data: problem });
  }
}

/** What to send of a curve. Undefined if nothing differs. */
function curveChange(id: string, before: readonly CurvePoint[], now: readonly CurvePoint[]): CurveChange | undefined {
  const differing = now.findIndex(([step, value], i) => step !== before[i]?.[0] || value !== before[i]?.[1]);
  const from = differing < 0 ? now.length : differing;
  if (from === now.length && before.length === now.length) return undefined;
  return { id, from, points: now.slice(from) };
}
