// Every step of an evaluation as a CSV table.
import type { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { sceneOf } from "../../environment/scene.ts";

const lineEnd = "\r\n"; // as RFC 4180 wants it

/** A moment of an episode. */
export interface Moment {
  /** In seconds, or in steps if the environment does not say how long a step is. */
  readonly time: number;
  readonly observation: readonly number[];
  /** The action that the observation led to, and its reward; empty and null at the end of the episode. */
  readonly action: readonly number[];
  readonly reward: number | null;
}

/** An episode to draw. */
export interface Moments {
  readonly timeUnit: "s" | "steps";
  readonly moments: readonly Moment[];
}

/** Of the first episode, at most as many moments are kept as a figure can show. */
const maxMoments = 20_000;

/** An environment that keeps what is observed, done and rewarded in another one, which it calls. */
export class Trajectory implements Environment {
  readonly observationSize: number;
  readonly actionLow: ArrayLike<number>;
  readonly actionHigh: ArrayLike<number>;
  readonly maxEpisodeSteps?: number;
  /** Steps taken, in all episodes. */
  steps = 0;
  readonly #environment: Environment;
  /** Seconds for each step; undefined if the environment does not say. */
  readonly #stepSeconds: number | undefined;
  /** Parts of the table, which would be too long as one string. */
  readonly #parts: Uint8Array[] = [];
  #text = "";
  readonly #first: Moment[] = [];
  #episode = 0;
  #step = 0;
  #observation: ArrayLike<number> = [];

  constructor(environment: Environment) {
    this.observationSize = environment.observationSize;
    this.actionLow = environment.actionLow;
    this.actionHigh = environment.actionHigh;
    if (environment.maxEpisodeSteps !== undefined) this.maxEpisodeSteps = environment.maxEpisodeSteps;
    this.#environment = environment;
    this.#stepSeconds = sceneOf(environment)?.stepSeconds;
    const columns = (name: string, size: number): string[] => Array.from({ length: size }, (_, i) => `${name}[${i}]`);
    const names = ["episode", "step", "time", ...columns("observation", this.observationSize)];
    this.#text = `${[...names, ...columns("action", this.actionLow.length), "reward"].join(",")}${lineEnd}`;
  }

  async reset(random: Random): Promise<ArrayLike<number>> {
    const observation = await this.#environment.reset(random);
    this.#episode++;
    this.#step = 0;
    // The environment may reuse its array.
    this.#observation = Array.from(observation);
    return observation;
  }

  async step(action: Float32Array): Promise<Step> {
    const taken = Array.from(action);
    const step = await this.#environment.step(action);
    this.#row(taken, step.reward);
    this.steps++;
    this.#step++;
    this.#observation = Array.from(step.observation);
    if (step.terminated || step.truncated) this.#row(new Array(taken.length).fill(""), "");
    return step;
  }

  /** The first episode. */
  get first(): Moments {
    return { timeUnit: this.#stepSeconds === undefined ? "steps" : "s", moments: this.#first };
  }

  /** The table so far. */
  csv(): Uint8Array[] {
    return [...this.#parts, Buffer.from(this.#text)];
  }

  #row(action: readonly (number | "")[], reward: number | ""): void {
    if (this.#episode === 1 && this.#first.length < maxMoments) {
      this.#first.push({
        time: this.#step * (this.#stepSeconds ?? 1),
        observation: Array.from(this.#observation),
        action: action.filter((value) => value !== ""),
        reward: reward === "" ? null : reward,
      });
    }
    // The product has digits that mean nothing, such as 0.15000000000000002.
    const time = this.#stepSeconds === undefined ? "" : Number((this.#step * this.#stepSeconds).toPrecision(12));
    const row = [this.#episode, this.#step, time, ...Array.from(this.#observation), ...action, reward];
    this.#text += `${row.join(",")}${lineEnd}`;
    if (this.#text.length < 65_536) return;
    this.#parts.push(Buffer.from(this.#text));
    this.#text = "";
  }
}
