// Poses that arrive one after another, displayed with what lies between the last two.
import { type Body, isSameEpisode } from "./source.ts";

/** A moment between two steps. */
export interface Moment {
  /** The poses at the two steps, as `Scene` writes them. */
  readonly before: Float32Array;
  readonly now: Float32Array;
  /** From 0 at the first step to 1 at the second. */
  readonly part: number;
  /** A counter. The body jumps when it changes. */
  readonly episode: number;
}

export class FollowedPoses {
  /** Seconds since `#now` arrived. */
  clock = 0;
  #before: Float32Array | null = null;
  #now: Float32Array | null = null;
  #episode = 0;
  /** Seconds from `#before` to `#now`. */
  #lasts = 1;
  /** The body that `#now` shows; null while no body is followed. */
  #followed: Body | null = null;

  /** Whether there are poses. */
  get hasBegun(): boolean {
    return this.#now !== null;
  }

  /** Takes poses in that are `seconds` after the ones before, or with which an episode begins: then `seconds` is null. */
  take(poses: Float32Array, seconds: number | null): void {
    if (seconds === null) this.#episode++;
    this.#before = (seconds === null ? null : this.#now) ?? poses;
    this.#now = poses;
    this.#lasts = seconds ?? 1;
    this.clock = 0;
  }

  /** Takes the poses of a body, if it has taken another step, which lasts `stepSeconds`. Returns whether it has. */
  follow(body: Body, stepSeconds: number): boolean {
    const before = this.#followed;
    if (!body.poses || body.step === before?.step) return false;
    this.#followed = body;
    this.take(body.poses, before !== null && isSameEpisode(before, body) ? stepSeconds : null);
    return true;
  }

  /** The next body that is followed does not continue the one shown. */
  leave(): void {
    this.#followed = null;
  }

  /** Advances the time, in s. */
  advance(seconds: number): void {
    this.clock += seconds;
  }

  /** What to draw now; null before the first poses. */
  get moment(): Moment | null {
    if (!this.#before || !this.#now) return null;
    const part = Math.min(1, this.clock / this.#lasts);
    return { before: this.#before, now: this.#now, part, episode: this.#episode };
  }
}
