// Measures the gain from threads: updates/s of an agent with one thread and of another with several, taking turns. The last
// argument is { threads, sizes, rounds } as JSON. Prints [{ name, one, several, threads, ratio }] as JSON. `threads` is the
// number that the agent chose to use.
import { Ddpg, Random } from "ddpg";
import { nodeThreads } from "ddpg/node";
import { median } from "../runner.js";
import { backendOf, chosen } from "./ours-backend.js";

const backend = await backendOf(chosen());
const { threads, sizes, rounds } = JSON.parse(process.argv.at(-1));
const results = [];
for (const [name, { hidden, batchSize, observationSize, actionSize }] of Object.entries(sizes)) {
  if (!hidden) continue;
  const create = async (count) => {
    const spaces = { observationSize, actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
    const settings = { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize, warmupSteps: 0 };
    const agent = await Ddpg.create(spaces, { preset: "standard", ...settings, backend, threads: nodeThreads(count) });
    const random = new Random(1);
    const state = () => Array.from({ length: observationSize }, () => random.uniform(-1, 1));
    for (let i = 0; i < 2000; i++) {
      const observation = state();
      agent.observe(observation, agent.explore(observation), random.uniform(-1, 0), state(), false);
    }
    return agent;
  };
  const agents = [await create(1), await create(threads)];
  for (const agent of agents) rate(agent, 100);
  const times = Math.max(20, Math.round(rate(agents[0], 100) / 5));
  const rates = Array.from({ length: rounds }, () => agents.map((agent) => rate(agent, times)));
  const [one, several] = [0, 1].map((i) => median(rates.map((pair) => pair[i])));
  const ratio = median(rates.map(([alone, shared]) => shared / alone));
  results.push({ name, one, several, threads: agents[1].threads, ratio });
}
console.log(JSON.stringify(results));

/** Updates/s. */
function rate(agent, times) {
  const start = performance.now();
  for (let i = 0; i < times; i++) agent.learn();
  return (1000 * times) / (performance.now() - start);
}
