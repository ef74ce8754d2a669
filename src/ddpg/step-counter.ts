// What happens to a transition, whichever loop it came from: `train` steps environments, `learnFrom` receives transitions.
import { InputError } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { NotFiniteError } from "../nn/adam.ts";
import type { Body, Loop } from "./body.ts";
import type { Ddpg } from "./ddpg.ts";
import type { TrainingStep } from "./train.ts";
import { Watchdog } from "./watchdog.ts";

/** How many warnings a step shows. */
const maxWarnings = 10;

/** Stores the answers of bodies, makes the updates that follow, and reports the time steps. */
export class StepCounter {
  /** The last time step; reused by the next one. */
  readonly current: TrainingStep;
  readonly #agent: Ddpg;
  readonly #loop: Loop;
  #warnings: string[];
  /** How many warnings were given beyond those kept for the next step. */
  #unshown = 0;

  /** `warnings` come with the first step. */
  constructor(agent: Ddpg, loop: Loop, warnings: readonly string[]) {
    this.#agent = agent;
    this.#loop = loop;
    this.#warnings = [...warnings];
    this.current = {
      step: 0,
      environment: 0,
      observation: loop.bodies[0].answer.observation,
      action: new Float32Array(0),
      reward: 0,
      learned: false,
      episode: null,
      warnings: [],
    };
  }

  /** Adds a warning to those of the next step, which may never come: only the first ones are kept, and the number of the others. */
  warn(warning: string): void {
    if (this.#warnings.length < maxWarnings) this.#warnings.push(warning);
    else this.#unshown++;
  }

  /** Stores the answer of a body. Throws an EnvironmentError that begins with `where` if it cannot be stored. */
  store(body: Body, where: () => string): void {
    const { index, answer } = body;
    const { action, observation, reward, terminated, truncated, info } = answer;
    if (info) body.info.add(info, where);
    try {
      this.#agent.observe(body.observation, action, reward, observation, terminated, index);
      if (terminated || truncated) this.#agent.endEpisode(index);
    } catch (error) {
      throw asEnvironments(error, where);
    }
  }

  /** Makes the updates that are due after a stored answer, and counts it as a time step. */
  async learn(body: Body, where: () => string, name: string): Promise<void> {
    const { current } = this;
    const agent = this.#agent;
    const loop = this.#loop;
    const { action, observation, reward } = body.answer;
    agent.takeTurn();
    current.learned = false;
    while (learnOnce(agent, where)) {
      current.learned = true;
      if (!agent.schedule.isDue) continue;
      // A round may take seconds. The step is not counted yet: an agent saved now would be between two moments.
      loop.startWaiting();
      await letMacrotasksRun();
      loop.stopWaiting();
    }

    const seen = loop.watchdog.look(agent, observation, reward, current.learned, name);
    current.episode = body.advance();
    current.step = loop.step;
    current.environment = body.index;
    current.observation = observation;
    current.action = action;
    current.reward = reward;
    if (this.#unshown > 0) this.#warnings.push(`… and ${this.#unshown} more warnings of this kind.`);
    this.#unshown = 0;
    current.warnings = Watchdog.join(this.#warnings, seen);
    this.#warnings = [];
    await letMacrotasksRun();
  }
}

/**
 * A number may be too large only after scaling, and a method of the goals may fail. That is about the environment, and named
 * like its other errors.
 */
export function asEnvironments(error: unknown, where: () => string): unknown {
  const method = /^Ddpg\.(explore|observe|endEpisode) /;
  if (!(error instanceof InputError && method.test(error.where))) return error;
  const field = error.where.replace(method, "").replace("nextObservation", "observation");
  return new EnvironmentError(error.at(`${where()} ${field}`).message, { cause: error });
}

/** Makes one update if one is due; an error names the step and the update. Returns whether there was an update. */
function learnOnce(agent: Ddpg, where: () => string): boolean {
  try {
    return agent.learnOnce();
  } catch (error) {
    if (error instanceof NotFiniteError) error.message = `${where()}, update ${agent.updates + 1}: ${error.message}`;
    throw error;
  }
}
