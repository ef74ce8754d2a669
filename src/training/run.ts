// What a run's files contain, and the events sent to a page that watches it.
import type { PresetName, Settings } from "../ddpg/config.ts";

/** `config.json`: everything that decides a run, and what it ran on. */
export interface RunConfig {
  /** An id of `environments`, or the name of a module's file. */
  environment: string;
  /** The module of a custom environment, as a path from the run's directory. */
  environmentModule?: string;
  /** The preset that the settings started from. */
  preset: PresetName;
  /** The seed for all randomness. */
  seed: number;
  /** Environment steps requested. */
  steps: number;
  /** Every setting, also those that the preset gave. */
  settings: Settings;
  /** `episodes` episodes every `every` steps for the curve, `finalEpisodes` at the end. */
  evaluation: { every: number; episodes: number; finalEpisodes: number };
  /** The run ends early if an evaluation's mean return reaches this. */
  untilReturn?: number;
  /** The actor started as the policy in `start.safetensors`. */
  from?: true;
  /** What it ran on. */
  versions: { ddpg: string; node: string; platform: string };
  /** The Git commit of the checkout that holds the program or the user's code, if any; ends in "-dirty" if it has changes. */
  commit?: string;
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
  /** Excludes evaluations and checkpoints. */
  trainingSeconds: number;
  /** `steps` / `trainingSeconds`; of a resumed run, over all its parts. */
  stepsPerSecond: number;
  /** How many threads an update could use. They do not change the results. */
  threads: number;
  /** Evaluation of the last policy; null if the run stopped before it. `standardError` is null for one episode. */
  evaluation: { meanReturn: number; standardError: number | null; episodes: number } | null;
  /** The best evaluation during training; its policy is `best.safetensors`. */
  best?: BestEvaluation;
  /** Hash of the four networks: `Ddpg.fingerprint`. */
  fingerprint: string;
  /** The run was stopped from outside. */
  interrupted?: true;
  /** The error that ended the run. */
  failed?: string;
}

/** The evaluation during training with the highest mean return; the first one if several are equal. */
export interface BestEvaluation {
  /** Environment steps before it. */
  step: number;
  /** Mean of Σ r over its episodes, undiscounted and unscaled. */
  meanReturn: number;
  /** Of the mean: standard deviation of the returns / √episodes. Null for a single episode. */
  standardError: number | null;
  /** How many episodes were run. */
  episodes: number;
}

/** `gone`: the directory holds no run. `stopped`: the run stopped before its end, and no process has resumed it. */
export type RunPhase = "training" | "finished" | "stopped" | "gone";

/** The state of a watched run. */
export interface RunStatus {
  phase: RunPhase;
  result: RunResult | null;
  /** The newest policy's file and a version that changes with it; null before the first. */
  policy: { file: string; version: string } | null;
  /** The run's files that can be downloaded. */
  files: readonly string[];
  /** What is wrong with the files; "" if nothing is. */
  problem: string;
}

export type RunEvent =
  /** The records restart from the first one: discard those received before. */
  | { name: "begin"; data: { run: string; config: RunConfig } }
  /** Complete lines of `metrics.jsonl`. */
  | { name: "records"; data: string }
  | { name: "status"; data: RunStatus };
