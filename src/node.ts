// The entry point `ddpg/node`: the part of the public API that needs Node.
export { type NodeBackend, type NodeBackendOptions, nodeBackend, useWideVectors } from "./node/backend.ts";
export { refusal } from "./node/files.ts";
export { type LoadedEnvironment, loadEnvironment } from "./node/load-environment.ts";
export { checkRunDirectory, RunDirectory } from "./node/run-directory.ts";
export {
  type Checkpoint,
  readCheckpoint,
  readConfig,
  readMetrics,
  readPolicy,
  readPolicyFile,
  readResult,
  startFile,
  type WhichPolicy,
} from "./node/run-files.ts";
export { nodeThreads } from "./node/threads.ts";
export { commit, versions } from "./node/versions.ts";
export type { DiagnosticsRecord, EpisodeRecord, EvaluationRecord, MetricsRecord } from "./training/metrics.ts";
export type { BestEvaluation, RunConfig, RunResult } from "./training/run.ts";
export type { RunState, SavedRun } from "./training/run-loop.ts";
