// Trains a policy for the custom simulation in boat.js, a boat that stays near its buoy. Takes about a second.
// node examples/own-environment.js
// @ts-check
import { checkEnvironment, Ddpg, evaluate, train } from "ddpg";
import createBoat from "./boat.js";

// Check that the environment behaves as it should, and that its numbers are near ±1, which suits networks.
const { problems, warnings } = await checkEnvironment(createBoat);
for (const line of [...problems, ...warnings]) console.log(line);

// The check warns about the position, so it gets a scale. Actions need none: their bounds are known.
const environment = createBoat();
const agent = await Ddpg.create(environment, { preset: "small", observationScale: [0.05, 0.5], seed: 1 });

console.log(`mean return before: ${await meanReturn()}`);
for await (const { step, episode } of train(agent, environment)) {
  if (episode && episode.number % 5 === 0) console.log(`step ${step}: return ${episode.return.toFixed(0)}`);
  if (step === 5000) break;
}
console.log(`mean return after: ${await meanReturn()}, of at most 150`);

async function meanReturn() {
  const evaluation = await evaluate(agent, createBoat(), { episodes: 100 });
  return evaluation.meanReturn.toFixed(0);
}
