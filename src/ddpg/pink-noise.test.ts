import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { PinkNoise } from "./pink-noise.ts";

/** The mean power at a few bins of 4096 samples, by a Fourier transform under a Hann window. */
function powers(noise: PinkNoise, bins: readonly number[], segments: number): number[] {
  const n = 4096;
  const window = Float64Array.from({ length: n }, (_, t) => 0.5 - 0.5 * Math.cos((2 * Math.PI * t) / n));
  const waves = bins.map((bin) => ({
    cosine: window.map((w, t) => w * Math.cos((2 * Math.PI * bin * t) / n)),
    sine: window.map((w, t) => w * Math.sin((2 * Math.PI * bin * t) / n)),
  }));
  const sums = bins.map(() => 0);
  const x = new Float64Array(n);
  for (let segment = 0; segment < segments; segment++) {
    for (let t = 0; t < n; t++) x[t] = noise.sample()[0];
    for (const [b, { cosine, sine }] of waves.entries()) {
      let [real, imaginary] = [0, 0];
      for (let t = 0; t < n; t++) {
        real += x[t] * cosine[t];
        imaginary += x[t] * sine[t];
      }
      sums[b] += (real * real + imaginary * imaginary) / segments;
    }
  }
  return sums;
}

test("the power of pink noise falls as 1 / frequency from 1/1000 to 1/2 of a step: slope −1 ± 0.08, each octave within 1.7 dB", () => {
  const bins = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800];
  const power = powers(new PinkNoise(Float64Array.of(0.3), new Random(1)), bins, 400);
  const points = bins.map((bin, i) => [Math.log10(bin), Math.log10(power[i])]);
  const mean = (k: number): number => points.reduce((sum, point) => sum + point[k], 0) / points.length;
  const [mx, my] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const slope = covariance / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  assert.ok(Math.abs(slope + 1) < 0.08, `slope ${slope}`);
  for (const [x, y] of points) {
    const decibels = 10 * (y - my + (x - mx));
    assert.ok(Math.abs(decibels) < 1.7, `${decibels} dB at bin ${10 ** x}`);
  }
});

test("every step of an episode, also the first, has the given deviation within 3 %, and dimensions are independent", () => {
  const noise = new PinkNoise(Float64Array.of(0.1, 0.4), new Random(2));
  const episodes = 20_000;
  const squares = [0, 0];
  let [first, products, lagged] = [0, 0, 0];
  for (let episode = 0; episode < episodes; episode++) {
    noise.restart();
    const a = noise.sample()[0];
    first += a * a;
    for (let i = 0; i < 4; i++) noise.sample();
    const x = noise.sample();
    squares[0] += x[0] * x[0];
    squares[1] += x[1] * x[1];
    products += x[0] * x[1];
    lagged += a * x[0];
  }
  const deviation = (sum: number): number => Math.sqrt(sum / episodes);
  assert.ok(Math.abs(deviation(first) / 0.1 - 1) < 0.03);
  assert.ok(Math.abs(deviation(squares[0]) / 0.1 - 1) < 0.03);
  assert.ok(Math.abs(deviation(squares[1]) / 0.4 - 1) < 0.03);
  assert.ok(Math.abs(products / episodes / 0.04) < 0.03);
  // Σₖ (1 − 2⁻ᵏ)⁵ / 11
  const kept = Array.from({ length: 11 }, (_, k) => (1 - 2 ** -k) ** 5).reduce((sum, each) => sum + each / 11, 0);
  assert.ok(Math.abs(lagged / first / kept - 1) < 0.03, `${lagged / first}, not ${kept}`);
});

test("a saved pink noise continues with the same numbers", () => {
  const noise = new PinkNoise(Float64Array.of(0.1, 0.4), new Random(2));
  noise.sample();
  const other = new PinkNoise(Float64Array.of(0.1, 0.4), new Random(5));
  other.restore(noise.save());
  for (let i = 0; i < 3; i++) assert.deepEqual(other.sample(), noise.sample());
  assert.throws(() => other.restore(new Float64Array(3)), { name: "InputError" });
});
