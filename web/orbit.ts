// From where a scene in 3D is looked at, and how a person changes it: a pointer, two fingers, the wheel, keys.
import type { Camera } from "../src/environment/scene.ts";

/** As in `Camera`. */
export type Look = Pick<Camera, "azimuth" | "elevation" | "distance">;

/** Degrees for each CSS pixel of a pointer's way, and for each press of a key. */
const [perPixel, perPress] = [0.4, 5];
/** How many times nearer or farther than the scene's camera one may go. */
const zooms = [0.3, 4];
/** From nearly above to a little below what is looked at. */
const elevations = [-89, 8];

export class Orbit implements Look {
  azimuth = 0;
  elevation = 0;
  distance = 1;
  #home: Look = this;
  readonly #pointers = new Map<number, PointerEvent>();

  /** Back to where a camera stands. */
  begin({ azimuth, elevation, distance }: Look): void {
    this.#home = { azimuth, elevation, distance };
    Object.assign(this, this.#home);
  }

  /** Listens to an element. One finger turns, so that the page still scrolls up and down; two tilt and zoom as well. */
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
        // Whoever scrolls past it does not want to stay there.
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
