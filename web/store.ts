/** Holds the page's state in one place. Views read it and subscribe to changes. */
export class Store<State extends object> {
  #state: State;
  readonly #listeners: ((state: State, before: State) => void)[] = [];

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Changes some fields. Nested objects are replaced, never mutated. */
  set(changes: Partial<State>): void {
    const before = this.#state;
    this.#state = { ...before, ...changes };
    for (const listener of this.#listeners) listener(this.#state, before);
  }

  /** Calls the listener now, then after every change. */
  subscribe(listener: (state: State, before: State) => void): void {
    this.#listeners.push(listener);
    listener(this.#state, this.#state);
  }
}
