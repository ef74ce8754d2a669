// Chooses the few colors that represent a picture. A color is one number: red · 65536 + green · 256 + blue.
import { largest } from "../../base/numbers.ts";

/** Similar colors, each with its number of pixels. */
interface Box {
  readonly colors: readonly (readonly [color: number, count: number])[];
  /** The mean red, green and blue. */
  readonly mean: readonly number[];
  /** The channel with the largest spread, and that spread: the sum of squared distances from the mean. */
  readonly channel: number;
  readonly spread: number;
}

/**
 * At most `maxColors` colors for an image of red, green, blue and opacity. Splits the box of colors with the largest
 * spread at its mean, again and again. Each box yields its mean.
 */
export function choosePalette(image: Uint8Array, maxColors: number): number[] {
  const counts = new Map<number, number>();
  for (let at = 0; at < image.length; at += 4) {
    const color = colorAt(image, at);
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  const boxes = [boxOf([...counts])];
  while (boxes.length < maxColors) {
    const widest = boxes.reduce((a, b) => (b.spread > a.spread ? b : a));
    if (widest.spread === 0) break;
    const { colors, channel, mean } = widest;
    const isLow = ([color]: readonly [number, number]): boolean => part(color, channel) <= mean[channel];
    boxes[boxes.indexOf(widest)] = boxOf(colors.filter(isLow));
    boxes.push(boxOf(colors.filter((color) => !isLow(color))));
  }
  return boxes.map(
    ({ mean: [red, green, blue] }) => 65536 * Math.round(red) + 256 * Math.round(green) + Math.round(blue),
  );
}

function boxOf(colors: Box["colors"]): Box {
  const count = colors.reduce((sum, [, count]) => sum + count, 0);
  const mean = [0, 1, 2].map(
    (channel) => colors.reduce((sum, [color, n]) => sum + n * part(color, channel), 0) / count,
  );
  const spreads = mean.map((middle, channel) =>
    colors.reduce((sum, [color, n]) => sum + n * (part(color, channel) - middle) * (part(color, channel) - middle), 0),
  );
  const spread = largest(spreads);
  // A single color differs from its mean only by rounding.
  return { colors, mean, channel: spreads.indexOf(spread), spread: colors.length === 1 ? 0 : spread };
}

/** Finds the nearest color for each pixel, in a palette of fewer than 256 colors. */
export class Palette {
  readonly #colors: readonly number[];
  /** The index already found for each color. */
  readonly #found = new Uint8Array(2 ** 24).fill(unknown);

  constructor(colors: readonly number[]) {
    this.#colors = colors;
  }

  /** The palette index of each pixel, as a new array. */
  apply(image: Uint8Array): Uint8Array {
    const pixels = new Uint8Array(image.length / 4);
    for (let i = 0; i < pixels.length; i++) {
      const color = colorAt(image, 4 * i);
      if (this.#found[color] === unknown) this.#found[color] = this.#nearest(color);
      pixels[i] = this.#found[color];
    }
    return pixels;
  }

  #nearest(color: number): number {
    let best = 0;
    let least = Infinity;
    for (const [index, other] of this.#colors.entries()) {
      let distance = 0;
      for (let channel = 0; channel < 3; channel++) {
        const difference = part(color, channel) - part(other, channel);
        distance += difference * difference;
      }
      if (distance >= least) continue;
      least = distance;
      best = index;
    }
    return best;
  }
}

/** Marks a color without an index yet. It is never an index itself. */
const unknown = 255;

function colorAt(image: Uint8Array, at: number): number {
  return 65536 * image[at] + 256 * image[at + 1] + image[at + 2];
}

/** The red, green or blue of a color. */
function part(color: number, channel: number): number {
  return (color >> (16 - 8 * channel)) & 255;
}
