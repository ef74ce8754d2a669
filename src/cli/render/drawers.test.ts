import assert from "node:assert/strict";
import { test } from "node:test";
import type { Scene } from "../../environment/scene.ts";
import { Drawers, drawOn } from "./drawers.ts";

const scene: Scene = {
  shapes: [
    { kind: "plane", size: [], color: [0.8, 0.8, 0.8, 1] },
    { kind: "box", size: [0.4, 0.3, 0.2], color: [0.9, 0.2, 0.1, 1] },
  ],
  camera: { target: [0, 0, 0.3], distance: 4, azimuth: 70, elevation: -20, follows: 1 },
  stepSeconds: 1,
  writePoses() {},
};
const unturned = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const poses = Array.from({ length: 9 }, (_, i) =>
  Float32Array.from([0, 0, 0, ...unturned, 0.3 * i, -0.1 * i, 0.4 + 0.1 * i, ...unturned]),
);
const [width, height] = [48, 32];

test("threads draw the pictures that one thread draws, in any number, and end", async () => {
  const alone = poses.map((each) => drawOn({ scene, width, height })(each));
  for (const count of [1, 3]) {
    const drawers = new Drawers({ scene, width, height }, count);
    assert.equal(drawers.count, count);
    assert.deepEqual(await Promise.all(poses.map((each) => drawers.draw(each))), alone);
    drawers.close();
  }
});

test("a picture that a thread cannot draw is an error, not a wait without end", async () => {
  const drawers = new Drawers({ scene, width, height }, 2);
  const pictures = poses.map((each) => drawers.draw(each));
  drawers.close();
  const reasons = (await Promise.allSettled(pictures)).map((each) => each.status === "rejected" && each.reason.message);
  assert.deepEqual(new Set(reasons), new Set(["A thread that draws has ended."]));
  await assert.rejects(drawers.draw(poses[0]), /A thread that draws has ended/);
});
