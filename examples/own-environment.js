// Trains a policy for a simulation of one's own, the boat in boat.js. About two seconds.
// node examples/own-environment.js
// @ts-check
import { checkEnvironment, Ddpg, evaluate, train } from "ddpg";
import createBoat from "./boat.js";

// Does it keep its promises? Are its numbers on a scale that networks learn well from?
const { problems, warnings } = await checkEnvironment(createBoat);
for (const line of [...problems, ...warnings]) console.log(line);

// The position's scale was worth a warning: the agent shall see tens of metres.
const environment = createBoat();
const agent = await Ddpg.create(environment, { preset: "small", observationScale: [0.1, 1], seed: 1 });

console.log(`return before: ${await meanReturn()}`);
for await (const { step, episode } of train(agent, environment)) {
  if (episode) console.log(`step ${step}: ${episode.length} steps, return ${episode.return.toFixed(0)}`);
  if (step === 5000) break;
}
console.log(`return after: ${await meanReturn()} of at most 150`);

async function meanReturn() {
  const act = agent.policy.act.bind(agent.policy);
  const evaluation = await evaluate(act, createBoat(), { episodes: 100 });
  return evaluation.meanReturn.toFixed(0);
}
