import { expect, expectOptions, InputError } from "../base/expect.ts";
import { pi, sin } from "../base/math.ts";
import { expectRandom, type Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import {
  EnvironmentError,
  expectEnvironment,
  expectStep,
  isPromise,
  nameOf,
  restoreState,
  saveState,
  whatWas,
} from "../environment/environment-calls.ts";

/** The budget of a planner, and how it searches. A search costs at most iterations · samples · horizon steps. */
export interface PlannerSettings {
  /** Time steps that a plan looks ahead. */
  horizon: number;
  /** Time steps between two knots of a plan; actions between them are interpolated. */
  spacing: number;
  /** Plans that are tried in each iteration. */
  samples: number;
  /** Iterations of each search. */
  iterations: number;
  /** Time steps from one search to the next. The model is the true one, so a plan comes out as it was planned. */
  replan: number;
  /** The standard deviation of the first iteration's knots, as a fraction of half the range of the actions. */
  noise: number;
}

/** Settings that solve the classic tasks. */
export const plannerDefaults: Readonly<PlannerSettings> = {
  horizon: 40,
  spacing: 4,
  samples: 48,
  iterations: 2,
  replan: 1,
  noise: 0.5,
};

/** Of the samples, the part from which the next iteration's distribution follows. */
const eliteFraction = 0.1;
/** The least standard deviation of a knot, as a fraction of the first one; else a search would end too early. */
const leastNoise = 0.02;
/**
 * Of the first iteration's samples, the part that is drawn from all plans, in case that another way is better. It is all of
 * them after a search that found no difference between plans.
 */
const freshFraction = 0.2;
/** Of the first iteration's samples after a search that found no difference between plans, the part that are waves. */
const waveFraction = 0.5;

/**
 * Acts by planning with the true model: in each time step, or in every few, it tries many sequences of actions on the
 * environment itself, puts the environment back, and follows the best. The search is the cross-entropy method: knots are
 * drawn from normal distributions, which move to the best plans. It starts from the best plan of the step before.
 *
 * One planner plays one episode. It can take the place of a policy in `evaluate` of one episode, with
 * this same environment.
 */
export class Planner {
  readonly #environment: Environment;
  readonly #settings: PlannerSettings;
  readonly #random: Random;
  readonly #name: string;
  readonly #actionSize: number;
  readonly #elites: number;
  readonly #action: Float32Array;
  /** The mean of the plans, in units where the bounds are ±1: [knots · A]. */
  readonly #mean: Float64Array;
  readonly #deviation: Float64Array;
  readonly #best: Float64Array;
  readonly #plans: Float64Array[];
  readonly #returns: Float64Array;
  /** The indices of the plans, best first once they are sorted. */
  readonly #order: number[];
  /** Time steps since the first knot. */
  #phase = 0;
  /** Time steps until the next search. */
  #wait = 0;
  /** Whether all plans of the last search had the same return, so that no plan is a reason to search near it. */
  #isLost = false;

  /**
   * Plans in `environment`, which needs `save` and `restore`, and may not return promises. Everything random is drawn from
   * `random`. Throws an InputError for an environment without them and for invalid settings.
   */
  constructor(environment: Environment, random: Random, settings: Partial<PlannerSettings> = {}) {
    expectEnvironment(environment, "Planner environment");
    expectRandom(random, "Planner random");
    this.#settings = plannerSettings(settings);
    this.#name = nameOf(environment);
    if (!environment.save || !environment.restore) {
      throw new InputError({
        where: this.#name,
        expected: "an environment with save and restore",
        got: "one without",
        hint: "A planner tries actions on the environment and puts it back, so it needs both methods.",
      });
    }
    this.#environment = environment;
    this.#random = random;
    const { horizon, spacing, samples } = this.#settings;
    this.#actionSize = environment.actionLow.length;
    // The last step of a horizon that begins just before the second knot still lies between two knots.
    const knots = Math.ceil((horizon - 1) / spacing) + 2;
    const length = knots * this.#actionSize;
    this.#elites = Math.max(2, Math.round(samples * eliteFraction));
    this.#action = new Float32Array(this.#actionSize);
    this.#mean = new Float64Array(length);
    this.#deviation = new Float64Array(length);
    this.#best = new Float64Array(length);
    this.#plans = Array.from({ length: samples }, () => new Float64Array(length));
    this.#returns = new Float64Array(samples);
    this.#order = Array.from({ length: samples }, (_, i) => i);
  }

  /** Returns the action for the environment's current state: [A]; the array of the next call. */
  act(): Float32Array {
    if (this.#wait === 0) {
      const state = saveState(this.#environment, this.#name);
      try {
        this.#search(state);
      } finally {
        restoreState(this.#environment, state, this.#name);
      }
      this.#wait = this.#settings.replan;
    }
    this.#wait--;
    this.#write(this.#best, 0);
    this.#advance();
    return this.#action;
  }

  /** Searches from a state, and leaves the best plan in `#best`. */
  #search(state: Float64Array): void {
    const { samples, iterations, noise } = this.#settings;
    this.#mean.set(this.#best);
    this.#deviation.fill(noise);
    let best = -Infinity;
    let worst = Infinity;
    for (let iteration = 0; iteration < iterations; iteration++) {
      for (let i = 0; i < samples; i++) {
        // The first plan is the best so far, and in later iterations the second is the mean of the best ones.
        if (i === 0) this.#plans[i].set(this.#best);
        else if (i === 1 && iteration > 0) this.#plans[i].set(this.#mean);
        else this.#draw(this.#plans[i], iteration === 0);
        this.#returns[i] = i === 0 && iteration > 0 ? best : this.#returnOf(this.#plans[i], state);
      }
      // With equal returns the earlier plan is first, so that the best one so far is kept.
      this.#order.sort((a, b) => this.#returns[b] - this.#returns[a] || a - b);
      const [first] = this.#order;
      best = this.#returns[first];
      worst = Math.min(worst, this.#returns[this.#order[samples - 1]]);
      this.#best.set(this.#plans[first]);
      if (iteration + 1 < iterations) this.#fit();
    }
    // The best plan is kept from iteration to iteration, so this is the best of all plans.
    this.#isLost = best === worst;
  }

  /** Draws a plan. Some explore and some refine; in the first iteration some depend on nothing that was planned before. */
  #draw(plan: Float64Array, isFirst: boolean): void {
    const kind = this.#random.uniform();
    if (isFirst && this.#isLost && kind < waveFraction) {
      this.#drawWave(plan);
      return;
    }
    const isFresh = isFirst && (this.#isLost || kind < freshFraction);
    const scale = kind < 0.5 ? 1 : 0.3;
    const least = leastNoise * this.#settings.noise;
    const size = this.#actionSize;
    for (let k = 0; k < plan.length; k++) {
      if (!isFresh) plan[k] = clip(this.#mean[k] + scale * Math.max(this.#deviation[k], least) * this.#random.normal());
      // A fresh plan often keeps an action for long and at a bound: a swing-up needs that, and noise hardly ever has it.
      else if (k >= size && this.#random.uniform() < 0.5) plan[k] = plan[k - size];
      else plan[k] = clip(2 * this.#random.normal());
    }
  }

  /**
   * Draws a wave between the bounds, for each action another, whose period grows evenly from knot to knot, at most threefold. A
   * body that swings wider swings slower, so a weak motor brings it up with such a wave and hardly ever by chance.
   */
  #drawWave(plan: Float64Array): void {
    const size = this.#actionSize;
    const knots = plan.length / size;
    for (let i = 0; i < size; i++) {
      // Knots to half a period, from 2 to 8, at the first knot.
      const first = 2 + 6 * this.#random.uniform();
      const growth = 2 * this.#random.uniform();
      let phase = 2 * pi * this.#random.uniform();
      for (let knot = 0; knot < knots; knot++) {
        plan[knot * size + i] = clip(2 * sin(phase));
        phase += pi / (first * (1 + growth * (knot / knots)));
      }
    }
  }

  /** Fits the distribution to the best plans. */
  #fit(): void {
    for (let k = 0; k < this.#mean.length; k++) {
      let sum = 0;
      for (let e = 0; e < this.#elites; e++) sum += this.#plans[this.#order[e]][k];
      const mean = sum / this.#elites;
      let squares = 0;
      for (let e = 0; e < this.#elites; e++) {
        const difference = this.#plans[this.#order[e]][k] - mean;
        squares += difference * difference;
      }
      this.#mean[k] = mean;
      // Half of the samples deviate little, and are often the best: their deviation alone would end the search too early.
      this.#deviation[k] = Math.max(Math.sqrt(squares / this.#elites), 0.7 * this.#deviation[k]);
    }
  }

  /** Returns Σ r of a plan from a state, up to the horizon or the end of the episode. */
  #returnOf(plan: Float64Array, state: Float64Array): number {
    restoreState(this.#environment, state, this.#name);
    let sum = 0;
    for (let t = 0; t < this.#settings.horizon; t++) {
      this.#write(plan, t);
      const { reward, terminated, truncated } = this.#step();
      sum += reward;
      if (terminated || truncated) break;
    }
    return sum;
  }

  /** Takes one step of a plan. */
  #step(): Step {
    let step: Step | Promise<Step>;
    try {
      step = this.#environment.step(this.#action);
    } catch (error) {
      throw new EnvironmentError(`${this.#name} step of a plan: ${whatWas(error)}`, { cause: error });
    }
    if (!isPromise(step)) {
      expectStep(step, () => `${this.#name} step of a plan`);
      return step;
    }
    step.then(undefined, () => {}); // its rejection would end the process
    throw new InputError({
      where: this.#name,
      expected: "an environment whose steps are not promises",
      got: "a promise",
      hint: "A planner needs thousands of steps for each action, so it does not wait for them.",
    });
  }

  /** Writes a plan's action, t time steps from now, in the environment's units. */
  #write(plan: Float64Array, t: number): void {
    const { spacing } = this.#settings;
    const steps = this.#phase + t;
    const knot = Math.floor(steps / spacing);
    const weight = (steps - knot * spacing) / spacing;
    const { actionLow, actionHigh } = this.#environment;
    const size = this.#actionSize;
    for (let i = 0; i < size; i++) {
      const from = plan[knot * size + i];
      const value = from + weight * (plan[(knot + 1) * size + i] - from);
      const low = actionLow[i];
      const high = actionHigh[i];
      this.#action[i] = Math.max(low, Math.min(high, low + 0.5 * (value + 1) * (high - low)));
    }
  }

  /** Moves the best plan by one time step. Once a knot has passed, the last one is repeated. */
  #advance(): void {
    this.#phase++;
    if (this.#phase < this.#settings.spacing) return;
    this.#phase = 0;
    const size = this.#actionSize;
    this.#best.copyWithin(0, size);
  }
}

/** Returns all settings of a planner. Throws an InputError for an invalid one. */
export function plannerSettings(changes: Partial<PlannerSettings> = {}): PlannerSettings {
  expectOptions(changes, "planner", Object.keys(plannerDefaults));
  const settings = { ...plannerDefaults, ...changes };
  const { noise, ...counts } = settings;
  for (const [name, value] of Object.entries(counts)) {
    const least = name === "samples" ? 2 : 1;
    const good = Number.isSafeInteger(value) && value >= least;
    expect(good, `planner ${name}`, `a whole number of at least ${least}`, value);
  }
  const { replan, horizon } = settings;
  expect(replan <= horizon, "planner replan", `at most the horizon, ${horizon}`, replan);
  expect(Number.isFinite(noise) && noise > 0, "planner noise", "a number above 0", noise);
  return settings;
}

function clip(x: number): number {
  return Math.max(-1, Math.min(x, 1));
}
