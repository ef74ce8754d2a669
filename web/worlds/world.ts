import { Canvas } from "../canvas.ts";
import type { Colors } from "../colors.ts";

/** How a task's body is drawn and dragged. */
export interface World {
  /** Takes a new canvas and returns the function that draws on it, once per frame. */
  open(canvas: HTMLCanvasElement): (view: View) => void;
  /** Missing if the body cannot be dragged. */
  readonly hold?: Hold;
  /** The state in words, for screen readers. */
  describe(state: readonly number[]): string;
}

/** How to drag a body whose state is a place and a speed. */
export interface Hold {
  /** The place of the body for a point of a canvas of a size, in CSS pixels. */
  placeAt(x: number, y: number, width: number, height: number): number;
  /** The lowest and the highest place; missing for an angle. */
  readonly places?: readonly [number, number];
  /** The greatest speed, and the number of its time units in a second. */
  readonly greatestSpeed: number;
  readonly timesPerSecond: number;
  /** The change of speed when a key pushes the body to the right. */
  push(state: readonly number[]): number;
}

export interface View {
  readonly state: readonly number[];
  /** The first number of the action, scaled to −1 to 1. */
  readonly action: number;
  readonly colors: Colors;
  readonly isHeld: boolean;
  /** States of other bodies, drawn faintly. */
  readonly crowd: readonly (readonly number[])[];
  /** A state to compare with; null for none. */
  readonly point: readonly number[] | null;
}

/** Wraps a 2D drawing function, in CSS pixels, as `World.open`. */
export function flat(
  draw: (context: CanvasRenderingContext2D, width: number, height: number, view: View) => void,
): World["open"] {
  return (element) => {
    const canvas = new Canvas(element);
    return (view) => {
      const [width, height] = canvas.begin();
      draw(canvas.context, width, height, view);
    };
  };
}
