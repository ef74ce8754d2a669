// A run as it is told to others: the records that decide it and that come out of it, and the events of one that is
// followed from afar.
import type { PresetName, Settings } from "../ddpg/config.ts";

/** `config.json`: all that decides a run, and what it ran on. */
export interface RunConfig {
  /** An id of `environments`, or the name of a module's file. */
  environment: string;
  /** The module of an environment of one's own, as a path from the run's directory. */
  environmentModule?: string;
  /** The preset that the settings started from. */
  preset: PresetName;
  /** The seed for all randomness. */
  seed: number;
  /** Environment steps that were asked for. */
  steps: number;
  /** Every setting, also those that the preset gave. */
  settings: Settings;
  /** `episodes` episodes every `every` steps for the curve, `finalEpisodes` at the end. */
  evaluation: { every: number; episodes: number; finalEpisodes: number };
  /** The run ends early where an evaluation's mean return reaches this. */
  untilReturn?: number;
  /** The actor began as the policy in `start.safetensors`. */
  from?: true;
  /** What it ran on. */
  versions: { ddpg: string; node: string; platform: string };
  /** Of the checkout that the program or its user's code is in, where it is one; ends in «-dirty» after changes. */
  commit?: string;
}

/** `result.json`: what came out. */
export interface RunResult {
  /** As in `RunConfig`. */
  environment: string;
  /** As in `RunConfig`. */
  preset: PresetName;
  /** As in `RunConfig`. */
  seed: number;
  /** Environment steps that were taken. */
  steps: number;
  /** Without evaluations and checkpoints. */
  trainingSeconds: number;
  /** `steps` / `trainingSeconds`; of a resumed run, over all its parts. */
  stepsPerSecond: number;
  /** How many threads an update could use; they make no difference to what came out. */
  threads: number;
  /** Of the policy at the end; null where the run was stopped before it. `standardError` is null for one episode. */
  evaluation: { meanReturn: number; standardError: number | null; episodes: number } | null;
  /** The best evaluation on the way; its policy is `best.safetensors`. */
  best?: BestEvaluation;
  /** Of the four networks: `Ddpg.fingerprint`. */
  fingerprint: string;
  /** The run was stopped from outside. */
  interrupted?: true;
  /** The error that ended the run. */
  failed?: string;
}

/** The evaluation on the way that gave the highest mean return. */
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

/** `gone`: there is no run in the directory. `stopped`: before its end, and nobody goes on with it. */
export type RunPhase = "training" | "finished" | "stopped" | "gone";

/** How the run is. */
export interface RunStatus {
  phase: RunPhase;
  result: RunResult | null;
  /** The newest of its policies, by its name and a word that changes with it; null before the first. */
  policy: { file: string; version: string } | null;
  /** Those of its files that can be had. */
  files: readonly string[];
  /** What is wrong with them; "" for nothing. */
  problem: string;
}

export type RunEvent =
  /** The records that follow are all that there are: what came before is void. */
  | { name: "begin"; data: { run: string; config: RunConfig } }
  /** Lines of `metrics.jsonl`, whole ones. */
  | { name: "records"; data: string }
  | { name: "status"; data: RunStatus };
