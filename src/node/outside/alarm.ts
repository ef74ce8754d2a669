/** Lets one caller wait until something comes, or until a moment. */
export class Alarm {
  #wake: () => void = () => {};

  /** Ends the wait, if there is one. */
  ring(): void {
    this.#wake();
  }

  /** Waits for `ring`, and at most until `deadline`, a time of `performance.now`. */
  wait(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, deadline - performance.now()));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
    });
  }
}
