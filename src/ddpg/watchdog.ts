import { ScaleMonitor } from "../environment/scale-monitor.ts";
import type { Ddpg } from "./ddpg.ts";

/** Warn after this many consecutive updates with a zero policy gradient. The count restarts when an agent is loaded. */
const maxIdleUpdates = 1000;

const none: readonly string[] = [];

/** Watches training for what makes it fail in silence: badly scaled numbers, and an actor that no longer learns. */
export class Watchdog {
  readonly monitor: ScaleMonitor;
  readonly #scaled: Float64Array;
  #idleUpdates = 0;
  #hasLooked = false;

  constructor(observationSize: number) {
    this.monitor = new ScaleMonitor(observationSize);
    this.#scaled = new Float64Array(observationSize);
  }

  /** Looks at one step; returns warnings for the user, mostly none. `name` is what errors call the environment. */
  look(agent: Ddpg, observation: ArrayLike<number>, reward: number, learned: boolean, name: string): readonly string[] {
    agent.units.scaleObservation(this.#scaled, observation, name);
    const warnings = this.monitor.add(this.#scaled, reward * agent.settings.rewardScale);
    if (!this.#hasLooked) {
      this.#hasLooked = true;
      if (isPlain(agent)) return [plainStatistics, ...warnings];
    }
    if (!learned) return warnings;
    this.#idleUpdates = agent.diagnostics.actorGradientNorm === 0 ? this.#idleUpdates + 1 : 0;
    return this.#idleUpdates === maxIdleUpdates ? [deadActor(agent), ...warnings] : warnings;
  }

  /** Returns the warnings of two sources in one list; allocates only where there are any. */
  static join(first: readonly string[], second: readonly string[]): readonly string[] {
    if (first.length === 0 && second.length === 0) return none;
    return [...first, ...second];
  }
}

/** Whether the agent has the batch normalization of versions before 0.2. */
function isPlain({ settings }: Ddpg): boolean {
  return settings.batchNormalization && settings.batchNormStatistics === "plain";
}

const plainStatistics =
  "batchNormStatistics: expected corrected, got plain, the rule of versions before 0.2. The policy acts otherwise than it learned on an observation that is large and hardly changes, such as 293.15. " +
  'The agent keeps this rule, so that its results can be repeated. To change it, train another with batchNormStatistics "corrected" (--batch-norm-statistics corrected).';

/** Where tanh rounds to ±1 in Float32 its slope is 0; once that holds for a whole minibatch, no gradient reaches it. */
function deadActor({ diagnostics, settings }: Ddpg): string {
  const { saturation } = diagnostics;
  const atEnd = Math.round((100 * saturation.reduce((sum, share) => sum + share, 0)) / saturation.length);
  return (
    `policy gradient: expected one above 0, got 0 in ${maxIdleUpdates} updates in a row, with ${atEnd} % of the actions at an end of their range. ` +
    `The actor has stopped learning: start again with actorLearningRate below ${settings.actorLearningRate}, and observations near ±1.`
  );
}
