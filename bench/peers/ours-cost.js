// Measures the time of an update at every width and batch size of bench/cost.js, in turns, and prints them as JSON.
import { median } from "../runner.js";
import { backendOf, chosen, versionWith } from "./ours-backend.js";
import { agentOf, measureTasks, updateTask } from "./ours-tasks.js";

const { sizes, rounds, seconds } = JSON.parse(process.argv.at(-1));
const backend = await backendOf(chosen());
const tasks = [];
for (const { width, batchSize, ...spaces } of sizes) {
  const size = { hidden: [width, width], batchSize, ...spaces };
  // The replay buffer is not used.
  const agent = await agentOf(size, backend, { replayCapacity: batchSize, warmupSteps: batchSize });
  tasks.push({ ...updateTask(agent, `${width}`, size), width, batchSize });
}
await measureTasks(tasks, rounds, seconds);
const cells = tasks.map(({ width, batchSize, flops, rounds }) => {
  return { width, batchSize, multiplyAdds: flops / 2, seconds: median(rounds), rounds };
});
console.log(JSON.stringify({ version: versionWith(backend), cells }));
