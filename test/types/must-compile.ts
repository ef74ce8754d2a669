// The same names used correctly: without this file, types that refuse everything would pass must-not-compile.ts.
import {
  checkEnvironment,
  Ddpg,
  type Environment,
  evaluate,
  Policy,
  type Random,
  type Step,
  TimeLimit,
  train,
} from "ddpg";
import { createMujoco, type MujocoTask, reacher } from "ddpg/mujoco";
import { nodeThreads, readMetrics } from "ddpg/node";

/** As little as an environment may have. */
class Cart implements Environment {
  readonly observationSize = 2;
  readonly actionLow = [-1];
  readonly actionHigh = Float32Array.of(3);
  #position = 0;
  reset(random: Random): number[] {
    this.#position = random.uniform(-1, 1);
    return [this.#position, 0];
  }
  async step(action: Float32Array): Promise<Step> {
    this.#position += 0.1 * (action[0] ?? 0);
    return { observation: Float64Array.of(this.#position, 0), reward: -Math.abs(this.#position), terminated: false };
  }
}

export async function learn(): Promise<Policy> {
  const cart = new TimeLimit(new Cart(), 100);
  const agent = await Ddpg.create(cart, { seed: 1, preset: "small", noiseScale: [0.2], threads: nodeThreads(2) });
  for await (const { step, episode, warnings } of train(agent, cart, { name: "cart", stepTimeout: 100 })) {
    if (episode) console.log(step, episode.return, ...warnings);
    if (step === 1000) break;
  }
  const { meanReturn, valueBias } = await evaluate(agent.policy, cart, { episodes: 2, value: (o) => agent.value(o) });
  const bias: number | undefined = valueBias;
  console.log(meanReturn, bias, (await checkEnvironment(() => new Cart(), { rewardScale: 0.1 })).problems);
  const loaded = await Ddpg.load(agent.save(), cart);
  return Policy.load(loaded.policy.save());
}

export async function inMujoco(): Promise<void> {
  const task: MujocoTask = { ...reacher(), reward: (_, action, velocity) => velocity - (action[0] ?? 0) };
  console.log((await createMujoco(task)).observationSize);
  for (const record of readMetrics("runs/1")) if (record.type === "evaluation") console.log(record.meanReturn);
}
