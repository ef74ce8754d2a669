// Trains a point to reach random places, in reach.js, without hindsight and with it. Takes some ten seconds.
// node examples/hindsight.js
// @ts-check
import { Ddpg, evaluate, train } from "ddpg";
import createReach from "./reach.js";

for (const hindsight of /** @type {const} */ (["none", "future"])) {
  const environment = createReach();
  // Rewards are 0 or −1 for each of 50 steps. A small discount suits a task that takes at most 20.
  const agent = await Ddpg.create(environment, { preset: "small", discount: 0.95, rewardScale: 1, hindsight, seed: 1 });
  for await (const { step } of train(agent, environment)) if (step === 4000) break;

  // The return is minus the number of steps that the point is not at its goal.
  const { returns } = await evaluate(agent, createReach(), { episodes: 100 });
  const reached = Array.from(returns).filter((sum) => sum > -50).length;
  console.log(`hindsight ${hindsight}: reaches ${reached} of 100 places`);
}
