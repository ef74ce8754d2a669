// The displayed body in 2D. Usually it is a separate simulation on the page, in real time, controlled by the newest
// policy; when training is slow enough to watch, it follows the training body.
import { joinNumbers } from "../src/base/numbers.ts";
import { Random } from "../src/base/random.ts";
import type { Environment } from "../src/environment/environment.ts";
import { isPromise } from "../src/environment/environment-calls.ts";
import { Acting } from "./acting.ts";
import { type FlatScene, shownBy } from "./scenes.ts";
import { type Body, isSameEpisode } from "./source.ts";

/** Length of the displayed path, in steps. */
const pathSteps = 200;
/** The most time that is caught up after the page was paused, in s. */
const maxLate = 0.25;

export class ShownBody extends Acting {
  readonly scene: FlatScene;
  /** The last action in the environment's units; empty at the start of an episode. */
  action: readonly number[] = [];
  isHeld = false;
  /** Observations of the last steps, oldest first; null where the body jumped. */
  readonly path: (readonly number[] | null)[] = [];
  readonly #environment: Environment;
  readonly #stepSeconds: number;
  readonly #random: Random;
  #before: number[];
  #now: number[];
  /** Seconds since `#now` was reached. */
  #clock = 0;
  /** The training body as it was last shown; null while the separate simulation is shown. */
  #followed: Body | null = null;
  /** Whether the training body made steps that are not in the path, or was moved. */
  #isApart = false;

  constructor(scene: FlatScene) {
    const random = new Random("shown");
    super(random);
    this.#random = random;
    this.scene = scene;
    this.#environment = scene.create();
    this.#stepSeconds = shownBy(this.#environment).stepSeconds;
    at(this.#environment.reset(this.#random));
    this.#now = this.#before = [...scene.rest];
    this.place(scene.rest);
  }

  /** The current state, interpolated between two steps, without the number of steps. */
  get state(): number[] {
    const part = Math.min(1, this.#clock / this.#stepSeconds);
    return this.#now.map((value, i) => this.#before[i] + part * (value - this.#before[i]));
  }

  /** Advances the separate simulation by a time in s. */
  advance(seconds: number): void {
    // Continue from where the training body was.
    if (this.#followed && !this.isHeld) this.place(this.#now);
    this.#followed = null;
    if (this.isHeld) return;
    this.#clock += Math.min(seconds, maxLate);
    while (this.#clock >= this.#stepSeconds) {
      this.#clock -= this.#stepSeconds;
      this.#step();
    }
  }

  /** Shows the training body instead, and advances the time since its last step, in s. */
  follow(body: Body, seconds: number): void {
    if (this.isHeld) {
      this.#isApart = true;
      return;
    }
    this.#clock += seconds;
    const before = this.#followed;
    // The same body is shown in every drawing until the next frame arrives.
    if (body === before) return;
    this.#followed = body;
    if (body.step === before?.step && body.path.length === 0) return;
    if (!before || this.#isApart) this.path.push(null);
    this.#isApart = false;
    this.#before = before && isSameEpisode(before, body) ? this.state : [...body.state];
    this.#now = [...body.state];
    this.#clock = 0;
    this.action = body.action;
    this.#draw(body.path);
  }

  /** Forgets the path: another run begins. */
  leave(): void {
    this.path.length = 0;
    if (this.#followed && !this.isHeld) this.place(this.#now);
    this.#followed = null;
  }

  /** Sets the state and starts a new episode. */
  place(state: readonly number[]): void {
    this.#environment.restore?.(joinNumbers([[0], state]));
    this.#now = this.#before = [...state];
    this.#clock = 0;
    this.#isApart = true;
    this.#begin();
  }

  #step(): void {
    const observation = this.scene.observe(this.#now);
    const action = this.act(observation, this.#environment.actionLow.length);
    const { terminated, truncated, observation: next } = at(this.#environment.step(Float32Array.from(action)));
    this.action = action;
    this.#before = this.#now;
    this.#now = this.#saved();
    this.#draw([Array.from(next)]);
    if (!terminated && !truncated) return;
    at(this.#environment.reset(this.#random));
    this.#now = this.#before = this.#saved();
    this.#begin();
  }

  #saved(): number[] {
    return Array.from(this.#environment.save?.().subarray(1) ?? []);
  }

  #begin(): void {
    this.action = [];
    this.begin();
    this.#draw([null, this.scene.observe(this.#now)]);
  }

  #draw(observations: Body["path"]): void {
    for (const observation of observations) this.path.push(observation);
    this.path.splice(0, this.path.length - pathSteps);
  }
}

/** The value of a call that must not be asynchronous. */
function at<T>(value: T | Promise<T>): T {
  if (isPromise(value)) throw new Error("A task with asynchronous methods cannot be displayed.");
  return value;
}
