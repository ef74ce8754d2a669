// Updates of agents of given sizes as tasks to measure in this process, and how they are measured: in turns.
import { Ddpg, Random } from "ddpg";

/** The agent of a size, { hidden, batchSize, observationSize, actionSize }, with a backend. */
export function agentOf({ hidden, batchSize, observationSize, actionSize }, backend, changes = {}) {
  const spaces = { observationSize, actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
  const sizes = { actorHiddenSizes: hidden, criticHiddenSizes: hidden, batchSize };
  return Ddpg.create(spaces, { preset: "standard", ...sizes, ...changes, backend });
}

/** One update of an agent of this size. `flops` counts only the products that the formulas need. */
export function updateTask(agent, name, { hidden, batchSize, observationSize, actionSize }) {
  const random = new Random(1);
  const { observation, action, nextObservation, reward } = agent.minibatch;
  // A new minibatch in every round: on one that the networks have fitted, the gradients would vanish.
  const prepare = () => {
    for (const x of [observation, action, nextObservation]) randomize(x, random);
    for (let i = 0; i < reward.length; i++) reward[i] = random.uniform(-1, 0);
  };
  prepare();
  const flops = 2 * batchSize * updateProducts(hidden, observationSize, actionSize);
  return { kind: "update", name, flops, prepare, run: () => agent.update() };
}

/**
 * Measures every task in every round, for about `seconds` each. Adds to a task the seconds that one `run` took in each
 * round, as `rounds`. A task that `waits` returns promises.
 */
export async function measureTasks(tasks, rounds, seconds = 0.02) {
  for (const task of tasks) {
    // The first calls compile the code and load the data into the cache.
    let [times, took, passed] = [1, 0, 0];
    for (; took < seconds / 2 || passed < 0.1; passed += took) {
      if (took < seconds / 2) times *= 2;
      took = await secondsOf(task, times);
    }
    task.times = Math.max(1, Math.round((times * seconds) / took));
    await secondsOf(task, task.times);
    task.rounds = [];
  }
  for (let round = 0; round < rounds; round++) {
    for (const task of tasks) {
      task.prepare?.();
      task.rounds.push((await secondsOf(task, task.times)) / task.times);
    }
  }
}

async function secondsOf({ waits, run }, times) {
  const start = performance.now();
  if (waits) for (let i = 0; i < times; i++) await run();
  else for (let i = 0; i < times; i++) run();
  return (performance.now() - start) / 1000;
}

export function randomize(matrix, random) {
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, random.uniform(-1, 1));
  }
  return matrix;
}

/** The multiply-adds that an update needs for each row of its minibatch if the action enters at the first layer. */
function updateProducts([h1, h2], O, A) {
  const actor = O * h1 + h1 * h2 + h2 * A;
  const critic = (O + A) * h1 + h1 * h2 + h2;
  const forward = 2 * actor + 3 * critic;
  const criticBackward = critic + h1 * h2 + h2;
  const actionGradient = A * h1 + h1 * h2 + h2;
  const actorBackward = actor + h1 * h2 + h2 * A;
  return forward + criticBackward + actionGradient + actorBackward;
}

/**
 * The same backend whose kernels add up their time, and `profile()`: the seconds in each kernel since the last call. A
 * clock reading takes about 50 ns, so the times of many short calls are a little too long.
 */
export function timed(backend) {
  const spent = new Map();
  const create = async (...given) => {
    const kernels = await backend.create(...given);
    for (const [name, kernel] of Object.entries(kernels)) {
      if (typeof kernel !== "function" || name === "allocate") continue;
      kernels[name] = (...given) => {
        const start = performance.now();
        const result = kernel(...given);
        spent.set(name, (spent.get(name) ?? 0) + (performance.now() - start) / 1000);
        return result;
      };
    }
    return kernels;
  };
  const profile = () => {
    const found = [...spent];
    spent.clear();
    return found;
  };
  return { backend: { ...backend, create }, profile };
}
