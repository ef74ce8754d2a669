// What is drawn of a body in 3D: its poses between two steps.
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

/** The poses of a body at its last two steps, and the time since the first of them. */
export class Poses {
  /** In seconds. */
  clock = 0;
  #before: Float32Array | null = null;
  #now: Float32Array | null = null;
  #episode = 0;
  /** The body that `#now` shows; null while no body is followed. */
  #followed: Body | null = null;

  /** Whether there is a step. */
  get hasBegun(): boolean {
    return this.#now !== null;
  }

  /** Takes the poses of a step, which may be the next one of the same episode. */
  take(poses: Float32Array, isNext: boolean): void {
    if (!isNext) this.#episode++;
    this.#before = isNext && this.#now ? this.#now : poses;
    this.#now = poses;
  }

  /** Shows a body that steps elsewhere, after a time in seconds. Returns whether it has taken another step. */
  follow(body: Body, seconds: number): boolean {
    this.clock += seconds;
    const before = this.#followed;
    if (!body.poses || body.step === before?.step) return false;
    this.#followed = body;
    this.clock = 0;
    this.take(body.poses, before !== null && isSameEpisode(before, body));
    return true;
  }

  /** The next body that is followed does not continue the one shown. */
  leave(): void {
    this.#followed = null;
  }

  /** What to draw now; null before the first step. */
  moment(stepSeconds: number): Moment | null {
    if (!this.#before || !this.#now) return null;
    const part = Math.min(1, this.clock / stepSeconds);
    return { before: this.#before, now: this.#now, part, episode: this.#episode };
  }
}
