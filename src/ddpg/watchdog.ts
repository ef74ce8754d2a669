import { ScaleMonitor } from "../environment/scale-monitor.ts";
import { seeTips } from "../environment/tips.ts";
import type { Settings } from "./config.ts";
import type { Ddpg } from "./ddpg.ts";

/** Warn after this many consecutive updates of the actor with a zero gradient. The count restarts when an agent is loaded. */
const maxIdleUpdates = 1000;

/** Warn if more than this fraction of y is beyond a categorical critic's support, over this many steps that learned. */
const maxClipped = 0.01;
const clippingWindow = 1000;

const none: readonly string[] = [];

/**
 * Watches training for silent failures: badly scaled numbers, returns beyond a categorical critic's support, and an actor
 * that no longer learns.
 */
export class Watchdog {
  readonly monitor: ScaleMonitor;
  readonly #scaled: Float64Array;
  #idleUpdates = 0;
  /** The number of the actor's updates at the last look; null before the first that followed an update. */
  #actorUpdates: number | null = null;
  #hasLooked = false;
  /** The rows and the clipped rows of the updates in the current window, and the steps that it has. */
  #rows = 0;
  #clippedRows = 0;
  #window = 0;
  #hasWarnedOfClipping = false;

  constructor(observationSize: number) {
    this.monitor = new ScaleMonitor(observationSize);
    this.#scaled = new Float64Array(observationSize);
  }

  /**
   * Looks at one step, in the environment's units; returns warnings for the user, usually none. `name` is the name that
   * errors use for the environment.
   */
  look(agent: Ddpg, observation: ArrayLike<number>, reward: number, learned: boolean, name: string): readonly string[] {
    agent.units.scaleObservation(this.#scaled, observation, name);
    agent.observationNormalization?.apply(this.#scaled);
    const warnings = this.monitor.add(this.#scaled, reward * agent.rewardFactor);
    if (!this.#hasLooked) {
      this.#hasLooked = true;
      if (isPlain(agent)) return [plainStatistics, ...warnings];
    }
    if (!learned) return warnings;
    const { actorDelay } = agent.settings;
    // With a delay, most updates leave the actor's gradient as it was: they are no news of it.
    const actorUpdates = Math.floor(agent.updates / actorDelay);
    const isFirst = this.#actorUpdates === null;
    const moved = isFirst ? Number(agent.updates % actorDelay === 0) : actorUpdates - Number(this.#actorUpdates);
    const idle = agent.diagnostics.actorGradientNorm === 0 ? this.#idleUpdates + moved : 0;
    const isNews = this.#idleUpdates < maxIdleUpdates && idle >= maxIdleUpdates;
    this.#idleUpdates = idle;
    this.#actorUpdates = actorUpdates;
    const clipped = this.#lookAtTargets(agent);
    if (!isNews && clipped === null) return warnings;
    return [...(isNews ? [deadActor(agent)] : []), ...(clipped === null ? [] : [clipped]), ...warnings];
  }

  /** Counts the last update's y beyond the support; returns a warning the first time that a window has too many. */
  #lookAtTargets({ settings, targets }: Ddpg): string | null {
    if (settings.criticLoss !== "categorical" || this.#hasWarnedOfClipping) return null;
    this.#rows += settings.batchSize;
    this.#clippedRows += targets.clippedRows;
    if (++this.#window < clippingWindow) return null;
    const share = this.#clippedRows / this.#rows;
    [this.#window, this.#rows, this.#clippedRows] = [0, 0, 0];
    if (share <= maxClipped) return null;
    this.#hasWarnedOfClipping = true;
    return clippedTargets(settings, share);
  }

  /** Returns the warnings of two sources in one list; allocates only if there are any. */
  static join(first: readonly string[], second: readonly string[]): readonly string[] {
    if (first.length === 0 && second.length === 0) return none;
    return [...first, ...second];
  }
}

function clippedTargets({ criticSupport, rewardScale, rewardNormalization }: Settings, share: number): string {
  const scale = rewardNormalization ? "" : `, or a rewardScale below ${rewardScale}`;
  const percent = (100 * share).toFixed(1);
  return (
    `criticSupport: expected at most 1 % of the critic's targets beyond ±${criticSupport}, got ${percent} % in ${clippingWindow} steps. ` +
    `The critic cannot predict them: start again with a larger criticSupport${scale}. ${seeTips("Options beyond the paper")}`
  );
}

/** Whether the agent has the batch normalization of versions before 0.2. */
function isPlain({ settings }: Ddpg): boolean {
  return settings.normalization === "batch" && settings.batchNormStatistics === "plain";
}

const plainStatistics =
  "batchNormStatistics: expected corrected, got plain, the rule of versions before 0.2. On an observation that is large and hardly changes, such as 293.15, the policy acts differently than it learned. " +
  'The agent keeps this rule, so that its results can be repeated. To change it, train another with batchNormStatistics "corrected" (--batch-norm-statistics corrected).';

/**
 * The warning for an actor without a gradient. Where tanh rounds to ±1 in Float32, its slope is 0. Once that happens
 * for a whole minibatch, no gradient passes through, except that of the pre-activation penalty.
 */
function deadActor({ diagnostics, settings }: Ddpg): string {
  const { saturation } = diagnostics;
  const atEnd = Math.round((100 * saturation.reduce((sum, share) => sum + share, 0)) / saturation.length);
  const penalty = settings.preactivationPenalty === 0 ? "preactivationPenalty 1e-3, which cured such runs, or " : "";
  return (
    `policy gradient: expected a norm above 0, got 0 in ${maxIdleUpdates} consecutive updates of the actor, with ${atEnd} % of the actions at a bound. ` +
    `The actor has stopped learning: start again with ${penalty}actorLearningRate below ${settings.actorLearningRate}. ${seeTips("A dead actor")}`
  );
}
