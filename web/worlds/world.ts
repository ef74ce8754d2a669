import { Canvas } from "../canvas.ts";
import type { Colors } from "../colors.ts";

/** How a task's body is drawn, and how it is taken hold of. */
export interface World {
  /** Takes a fresh canvas, which fills its place on the page; what comes back draws on it, once a frame. */
  open(canvas: HTMLCanvasElement): (view: View) => void;
  /** Missing where it cannot be held. */
  readonly hold?: Hold;
  /** In words, for those who do not see it. */
  describe(state: readonly number[]): string;
}

/** A body whose state is a place and a speed. */
export interface Hold {
  /** The place that a point of the canvas means. */
  placeAt(x: number, y: number, width: number, height: number): number;
  /** Lowest and highest; a place that turns has none. */
  readonly places?: readonly [number, number];
  /** The greatest speed, and how many of its units of time are in a second. */
  readonly greatestSpeed: number;
  readonly timesPerSecond: number;
  /** What a key changes the speed by: to the right, of a body in a state. */
  push(state: readonly number[]): number;
}

export interface View {
  readonly state: readonly number[];
  /** The first number of the action as a part of its greatest: −1 to 1. */
  readonly action: number;
  readonly colors: Colors;
  readonly isHeld: boolean;
}

/** A world that is drawn flat, in CSS pixels. */
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
