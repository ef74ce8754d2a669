// Draws a scene without a graphics card: one ray per pixel, nine where something ends, and one more to the light. A pixel
// whose rays meet nothing that moved since the last picture keeps its color. It uses only +, −, ×, ÷, square roots and
// comparisons, so a picture has the same bits on every JavaScript engine.

import { cos, pi, sin } from "../../base/math.ts";
import { largest, smallest } from "../../base/numbers.ts";
import { poseSize, type Scene } from "../../environment/scene.ts";
import { Solid, type Vector } from "./solid.ts";

type Interval = readonly [low: number, high: number];
/** A rectangle: across, then along. */
type Area = readonly [Interval, Interval];
/** Red, green and blue as amounts of light, 0 to 1: the squares of the pixel values. */
type Light = readonly [red: number, green: number, blue: number];

const horizon: Light = [0.87, 0.9, 0.94];
const zenith: Light = [0.3, 0.47, 0.72];
const below: Light = [0.42, 0.46, 0.5];
const skyLight: Light = [0.4, 0.43, 0.49];
const groundLight: Light = [0.2, 0.19, 0.17];
const sunLight: Light = [0.9, 0.86, 0.78];
/** The direction to the sun, relative to the camera: right, away from the camera, up. */
const sun: Vector = [-0.42, -0.42, 0.8];

/** Half of the height that the camera sees at distance 1: the tangent of 22.5°. */
const halfView = Math.SQRT2 - 1;
/** Side of the cells, in pixels, that index solids in the picture. */
const cellPixels = 16;
/** Number of cells along a side of the grid that indexes solids by their shadows. */
const sunCells = 32;
/** Neighboring pixels that differ by more than this, of 255, are supersampled. */
const edge = 10;
/** A hit nearer than this, relative to the camera's distance, is the surface that the ray starts from. */
const skin = 1e-5;

const nothing: readonly Solid[] = [];

// What a ray meets. Each plane has two more numbers from `planes` on: in a shadow, and in the sun.
const other = 0;
const sky = 1;
const planes = 2;

/** Indexes solids by the cells of a rectangle that they may touch. */
class Grid {
  readonly #cells: Solid[][];
  readonly #left: number;
  readonly #low: number;
  readonly #cell: number;
  readonly #columns: number;
  readonly #rows: number;

  /** A grid of `columns` × `rows` square cells from a corner. The solids in `everywhere` are in all cells. */
  constructor(left: number, low: number, cell: number, columns: number, rows: number, everywhere: readonly Solid[]) {
    this.#left = left;
    this.#low = low;
    this.#cell = cell;
    this.#columns = columns;
    this.#rows = rows;
    this.#cells = Array.from({ length: columns * rows }, () => [...everywhere]);
  }

  put(solid: Solid, area: Area): void {
    this.eachCell(area, (column, row) => this.#cells[row * this.#columns + column].push(solid));
  }

  /** Calls `visit` for each cell that an area touches. */
  eachCell([[left, right], [low, high]]: Area, visit: (column: number, row: number) => void): void {
    const lastRow = Math.min(this.#rows - 1, Math.floor((high - this.#low) / this.#cell));
    const lastColumn = Math.min(this.#columns - 1, Math.floor((right - this.#left) / this.#cell));
    for (let row = Math.max(0, Math.floor((low - this.#low) / this.#cell)); row <= lastRow; row++) {
      for (let column = Math.max(0, Math.floor((left - this.#left) / this.#cell)); column <= lastColumn; column++) {
        visit(column, row);
      }
    }
  }

  /** The solids that may be at a point. */
  at(x: number, y: number): readonly Solid[] {
    const column = Math.floor((x - this.#left) / this.#cell);
    const row = Math.floor((y - this.#low) / this.#cell);
    const inside = column >= 0 && column < this.#columns && row >= 0 && row < this.#rows;
    return inside ? this.#cells[row * this.#columns + column] : nothing;
  }
}

/** Where a solid was in the last picture. */
interface Place {
  /** In the picture at distance 1. */
  readonly seen: Area;
  /** Its shadow, as seen from the sun; null if it casts none. */
  readonly shadow: Area | null;
}

/** Draws frames of one scene, all of the same size. */
export class RayCaster {
  readonly width: number;
  readonly height: number;
  readonly #scene: Pick<Scene, "shapes" | "camera">;
  readonly #solids: readonly Solid[];
  readonly #planes: readonly Solid[];
  readonly #bodies: readonly Solid[];
  readonly #right: Vector;
  readonly #forward: Vector;
  readonly #up: Vector;
  /** The direction to the sun, and two directions perpendicular to it. */
  readonly #sun: Vector;
  readonly #sunRight: Vector;
  readonly #sunUp: Vector;
  /** Side of a floor square. */
  readonly #square: number;
  /** Side of a pixel, at distance 1. */
  readonly #pixel: number;
  #eye: Vector = [0, 0, 0];
  #seen = new Grid(0, 0, 1, 0, 0, nothing);
  #shading = this.#seen;
  /** The sum of the samples: red, green, blue. */
  readonly #light = new Float64Array(3);

  // The last picture. Its parts that did not change are used again.
  #poses: Float32Array | null = null;
  #places: readonly Place[] = [];
  /** With one ray per pixel, and the picture itself. */
  readonly #plain: Uint8Array;
  readonly #smooth: Uint8Array;
  /** 1 for each pixel of `#smooth` with nine rays. */
  #rough: Uint8Array;
  /** 1 for each pixel that may have changed. */
  readonly #stale: Uint8Array;
  /** The direction of the ray, and the distance to what it meets. As arguments, each number would be allocated. */
  readonly #ray = new Float64Array(4);
  /** A point that the sun may reach. */
  readonly #point = new Float64Array(3);
  /** The pixel that samples are taken of. */
  #at = 0;
  /** What the last sample meets. */
  #meets = other;
  /** What the first ray of each pixel meets. */
  readonly #met: Uint16Array;
  /** For each pixel, the area around its points that may lie in a shadow, as seen from the sun: low and high across and along. */
  readonly #lit: Float64Array;

  constructor(scene: Pick<Scene, "shapes" | "camera">, width: number, height: number) {
    const { shapes, camera } = scene;
    this.width = width;
    this.height = height;
    const pixels = width * height;
    [this.#plain, this.#smooth] = [new Uint8Array(4 * pixels), new Uint8Array(4 * pixels)];
    [this.#rough, this.#stale] = [new Uint8Array(pixels), new Uint8Array(pixels)];
    this.#lit = new Float64Array(4 * pixels);
    this.#met = new Uint16Array(pixels);
    this.#scene = scene;
    this.#solids = shapes.map((shape) => new Solid(shape));
    this.#planes = this.#solids.filter(({ kind }) => kind === "plane");
    this.#bodies = this.#solids.filter(({ kind }) => kind !== "plane");
    const [azimuth, elevation] = [(camera.azimuth * pi) / 180, (camera.elevation * pi) / 180];
    const [ca, sa, ce, se] = [cos(azimuth), sin(azimuth), cos(elevation), sin(elevation)];
    this.#right = [sa, -ca, 0];
    this.#forward = [ce * ca, ce * sa, se];
    this.#up = [-se * ca, -se * sa, ce];
    this.#sun = unit([sun[0] * sa + sun[1] * ca, -sun[0] * ca + sun[1] * sa, sun[2]]);
    this.#sunRight = unit([this.#sun[1], -this.#sun[0], 0]);
    this.#sunUp = cross(this.#sun, this.#sunRight);
    this.#pixel = (2 * halfView) / height;
    // A power of two, about a sixth of the camera's distance.
    let square = 1;
    while (square * 6 > camera.distance) square /= 2;
    while (square * 12 <= camera.distance) square *= 2;
    this.#square = square;
  }

  /** Draws a scene in the given poses, as red, green, blue and 255 for each pixel, row by row from the top. */
  draw(poses: Float32Array, out: Uint8Array): void {
    for (const [index, solid] of this.#solids.entries()) solid.place(poses, index);
    const { target, distance, follows } = this.#scene.camera;
    const followed = follows === undefined ? { x: 0, y: 0 } : this.#solids[follows];
    const place = [target[0] + followed.x, target[1] + followed.y, target[2]];
    const [x, y, z] = place.map((coordinate, i) => coordinate - distance * this.#forward[i]);
    const stands = this.#eye[0] === x && this.#eye[1] === y && this.#eye[2] === z;
    this.#eye = [x, y, z];
    const places = this.#bodies.map((solid) => this.#placeOf(solid));
    this.#seen = this.#seenGrid(places);
    this.#shading = this.#shadingGrid(places);
    this.#findStale(poses, places, stands);
    const [plain, smooth, stale] = [this.#plain, this.#smooth, this.#stale];
    for (let row = 0, at = 0; row < this.height; row++) {
      for (let column = 0; column < this.width; column++, at++) {
        if (stale[at] === 0) continue;
        this.#begin(at);
        this.#sample(column + 0.5, row + 0.5);
        this.#met[at] = this.#meets;
        this.#write(plain, at, 1);
      }
    }
    const rough = this.#edges(plain);
    for (let row = 0, at = 0; row < this.height; row++) {
      for (let column = 0; column < this.width; column++, at++) {
        if (rough[at] === 0) {
          for (let i = 4 * at; i < 4 * at + 4; i++) smooth[i] = plain[i];
        } else if (stale[at] === 1 || this.#rough[at] === 0) {
          this.#at = at;
          for (let i = 1; i < 6; i += 2) for (let j = 1; j < 6; j += 2) this.#sample(column + i / 6, row + j / 6);
          this.#write(smooth, at, 9);
        }
      }
    }
    this.#rough = rough;
    this.#poses = poses.slice();
    this.#places = places;
    out.set(smooth);
  }

  /** Begins the samples of a pixel that changed. */
  #begin(at: number): void {
    this.#at = at;
    this.#lit[4 * at] = this.#lit[4 * at + 2] = Infinity;
    this.#lit[4 * at + 1] = this.#lit[4 * at + 3] = -Infinity;
  }

  /** Marks the pixels that may differ from the last picture: where something moved is seen, or casts its shadow. */
  #findStale(poses: Float32Array, places: readonly Place[], stands: boolean): void {
    const { width, height } = this;
    const stale = this.#stale;
    const before = this.#poses;
    const moved = this.#solids.map((_, index) => {
      for (let i = index * poseSize; i < (index + 1) * poseSize; i++) if (poses[i] !== before?.[i]) return true;
      return false;
    });
    if (!before || this.#solids.some(({ kind }, i) => kind === "plane" && moved[i])) {
      stale.fill(1);
      return;
    }
    // The sky depends on the direction alone, which a camera that follows a shape keeps.
    const [met, rough] = [this.#met, this.#rough];
    if (stands) stale.fill(0);
    else for (let at = 0; at < stale.length; at++) stale[at] = met[at] === sky && rough[at] === 0 ? 0 : 1;
    const shadows: Area[] = [];
    for (const [i, solid] of this.#bodies.entries()) {
      if (stands && !moved[this.#solids.indexOf(solid)]) continue;
      for (const { seen, shadow } of [this.#places[i], places[i]]) {
        if (shadow && stands) shadows.push(widened(shadow, 1e-6 * this.#scene.camera.distance));
        this.#seen.eachCell(seen, (column, row) => {
          // Rows of cells count from the bottom.
          const top = Math.max(0, height - (row + 1) * cellPixels);
          const right = Math.min(width, (column + 1) * cellPixels);
          for (let y = top; y < height - row * cellPixels; y++)
            stale.fill(1, y * width + column * cellPixels, y * width + right);
        });
      }
    }
    // The loops over pixels take nothing apart: lists that are taken apart there take most of the time.
    const lit = this.#lit;
    for (const [[left, right], [low, high]] of shadows) {
      for (let at = 0; at < stale.length; at++) {
        const isApart =
          lit[4 * at] > right || lit[4 * at + 1] < left || lit[4 * at + 2] > high || lit[4 * at + 3] < low;
        if (!isApart) stale[at] = 1;
      }
    }
  }

  #placeOf(solid: Solid): Place {
    const balls = solid.balls();
    const views = balls.map((ball) => {
      const from = minus(ball, this.#eye);
      const depth = dot(from, this.#forward);
      const across = extent(dot(from, this.#right), depth, solid.radius);
      return [across, extent(dot(from, this.#up), depth, solid.radius)] as const;
    });
    const along = (axis: Vector): Interval =>
      hull(balls.map((ball) => [dot(ball, axis) - solid.radius, dot(ball, axis) + solid.radius]));
    return {
      seen: [hull(views.map(([across]) => across)), hull(views.map(([, up]) => up))],
      shadow: solid.color[3] === 1 ? [along(this.#sunRight), along(this.#sunUp)] : null,
    };
  }

  /** Indexes the solids by where they appear, in the picture at distance 1 with its center at 0. */
  #seenGrid(places: readonly Place[]): Grid {
    const { width, height } = this;
    const pixel = this.#pixel;
    const [columns, rows] = [Math.ceil(width / cellPixels), Math.ceil(height / cellPixels)];
    const grid = new Grid((-width / 2) * pixel, (-height / 2) * pixel, cellPixels * pixel, columns, rows, this.#planes);
    for (const [i, solid] of this.#bodies.entries()) grid.put(solid, places[i].seen);
    return grid;
  }

  /** Indexes the solids by their shadows, as seen from the sun. */
  #shadingGrid(places: readonly Place[]): Grid {
    const shadows = this.#bodies.flatMap((solid, i): [Solid, Area][] => {
      const { shadow } = places[i];
      return shadow ? [[solid, shadow]] : [];
    });
    const [left, right] = hull(shadows.map(([, [across]]) => across));
    const [low, high] = hull(shadows.map(([, [, along]]) => along));
    const grid = new Grid(left, low, Math.max(right - left, high - low) / sunCells, sunCells, sunCells, nothing);
    for (const [solid, shadow] of shadows) grid.put(solid, shadow);
    return grid;
  }

  /** 1 for each pixel that differs from a neighbor. */
  #edges(out: Uint8Array): Uint8Array {
    const { width } = this;
    const rough = new Uint8Array(width * this.height);
    const met = this.#met;
    const differ = (at: number, next: number): void => {
      // The squares of a plane need no more rays: a pixel of it has the mean of what it covers.
      if (met[at] === met[next] && met[at] !== other) return;
      for (let i = 0; i < 3; i++) {
        if (Math.abs(out[4 * at + i] - out[4 * next + i]) > edge) rough[at] = rough[next] = 1;
      }
    };
    for (let at = 0; at < rough.length; at++) {
      if (at % width < width - 1) differ(at, at + 1);
      if (at + width < rough.length) differ(at, at + width);
    }
    return rough;
  }

  /** Adds a mix of two lights, with a weight. */
  #add(a: Light, b: Light, part: number, weight: number): void {
    for (let c = 0; c < 3; c++) this.#light[c] += weight * (a[c] + part * (b[c] - a[c]));
  }

  /** Writes the mean of the samples as a pixel, and resets the sum. */
  #write(out: Uint8Array, at: number, samples: number): void {
    for (let c = 0; c < 3; c++) {
      out[4 * at + c] = Math.min(255, Math.round(255 * Math.sqrt(this.#light[c] / samples)));
      this.#light[c] = 0;
    }
    out[4 * at + 3] = 255;
  }

  /** Adds a sample: what is visible through a point of the picture, in pixels from its top left. */
  #sample(column: number, row: number): void {
    const across = (column - this.width / 2) * this.#pixel;
    const along = (this.height / 2 - row) * this.#pixel;
    const length = Math.sqrt(1 + across * across + along * along);
    const u = (this.#forward[0] + across * this.#right[0] + along * this.#up[0]) / length;
    const v = (this.#forward[1] + across * this.#right[1] + along * this.#up[1]) / length;
    const w = (this.#forward[2] + across * this.#right[2] + along * this.#up[2]) / length;
    this.#ray[0] = u;
    this.#ray[1] = v;
    this.#ray[2] = w;
    const x = this.#eye[0];
    const y = this.#eye[1];
    const z = this.#eye[2];
    const seen = this.#seen.at(across, along);
    const least = skin * this.#scene.camera.distance;
    // How much of what lies behind is visible through translucent solids.
    let weight = 1;
    this.#meets = other;
    for (let from = least; weight > 0.01; ) {
      let nearest = Infinity;
      let solid: Solid | undefined;
      for (let i = 0; i < seen.length; i++) {
        const distance = seen[i].distance(x, y, z, u, v, w, from);
        if (distance >= nearest) continue;
        nearest = distance;
        solid = seen[i];
      }
      if (!solid) {
        if (weight === 1) this.#meets = sky;
        const height = w < 0 ? -w : 1.6 * w;
        this.#add(horizon, w < 0 ? below : zenith, Math.min(1, height), weight);
        return;
      }
      this.#ray[3] = nearest;
      this.#shade(solid, weight * solid.color[3]);
      weight *= 1 - solid.color[3];
      from = nearest + least;
    }
  }

  /** Adds the light that comes from a point of a surface. */
  #shade(solid: Solid, weight: number): void {
    const u = this.#ray[0];
    const v = this.#ray[1];
    const w = this.#ray[2];
    const distance = this.#ray[3];
    const x = this.#eye[0] + distance * u;
    const y = this.#eye[1] + distance * v;
    const z = this.#eye[2] + distance * w;
    solid.touch(x, y, z);
    const cosine = -(solid.normal[0] * u + solid.normal[1] * v + solid.normal[2] * w);
    const side = cosine < 0 ? -1 : 1;
    const i = side * solid.normal[0];
    const j = side * solid.normal[1];
    const k = side * solid.normal[2];
    const sx = this.#sun[0];
    const sy = this.#sun[1];
    const sz = this.#sun[2];
    const lift = 1e-3 * this.#square;
    let direct = i * sx + j * sy + k * sz;
    this.#point[0] = x + lift * i;
    this.#point[1] = y + lift * j;
    this.#point[2] = z + lift * k;
    if (direct <= 0 || this.#inShadow()) direct = 0;
    let paint = 1;
    let haze = 0;
    let shine = 0;
    if (solid.kind === "plane") {
      if (weight === 1) this.#meets = planes + 2 * this.#planes.indexOf(solid) + (direct > 0 ? 1 : 0);
      const footprint = (distance * this.#pixel) / Math.max(0.02, Math.abs(cosine));
      paint = this.#squares(solid.own[0], solid.own[1], footprint);
      const far = distance / (9 * this.#scene.camera.distance);
      haze = (far * far) / (1 + far * far);
    } else if (direct > 0) {
      // The sun's reflection: (n · h)³², where h is halfway between the directions to the eye and to the sun.
      const hx = sx - u;
      const hy = sy - v;
      const hz = sz - w;
      shine = Math.max(0, (i * hx + j * hy + k * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz));
      for (let square = 0; square < 5; square++) shine *= shine;
    }
    const part = 0.5 + 0.5 * k;
    const own = weight * (1 - haze);
    const color = solid.color;
    for (let c = 0; c < 3; c++) {
      const light = groundLight[c] + part * (skyLight[c] - groundLight[c]) + direct * sunLight[c];
      this.#light[c] += own * (color[c] * color[c] * paint * light + 0.25 * shine) + weight * haze * horizon[c];
    }
  }

  /** The brightness of a floor at a point: squares in two shades, or their mean where a pixel covers many. */
  #squares(x: number, y: number, footprint: number): number {
    const width = Math.min(1, footprint / this.#square) + 1e-4;
    const contrast = stripes(x / this.#square, width) * stripes(y / this.#square, width);
    return 0.8 + 0.2 * contrast * (1 - width);
  }

  /** Whether the point is in a shadow. */
  #inShadow(): boolean {
    const x = this.#point[0];
    const y = this.#point[1];
    const z = this.#point[2];
    const u = this.#sun[0];
    const v = this.#sun[1];
    const w = this.#sun[2];
    const a = this.#sunRight;
    const b = this.#sunUp;
    const across = x * a[0] + y * a[1] + z * a[2];
    const along = x * b[0] + y * b[1] + z * b[2];
    const lit = this.#lit;
    const at = 4 * this.#at;
    lit[at] = Math.min(lit[at], across);
    lit[at + 1] = Math.max(lit[at + 1], across);
    lit[at + 2] = Math.min(lit[at + 2], along);
    lit[at + 3] = Math.max(lit[at + 3], along);
    const shading = this.#shading.at(across, along);
    for (let i = 0; i < shading.length; i++) {
      if (shading[i].distance(x, y, z, u, v, w, 0) < Infinity) return true;
    }
    return false;
  }
}

function widened([[left, right], [low, high]]: Area, by: number): Area {
  return [
    [left - by, right + by],
    [low - by, high + by],
  ];
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

/** The smallest interval that contains all of them. */
function hull(intervals: readonly Interval[]): Interval {
  return [smallest(intervals.map(([low]) => low)), largest(intervals.map(([, high]) => high))];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(a: Vector): Vector {
  const length = Math.sqrt(dot(a, a));
  return [a[0] / length, a[1] / length, a[2] / length];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/**
 * The interval that a ball covers in the picture at distance 1, along one axis, from its tangents through the eye.
 * Unbounded if part of the ball is not in front of the camera.
 */
function extent(offset: number, depth: number, radius: number): Interval {
  if (depth <= radius) return [-Infinity, Infinity];
  const square = depth * depth - radius * radius;
  const root = radius * Math.sqrt(offset * offset + square);
  return [(offset * depth - root) / square, (offset * depth + root) / square];
}

/** The mean over a width around x of stripes of width 1 that alternate between 1 and −1. */
function stripes(x: number, width: number): number {
  return (integral(x + width / 2) - integral(x - width / 2)) / width;
}

function integral(x: number): number {
  const rest = x / 2 - Math.floor(x / 2);
  return rest < 0.5 ? 2 * rest : 2 - 2 * rest;
}
