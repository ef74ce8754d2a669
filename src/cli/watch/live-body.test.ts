// A run's environment, stepped by the server of `ddpg watch`.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Ddpg } from "../../ddpg/ddpg.ts";
import type { Environment } from "../../environment/environment.ts";
import { writePlanarPose } from "../../environment/scene.ts";
import { files } from "../../node/run-files.ts";
import type { LiveMoment, RunEvent } from "../../training/run.ts";
import { LiveBody } from "./live-body.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-live-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A cart that moves by its action; an episode has 20 steps of 10 ms. */
class Cart implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly maxEpisodeSteps = 20;
  x = 0;
  steps = 0;
  /** All steps of all episodes. */
  total = 0;
  /** The first action of each episode, which always follows the same observation. */
  readonly firstActions: number[] = [];
  failsAt = Number.POSITIVE_INFINITY;
  readonly scene = {
    shapes: [{ kind: "sphere", size: [1, 9, 9], color: [1, 0, 0, 1], secret: "of the module" }],
    camera: { target: [0, 0, 0], distance: 5, azimuth: 90, elevation: 0, secret: "of the module" },
    stepSeconds: 0.01,
    writePoses: (out: Float32Array) => writePlanarPose(out, 0, this.x, 0),
  };

  reset(): number[] {
    this.x = this.steps = 0;
    return [0];
  }

  step([action]: Float32Array) {
    if (++this.total === this.failsAt) throw new Error("the wheel came off");
    if (this.steps === 0) this.firstActions.push(action);
    this.x += Math.max(0.1, Math.abs(action));
    return { observation: [this.x], reward: 1, terminated: false, truncated: ++this.steps === 20 };
  }
}

describe("the body that `ddpg watch` steps", { timeout: 30_000 }, () => {
  let cart: Cart;
  let body: LiveBody;
  let failures: string[];
  let events: RunEvent[];
  const take = (event: RunEvent): boolean => {
    events.push(event);
    return true;
  };
  const moments = (): LiveMoment[] => events.flatMap((event) => (event.name === "moment" ? [event.data] : []));
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await delay(2);
  };
  /** Writes a policy as the run's best. */
  const save = async (seed: number): Promise<void> => {
    const { policy } = await Ddpg.create(new Cart(), { preset: "small", seed });
    fs.writeFileSync(path.join(folder, "new"), policy.save());
    fs.renameSync(path.join(folder, "new"), path.join(folder, files.best));
  };
  beforeEach(async () => {
    await save(1);
    cart = new Cart();
    failures = [];
    events = [];
    body = new LiveBody(folder, "cart", cart, (message) => failures.push(message));
  });
  afterEach(() => body.close());

  it("sends the scene, then moments of episodes in real time, with their return and their end", async () => {
    const begun = performance.now();
    body.follow(take);
    await until(() => moments().some(({ episode, length }) => episode === 1 && length > 0));
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 0.2, `an episode of 0.2 s took ${seconds} s`);
    assert.deepEqual(events[0], {
      name: "scene",
      data: {
        shapes: [{ kind: "sphere", size: [1], color: [1, 0, 0, 1] }],
        camera: { target: [0, 0, 0], distance: 5, azimuth: 90, elevation: 0 },
        stepSeconds: 0.01,
      },
    });
    const first = moments().filter(({ episode }) => episode === 0);
    // Every third step is sent, and the last one.
    assert.deepEqual(
      first.map(({ length, return: sum, isLast, policy }) => [length, sum, isLast, policy.file]),
      [0, 3, 6, 9, 12, 15, 18, 20].map((length) => [length, length, length === 20, files.best]),
    );
    for (const [i, { poses }] of first.entries()) {
      assert.equal(poses.length, 12);
      if (i > 0) assert.ok(poses[0] > first[i - 1].poses[0], "the cart moves");
    }
  });

  it("steps nothing while there is no viewer", async () => {
    await delay(100);
    assert.equal(cart.total, 0);
    const { stop } = body.follow(take);
    await until(() => cart.total > 5);
    stop();
    await delay(20);
    const { total } = cart;
    await delay(100);
    assert.equal(cart.total, total);
    body.follow(take);
    await until(() => cart.total > total + 5);
  });

  it("sends nothing to a viewer that has no room, and then the next moments", async () => {
    let room = false;
    const full: string[] = [];
    const { resume } = body.follow((event) => {
      full.push(event.name);
      return room;
    });
    body.follow(take);
    await until(() => moments().length > 3);
    assert.deepEqual(full, ["scene"]);
    room = true;
    resume();
    const count = moments().length;
    await until(() => moments().length > count + 2);
    assert.ok(full.length > 1);
  });

  it("takes a newer policy, and keeps the one it has when a file is damaged", async () => {
    body.follow(take);
    await until(() => cart.firstActions.length === 1);
    fs.writeFileSync(path.join(folder, files.best), "no policy");
    await until(() => cart.firstActions.length === 2);
    assert.equal(cart.firstActions[1], cart.firstActions[0]);
    await save(2);
    await until(() => cart.firstActions.length === 4);
    assert.notEqual(cart.firstActions[3], cart.firstActions[0]);
    assert.deepEqual(failures, []);
  });

  it("says why it stopped when the environment fails, to later viewers too", async () => {
    cart.failsAt = 7;
    body.follow(take);
    await until(() => failures.length > 0);
    assert.deepEqual(failures, ["cart evaluation episode 1 step 7: the wheel came off"]);
    const still = { name: "still", data: failures[0] } as const;
    assert.deepEqual(events.at(-1), still);
    events = [];
    body.follow(take);
    assert.deepEqual(events.slice(1), [still]);
  });

  it("says what a step without a result is", async () => {
    cart.step = (() => undefined) as never;
    body.follow(take);
    await until(() => failures.length > 0);
    assert.match(failures[0], /cart step.*: expected a step \{ observation, reward, terminated \}, got undefined/);
  });

  it("refuses a policy of another environment", async () => {
    const { policy } = await Ddpg.create({ observationSize: 2, actionLow: [-1], actionHigh: [1] });
    fs.writeFileSync(path.join(folder, files.best), policy.save());
    body.follow(take);
    await until(() => failures.length > 0);
    assert.match(failures[0], /cart.*observationSize|observation/);
    assert.equal(cart.total, 0);
  });

  it("refuses an environment without a scene, and poses that are not numbers", async () => {
    const bare = { observationSize: 1, actionLow: [-1], actionHigh: [1], reset: () => [0], step: cart.step };
    assert.throws(
      () => new LiveBody(folder, "bare", bare, () => {}),
      /^InputError: bare: expected an environment that can be drawn, got one without a scene\. Give it a "scene"/,
    );
    cart.scene.writePoses = (out) => out.fill(Number.NaN);
    body.follow(take);
    await until(() => failures.length > 0);
    assert.match(
      failures[0],
      /^cart evaluation episode 1 step 0: scene writePoses shape 0: expected finite numbers, got NaN/,
    );
  });
});
