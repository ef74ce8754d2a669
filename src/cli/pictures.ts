// Frames as files: a GIF that plays in true time, and a PNG with moments side by side.
import { encode } from "fast-png";
import { GifWriter } from "omggif";
import { choosePalette, Palette } from "./palette.ts";

/** So many colours; one more number stands for «as in the frame before». */
const most = 255;
/** From so many frames they are chosen. */
const paletteFrames = 8;

/** Hundredths of a second, as the format can say. */
const longestDelay = 65_535;

/** The size of a frame, and how each is drawn: red, green, blue and 255 for each pixel, row by row from the top. */
export interface Frames {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  draw(frame: number, out: Uint8Array): void;
}

/**
 * A GIF that starts anew at its end. `times` says when each frame is shown and when the last one ends, in seconds:
 * [count + 1]; they are kept to a hundredth, without adding up. `onFrame` is awaited after each frame.
 */
export async function toGif(
  { width, height, count, draw }: Frames,
  times: ArrayLike<number>,
  onFrame: (done: number) => void | Promise<void>,
): Promise<Uint8Array> {
  const size = 4 * width * height;
  const samples = Math.min(count, paletteFrames);
  const sampled = new Uint8Array(samples * size);
  for (let i = 0; i < samples; i++) {
    const frame = samples === 1 ? 0 : Math.round((i * (count - 1)) / (samples - 1));
    draw(frame, sampled.subarray(i * size, (i + 1) * size));
    await onFrame(0);
  }
  // One palette for all frames: what does not move does not flicker.
  const colors = choosePalette(sampled, most);
  const palette = new Palette(colors);
  const all = Array.from({ length: most + 1 }, (_, i) => colors[i] ?? 0);
  let bytes = new Uint8Array(2 ** 16);
  const gif = new GifWriter(bytes, width, height, { loop: 0, palette: all });
  const picture = new Uint8Array(size);
  let before: Uint8Array = new Uint8Array(0);
  for (let frame = 0; frame < count; frame++) {
    draw(frame, picture);
    const pixels = palette.apply(picture);
    const changes = pixels.map((color, i) => (color === before[i] ? most : color));
    before = pixels;
    const delay = Math.min(Math.round(100 * times[frame + 1]) - Math.round(100 * times[frame]), longestDelay);
    // It takes 12 bits for a pixel at most, and writes beyond the end in silence.
    const position = gif.getOutputBufferPosition();
    if (position + size > bytes.length) {
      const larger = new Uint8Array(2 * (position + size));
      larger.set(bytes);
      gif.setOutputBuffer(larger);
      bytes = larger;
    }
    // Its types know plain arrays alone.
    gif.addFrame(0, 0, width, height, changes as unknown as number[], { delay, transparent: most, disposal: 1 });
    await onFrame(frame + 1);
  }
  return bytes.subarray(0, gif.end());
}

/** White between two moments, in pixels. */
const gap = 4;

/** A PNG with the frames from left to right, each with its time in seconds. */
export function toFilmStrip({ width, height, count, draw }: Frames, times: ArrayLike<number>): Uint8Array {
  const stripWidth = count * (width + gap) - gap;
  const data = new Uint8Array(3 * stripWidth * height).fill(255);
  const picture = new Uint8Array(4 * width * height);
  for (let frame = 0; frame < count; frame++) {
    draw(frame, picture);
    if (count > 1) label(picture, width, height, `${times[frame].toFixed(times[1] - times[0] < 0.1 ? 2 : 1)} s`);
    for (let at = 0; at < width * height; at++) {
      const place = Math.floor(at / width) * stripWidth + frame * (width + gap) + (at % width);
      data.set(picture.subarray(4 * at, 4 * at + 3), 3 * place);
    }
  }
  return encode({ width: stripWidth, height, data, channels: 3, depth: 8 });
}

/** What times are written with: rows of three pixels each, as octal digits. */
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

/** Writes a time at the top left. */
function label(picture: Uint8Array, width: number, height: number, text: string): void {
  const scale = Math.max(1, Math.round(height / 120));
  for (const [index, letter] of [...text].entries()) {
    for (let y = 0; y < 5 * scale; y++) {
      for (let x = 0; x < 3 * scale; x++) {
        const bits = Number(glyphs[letter][Math.floor(y / scale)]);
        if ((bits & (4 >> Math.floor(x / scale))) === 0) continue;
        const column = (4 * index + 4) * scale + x;
        if (column < width)
          picture.fill(70, 4 * ((4 * scale + y) * width + column), 4 * ((4 * scale + y) * width + column) + 3);
      }
    }
  }
}
