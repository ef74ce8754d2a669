import type { Colours } from "../colours.ts";

/** How a kind of scene is drawn, and where its body is taken hold of. Its states are a place and a speed. */
export interface World {
  /** Draws a state, and the action as a part of its greatest: −1 to 1. */
  draw(context: CanvasRenderingContext2D, width: number, height: number, view: View): void;
  /** The place that a point of the canvas means. */
  placeAt(x: number, y: number, width: number, height: number): number;
  /** Lowest and highest; a place that turns has none. */
  readonly places?: readonly [number, number];
  /** The greatest speed, and how many of its units of time are in a second. */
  readonly greatestSpeed: number;
  readonly timesPerSecond: number;
  /** What a key changes the speed by. */
  readonly push: number;
  /** In words, for those who do not see it. */
  describe(state: readonly number[]): string;
}

export interface View {
  readonly state: readonly number[];
  readonly action: number;
  readonly colours: Colours;
  readonly isHeld: boolean;
}
