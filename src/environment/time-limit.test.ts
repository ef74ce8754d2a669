import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { Pendulum } from "../envs/pendulum.ts";
import type { Environment, Step } from "./environment.ts";
import { TimeLimit } from "./time-limit.ts";

/** An environment that counts its steps and terminates at step `end`. */
class Counter implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [2];
  readonly end: number;
  taken = 0;
  closed = false;

  constructor(end = Infinity) {
    this.end = end;
  }

  reset(_: Random): number[] | Promise<number[]> {
    this.taken = 0;
    return [0];
  }

  step(_: Float32Array): Step | Promise<Step> {
    this.taken++;
    return { observation: [this.taken], reward: this.taken, terminated: this.taken === this.end };
  }

  close() {
    this.closed = true;
  }
}

class Saved extends Counter {
  save() {
    return Float64Array.of(this.taken, 99);
  }
  restore(state: Float64Array) {
    assert.equal(state.length, 2);
    assert.equal(state[1], 99);
    this.taken = state[0];
  }
}

class Remote extends Counter {
  override async reset(random: Random) {
    return super.reset(random);
  }
  override async step(action: Float32Array) {
    return super.step(action);
  }
}

const random = new Random(1);
const action = new Float32Array(1);

function ends(environment: Environment, steps: number): string {
  let text = "";
  for (let i = 0; i < steps; i++) {
    const step = environment.step(action) as Step;
    text += step.terminated ? "T" : step.truncated ? "t" : ".";
    assert.ok(!(step.terminated && step.truncated));
  }
  return text;
}

test("truncates at the last step, keeps its observation and reward, and does so again after a reset", () => {
  const environment = new TimeLimit(new Counter(), 4);
  for (let episode = 0; episode < 2; episode++) {
    assert.deepEqual(environment.reset(random), [0]);
    assert.equal(ends(environment, 3), "...");
    assert.deepEqual(environment.step(action), { observation: [4], reward: 4, terminated: false, truncated: true });
  }
});

test("a limit of one step truncates the first step", () => {
  const environment = new TimeLimit(new Counter(), 1);
  environment.reset(random);
  assert.equal(ends(environment, 1), "t");
});

test("an end with the very last step is terminated, not truncated", () => {
  const environment = new TimeLimit(new Counter(4), 4);
  environment.reset(random);
  assert.equal(ends(environment, 4), "...T");
});

test("an episode that ended early does not count toward the next", () => {
  const environment = new TimeLimit(new Counter(3), 4);
  environment.reset(random);
  assert.equal(ends(environment, 3), "..T");
  environment.reset(random);
  assert.equal(ends(environment, 3), "..T");
});

test("stays synchronous around a synchronous environment", () => {
  const environment = new TimeLimit(new Counter(), 4);
  assert.ok(!(environment.reset(random) instanceof Promise));
  assert.ok(!(environment.step(action) instanceof Promise));
});

test("works around promises", async () => {
  const environment = new TimeLimit(new Remote(), 2);
  assert.deepEqual(await environment.reset(random), [0]);
  assert.deepEqual(await environment.step(action), { observation: [1], reward: 1, terminated: false });
  assert.deepEqual(await environment.step(action), { observation: [2], reward: 2, terminated: false, truncated: true });
});

test("saves and restores its step count with the environment's state; has no save if the environment has none", () => {
  const environment = new TimeLimit(new Saved(), 5);
  environment.reset(random);
  ends(environment, 3);
  const state = environment.save?.();
  assert.deepEqual(state, Float64Array.of(3, 3, 99));
  const other = new TimeLimit(new Saved(), 5);
  other.restore?.(state as Float64Array);
  assert.equal(ends(other, 2), ".t");
  const without = new TimeLimit(new Counter(), 5);
  assert.equal(without.save, undefined);
  assert.equal(without.restore, undefined);
});

test("sizes, bounds and close are those of the environment", () => {
  const counter = new Counter();
  const environment = new TimeLimit(counter, 5);
  assert.deepEqual([environment.observationSize, environment.actionLow, environment.actionHigh], [1, [-1], [2]]);
  environment.close();
  assert.ok(counter.closed);
});

test("a limit that is not a whole number above 0 is refused", () => {
  assert.throws(() => new TimeLimit(new Counter(), 0), {
    message: "TimeLimit steps: expected a whole number above 0, got 0.",
  });
  assert.throws(() => new TimeLimit(new Counter(), 2.5), /got 2\.5/);
});

test("the name that errors use is that of the task", () => {
  assert.equal(new TimeLimit(new Counter(), 3).name, "Counter");
  assert.equal(new TimeLimit(Object.assign(new Counter(), { name: "cart" }), 3).name, "cart");
  assert.equal(new Pendulum().name, "Pendulum");
});

test("a state may have more numbers than a call takes arguments", () => {
  class Grid extends Counter {
    cells = new Float64Array(300_000);
    save() {
      return this.cells.slice();
    }
    restore(state: Float64Array) {
      this.cells.set(state);
    }
  }
  const grid = new Grid();
  const environment = new TimeLimit(grid, 5);
  environment.reset(random);
  environment.step(action);
  grid.cells[299_999] = 7;
  const state = environment.save?.() ?? new Float64Array(0);
  grid.cells.fill(0);
  environment.restore?.(state);
  assert.deepEqual([state.length, state[0], grid.cells[299_999]], [300_001, 1, 7]);
});

test("what an environment says of itself, its time limit says as well", () => {
  const plain = new TimeLimit(new Counter(), 5);
  assert.deepEqual([plain.maxEpisodeSteps, plain.repeatable, plain.single], [5, undefined, undefined]);
  const robot = new TimeLimit(Object.assign(new Counter(), { repeatable: false, single: true }), 5);
  assert.deepEqual([robot.repeatable, robot.single], [false, true]);
});

test("a step that is an object of a class with getters is whole at the limit too", () => {
  class Answer implements Step {
    readonly #x: number;
    readonly extra = "kept";
    constructor(x: number) {
      this.#x = x;
    }
    get observation() {
      return [this.#x];
    }
    get reward() {
      return this.#x;
    }
    get terminated() {
      return false;
    }
  }
  class Getters extends Counter {
    override step() {
      return new Answer(++this.taken);
    }
  }
  const limited = new TimeLimit(new Getters(), 1);
  limited.reset(random);
  const step = limited.step(action);
  assert.deepEqual(step, { observation: [1], reward: 1, terminated: false, truncated: true, extra: "kept" });
});

test("every member of an environment is there behind the limit", () => {
  // `Required` makes the compiler ask for a member that the interface gains; the loop asks the wrapper for it.
  const whole: Required<Environment> = {
    ...{ name: "whole", observationSize: 1, actionLow: [-1], actionHigh: [2] },
    ...{ maxEpisodeSteps: 5, repeatable: true, single: false },
    hindsight: { achieved: () => [0], withGoal: () => [0], outcome: () => ({ reward: 0, terminated: false }) },
    reset: () => [0],
    step: () => ({ observation: [0], reward: 0, terminated: false }),
    save: () => Float64Array.of(0),
    restore: () => {},
    close: () => {},
  };
  const limited: Environment = new TimeLimit(whole, 1);
  for (const name of Object.keys(whole) as (keyof Environment)[]) assert.notEqual(limited[name], undefined, name);
});
