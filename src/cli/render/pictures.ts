// Writes frames as files: a GIF that plays in real time, or a PNG with moments side by side.
import { encode } from "fast-png";
import gifenc from "gifenc";
import { choosePalette, Palette } from "./palette.ts";

/** One index is left for "as in the previous frame". */
const maxColors = 255;
/** The number of frames from which the palette is chosen. */
const paletteFrames = 8;

/** The longest delay the format can hold, in hundredths of a second. */
const maxDelay = 65_535;

/** Frames to draw, all of the same size in pixels. */
export interface Frames {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  /** How many to ask for before the first of them is there. */
  readonly atOnce: number;
  /** Red, green, blue and 255 for each pixel, row by row from the top. */
  draw(frame: number): Promise<Uint8Array>;
  /** Frees what draws. */
  close?(): void;
}

/** Draws the wanted frames and yields them in this order. Several are drawn at the same time. */
async function* inOrder(frames: Frames, wanted: readonly number[]): AsyncGenerator<Uint8Array, void> {
  const coming: Promise<Uint8Array>[] = [];
  for (let next = 0, turn = 0; turn < wanted.length; turn++) {
    for (; next < wanted.length && next < turn + frames.atOnce; next++) {
      const picture = frames.draw(wanted[next]);
      picture.catch(() => {}); // is thrown in its turn
      coming[next] = picture;
    }
    yield await coming[turn];
    delete coming[turn];
  }
}

/**
 * A GIF that loops. `times` are the seconds at which each frame starts and the last one ends: [count + 1]. They are
 * rounded to hundredths without accumulating errors. `onFrame` is awaited after each frame with the number of frames done.
 */
export async function toGif(
  frames: Frames,
  times: ArrayLike<number>,
  onFrame: (done: number) => void | Promise<void>,
): Promise<Uint8Array> {
  const { width, height, count } = frames;
  const size = 4 * width * height;
  const samples = Math.min(count, paletteFrames);
  const sampled = new Uint8Array(samples * size);
  const spread = Array.from({ length: samples }, (_, i) => Math.round((i * (count - 1)) / Math.max(1, samples - 1)));
  let offset = 0;
  for await (const picture of inOrder(frames, spread)) {
    sampled.set(picture, offset);
    offset += size;
    await onFrame(0);
  }
  // All frames share one palette, so that static parts do not flicker.
  const colors = choosePalette(sampled, maxColors);
  const palette = new Palette(colors);
  const same = colors.length;
  const table = [...colors, 0].map((color) => [color >> 16, (color >> 8) & 255, color & 255]);
  const gif = gifenc.GIFEncoder();
  let before: Uint8Array = new Uint8Array(0);
  let frame = 0;
  for await (const picture of inOrder(frames, everyFrame(frames))) {
    const pixels = palette.apply(picture);
    const changes = pixels.map((color, i) => (color === before[i] ? same : color));
    before = pixels;
    const delay = Math.min(Math.round(100 * times[frame + 1]) - Math.round(100 * times[frame]), maxDelay);
    const options = { delay: 10 * delay, transparent: true, transparentIndex: same, dispose: 1 };
    gif.writeFrame(changes, width, height, frame === 0 ? { ...options, palette: table } : options);
    await onFrame(++frame);
  }
  gif.finish();
  return gif.bytes();
}

function everyFrame({ count }: Frames): number[] {
  return Array.from({ length: count }, (_, frame) => frame);
}

/** White space between two moments, in pixels. */
const gap = 4;

/** A PNG with the frames from left to right, each labeled with its time in seconds. */
export async function toFilmStrip(
  frames: Frames,
  times: ArrayLike<number>,
  onFrame: (done: number) => void | Promise<void>,
): Promise<Uint8Array> {
  const { width, height, count } = frames;
  const stripWidth = count * (width + gap) - gap;
  const data = new Uint8Array(3 * stripWidth * height).fill(255);
  let frame = 0;
  for await (const picture of inOrder(frames, everyFrame(frames))) {
    if (count > 1) label(picture, width, height, `${times[frame].toFixed(times[1] - times[0] < 0.1 ? 2 : 1)} s`);
    for (let at = 0; at < width * height; at++) {
      const place = Math.floor(at / width) * stripWidth + frame * (width + gap) + (at % width);
      data.set(picture.subarray(4 * at, 4 * at + 3), 3 * place);
    }
    await onFrame(++frame);
  }
  return encode({ width: stripWidth, height, data, channels: 3, depth: 8 });
}

/** The glyphs for times: rows of three pixels each, as octal digits. */
const glyphs: Readonly<Record<string, string>> = {
  "0": "75557",
  "1": "26227",
  "2": "71747",
  "3": "71717",
  "4": "55711",
  "5": "74717",
  "6": "74757",
  "7": "71222",
  "8": "75757",
  "9": "75717",
  ".": "00002",
  s: "03617",
  " ": "00000",
};

/** Writes a time at the top left, dark or bright, whichever is readable. */
function label(picture: Uint8Array, width: number, height: number, text: string): void {
  const scale = Math.max(1, Math.round(height / 120));
  const ink = picture[1] > 160 ? 70 : 230;
  for (const [index, letter] of [...text].entries()) {
    for (let y = 0; y < 5 * scale; y++) {
      for (let x = 0; x < 3 * scale; x++) {
        const bits = Number(glyphs[letter][Math.floor(y / scale)]);
        if ((bits & (4 >> Math.floor(x / scale))) === 0) continue;
        const column = (4 * index + 4) * scale + x;
        const at = 4 * ((4 * scale + y) * width + column);
        if (column < width) picture.fill(ink, at, at + 3);
      }
    }
  }
}
