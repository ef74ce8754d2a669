// ddpg, as bench/runner.js runs it. ours-backend.js reads its other arguments.
import { Ddpg, environments, train } from "ddpg";
import { nodeThreads } from "ddpg/node";
import { batchOf, fill, main, networkNames, uniform } from "./common.js";
import { backendOf, chosen, versionWith } from "./ours-backend.js";

const backend = await backendOf(chosen());

await main({ version: versionWith(backend), start, replay });

function start({ measure, threads, config, environment = "Pendulum-v1" }) {
  return measure === "update" ? startUpdates(config, threads) : startLoop(config, threads, environment);
}

async function startUpdates(config, threads) {
  const { observationSize } = config;
  const agent = await createAgent(config, threads);
  for (let i = 0; i < fill; i++) {
    agent.observe(
      uniform(observationSize),
      uniform(config.actionSize),
      -Math.random(),
      uniform(observationSize),
      false,
    );
  }
  return (n) => {
    for (let i = 0; i < n; i++) if (!agent.learn()) throw new Error("no update was made");
  };
}

/** `train` as users call it, with everything that it does besides the algorithm. */
async function startLoop(config, threads, name) {
  const environment = await environments[name].create();
  const agent = await createAgent(config, threads, environment);
  const steps = train(agent, environment);
  const run = async (n) => {
    for (let i = 0; i < n; i++) await steps.next();
  };
  await run(config.warmupSteps);
  return run;
}

async function* replay(fixture) {
  const { hiddenSizes, adam, ...config } = fixture.config;
  const agent = await createAgent({
    ...config,
    actorHiddenSizes: hiddenSizes,
    criticHiddenSizes: hiddenSizes,
    adamBeta1: adam.beta1,
    adamBeta2: adam.beta2,
    adamEpsilon: adam.epsilon,
  });
  for (const name of networkNames) {
    fixture.initial[name].forEach(({ weights, biases }, i) => {
      agent[name].parameters.write(`layer${i + 1}.weights`, weights.flat());
      agent[name].parameters.write(`layer${i + 1}.biases`, biases);
    });
  }
  const { observation, action, reward, nextObservation, discount } = agent.minibatch;
  for (let update = 0; ; update++) {
    const batch = batchOf(fixture, update);
    write(observation, batch.observation);
    write(action, batch.action);
    write(nextObservation, batch.nextObservation);
    reward.set(batch.reward);
    discount.set(batch.terminated.map((ended) => agent.settings.discount * (1 - ended)));
    agent.update();
    yield Object.fromEntries(networkNames.map((name) => [name, layers(agent[name].parameters)]));
  }
}

function createAgent({ observationSize, actionSize, ...settings }, threads = 1, environment) {
  const bounds = { actionLow: Array(actionSize).fill(-1), actionHigh: Array(actionSize).fill(1) };
  const options = { preset: "standard", ...settings, backend, threads: nodeThreads(threads) };
  return Ddpg.create(environment ?? { observationSize, ...bounds }, options);
}

function write(matrix, rows) {
  rows.forEach((row, i) => {
    row.forEach((value, j) => {
      matrix.set(i, j, value);
    });
  });
}

function layers(parameters) {
  const count = parameters.names.length / 2;
  return Array.from({ length: count }, (_, i) => ({
    weights: parameters.read(`layer${i + 1}.weights`),
    biases: parameters.read(`layer${i + 1}.biases`),
  }));
}
