// Trains a policy for a simulation of one's own: boat.js, a boat that keeps to its buoy. Takes about a second.
// node examples/own-environment.js
// @ts-check
import { checkEnvironment, Ddpg, evaluate, train } from "ddpg";
import createBoat from "./boat.js";

// Does it keep its promises, and are its numbers near ±1, as networks like them?
const { problems, warnings } = await checkEnvironment(createBoat);
for (const line of [...problems, ...warnings]) console.log(line);

// Not quite: the position wants a scale. Actions need none, the bounds say it all.
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
