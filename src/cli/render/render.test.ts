// `ddpg render` as a user meets it: the real program in its own folder, and its pictures read back.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { before, describe, it } from "node:test";
import { decode } from "fast-png";
import { GifReader } from "omggif";
import type { Environment } from "../../environment/environment.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { readPolicy } from "../../node.ts";
import { evaluate } from "../../training/evaluate.ts";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, start, ddpg, succeed } = programInFolder("render");
const pendulum = "runs/Pendulum-v1-small-seed1";

/** Expects the program to refuse with one line and to leave no file behind. */
async function refuse(args: readonly string[], expected: string | RegExp): Promise<void> {
  const before = fs.readdirSync(inFolder());
  const { code, stdout, stderr } = await ddpg(...args);
  assert.deepEqual([code, stdout], [2, ""], stderr);
  if (typeof expected === "string") assert.equal(stderr, `ddpg: ${expected}\n`);
  else assert.match(stderr, expected);
  assert.deepEqual(fs.readdirSync(inFolder()), before);
}

/** Every frame of a GIF as it is shown. */
function readGif(name: string) {
  const gif = new GifReader(fs.readFileSync(inFolder(name)));
  const shown = new Uint8Array(4 * gif.width * gif.height);
  const frames = Array.from({ length: gif.numFrames() }, (_, i) => {
    gif.decodeAndBlitFrameRGBA(i, shown);
    return { pixels: shown.slice(), delay: gif.frameInfo(i).delay };
  });
  return { width: gif.width, height: gif.height, frames };
}

/** The pendulum's angle after each step, under a run's policy, from one of the starts of `evaluate`. */
async function anglesOf(run: string, firstEpisode: number): Promise<number[]> {
  const environment = new Pendulum();
  const angles: number[] = [];
  const noted = <T>(value: T): T => {
    const [, angle] = environment.save?.() ?? [];
    angles.push(angle);
    return value;
  };
  const watched: Environment = {
    observationSize: 3,
    actionLow: [-2],
    actionHigh: [2],
    reset: (random) => noted(environment.reset(random)),
    step: (action) => noted(environment.step(action)),
  };
  await evaluate(await readPolicy(inFolder(run), "last"), watched, { episodes: 1, firstEpisode });
  return angles;
}

/** Writes a module with a falling ball, half a second per step. It can be drawn if it is given a scene. */
function writeBall(name: string, scene: string): void {
  const source = `export default class Ball {
    observationSize = 3; actionLow = [-2]; actionHigh = [2]; height = 0;
    reset() { this.height = 3; return [this.height, 0, 0]; }
    step() { this.height -= 0.5; const at = [this.height, 0, 0]; return { observation: at, reward: 1, terminated: this.height <= 0 }; }
    ${scene}
  }`;
  fs.writeFileSync(inFolder(name), source);
}

const ballScene = `scene = {
  shapes: [{ kind: "sphere", size: [1], color: [1, 0, 0, 1] }],
  camera: { target: [0, 0, 1.5], distance: 10, azimuth: 90, elevation: 0 },
  stepSeconds: 0.5,
  writePoses: (out) => out.set([0, 0, this.height, 1, 0, 0, 0, 1, 0, 0, 0, 1]),
};`;

/** Expects the pendulum's rod at this angle and nowhere else. */
function expectRod(
  angle: number,
  width: number,
  height: number,
  isRed: (column: number, row: number) => boolean,
): void {
  // The camera looks along y from 3.6 m, 10° down; it sees 45° from top to bottom.
  const [c, s] = [Math.cos(Math.PI / 18), Math.sin(Math.PI / 18)];
  const isRod = (x: number, z: number): boolean => {
    const scale = height / (2 * Math.tan(Math.PI / 8)) / (3.6 - s * z);
    return isRed(Math.floor(width / 2 + x * scale), Math.floor(height / 2 - c * z * scale));
  };
  const [x, z] = [-Math.sin(angle), Math.cos(angle)];
  for (const along of [0.15, 0.5, 0.85]) assert.ok(isRod(along * x, along * z), `${angle} rad, ${along} m`);
  assert.ok(!isRod(0.5 * z, -0.5 * x) && !isRod(-0.5 * z, 0.5 * x) && !isRod(-0.5 * x, -0.5 * z), `${angle} rad`);
}

describe("ddpg render", () => {
  before(async () => {
    await succeed("train", "Pendulum-v1", "--steps", "300", "--episodes", "2");
  });

  it("draws an episode as a GIF: the rod is where the pendulum is, frame by frame, in real time", async () => {
    const stdout = await succeed("render", pendulum, "--episode", "3", "--size", "160x120");
    assert.match(stdout, /^Wrote Pendulum-v1-small-seed1\.gif, \d+ kB\n/);
    assert.match(
      stdout,
      /length {7}200 steps, 10\.0 s\nframes {7}201, 160 × 120\ntime {9}[\d.]+ s to simulate, [\d.]+ s to draw\nenvironment {2}Pendulum-v1, episode 3\n/,
    );
    const { width, height, frames } = readGif("Pendulum-v1-small-seed1.gif");
    assert.deepEqual([width, height, frames.length], [160, 120, 201]);
    assert.ok(frames.every(({ delay }) => delay === 5));
    const angles = await anglesOf(pendulum, 2);
    assert.equal(angles.length, 201);
    for (const frame of [0, 7, 50, 111, 200]) {
      const { pixels } = frames[frame];
      expectRod(angles[frame], width, height, (column, row) => {
        const at = 4 * (row * width + column);
        return pixels[at] > 1.5 * pixels[at + 1];
      });
    }
  });

  it("draws a part, at another speed and size, and replaces a file", async () => {
    fs.writeFileSync(inFolder("part.gif"), "old");
    const args = ["--seconds", "2", "--speed", "0.5", "--size", "64x48", "--output", "part.gif"];
    const stdout = await succeed("render", pendulum, ...args);
    assert.match(
      stdout,
      /^return {7}-[\d.,]+, of the whole episode\nlength {7}200 steps, 10\.0 s, of which the first 2\.0 s are drawn$/m,
    );
    const { width, height, frames } = readGif("part.gif");
    assert.deepEqual([width, height, frames.length], [64, 48, 41]);
    assert.ok(frames.every(({ delay }) => delay === 10));
    await succeed("render", pendulum, "--seconds", "2", "--speed", "4", "--size", "64x48", "--output", "fast.gif");
    const fast = readGif("fast.gif").frames;
    assert.deepEqual([fast.length, ...new Set(fast.map(({ delay }) => delay))], [14, 4, 3]);
  });

  it("gives the same bytes for the same episode, and others for another", async () => {
    const args = ["render", pendulum, "--size", "32x32", "--seconds", "1", "--output"];
    await succeed(...args, "a.gif");
    await succeed(...args, "b.gif");
    await succeed(...args, "c.gif", "--episode", "2");
    const [a, b, c] = ["a.gif", "b.gif", "c.gif"].map((name) => fs.readFileSync(inFolder(name)));
    assert.ok(a.equals(b) && !a.equals(c));
  });

  it("draws moments as a PNG, from a policy file and a named environment", async () => {
    const file = `${pendulum}/policy.safetensors`;
    const args = ["--environment", "Pendulum-v0", "--output", "strip.PNG", "--moments", "3"];
    const stdout = await succeed("render", file, ...args);
    assert.match(stdout, /length {7}1,000 steps, 50\.0 s, of which the first 10\.0 s are drawn/);
    assert.match(stdout, /environment {2}Pendulum-v0, episode 1\npolicy {7}runs\/.*policy\.safetensors/);
    const { width, height, data } = decode(fs.readFileSync(inFolder("strip.PNG")));
    assert.deepEqual([width, height], [3 * 320 + 2 * 4, 240]);
    // The first moment, the middle one and the last.
    const angles = await anglesOf(pendulum, 0);
    for (const [moment, step] of [0, 100, 200].entries()) {
      expectRod(angles[step], 320, height, (column, row) => {
        const at = 3 * (row * width + moment * (320 + 4) + column);
        return data[at] > 1.5 * data[at + 1];
      });
    }
  });

  it("draws MuJoCo tasks", async () => {
    await succeed("train", "InvertedPendulum-v5", "--preset", "small", "--steps", "300", "--episodes", "2");
    const run = "runs/InvertedPendulum-v5-small-seed1";
    await succeed("render", run, "--output", "pole.png", "--moments", "1", "--seconds", "0.1", "--size", "160x120");
    const { width, data } = decode(fs.readFileSync(inFolder("pole.png")));
    // This pixel is on the pole, in the middle column, 0.1 m above the camera's target.
    const [r, g, b] = data.subarray(3 * (48 * width + 80));
    assert.ok(g > 1.3 * r && b > 1.3 * r, `${r}, ${g}, ${b}`);
  });

  it("draws a task of dm_control with its target, from a run whose directory has no slash in its name", async () => {
    await succeed("train", "dm_control/acrobot-swingup", "--preset", "small", "--steps", "20", "--episodes", "1");
    const run = "runs/dm_control-acrobot-swingup-small-seed1";
    await succeed("render", run, "--output", "arms.png", "--moments", "1", "--seconds", "0.1", "--size", "160x120");
    const { width, data } = decode(fs.readFileSync(inFolder("arms.png")));
    // This pixel is on the target, in the middle column, 1.9 m above the camera's target.
    const [r, g, b] = data.subarray(3 * (12 * width + 80));
    assert.ok(r > 1.2 * g && r > 1.2 * b, `${r}, ${g}, ${b}`);
  });

  it("draws a custom environment that has a scene", async () => {
    writeBall("ball.js", ballScene);
    const args = ["--environment", "./ball.js", "--output", "ball.gif", "--size", "90x90"];
    const stdout = await succeed("render", pendulum, ...args);
    assert.match(stdout, /return {7}6\.0, of the whole episode\nlength {7}6 steps, 3\.0 s\nframes {7}7,/);
    const { frames } = readGif("ball.gif");
    const top = ({ pixels }: { pixels: Uint8Array }): number => {
      const red = Array.from(
        { length: 90 },
        (_, row) => pixels[4 * (90 * row + 45)] > 2 * pixels[4 * (90 * row + 45) + 1],
      );
      return red.indexOf(true);
    };
    const tops = frames.map(top);
    assert.ok(
      tops.every((row, i) => i === 0 || row > tops[i - 1]),
      `${tops}`,
    );
  });

  it("refuses what it cannot draw or write, before it draws", async () => {
    const out = ["--output", "no.gif"];
    const render = (...args: string[]) => ["render", ...args];
    await refuse(
      render(pendulum, "--output", "a.mp4"),
      '--output: expected a file that ends in .gif or .png, got "a.mp4".',
    );
    await refuse(
      render(pendulum, "--output", "nowhere/a.gif"),
      "nowhere/a.gif: expected a file that can be written, got no such file or directory. Choose another with --output.",
    );
    // A problem with the output is reported before the episode is played.
    writeBall("blind.js", "");
    await refuse(
      render(pendulum, "--environment", "./blind.js", "--output", "nowhere/a.gif"),
      /^ddpg: nowhere\/a\.gif: expected a file that can be written/,
    );
    fs.mkdirSync(inFolder("folder.gif"));
    await refuse(
      render(pendulum, "--output", "folder.gif"),
      /^ddpg: folder\.gif: expected a file that can be written, got a directory/,
    );
    await refuse(
      render(`${pendulum}/policy.safetensors`, ...out),
      `--environment: expected what the policy of ${pendulum}/policy.safetensors acts in, got nothing.`,
    );
    await refuse(
      render(`${pendulum}/policy.safetensors`, "--best", ...out),
      `--best: expected a run's directory, got the file ${pendulum}/policy.safetensors.`,
    );
    await refuse(
      render(pendulum, "--environment", "MountainCarContinuous-v0", ...out),
      /observationSize: expected 3, got 2\./,
    );
    await refuse(
      render("nothing", ...out),
      "nothing: expected a run's directory, got no such file or directory. Give the directory of a run.",
    );
    for (const size of ["320", "8x8", "4000x20", "320x240x3", "a"])
      await refuse(
        render(pendulum, "--size", size, ...out),
        `--size: expected width and height from 16 to 2048, such as 320x240, got "${size}".`,
      );
    await refuse(render(pendulum, "--seconds", "0", ...out), '--seconds: expected a number above 0, got "0".');
    await refuse(
      render(pendulum, "--episode", "0", ...out),
      "--episode: expected a whole number of at least 1, got 0.",
    );
    await refuse(render(pendulum, "--moments", "25", ...out), "--moments: expected at most 24, got 25.");
  });

  it("explains what is wrong with a custom environment", async () => {
    const cases: [string, string][] = [
      [
        "",
        'bad: expected an environment that can be drawn, got one without a scene. Give it a "scene", with shapes, a camera, stepSeconds and writePoses.',
      ],
      [
        ballScene.replace("sphere", "globe"),
        'bad scene shapes[0] kind: expected one of plane, sphere, capsule, ellipsoid, cylinder, box, got "globe".',
      ],
      [ballScene.replace("size: [1]", "size: [-1]"), "bad scene shapes[0] size: expected 1 numbers above 0, got [-1]."],
      [
        ballScene.replace("[1, 0, 0, 1] }", "[255, 0, 0, 1] }"),
        "bad scene shapes[0] color: expected four numbers from 0 to 1, got [255, 0, 0, 1].",
      ],
      [
        ballScene.replace("distance: 10", "distance: Infinity"),
        "bad scene camera distance: expected a number above 0, got Infinity.",
      ],
      [
        ballScene.replace("elevation: 0", "elevation: 0, follows: 1"),
        "bad scene camera follows: expected the index of a shape, got 1.",
      ],
      [
        ballScene.replace("stepSeconds: 0.5", "stepSeconds: undefined"),
        "bad scene stepSeconds: expected a number above 0, got undefined.",
      ],
      [
        ballScene.replace("this.height, 1", "0 / 0, 1"),
        "bad evaluation episode 1 step 0: scene writePoses shape 0: expected finite numbers, got NaN.",
      ],
    ];
    for (const [scene, message] of cases) {
      writeBall("bad.js", scene);
      await refuse(["render", pendulum, "--environment", "./bad.js", "--output", "no.gif"], message);
    }
  });

  it("stopped by Ctrl-C, it leaves nothing behind", { skip: process.platform === "win32" }, async () => {
    const before = fs.readdirSync(inFolder());
    // This would take far longer than the test.
    const { child, outcome } = start(["render", pendulum, "--size", "2048x2048", "--output", "large.gif"]);
    setTimeout(() => child.kill("SIGINT"), 1500);
    assert.notEqual((await outcome).code, 0);
    assert.deepEqual(fs.readdirSync(inFolder()), before);
  });
});
