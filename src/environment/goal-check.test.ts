import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../base/random.ts";
import { checkEnvironment } from "./check-environment.ts";
import type { Environment, Goals, Step } from "./environment.ts";

/** A point on a line that observes its place, the distance to its goal, and the time. The task ends near the goal. */
class Point implements Environment {
  readonly observationSize = 3;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  place = 0;
  goal = 0;
  time = 0;
  hindsight: Goals = {
    achieved: ([place]) => [place],
    withGoal: ([place, , time], [goal]) => [place, goal - place, time],
    outcome: ([, distance], [action]) => ({
      reward: (Math.abs(distance) < 0.1 ? 0 : -1) - 0.1 * action * action,
      terminated: Math.abs(distance) < 0.1,
    }),
  };

  reset(random: Random): number[] {
    this.place = random.uniform(-1, 1);
    this.goal = random.uniform(-1, 1);
    this.time = 0;
    return this.observe();
  }

  step(action: Float32Array): Step {
    this.place += 0.1 * action[0];
    this.time += 0.1;
    const isNear = Math.abs(this.goal - this.place) < 0.1;
    const reward = (isNear ? 0 : -1) - 0.1 * action[0] * action[0];
    return { observation: this.observe(), reward, terminated: isNear, truncated: this.time > 2 };
  }

  observe(): number[] {
    return [this.place, this.goal - this.place, this.time];
  }
}

/** The report on a Point with other methods; they get the point, to depend on its state. */
function reportOn(changes: (point: Point) => Partial<Goals>) {
  const make = () => {
    const point = new Point();
    point.hindsight = { ...point.hindsight, ...changes(point) };
    return point;
  };
  return checkEnvironment(make, { steps: 200 });
}

test("good goals have no problems and no warnings", async () => {
  assert.deepEqual(await reportOn(() => ({})), { problems: [], warnings: [] });
});

test("a member that is not an object with three methods is a problem", async () => {
  for (const [given, message] of [
    [3, /^environment\.hindsight: expected an object with the methods achieved, withGoal, outcome, got 3\./],
    [{}, /^environment\.hindsight\.achieved: expected a method, got undefined\./],
  ] as const) {
    const make = () => Object.assign(new Point(), { hindsight: given }) as never;
    assert.match((await checkEnvironment(make, { steps: 5 })).problems[0], message);
  }
});

const outcome = new Point().hindsight.outcome;
const faults: Record<string, [(point: Point) => Partial<Goals>, RegExp]> = {
  "no numbers": [
    () => ({ achieved: () => [] }),
    /^step 1 hindsight\.achieved: expected a list of at least one number, got \[\]\.$/,
  ],
  "what is achieved depends on the state": [
    (point) => ({ achieved: () => [point.place] }),
    /^step 1 hindsight\.achieved: expected -?[\d.]+, the same after a later step, got .* Compute it from the arguments alone, not from the state of the environment\.$/,
  ],
  "another reward than the step's": [
    () => ({
      outcome: ([, distance]) => ({ reward: Math.abs(distance) < 0.1 ? 0 : -1, terminated: Math.abs(distance) < 0.1 }),
    }),
    /^step 1 hindsight\.outcome reward: expected -[\d.]+, the step's reward, got (-1|0)\. Give the same as step where the goal is that of the episode\./,
  ],
  "a reward that depends on the state": [
    (point) => ({ outcome: (_, action) => outcome(Float64Array.from(point.observe()), action) }),
    /^step \d+ hindsight\.outcome (reward|terminated): expected .* not from the state of the environment\.$/,
  ],
  "another end than the step's": [
    () => ({ outcome: (observation, action) => ({ ...outcome(observation, action), terminated: false }) }),
    /^step \d+ hindsight\.outcome terminated: expected the step's, true, got false\./,
  ],
  "a relabeled observation that has achieved something else": [
    () => ({ withGoal: ([place, , time], [goal]) => [goal, place - goal, time] }),
    /^step \d+ hindsight\.achieved after withGoal: expected -?[\d.]+, what the observation has achieved with any goal, got .* Change only the goal in the observation\.$/,
  ],
  "an observation without the goal": [
    () => ({ withGoal: (observation) => observation }),
    /^step 2 hindsight\.withGoal: expected other observations for other goals, got the same one\. The goal has to be part of the observation\.$/,
  ],
  "a goal that is added to the one before": [
    () => ({ withGoal: ([place, distance, time], [goal]) => [place, distance + goal, time] }),
    /^step \d+ hindsight\.withGoal\[1\]: expected .*, the same whichever goal was there before, got .* Replace the goal that is there\.$/,
  ],
  "an observation of another size": [
    () => ({ withGoal: ([place], [goal]) => [place, goal] }),
    /^step 1 hindsight\.withGoal: expected 3 numbers, got 2\.$/,
  ],
  "a promise": [
    () => ({ achieved: async () => [1] }) as never,
    /^step 1 hindsight\.achieved: expected a list of numbers at once, got a promise\. Only reset and step may be asynchronous\.$/,
  ],
};

for (const [name, [changes, message]] of Object.entries(faults)) {
  test(`a problem, reported once: ${name}`, async () => {
    const { problems } = await reportOn(changes);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0], message);
  });
}

test("a warning if the reward does not depend on the goal", async () => {
  class Blind extends Point {
    override readonly hindsight: Goals = {
      achieved: ([place]) => [place],
      withGoal: ([place, , time], [goal]) => [place, goal - place, time],
      outcome: ([, , time]) => ({ reward: -time, terminated: false }),
    };
    override step(action: Float32Array): Step {
      return { ...super.step(action), reward: -this.time, terminated: false };
    }
  }
  assert.deepEqual(await checkEnvironment(() => new Blind(), { steps: 200 }), {
    problems: [],
    warnings: [
      "hindsight.outcome: expected another reward or end where the goal is what was achieved, got the same in all 200 steps. Compute it from the goal that is in the observation.",
    ],
  });
});
