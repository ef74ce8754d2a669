import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Random } from "../../base/random.ts";
import { type Camera, poseSize, type Scene, type Shape } from "../../environment/scene.ts";
import { RayCaster } from "./ray-caster.ts";
import { Solid, type Vector } from "./solid.ts";

const level: Camera = { target: [0, 0, 0], distance: 10, azimuth: 90, elevation: 0 };
const red = [1, 0, 0, 1] as const;
const floor: Shape = { kind: "plane", size: [], color: [0.8, 0.8, 0.8, 1] };
const unturned = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** A scene of shapes at positions, unrotated unless a rotation follows. */
function sceneOf(camera: Camera, ...placed: [Shape, Vector, number[]?][]): [Scene, Float32Array] {
  const scene = { shapes: placed.map(([shape]) => shape), camera, stepSeconds: 1, writePoses() {} };
  return [scene, Float32Array.from(placed.flatMap(([, place, turn]) => [...place, ...(turn ?? unturned)]))];
}

/** Draws a scene. Returns red, green and blue by column and row. */
function draw([scene, poses]: [Scene, Float32Array], width = 200, height = 200) {
  const out = new Uint8Array(4 * width * height);
  new RayCaster(scene, width, height).draw(poses, out);
  return (column: number, row: number): number[] => Array.from(out.subarray(4 * (row * width + column)).subarray(0, 3));
}

const isRed = ([r, g, b]: number[]) => r > 2 * g && r > 2 * b;

test("a ball has the right size and position in the picture: 45° from top to bottom, x to the right, z up", () => {
  const pixel = draw(sceneOf(level, [{ kind: "sphere", size: [1], color: red }, [1, 0, 2]]));
  // At distance 1 a pixel is 2 · tan 22.5° / 200 wide. The center is at (1, 2) / 10 of that picture.
  const size = (2 * Math.tan(Math.PI / 8)) / 200;
  const [column, row] = [100 + 0.1 / size, 100 - 0.2 / size].map(Math.floor);
  const radius = 0.1 / size;
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ]) {
    const inside = [column + Math.round(0.9 * radius * dx), row + Math.round(0.9 * radius * dy)] as const;
    const outside = [column + Math.round(1.1 * radius * dx), row + Math.round(1.1 * radius * dy)] as const;
    assert.ok(isRed(pixel(...inside)), `${inside}: ${pixel(...inside)}`);
    assert.ok(!isRed(pixel(...outside)), `${outside}: ${pixel(...outside)}`);
  }
});

test("azimuth and elevation turn the camera around its target", () => {
  const marks: [Shape, Vector][] = [
    [{ kind: "sphere", size: [0.5], color: red }, [2, 0, 0]],
    [{ kind: "sphere", size: [0.5], color: [0, 1, 0, 1] }, [0, 2, 0]],
    [{ kind: "sphere", size: [0.5], color: [0, 0, 1, 1] }, [0, 0, 2]],
  ];
  /** Which color is where: columns and rows from the center, rounded to 2 units of length. */
  const seen = (camera: Camera) => {
    const pixel = draw(sceneOf(camera, ...marks));
    const strongest = (rgb: number[]) =>
      Math.max(...rgb) > 2 * Math.min(...rgb) ? "rgb"[rgb.indexOf(Math.max(...rgb))] : " ";
    return [
      [100, 52],
      [52, 100],
      [100, 100],
      [148, 100],
      [100, 148],
    ]
      .map(([x, y]) => strongest(pixel(x, y)))
      .join("");
  };
  // Above, left, middle, right, below.
  assert.equal(seen(level), "b gr ");
  assert.equal(seen({ ...level, azimuth: 0 }), "bgr  ");
  assert.equal(seen({ ...level, elevation: -90 }), "g br ");
  assert.equal(seen({ ...level, elevation: 90 }), "  brg");
});

test("the camera follows a shape along x and y, not z", () => {
  const ball: Shape = { kind: "sphere", size: [1], color: red };
  const camera: Camera = { ...level, follows: 0 };
  const still = draw(sceneOf(camera, [ball, [0, 0, 0]]));
  const moved = draw(sceneOf(camera, [ball, [7, -3, 0]]));
  for (let row = 0; row < 200; row += 10)
    for (let x = 0; x < 200; x += 10) assert.deepEqual(moved(x, row), still(x, row));
  assert.ok(isRed(still(100, 100)));
  const higher = draw(sceneOf(camera, [ball, [7, -3, 3]]));
  assert.ok(
    !isRed(higher(100, 100)) && isRed(higher(100, 100 - Math.round(0.3 / ((2 * Math.tan(Math.PI / 8)) / 200)))),
  );
});

test("every pixel shows the nearest shape, compared with rays to all of them", () => {
  const kinds = [
    ["sphere", [0.5]],
    ["capsule", [0.2, 0.6]],
    ["ellipsoid", [0.3, 0.7, 0.2]],
    ["cylinder", [0.4, 0.5]],
    ["box", [0.5, 0.2, 0.7]],
  ] as const;
  const random = new Random(1);
  const camera: Camera = { target: [0, 0, 0], distance: 6, azimuth: 30, elevation: -20 };
  const placed = Array.from({ length: 40 }, (_, i): [Shape, Vector, number[]] => {
    const [kind, size] = kinds[i % 5];
    const color = [0, 0, 0, 1] as [number, number, number, number];
    color[i % 3] = 1;
    const [a, b] = [random.uniform(0, 6), random.uniform(0, 6)];
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    // Some are outside of the picture, some behind the camera.
    const place: Vector = [random.uniform(-7, 7), random.uniform(-4, 4), random.uniform(-3, 3)];
    return [{ kind, size, color }, place, [ca, -sa * cb, sa * sb, sa, ca * cb, -ca * sb, 0, sb, cb]];
  });
  const [scene, poses] = sceneOf(camera, ...placed);
  const [width, height] = [160, 120];
  const pixel = draw([scene, poses], width, height);
  const solids = scene.shapes.map((shape, i) => {
    const solid = new Solid(shape);
    solid.place(poses, i);
    return solid;
  });
  const [az, el] = [(30 * Math.PI) / 180, (-20 * Math.PI) / 180];
  const forward = [Math.cos(el) * Math.cos(az), Math.cos(el) * Math.sin(az), Math.sin(el)];
  const right = [Math.sin(az), -Math.cos(az), 0];
  const up = [-Math.sin(el) * Math.cos(az), -Math.sin(el) * Math.sin(az), Math.cos(el)];
  const nearestAt = (column: number, row: number): number => {
    const size = (2 * Math.tan(Math.PI / 8)) / height;
    const [x, y] = [(column - width / 2) * size, (height / 2 - row) * size];
    const direction = forward.map((f, i) => f + x * right[i] + y * up[i]);
    const distances = solids.map((solid) =>
      solid.distance(-6 * forward[0], -6 * forward[1], -6 * forward[2], direction[0], direction[1], direction[2], 1e-4),
    );
    const least = Math.min(...distances);
    return least === Infinity ? -1 : distances.indexOf(least);
  };
  const shown = new Set<number>();
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const corners = [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
        [0.5, 0.5],
      ].map(([dx, dy]) => nearestAt(column + dx, row + dy));
      if (new Set(corners).size > 1) continue; // an edge is there
      const rgb = pixel(column, row);
      const seen = rgb.findIndex((value, c) => rgb.every((other, k) => k === c || value > 1.3 * other));
      assert.equal(seen, corners[0] < 0 ? -1 : corners[0] % 3, `${column}, ${row}: ${rgb}`);
      shown.add(corners[0]);
    }
  }
  assert.ok(shown.size > 12, `${shown.size} shapes were seen`);
});

test("a ball over a floor casts a shadow away from the sun, which shines from the camera's left and behind it", () => {
  for (const azimuth of [90, 0, 215]) {
    const camera: Camera = { target: [0, 0, 0], distance: 10, azimuth, elevation: -35 };
    const ball: Shape = { kind: "sphere", size: [0.7], color: [0.8, 0.8, 0.8, 1] };
    const lit = draw(sceneOf(camera, [floor, [0, 0, 0]]));
    const shaded = draw(sceneOf(camera, [floor, [0, 0, 0]], [ball, [0, 0, 1]]));
    let [count, column, row] = [0, 0, 0];
    for (let y = 0; y < 200; y++) {
      for (let x = 0; x < 200; x++) {
        if (shaded(x, y)[1] >= 0.8 * lit(x, y)[1]) continue;
        [count, column, row] = [count + 1, column + x, row + y];
      }
    }
    assert.ok(
      count > 100 && column / count > 105 && row / count < 110,
      `${count} pixels about ${column / count}, ${row / count}`,
    );
    // The rest of the floor is as bright as without it.
    assert.deepEqual(shaded(20, 190), lit(20, 190));
  }
});

test("a translucent shape shows what lies behind it, and casts no shadow", () => {
  const glass: Shape = { kind: "box", size: [1, 0.1, 1], color: [0, 0, 1, 0.5] };
  const ball: [Shape, Vector] = [{ kind: "sphere", size: [1], color: red }, [0, 2, 0]];
  const [r, , b] = draw(sceneOf(level, [glass, [0, 0, 0]], ball))(100, 100);
  const [alone] = draw(sceneOf(level, ball))(100, 100);
  assert.ok(r > 0.3 * alone && r < 0.8 * alone && b > 50, `${r} of ${alone}, ${b}`);
  const above: Camera = { ...level, elevation: -90 };
  const bare = draw(sceneOf(above, [floor, [0, 0, -2]]));
  const under = draw(sceneOf(above, [floor, [0, 0, -2]], [glass, [3, 0, 0]]));
  for (let x = 30; x < 120; x += 5) assert.deepEqual(under(x, 100), bare(x, 100));
});

test("a floor's squares have the floor's perspective, and blur into one tone far away", () => {
  const pixel = draw(sceneOf({ ...level, elevation: -90 }, [floor, [0, 0, 0]]));
  const tones = new Set(Array.from({ length: 100 }, (_, i) => pixel(2 * i, 20)[0]));
  assert.ok(Math.max(...tones) - Math.min(...tones) > 15);
  const far = draw(sceneOf({ ...level, target: [0, 0, 1], elevation: -1 }, [floor, [0, 0, 0]]));
  const row = Array.from({ length: 200 }, (_, x) => far(x, 102)[0]);
  assert.ok(Math.max(...row) - Math.min(...row) < 6, `${row}`);
});

test("the line in which two planes meet is smooth", () => {
  const slope = [0.8, 0, -0.6, 0, 1, 0, 0.6, 0, 0.8];
  const camera: Camera = { target: [0, 0, 0], distance: 10, azimuth: 60, elevation: -50 };
  const blue = { ...floor, color: [0, 0, 1, 1] as const };
  const pixel = draw(sceneOf(camera, [{ ...floor, color: red }, [0, 0, 0]], [blue, [0, 0, 0], slope]));
  const isMixed = ([r, , b]: number[]): boolean => r > 60 && b > 60;
  const rows = Array.from({ length: 200 }, (_, row) => Array.from({ length: 200 }, (_, column) => pixel(column, row)));
  const smooth = rows.filter((row) => row.some(isMixed)).length;
  assert.ok(smooth > 150, `${smooth} rows`);
});

test("a picture drawn after another one is the same as drawn alone, whatever moved", () => {
  const random = new Random(5);
  const kinds = ["sphere", "capsule", "ellipsoid", "cylinder", "box"] as const;
  const shapes = kinds.map((kind, i): Shape => {
    return { kind, size: [0.5, 0.4, 0.3], color: [0.9, 0.2 * i, 0.5, i === 1 ? 0.5 : 1] };
  });
  const turned = (): number[] => {
    const [a, b] = [random.uniform(0, 6), random.uniform(0, 6)];
    const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    return [ca, -sa * cb, sa * sb, sa, ca * cb, -ca * sb, 0, sb, cb];
  };
  const somewhere = (): Vector => [random.uniform(-3, 3), random.uniform(-2, 2), random.uniform(0, 2)];
  const [width, height] = [100, 77];
  // The last one sees much of the sky.
  for (const [follows, elevation] of [
    [undefined, -25],
    [2, -25],
    [2, -3],
  ] as const) {
    const camera: Camera = {
      target: [0, 0, 0.5],
      distance: 6,
      azimuth: 70,
      elevation,
      ...(follows && { follows }),
    };
    const placed = shapes.map((shape): [Shape, Vector, number[]] => [shape, somewhere(), turned()]);
    const ground: [Shape, Vector] = [floor, [0, 0, 0]];
    const [scene] = sceneOf(camera, ground, ...placed);
    const caster = new RayCaster(scene, width, height);
    const [got, alone] = [new Uint8Array(4 * width * height), new Uint8Array(4 * width * height)];
    for (let frame = 0; frame < 24; frame++) {
      // One shape moves, each in its turn; now and then none does, all do, or the floor does.
      for (const [i, each] of placed.entries())
        if (frame % 8 === i + 1 || frame === 14) [each[1], each[2]] = [somewhere(), turned()];
      if (frame === 15) ground[1] = [0, 0, -0.2];
      const [, poses] = sceneOf(camera, ground, ...placed);
      caster.draw(poses, got);
      new RayCaster(scene, width, height).draw(poses, alone);
      const different = got.findIndex((value, at) => value !== alone[at]);
      assert.ok(different < 0, `frame ${frame}, ${follows}, ${elevation}°: pixel ${different >> 2}`);
    }
  }
});

test("a camera that follows a shape sees what changes at the horizon, in a pixel whose middle is in the sky", () => {
  // The horizon is a quarter of a pixel above the lower end of a row, where a tower's shadow lies 200 units away.
  const [width, height] = [64, 16];
  const pixel = (2 * Math.tan(Math.PI / 8)) / height;
  const elevation = (-Math.atan(pixel / 4) * 180) / Math.PI;
  const camera: Camera = { target: [10, 0, 1], distance: 10, azimuth: 90, elevation, follows: 1 };
  const tower: Shape = { kind: "box", size: [20, 20, 60], color: [0.2, 0.2, 0.2, 1] };
  const ball: Shape = { kind: "sphere", size: [0.1], color: red };
  const at = (x: number) => sceneOf(camera, [floor, [0, 0, 0]], [ball, [x, 0, 0.2]], [tower, [-30, 200, 60]]);
  const caster = new RayCaster(at(0)[0], width, height);
  const [before, after, alone] = [0, 1, 2].map(() => new Uint8Array(4 * width * height));
  caster.draw(at(-10)[1], before);
  caster.draw(at(30)[1], after);
  new RayCaster(at(0)[0], width, height).draw(at(30)[1], alone);
  assert.deepEqual(after, alone);
});

test("a picture has recorded bits, the same on every engine", () => {
  const size = [0.4, 0.3, 0.2];
  const kinds = ["sphere", "capsule", "ellipsoid", "cylinder", "box"] as const;
  const turn = [0.8, -0.6, 0, 0.36, 0.48, -0.8, 0.48, 0.64, 0.6];
  const placed = kinds.map((kind, i): [Shape, Vector, number[]] => {
    return [{ kind, size, color: [0.9, 0.2 * i, 0.5, i === 2 ? 0.6 : 1] }, [1.2 * i - 2.4, 0.3 * i, 0.6], turn];
  });
  const camera: Camera = { target: [0, 0, 0.3], distance: 5, azimuth: 75, elevation: -25 };
  const [scene, poses] = sceneOf(camera, [floor, [0, 0, 0]], ...placed);
  const out = new Uint8Array(4 * 96 * 64);
  new RayCaster(scene, 96, 64).draw(poses, out);
  assert.equal(poses.length, 6 * poseSize);
  assert.equal(createHash("sha256").update(out).digest("hex").slice(0, 16), "6fe8c442731b664a");
});
