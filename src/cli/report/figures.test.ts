import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../../training/aggregate.ts";
import { compose, drawCurves, drawDistribution, drawLines, escapeText, format, paper } from "./figures.ts";

const options = { theme: paper, width: 400, xLabel: "x", yLabel: "y" };

function runs(count: number): Point[][] {
  return Array.from({ length: count }, (_, i) => [
    [100, i],
    [200, 2 * i],
  ]);
}

test("runs are drawn with their interquartile mean: five or more with a band, fewer one by one", () => {
  const band = /<g[^>]*aria-label="area"/;
  const lines = (svg: string) => svg.match(/<path d="M[^"]*"[^>]*>/g)?.length;
  assert.match(drawCurves([{ name: "a", runs: runs(5) }], options), band);
  const four = drawCurves([{ name: "a", runs: runs(4) }], options);
  assert.doesNotMatch(four, band);
  assert.ok(four.includes("each of 4 seeds") && four.includes(">interquartile mean over 4 seeds<"));
  const shown = drawCurves([{ name: "a", runs: runs(5) }], { ...options, showRuns: true });
  const hidden = drawCurves([{ name: "a", runs: runs(5) }], options);
  assert.ok(hidden.includes(">interquartile mean over 5 seeds, 95 % interval<"));
  assert.equal(Number(lines(shown)) - Number(lines(hidden)), 6, "five runs and their key");
});

test("runs without a common step are drawn one by one", () => {
  const apart = Array.from({ length: 5 }, (_, i): Point[] => [
    [i, 1],
    [i + 10, 2],
  ]);
  assert.doesNotMatch(drawCurves([{ name: "a", runs: apart }], options), /NaN|aria-label="area"/);
  assert.doesNotMatch(drawCurves([{ name: "a", runs: [] }], options), /NaN/);
});

test("every dot of a distribution is inside the figure, even fifty equal ones", () => {
  for (const values of [new Array(50).fill(7), Array.from({ length: 50 }, (_, i) => i % 3), [1], [-3, 5e6]]) {
    for (const height of [undefined, 150]) {
      const sized = height === undefined ? options : { ...options, height };
      const svg = drawDistribution([{ name: "a", values }], sized);
      const [, width, tall] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)?.map(Number) ?? [];
      const circles = [...svg.matchAll(/<circle[^>]*>/g)].map(([circle]) =>
        ["cx", "cy", "r"].map((name) => Number(new RegExp(` ${name}="([-\\d.]+)"`).exec(circle)?.[1])),
      );
      assert.equal(circles.length, values.length);
      // 16 is how far the dots are raised above the interval.
      for (const [x, y, r] of circles) assert.ok(x > r && x < width - r && y - 16 > r && y < tall, `${x}, ${y}`);
    }
  }
});

test("a range of more than a hundredfold has a logarithmic scale, a smaller one or one with zero has not", () => {
  const ticks = (values: number[]) => {
    const svg = drawLines([{ name: "", points: values.map((value, i): Point => [i, value]) }], options);
    const labels = svg.slice(svg.indexOf('"y-axis tick label"'), svg.indexOf('"y-axis label"'));
    return [...labels.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text);
  };
  assert.deepEqual(ticks([0.2, 70]), ["0.1", "1", "10", "100"]);
  assert.deepEqual(ticks([3e-7, 2e5]).length, 5);
  assert.deepEqual(ticks([1, 4]), ["1", "2", "3", "4"]);
  assert.ok(ticks([0, 1000]).includes("0"));
});

test("figures are placed beside and below each other", () => {
  const figure = (width: number, height: number) => `<svg width="${width}" height="${height}"/>`;
  const svg = compose([[figure(10, 20), figure(30, 5)], [figure(15, 10)]], { theme: paper, padding: 2, gap: 3 });
  assert.match(svg, /viewBox="0 0 44 37"/);
  for (const place of ['x="2" y="2" width="10"', 'x="12" y="2" width="30"', 'x="2" y="25" width="15"'])
    assert.ok(svg.includes(place), place);
});

test("numbers have grouped thousands, a real minus sign and no needless digits", () => {
  assert.deepEqual([0, -1234.56, 0.25, 30000, 1e-5, -2e10, 12.3, -0].map(format), [
    "0",
    "−1,234.6",
    "0.25",
    "30,000",
    "1e−5",
    "−2e+10",
    "12.3",
    "0",
  ]);
});

test("escaped text has nothing that HTML or XML would interpret", () => {
  assert.equal(
    escapeText(`<a b="c" d='e'>&\u0000\ud800😀`),
    "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\\u0000\ufffd😀",
  );
});
