import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { settingsFrom, storedSettings } from "./config.ts";
import {
  annealing,
  createNoise,
  DecayingOffset,
  GaussianNoise,
  OrnsteinUhlenbeckNoise,
  type Process,
} from "./noise.ts";

function processOf(theta: number, mean: number, sigma: number, timeStep: number): Process {
  const [thetas, means, sigmas] = [theta, mean, sigma].map((x) => Float64Array.of(x));
  return { theta: thetas, mean: means, sigma: sigmas, timeStep };
}

for (const [theta, sigma, timeStep] of [
  [0.15, 0.2, 1],
  [0.15, 0.3, 0.01],
  [0.6, 1, 0.5],
]) {
  test(`Ornstein–Uhlenbeck θ ${theta}, σ ${sigma}, Δt ${timeStep}: variance σ²Δt/(1 − (1 − θΔt)²) and lag-1 correlation 1 − θΔt within 5 %`, () => {
    const noise = new OrnsteinUhlenbeckNoise(processOf(theta, 0, sigma, timeStep), new Random(1));
    const keep = 1 - theta * timeStep;
    const n = timeStep < 0.1 ? 8_000_000 : 400_000;
    for (let i = 0; i < 20 / (theta * timeStep); i++) noise.sample();
    let [squares, products, last] = [0, 0, noise.sample()[0]];
    for (let i = 0; i < n; i++) {
      const x = noise.sample()[0];
      squares += x * x;
      products += x * last;
      last = x;
    }
    const variance = (sigma * sigma * timeStep) / (1 - keep * keep);
    assert.ok(Math.abs(squares / n / variance - 1) < 0.05, `variance ${squares / n}, not ${variance}`);
    assert.ok(
      Math.abs((1 - products / squares) / (1 - keep) - 1) < 0.05,
      `correlation ${products / squares}, not ${keep}`,
    );
  });
}

test("Ornstein–Uhlenbeck noise starts from 0 at each episode", () => {
  const [theta, mean, sigma] = [Float64Array.of(0.15, 0.15), new Float64Array(2), Float64Array.of(0, 0.2)];
  const noise = new OrnsteinUhlenbeckNoise({ theta, mean, sigma, timeStep: 1 }, new Random(1));
  for (let i = 0; i < 50; i++) noise.sample();
  noise.restart();
  const random = new Random(1);
  for (let i = 0; i < 100; i++) random.normal();
  random.normal();
  assert.deepEqual([...noise.sample()], [0, 0.2 * random.normal()]);
});

test("Gaussian noise has a standard deviation per dimension, within 2 %, and no memory", () => {
  const noise = new GaussianNoise(Float64Array.of(0.1, 0.5), new Random(1));
  const n = 50_000;
  const squares = [0, 0];
  let products = 0;
  let last = 0;
  for (let i = 0; i < n; i++) {
    const x = noise.sample();
    squares[0] += x[0] * x[0];
    squares[1] += x[1] * x[1];
    products += x[1] * last;
    last = x[1];
  }
  assert.ok(Math.abs(Math.sqrt(squares[0] / n) / 0.1 - 1) < 0.02);
  assert.ok(Math.abs(Math.sqrt(squares[1] / n) / 0.5 - 1) < 0.02);
  assert.ok(Math.abs(products / squares[1]) < 0.02);
});

test("the decaying offset is scale / (1 + episode + step), both from 0", () => {
  const noise = new DecayingOffset(Float64Array.of(0.5));
  assert.equal(noise.sample()[0], 0.5);
  assert.equal(noise.sample()[0], 0.25);
  noise.restart();
  assert.equal(noise.sample()[0], 0.25);
  assert.equal(noise.sample()[0], 0.5 / 3);
});

test("annealing falls linearly to the final fraction and stays there", () => {
  const settings = settingsFrom("small", { noiseAnnealSteps: 100, noiseFinalFraction: 0.2 });
  assert.deepEqual(
    [0, 50, 100, 500].map((step) => annealing(settings, step)),
    [1, 0.6, 0.19999999999999996, 0.19999999999999996],
  );
  assert.equal(annealing(settingsFrom("small"), 1e6), 1);
});

test("the process has θ, μ, σ and Δt from the settings", () => {
  const settings = settingsFrom("paper", { noiseTheta: 0.5, noiseTimeStep: 0.1, noiseScale: 0.3, noiseMean: 0.7 });
  const made = createNoise(settings, 1, new Random(4));
  const expected = new OrnsteinUhlenbeckNoise(processOf(0.5, 0.7, 0.3, 0.1), new Random(4));
  for (let i = 0; i < 5; i++) assert.equal(made.sample()[0], expected.sample()[0]);
});

test("noise has one scale per dimension or one for all; any other number of scales is refused", () => {
  const random = new Random(1);
  const one = createNoise(settingsFrom("numpy", { noiseScale: [0.1, 0.4] }), 2, random);
  assert.deepEqual([...one.sample()], [0.1, 0.4]);
  assert.throws(() => createNoise(settingsFrom("numpy", { noiseScale: [0.1, 0.4] }), 3, random), {
    message: "noiseScale: expected one value, or 3, one per dimension, got [0.1, 0.4].",
  });
});

test("each dimension of Ornstein–Uhlenbeck noise has θ, μ and σ of its own", () => {
  const noiseOf = (noiseTheta: number | number[], noiseMean: number | number[], noiseScale: number | number[]) => {
    const settings = settingsFrom("paper", { noiseTheta, noiseMean, noiseScale, noiseTimeStep: 0.5 });
    return createNoise(settings, 3, new Random(5));
  };
  const [theta, mean, sigma] = [
    [0.6, 1, 0.2],
    [0, 0.5, -0.1],
    [0.3, 0.1, 0],
  ];
  const random = new Random(5);
  const noise = noiseOf(theta, mean, sigma);
  const x = [0, 0, 0];
  for (let t = 0; t < 20; t++) {
    for (let i = 0; i < 3; i++) x[i] += theta[i] * (mean[i] - x[i]) * 0.5 + sigma[i] * Math.sqrt(0.5) * random.normal();
    assert.deepEqual([...noise.sample()], x);
  }
  assert.throws(() => noiseOf([0.6, 1], 0, 0.3), {
    message: "noiseTheta: expected one value, or 3, one per dimension, got [0.6, 1].",
  });
  assert.throws(() => noiseOf(0.6, [0], 0.3), /^InputError: noiseMean: expected one value, or 3, one per dimension/);
});

test("a list of equal values is the same noise as a number, with the same bits", () => {
  const one = createNoise(settingsFrom("paper"), 2, new Random(6));
  const changes = { noiseTheta: [0.15, 0.15], noiseMean: [0, 0], noiseScale: [0.2, 0.2] };
  const list = createNoise(settingsFrom("paper", changes), 2, new Random(6));
  for (let t = 0; t < 50; t++) assert.deepEqual(list.sample(), one.sample());
});

test("action-reverting noise adds θ (μ − a) and normal noise to the action: the preset torcs is DDPG-Keras-Torcs in half-ranges", () => {
  const noise = createNoise(settingsFrom("torcs"), 3, new Random(7));
  // Their rule on the car's own units, with their constants: a + θ (μ − a) + σ N.
  const theirs = [
    [0.6, 0, 0.3],
    [1, 0.5, 0.1],
    [1, -0.1, 0.05],
  ];
  const [low, high] = [
    [-1, 0, 0],
    [1, 1, 1],
  ];
  const random = new Random(7);
  for (const action of [
    [0, 0, 0],
    [0.4, -0.7, 0.9],
    [-1, 1, -1],
  ]) {
    const x = noise.sample({ observation: [], action });
    for (const [i, [theta, mu, sigma]] of theirs.entries()) {
      const half = (high[i] - low[i]) / 2;
      const a = low[i] + half * (action[i] + 1);
      const wanted = a + theta * (mu - a) + sigma * random.normal();
      assert.ok(Math.abs(low[i] + half * (action[i] + x[i] + 1) - wanted) < 1e-12, `${i}`);
    }
  }
});

test("settings from before noiseMean existed have a mean of 0", () => {
  const { noiseMean, ...old } = settingsFrom("paper");
  assert.equal(noiseMean, 0);
  assert.equal(storedSettings(old, "old").noiseMean, 0);
});
