import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Shape } from "../../environment/scene.ts";
import { Solid, type Vector } from "./solid.ts";

const color = [1, 1, 1, 1] as const;
const unturned = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** Distance and normal where a ray meets a shape in a pose. Null if it does not. */
function meet(
  shape: Omit<Shape, "color">,
  from: readonly number[],
  direction: readonly number[],
  place: Vector = [0, 0, 0],
  turn = unturned,
): number[] | null {
  const solid = new Solid({ ...shape, color });
  solid.place(Float32Array.from([...place, ...turn]), 0);
  const [x, y, z] = from;
  const [u, v, w] = direction;
  const distance = solid.distance(x, y, z, u, v, w, 0);
  if (distance === Infinity) return null;
  solid.touch(x + distance * u, y + distance * v, z + distance * w);
  return [distance, ...solid.normal];
}

function near(actual: number[] | null, expected: readonly number[] | null, what: string): void {
  const close = actual?.every((value, i) => Math.abs(value - (expected?.[i] ?? NaN)) < 1e-6);
  assert.ok(expected === null ? actual === null : close, `${what}: ${actual}, not ${expected}`);
}

/** Rays by shape: origin and direction, then distance and normal worked out by hand, or nothing. */
const cases: [Omit<Shape, "color">, string][] = [
  [
    { kind: "plane", size: [] },
    `from above               |  3 4 5    |  0 0 -1                   | 5           0 0 1
     aslant                   |  0 0 1    |  0.70710678 0 -0.70710678 | 1.41421356  0 0 1
     from below               |  0 0 -2   |  0 0 1                    | 2           0 0 1
     with a longer direction  |  0 0 4    |  0 0 -2                   | 2           0 0 1
     behind                   |  0 0 1    |  0 0 1                    |
     parallel                 |  0 0 1    |  1 0 0                    |`,
  ],
  [
    { kind: "sphere", size: [2] },
    `from outside             | -5 0 0    |  1 0 0                    | 3           -1 0 0
     off its middle           | -5 0 1    |  1 0 0                    | 3.26794919  -0.8660254 0 0.5
     from inside              |  1 0 0    |  1 0 0                    | 1           1 0 0
     grazing                  | -5 2 0    |  1 0 0                    | 5           0 1 0
     beside                   | -5 2.01 0 |  1 0 0                    |
     behind                   |  5 0 0    |  1 0 0                    |`,
  ],
  [
    // At x = 0.3: (0.3 / 0.5)² + (y / 2)² = 1, so y = 1.6, and the normal is along 0.3 / 0.25, 1.6 / 4.
    { kind: "ellipsoid", size: [0.5, 2, 4] },
    `along x                  |  5 0 0    | -1 0 0                    | 4.5         1 0 0
     along z                  |  0 0 -9   |  0 0 1                    | 5           0 0 -1
     off its middle           |  0.3 9 0  |  0 -1 0                   | 7.4         0.9486833 0.31622777 0
     from inside              |  0 0 0    |  0 1 0                    | 2           0 1 0
     grazing                  |  0.5 0 -9 |  0 0 1                    | 9           1 0 0
     behind                   |  0 0 5    |  0 0 1                    |`,
  ],
  [
    { kind: "box", size: [1, 2, 3] },
    `along x                  | -4 1.9 2.9 |  1 0 0                   | 3           -1 0 0
     along y                  |  0.5 4 0  |  0 -1 0                   | 2           0 1 0
     along z                  |  0.5 1 9  |  0 0 -1                   | 6           0 0 1
     aslant                   | -3 0 0    |  0.70710678 0.70710678 0  | 2.82842712  -1 0 0
     past an edge             | -3.1 0.1 0 |  0.70710678 0.70710678 0 |
     from inside              |  0 0 0    |  0 0 -1                   | 3           0 0 -1
     grazing a face           | -4 2 0    |  1 0 0                    | 3           -1 0 0
     parallel to it, beside   | -4 2.1 0  |  1 0 0                    |
     behind                   |  2 0 0    |  1 0 0                    |`,
  ],
  [
    { kind: "cylinder", size: [1, 2] },
    `on its side              |  5 0 1.9  | -1 0 0                    | 4           1 0 0
     on its top               |  0.9 0 5  |  0 0 -1                   | 3           0 0 1
     on its bottom            |  0 -0.5 -5 |  0 0 1                   | 3           0 0 -1
     aslant, below its rim    |  2.5 0 3.4 | -0.70710678 0 -0.70710678 | 2.12132034 1 0 0
     aslant, above its rim    |  2.3 0 3.5 | -0.70710678 0 -0.70710678 | 2.12132034 0 0 1
     from inside              |  0 0 0    |  0 1 0                    | 1           0 1 0
     from inside, to its top  |  0.5 0 0  |  0 0 1                    | 2           0 0 1
     grazing                  | -5 1 0    |  1 0 0                    | 5           0 1 0
     above it                 |  5 0 2.1  | -1 0 0                    |
     parallel to it, beside   |  1.1 0 5  |  0 0 -1                   |
     behind                   |  0 0 3    |  0 0 1                    |`,
  ],
  [
    { kind: "capsule", size: [1, 2] },
    `on its side              |  5 0 1.9  | -1 0 0                    | 4           1 0 0
     on its cap, from beside  |  5 0 2.6  | -1 0 0                    | 4.2         0.8 0 0.6
     along its axis           |  0 0 9    |  0 0 -1                   | 6           0 0 1
     along, off its axis      |  0.6 0 -9 |  0 0 1                    | 6.2         0.6 0 -0.8
     from inside, by a cap    |  0 0 0    |  0 0 1                    | 3           0 0 1
     from one cap to another  |  0 0 2.5  |  0 0 -1                   | 5.5         0 0 -1
     from inside, by the side |  0 0 1    |  0 1 0                    | 1           0 1 0
     grazing a cap            |  5 0 3    | -1 0 0                    | 5           0 0 1
     over it                  |  5 0 3.1  | -1 0 0                    |
     parallel to it, beside   |  1.1 0 5  |  0 0 -1                   |
     behind                   |  0 0 4    |  0 0 1                    |`,
  ],
];

const numbers = (text: string): number[] => text.trim().split(/ +/).map(Number);

for (const [shape, rays] of cases) {
  test(`${shape.kind}: rays meet it where worked out by hand, or not at all`, () => {
    for (const row of rays.split("\n")) {
      const [what, from, direction, met] = row.split("|");
      near(meet(shape, numbers(from), numbers(direction)), met.trim() ? numbers(met) : null, what.trim());
    }
  });
}

test("a shape's position and rotation count: a capsule along x", () => {
  const lying = [0, 0, 1, 0, 1, 0, -1, 0, 0]; // its z is the world's x
  const fromAbove = (x: number) => meet({ kind: "capsule", size: [1, 2] }, [x, 0, 30], [0, 0, -1], [10, 0, 20], lying);
  near(fromAbove(11), [9, 0, 0, 1], "on its side");
  near(fromAbove(12.6), [9.2, 0.6, 0, 0.8], "on its cap");
  near(fromAbove(13.1), null, "beyond its cap");
});

test("hits up to the given distance are ignored: a ray that starts on the surface", () => {
  const solid = new Solid({ kind: "sphere", size: [1], color });
  solid.place(Float32Array.from([0, 0, 0, ...unturned]), 0);
  assert.equal(solid.distance(-1, 0, 0, 1, 0, 0, 1e-9), 2);
  assert.equal(solid.distance(1, 0, 0, 1, 0, 0, 1e-9), Infinity);
});

test("the balls contain the shape: every hit of a ray is inside their bounds", () => {
  const random = new Random(1);
  for (const [shape] of cases.slice(1)) {
    const solid = new Solid({ ...shape, color });
    solid.place(Float32Array.from([1, 2, 3, 0.8, -0.6, 0, 0.36, 0.48, -0.8, 0.48, 0.64, 0.6]), 0);
    const balls = solid.balls();
    const bounds = [0, 1, 2].map((axis) => {
      const middles = balls.map((ball) => ball[axis]);
      return [Math.min(...middles) - solid.radius, Math.max(...middles) + solid.radius];
    });
    let hits = 0;
    for (let i = 0; i < 2000; i++) {
      const from = bounds.map(() => random.uniform(-9, 9));
      const [u, v, w] = [1, 2, 3].map((middle, axis) => middle + random.uniform(-4, 4) - from[axis]);
      const distance = solid.distance(from[0], from[1], from[2], u, v, w, 0);
      if (distance === Infinity) continue;
      hits++;
      for (const [axis, [low, high]] of bounds.entries()) {
        const at = from[axis] + distance * [u, v, w][axis];
        assert.ok(at > low - 1e-5 && at < high + 1e-5, `${shape.kind}: ${at} is not from ${low} to ${high}`);
      }
    }
    assert.ok(hits > 100, `${hits}`);
  }
});
