// A shape in a pose, and where a ray enters or leaves it.
import { poseSize, type Shape } from "../../environment/scene.ts";

export type Vector = readonly [x: number, y: number, z: number];

/** The interval of a ray that is inside the shape of the last query: [enters, leaves], or empty if enters > leaves. */
const inside = new Float64Array(2);

function setInside(enters: number, leaves: number): void {
  inside[0] = enters;
  inside[1] = leaves;
}

/** The ray of the last query in the shape's frame: its origin, then its direction. As arguments, the numbers would be allocated. */
const ray = new Float64Array(6);

/** Sets the interval to where a p² + 2 b p + c ≤ 0. */
function solve(a: number, b: number, c: number): void {
  const d = b * b - a * c;
  if (a === 0) {
    if (c <= 0) setInside(-Infinity, Infinity);
    else setInside(Infinity, -Infinity);
  } else if (d < 0) setInside(Infinity, -Infinity);
  else {
    const root = Math.sqrt(d);
    setInside((-b - root) / a, (-b + root) / a);
  }
}

/** Intersects it with the interval between two planes: |o + p d| ≤ half. */
function clip(o: number, d: number, half: number): void {
  if (d === 0) {
    if (Math.abs(o) > half) setInside(Infinity, -Infinity);
    return;
  }
  const side = d > 0 ? half : -half;
  setInside(Math.max(inside[0], (-side - o) / d), Math.min(inside[1], (side - o) / d));
}

/** A shape in a pose. */
export class Solid {
  readonly kind: Shape["kind"];
  readonly color: Shape["color"];
  /** Centers for `balls`, in the shape's frame. */
  readonly #balls: readonly Vector[];
  readonly radius: number;
  /** Its center. */
  x = 0;
  y = 0;
  z = 0;
  /** The rows of its rotation matrix. */
  readonly #r = new Float64Array(9);
  /** Its size. The meaning depends on the kind. */
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  /** The outward unit normal at the point of the last call of `touch`, and that point in the shape's frame. */
  readonly normal = new Float64Array(3);
  readonly own = new Float64Array(3);

  constructor({ kind, size, color }: Shape) {
    const [a = 0, b = 0, c = 0] = size;
    [this.#a, this.#b, this.#c] = [a, b, c];
    this.kind = kind;
    this.color = color;
    const [i, j, k] = kind === "cylinder" ? [a, a, b] : [a, b, c];
    const corners = [-1, 1].flatMap((x) => [-1, 1].flatMap((y) => [-1, 1].map((z): Vector => [x * i, y * j, z * k])));
    const ends: Vector[] = [
      [0, 0, -b],
      [0, 0, b],
    ];
    this.#balls = kind === "plane" ? [] : kind === "sphere" ? [[0, 0, 0]] : kind === "capsule" ? ends : corners;
    this.radius = kind === "sphere" || kind === "capsule" ? a : 0;
  }

  /** Centers of balls of `radius` whose convex hull contains the shape in its current pose. None for a plane. */
  balls(): Vector[] {
    const r = this.#r;
    return this.#balls.map(([u, v, w]) => [
      this.x + r[0] * u + r[1] * v + r[2] * w,
      this.y + r[3] * u + r[4] * v + r[5] * w,
      this.z + r[6] * u + r[7] * v + r[8] * w,
    ]);
  }

  /** Moves it to the pose of the shape with this index. */
  place(poses: Float32Array, index: number): void {
    const at = index * poseSize;
    this.x = poses[at];
    this.y = poses[at + 1];
    this.z = poses[at + 2];
    this.#r.set(poses.subarray(at + 3, at + poseSize));
  }

  /** The distance along a ray to its surface, beyond `from`. Infinity if the ray does not hit it. */
  distance(x: number, y: number, z: number, u: number, v: number, w: number, from: number): number {
    const r = this.#r;
    const i = x - this.x;
    const j = y - this.y;
    const k = z - this.z;
    const height = r[2] * i + r[5] * j + r[8] * k;
    const climb = r[2] * u + r[5] * v + r[8] * w;
    if (this.kind === "plane") {
      const distance = -height / climb;
      return distance > from ? distance : Infinity;
    }
    ray[0] = r[0] * i + r[3] * j + r[6] * k;
    ray[1] = r[1] * i + r[4] * j + r[7] * k;
    ray[2] = height;
    ray[3] = r[0] * u + r[3] * v + r[6] * w;
    ray[4] = r[1] * u + r[4] * v + r[7] * w;
    ray[5] = climb;
    this.#cross();
    const enters = inside[0];
    const leaves = inside[1];
    if (enters > leaves) return Infinity;
    return enters > from ? enters : leaves > from ? leaves : Infinity;
  }

  /** Sets the interval of the ray inside the shape. */
  #cross(): void {
    // Rays are cast a million times a second, and a list that is taken apart costs as much as one.
    const x = ray[0];
    const y = ray[1];
    const z = ray[2];
    const u = ray[3];
    const v = ray[4];
    const w = ray[5];
    const a = this.#a;
    const b = this.#b;
    const c = this.#c;
    switch (this.kind) {
      case "sphere":
        solve(u * u + v * v + w * w, x * u + y * v + z * w, x * x + y * y + z * z - a * a);
        return;
      case "ellipsoid": {
        // An ellipsoid in units of its half extents is a unit sphere.
        const [i, j, k, l, m, n] = [x / a, y / b, z / c, u / a, v / b, w / c];
        solve(l * l + m * m + n * n, i * l + j * m + k * n, i * i + j * j + k * k - 1);
        return;
      }
      case "box":
        setInside(-Infinity, Infinity);
        clip(x, u, a);
        clip(y, v, b);
        clip(z, w, c);
        return;
      default: {
        solve(u * u + v * v, x * u + y * v, x * x + y * y - a * a);
        clip(z, w, b);
        if (this.kind === "cylinder") return;
        // The two caps extend the interval, without a gap.
        let enters = inside[0] <= inside[1] ? inside[0] : Infinity;
        let leaves = inside[0] <= inside[1] ? inside[1] : -Infinity;
        for (let cap = -b; ; cap = b) {
          const k = z - cap;
          solve(u * u + v * v + w * w, x * u + y * v + k * w, x * x + y * y + k * k - a * a);
          enters = Math.min(enters, inside[0]);
          leaves = Math.max(leaves, inside[1]);
          if (cap === b) break;
        }
        setInside(enters, leaves);
      }
    }
  }

  /** Sets `normal` and `own` for a point of the surface. */
  touch(x: number, y: number, z: number): void {
    const r = this.#r;
    const i = x - this.x;
    const j = y - this.y;
    const k = z - this.z;
    const a = this.#a;
    const b = this.#b;
    const c = this.#c;
    let u = r[0] * i + r[3] * j + r[6] * k;
    let v = r[1] * i + r[4] * j + r[7] * k;
    let w = r[2] * i + r[5] * j + r[8] * k;
    this.own[0] = u;
    this.own[1] = v;
    this.own[2] = w;
    switch (this.kind) {
      case "plane":
        u = v = 0;
        w = 1;
        break;
      case "ellipsoid":
        u /= a * a;
        v /= b * b;
        w /= c * c;
        break;
      case "capsule":
        w -= Math.max(-b, Math.min(w, b));
        break;
      case "cylinder":
        if (Math.abs(w) < b * (1 - 1e-6)) w = 0;
        else u = v = 0;
        break;
      case "box": {
        const [l, m, n] = [Math.abs(u / a), Math.abs(v / b), Math.abs(w / c)];
        if (l < m || l < n) u = 0;
        if (m < n || m <= l) v = 0;
        if (n <= l || n <= m) w = 0;
      }
    }
    const length = Math.sqrt(u * u + v * v + w * w);
    for (let row = 0; row < 9; row += 3) {
      this.normal[row / 3] = (r[row] * u + r[row + 1] * v + r[row + 2] * w) / length;
    }
  }
}
