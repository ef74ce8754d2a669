import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { settingsFrom } from "./config.ts";
import { annealing, createNoise, DecayingOffset, GaussianNoise, OrnsteinUhlenbeckNoise } from "./noise.ts";

for (const [theta, sigma, timeStep] of [
  [0.15, 0.2, 1],
  [0.15, 0.3, 0.01],
  [0.6, 1, 0.5],
]) {
  test(`Ornstein–Uhlenbeck θ ${theta}, σ ${sigma}, Δt ${timeStep}: variance σ²Δt/(1 − (1 − θΔt)²) and lag-1 correlation 1 − θΔt within 5 %`, () => {
    const noise = new OrnsteinUhlenbeckNoise(theta, Float64Array.of(sigma), timeStep, new Random(1));
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
  const noise = new OrnsteinUhlenbeckNoise(0.15, Float64Array.of(0, 0.2), 1, new Random(1));
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

test("the process has θ, σ and Δt from the settings", () => {
  const settings = settingsFrom("paper", { noiseTheta: 0.5, noiseTimeStep: 0.1, noiseScale: 0.3 });
  const made = createNoise(settings, 1, new Random(4));
  const expected = new OrnsteinUhlenbeckNoise(0.5, Float64Array.of(0.3), 0.1, new Random(4));
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
