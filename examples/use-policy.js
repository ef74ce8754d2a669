// Lets a saved policy control the pendulum for one episode. Nothing is learned here.
// node examples/train.js pendulum.safetensors && node examples/use-policy.js pendulum.safetensors
// @ts-check
import { readFileSync } from "node:fs";
import { Pendulum, Policy, Random } from "ddpg";

const file = process.argv[2];
if (!file) fail("Which policy? Make one with: node examples/train.js pendulum.safetensors");

const policy = await load(file).catch((error) => fail(`${file}: ${error.message}`));
const environment = new Pendulum();
let observation = await environment.reset(new Random(1));
let total = 0;
for (let step = 1, ended = false; !ended; step++) {
  const action = policy.act(observation);
  if (step % 20 === 1) console.log(`step ${step}: torque ${action[0].toFixed(2)} N·m`);
  const result = await environment.step(action);
  observation = result.observation;
  total += result.reward;
  ended = result.terminated || result.truncated === true;
}
console.log(`return ${total.toFixed(0)}`);
