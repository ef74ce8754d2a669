// Every step of an evaluation as a CSV table, and the first episode for a figure.
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { sceneOf } from "../../environment/scene.ts";

const lineEnd = "\r\n"; // as RFC 4180 wants it

/** A moment of an episode. */
interface Moment {
  /** In seconds, or in steps if the environment does not say how long a step is. */
  readonly time: number;
  /** At most `maxDrawnNumbers` of its numbers. */
  readonly observation: readonly number[];
  /**
   * The action that the observation led to, at most `maxDrawnNumbers` of its numbers, and its reward. Empty and null at the
   * end of the episode.
   */
  readonly action: readonly number[];
  readonly reward: number | null;
}

/** An episode to draw. */
export interface DrawnEpisode {
  readonly timeUnit: "s" | "steps";
  /** The numbers of a whole observation and a whole action. */
  readonly observationSize: number;
  readonly actionSize: number;
  /** The first steps, and the end of an episode that is not longer. */
  readonly moments: readonly Moment[];
  /** Whether the episode is longer. */
  readonly isCut: boolean;
}

/** A figure shows at most this many steps, and this many numbers of an observation or an action. */
export const maxDrawnSteps = 20_000;
export const maxDrawnNumbers = 12;

/** What a trajectory keeps: all steps as a table, or the first episode as a figure needs it, or both. */
export interface Kept {
  readonly table?: boolean;
  readonly figure?: boolean;
}

/** An environment that keeps what is observed, done and rewarded in another one, which it calls. */
export class Trajectory implements Environment {
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly maxEpisodeSteps?: number;
  /** Steps taken, in all episodes. */
  steps = 0;
  readonly #environment: Environment;
  readonly #kept: Kept;
  /** Seconds for each step; undefined if the environment does not say. */
  readonly #stepSeconds: number | undefined;
  /** Parts of the table, which would be too long as one string. */
  readonly #parts: Uint8Array[] = [];
  #text = "";
  readonly #first: Moment[] = [];
  #isCut = false;
  #episode = 0;
  #step = 0;
  #observation: readonly number[] = [];

  constructor(environment: Environment, kept: Kept) {
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    if (environment.maxEpisodeSteps !== undefined) this.maxEpisodeSteps = environment.maxEpisodeSteps;
    this.#environment = environment;
    this.#kept = kept;
    this.#stepSeconds = sceneOf(environment)?.stepSeconds;
    const columns = (name: string, size: number): string[] => Array.from({ length: size }, (_, i) => `${name}[${i}]`);
    const names = ["episode", "step", "time", ...columns("observation", this.observationSize)];
    this.#text = `${[...names, ...columns("action", this.actionLow.length), "reward"].join(",")}${lineEnd}`;
  }

  async reset(random: Random): Promise<ArrayLike<number>> {
    const observation = await this.#environment.reset(random);
    this.#episode++;
    this.#step = 0;
    this.#observation = numbersOf(observation);
    return observation;
  }

  async step(action: Float32Array): Promise<Step> {
    const taken = Array.from(action);
    const step = await this.#environment.step(action);
    // The caller refuses a result that is not a step.
    const { observation, reward, terminated, truncated } = (step ?? {}) as Partial<Step>;
    this.#row(taken, reward);
    this.steps++;
    this.#step++;
    this.#observation = numbersOf(observation);
    if (terminated || truncated) this.#row([], undefined);
    return step;
  }

  /** The first episode. */
  get first(): DrawnEpisode {
    return {
      timeUnit: this.#stepSeconds === undefined ? "steps" : "s",
      observationSize: this.observationSize,
      actionSize: this.actionLow.length,
      moments: this.#first,
      isCut: this.#isCut,
    };
  }

  /** The table so far. */
  csv(): Uint8Array[] {
    return [...this.#parts, Buffer.from(this.#text)];
  }

  /** Keeps what was observed, and the action and the reward that followed, unless the episode has ended. */
  #row(action: readonly number[], reward: number | undefined): void {
    if (this.#kept.figure && this.#episode === 1) this.#keepMoment(action, reward ?? null);
    if (!this.#kept.table) return;
    // The product has digits that mean nothing, such as 0.15000000000000002.
    const time = this.#stepSeconds === undefined ? "" : Number((this.#step * this.#stepSeconds).toPrecision(12));
    const taken = Array.from(this.actionLow, (_, i) => action[i] ?? "");
    const row = [this.#episode, this.#step, time, ...this.#observation, ...taken, reward ?? ""];
    this.#text += `${row.join(",")}${lineEnd}`;
    if (this.#text.length < 65_536) return;
    this.#parts.push(Buffer.from(this.#text));
    this.#text = "";
  }

  #keepMoment(action: readonly number[], reward: number | null): void {
    // The end of an episode that is just as long is kept.
    this.#isCut ||= this.#step >= maxDrawnSteps && reward !== null;
    if (this.#isCut || this.#first.length > maxDrawnSteps) return;
    this.#first.push({
      time: this.#step * (this.#stepSeconds ?? 1),
      observation: this.#observation.slice(0, maxDrawnNumbers),
      action: action.slice(0, maxDrawnNumbers),
      reward,
    });
  }
}

/** A copy, because the environment may reuse its array. The caller refuses an observation that is not a list. */
function numbersOf(observation: ArrayLike<number> | undefined): number[] {
  return Array.from(observation ?? []);
}
