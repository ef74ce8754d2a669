// DDPG in TensorFlow.js on its WebAssembly backend, with SIMD: variables, `tf.tidy`, `variableGrads` over one network's
// variables, `tf.train.adam`, an assignment for each target parameter. With `--by-hand`, the gradients of the products are
// written by hand, with explicit transposes: the backend's fast product (XNNPACK) accepts no transposed inputs, so the
// built-in gradients cannot use it. Its packages are in tfjs/, with a lock file.
import { createRequire } from "node:module";
import * as path from "node:path";
import { Pendulum, Random } from "ddpg";
import { batchOf, fill, main, networkNames, uniform } from "./common.js";

const require = createRequire(new URL("tfjs/package.json", import.meta.url));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");

const byHand = process.argv.includes("--by-hand");

wasm.setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}${path.sep}`);
if (!(await tf.setBackend("wasm"))) throw new Error("the WebAssembly backend does not start");
if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) throw new Error("no SIMD here");

function start({ measure, config }) {
  const agent = new Agent(config);
  if (measure === "update") {
    for (let i = 0; i < fill; i++) {
      const { observationSize, actionSize } = config;
      agent.remember(uniform(observationSize), uniform(actionSize), -Math.random(), uniform(observationSize));
    }
    return (n) => {
      for (let i = 0; i < n; i++) agent.learn();
    };
  }
  return startLoop(agent, config);
}

function startLoop(agent, config) {
  const environment = new Pendulum();
  const random = new Random(1);
  let observation = environment.reset(random).slice();
  const advance = (action) => {
    const result = environment.step(Float32Array.of(2 * action));
    agent.remember(observation, [action], result.reward, result.observation);
    observation = (result.truncated ? environment.reset(random) : result.observation).slice();
  };
  for (let i = 0; i < fill; i++) advance(random.uniform(-1, 1));
  return (n) => {
    for (let i = 0; i < n; i++) {
      const [mu] = agent.act(observation);
      advance(Math.max(-1, Math.min(1, mu + config.noiseScale * random.normal())));
      agent.learn();
    }
  };
}

class Agent {
  constructor(config) {
    const { observationSize: O, actionSize: A, actorHiddenSizes, criticHiddenSizes, adam = {} } = config;
    this.config = config;
    this.actor = makeNetwork([O, ...actorHiddenSizes, A], config.finalLayerBound);
    this.critic = makeNetwork([O + A, ...criticHiddenSizes, 1], config.finalLayerBound);
    this.targetActor = copyNetwork(this.actor);
    this.targetCritic = copyNetwork(this.critic);
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = adam;
    this.actorAdam = tf.train.adam(config.actorLearningRate, beta1, beta2, epsilon);
    this.criticAdam = tf.train.adam(config.criticLearningRate, beta1, beta2, epsilon);
    // Columns, not rows: a minibatch gathers each column into an array, which becomes a tensor.
    this.columns = { s: O, a: A, r: 1, s2: O, terminated: 1 };
    this.stored = 0;
    this.buffers = {};
    this.batch = {};
    for (const [name, width] of Object.entries(this.columns)) {
      this.buffers[name] = new Float32Array((config.replayCapacity ?? 1) * width);
      this.batch[name] = new Float32Array(config.batchSize * width);
    }
  }

  update(batch) {
    const { batchSize, discount, softUpdateRate } = this.config;
    tf.tidy(() => {
      const [s, a, r, s2, terminated] = Object.entries(this.columns).map(([name, width]) =>
        tf.tensor2d(batch[name], [batchSize, width]),
      );
      const a2 = infer(this.targetActor, s2).tanh();
      const nextValue = infer(this.targetCritic, tf.concat([s2, a2], 1));
      const y = r.add(nextValue.mul(tf.sub(1, terminated)).mul(discount));
      const sa = tf.concat([s, a], 1);
      descend(this.criticAdam, this.critic, () => forward(this.critic, sa, true).sub(y).square().mean());
      descend(this.actorAdam, this.actor, () => {
        const mu = forward(this.actor, s, true).tanh();
        return forward(this.critic, tf.concat([s, mu], 1), false)
          .mean()
          .neg();
      });
      follow(this.targetActor, this.actor, softUpdateRate);
      follow(this.targetCritic, this.critic, softUpdateRate);
    });
  }

  learn() {
    const size = Math.min(this.stored, this.config.replayCapacity);
    for (let row = 0; row < this.config.batchSize; row++) {
      const index = Math.floor(Math.random() * size);
      for (const [name, width] of Object.entries(this.columns)) {
        const start = index * width;
        for (let j = 0; j < width; j++) this.batch[name][row * width + j] = this.buffers[name][start + j];
      }
    }
    this.update(this.batch);
  }

  remember(s, a, r, s2) {
    const index = this.stored++ % this.config.replayCapacity;
    this.buffers.s.set(s, index * this.columns.s);
    this.buffers.a.set(a, index * this.columns.a);
    this.buffers.r[index] = r;
    this.buffers.s2.set(s2, index * this.columns.s2);
  }

  act(observation) {
    return tf.tidy(() =>
      infer(this.actor, tf.tensor2d(observation, [1, this.columns.s]))
        .tanh()
        .dataSync(),
    );
  }
}

function makeNetwork(sizes, finalBound = 3e-3) {
  return sizes.slice(1).map((outputs, i) => {
    const bound = i === sizes.length - 2 ? finalBound : 1 / Math.sqrt(sizes[i]);
    return {
      weights: tf.variable(tf.randomUniform([sizes[i], outputs], -bound, bound)),
      biases: tf.variable(tf.randomUniform([outputs], -bound, bound)),
    };
  });
}

function copyNetwork(network) {
  return network.map(({ weights, biases }) => ({
    weights: tf.variable(weights.clone(), false),
    biases: tf.variable(biases.clone(), false),
  }));
}

/** Forward pass without gradients: one kernel computes the product, the bias and the activation. */
function infer(network, x) {
  return network.reduce((a, { weights: b, biases: bias }, i) => {
    return tf.fused.matMul({ a, b, bias, activation: i < network.length - 1 ? "relu" : "linear" });
  }, x);
}

/** Forward pass with gradients, including those of the parameters if the network `learns`. */
function forward(network, x, learns) {
  return network.reduce((features, { weights, biases }, i) => {
    const multiply = byHand ? (learns ? learningProduct : product) : tf.matMul;
    const z = multiply(features, weights).add(biases);
    return i < network.length - 1 ? z.relu() : z;
  }, x);
}

const product = (features, weights) =>
  tf.customGrad((a, save) => {
    save([weights]);
    return { value: a.matMul(weights), gradFunc: (g, [w]) => g.matMul(w.transpose()) };
  })(features);

const learningProduct = tf.customGrad((features, weights, save) => {
  save([features, weights]);
  const gradFunc = (g, [a, w]) => [g.matMul(w.transpose()), a.transpose().matMul(g)];
  return { value: features.matMul(weights), gradFunc };
});

function descend(adam, network, loss) {
  const { value, grads } = tf.variableGrads(loss, variables(network));
  adam.applyGradients(grads);
  value.dispose();
}

function follow(target, online, rate) {
  const learned = variables(online);
  variables(target).forEach((variable, i) => {
    variable.assign(variable.add(learned[i].sub(variable).mul(rate)));
  });
}

function variables(network) {
  return network.flatMap(({ weights, biases }) => [weights, biases]);
}

async function* replay(fixture) {
  const { hiddenSizes, ...config } = fixture.config;
  const agent = new Agent({ ...config, actorHiddenSizes: hiddenSizes, criticHiddenSizes: hiddenSizes });
  for (const name of networkNames) {
    agent[name].forEach(({ weights, biases }, i) => {
      weights.assign(tf.tensor2d(fixture.initial[name][i].weights));
      biases.assign(tf.tensor1d(fixture.initial[name][i].biases));
    });
  }
  for (let update = 0; ; update++) {
    const { observation, action, reward, nextObservation, terminated } = batchOf(fixture, update);
    const columns = { s: observation, a: action, r: reward, s2: nextObservation, terminated };
    agent.update(Object.fromEntries(Object.entries(columns).map(([name, rows]) => [name, rows.flat()])));
    yield Object.fromEntries(
      networkNames.map((name) => [
        name,
        agent[name].map(({ weights, biases }) => ({ weights: weights.dataSync(), biases: biases.dataSync() })),
      ]),
    );
  }
}

await main({ version: `@tensorflow/tfjs ${tf.version.tfjs}, Node ${process.versions.node}`, start, replay });
