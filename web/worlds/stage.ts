// Draws 3D tasks with three.js. The page imports this module when the first such task is selected. z points up.
import {
  BoxGeometry,
  type BufferGeometry,
  CapsuleGeometry,
  Color,
  CylinderGeometry,
  DirectionalLight,
  HemisphereLight,
  Matrix4,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Quaternion,
  Scene,
  SphereGeometry,
  SRGBColorSpace,
  Vector3,
  WebGLRenderer,
} from "three";
import { type Camera, poseSize, type Shape } from "../../src/environment/scene.ts";
import type { Colors } from "../colors.ts";
import type { Look } from "../orbit.ts";
import type { Moment } from "../followed-poses.ts";
import { Floor } from "./floor.ts";

/** The most device pixels per CSS pixel. More would cost four times as much for no visible difference. */
const finest = 2;
/** How quickly the camera adopts the position and velocity of the body it follows, in 1/s. */
const chase = 8;
const up = new Vector3(0, 0, 1);

/** Owns a canvas that shows the shapes of a scene. */
export class Stage {
  readonly canvas: HTMLCanvasElement;
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #eye = new PerspectiveCamera(45);
  readonly #sky = new HemisphereLight();
  readonly #sun = new DirectionalLight("#fff3e2");
  readonly #toSun: Vector3;
  readonly #camera: Camera;
  readonly #floors: Floor[] = [];
  /** In the order of the shapes, including floors. */
  readonly #meshes: readonly Mesh[];
  /** The point the camera looks at. */
  readonly #focus = new Vector3();
  /** The body that the camera follows: its last position in m, and its smoothed velocity in m/s. */
  readonly #followed = new Vector3();
  readonly #velocity = new Vector3();
  #episode: number | undefined;
  #colors: Colors | undefined;
  /** The body in a second state, pale; made when it is first shown. In the order of the shapes, without floors. */
  #pale: readonly (Mesh | null)[] | null = null;
  readonly #paleMaterial = new MeshStandardMaterial({ transparent: true, opacity: 0.45, depthWrite: false });

  /** Throws if the browser has no WebGL. */
  constructor(shapes: readonly Shape[], camera: Camera) {
    this.#renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.#renderer.shadowMap.enabled = true;
    this.canvas = this.#renderer.domElement;
    this.#camera = camera;
    this.#eye.up.copy(up);
    this.#meshes = shapes.map((shape, i) => this.#mesh(shape, i));
    const { azimuth, distance } = camera;
    // The sun shines from behind the camera's left shoulder. It does not move when the user rotates the view.
    this.#toSun = new Vector3(-0.5, -0.55, 1).setLength(3 * distance).applyAxisAngle(up, radians(azimuth - 90));
    this.#castShadows(distance);
    if (this.#floors.length === 0) {
      // A scene without a floor gets one below it, as a visual reference.
      const floor = new Floor(distance);
      floor.mesh.position.setZ(camera.target[2] - 0.4 * distance);
      this.#floors.push(floor);
      this.#scene.add(floor.mesh);
    }
    for (const mesh of this.#meshes) this.#scene.add(mesh);
    this.#scene.add(this.#sky, this.#sun, this.#sun.target);
    this.#sky.position.copy(up);
  }

  /**
   * Draws a moment between two steps, and the body in a second state if there is one: its poses. `seconds` is the time since
   * the last call.
   */
  draw(moment: Moment, look: Look, colors: Colors, seconds: number, second: Float32Array | null): void {
    if (colors !== this.#colors) this.#paint(colors);
    this.#fit();
    for (const [i, mesh] of this.#meshes.entries()) place(mesh, moment, i * poseSize);
    this.#drawPale(second);
    this.#aim(look, moment.episode, seconds);
    this.#renderer.render(this.#scene, this.#eye);
  }

  /** Frees the GPU's memory and context, and removes the canvas. */
  dispose(): void {
    this.#scene.traverse((each) => {
      if (!(each instanceof Mesh)) return;
      each.geometry.dispose();
      each.material.dispose();
    });
    this.#paleMaterial.dispose();
    this.#sun.dispose();
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
    this.canvas.remove();
  }

  #mesh(shape: Shape, index: number): Mesh {
    if (shape.kind === "plane") {
      const floor = new Floor(this.#camera.distance);
      this.#floors.push(floor);
      return floor.mesh;
    }
    const [red, green, blue, opacity] = shape.color;
    const color = new Color().setRGB(red, green, blue, SRGBColorSpace);
    const material = new MeshStandardMaterial({ color, roughness: 0.5, opacity, transparent: opacity < 1 });
    // Where two surfaces coincide, such as those of legs side by side, draw the first one in front.
    Object.assign(material, { polygonOffset: true, polygonOffsetUnits: 8 * index });
    const mesh = new Mesh(geometryOf(shape), material);
    mesh.castShadow = mesh.receiveShadow = true;
    return mesh;
  }

  /** Draws the body in a second state. One that travels is drawn where the body is now. */
  #drawPale(poses: Float32Array | null): void {
    if (!poses) {
      for (const mesh of this.#pale ?? []) if (mesh) mesh.visible = false;
      return;
    }
    this.#pale ??= this.#meshes.map((mesh) => {
      if (this.#floors.some((floor) => floor.mesh === mesh)) return null;
      const pale = new Mesh(mesh.geometry, this.#paleMaterial);
      this.#scene.add(pale);
      return pale;
    });
    const { follows } = this.#camera;
    const [x, y] =
      follows === undefined
        ? [0, 0]
        : [0, 1].map((axis) => this.#meshes[follows].position.getComponent(axis) - poses[follows * poseSize + axis]);
    for (const [i, mesh] of this.#pale.entries()) {
      if (!mesh) continue;
      place(mesh, { before: poses, now: poses, part: 0 }, i * poseSize);
      mesh.position.add(new Vector3(x, y, 0));
      mesh.visible = true;
    }
  }

  #castShadows(distance: number): void {
    const { shadow } = this.#sun;
    this.#sun.castShadow = true;
    shadow.mapSize.set(1024, 1024);
    shadow.radius = 2;
    shadow.normalBias = distance / 150;
    const reach = 0.7 * distance;
    const { camera } = shadow;
    [camera.left, camera.right, camera.bottom, camera.top] = [-reach, reach, -reach, reach];
    camera.far = 6 * distance;
  }

  /** Applies the page's colors, light or dark. */
  #paint(colors: Colors): void {
    this.#colors = colors;
    const isDark = new Color(colors.ground).getHSL({ h: 0, s: 0, l: 0 }).l < 0.5;
    this.#sky.color.set(isDark ? "#c3d4ea" : "#f2f6ff");
    this.#sky.groundColor.set(isDark ? "#333a42" : "#a39a8e");
    this.#sky.intensity = isDark ? 1.1 : 1.7;
    this.#sun.intensity = isDark ? 2.2 : 2.1;
    for (const floor of this.#floors) floor.paint(isDark);
    this.#paleMaterial.color.set(colors.positive);
  }

  /** Matches the drawing's size and resolution to the canvas on the page. */
  #fit(): void {
    const { canvas } = this;
    const ratio = Math.min(devicePixelRatio, finest);
    const [columns, rows] = [canvas.clientWidth, canvas.clientHeight].map((side) =>
      Math.max(1, Math.round(side * ratio)),
    );
    if (canvas.width !== columns || canvas.height !== rows) this.#renderer.setSize(columns, rows, false);
    this.#eye.aspect = columns / rows;
  }

  #aim({ azimuth, elevation, distance }: Look, episode: number, seconds: number): void {
    const { target, follows } = this.#camera;
    const aim = new Vector3().fromArray(target);
    if (follows !== undefined) aim.add(this.#meshes[follows].position.clone().setZ(0));
    if (episode !== this.#episode) {
      this.#focus.copy(aim);
      this.#velocity.setScalar(0);
    } else if (seconds > 0) {
      // Smooth sudden motion but keep pace: a camera that followed only the position would lag behind a fast body.
      const part = 1 - Math.exp(-chase * seconds);
      this.#velocity.lerp(aim.clone().sub(this.#followed).divideScalar(seconds), part);
      this.#focus.addScaledVector(this.#velocity, seconds).lerp(aim, part);
    }
    this.#followed.copy(aim);
    this.#episode = episode;

    const [turn, tilt] = [radians(azimuth), radians(elevation)];
    const way = new Vector3(Math.cos(tilt) * Math.cos(turn), Math.cos(tilt) * Math.sin(turn), Math.sin(tilt));
    this.#eye.position.copy(this.#focus).addScaledVector(way, -distance);
    this.#eye.lookAt(this.#focus);
    this.#eye.near = distance / 50;
    this.#eye.far = distance * 1000;
    this.#eye.updateProjectionMatrix();
    this.#sun.target.position.copy(this.#focus);
    this.#sun.position.copy(this.#focus).add(this.#toSun);
    for (const floor of this.#floors) floor.center(this.#focus);
  }
}

/** The geometry of a shape. Capsules and cylinders extend along z. */
function geometryOf({ kind, size: [x, y, z] }: Shape): BufferGeometry {
  switch (kind) {
    case "capsule":
      return new CapsuleGeometry(x, 2 * y, 16, 32).rotateX(Math.PI / 2);
    case "cylinder":
      return new CylinderGeometry(x, x, 2 * y, 48).rotateX(Math.PI / 2);
    case "box":
      return new BoxGeometry(2 * x, 2 * y, 2 * z);
    case "ellipsoid":
      return new SphereGeometry(1, 48, 32).scale(x, y, z);
    default:
      return new SphereGeometry(x, 48, 32);
  }
}

const matrix = new Matrix4();
const later = new Quaternion();

/** Places a mesh at its shape's pose, interpolated between two steps. */
function place(mesh: Mesh, { before, now, part }: Omit<Moment, "episode">, pose: number): void {
  rotation(mesh.quaternion, before, pose).slerp(rotation(later, now, pose), part);
  const at = (axis: number): number => before[pose + axis] + part * (now[pose + axis] - before[pose + axis]);
  mesh.position.set(at(0), at(1), at(2));
}

function rotation(out: Quaternion, poses: Float32Array, pose: number): Quaternion {
  const [a, b, c, d, e, f, g, h, i] = poses.subarray(pose + 3, pose + poseSize);
  return out.setFromRotationMatrix(matrix.set(a, b, c, 0, d, e, f, 0, g, h, i, 0, 0, 0, 0, 1));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
