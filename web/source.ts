// Where the page's numbers come from: a worker that trains, or whatever else answers these questions. Views know none of
// them. The page asks, at most once for each frame that it draws, and gets what is new; nothing is sent unasked.
import type { MetricsRecord } from "../src/training/metrics.ts";
import type { UpdateDetail } from "./observed-update.ts";

/** One run, for as long as it is looked at. */
export interface Source {
  /** Asks for what is new. The listener's `frame` is the answer; until it comes, further questions are dropped. */
  pull(wants: Wants): void;
  tell(order: Order): void;
  close(): void;
}

/** Who opened a source. */
export interface Listener {
  frame(frame: Frame): void;
  /** It came to its end by a fault. Nothing follows. */
  failed(message: string): void;
}

/** What costs something, and is looked at. */
export interface Wants {
  readonly policy: boolean;
  readonly maps: boolean;
  readonly density: boolean;
  /** Each update as it is made, while training goes slowly enough. */
  readonly update: boolean;
}

export type Order =
  | { readonly type: "play" }
  | { readonly type: "pause" }
  /** One step of the environment. */
  | { readonly type: "step" }
  /** Steps until an update was made. */
  | { readonly type: "update" }
  /** The next update is to be shown, whatever the speed. */
  | { readonly type: "look" }
  | { readonly type: "speed"; readonly speed: number }
  /** The training body is held, so that no step is made; and let go with a state. */
  | { readonly type: "hold" }
  | { readonly type: "release"; readonly state: readonly number[] };

export type Phase = "preparing" | "playing" | "paused" | "ended";

/** What is new. */
export interface Frame {
  readonly phase: Phase;
  readonly step: number;
  readonly updates: number;
  readonly episode: number;
  readonly stepsPerSecond: number;
  /** Of the agent; null while it is in motion. */
  readonly fingerprint: string | null;
  /** Somebody moved the training body: the run is no longer what its experiment says. */
  readonly isTouched: boolean;
  readonly records: readonly MetricsRecord[];
  /** These are all the records that there are: those before are void. */
  readonly isAnew?: boolean;
  readonly warnings: readonly string[];
  /** The body that it is trained on; null while it goes too fast to be watched. */
  readonly body: Body | null;
  /** A policy's file, if it is another one than before. */
  readonly policy: Uint8Array | null;
  /** Which one that is, where it is not the one of now. */
  readonly policyName?: string;
  readonly maps: Maps | null;
  readonly density: Float32Array | null;
  readonly update: UpdateDetail | null;
}

/** A body after a step. */
export interface Body {
  /** Without the steps taken. */
  readonly state: readonly number[];
  readonly observation: readonly number[];
  /** What was done in that step, in the environment's units. */
  readonly action: readonly number[];
  /** Steps since the episode began. */
  readonly length: number;
  /** Of a task in 3D, what its scene wrote. */
  readonly poses: Float32Array | null;
}

/** μ(s) and Q(s, μ(s)) over a plane: [rows, columns], y from its lowest, x from its lowest. */
export interface Maps {
  /** Steps that were taken when they were begun. */
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
  /** In the environment's units. */
  readonly action: Float32Array;
  /** In the environment's rewards; null where there is no critic. */
  readonly value: Float32Array | null;
}

/** How many columns and rows maps have. */
export const mapSize = 61;
