// Runs a saved policy on the pendulum for one episode, without learning.
// node examples/train.js pendulum.safetensors && node examples/use-policy.js pendulum.safetensors
// @ts-check
import { readFile } from "node:fs/promises";
import { Pendulum, Policy, Random } from "ddpg";

const file = process.argv[2];
if (!file) {
  console.error("Give the file of a policy. To make one: node examples/train.js pendulum.safetensors");
  process.exit(2);
}
const load = async () => Policy.load(await readFile(file));
const policy = await load().catch((error) => {
  console.error(`${file}: ${error.message}`);
  process.exit(2);
});

const environment = new Pendulum();
let observation = await environment.reset(new Random(7)); // hangs down at the start
let episodeReturn = 0;
for (let step = 1, ended = false; !ended; step++) {
  const action = policy.act(observation);
  if (step % 20 === 1) console.log(`step ${step}: torque ${action[0].toFixed(2)} N·m`);
  const result = await environment.step(action);
  observation = result.observation;
  episodeReturn += result.reward;
  ended = result.terminated || result.truncated === true;
}
console.log(`return ${episodeReturn.toFixed(0)}`);
