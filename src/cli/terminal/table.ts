import { largest } from "../../base/numbers.ts";
import { printable } from "../../base/printable.ts";

/** Formats rows as lines of text with aligned columns. The columns in `rightAligned` are right-aligned. */
export function table(given: readonly (readonly string[])[], rightAligned: readonly number[]): string[] {
  const rows = given.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) => largest(rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (rightAligned.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}
