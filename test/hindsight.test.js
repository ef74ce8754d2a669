// A task that plain DDPG does not learn, and DDPG with hindsight does: no reward says how near the goal is.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ddpg, Random, train } from "ddpg";
import createReach from "../examples/reach.js";

/** The share of 100 fixed starts from which the policy, without noise, is at its goal at the end. */
function success(agent) {
  const environment = createReach();
  const random = new Random(99);
  let reached = 0;
  for (let start = 0; start < 100; start++) {
    let observation = environment.reset(random);
    for (;;) {
      const step = environment.step(agent.act(observation));
      observation = step.observation;
      if (!step.truncated) continue;
      if (step.reward === 0) reached++;
      break;
    }
  }
  return reached / 100;
}

async function learned(hindsight, seed, steps) {
  const environment = createReach();
  const agent = await Ddpg.create(environment, { preset: "small", discount: 0.95, rewardScale: 1, hindsight, seed });
  for await (const { step } of train(agent, environment)) if (step === steps) break;
  return success(agent);
}

describe("a point that must reach a random place, with a reward only there", { timeout: 120_000 }, () => {
  for (const seed of [1, 3]) {
    it(`is not learned without hindsight, seed ${seed}`, async () => {
      assert.ok((await learned("none", seed, 4000)) <= 0.05);
    });

    it(`is learned in 4,000 steps with future goals, seed ${seed}`, async () => {
      assert.ok((await learned("future", seed, 4000)) >= 0.95);
    });
  }

  it("is learned in 5,000 steps with final goals", async () => {
    assert.ok((await learned("final", 1, 5000)) >= 0.95);
  });
});
