import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import type { Shape } from "../envs/scene.ts";
import { Solid, type Vector } from "./solid.ts";

type Ray = readonly [from: Vector, direction: Vector];

const color = [1, 1, 1, 1] as const;
const unturned = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const half = Math.SQRT1_2;

/** Distance and normal where a ray meets a shape in a pose; null where it does not. */
function meet(shape: Omit<Shape, "color">, [from, direction]: Ray, place: Vector = [0, 0, 0], turn = unturned) {
  const solid = new Solid({ ...shape, color });
  solid.place(Float32Array.from([...place, ...turn]), 0);
  const distance = solid.distance(...from, ...direction, 0);
  if (distance === Infinity) return null;
  const [x, y, z] = from.map((start, i) => start + distance * direction[i]);
  solid.touch(x, y, z);
  return [distance, ...solid.normal];
}

function near(actual: number[] | null, expected: readonly number[] | null, what: string): void {
  const close = actual?.every((value, i) => Math.abs(value - (expected?.[i] ?? NaN)) < 1e-6);
  assert.ok(expected === null ? actual === null : close, `${what}: ${actual}, not ${expected}`);
}

/** By shape: what it is called, the ray, then distance and normal worked out by hand. */
const cases: [Omit<Shape, "color">, [string, Ray, readonly number[] | null][]][] = [
  [
    { kind: "plane", size: [] },
    [
      [
        "from above",
        [
          [3, 4, 5],
          [0, 0, -1],
        ],
        [5, 0, 0, 1],
      ],
      [
        "aslant",
        [
          [0, 0, 1],
          [half, 0, -half],
        ],
        [Math.SQRT2, 0, 0, 1],
      ],
      [
        "from below",
        [
          [0, 0, -2],
          [0, 0, 1],
        ],
        [2, 0, 0, 1],
      ],
      [
        "behind",
        [
          [0, 0, 1],
          [0, 0, 1],
        ],
        null,
      ],
      [
        "parallel",
        [
          [0, 0, 1],
          [1, 0, 0],
        ],
        null,
      ],
      [
        "with a direction of length 2",
        [
          [0, 0, 4],
          [0, 0, -2],
        ],
        [2, 0, 0, 1],
      ],
    ],
  ],
  [
    { kind: "sphere", size: [2] },
    [
      [
        "from outside",
        [
          [-5, 0, 0],
          [1, 0, 0],
        ],
        [3, -1, 0, 0],
      ],
      [
        "off its middle",
        [
          [-5, 0, 1],
          [1, 0, 0],
        ],
        [5 - Math.sqrt(3), -Math.sqrt(3) / 2, 0, 0.5],
      ],
      [
        "from inside",
        [
          [1, 0, 0],
          [1, 0, 0],
        ],
        [1, 1, 0, 0],
      ],
      [
        "behind",
        [
          [5, 0, 0],
          [1, 0, 0],
        ],
        null,
      ],
      [
        "beside",
        [
          [-5, 2.001, 0],
          [1, 0, 0],
        ],
        null,
      ],
      [
        "grazing",
        [
          [-5, 2, 0],
          [1, 0, 0],
        ],
        [5, 0, 1, 0],
      ],
    ],
  ],
  [
    { kind: "ellipsoid", size: [1, 2, 4] },
    [
      [
        "along x",
        [
          [5, 0, 0],
          [-1, 0, 0],
        ],
        [4, 1, 0, 0],
      ],
      [
        "along z",
        [
          [0, 0, -9],
          [0, 0, 1],
        ],
        [5, 0, 0, -1],
      ],
      // At x = 0.6: y²/4 = 0.64, so y = 1.6; the normal is along (x, y/4).
      [
        "off its middle",
        [
          [0.6, 9, 0],
          [0, -1, 0],
        ],
        [7.4, 0.6 / Math.hypot(0.6, 0.4), 0.4 / Math.hypot(0.6, 0.4), 0],
      ],
      [
        "from inside",
        [
          [0, 0, 0],
          [0, 1, 0],
        ],
        [2, 0, 1, 0],
      ],
      [
        "behind",
        [
          [0, 0, 5],
          [0, 0, 1],
        ],
        null,
      ],
      [
        "grazing",
        [
          [1, 0, -9],
          [0, 0, 1],
        ],
        [9, 1, 0, 0],
      ],
    ],
  ],
  [
    { kind: "box", size: [1, 2, 3] },
    [
      [
        "along x",
        [
          [-4, 1.9, 2.9],
          [1, 0, 0],
        ],
        [3, -1, 0, 0],
      ],
      [
        "along y",
        [
          [0.5, 4, 0],
          [0, -1, 0],
        ],
        [2, 0, 1, 0],
      ],
      [
        "along z",
        [
          [0.5, 1, 9],
          [0, 0, -1],
        ],
        [6, 0, 0, 1],
      ],
      [
        "aslant",
        [
          [-3, 0, 0],
          [half, half, 0],
        ],
        [2 * Math.SQRT2, -1, 0, 0],
      ],
      [
        "past a corner",
        [
          [-3.1, 0.1, 0],
          [half, half, 0],
        ],
        null,
      ],
      [
        "from inside",
        [
          [0, 0, 0],
          [0, 0, -1],
        ],
        [3, 0, 0, -1],
      ],
      [
        "behind",
        [
          [2, 0, 0],
          [1, 0, 0],
        ],
        null,
      ],
      [
        "parallel, beside",
        [
          [-4, 2.1, 0],
          [1, 0, 0],
        ],
        null,
      ],
      [
        "grazing a face",
        [
          [-4, 2, 0],
          [1, 0, 0],
        ],
        [3, -1, 0, 0],
      ],
    ],
  ],
  [
    { kind: "cylinder", size: [1, 2] },
    [
      [
        "on its side",
        [
          [5, 0, 1.9],
          [-1, 0, 0],
        ],
        [4, 1, 0, 0],
      ],
      [
        "above its side",
        [
          [5, 0, 2.1],
          [-1, 0, 0],
        ],
        null,
      ],
      [
        "on its top",
        [
          [0.9, 0, 5],
          [0, 0, -1],
        ],
        [3, 0, 0, 1],
      ],
      [
        "from below",
        [
          [0, -0.5, -5],
          [0, 0, 1],
        ],
        [3, 0, 0, -1],
      ],
      [
        "parallel to its axis, beside",
        [
          [1.1, 0, 5],
          [0, 0, -1],
        ],
        null,
      ],
      [
        "from inside",
        [
          [0, 0, 0],
          [0, 1, 0],
        ],
        [1, 0, 1, 0],
      ],
      [
        "from inside, to its top",
        [
          [0.5, 0, 0],
          [0, 0, 1],
        ],
        [2, 0, 0, 1],
      ],
      [
        "behind",
        [
          [0, 0, 3],
          [0, 0, 1],
        ],
        null,
      ],
      [
        "through the rim's corner",
        [
          [2.5, 0, 2.6],
          [-half, 0, -half],
        ],
        [Math.SQRT2 * 1.5, 1, 0, 0],
      ],
      [
        "grazing",
        [
          [-5, 1, 0],
          [1, 0, 0],
        ],
        [5, 0, 1, 0],
      ],
    ],
  ],
  [
    { kind: "capsule", size: [1, 2] },
    [
      [
        "on its side",
        [
          [5, 0, 1.9],
          [-1, 0, 0],
        ],
        [4, 1, 0, 0],
      ],
      [
        "on its cap, beside the axis",
        [
          [5, 0, 2.6],
          [-1, 0, 0],
        ],
        [4.2, 0.8, 0, 0.6],
      ],
      [
        "along its axis",
        [
          [0, 0, 9],
          [0, 0, -1],
        ],
        [6, 0, 0, 1],
      ],
      [
        "along its axis, off it",
        [
          [0.6, 0, -9],
          [0, 0, 1],
        ],
        [6.2, 0.6, 0, -0.8],
      ],
      [
        "from inside, through a cap",
        [
          [0, 0, 0],
          [0, 0, 1],
        ],
        [3, 0, 0, 1],
      ],
      [
        "from inside a cap, through the other",
        [
          [0, 0, 2.5],
          [0, 0, -1],
        ],
        [5.5, 0, 0, -1],
      ],
      [
        "from inside, through the side",
        [
          [0, 0, 1],
          [0, 1, 0],
        ],
        [1, 0, 1, 0],
      ],
      [
        "over it",
        [
          [5, 0, 3.1],
          [-1, 0, 0],
        ],
        null,
      ],
      [
        "behind",
        [
          [0, 0, 4],
          [0, 0, 1],
        ],
        null,
      ],
      [
        "parallel to its axis, beside",
        [
          [1.1, 0, 5],
          [0, 0, -1],
        ],
        null,
      ],
      [
        "grazing a cap",
        [
          [5, 0, 3],
          [-1, 0, 0],
        ],
        [5, 0, 0, 1],
      ],
    ],
  ],
];

for (const [shape, rays] of cases) {
  test(`a ray meets a ${shape.kind} where it was worked out by hand, or not at all`, () => {
    for (const [what, ray, expected] of rays) near(meet(shape, ray), expected, what);
  });
}

test("a shape's place and rotation move what the ray meets: a capsule laid along x", () => {
  const lying = [0, 0, 1, 0, 1, 0, -1, 0, 0]; // its z is the world's x
  const capsule = { kind: "capsule", size: [1, 2] } as const;
  near(
    meet(
      capsule,
      [
        [13.1, 0, 30],
        [0, 0, -1],
      ],
      [10, 0, 20],
      lying,
    ),
    null,
    "beyond its cap",
  );
  near(
    meet(
      capsule,
      [
        [12.6, 0, 30],
        [0, 0, -1],
      ],
      [10, 0, 20],
      lying,
    ),
    [9.2, 0.6, 0, 0.8],
    "on its cap",
  );
  near(
    meet(
      capsule,
      [
        [11, 0, 30],
        [0, 0, -1],
      ],
      [10, 0, 20],
      lying,
    ),
    [9, 0, 0, 1],
    "on its side",
  );
});

test("what is no farther than asked for is left out: a ray that starts on the surface", () => {
  const solid = new Solid({ kind: "sphere", size: [1], color });
  solid.place(Float32Array.from([0, 0, 0, ...unturned]), 0);
  assert.equal(solid.distance(-1, 0, 0, 1, 0, 0, 1e-9), 2);
  assert.equal(solid.distance(1, 0, 0, 1, 0, 0, 1e-9), Infinity);
});

test("the balls hold the shape: wherever a ray meets it is inside of their bounds", () => {
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
