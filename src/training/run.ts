// What a run's files contain, and the events sent to a page that watches it.
import type { PresetName, Settings } from "../ddpg/config.ts";
import type { Scene } from "../environment/scene.ts";
import type { Arithmetic } from "../kernels/kernels.ts";

/** `config.json`: everything that decides a run, and what it ran on. */
export interface RunConfig {
  /** An id of `environments`, the name of a module's file, or the address of one outside of the process. */
  environment: string;
  /** The module or the program of a custom environment, as a path relative to the run's directory. */
  environmentModule?: string;
  /**
   * The SHA-256 of the module's file when the run was started or last resumed, in hexadecimal. It does not cover what
   * the module imports. Absent in runs of version 0.1.
   */
  environmentSha256?: string;
  /** The options of an environment outside of the process. They are only compared and shown, never used. */
  environmentOptions?: Readonly<Record<string, unknown>>;
  /** The preset that the settings started from. */
  preset: PresetName;
  /** The seed for all randomness. */
  seed: number;
  /** Environment steps requested. */
  steps: number;
  /** How many environments it trains on at once. Absent if it is one. */
  environments?: number;
  /** The channel of the actors whose transitions it learns from, and its id there. Absent if it steps environments. */
  actors?: { channel: string; run: string };
  /** All settings, including those from the preset. */
  settings: Settings;
  /** How products were rounded. Absent in files from before 0.2, which are portable. */
  arithmetic?: Arithmetic;
  /**
   * `episodes` episodes every `every` steps for the curve, and `finalEpisodes` at the end. With `fewerIfSlow`, fewer at the
   * end if they would take longer than the training; `result.json` has their number.
   */
  evaluation: { every: number; episodes: number; finalEpisodes: number; fewerIfSlow?: true };
  /** The run ends early if an evaluation's mean return reaches this. */
  untilReturn?: number;
  /** The actor started as the policy in `start.safetensors`. */
  from?: true;
  /** The versions that it ran with. */
  versions: { ddpg: string; node: string; platform: string };
  /**
   * The Git commit of the checkout that holds the program or the user's code, if any. Ends in "-dirty" if there were
   * changes.
   */
  commit?: string;
}

/** The arithmetic of a run or a record: portable if it names none. */
export function arithmeticOf({ arithmetic = "portable" }: { readonly arithmetic?: Arithmetic }): Arithmetic {
  return arithmetic;
}

/** `result.json`: the outcome. */
export interface RunResult {
  /** As in `RunConfig`. */
  environment: string;
  /** As in `RunConfig`. */
  preset: PresetName;
  /** As in `RunConfig`. */
  seed: number;
  /** Environment steps taken. */
  steps: number;
  /** Seconds spent on training, without evaluations and checkpoints. */
  trainingSeconds: number;
  /** `steps` / `trainingSeconds`. A resumed run counts all of its parts. */
  stepsPerSecond: number;
  /** How many threads an update could use. They do not change the results. */
  threads: number;
  /** The evaluation of the final policy over the final starts. Null if the run stopped before it. */
  evaluation: FinalEvaluation | null;
  /** The best evaluation during training. Its policy is in `best.safetensors`. */
  best?: BestEvaluation;
  /**
   * The evaluation of that policy over the same final starts, which can be worse than that of the final policy: a few
   * starts picked it. Equal to `evaluation` if `best` is after the last step. Absent if the run stopped before it, and
   * in files from before 0.2.
   */
  bestEvaluation?: FinalEvaluation;
  /** Hash of the four networks: `Ddpg.fingerprint`. */
  fingerprint: string;
  /** Whether the run was stopped from outside. */
  interrupted?: true;
  /** The error that ended the run. */
  failed?: string;
}

/** A policy's evaluation over the final starts. */
export interface FinalEvaluation {
  /** Mean of Σ r over its episodes, undiscounted and unscaled. */
  meanReturn: number;
  /** Standard error of the mean. Null for a single episode. */
  standardError: number | null;
  /** Number of episodes. */
  episodes: number;
  /** `Evaluation.info`. Absent if the environment gives none. */
  info?: Readonly<Record<string, number>>;
}

/** The evaluation during training with the highest mean return; the first one if several are equal. */
export interface BestEvaluation {
  /** Environment steps taken before it. */
  step: number;
  /** Mean of Σ r over its episodes, undiscounted and unscaled. */
  meanReturn: number;
  /** Standard error of the mean: standard deviation of the returns / √episodes. Null for a single episode. */
  standardError: number | null;
  /** Number of episodes. */
  episodes: number;
}

/** `gone`: the directory holds no run. `stopped`: the run stopped early, and no process has resumed it. */
export type RunPhase = "training" | "finished" | "stopped" | "gone";

/** The state of a watched run. */
export interface RunStatus {
  phase: RunPhase;
  result: RunResult | null;
  /** The file of the newest policy, with a version that changes when the policy does. Null before the first. */
  policy: { file: string; version: string } | null;
  /** The run's files that can be downloaded. */
  files: readonly string[];
  /** What is wrong with the files, or "". */
  problem: string;
}

/** A message to the page; its data is sent as JSON. */
export type RunEvent =
  /** The records restart from the first one: discard those received before. */
  | { name: "begin"; data: { run: string; config: RunConfig } }
  /** The next part of `metrics.jsonl`: complete lines, or a piece of a long one. */
  | { name: "records"; data: string }
  | { name: "status"; data: RunStatus }
  /** The server steps the environment, and moments follow. */
  | { name: "scene"; data: LiveScene }
  | { name: "moment"; data: LiveMoment }
  /** Why no moment follows any more. */
  | { name: "still"; data: string };

/** What is drawn of an environment that the server steps. */
export type LiveScene = Omit<Scene, "writePoses">;

/** That environment after a reset or a step. */
export interface LiveMoment {
  /** Counts the episodes that were shown, from 0. */
  episode: number;
  /** Steps since the episode began. */
  length: number;
  /** The sum of rewards since the episode began. */
  return: number;
  isLast: boolean;
  /** The file of the policy that acts, and the steps it was trained for; null if the file does not say. */
  policy: { file: string; step: number | null };
  /** [S · 12], as `Scene.writePoses` writes them. */
  poses: number[];
}
