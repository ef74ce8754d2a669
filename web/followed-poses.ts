// Poses that arrive one after another, displayed with what lies between the last two.
import type { Moment } from "./solid-body.ts";

export class FollowedPoses {
  #before: Float32Array | null = null;
  #now: Float32Array | null = null;
  #episode = 0;
  /** Seconds since `#now` arrived, and from `#before` to `#now`. */
  #clock = 0;
  #lasts = 1;

  /** Takes poses in that are `seconds` after the ones before, or with which an episode begins: then `seconds` is null. */
  take(poses: Float32Array, seconds: number | null): void {
    if (seconds === null) this.#episode++;
    this.#before = (seconds === null ? null : this.#now) ?? poses;
    this.#now = poses;
    this.#lasts = seconds ?? 1;
    this.#clock = 0;
  }

  /** Advances the time, in s. */
  advance(seconds: number): void {
    this.#clock += seconds;
  }

  /** What to draw now; null before the first poses. */
  get moment(): Moment | null {
    if (!this.#before || !this.#now) return null;
    const part = Math.min(1, this.#clock / this.#lasts);
    return { before: this.#before, now: this.#now, part, episode: this.#episode };
  }
}
