// The settings of a sweep: combinations and draws.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InputError } from "../../base/expect.ts";
import { type Axis, cellsOf, parseGrid } from "./matrix.ts";

/** The message of the InputError that an action throws. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error.message;
  }
  assert.fail("no error");
}

describe("the grid", () => {
  const grid = (text: string): Axis[] => parseGrid(text, "--grid");

  it("has lists of values, by any form of a setting's name", () => {
    assert.deepEqual(
      grid("actorLearningRate=1e-4,3e-4,batch-size=64,--noise=pink").map(({ name, values }) => [name, values]),
      [
        ["actorLearningRate", [1e-4, 3e-4]],
        ["batchSize", [64]],
        ["noise", ["pink"]],
      ],
    );
    assert.deepEqual(grid("actorHiddenSizes=64/64,256/256")[0].values, [
      [64, 64],
      [256, 256],
    ]);
  });

  it("is every combination, the last setting varying fastest", () => {
    assert.deepEqual(cellsOf(grid("batchSize=64,128,discount=0.9,0.99"), undefined), [
      { batchSize: 64, discount: 0.9 },
      { batchSize: 64, discount: 0.99 },
      { batchSize: 128, discount: 0.9 },
      { batchSize: 128, discount: 0.99 },
    ]);
  });

  it("refuses what it cannot be, with the flag, the setting and a hint", () => {
    const message = (text: string) => refusal(() => cellsOf(grid(text), undefined));
    assert.match(message("1e-4"), /^--grid: expected a setting and its values, .* got "1e-4"/);
    assert.match(message("actorLearningrate=1"), /^--grid: .*Did you mean "actorLearningRate"\?$/);
    assert.match(message("lr_actor=1"), /^--grid: expected names of settings/);
    assert.match(message("tau=0.1"), /Did you mean "softUpdateRate"\?$/);
    assert.match(
      message("batchSize=64,1.5"),
      /^--grid batchSize: expected a whole number from 1 to 65536, got 1\.5\.$/,
    );
    assert.match(message("batchSize=64,"), /^--grid batchSize: expected a whole number/);
    assert.match(message("discount=0.9,.9"), /^--grid discount: expected every value once, got "0\.9"/);
    assert.match(message("discount=0.9,discount=0.99"), /^--grid discount: expected every setting once/);
    assert.match(message("discount=0.9..0.99"), /^--grid discount: .* got a range\. --random N draws/);
    const many = Array.from({ length: 101 }, (_, i) => i + 64).join(",");
    assert.match(message(`batchSize=${many},warmupSteps=${many}`), /^sweep: expected at most 10,000 .* got 10201\.$/);
  });
});

describe("random draws", () => {
  const cells = (text: string, count: number, seed = 1) =>
    cellsOf(parseGrid(text, "--grid"), { cells: count, seed, where: "--random" });

  it("are the same for the same seed, begin alike for any number, and do not depend on other settings", () => {
    const text = "actorLearningRate=1e-5..1e-2,batchSize=64,128";
    assert.deepEqual(cells(text, 20).slice(0, 10), cells(text, 10));
    assert.notDeepEqual(cells(text, 10, 2), cells(text, 10));
    const rates = cells("actorLearningRate=1e-5..1e-2", 10).map(({ actorLearningRate }) => actorLearningRate);
    assert.deepEqual(
      cells(text, 10).map(({ actorLearningRate }) => actorLearningRate),
      rates,
    );
    // Computed here, and the same on every machine.
    assert.deepEqual(rates.slice(0, 3), [5.524e-5, 4.953e-4, 6.027e-4]);
  });

  it("are log-uniform over magnitudes and uniform otherwise, or as the range says", () => {
    const share = (text: string, below: number) => {
      const seeds = Array.from({ length: 400 }, (_, i) => i);
      const all = seeds.flatMap((seed) => cells(text, 5, seed).flatMap((cell) => Object.values(cell) as number[]));
      return all.filter((value) => value < below).length / all.length;
    };
    for (const [text, below, expected] of [
      ["actorLearningRate=1e-5..1e-1", 1e-3, 0.5],
      ["actorLearningRate=1e-5..1e-1:uniform", 1e-3, 0.01],
      ["discount=0..1", 0.5, 0.5],
      ["discount=0.01..0.04:log", 0.02, 0.5],
    ] as const) {
      assert.ok(Math.abs(share(text, below) - expected) < 0.04, `${text}: ${share(text, below)}`);
    }
  });

  it("give every whole number of a range the same chance, its ends included", () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 3000; seed++) {
      const [{ actorDelay = 0 }] = cells("actorDelay=1..3", 1, seed);
      counts.set(actorDelay, (counts.get(actorDelay) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), [1, 2, 3]);
    for (const count of counts.values()) assert.ok(count > 900 && count < 1100, `${count}`);
  });

  it("are different, and refused if there are not enough different ones", () => {
    assert.equal(new Set(cells("actorDelay=1..3", 3).map(({ actorDelay }) => actorDelay)).size, 3);
    assert.match(
      refusal(() => cells("actorDelay=1..3", 4)),
      /^--random: expected at most 3, because/,
    );
    for (const [text, message] of [
      ["discount=0.9..0.5", /^--grid discount: expected a range such as .* got "0\.9\.\.0\.5"/],
      ["discount=0.9..1.5", /^--grid discount: expected a number from 0 to 1, got 1\.5/],
      ["discount=0..1:log", /^--grid discount: expected a range above 0/],
      ["noise=a..b", /^--grid noise: expected a range/],
    ] as const)
      assert.match(
        refusal(() => cells(text, 2)),
        message,
      );
  });
});
