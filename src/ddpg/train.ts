import { letMacrotasksRun } from "../base/macrotask.ts";
import type { Environment } from "../environment/environment.ts";
import { EnvironmentCalls, isPromise, nameOf } from "../environment/environment-calls.ts";
import { NotFiniteError } from "../nn/adam.ts";
import type { Ddpg } from "./ddpg.ts";
import { LoopState } from "./loop-state.ts";

/** So many updates in a row without any policy gradient are said to a person; an agent that was loaded counts anew. */
const STANDSTILL = 1000;

/** How `train` calls the environment. */
export interface TrainOptions {
  /** What errors call the environment; its own name, or its class's, unless given. */
  name?: string;
  /** Milliseconds that an answer of the environment, where it is a promise, may take; without an end unless given. */
  stepTimeout?: number | undefined;
}

/** One time step of training; reused by the next. */
export interface TrainingStep {
  /** Time steps since training began, from 1; for an agent that was loaded, since its first. */
  step: number;
  /** s′ [O] in the environment's units. */
  observation: Float64Array;
  /** a [A] in the environment's units, with noise. */
  action: Float32Array;
  /** r, unscaled. */
  reward: number;
  /** Whether an update followed. */
  learned: boolean;
  /** The episode that this step ended, else null. */
  episode: Episode | null;
  /** What a person should know, such as a bad scale of observations; mostly empty. */
  warnings: readonly string[];
}

/** An episode with exploration noise. */
export interface Episode {
  /** From 1. */
  number: number;
  /** Σ r, undiscounted and unscaled. */
  return: number;
  /** Time steps. */
  length: number;
  /** Whether the task ended; else a time limit cut the episode. */
  terminated: boolean;
}

/**
 * Algorithm 1's two loops, one update a time step, without an end: the caller leaves with `break`. Yields every time
 * step. Timers, messages and drawing go on beside it. The environment stays open. An agent of `Ddpg.load` goes on where
 * it was saved.
 */
export async function* train(
  agent: Ddpg,
  environment: Environment,
  options: TrainOptions = {},
): AsyncGenerator<TrainingStep, never, void> {
  const { observationSize } = environment;
  const { name = nameOf(environment), stepTimeout } = options;
  agent.units.expectSame(environment, name);
  const isLoaded = agent.loop !== null && agent.loop.environment === null;
  const loop = isLoaded && agent.loop ? agent.loop : new LoopState(observationSize);
  agent.loop = loop;
  const { observation, monitor } = loop;
  let notices = loop.enter(environment, name);
  if (notices.length > 0) agent.endEpisode();
  const scaled = new Float64Array(observationSize);
  let standstill = 0;
  const current: TrainingStep = {
    step: 0,
    observation: new Float64Array(observationSize),
    action: new Float32Array(0),
    reward: 0,
    learned: false,
    episode: null,
    warnings: [],
  };
  let at = loop.length;
  const where = (): string => `${name} episode ${loop.episode} step ${at}`;
  const calls = new EnvironmentCalls(environment, where, stepTimeout);
  try {
    for (;;) {
      at = loop.length;
      // Receive initial observation state s₁.
      if (loop.length === 0) await calls.reset(observation, agent.environmentRandom);

      for (let ended = false; !ended; ) {
        at = loop.length + 1;
        const action = agent.explore(observation);
        // The agent's own array goes to nobody: an environment may write into what it is given.
        current.action = action.slice();
        const given = calls.step(current.observation, action);
        const result = isPromise(given) ? await given : given;

        agent.observe(observation, current.action, result.reward, current.observation, result.terminated);
        try {
          current.learned = agent.learn();
        } catch (error) {
          if (error instanceof NotFiniteError)
            error.message = `${where()}, update ${agent.updates + 1}: ${error.message}`;
          throw error;
        }
        if (current.learned) {
          standstill = agent.diagnostics.actorGradientNorm === 0 ? standstill + 1 : 0;
          if (standstill === STANDSTILL) notices = [...notices, standsStill(agent)];
        }

        loop.step++;
        loop.length++;
        loop.return += result.reward;
        ended = result.terminated || result.truncated === true;
        if (ended) agent.endEpisode();
        current.step = loop.step;
        current.reward = result.reward;
        const { episode: number, return: episodeReturn, length } = loop;
        current.episode = ended ? { number, return: episodeReturn, length, terminated: result.terminated } : null;
        agent.units.scaleObservation(scaled, current.observation, name);
        const warnings = monitor.add(scaled, result.reward * agent.settings.rewardScale);
        current.warnings = notices.length > 0 ? [...notices, ...warnings] : warnings;
        notices = [];
        observation.set(current.observation);
        if (ended) {
          loop.leave();
          loop.episode++;
          at = 0;
        }
        await letMacrotasksRun();
        yield current;
      }
    }
  } finally {
    if (at > 0) agent.endEpisode();
    loop.leave();
  }
}

/** Where tanh is ±1 in Float32 its slope is 0, and where all of a minibatch's are, no gradient leads back. */
function standsStill({ diagnostics, settings }: Ddpg): string {
  const { saturation } = diagnostics;
  const atEnd = Math.round((100 * saturation.reduce((sum, share) => sum + share, 0)) / saturation.length);
  return (
    `policy gradient: expected one above 0, got 0 in ${STANDSTILL} updates in a row, with ${atEnd} % of the actions at an end of their range. ` +
    `The actor does not learn any more: begin anew with actorLearningRate below ${settings.actorLearningRate}, and observations near ±1.`
  );
}
