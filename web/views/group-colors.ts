// Colors for groups of runs, of which there may be any number.
import { colors } from "../colors.ts";

/** The color of a group. Up to six have the page's own; more are spread over all hues. */
export function groupColor(index: number, count: number): string {
  const { series } = colors();
  if (count <= series.length) return series[index];
  // Neighbors of a hue differ in lightness.
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const lightness = (isDark ? 58 : 38) + (index % 2) * 14;
  return `hsl(${Math.round((360 * index) / count)} 70% ${lightness}%)`;
}
