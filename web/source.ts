// Where the page's numbers come from: a training worker, or anything else that implements `Source`. Views do not know
// which. The page asks at most once per drawn frame and receives what is new; a source sends nothing unasked.
import type { MetricsRecord } from "../src/training/metrics.ts";
import type { UpdateDetail } from "./observed-update.ts";

/** A run that is being watched. */
export interface Source {
  /** Asks for what is new. The answer is a call of the listener's `frame`; until then, further requests are dropped. */
  pull(wants: Wants): void;
  tell(order: Order): void;
  close(): void;
}

/** Receives a source's answers. */
export interface Listener {
  frame(frame: Frame): void;
  /** The run ended with an error. No call follows. */
  failed(message: string): void;
}

/** Costly parts of a frame that are currently visible. */
export interface Wants {
  readonly policy: boolean;
  readonly maps: boolean;
  readonly density: boolean;
  /** Every update, while training is slow enough to watch. */
  readonly update: boolean;
}

export type Order =
  | { readonly type: "play" }
  | { readonly type: "pause" }
  /** Take one environment step, then pause. */
  | { readonly type: "step" }
  /** Take steps until the next update, then pause. */
  | { readonly type: "update" }
  /** Report the next update, whatever the speed. */
  | { readonly type: "look" }
  | { readonly type: "speed"; readonly speed: number }
  /** The user holds the training body, so no step is taken; then releases it with a state. */
  | { readonly type: "hold" }
  | { readonly type: "release"; readonly state: readonly number[] };

export type Phase = "preparing" | "playing" | "paused" | "ended";

/** What is new since the last frame. */
export interface Frame {
  readonly phase: Phase;
  readonly step: number;
  readonly updates: number;
  readonly episode: number;
  readonly stepsPerSecond: number;
  /** The agent's fingerprint; null while training continues. */
  readonly fingerprint: string | null;
  /** The user moved the training body, so the experiment no longer reproduces this run. */
  readonly isTouched: boolean;
  readonly records: readonly MetricsRecord[];
  /** The records replace all earlier ones. */
  readonly isAnew?: boolean;
  readonly warnings: readonly string[];
  /** The training body; null while training is too fast to watch. */
  readonly body: Body | null;
  /** A policy file, if the policy has changed. */
  readonly policy: Uint8Array | null;
  /** The steps that the policy was trained for, if that is not the frame's step. */
  readonly policyStep?: number;
  /** The policy's name, if it is not the current policy. */
  readonly policyName?: string;
  readonly maps: Maps | null;
  readonly density: Float32Array | null;
  readonly update: UpdateDetail | null;
}

/** A body after a step. */
export interface Body {
  /** The state, without the number of steps. */
  readonly state: readonly number[];
  readonly observation: readonly number[];
  /** The action of that step, in the environment's units. */
  readonly action: readonly number[];
  /** Environment steps since training began. */
  readonly step: number;
  /** Steps since the episode began. */
  readonly length: number;
  /**
   * The observations of every step since the last frame, oldest first; null before one that did not follow the one before
   * it. Empty for 3D tasks.
   */
  readonly path: readonly (readonly number[] | null)[];
  /** The poses that a 3D task's scene wrote; null for other tasks. */
  readonly poses: Float32Array | null;
}

/** μ(s) and Q(s, μ(s)) over a plane: [rows, columns], with x and y ascending. */
export interface Maps {
  /** The number of steps taken when the maps were started. */
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
  /** In the environment's units. */
  readonly action: Float32Array;
  /** In the environment's rewards; null where there is no critic. */
  readonly value: Float32Array | null;
}

/** The number of columns, and of rows, in a map. */
export const mapSize = 61;

/** Whether a training body has only made steps between two frames: no new episode began. */
export function isSameEpisode(before: Body, now: Body): boolean {
  return before.step <= now.step && now.step - before.step === now.length - before.length;
}
