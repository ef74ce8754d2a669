/** What is known, in one place: views read it and are told when it changes. */
export class Store<State extends object> {
  #state: State;
  readonly #listeners: ((state: State, before: State) => void)[] = [];

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Changes some fields; objects in them are replaced, never written to. */
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
