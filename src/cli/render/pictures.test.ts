import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "fast-png";
import { GifReader } from "omggif";
import { Random } from "../../base/random.ts";
import { choosePalette, Palette } from "./palette.ts";
import { type Frames, toFilmStrip, toGif } from "./pictures.ts";

/** Frames in which a function gives each pixel's color. */
function framesOf(
  width: number,
  height: number,
  count: number,
  color: (frame: number, at: number) => number[],
): Frames {
  const draw = async (frame: number): Promise<Uint8Array> => {
    const out = new Uint8Array(4 * width * height);
    for (let at = 0; at < width * height; at++) out.set([...color(frame, at), 255], 4 * at);
    return out;
  };
  return { width, height, count, atOnce: 3, draw };
}

/** What a reader shows for each frame, and for how many hundredths of a second. */
function readGif(bytes: Uint8Array) {
  const gif = new GifReader(bytes);
  const shown = new Uint8Array(4 * gif.width * gif.height);
  const frames = Array.from({ length: gif.numFrames() }, (_, i) => {
    gif.decodeAndBlitFrameRGBA(i, shown);
    return { pixels: shown.slice(), delay: gif.frameInfo(i).delay };
  });
  return { width: gif.width, height: gif.height, loops: gif.loopCount(), frames };
}

const times = (count: number, step: number) => Array.from({ length: count + 1 }, (_, i) => i * step);

test("a GIF of few colors shows every frame exactly, including unchanged parts, and loops", async () => {
  const frames = framesOf(7, 5, 8, (frame, at) => (at < 20 ? [10 * at, 0, 200] : [0, 25 * frame, at]));
  const done: number[] = [];
  const { width, height, loops, frames: read } = readGif(await toGif(frames, times(8, 0.05), (n) => void done.push(n)));
  assert.deepEqual([width, height, loops, read.length], [7, 5, 0, 8]);
  for (const [i, { pixels, delay }] of read.entries()) {
    assert.deepEqual(pixels, await frames.draw(i));
    assert.equal(delay, 5);
  }
  assert.deepEqual(
    done.filter((n) => n > 0),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
});

test("delays are in hundredths of a second and do not drift: at 30 frames a second, 3, 4, 3, 3, …", async () => {
  const { frames } = readGif(
    await toGif(
      framesOf(2, 2, 31, () => [1, 2, 3]),
      times(31, 1 / 30),
      () => {},
    ),
  );
  const delays = frames.map(({ delay }) => delay);
  assert.deepEqual(delays.slice(0, 4), [3, 4, 3, 3]);
  assert.equal(
    delays.reduce((sum, delay) => sum + delay),
    103,
  );
  const [{ delay }] = readGif(
    await toGif(
      framesOf(2, 2, 1, () => [1, 2, 3]),
      [0, 3600],
      () => {},
    ),
  ).frames;
  assert.equal(delay, 65_535); // the longest delay of the format
});

test("noise, which cannot be compressed, is complete: the file grows accordingly", async () => {
  const random = new Random(1);
  const noise = Array.from({ length: 6 * 120 * 90 }, () => 8 * random.integer(32));
  const frames = framesOf(120, 90, 6, (frame, at) => Array(3).fill(noise[frame * 120 * 90 + at]));
  const read = readGif(await toGif(frames, times(6, 0.1), () => {})).frames;
  for (const [i, { pixels }] of read.entries()) assert.deepEqual(pixels, await frames.draw(i));
});

test("a palette keeps rare distinct colors and merges similar ones into their mean", () => {
  const colors = [
    [0, 0, 0],
    [200, 0, 0],
    [202, 0, 0],
    [202, 0, 0],
    [202, 0, 0],
    [0, 0, 250],
  ];
  const image = Uint8Array.from(colors.flatMap((rgb) => [...rgb, 255]));
  assert.deepEqual(
    choosePalette(image, 9).sort((a, b) => a - b),
    [0, 250, 0xc80000, 0xca0000],
  );
  // 201.5 is rounded up.
  assert.deepEqual(
    choosePalette(image, 3).sort((a, b) => a - b),
    [0, 250, 0xca0000],
  );
  const pixels = new Palette([0, 250, 0xca0000]).apply(
    Uint8Array.from([199, 3, 3, 255, 90, 90, 180, 255, 60, 0, 9, 255]),
  );
  assert.deepEqual([...pixels], [2, 1, 0]);
});

test("many colors lose little: a smooth sky of thousands is off by at most 4 of 255", async () => {
  const frames = framesOf(64, 64, 2, (_, at) => [120 + (at >> 6), 150 + (at >> 6), 200 + ((at & 63) >> 2)]);
  const [{ pixels }] = readGif(await toGif(frames, times(2, 0.1), () => {})).frames;
  const off = (await frames.draw(0)).map((value, i) => Math.abs(value - pixels[i]));
  assert.ok(Math.max(...off) <= 4, `${Math.max(...off)}`);
});

test("a film strip shows the moments from left to right with white between them, each with its time", async () => {
  const green = (frame: number): number => (frame === 1 ? 200 : 100); // the second is bright, so its label is dark
  const frames = framesOf(60, 40, 3, (frame, at) => [50 * frame, green(frame), at % 60]);
  const { width, height, channels, data } = decode(await toFilmStrip(frames, [0, 0.5, 1, 1.5], () => {}));
  assert.deepEqual([width, height, channels], [3 * 60 + 2 * 4, 40, 3]);
  const pixel = (column: number, row: number) => [...data.subarray(3 * (row * width + column)).subarray(0, 3)];
  for (let frame = 0; frame < 3; frame++) {
    for (const row of [0, 20, 39])
      for (const x of [0, 33, 59]) assert.deepEqual(pixel(64 * frame + x, row), [50 * frame, green(frame), x]);
    // The first digit, three pixels by five in the corner: 0, 0 and 1.
    const tone = frame === 1 ? 70 : 230;
    const ink = (x: number, y: number): boolean => pixel(64 * frame + 4 + x, 4 + y).every((value) => value === tone);
    const rows = [0, 1, 2, 3, 4].map((y) => [0, 1, 2].map((x) => (ink(x, y) ? "#" : ".")).join(""));
    assert.deepEqual(rows, frame < 2 ? ["###", "#.#", "#.#", "#.#", "###"] : [".#.", "##.", ".#.", ".#.", "###"]);
  }
  for (const column of [60, 63, 124, 127]) assert.deepEqual(pixel(column, 10), [255, 255, 255]);
});

test("a single moment is a plain picture", async () => {
  const frames = framesOf(30, 20, 1, () => [1, 2, 3]);
  const { width, height, data } = decode(await toFilmStrip(frames, [0, 1], () => {}));
  assert.deepEqual([width, height], [30, 20]);
  assert.ok(data.every((value, i) => value === 1 + (i % 3)));
});

test("frames that are drawn at the same time, and are ready in any order, are shown in order; an error ends it in its turn", async () => {
  const plain = framesOf(3, 2, 8, (frame) => [20 * frame, 0, 9]);
  let [drawing, most] = [0, 0];
  const draw = async (frame: number): Promise<Uint8Array> => {
    most = Math.max(most, ++drawing);
    await new Promise((resolve) => setTimeout(resolve, 3 * ((7 * frame) % 4)));
    drawing--;
    return plain.draw(frame);
  };
  const read = readGif(await toGif({ ...plain, draw }, times(8, 0.1), () => {})).frames;
  for (const [i, { pixels }] of read.entries()) assert.deepEqual(pixels, await plain.draw(i));
  assert.equal(most, 3);
  const broken: Frames = {
    ...plain,
    draw: async (frame) => {
      if (frame > 4) throw new Error(`no frame ${frame}`);
      return plain.draw(frame);
    },
  };
  const done: number[] = [];
  await assert.rejects(
    toFilmStrip(broken, times(8, 0.1), (n) => void done.push(n)),
    /no frame 5/,
  );
  assert.deepEqual(done, [1, 2, 3, 4, 5]);
});
