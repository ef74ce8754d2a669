// Runs ddpg until it solves the pendulum, for bench/solve.js. The last argument is a job as JSON. Prints how long it took.
import { Ddpg, evaluate, Pendulum, train } from "ddpg";

const { spawned, seed, config, evaluateFrom, evaluateEvery, steps, solved } = JSON.parse(process.argv.at(-1));
// What a program pays for its backend is part of the time. 128-bit vectors and portable arithmetic need none.
const ours = process.argv.includes("--simd") ? await import("./ours-backend.js") : null;
const backend = await ours?.backendOf(ours.chosen());
const arithmetic = backend?.arithmetic ?? "portable";
const { observationSize, actionSize, ...settings } = config;
const now = () => Date.now() / 1000;
const environment = new Pendulum();
const agent = await Ddpg.create(environment, { seed, ...settings, backend, arithmetic });
let evaluating = 0;
for await (const { step } of train(agent, environment)) {
  if (step < evaluateFrom || step % evaluateEvery > 0) continue;
  const begin = now();
  const { meanReturn } = await evaluate(agent, new Pendulum(), { episodes: 1000 });
  if (meanReturn >= solved || step === steps) {
    const seconds = begin - spawned - evaluating;
    console.log(JSON.stringify({ solved: meanReturn >= solved, steps: step, seconds, meanReturn }));
    break;
  }
  evaluating += now() - begin;
}
