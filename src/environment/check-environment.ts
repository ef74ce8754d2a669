import { expect, expectNumbers, fail, InputError, perDimension } from "../base/expect.ts";
import { letMacrotasksRun } from "../base/macrotask.ts";
import { Random } from "../base/random.ts";
import type { Environment, Step } from "./environment.ts";
import { ScaleMonitor } from "./scale-monitor.ts";

/** What to check with. The scaling settings are those to train with: warnings are about what the networks will see. */
export interface CheckOptions {
  /** The setting of this name: one value, or one per dimension. 1 unless given. */
  observationScale?: number | readonly number[];
  /** The setting of this name: one value, or one per dimension. 0 unless given. */
  observationOffset?: number | readonly number[];
  /** The setting of this name. 1 unless given. */
  rewardScale?: number;
  /** 1 unless given. */
  seed?: number;
  /** 1,000 unless given. */
  steps?: number;
}

/** What `checkEnvironment` found, one line each: problems break the contract, warnings make learning slow. */
export interface EnvironmentReport {
  /** Each breaks the contract of `Environment`: training on it would fail or learn something else. */
  problems: string[];
  /** Each makes learning slow, such as observations on a bad scale. */
  warnings: string[];
  /** The error behind the last problem, where it ended the check early. */
  failure?: InputError;
}

/** Throws unless there are action bounds, as many low as high, all finite as Float32, each low one below its high one. */
export function checkBounds(environment: Pick<Environment, "actionLow" | "actionHigh">, where: string): void {
  const { actionLow, actionHigh } = environment;
  expect(actionLow?.length > 0, `${where}.actionLow`, "one bound a dimension of the action", actionLow);
  const wanted = `${actionLow.length} ${actionLow.length === 1 ? "bound" : "bounds"} as in actionLow`;
  expect(actionHigh?.length === actionLow.length, `${where}.actionHigh`, wanted, actionHigh);
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

/**
 * Tries out an environment that `make` makes: the same seed must give the same episodes, in every instance and after
 * `restore`; every number must be finite, every observation of the promised size, nothing shared. Takes about
 * 2 · `steps` steps, with random actions within the bounds.
 */
export async function checkEnvironment(
  make: () => Environment | Promise<Environment>,
  options: CheckOptions = {},
): Promise<EnvironmentReport> {
  const check = new Check(options);
  const made: Environment[] = [];
  let thrown = false;
  let failure: InputError | undefined;
  try {
    expect(typeof make === "function", "make", "a function that makes a fresh environment", make);
    for (let i = 0; i < 2; i++) made.push(await make());
    await check.run(made[0], made[1]);
  } catch (error) {
    thrown = true;
    if (error instanceof InputError) failure = error;
    if (error instanceof InputError) check.problems.push(error.message);
    else check.problems.push(`${check.where}: expected no error, got ${String(error)}.`);
  }
  for (const environment of new Set(made)) {
    try {
      await environment?.close?.();
    } catch (error) {
      // What went wrong before may be why.
      if (!thrown) check.problems.push(`close: expected no error, got ${String(error)}.`);
      thrown = true;
    }
  }
  return { problems: check.problems, warnings: check.warnings, ...(failure && { failure }) };
}

/** One time step as plain numbers, copied. `action` is null for a reset. */
interface Moment {
  action: Float32Array | null;
  observation: number[];
  reward: number;
  terminated: boolean;
  truncated: boolean;
}

class Check {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  /** What is being tried, for an error that the environment throws. */
  where = "make";
  readonly #options: CheckOptions;
  readonly #seed: number;
  readonly #steps: number;
  readonly #reported = new Set<string>();

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#steps = options.steps ?? 1000;
  }

  async run(first: Environment, second: Environment): Promise<void> {
    for (const environment of [first, second]) {
      const whole = typeof environment?.reset === "function" && typeof environment.step === "function";
      expect(whole, "make", "an environment with reset and step", environment);
    }
    if (first === second)
      throw new InputError({
        where: "make",
        expected: "a fresh environment a call",
        got: "the same one twice",
        hint: "Construct it inside the function.",
      });
    const { observationSize } = first;
    const size = Number.isInteger(observationSize) && observationSize > 0;
    expect(size, "environment.observationSize", "a whole number above 0", observationSize);
    checkBounds(first, "environment");
    checkBounds(second, "environment");

    const episodes = await this.#walk(first, this.#stream("actions"), this.#steps);
    const monitor = new ScaleMonitor(observationSize, this.#steps);
    const { observationScale = 1, observationOffset = 0, rewardScale = 1 } = this.#options;
    const scale = perDimension(observationScale, observationSize, "observationScale");
    const offset = perDimension(observationOffset, observationSize, "observationOffset");
    for (const { action, observation, reward } of episodes) {
      if (!action || observation.length !== observationSize) continue;
      const scaled = observation.map((x, i) => (x - offset[i]) * scale[i]);
      this.warnings.push(...monitor.add(scaled, reward * rewardScale));
    }

    const again = await this.#walk(second, this.#stream("actions"), this.#steps);
    const alike = this.#same(
      episodes,
      again,
      "the same as with this seed before",
      "All chance must come from the random that reset is given.",
    );
    // Further differences would only say the same once more.
    if (!alike) return;
    await this.#apart(first, second);
    await this.#saved(first, second);
  }

  /** Two instances must not move each other. */
  async #apart(first: Environment, second: Environment): Promise<void> {
    const undisturbed = await this.#walk(first, this.#stream("apart"), 10);
    const disturbed = await this.#walk(first, this.#stream("apart"), 10, async (observation) => {
      const before = Array.from(observation);
      await this.#walk(second, this.#stream("between"), 3);
      this.#problem(
        equal(before, Array.from(observation)),
        "step observation: expected an array of each environment's own, got one that another environment writes to. Make it in the constructor.",
      );
    });
    this.#same(undisturbed, disturbed, "the same while another environment is stepped", "Keep state in the instance.");
  }

  /** `restore` must bring back everything, in this instance and in another. */
  async #saved(first: Environment, second: Environment): Promise<void> {
    if (!first.save && !first.restore) return;
    if (!first.save || !first.restore) {
      const [there, missing] = first.save ? ["save", "restore"] : ["restore", "save"];
      throw new InputError({
        where: "environment",
        expected: "save and restore",
        got: `${there} alone`,
        hint: `Write ${missing}, or neither.`,
      });
    }
    const last = (await this.#walk(first, this.#stream("before save"), 5)).at(-1);
    if (last?.terminated || last?.truncated) await first.reset(this.#stream("save"));
    this.where = "save";
    const state = first.save();
    expect(state instanceof Float64Array, "save", "a Float64Array", state);
    const copy = state.slice();
    const onwards = await this.#walk(first, this.#stream("after save"), 20, undefined, false);
    this.#problem(
      equal(Array.from(state), Array.from(copy)),
      "save: expected a fresh array, got one that later steps write to. Return a copy.",
    );
    for (const environment of [first, second]) {
      this.where = "restore";
      environment.restore?.(copy.slice());
      const restored = await this.#walk(environment, this.#stream("after save"), 20, undefined, false);
      const place = environment === first ? "the same after restore" : "the same after restore in another environment";
      if (!this.#same(onwards, restored, place, "save must hold all that a step depends on.")) return;
    }
  }

  /** Episodes of so many steps in all, or without `fresh` from here to the end of this one; a copy of all that came. */
  async #walk(
    environment: Environment,
    random: Random,
    steps: number,
    between?: (observation: ArrayLike<number>) => Promise<void>,
    fresh = true,
  ): Promise<Moment[]> {
    const moments: Moment[] = [];
    const starts = random.fork("resets");
    for (let ended = fresh, taken = 0; taken < steps; ) {
      if (ended) {
        this.where = "reset";
        const observation = await environment.reset(starts);
        this.#observation(environment, observation, "reset observation");
        const start = { observation: Array.from(observation ?? []), reward: 0, terminated: false, truncated: false };
        moments.push({ action: null, ...start });
      }
      const action = Float32Array.from(environment.actionLow, (low, i) =>
        random.uniform(low, environment.actionHigh[i]),
      );
      taken++;
      this.where = `step ${taken}`;
      const given = action.slice();
      const step = await environment.step(given);
      this.#step(environment, step, given, action);
      const { observation, reward, terminated, truncated = false } = step;
      moments.push({ action, observation: Array.from(observation ?? []), reward, terminated, truncated });
      await between?.(observation);
      ended = terminated || truncated;
      await letMacrotasksRun();
      if (ended && !fresh) break;
    }
    return moments;
  }

  #observation(environment: Environment, observation: ArrayLike<number>, where: string): void {
    this.#once(`observation ${observation?.length === environment.observationSize}`, () =>
      expectNumbers(observation, environment.observationSize, where),
    );
  }

  #step(environment: Environment, step: Step, given: Float32Array, action: Float32Array): void {
    const { where } = this;
    expect(typeof step === "object" && step !== null, where, "{ observation, reward, terminated }", step);
    const { observation, reward, terminated, truncated } = step;
    this.#observation(environment, observation, `${where} observation`);
    this.#problem(
      !ArrayBuffer.isView(observation) || observation.buffer !== given.buffer,
      "step observation: expected an array of its own, got the action's. Copy the action's numbers.",
    );
    this.#problem(
      equal(Array.from(given), Array.from(action)),
      "step: expected the action to be left as it was, got it changed. Copy it first.",
    );
    this.#once("reward", () => expect(Number.isFinite(reward), `${where} reward`, "a finite number", reward));
    this.#once("terminated", () =>
      expect(typeof terminated === "boolean", `${where} terminated`, "true or false", terminated),
    );
    this.#once("truncated", () => {
      const fine = truncated === undefined || typeof truncated === "boolean";
      expect(fine, `${where} truncated`, "true, false or nothing", truncated);
    });
  }

  /** Reports the first moment that differs. NaN equals NaN here: it is reported for itself. */
  #same(expected: Moment[], actual: Moment[], comparison: string, hint: string): boolean {
    let step = 0;
    for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
      const [wanted, got] = [expected[i], actual[i]];
      if (wanted?.action) step++;
      const where = wanted?.action ? `step ${step}` : "reset";
      for (const name of ["observation", "reward", "terminated", "truncated"] as const) {
        const [a, b] = [wanted?.[name], got?.[name]];
        const same = Array.isArray(a) && Array.isArray(b) ? equal(a, b) : Object.is(a, b);
        if (same) continue;
        this.#once(comparison, () => {
          const values = Array.isArray(a) ? `[${a.join(", ")}]` : (a ?? "no such step");
          fail(`${where} ${name}`, `${values}, ${comparison}`, b ?? null, hint);
        });
        return false;
      }
    }
    return true;
  }

  #problem(fine: boolean, message: string): void {
    if (!fine && !this.problems.includes(message)) this.problems.push(message);
  }

  /** Reports what `attempt` throws, the first of each kind alone. */
  #once(kind: string, attempt: () => void): void {
    try {
      attempt();
    } catch (error) {
      if (!this.#reported.has(kind)) this.problems.push((error as Error).message);
      this.#reported.add(kind);
    }
  }

  #stream(name: string): Random {
    return new Random(this.#seed).fork(name);
  }
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
