// The user's point of view on a 3D scene. A pointer, two fingers, the wheel and keys change it.
import type { Camera } from "../src/environment/scene.ts";

/** Angles in degrees and the distance in m, as in `Camera`. */
export type Look = Pick<Camera, "azimuth" | "elevation" | "distance">;

/** Degrees per CSS pixel that a pointer moves, and per key press. */
const [perPixel, perPress] = [0.4, 5];
/** The smallest and largest distance, as factors of the scene camera's distance. */
const zooms = [0.3, 4];
/** Limits in degrees, from nearly above the target to slightly below it. */
const elevations = [-89, 8];

export class Orbit implements Look {
  azimuth = 0;
  elevation = 0;
  distance = 1;
  #home: Look = this;
  readonly #pointers = new Map<number, PointerEvent>();

  /** Moves to a camera's position, which Home returns to. */
  begin({ azimuth, elevation, distance }: Look): void {
    this.#home = { azimuth, elevation, distance };
    Object.assign(this, this.#home);
  }

  /** Adds listeners to an element. One finger turns, so that vertical swipes scroll the page. Two tilt and zoom too. */
  listen(element: HTMLElement): void {
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
    });
    element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel"] as const) {
      element.addEventListener(type, ({ pointerId }) => this.#pointers.delete(pointerId));
    }
    element.addEventListener("dblclick", () => this.begin(this.#home));
    element.addEventListener(
      "wheel",
      (event) => {
        // A user who scrolls past the scene does not want to zoom it.
        if (!event.ctrlKey && document.activeElement !== element) return;
        event.preventDefault();
        this.#zoom(Math.exp((event.ctrlKey ? 0.01 : 0.001) * event.deltaY));
      },
      { passive: false },
    );
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = this.#keys[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
  }

  readonly #keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => this.#turn(-perPress, 0),
    ArrowRight: () => this.#turn(perPress, 0),
    ArrowUp: () => this.#turn(0, -perPress),
    ArrowDown: () => this.#turn(0, perPress),
    "+": () => this.#zoom(1 / 1.15),
    "-": () => this.#zoom(1.15),
    Home: () => this.begin(this.#home),
  };

  #drag(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.#pointers.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
    this.#pointers.set(event.pointerId, event);
    const share = perPixel / this.#pointers.size;
    this.#turn(-share * (event.clientX - before.clientX), -share * (event.clientY - before.clientY));
    const [other] = others;
    if (!other) return;
    const apart = ({ clientX, clientY }: PointerEvent): number =>
      Math.hypot(clientX - other.clientX, clientY - other.clientY);
    this.#zoom(apart(before) / Math.max(1, apart(event)));
  }

  #turn(azimuth: number, elevation: number): void {
    this.azimuth += azimuth;
    this.elevation = clamp(this.elevation + elevation, elevations);
  }

  #zoom(factor: number): void {
    const { distance } = this.#home;
    this.distance = clamp(this.distance * factor, [zooms[0] * distance, zooms[1] * distance]);
  }
}

function clamp(value: number, [low, high]: readonly number[]): number {
  return Math.min(high, Math.max(low, value));
}
