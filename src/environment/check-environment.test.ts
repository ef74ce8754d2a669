import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../base/random.ts";
import { checkBounds, checkEnvironment, defaultCheckSteps } from "./check-environment.ts";
import type { Environment, Step } from "./environment.ts";
import { isInUse, reserve } from "./environments-in-use.ts";

/** A valid environment whose parts the tests replace: a point that is pushed around for 30 steps. */
class Point implements Environment {
  readonly observationSize: number = 2;
  actionLow: number[] = [-1, 10];
  actionHigh: number[] = [3, 20];
  position = 0;
  taken = 0;

  reset(random: Random): ArrayLike<number> | Promise<ArrayLike<number>> {
    this.position = random.normal();
    this.taken = 0;
    return this.observe();
  }

  step(action: Float32Array): Step | Promise<Step> {
    this.position = 0.5 * this.position + action[0] + action[1] - 15;
    this.taken++;
    return { observation: this.observe(), reward: -Math.abs(this.position), terminated: this.taken === 30 };
  }

  observe(): number[] {
    return [this.position, this.taken / 10];
  }

  save(): Float64Array {
    return Float64Array.of(this.position, this.taken);
  }

  restore(state: Float64Array): void {
    [this.position, this.taken] = state;
  }
}

/** A Point class whose step results are altered by `change`. */
function changed(change: (step: Step, point: Point, action: Float32Array) => Partial<Record<keyof Step, unknown>>) {
  return class extends Point {
    override step(action: Float32Array): Step {
      const step = super.step(action) as Step;
      return { ...step, ...change(step, this, action) } as Step;
    }
  };
}

async function problemsOf(kind: new () => Environment): Promise<string[]> {
  return (await checkEnvironment(() => new kind(), { steps: 100 })).problems;
}

test("a good environment has no problems and no warnings", async () => {
  assert.deepEqual(await checkEnvironment(() => new Point()), { problems: [], warnings: [] });
});

test("a good environment behind promises has no problems either, and is closed", async () => {
  let open = 0;
  class Remote extends Point {
    override async reset(random: Random) {
      return super.reset(random);
    }
    override async step(action: Float32Array) {
      return super.step(action);
    }
    close() {
      open--;
    }
  }
  const make = async () => {
    open++;
    return new Remote();
  };
  assert.deepEqual(await checkEnvironment(make), { problems: [], warnings: [] });
  assert.equal(open, 0);
});

test("an environment that cannot be closed is reported once", async () => {
  class Stuck extends Point {
    async close() {
      throw new Error("Stuck.");
    }
  }
  const { problems } = await checkEnvironment(() => new Stuck());
  assert.deepEqual(problems, ["close: expected no error, got Error: Stuck.."]);
});

test("episodes of one step and an observation array that is reused are accepted", async () => {
  class Short extends Point {
    readonly #observation = new Float32Array(2);
    override observe() {
      this.#observation.set([this.position, this.taken]);
      return this.#observation as unknown as number[];
    }
    override step(action: Float32Array): Step {
      assert.equal(this.taken, 0, "a step after the end");
      return { ...(super.step(action) as Step), terminated: true };
    }
  }
  assert.deepEqual(await problemsOf(Short), []);
});

test("random numbers from elsewhere are reported", async () => {
  let calls = 0;
  const problems = await problemsOf(changed(() => ({ reward: calls++ })));
  assert.deepEqual(problems, [
    "step 1 reward: expected 0, as in the first run with this seed, got 100. Draw all random numbers from the `random` passed to reset, or set repeatable to false if that is impossible.",
  ]);
});

test("an observation of the wrong size is reported, from step and from reset", async () => {
  assert.deepEqual(await problemsOf(changed(({ observation }) => ({ observation: [...Array.from(observation), 0] }))), [
    "step 1 observation: expected 2 numbers, got 3.",
  ]);
  class Wrong extends Point {
    override reset(random: Random) {
      super.reset(random);
      return [1];
    }
  }
  assert.deepEqual(await problemsOf(Wrong), ["reset observation: expected 2 numbers, got 1."]);
});

test("NaN and infinity in observations and rewards are reported", async () => {
  const nan = changed((_, point) => ({ observation: [0, point.taken === 3 ? NaN : 0] }));
  assert.deepEqual(await problemsOf(nan), ["step 3 observation[1]: expected a finite number, got NaN."]);
  const infinite = changed((_, point) => ({ reward: point.taken === 7 ? -Infinity : 0 }));
  assert.deepEqual(await problemsOf(infinite), ["step 7 reward: expected a finite number, got -Infinity."]);
});

test("terminated and truncated must be boolean", async () => {
  assert.deepEqual(await problemsOf(changed(() => ({ terminated: 0 }))), [
    "step 1 terminated: expected true or false, got 0.",
  ]);
  assert.deepEqual(await problemsOf(changed(() => ({ truncated: null }))), [
    "step 1 truncated: expected true, false or undefined, got null.",
  ]);
});

test("the action's array must not be returned as the observation", async () => {
  assert.deepEqual(await problemsOf(changed((_, __, action) => ({ observation: action }))), [
    "step observation: expected the environment's own array, got the action's. Copy the action's numbers.",
  ]);
});

test("the environment must not change the action", async () => {
  class Clipping extends Point {
    override step(action: Float32Array) {
      action[0] = Math.min(action[0], 0);
      return super.step(action);
    }
  }
  assert.deepEqual(await problemsOf(Clipping), [
    "step: expected the action unchanged, got it modified. Copy it first.",
  ]);
});

test("two environments must not share an observation array", async () => {
  const shared = new Float32Array(2);
  class Sharing extends Point {
    override observe() {
      shared.set([this.position, this.taken]);
      return shared as unknown as number[];
    }
  }
  assert.deepEqual(await problemsOf(Sharing), [
    "step observation: expected each environment to have its own array, got one that another environment writes to. Create it in the constructor.",
  ]);
});

test("two environments must not share state", async () => {
  let position = 0;
  class Sharing extends Point {
    constructor() {
      super();
      Object.defineProperty(this, "position", {
        get: () => position,
        set: (value) => {
          position = value;
        },
      });
    }
  }
  const problems = await problemsOf(Sharing);
  assert.equal(problems.length, 1);
  assert.match(
    problems[0],
    /^step 2 observation: expected \[.*\], as when no other environment is stepped, got \[.*\]\. Keep state in the instance\.$/,
  );
});

test("make must be a function that returns a new environment from each call", async () => {
  const one = new Point();
  assert.deepEqual((await checkEnvironment(() => one)).problems, [
    "make: expected a fresh environment from each call, got the same one twice. Construct it inside the function, or set single to true on it if there can be only one.",
  ]);
  assert.deepEqual((await checkEnvironment(one as never)).problems, [
    "make: expected a function that makes a fresh environment, got an object with observationSize, actionLow, actionHigh, position, taken.",
  ]);
  assert.deepEqual((await checkEnvironment(() => ({ reset: 1 }) as never)).problems, [
    "make: expected an environment with reset and step, got an object with reset.",
  ]);
});

test("an observation size of 0 is reported", async () => {
  class Sizeless extends Point {
    override readonly observationSize = 0;
  }
  assert.deepEqual(await problemsOf(Sizeless), [
    "environment.observationSize: expected a whole number above 0, got 0.",
  ]);
});

test("bounds that are missing, of different lengths, infinite, beyond Float32, equal or reversed are refused", () => {
  const refuse = (actionLow: number[], actionHigh: number[], message: string) =>
    assert.throws(() => checkBounds({ actionLow, actionHigh }, "environment"), { name: "InputError", message });
  refuse([], [], "environment.actionLow: expected one bound for each action dimension, got [].");
  refuse([0, 0], [1], "environment.actionHigh: expected 2 bounds as in actionLow, got [1].");
  refuse(
    [0, -Infinity],
    [1, 1],
    "environment.actionLow[1]: expected a finite number, got -Infinity. Give the range the policy should use.",
  );
  refuse(
    [0],
    [1e39],
    "environment.actionHigh[0]: expected a finite number, got 1e+39. Give the range the policy should use.",
  );
  refuse([0, 1], [1, 1], "environment.actionHigh[1]: expected more than actionLow[1] = 1, got 1.");
  refuse([2], [1], "environment.actionHigh[0]: expected more than actionLow[0] = 2, got 1.");
  refuse([1], [1 + 1e-9], "environment.actionHigh[0]: expected more than actionLow[0] = 1, got 1.000000001.");
  refuse(
    undefined as never,
    [1],
    "environment.actionLow: expected one bound for each action dimension, got undefined.",
  );
  checkBounds({ actionLow: [-1, 10], actionHigh: Float32Array.of(3, 20) }, "environment");
});

test("bad bounds are reported by checkEnvironment too", async () => {
  class Reversed extends Point {
    override actionLow = [3, 10];
    override actionHigh = [-1, 20];
  }
  assert.deepEqual(await problemsOf(Reversed), [
    "environment.actionHigh[0]: expected more than actionLow[0] = 3, got -1.",
  ]);
});

test("restore must not forget anything", async () => {
  class Forgetful extends Point {
    override restore(state: Float64Array) {
      this.position = state[0];
    }
  }
  const problems = await problemsOf(Forgetful);
  assert.equal(problems.length, 1);
  assert.match(
    problems[0],
    /^step 1 observation: expected \[.*\], as before restore, got \[.*\]\. Let save return everything that a step depends on\.$/,
  );
});

test("restore must not depend on what this episode's reset drew", async () => {
  class Goal extends Point {
    goal = 0;
    override reset(random: Random) {
      this.goal = random.normal();
      return super.reset(random);
    }
    override step(action: Float32Array): Step {
      return { ...(super.step(action) as Step), reward: this.position - this.goal };
    }
  }
  const problems = await problemsOf(Goal);
  assert.equal(problems.length, 1);
  assert.match(problems[0], /^step 1 reward: expected .*, as before restore in another environment, got/);
});

test("save must return a fresh Float64Array and come with restore", async () => {
  class Alias extends Point {
    readonly state = new Float64Array(2);
    override step(action: Float32Array) {
      const step = super.step(action);
      this.save();
      return step;
    }
    override save() {
      this.state.set([this.position, this.taken]);
      return this.state;
    }
  }
  assert.deepEqual(await problemsOf(Alias), [
    "save: expected a fresh array, got one that later steps write to. Return a copy.",
  ]);
  class Plain extends Point {
    override save() {
      return [this.position, this.taken] as never;
    }
  }
  const [problem] = await problemsOf(Plain);
  assert.match(problem, /^save: expected a Float64Array, got \[.*\]\.$/);
  class Half extends Point {
    override restore = undefined as never;
  }
  assert.deepEqual(await problemsOf(Half), [
    "environment: expected save and restore, got save alone. Write restore, or neither.",
  ]);
});

test("an error that the environment throws is reported with the step", async () => {
  const breaking = changed((_, point) => {
    if (point.taken === 4) throw new Error("the wheel came off");
    return {};
  });
  assert.deepEqual(await problemsOf(breaking), ["step 4: expected no error, got Error: the wheel came off."]);
  class Nothing extends Point {
    override step() {
      return undefined as never;
    }
  }
  assert.deepEqual(await problemsOf(Nothing), ["step 1: expected { observation, reward, terminated }, got undefined."]);
});

test("bad scales give warnings that name the dimension and the setting", async () => {
  const wide = changed((_, point) => ({ observation: [200 * point.position, point.taken / 10], reward: -5000 }));
  const { problems, warnings } = await checkEnvironment(() => new wide());
  assert.deepEqual(problems, []);
  assert.equal(warnings.length, 2);
  assert.match(
    warnings[0],
    /^observation\[0\]: expected a standard deviation .*observationScale and observationOffset/,
  );
  assert.match(warnings[1], /^reward: .*got -5000\. Set rewardScale/);
  const scaled = { observationScale: [0.01, 1], rewardScale: 0.001 };
  assert.deepEqual((await checkEnvironment(() => new wide(), scaled)).warnings, []);
});

test("an environment that is not repeatable is not compared with itself, and takes one pass", async () => {
  let steps = 0;
  class Noisy extends Point {
    readonly repeatable: boolean = false;
    override step(action: Float32Array): Step {
      steps++;
      const step = super.step(action) as Step;
      return { ...step, observation: [this.position + Math.random(), this.taken / 10] };
    }
  }
  assert.deepEqual(await checkEnvironment(() => new Noisy(), { steps: 40 }), { problems: [], warnings: [] });
  assert.equal(steps, 40);
  class Wrong extends Noisy {
    override save = (() => [1]) as never;
  }
  assert.match((await problemsOf(Wrong)).join(), /^save: expected a Float64Array, got \[1\]\.$/);
  class Undeclared extends Noisy {
    override repeatable = true;
  }
  assert.match((await problemsOf(Undeclared)).join(), /or set repeatable to false if that is impossible\.$/);
});

test("a single environment is made once, and compared with itself", async () => {
  let made = 0;
  class Only extends Point {
    readonly single = true;
    constructor() {
      super();
      made++;
    }
  }
  assert.deepEqual(await checkEnvironment(() => new Only()), { problems: [], warnings: [] });
  assert.equal(made, 1);
  class Forgetful extends Only {
    override restore(state: Float64Array): void {
      this.taken = state[1];
    }
  }
  assert.match((await problemsOf(Forgetful)).join(), /as before restore, got/);
});

test("the number of steps limits all passes; 0 takes none", async () => {
  let steps = 0;
  class Counted extends Point {
    override step(action: Float32Array) {
      steps++;
      return super.step(action);
    }
  }
  for (const [limit, most] of [
    [0, 0],
    [1, 9],
    [3, 33],
  ]) {
    steps = 0;
    assert.deepEqual((await checkEnvironment(() => new Counted(), { steps: limit })).problems, []);
    assert.ok(steps <= most, `${steps} with ${limit}`);
  }
  const { problems } = await checkEnvironment(() => new Counted(), { steps: -1 });
  assert.deepEqual(problems, ["steps: expected a whole number of at least 0, got -1."]);
});

test("a save or restore that is asynchronous, or a state that is no list of finite numbers, is reported", async () => {
  const saves: [() => unknown, RegExp][] = [
    [async () => Float64Array.of(0, 0), /^save: expected a Float64Array at once, got a promise\. Only reset and step/],
    [() => ({ position: 1 }), /^save: expected a Float64Array, got an object with position\.$/],
    [() => Float64Array.of(0, Infinity), /^save\[1\]: expected a finite number, got Infinity\.$/],
  ];
  for (const [save, message] of saves) {
    class Bad extends Point {
      override save = save as never;
    }
    assert.match((await problemsOf(Bad)).join(), message);
  }
  class Late extends Point {
    override async restore(state: Float64Array) {
      super.restore(state);
    }
  }
  assert.match((await problemsOf(Late)).join(), /^restore: expected nothing at once, got a promise\. Only reset/);
});

test("bounds with few Float32 numbers between them are a warning", async () => {
  const warningsOf = async (low: number, high: number) => {
    class Wide extends Point {
      override readonly actionLow = [low];
      override readonly actionHigh = [high];
    }
    const { warnings } = await checkEnvironment(() => new Wide(), { steps: 20 });
    return warnings.filter((warning) => warning.startsWith("environment.actionHigh"));
  };
  assert.deepEqual(await warningsOf(1e9, 1e9 + 100), [
    "environment.actionHigh[0]: expected at least 1000 Float32 numbers from actionLow[0] = 1000000000, got 2 up to 1000000100. " +
      "Let the action be an offset: bounds around 0, to which the environment adds the large number.",
  ]);
  assert.match((await warningsOf(-1e9 - 100, -1e9)).join(), /got 2 up to -1000000000/);
  assert.match((await warningsOf(1, 1 + 2 ** -14)).join(), /got 513 up to/);
  assert.deepEqual(await warningsOf(-1e9, 1e9), []);
  assert.deepEqual(await warningsOf(293, 373), []);
});

test("a task without an end is a warning after a thousand steps", async () => {
  class Endless extends Point {
    override step(action: Float32Array): Step {
      return { ...(super.step(action) as Step), terminated: false, truncated: false };
    }
  }
  assert.deepEqual(
    (await checkEnvironment(() => new Endless(), { steps: 1000, observationScale: 1e-3 })).warnings.at(0),
    [
      "episode: expected an end within 1000 steps, got none. Every evaluation waits for its episodes to end: if the task has no end, wrap it in a TimeLimit.",
    ].join(),
  );
});

test("an observation or a step in another form gives one line that names it", async () => {
  const said = async (size: number, observe: () => unknown, step?: unknown) => {
    const made = () => ({
      ...{ observationSize: size, actionLow: [-1], actionHigh: [1], reset: observe },
      step: () => step ?? { observation: observe(), reward: 0, terminated: true },
    });
    return (await checkEnvironment(made as never, { steps: 20 })).problems;
  };
  assert.deepEqual(await said(1, () => 5), ["reset observation: expected a list of 1 number, got 5."]);
  assert.deepEqual(await said(1, () => [1n]), [
    "reset observation[0]: expected a finite number, got 1n. Convert it with Number(…).",
  ]);
  assert.deepEqual(await said(2, () => [[1, 2]]), [
    "reset observation: expected 2 numbers, got a list in a list. Return the inner list.",
  ]);
  const info = "got [observation, info], as of Gymnasium's reset. Return the observation alone.";
  assert.deepEqual(await said(2, () => [[1, 2], {}]), [`reset observation: expected 2 numbers, ${info}`]);
  assert.deepEqual(await said(2, () => ({ observation: [1, 2] })), [
    "reset observation: expected a list of 2 numbers, got an object with observation. Return the observation alone.",
  ]);
  const expected = "step 1: expected { observation, reward, terminated }, got";
  assert.deepEqual(await said(1, () => [1], [[1], 0, false, false, {}]), [
    `${expected} a list of five, as Gymnasium's [observation, reward, terminated, truncated, info]. Return an object with these names.`,
  ]);
  assert.deepEqual(await said(1, () => [1], [[1], 0, false, {}]), [
    `${expected} a list of four, as Gym's [observation, reward, done, info]. Return an object with these names.`,
  ]);
  assert.deepEqual(await said(1, () => [1], { observation: [1], reward: 0, done: true }), [
    "step 1 terminated: expected true or false, got undefined. Instead of done, return terminated, or truncated if only a time limit was reached.",
  ]);
  assert.deepEqual(await said(1, () => [1], { observation: [1], reward: 1n, terminated: true }), [
    "step 1 reward: expected a finite number, got 1n.",
  ]);
});

test("where an observation has very many numbers, the check takes fewer steps, and says so", async () => {
  assert.deepEqual([1, 100_000, 300_000, 1e12].map(defaultCheckSteps), [1000, 1000, 333, 1]);
  let steps = 0;
  class Camera extends Point {
    override readonly observationSize = 4_000_000;
    readonly repeatable = false;
    readonly #picture = new Float32Array(4_000_000);
    override observe() {
      steps++;
      return this.#picture.fill(this.position) as unknown as number[];
    }
  }
  const { problems, warnings } = await checkEnvironment(() => new Camera());
  assert.deepEqual(problems, []);
  assert.equal(
    warnings[0],
    "steps: expected 1000 random steps in each pass, got 25, because an observation has 4000000 numbers. Set steps to take more.",
  );
  // With the reset.
  assert.equal(steps, 26);
});

test("an environment that another loop is using is not checked, and stays open", async () => {
  let isClosed = false;
  const environment = Object.assign(new Point(), {
    single: true,
    close: () => {
      isClosed = true;
    },
  });
  const release = reserve(environment, "mine");
  assert.deepEqual((await checkEnvironment(() => environment)).problems, [
    "make: expected a free environment, got one that another evaluation or check is using. Make a second environment.",
  ]);
  assert.deepEqual([isClosed, environment.taken], [false, 0]);
  release();
  assert.deepEqual((await checkEnvironment(() => environment)).problems, []);
  assert.deepEqual([isClosed, isInUse(environment)], [true, false]);
});
