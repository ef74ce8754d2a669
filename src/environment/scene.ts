// How a task looks: shapes and poses for the page and `ddpg render` to draw. Nothing in this file draws.
import { expect, expectObject, InputError } from "../base/expect.ts";
import type { Environment } from "./environment.ts";

/**
 * What is drawn of an environment: rigid shapes, their current poses, and a camera. All lengths have the same unit, and
 * z points up. Any environment with a `scene` property of this type can be drawn, including your own.
 */
export interface Scene {
  /** The S shapes; they never change. */
  readonly shapes: readonly Shape[];
  /** The initial point of view; a viewer may move it. */
  readonly camera: Camera;
  /** Seconds of simulated time per step, for playback in real time. */
  readonly stepSeconds: number;
  /**
   * Writes the current pose of every shape, after a reset, a step or a restore: [S · 12]. A pose is the position x, y,
   * z and then the 3 × 3 rotation matrix row by row; its columns are the shape's axes. The call must not change what
   * later steps return.
   */
  writePoses(out: Float32Array): void;
}

/** The number of values that `writePoses` writes for each shape. */
export const poseSize = 12;

/** A rigid shape, centered on its own origin. */
export interface Shape {
  /** The form, which determines the meaning of `size`. */
  readonly kind: "plane" | "sphere" | "capsule" | "ellipsoid" | "cylinder" | "box";
  /**
   * Sphere: the radius. Capsule and cylinder, along their own z: the radius, then half the length without caps.
   * Ellipsoid and box: half the extent along their own x, y and z. Plane: nothing; it is infinite, at its own z = 0.
   * Further numbers are ignored.
   */
  readonly size: readonly number[];
  /** Red, green, blue and opacity, from 0 to 1. */
  readonly color: readonly [red: number, green: number, blue: number, opacity: number];
}

/** A point of view with a vertical field of view of 45° and z upward. */
export interface Camera {
  /**
   * The point that the camera looks at. If it follows a shape, x and y are relative to that shape's position. z is not,
   * so that hopping remains visible.
   */
  readonly target: readonly [x: number, y: number, z: number];
  /** The distance of the camera from `target`, in the scene's unit of length. */
  readonly distance: number;
  /** The horizontal direction in degrees: 0 looks along x; 90 looks along y, with x to the right. */
  readonly azimuth: number;
  /** The vertical direction in degrees: negative looks down. */
  readonly elevation: number;
  /** The index of the shape to follow; absent for a fixed camera. */
  readonly follows?: number;
}

/** Returns the scene of an environment, or undefined if it has none. */
export function sceneOf(environment: Environment): Scene | undefined {
  // A custom environment may use the name `scene` for something else.
  expectObject(environment, "sceneOf environment", "an environment");
  const { scene } = environment as { scene?: Partial<Scene> };
  const drawable = typeof scene?.writePoses === "function" && Array.isArray(scene.shapes) && scene.camera;
  return drawable ? (scene as Scene) : undefined;
}

/** @internal The scene of an environment. Throws an InputError that begins with `name` unless it has one that can be drawn. */
export function expectScene(environment: Environment, name: string): Scene {
  const scene = sceneOf(environment);
  if (!scene) {
    const hint = 'Give it a "scene", with shapes, a camera, stepSeconds and writePoses.';
    const expected = "an environment that can be drawn";
    throw new InputError({ where: name, expected, got: "one without a scene", hint });
  }
  checkScene(scene, `${name} scene`);
  return scene;
}

/** @internal Writes the current poses: [S · 12]. Throws an InputError that names the shape if one has none. */
export function takePoses(scene: Scene, out: Float32Array): void {
  scene.writePoses(out);
  const wrong = out.findIndex((value) => !Number.isFinite(value));
  const where = `scene writePoses shape ${Math.floor(wrong / poseSize)}`;
  expect(wrong < 0, where, "finite numbers", out[wrong]);
}

/** @internal The length of `size` for each kind of shape. */
export const sizes = { plane: 0, sphere: 1, capsule: 2, ellipsoid: 3, cylinder: 2, box: 3 } as const;

/** Throws an InputError that begins with `where` and names the field unless the scene can be drawn. */
export function checkScene(scene: Scene, where = "scene"): void {
  expectObject(scene, where, "a scene");
  const { shapes, camera, stepSeconds } = scene;
  expect(Array.isArray(shapes), `${where} shapes`, "a list of shapes", shapes);
  expectObject(camera, `${where} camera`, "a camera");
  const finite = (values: readonly unknown[] | undefined, count: number): boolean =>
    Array.isArray(values) && values.length >= count && values.every(Number.isFinite);
  for (const [index, each] of (shapes as readonly Shape[]).entries()) {
    const shape = `${where} shapes[${index}]`;
    expectObject(each, shape, "a shape");
    const { kind, size, color } = each;
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

/**
 * Writes the pose of shape number `shape` at (x, 0, z), rotated in that plane. The angle, given by its cosine and sine,
 * is counterclockwise as seen with x to the right.
 */
export function writePlanarPose(out: Float32Array, shape: number, x: number, z: number, cosine = 1, sine = 0): void {
  out.set([x, 0, z, cosine, 0, -sine, 0, 1, 0, sine, 0, cosine], shape * poseSize);
}
