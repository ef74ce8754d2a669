// The entry point `ddpg/node`: the part of the public API that needs Node.
export { type NodeBackend, type NodeBackendOptions, nodeBackend, useWideVectors } from "./node/backend.ts";
export { type LoadedEnvironment, loadEnvironment } from "./node/load-environment.ts";
export { type GodotOptions, godot } from "./node/outside/godot.ts";
export { type GymnasiumOptions, gymnasium } from "./node/outside/gymnasium.ts";
export type { OutsideContext } from "./node/outside/kinds.ts";
export type { OutsideOptions } from "./node/outside/options.ts";
export { type TorcsOptions, type TorcsReward, torcs } from "./node/outside/torcs.ts";
export {
  type Checkpoint,
  readCheckpoint,
  readConfig,
  readMetrics,
  readPolicy,
  readPolicyFile,
  readResult,
  type WhichPolicy,
} from "./node/run-files.ts";
export { nodeThreads } from "./node/threads.ts";
export type { DiagnosticsRecord, EpisodeRecord, EvaluationRecord, MetricsRecord } from "./training/metrics.ts";
export type { BestEvaluation, RunConfig, RunResult } from "./training/run.ts";
export type { RunState, SavedRun } from "./training/run-loop.ts";
