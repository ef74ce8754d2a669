import {
  awaitHint,
  errorText,
  expect,
  expectOptions,
  InputError,
  isArrayLike,
  messageOf,
  perDimension,
} from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { Random } from "../base/random.ts";
import { copyObservation, expectFloat32, expectFloat32s, expectStepObject, terminatedHint } from "./answers.ts";
import type { Environment, Step } from "./environment.ts";
import {
  checkInfo,
  EnvironmentError,
  expectNoPromise,
  expectReadable,
  expectState,
  isKind,
} from "./environment-calls.ts";
import { isInUse, reserve } from "./environments-in-use.ts";
import { GoalCheck } from "./goal-check.ts";
import { Comparison, firstDifference, type Moment, Recording } from "./moments.ts";
import { ScaleMonitor } from "./scale-monitor.ts";
import { TimeLimit } from "./time-limit.ts";

/**
 * Options of `checkEnvironment`. Pass the scaling that you train with: the warnings are about what the networks see.
 */
export interface CheckOptions {
  /** The setting of this name: one value, or one per dimension [O]. Default: 1. */
  observationScale?: number | readonly number[];
  /** The setting of this name: one value, or one per dimension [O]. Default: 0. */
  observationOffset?: number | readonly number[];
  /** The setting of this name. Default: 1. */
  rewardScale?: number;
  /** The setting of this name: with it there is no warning about the scale of observations. Default: false. */
  observationNormalization?: boolean;
  /** The setting of this name: with it there is no warning about the scale of rewards. Default: false. */
  rewardNormalization?: boolean;
  /** The seed of the resets and the random actions. Default: 1. */
  seed?: number;
  /**
   * The number of time steps in each of the two main passes, from 0. Default: 1,000, or fewer, with a warning, if an
   * observation has more than 100,000 numbers.
   */
  steps?: number;
}

const optionNames = Object.keys({
  ...{ observationScale: true, observationOffset: true, rewardScale: true, seed: true, steps: true },
  ...{ observationNormalization: true, rewardNormalization: true },
} satisfies Record<keyof CheckOptions, true>);

/** What `checkEnvironment` found, one line for each finding; both lists are empty for a good environment. */
export interface EnvironmentReport {
  /** Violations of the contract of `Environment`: training would fail, or learn something else. */
  problems: string[];
  /** Conditions that make learning slow, such as observations on a bad scale. */
  warnings: string[];
  /** The error behind the last problem, where it ended the check early. */
  failure?: InputError;
}

/**
 * Throws an InputError that begins with `where` unless `actionLow` and `actionHigh` have the same length A ≥ 1, all
 * bounds are finite in Float32, and each lower bound is below its upper bound.
 */
export function checkBounds(environment: Pick<Environment, "actionLow" | "actionHigh">, where: string): void {
  const { actionLow, actionHigh } = environment;
  expect(
    isArrayLike(actionLow) && actionLow.length > 0,
    `${where}.actionLow`,
    "one bound for each action dimension",
    actionLow,
  );
  const wanted = `${actionLow.length} ${actionLow.length === 1 ? "bound" : "bounds"} as in actionLow`;
  expect(isArrayLike(actionHigh) && actionHigh.length === actionLow.length, `${where}.actionHigh`, wanted, actionHigh);
  for (let i = 0; i < actionLow.length; i++) {
    for (const name of ["actionLow", "actionHigh"] as const) {
      const bound = environment[name][i];
      const finite = typeof bound === "number" && Number.isFinite(Math.fround(bound));
      expect(finite, `${where}.${name}[${i}]`, "a finite number", bound, "Give the range the policy should use.");
    }
    expect(
      Math.fround(actionLow[i]) < Math.fround(actionHigh[i]),
      `${where}.actionHigh[${i}]`,
      `more than actionLow[${i}] = ${actionLow[i]}`,
      actionHigh[i],
    );
  }
}

/** With fewer Float32 values than this between its bounds, an action is coarse. */
const fewValues = 1000;

/**
 * Returns a warning for each action dimension whose bounds have few Float32 values between them: an action is a Float32,
 * so most numbers between such bounds cannot be reached. `where` is as in `checkBounds`, which has accepted the bounds.
 */
export function boundsWarnings(environment: Pick<Environment, "actionLow" | "actionHigh">, where: string): string[] {
  const { actionLow, actionHigh } = environment;
  return Array.from(actionLow).flatMap((low, i) => {
    const high = actionHigh[i];
    const values = float32Values(low, high);
    if (values >= fewValues) return [];
    return [
      `${where}.actionHigh[${i}]: expected at least ${fewValues} Float32 numbers from actionLow[${i}] = ${low}, got ${values} up to ${high}. ` +
        "Let the action be an offset: bounds around 0, to which the environment adds the large number.",
    ];
  });
}

/** Returns how many Float32 numbers are in [low, high]. */
function float32Values(low: number, high: number): number {
  const [first, last] = Float32Array.of(low, high);
  const outside = (first < low ? 1 : 0) + (last > high ? 1 : 0);
  return placeOf(last) - placeOf(first) + 1 - outside;
}

/** Returns the place of a Float32 number among all of them: neighbors differ by 1. */
function placeOf(value: number): number {
  const [bits] = new Int32Array(Float32Array.of(value).buffer);
  return bits >= 0 ? bits : -(bits & 0x7fffffff);
}

/** Without an end in this many steps, the check asks whether there is one. */
const stepsWithoutEnd = 1000;

/** The steps of each of the two main passes, unless their observations have more numbers than `maxNumbers` together. */
const defaultSteps = 1000;
const maxNumbers = 100_000_000;

/** How many steps each main pass of `checkEnvironment` takes by default: about a second's worth of observations. */
export function defaultCheckSteps(observationSize: number): number {
  return Math.max(1, Math.min(defaultSteps, Math.floor(maxNumbers / observationSize)));
}

/**
 * Checks the environments that `make` returns. The same seed must give the same episodes, in every instance and after
 * `restore`; every number must be finite; every observation must have `observationSize` numbers; instances must share
 * nothing; `hindsight` must agree with the steps. Takes about 2 · `steps` time steps with random actions within the
 * bounds. Calls `make` twice and closes both environments. Whatever is wrong is reported, not thrown.
 *
 * An environment that is not `repeatable` takes one pass of `steps` time steps and is not compared with itself. For one
 * that is `single`, `make` is called once.
 */
export async function checkEnvironment(
  make: () => Environment | Promise<Environment>,
  options: CheckOptions = {},
): Promise<EnvironmentReport> {
  expectOptions(options, "checkEnvironment", optionNames);
  const check = new Check(options);
  const made: Environment[] = [];
  let thrown = false;
  let failure: InputError | undefined;
  try {
    expect(typeof make === "function", "make", "a function that makes a fresh environment", make);
    made.push(await make());
    if (!made[0]?.single) made.push(await make());
    await check.run(made[0], made[1]);
  } catch (error) {
    thrown = true;
    if (isKind(error, InputError)) failure = error;
    if (failure || isKind(error, EnvironmentError)) check.problems.push(messageOf(error));
    else check.problems.push(`${check.where}: expected no error, got ${errorText(error)}.`);
  }
  check.release();
  for (const environment of new Set(made)) {
    try {
      // What was refused because a loop is using it stays open.
      if (environment && !isInUse(environment)) await environment.close?.();
    } catch (error) {
      // If the check itself failed, a failing close may only be a consequence.
      if (!thrown) check.problems.push(`close: expected no error, got ${errorText(error)}.`);
      thrown = true;
    }
  }
  return { problems: check.problems, warnings: check.warnings, ...(failure && { failure }) };
}

class Check {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  /** The call in progress; names the place of an error that the environment throws. */
  where = "make";
  readonly #options: CheckOptions;
  readonly #seed: number;
  readonly #steps: number;
  readonly #reported = new Set<string>();
  readonly #releases: (() => void)[] = [];

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#steps = options.steps ?? defaultSteps;
  }

  /** Lets other loops use the environments. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  /** `second` is undefined if there can be only one. */
  async run(first: Environment, second: Environment | undefined): Promise<void> {
    const whole = Number.isInteger(this.#steps) && this.#steps >= 0;
    expect(whole, "steps", "a whole number of at least 0", this.#steps);
    for (const environment of first?.single ? [first] : [first, second]) {
      if (environment) expectReadable(environment, "make");
      const expected = "an environment with reset and step";
      const whole = typeof environment?.reset === "function" && typeof environment.step === "function";
      expect(whole, "make", expected, environment, awaitHint(environment));
    }
    const isSame = second !== undefined && TimeLimit.innermost(first) === TimeLimit.innermost(second);
    if (isSame)
      throw new InputError({
        where: "make",
        expected: "a fresh environment from each call",
        got: "the same one twice",
        hint: "Construct it inside the function, or set single to true on it if there can be only one.",
      });
    for (const environment of second ? [first, second] : [first]) this.#releases.push(reserve(environment, "make"));
    const { observationSize } = first;
    const size = Number.isInteger(observationSize) && observationSize > 0;
    expect(size, "environment.observationSize", "a whole number above 0", observationSize);
    checkBounds(first, "environment");
    if (second) checkBounds(second, "environment");

    for (const warning of boundsWarnings(first, "environment")) this.warnings.push(warning);
    const { observationScale = 1, observationOffset = 0, rewardScale = 1 } = this.#options;
    const { observationNormalization = false, rewardNormalization = false } = this.#options;
    const scale = perDimension(observationScale, observationSize, "observationScale");
    const offset = perDimension(observationOffset, observationSize, "observationOffset");
    const steps = this.#mainSteps(observationSize);
    const monitor = new ScaleMonitor(observationNormalization ? 0 : observationSize, steps);
    const scaled = new Float64Array(observationSize);
    let scaleWarnings: readonly string[] = [];
    const episodes = new Recording();
    let hasEnd = false;
    const goals = first.hindsight === undefined ? null : new GoalCheck(first);
    await this.#walk(first, this.#stream("actions"), steps, (moment, action) => {
      const { isStep, observation, reward, terminated, truncated } = moment;
      if (first.repeatable !== false) episodes.add(moment);
      if (terminated || truncated) hasEnd = true;
      if (!isStep) return;
      if (goals) this.#once("goals", () => goals.add(moment, action, this.where));
      for (let i = 0; i < scaled.length; i++) scaled[i] = (observation[i] - offset[i]) * scale[i];
      const found = monitor.add(scaled, rewardNormalization ? 0 : reward * rewardScale);
      if (found.length > 0) scaleWarnings = found;
    });
    if (goals) this.#once("goals", () => goals.end());
    if (goals?.warning) this.warnings.push(goals.warning);
    if (!hasEnd) this.#expectEnd(first, steps);
    for (const warning of scaleWarnings) this.warnings.push(warning);
    if (first.repeatable === false) {
      this.#state(first);
      return;
    }

    const again = new Comparison(episodes);
    await this.#walk(second ?? first, this.#stream("actions"), steps, (moment) => again.add(moment));
    const alike = this.#same(
      again,
      "as in the first run with this seed",
      "Draw all random numbers from the `random` passed to reset, or set repeatable to false if that is impossible.",
    );
    // Without determinism, the checks below would only report the same problem again.
    if (!alike) return;
    if (second) await this.#apart(first, second);
    await this.#saved(first, second);
  }

  /** The steps of each of the two main passes. Where an observation has very many numbers, there are fewer, with a warning. */
  #mainSteps(observationSize: number): number {
    const { steps } = this.#options;
    if (steps !== undefined) return steps;
    const fewer = defaultCheckSteps(observationSize);
    if (fewer < defaultSteps)
      this.warnings.push(
        `steps: expected ${defaultSteps} random steps in each pass, got ${fewer}, because an observation has ${observationSize} numbers. ` +
          "Set steps to take more.",
      );
    return fewer;
  }

  /** Warns that no episode has ended, because every evaluation waits for that. */
  #expectEnd(environment: Environment, steps: number): void {
    if (environment.maxEpisodeSteps !== undefined || steps < stepsWithoutEnd) return;
    this.warnings.push(
      `episode: expected an end within ${steps} steps, got none. ` +
        "Every evaluation waits for its episodes to end: if the task has no end, wrap it in a TimeLimit.",
    );
  }

  /** Checks that stepping one instance does not change another. */
  async #apart(first: Environment, second: Environment): Promise<void> {
    const steps = Math.min(10, this.#steps);
    const undisturbed = new Recording();
    await this.#walk(first, this.#stream("apart"), steps, (moment) => undisturbed.add(moment));
    const disturbed = new Comparison(undisturbed);
    const add = (moment: Moment): void => disturbed.add(moment);
    await this.#walk(first, this.#stream("apart"), steps, add, async (observation, copy) => {
      await this.#walk(second, this.#stream("between"), Math.min(3, steps));
      this.#problem(
        firstDifference(copy, observation) < 0,
        "step observation: expected each environment to have its own array, got one that another environment writes to. Create it in the constructor.",
      );
    });
    this.#same(disturbed, "as when no other environment is stepped", "Keep state in the instance.");
  }

  /** Checks that `restore` brings back everything, in the same instance and in another one. */
  async #saved(first: Environment, second: Environment | undefined): Promise<void> {
    if (this.#steps === 0 || !(first.save || first.restore)) return;
    let hasEnded = false;
    await this.#walk(first, this.#stream("before save"), Math.min(5, this.#steps), ({ terminated, truncated }) => {
      hasEnded = terminated || truncated;
    });
    if (hasEnded) await first.reset(this.#stream("save"));
    const state = this.#state(first);
    if (!state) return;
    const steps = Math.min(20, this.#steps);
    const copy = state.slice();
    const expected = new Recording();
    await this.#walk(first, this.#stream("after save"), steps, (moment) => expected.add(moment), undefined, false);
    this.#problem(
      firstDifference(state, copy) < 0,
      "save: expected a fresh array, got one that later steps write to. Return a copy.",
    );
    for (const environment of second ? [first, second] : [first]) {
      this.where = "restore";
      expectNoPromise(environment.restore?.(copy.slice()), "restore", "nothing");
      const restored = new Comparison(expected);
      const add = (moment: Moment): void => restored.add(moment);
      await this.#walk(environment, this.#stream("after save"), steps, add, undefined, false);
      const comparison = environment === first ? "as before restore" : "as before restore in another environment";
      if (!this.#same(restored, comparison, "Let save return everything that a step depends on.")) return;
    }
  }

  /** Returns the state, checked; undefined without `save` and `restore`. */
  #state(first: Environment): Float64Array | undefined {
    if (!first.save && !first.restore) return undefined;
    if (!first.save || !first.restore) {
      const [there, missing] = first.save ? ["save", "restore"] : ["restore", "save"];
      throw new InputError({
        where: "environment",
        expected: "save and restore",
        got: `${there} alone`,
        hint: `Write ${missing}, or neither.`,
      });
    }
    this.where = "save";
    const state = first.save();
    expectState(state, "save");
    return state;
  }

  /**
   * Takes `steps` steps with random actions and calls `visit` with each reset and step, `between` after each step with
   * the observation and its copy. Starts with a reset if `fresh`; otherwise continues the current episode and stops at
   * its end.
   */
  async #walk(
    environment: Environment,
    random: Random,
    steps: number,
    visit: (moment: Moment, action: Float32Array) => void = () => {},
    between?: (observation: ArrayLike<number>, copy: Float64Array) => Promise<void>,
    fresh = true,
  ): Promise<void> {
    const starts = random.fork("resets");
    const copy = new Float64Array(environment.observationSize);
    for (let ended = fresh, taken = 0; taken < steps; ) {
      if (ended) {
        this.where = "reset";
        this.#observation(copy, await environment.reset(starts), "reset observation");
        const none = new Float32Array(environment.actionLow.length);
        visit({ isStep: false, observation: copy, reward: 0, terminated: false, truncated: false }, none);
      }
      const action = Float32Array.from(environment.actionLow, (low, i) =>
        random.uniform(low, environment.actionHigh[i]),
      );
      taken++;
      this.where = `step ${taken}`;
      const given = action.slice();
      const step = await environment.step(given);
      expectStepObject(step, this.where, "{ observation, reward, terminated }");
      const { observation, reward, terminated, truncated = false } = step;
      this.#observation(copy, observation, `${this.where} observation`);
      this.#step(step, given, action);
      // A reward that is not a number was reported already; NaN keeps the comparison quiet about it.
      const number = typeof reward === "number" ? reward : Number.NaN;
      visit({ isStep: true, observation: copy, reward: number, terminated, truncated }, action);
      await between?.(observation, copy);
      ended = terminated || truncated;
      await letMacrotasksRun();
      if (ended && !fresh) break;
    }
  }

  /** Copies an observation to `copy` [O]. Without a list of numbers, whatever else the check found would follow from that. */
  #observation(copy: Float64Array, observation: ArrayLike<number>, where: string): void {
    copyObservation(copy, observation, where);
    this.#once("observation", () => expectFloat32s(copy, where));
  }

  #step(step: Step, given: Float32Array, action: Float32Array): void {
    const { where } = this;
    const { observation, reward, terminated, truncated, info } = step;
    this.#problem(
      !ArrayBuffer.isView(observation) || observation.buffer !== given.buffer,
      "step observation: expected the environment's own array, got the action's. Copy the action's numbers.",
    );
    this.#problem(
      firstDifference(given, action) < 0,
      "step: expected the action unchanged, got it modified. Copy it first.",
    );
    this.#once("reward", () => expectFloat32(reward, `${where} reward`));
    this.#once("terminated", () =>
      expect(typeof terminated === "boolean", `${where} terminated`, "true or false", terminated, terminatedHint(step)),
    );
    this.#once("info", () => {
      if (info !== undefined) checkInfo(info, `${where} info`);
    });
    this.#once("truncated", () => {
      const fine = truncated === undefined || typeof truncated === "boolean";
      expect(fine, `${where} truncated`, "true, false or undefined", truncated);
    });
  }

  /** Reports the first difference; returns whether there is none. */
  #same(walk: Comparison, comparison: string, hint: string): boolean {
    const difference = walk.end(comparison, hint);
    if (!difference) return true;
    this.#once(comparison, () => {
      throw difference;
    });
    return false;
  }

  #problem(fine: boolean, message: string): void {
    if (!fine && !this.problems.includes(message)) this.problems.push(message);
  }

  /** Reports what `attempt` throws, but only the first problem of each kind. */
  #once(kind: string, attempt: () => void): void {
    try {
      attempt();
    } catch (error) {
      if (!this.#reported.has(kind)) this.problems.push(messageOf(error));
      this.#reported.add(kind);
    }
  }

  #stream(name: string): Random {
    return new Random(this.#seed).fork(name);
  }
}
