// Many bodies at once, from a grid of starts, all moved by the displayed policy: where it holds, and where it does not.
import { joinNumbers } from "../src/base/numbers.ts";
import type { Policy } from "../src/ddpg/policy.ts";
import type { Environment, Step } from "../src/environment/environment.ts";
import { type FlatScene, type Plane, shownBy } from "./scenes.ts";

/** The grid of starts. */
const [columns, rows] = [10, 5];
/** The most time that is caught up after the page was paused, in s. */
const maxLate = 0.1;

interface Member {
  readonly environment: Environment;
  readonly start: readonly number[];
  before: readonly number[];
  now: readonly number[];
  isOver: boolean;
}

export class Crowd {
  readonly #scene: FlatScene;
  readonly #members: readonly Member[];
  readonly #stepSeconds: number;
  #clock = 0;

  constructor(scene: FlatScene, plane: Plane) {
    this.#scene = scene;
    this.#members = Array.from({ length: columns * rows }, (_, i) => {
      const start = [
        along(plane.x, ((i % columns) + 0.5) / columns),
        along(plane.y, (Math.floor(i / columns) + 0.5) / rows),
      ];
      return { environment: scene.create(), start, before: start, now: start, isOver: true };
    });
    this.#stepSeconds = shownBy(this.#members[0].environment).stepSeconds;
  }

  /** The states, between two steps. */
  get states(): number[][] {
    const part = Math.min(1, this.#clock / this.#stepSeconds);
    return this.#members.map(({ before, now }) => now.map((value, i) => before[i] + part * (value - before[i])));
  }

  /** Advances all by a time in s. Once every episode is over, all begin again at their starts. */
  advance(seconds: number, policy: Policy): void {
    this.#clock = Math.min(this.#clock + seconds, maxLate);
    while (this.#clock >= this.#stepSeconds) {
      this.#clock -= this.#stepSeconds;
      const areOver = this.#members.every(({ isOver }) => isOver);
      for (const member of this.#members) {
        if (areOver) begin(member);
        else this.#step(member, policy);
      }
    }
  }

  #step(member: Member, policy: Policy): void {
    member.before = member.now;
    if (member.isOver) return;
    const { environment } = member;
    // The tasks that are drawn flat answer at once.
    const step = environment.step(policy.act(this.#scene.observe(member.now as number[]))) as Step;
    member.now = Array.from(environment.save?.().subarray(1) ?? []);
    member.isOver = step.terminated || step.truncated === true;
  }
}

function begin(member: Member): void {
  member.environment.restore?.(joinNumbers([[0], member.start]));
  member.before = member.now = member.start;
  member.isOver = false;
}

function along({ from, to }: Plane["x"], part: number): number {
  return from + part * (to - from);
}
