// A shape in its place, and where a ray meets it: from outside, or from within.
import { poseSize, type Shape } from "../../environment/scene.ts";

export type Vector = readonly [x: number, y: number, z: number];

/** The part of a ray that is inside of what was last asked for: it enters and leaves, in this order or never. */
const inside = new Float64Array(2);

function setInside(enters: number, leaves: number): void {
  inside[0] = enters;
  inside[1] = leaves;
}

/** The part where a p² + 2 b p + c ≤ 0. */
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

/** Of that part, what is also between two planes: |o + p d| ≤ half. */
function clip(o: number, d: number, half: number): void {
  if (d === 0) {
    if (Math.abs(o) > half) setInside(Infinity, -Infinity);
    return;
  }
  const side = d > 0 ? half : -half;
  setInside(Math.max(inside[0], (-side - o) / d), Math.min(inside[1], (side - o) / d));
}

/** A shape in its place. */
export class Solid {
  readonly kind: Shape["kind"];
  readonly color: Shape["color"];
  /** See `balls`; in the shape's own frame. */
  readonly #balls: readonly Vector[];
  readonly radius: number;
  /** Its middle. */
  x = 0;
  y = 0;
  z = 0;
  /** Rows of its rotation. */
  readonly #r = new Float64Array(9);
  /** Its size, in the meaning of its kind. */
  readonly #a: number;
  readonly #b: number;
  readonly #c: number;
  /** Out of the surface, of length 1, where `touch` was last called; and that point in the shape's own frame. */
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

  /** The middles of balls of `radius` whose hull holds the shape, where it is now; none for a plane. */
  balls(): Vector[] {
    const r = this.#r;
    return this.#balls.map(([u, v, w]) => [
      this.x + r[0] * u + r[1] * v + r[2] * w,
      this.y + r[3] * u + r[4] * v + r[5] * w,
      this.z + r[6] * u + r[7] * v + r[8] * w,
    ]);
  }

  /** Puts it where the poses of a scene say that the shape of this index is. */
  place(poses: Float32Array, index: number): void {
    const at = index * poseSize;
    this.x = poses[at];
    this.y = poses[at + 1];
    this.z = poses[at + 2];
    this.#r.set(poses.subarray(at + 3, at + poseSize));
  }

  /** How far along a ray, beyond `from`, its surface is; Infinity where the ray does not meet it. */
  distance(x: number, y: number, z: number, u: number, v: number, w: number, from: number): number {
    const r = this.#r;
    const [i, j, k] = [x - this.x, y - this.y, z - this.z];
    this.#cross(
      r[0] * i + r[3] * j + r[6] * k,
      r[1] * i + r[4] * j + r[7] * k,
      r[2] * i + r[5] * j + r[8] * k,
      r[0] * u + r[3] * v + r[6] * w,
      r[1] * u + r[4] * v + r[7] * w,
      r[2] * u + r[5] * v + r[8] * w,
    );
    const enters = inside[0];
    const leaves = inside[1];
    if (enters > leaves) return Infinity;
    return enters > from ? enters : leaves > from ? leaves : Infinity;
  }

  /** Finds where a ray is inside, with all in the shape's own frame. */
  #cross(x: number, y: number, z: number, u: number, v: number, w: number): void {
    const [a, b, c] = [this.#a, this.#b, this.#c];
    switch (this.kind) {
      case "plane":
        if (w < 0) setInside(-z / w, Infinity);
        else if (w > 0) setInside(-Infinity, -z / w);
        else setInside(Infinity, -Infinity);
        return;
      case "sphere":
        solve(u * u + v * v + w * w, x * u + y * v + z * w, x * x + y * y + z * z - a * a);
        return;
      case "ellipsoid": {
        // In units of its half extents it is a sphere.
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
        // Its two caps add to what is inside, without a gap.
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
    const [i, j, k] = [x - this.x, y - this.y, z - this.z];
    const [a, b, c] = [this.#a, this.#b, this.#c];
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
