// Trains a policy that swings a pendulum up, evaluates it, and saves it to a file. Takes about a second.
// node examples/train.js [pendulum.safetensors]
// @ts-check
import { writeFileSync } from "node:fs";
import { Ddpg, evaluate, Pendulum, train } from "ddpg";

const file = process.argv[2] ?? "pendulum.safetensors";
const environment = new Pendulum();
const agent = await Ddpg.create(environment, { preset: "small", seed: 1 });

for await (const { step, episode } of train(agent, environment)) {
  if (episode) console.log(`step ${step}: return ${episode.return.toFixed(0)}`);
  if (step === 5000) break;
}

// Evaluate without noise over a hundred episodes of another pendulum. The best possible mean is about −138.
const evaluation = await evaluate(agent, new Pendulum(), { episodes: 100 });
console.log(`mean return ${evaluation.meanReturn.toFixed(0)} ± ${evaluation.standardError.toFixed(0)}`);

writeFileSync(file, agent.policy.save());
console.log(`saved ${file}`);
