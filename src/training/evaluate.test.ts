import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Random } from "../base/random.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { train } from "../ddpg/train.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { TimeLimit } from "../environment/time-limit.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { evaluate } from "./evaluate.ts";

/** Three steps with rewards 1, 2, 3, and then the given end. Observes its start and the number of steps. */
class Script implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly starts: number[] = [];
  readonly #last: Pick<Step, "terminated" | "truncated">;
  #start = 0;
  #taken = 0;

  constructor(last: Pick<Step, "terminated" | "truncated">) {
    this.#last = last;
  }

  async reset(random: Random): Promise<number[]> {
    this.#start = random.uniform();
    this.#taken = 0;
    this.starts.push(this.#start);
    return [this.#start, 0];
  }

  async step(_action: Float32Array): Promise<Step> {
    this.#taken++;
    const observation = [this.#start, this.#taken];
    return { observation, reward: this.#taken, ...(this.#taken === 3 ? this.#last : { terminated: false }) };
  }
}

const still = { act: (): Float32Array => new Float32Array(1) };

describe("evaluate", () => {
  it("gives mean, standard error and length of noise-free episodes", async () => {
    let calls = 0;
    const environment: Environment = {
      ...{ observationSize: 1, actionLow: [0], actionHigh: [10] },
      reset: () => [0],
      step: ([action]) => ({ observation: [0], reward: action, terminated: true }),
    };
    const act = () => Float32Array.of([1, 2, 6][calls++]);
    const evaluation = await evaluate({ act }, environment, { episodes: 3 });
    assert.deepEqual([...evaluation.returns], [1, 2, 6]);
    assert.equal(evaluation.meanReturn, 3);
    // Deviations −2, −1, 3: variance 14 / 2, standard error √(7 / 3).
    assert.equal(evaluation.standardError, Math.sqrt(7 / 3));
    assert.equal(evaluation.meanLength, 1);
    assert.equal(evaluation.valueBias, undefined);
  });

  it("averages the last info of each episode over the episodes that have it", async () => {
    let taken = 0;
    const infos = [{ landed: 0, speed: 4 }, { landed: 1 }, { landed: 0 }, undefined, undefined, undefined];
    const environment: Environment = {
      ...{ observationSize: 1, actionLow: [0], actionHigh: [10] },
      reset: () => [0],
      step: () => {
        const info = infos[taken++];
        // Two steps an episode: the last one with an info counts, also if it is not the last step.
        return { observation: [0], reward: 1, terminated: taken % 2 === 0, ...(info && { info }) };
      },
    };
    const limited = new TimeLimit(environment, 2);
    const { info } = await evaluate(still, limited, { episodes: 3 });
    assert.deepEqual(info, { landed: 0.5, speed: 4 });
    assert.equal((await evaluate(still, environment, { episodes: 1 })).info, undefined);
    infos[8] = { landed: Number.NaN };
    await assert.rejects(evaluate(still, environment, { episodes: 1 }), {
      name: "EnvironmentError",
      message: /evaluation episode 1 step 1 info\.landed: expected a finite number, got NaN\./,
    });
  });

  it("refuses an agent or a policy in an environment of other bounds", async () => {
    const agent = await Ddpg.create(new Pendulum(), { seed: 1, preset: "small" });
    const stronger = Object.assign(new Pendulum(), { actionLow: [-3], actionHigh: [3] });
    const refused = {
      name: "InputError",
      message: /^Pendulum action bounds: expected \[-2\] to \[2\].* got "?\[-3\] to/,
    };
    for (const acting of [agent, agent.policy])
      await assert.rejects(evaluate(acting, stronger, { episodes: 1 }), refused);
  });

  it("starts from the same states in every evaluation, and each episode from a different one", async () => {
    const [first, second] = [new Script({ terminated: true }), new Script({ terminated: true })];
    await evaluate(still, first, { episodes: 5 });
    await evaluate(still, second, { episodes: 3 });
    assert.equal(new Set(first.starts).size, 5);
    assert.deepEqual(second.starts, first.starts.slice(0, 3));
  });

  it("starts with any of them, and errors use its number", async () => {
    const [all, some] = [new Script({ terminated: true }), new Script({ terminated: true })];
    await evaluate(still, all, { episodes: 5 });
    await evaluate(still, some, { episodes: 2, firstEpisode: 3 });
    assert.deepEqual(some.starts, all.starts.slice(3));
    const broken: Environment = {
      ...{ observationSize: 1, actionLow: [0], actionHigh: [1] },
      reset: () => [],
      step: () => null as never,
    };
    await assert.rejects(evaluate(still, broken, { episodes: 1, firstEpisode: 3 }), /evaluation episode 4 /);
  });

  it("measures the value bias: no value after termination, the critic's value after truncation", async () => {
    // Q = 100 at the start, 40 after three steps; rewards 1, 2, 3 times 0.5, γ 0.5: 0.5 + 0.5 + 0.375 = 1.375.
    const value = (observation: ArrayLike<number>): number => (observation[1] === 0 ? 100 : 40);
    const options = { episodes: 2, value, discount: 0.5, rewardScale: 0.5 };
    const terminated = await evaluate(still, new Script({ terminated: true, truncated: true }), options);
    assert.equal(terminated.valueBias, 100 - 1.375);
    const truncated = await evaluate(still, new Script({ terminated: false, truncated: true }), options);
    assert.equal(truncated.valueBias, 100 - 1.375 - 40 / 8);
    assert.equal(truncated.meanReturn, 6);
  });

  it("does not change training", async () => {
    const fingerprint = async (evaluateEvery: number): Promise<string> => {
      const [environment, other] = [new Pendulum(), new Pendulum()];
      const agent = await Ddpg.create(environment, { preset: "small", warmupSteps: 100, normalization: "batch" });
      for await (const { step } of train(agent, environment)) {
        if (step % evaluateEvery === 0) {
          const value = (observation: ArrayLike<number>): number => agent.value(observation);
          await evaluate(agent, other, { episodes: 2, value });
        }
        if (step === 500) return agent.fingerprint();
      }
      return "";
    };
    assert.equal(await fingerprint(70), await fingerprint(1000));
  });

  it("lets timers fire", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await evaluate(still, new Pendulum(), { episodes: 1500 });
    clearInterval(timer);
    assert.ok(ticks >= 3, `${ticks} ticks`);
  });

  const broken: [string, Partial<Environment>, string][] = [
    [
      "a wrong length",
      { reset: () => [1] },
      "Task evaluation episode 1 step 0 observation: expected 2 numbers, got 1.",
    ],
    [
      "NaN",
      { step: () => ({ observation: [0, Number.NaN], reward: 0, terminated: false }) },
      "Task evaluation episode 1 step 1 observation[1]: expected a finite number, got NaN.",
    ],
    [
      "no reward",
      { step: () => ({ observation: [0, 0], terminated: false }) as unknown as Step },
      "Task evaluation episode 1 step 1 reward: expected a finite number, got undefined.",
    ],
    [
      "an error",
      { step: () => Promise.reject(new Error("no connection")) },
      "Task evaluation episode 1 step 1: no connection",
    ],
    [
      "episodes without an end",
      { step: () => ({ observation: [0, 0], reward: 0, terminated: false }) },
      "Task evaluation episode 1 step 100001: expected the episode to end within 100000 steps, got no end. Wrap it in a TimeLimit.",
    ],
  ];
  for (const [what, methods, message] of broken) {
    it(`says where the environment gave ${what}`, async () => {
      const environment: Environment = {
        ...{ observationSize: 2, actionLow: [-1], actionHigh: [1] },
        reset: () => [0, 0],
        step: () => ({ observation: [0, 0], reward: 0, terminated: true }),
        ...methods,
      };
      const attempt = evaluate(still, environment, { episodes: 1, name: "Task" });
      await assert.rejects(attempt, (error) => error instanceof EnvironmentError && error.message === message);
    });
  }

  it("takes the limit of an episode from the environment", async () => {
    const endless: Environment = {
      ...{ name: "Endless", observationSize: 1, actionLow: [0], actionHigh: [1] },
      reset: () => [0],
      step: () => ({ observation: [0], reward: 1, terminated: false }),
    };
    const wrong = Object.assign({ ...endless }, { maxEpisodeSteps: 7 });
    await assert.rejects(evaluate(still, wrong, { episodes: 1 }), {
      message: /^Endless evaluation episode 1 step 8: expected the episode to end within 7 steps, got no end/,
    });
    assert.equal(new TimeLimit(wrong, 100).maxEpisodeSteps, 7);
    const long = new TimeLimit(endless, 100_500);
    assert.equal(long.maxEpisodeSteps, 100_500);
    assert.equal((await evaluate(still, long, { episodes: 1 })).meanLength, 100_500);
    await assert.rejects(evaluate(still, endless, { episodes: 1 }), { message: /within 100000 steps, got no end/ });
  });
});
