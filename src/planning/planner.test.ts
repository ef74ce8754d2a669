import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { MountainCarContinuous } from "../envs/mountain-car-continuous.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { Planner, type PlannerSettings, plannerSettings } from "./planner.ts";
import { RandomPolicy } from "./random-policy.ts";

/** A mass at x that moves by the action and costs x² + a²/2: the simplest linear-quadratic task. */
class Mass implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-3];
  readonly actionHigh = [3];
  /** Calls of `step`. */
  steps = 0;
  #x = 0;

  reset(): number[] {
    this.#x = 2;
    return [this.#x];
  }

  step([a]: Float32Array): Step {
    this.steps++;
    const reward = -(this.#x * this.#x + (a * a) / 2);
    this.#x += a;
    return { observation: [this.#x], reward, terminated: false };
  }

  save(): Float64Array {
    return Float64Array.of(this.#x);
  }

  restore([x]: Float64Array): void {
    this.#x = x;
  }
}

/** Plays an episode; returns its actions and the sum of its rewards. */
function play(environment: Environment, actor: { act(): Float32Array }, start = new Random("start")) {
  environment.reset(start);
  const actions: number[] = [];
  let sum = 0;
  for (let ended = false; !ended; ) {
    const action = actor.act();
    actions.push(...action);
    const step = environment.step(action) as Step;
    sum += step.reward;
    ended = step.terminated || step.truncated === true;
  }
  return { actions, sum };
}

/** The greatest return of `steps` steps of `Mass`, by the Riccati equation: −p x² with no cost after the end. */
function optimum(steps: number): number {
  let p = 0;
  for (let t = 0; t < steps; t++) p = 1 + p - (p * p) / (p + 0.5);
  return -p * 4;
}

test("on a linear-quadratic task it comes within 1 % of the known optimum", () => {
  const best = optimum(20);
  assert.ok(Math.abs(best + 5.464) < 1e-3, `${best}`);
  const environment = new TimeLimit(new Mass(), 20);
  const budget = { horizon: 8, spacing: 1, samples: 200, iterations: 8 };
  const { sum } = play(environment, new Planner(environment, new Random(1), budget));
  assert.ok(sum <= best + 1e-9 && sum > 1.01 * best, `${sum}`);
});

test("Pendulum-v1: the planner swings the rod up from the first five starts of every evaluation", () => {
  const returns = Array.from({ length: 5 }, (_, i) => {
    const environment = new Pendulum();
    return play(environment, new Planner(environment, new Random(1)), new Random("evaluation").fork(`start ${i}`)).sum;
  });
  const mean = returns.reduce((sum, x) => sum + x, 0) / returns.length;
  assert.ok(mean > -150 && Math.min(...returns) > -240, returns.join(", "));
});

test("MountainCarContinuous-v0: a plan that looks far enough ahead reaches the goal", () => {
  const environment = new MountainCarContinuous();
  const planner = new Planner(environment, new Random(1), { horizon: 150, spacing: 15, noise: 1 });
  const { sum } = play(environment, planner);
  assert.ok(sum > 90, `${sum}`);
});

test("the same seed gives the same actions, another seed others", () => {
  const actionsOf = (seed: number): number[] => {
    const environment = new TimeLimit(new Pendulum(), 20);
    return play(environment, new Planner(environment, new Random(seed))).actions;
  };
  assert.deepEqual(actionsOf(1), actionsOf(1));
  assert.notDeepEqual(actionsOf(1), actionsOf(2));
});

test("planning leaves the environment as it was, and takes no more steps than its budget", () => {
  const mass = new Mass();
  const environment = new TimeLimit(mass, 100);
  environment.reset(new Random(1));
  const before = environment.save?.();
  const planner = new Planner(environment, new Random(1), { horizon: 10, samples: 6, iterations: 3 });
  planner.act();
  assert.deepEqual(environment.save?.(), before);
  assert.ok(mass.steps > 0 && mass.steps <= 10 * 6 * 3, `${mass.steps}`);
});

test("with replan it follows a plan for some steps, which costs one search", () => {
  const mass = new Mass();
  const environment = new TimeLimit(mass, 100);
  environment.reset(new Random(1));
  const planner = new Planner(environment, new Random(1), { horizon: 10, samples: 6, iterations: 2, replan: 3 });
  const costs = Array.from({ length: 6 }, () => {
    const before = mass.steps;
    const action = Float32Array.from(planner.act());
    const cost = mass.steps - before;
    environment.step(action);
    return cost;
  });
  // The best plan of the first iteration is not tried again in the second.
  const search = 10 * (6 + 5);
  assert.deepEqual(costs, [search, 0, 0, search, 0, 0]);
  // On the true model, following a good plan for three steps costs little.
  const budget = { horizon: 8, spacing: 1, samples: 200, iterations: 8, replan: 3 };
  const limited = new TimeLimit(new Mass(), 20);
  const { sum } = play(limited, new Planner(limited, new Random(1), budget));
  assert.ok(sum <= optimum(20) + 1e-9 && sum > 1.02 * optimum(20), `${sum}`);
});

test("after a search in which all plans were worth the same, all plans but the first are new ones", () => {
  /** Rewards nothing, and keeps the greatest action of each plan. */
  class Silent extends Mass {
    readonly greatest: number[] = [];

    override step(action: Float32Array): Step {
      const last = this.greatest.length - 1;
      this.greatest[last] = Math.max(this.greatest[last], Math.abs(action[0]));
      return { ...super.step(action), reward: 0 } as Step;
    }

    override restore(state: Float64Array): void {
      super.restore(state);
      this.greatest.push(0);
    }
  }
  const environment = new Silent();
  environment.reset();
  const samples = 20;
  const planner = new Planner(environment, new Random(1), { samples, iterations: 1, noise: 1e-3, horizon: 20 });
  const wide = Array.from({ length: 2 }, () => {
    environment.greatest.length = 0;
    planner.act();
    return environment.greatest.filter((greatest) => greatest > 0.1).length;
  });
  assert.ok(wide[0] > 0 && wide[0] < samples / 2, `${wide[0]} of the first search`);
  assert.equal(wide[1], samples - 1);

  /** Rewards only the plans of a search after the first `samples`. */
  class Late extends Silent {
    override step(action: Float32Array): Step {
      const step = super.step(action);
      return this.greatest.length > samples ? { ...step, reward: this.greatest.length } : step;
    }
  }
  const late = new Late();
  late.reset();
  const found = new Planner(late, new Random(1), { samples, iterations: 2, noise: 1e-3, horizon: 20 });
  found.act();
  late.greatest.length = 0;
  found.act();
  const others = late.greatest.slice(0, samples).filter((greatest) => greatest > 0.1).length;
  assert.ok(others < samples / 2, `${others} of the first iteration after one that found a reward in its second`);
});

test("a weak motor swings a pole up, whose only reward is at the top, from rest", () => {
  /** A pole at the angle x from the top, at the speed v, whose motor holds it up to 6° from hanging. */
  class WeakPole implements Environment {
    readonly observationSize = 2;
    readonly actionLow = [-0.1];
    readonly actionHigh = [0.1];
    #x = Math.PI;
    #v = 0;

    reset(): number[] {
      this.#x = Math.PI;
      this.#v = 0;
      return [this.#x, this.#v];
    }

    step([a]: Float32Array): Step {
      this.#v += 0.2 * (Math.sin(this.#x) + a);
      this.#x += 0.2 * this.#v;
      return { observation: [this.#x, this.#v], reward: Math.cos(this.#x) > 0.99 ? 1 : 0, terminated: false };
    }

    save(): Float64Array {
      return Float64Array.of(this.#x, this.#v);
    }

    restore([x, v]: Float64Array): void {
      this.#x = x;
      this.#v = v;
    }
  }
  const budget = { horizon: 250, spacing: 4, samples: 200, iterations: 1, replan: 10 };
  for (const seed of [1, 2, 3]) {
    const environment = new TimeLimit(new WeakPole(), 300);
    const { sum } = play(environment, new Planner(environment, new Random(seed), budget));
    assert.ok(sum > 5, `${sum} with seed ${seed}`);
  }
});

test("an error of the environment in a plan is the environment's", () => {
  class Broken extends Mass {
    override step(): Step {
      throw new Error("no wind");
    }
  }
  const environment = new Broken();
  environment.reset();
  assert.throws(() => new Planner(environment, new Random(1)).act(), {
    name: "EnvironmentError",
    message: "Broken step of a plan: no wind",
  });
});

test("a step that breaks the contract is named", () => {
  for (const [step, words] of [
    [undefined, "result: expected a step { observation, reward, terminated }, got undefined."],
    [{ observation: [0], reward: Number.NaN, terminated: false }, "reward: expected a finite number, got NaN."],
    [{ observation: [0], reward: 0 }, "terminated: expected true or false, got undefined."],
  ] as const) {
    class Broken extends Mass {
      override step(): Step {
        return step as Step;
      }
    }
    const environment = new Broken();
    environment.reset();
    assert.throws(() => new Planner(environment, new Random(1)).act(), {
      name: "EnvironmentError",
      message: `Broken step of a plan ${words}`,
    });
  }
});

test("a plan ends with the episode", () => {
  const mass = new Mass();
  const environment = new TimeLimit(mass, 2);
  environment.reset(new Random(1));
  new Planner(environment, new Random(1), { horizon: 10, samples: 4, iterations: 1 }).act();
  assert.equal(mass.steps, 2 * 4);
});

test("actions stay within the bounds, also one-sided ones", () => {
  class Sided extends Mass {
    override readonly actionLow = [1] as never;
    override readonly actionHigh = [2] as never;
  }
  const environment = new TimeLimit(new Sided(), 10);
  for (const actor of [
    new Planner(environment, new Random(1), { noise: 5 }),
    new RandomPolicy(environment, new Random(1)),
  ]) {
    const { actions } = play(environment, actor);
    assert.ok(actions.every((a) => a >= 1 && a <= 2));
    if (actor instanceof RandomPolicy) assert.equal(new Set(actions).size, actions.length);
  }
});

test("an environment that cannot be put back is refused, and one that returns promises", () => {
  const { save: _, ...rest } = { ...new Mass(), save: 0 };
  const forgetful: Environment = {
    ...rest,
    reset: () => [0],
    step: () => ({ observation: [0], reward: 0, terminated: false }),
  };
  assert.throws(() => new Planner(forgetful, new Random(1)), {
    name: "InputError",
    message: /expected an environment with save and restore, got one without/,
  });
  const mass = new Mass();
  const waiting: Environment = {
    ...{ observationSize: 1, actionLow: [-1], actionHigh: [1], reset: () => mass.reset() },
    ...{ save: () => mass.save(), restore: (state) => mass.restore(state) },
    step: async (action) => mass.step(action),
  };
  const before = Array.from(mass.save());
  assert.throws(() => new Planner(waiting, new Random(1)).act(), {
    name: "InputError",
    message: /expected an environment whose steps are not promises, got a promise/,
  });
  assert.deepEqual(Array.from(mass.save()), before, "it is put back all the same");
});

test("invalid settings are refused by name", () => {
  const cases: [Partial<PlannerSettings>, RegExp][] = [
    [{ horizon: 0 }, /^planner horizon: expected a whole number of at least 1, got 0/],
    [{ spacing: 1.5 }, /^planner spacing: expected a whole number of at least 1, got 1\.5/],
    [{ replan: 9, horizon: 8 }, /^planner replan: expected at most the horizon, 8, got 9/],
    [{ replan: 0 }, /^planner replan: expected a whole number of at least 1, got 0/],
    [{ samples: 1 }, /^planner samples: expected a whole number of at least 2, got 1/],
    [{ iterations: Number.NaN }, /^planner iterations: /],
    [{ noise: 0 }, /^planner noise: expected a number above 0, got 0/],
    [{ speed: 1 } as never, /speed/],
  ];
  for (const [settings, message] of cases) {
    assert.throws(() => plannerSettings(settings), { name: "InputError", message }, JSON.stringify(settings));
  }
});
