// What can be seen of a task, for whoever draws it: a page, `ddpg render`. Nothing here draws.
import { expect } from "../base/expect.ts";
import type { Environment } from "./environment.ts";

/**
 * What an environment shows of itself: rigid shapes, where they are, and a good place to look from. One unit of length
 * throughout, z points up. An environment that has one as `scene` can be drawn, one of your own too.
 */
export interface Scene {
  /** S shapes, always the same ones. */
  readonly shapes: readonly Shape[];
  /** Where to look from, unless the viewer chooses another place. */
  readonly camera: Camera;
  /** Seconds from one step to the next, for drawing in true time. */
  readonly stepSeconds: number;
  /**
   * Writes where each shape is now, after a reset, a step or a restore: for each its position, then its rotation row by
   * row (the columns are the shape's own axes): [S · 12]. The environment goes on as if nothing had been asked.
   */
  writePoses(out: Float32Array): void;
}

/** Numbers that `writePoses` writes for a shape. */
export const poseSize = 12;

/** A rigid shape about its own origin. */
export interface Shape {
  /** Its form. What `size` means depends on it. */
  readonly kind: "plane" | "sphere" | "capsule" | "ellipsoid" | "cylinder" | "box";
  /**
   * A sphere's radius; the radius of a capsule or cylinder along its own z, then half its length without the caps; half
   * an ellipsoid's or box's extent along its own x, y and z. Further numbers mean nothing, and none does for a plane: it
   * is where its own z is 0, without an end.
   */
  readonly size: readonly number[];
  /** Red, green, blue and opacity, from 0 to 1. */
  readonly color: readonly [red: number, green: number, blue: number, opacity: number];
}

/** From where to look. It sees 45° from top to bottom, and z upward. */
export interface Camera {
  /** What it looks at. Where it follows a shape, x and y count from that shape's place; z does not: what hops, hops. */
  readonly target: readonly [x: number, y: number, z: number];
  /** How far the camera is from `target`, in the scene's unit of length. */
  readonly distance: number;
  /** Degrees: at 0 it looks along x, at 90 along y, with x to the right. */
  readonly azimuth: number;
  /** Degrees: below 0 it looks down. */
  readonly elevation: number;
  /** The index of a shape. */
  readonly follows?: number;
}

/** The scene of an environment, if it shows one. */
export function sceneOf(environment: Environment): Scene | undefined {
  // An environment of one's own may call something else so.
  const { scene } = environment as { scene?: Partial<Scene> };
  const drawable = typeof scene?.writePoses === "function" && Array.isArray(scene.shapes) && scene.camera;
  return drawable ? (scene as Scene) : undefined;
}

/** How many numbers of a size mean something. */
const sizes = { plane: 0, sphere: 1, capsule: 2, ellipsoid: 3, cylinder: 2, box: 3 } as const;

/** Throws an InputError, naming the field, unless a scene is one that can be drawn. */
export function checkScene({ shapes, camera, stepSeconds }: Scene, where: string): void {
  const finite = (values: readonly unknown[] | undefined, count: number): boolean =>
    Array.isArray(values) && values.length >= count && values.every(Number.isFinite);
  for (const [index, { kind, size, color }] of shapes.entries()) {
    const shape = `${where} shapes[${index}]`;
    expect(Object.hasOwn(sizes, kind), `${shape} kind`, `one of ${Object.keys(sizes).join(", ")}`, kind);
    const count = sizes[kind];
    const good = finite(size, count) && size.slice(0, count).every((length) => length > 0);
    expect(good, `${shape} size`, `${count} numbers above 0`, size);
    const fine = finite(color, 4) && color.every((part) => part >= 0 && part <= 1);
    expect(fine, `${shape} color`, "four numbers from 0 to 1", color);
  }
  const { target, distance, azimuth, elevation, follows } = camera;
  expect(finite(target, 3), `${where} camera target`, "three numbers", target);
  expect(finite([distance], 1) && distance > 0, `${where} camera distance`, "a number above 0", distance);
  expect(finite([azimuth, elevation], 2), `${where} camera`, "azimuth and elevation in degrees", [azimuth, elevation]);
  expect(follows === undefined || follows in shapes, `${where} camera follows`, "the index of a shape", follows);
  expect(finite([stepSeconds], 1) && stepSeconds > 0, `${where} stepSeconds`, "a number above 0", stepSeconds);
}

/** Writes the pose of a shape in the plane of x and z, turned counter-clockwise, as seen with x to the right. */
export function writePlanarPose(out: Float32Array, shape: number, x: number, z: number, cosine = 1, sine = 0): void {
  out.set([x, 0, z, cosine, 0, -sine, 0, 1, 0, sine, 0, cosine], shape * poseSize);
}
