// What a page that shows several runs is sent: a row and a learning curve for each.

/** A waiting run has not begun, or starts over. A stopped one can be resumed. */
export type OverviewState = "waiting" | "running" | "complete" | "failed" | "stopped";

/** An evaluation during training: its step and its mean return. */
export type CurvePoint = readonly [step: number, meanReturn: number];

/** A run, without its learning curve. */
export interface OverviewRow {
  /** 16 hexadecimal digits. They stay the same when the server is started again. */
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  /** What runs of equal settings have in common and others have not, such as "batchSize 64". */
  readonly group: string;
  /** The place of the group among all groups. Groups of one environment are neighbors. */
  readonly groupIndex: number;
  /** Null if it is not known yet. */
  readonly seed: number | null;
  readonly state: OverviewState;
  /** Why it failed, or what is wrong with its files; "" if nothing is. */
  readonly reason: string;
  readonly step: number;
  readonly steps: number;
  /** The mean return of the newest evaluation during training. */
  readonly last: number | null;
  /** The largest one of these. */
  readonly best: number | null;
  /** The mean return of the final evaluation. */
  readonly final: number | null;
  /** Seconds of training so far. */
  readonly seconds: number | null;
  /** Whether the page can show the run alone. */
  readonly canOpen: boolean;
  /** The machine and process that makes it, if a server says so. */
  readonly worker?: string;
}

/** A change of a curve: the points before `from` stay, those from there on are these. */
export interface CurveChange {
  readonly id: string;
  readonly from: number;
  readonly points: readonly CurvePoint[];
}

/** A message to the page; its data is sent as JSON. */
export type OverviewEvent =
  /** Everything received before is out of date. `place` says where the runs are, `opening` how to see one that cannot be opened. */
  | { name: "begin"; data: { place: string; opening: string } }
  /** Rows and curves that changed, and the ids of runs that are no longer there. */
  | {
      name: "runs";
      data: { rows: readonly OverviewRow[]; curves: readonly CurveChange[]; removed: readonly string[] };
    }
  /** What is wrong, or "" if nothing is. Sent after the first runs. */
  | { name: "problem"; data: string };
