/** An object whose whole state is a list of numbers of fixed length. */
export interface Saved<State extends ArrayLike<number> = Float64Array> {
  /** The length of the array that `save` returns. */
  readonly stateSize: number;
  /** Returns everything that later results depend on: [stateSize]; a fresh array. */
  save(): State;
  /**
   * Resumes from a state that `save` returned: [stateSize]; copies it. Throws an InputError that begins with `where` for
   * a state that `save` cannot return. States come from files, and a checksum only says that a file was not damaged.
   */
  restore(state: ArrayLike<number>, where?: string): void;
}
