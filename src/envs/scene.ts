// What can be seen of a task, for whoever draws it: a page, `ddpg render`. Nothing here draws.
import type { Environment } from "../ddpg/environment.ts";

/**
 * What an environment shows of itself: rigid shapes, where they are, and a good place to look from. One unit of length
 * throughout, z points up. An environment that has one as `scene` can be drawn, one of your own too.
 */
export interface Scene {
  /** S shapes, always the same ones. */
  readonly shapes: readonly Shape[];
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

/** Writes the pose of a shape in the plane of x and z, turned counter-clockwise, as seen with x to the right. */
export function writePlanarPose(out: Float32Array, shape: number, x: number, z: number, cosine = 1, sine = 0): void {
  out.set([x, 0, z, cosine, 0, -sine, 0, 1, 0, sine, 0, cosine], shape * poseSize);
}
