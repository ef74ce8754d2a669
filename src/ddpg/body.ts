import { InputError } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { EnvironmentError, restoreState, saveState } from "../environment/environment-calls.ts";
import { occupy, release } from "../environment/environments-in-use.ts";
import { EpisodeInfo } from "../environment/episode-info.ts";
import type { Ddpg } from "./ddpg.ts";
import type { ReceivedStep } from "./learn-from.ts";
import type { Episode } from "./train.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * The state of the loop of `train`: its counts and a body for each environment, so that a saved agent can resume in
 * mid-episode. An agent keeps its loop: the next one continues the counts, in the same process as after a load.
 */
export class Loop {
  /** The number of time steps of all bodies since training began, over all loops. */
  step = 0;
  readonly watchdog: Watchdog;
  /** Whether resets, steps or updates are under way. Agent and environments are then between two moments. */
  isWaiting = false;
  /** All bodies there ever were, by index: a body that is not in use keeps its counts and its random numbers. */
  readonly bodies: Body[] = [];
  readonly #agent: Pick<Ddpg, "units" | "environmentRandom" | "explorationRandom">;
  /** The number of bodies in the loop of now, or in the last one. */
  #inUse = 1;
  #isInLoop = false;

  constructor(agent: Pick<Ddpg, "units" | "environmentRandom" | "explorationRandom">) {
    this.#agent = agent;
    this.watchdog = new Watchdog(agent.units.observationSize);
    this.grow(1);
  }

  /** Makes bodies until there are `count`. */
  grow(count: number): void {
    while (this.bodies.length < count) this.bodies.push(new Body(this, this.bodies.length, this.#agent));
  }

  /** Makes the first `count` bodies those in use. */
  use(count: number): void {
    this.grow(count);
    this.#inUse = count;
  }

  /** The bodies in use. */
  get inUse(): readonly Body[] {
    return this.bodies.slice(0, this.#inUse);
  }

  /** The number of episodes that ended, of all bodies. */
  get episodes(): number {
    return this.bodies.reduce((sum, { episode }) => sum + episode - 1, 0);
  }

  /** The number of time steps in the current episode of the first body; 0 between episodes. */
  get length(): number {
    return this.bodies[0].length;
  }

  /**
   * Begins a loop in environments with these names; returns warnings for the user. If an environment has no `save` and
   * `restore`, an interrupted episode is dropped, and `onLeave` gets the index of its body. Throws an InputError if the
   * agent or an environment is in another loop, and an EnvironmentError if restoring fails; no episode is dropped then.
   */
  enter(
    environments: readonly Environment[],
    names: readonly string[],
    onLeave: (index: number) => void,
  ): readonly string[] {
    this.#expectFree(names[0]);
    this.grow(environments.length);
    const occupied: Body[] = [];
    try {
      for (const [i, environment] of environments.entries()) {
        occupy(environment, this.bodies[i], names[i]);
        occupied.push(this.bodies[i]);
      }
      // Restoring may fail, so it comes before any episode is dropped.
      const dropped = occupied.filter((body) => !body.resume(environments[body.index], names[body.index]));
      const warnings = dropped.map(
        ({ index, length, episode }) =>
          `${names[index]}: expected save and restore, to continue after step ${length} of episode ${episode}, got none. The episode starts over.`,
      );
      const missing = this.bodies.slice(environments.length).filter((body) => body.isStarted);
      if (missing.length > 0) {
        const count = environments.length;
        warnings.push(
          `${names[0]}: expected at least ${this.bodies.indexOf(missing[missing.length - 1]) + 1} environments, to continue their episodes, got ${count}. The episodes of the others start over.`,
        );
      }
      for (const body of [...dropped, ...missing]) {
        body.leave();
        body.saved = null; // the state of an episode that is gone
        onLeave(body.index);
      }
      for (const [i, environment] of environments.entries()) this.bodies[i].take(environment, names[i]);
      this.use(environments.length);
      this.#isInLoop = true;
      return warnings;
    } catch (error) {
      for (const body of occupied) release(environments[body.index], body);
      throw error;
    }
  }

  /** Ends the loop, and with it the current episodes. */
  exit(): void {
    this.leave();
    this.#isInLoop = false;
    for (const body of this.bodies) if (body.environment) release(body.environment, body);
  }

  #expectFree(name: string): void {
    if (!this.#isInLoop) return;
    throw new InputError({
      where: `train agent with ${name}`,
      expected: "an agent in no other loop of train",
      got: "one in a loop that has not ended",
      hint: "Leave that loop with break, or call return() on what train returned.",
    });
  }

  /**
   * Begins a loop over transitions from elsewhere. Bodies continue their episodes, except in environments of this process:
   * those are dropped. Returns the indices of the bodies of dropped episodes, which the agent has to end. Throws an
   * InputError if the agent is in another loop.
   */
  enterSource(name: string): number[] {
    this.#expectFree(name);
    this.#isInLoop = true;
    return this.bodies.filter((body) => body.detach(name)).map(({ index }) => index);
  }

  /** Ends such a loop. The episodes stay: the transitions that follow may come in another one. */
  exitSource(): void {
    this.#isInLoop = false;
    this.isWaiting = false;
  }

  /** Returns the body with an index, which is then in use. */
  bodyOf(index: number): Body {
    if (index >= this.#inUse) this.use(index + 1);
    return this.bodies[index];
  }

  /** Call it before each reset, step and long round of updates. Throws an InputError while an environment is being evaluated on. */
  startWaiting(): void {
    for (let i = 0; i < this.#inUse; i++) this.bodies[i].expectOwn();
    this.isWaiting = true;
  }

  /** Call it afterwards. Throws an EnvironmentError if `leave` was called meanwhile. */
  stopWaiting(): void {
    if (!this.isWaiting) throw new EnvironmentError(`${this.bodies[0].name}: the step was given up before it ended`);
    this.isWaiting = false;
  }

  /** Whether every environment can be lent now. */
  get isLendable(): boolean {
    return this.inUse.every((body) => body.isLendable);
  }

  /** Abandons the current episodes, with the steps that are under way. The next ones have the same numbers. */
  leave(): void {
    for (const body of this.bodies) body.leave();
    this.isWaiting = false;
  }
}

/** What an environment answered to an action. */
export interface Answer {
  action: Float32Array;
  /** s′ [O] */
  readonly observation: Float64Array;
  reward: number;
  terminated: boolean;
  truncated: boolean;
  info: Step["info"] | undefined;
}

/** The current episode in one environment. */
export class Body {
  /** Its environment's place among those of `train`, and its id in the agent. */
  readonly index: number;
  /** The number of the current episode of this body, or of the next one; from 1. */
  episode = 1;
  /** The number of time steps in the current episode; 0 between episodes. */
  length = 0;
  /** Σ r of the current episode, undiscounted and unscaled. */
  return = 0;
  /** The named numbers that the environment gave in the current episode. */
  readonly info = new EpisodeInfo();
  /** s, the observation for the next action: [O]. */
  readonly observation: Float64Array;
  /** The answer to the last action. It counts only after those of the bodies before this one. */
  readonly answer: Answer;
  /** Whether `answer` has not been counted yet. */
  isAnswered = false;
  /** The random stream of the environment's resets, and that of warm-up actions. The first body has the agent's own. */
  readonly environmentRandom: Random;
  readonly explorationRandom: Random;
  /** The environment of the last loop; null in a loaded agent until `train` takes over. */
  environment: Environment | null = null;
  /** The saved state of the environment, in a loaded agent until `train` takes over; null if there is none. */
  saved: Float64Array | null = null;
  /** The step of the episode that errors name: the one in progress, or 0 during a reset. */
  at = 0;
  /** The name that errors use for the environment. */
  name = "";
  readonly #loop: Loop;
  #isLent = false;

  constructor(
    loop: Loop,
    index: number,
    { units, environmentRandom, explorationRandom }: Pick<Ddpg, "units" | "environmentRandom" | "explorationRandom">,
  ) {
    const { observationSize, actionSize } = units;
    this.#loop = loop;
    this.index = index;
    this.observation = new Float64Array(observationSize);
    this.answer = {
      ...{ action: new Float32Array(actionSize), observation: new Float64Array(observationSize) },
      ...{ reward: 0, terminated: false, truncated: false, info: undefined },
    };
    // By the index, never by how many there are or who answers first.
    const own = (random: Random): Random => (index === 0 ? random : random.fork(`body ${index}`));
    this.environmentRandom = own(environmentRandom);
    this.explorationRandom = own(explorationRandom);
  }

  /** Whether anything of an episode is there. */
  get isStarted(): boolean {
    return this.length > 0 || this.isAnswered;
  }

  /** Whether the environment is in the middle of an episode: an answer may have ended it. */
  get isInEpisode(): boolean {
    const { terminated, truncated } = this.answer;
    return this.isAnswered ? !terminated && !truncated : this.length > 0;
  }

  /**
   * Returns the environment's state; null between episodes, and if it has no `save` and `restore`. Throws an
   * EnvironmentError if `save` fails.
   */
  saveEnvironment(): Float64Array | null {
    const { environment } = this;
    if (!environment || this.#isLent) return this.saved;
    return this.isInEpisode && environment.save && environment.restore ? saveState(environment, this.name) : null;
  }

  /** Puts an environment where the current episode is, if there is one. Returns false if that is not possible. */
  resume(environment: Environment, name: string): boolean {
    const { saved } = this;
    if (!this.isInEpisode) return true;
    if (!saved || !environment.save || !environment.restore) return false;
    restoreState(environment, saved.slice(), name);
    const restored = saveState(environment, name).length;
    if (restored !== saved.length) {
      const got = `expected ${saved.length} numbers, as were saved, got ${restored}.`;
      throw new EnvironmentError(`${name} restore: state: ${got}`);
    }
    return true;
  }

  /** Takes over an environment at the beginning of a loop. */
  take(environment: Environment, name: string): void {
    this.environment = environment;
    this.saved = null;
    this.name = name;
    this.at = this.length + (this.isAnswered ? 1 : 0);
  }

  /** Releases an environment of this process, and drops the episode in it. Returns whether there was one. */
  detach(name: string): boolean {
    const isDropped = this.isStarted && (this.environment !== null || this.saved !== null || this.isAnswered);
    if (this.environment || this.saved || this.isAnswered) this.leave();
    this.environment = null;
    this.saved = null;
    this.name = name;
    return isDropped;
  }

  /** Takes a step that another process took as the answer to an action. */
  receive(step: Omit<ReceivedStep, "type" | "body">): void {
    const { answer } = this;
    this.observation.set(step.observation);
    answer.observation.set(step.nextObservation);
    answer.action.set(step.action);
    answer.reward = step.reward;
    answer.terminated = step.terminated;
    answer.truncated = step.truncated;
    answer.info = step.info;
  }

  /** Throws an InputError while the environment is being evaluated on. */
  expectOwn(): void {
    if (!this.#isLent) return;
    throw new InputError({
      where: this.name,
      expected: "no training step during an evaluation on the same environment",
      got: "one",
      hint: "Await evaluate, or make a second environment.",
    });
  }

  /** Whether `lend` is possible. */
  get isLendable(): boolean {
    const { environment } = this;
    const canReturn = environment?.save !== undefined && environment.restore !== undefined;
    return !this.#loop.isWaiting && !this.#isLent && (!this.isInEpisode || canReturn);
  }

  /**
   * Lends the environment to an evaluation; returns the function that puts it back as it was. Throws an InputError in
   * mid-episode if the environment has no `save` and `restore`, and while a step is under way.
   */
  lend(name: string): () => void {
    if (!this.isLendable) {
      const isInStep = this.#loop.isWaiting || this.#isLent;
      throw new InputError({
        where: name,
        expected: isInStep
          ? "a free environment"
          : "save and restore, to evaluate in the middle of an episode of train",
        got: isInStep ? `one in a ${this.#isLent ? "second evaluation" : "step of train"}` : "none",
        hint: "Make a second environment.",
      });
    }
    const state = this.saveEnvironment()?.slice() ?? null;
    this.saved = state;
    this.#isLent = true;
    return () => {
      this.#isLent = false;
      this.saved = null;
      if (this.environment && state) restoreState(this.environment, state, this.name);
    };
  }

  /** Counts the step that was answered; returns the episode if the step ended it, else null. */
  advance(): Episode | null {
    const { observation, reward, terminated, truncated } = this.answer;
    this.isAnswered = false;
    this.#loop.step++;
    this.length++;
    this.return += reward;
    this.observation.set(observation);
    if (!terminated && !truncated) return null;
    const info = this.info.take();
    // Bodies end episodes in any order: the number is that of the end.
    const number = this.#loop.episodes + 1;
    const episode = { ...{ number, return: this.return, length: this.length, terminated }, ...(info && { info }) };
    this.leave();
    this.episode++;
    return episode;
  }

  /** Abandons the current episode, with the step that is under way. The next one has the same number. */
  leave(): void {
    this.isAnswered = false;
    this.length = 0;
    this.return = 0;
    this.info.clear();
    this.at = 0;
  }
}
