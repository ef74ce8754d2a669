// Colors for canvases: the page's own, which its style sheet defines for light and dark, and perceptually uniform
// scales between them, interpolated in Oklab (Björn Ottosson, 2020).

/** The page's current colors, as CSS colors. */
export interface Colors {
  readonly ground: string;
  readonly panel: string;
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  /** For an action below 0, and above 0. */
  readonly negative: string;
  readonly positive: string;
  readonly series: readonly string[];
  /** From the lowest value to the highest. */
  readonly sequential: Scale;
  /** From the lowest value through 0 to the highest. */
  readonly diverging: Scale;
}

/** 256 colors as RGB bytes, [256, 3]. */
export type Scale = Uint8Array;

/** Viridis (Stéfan van der Walt, Nathaniel Smith), at ten points. */
const viridis = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725".split(" ");

const dark = matchMedia("(prefers-color-scheme: dark)");
let current: Colors | undefined;

/** The page's colors. They are read once, and again after a change between light and dark. */
export function colors(): Colors {
  current ??= read();
  return current;
}

/** Calls the listener after each change between light and dark. */
export function onColors(listener: () => void): void {
  dark.addEventListener("change", () => {
    current = undefined;
    listener();
  });
}

function read(): Colors {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const [negative, neutral, positive] = [value("negative"), value("neutral"), value("positive")];
  return {
    ground: value("ground"),
    panel: value("panel"),
    ink: value("ink"),
    muted: value("muted"),
    line: value("line"),
    negative,
    positive,
    series: [1, 2, 3, 4, 5, 6].map((number) => value(`series-${number}`)),
    sequential: scale(viridis),
    diverging: scale([negative, neutral, positive]),
  };
}

/** Interpolates 256 colors between the stops. */
function scale(stops: readonly string[]): Scale {
  const labs = stops.map((stop) => toOklab(stop.replace("#", "")));
  const out = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (labs.length - 1);
    const from = Math.min(Math.floor(at), labs.length - 2);
    const part = at - from;
    out.set(toRgb(labs[from].map((value, j) => value + part * (labs[from + 1][j] - value))), 3 * i);
  }
  return out;
}

function toOklab(hex: string): number[] {
  const [r, g, b] = [0, 2, 4].map((start) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([L, a, b]: number[]): number[] {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
    return Math.round(255 * Math.min(1, Math.max(0, value)));
  });
}
