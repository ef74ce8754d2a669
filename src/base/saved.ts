/** Something whose whole state is a list of numbers, always of the same length. */
export interface Saved<State extends ArrayLike<number> = Float64Array> {
  /** How many numbers `save` returns. */
  readonly stateSize: number;
  /** Everything that the next results depend on: [stateSize]; a fresh array. */
  save(): State;
  /** Continues from a saved state. */
  restore(state: ArrayLike<number>): void;
}
