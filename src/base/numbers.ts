// Lists of numbers of any length. The number of arguments of a call is limited, so `Math.max(...list)` fails for a long list.

/** Returns the smallest number; Infinity for an empty list, and NaN if one is NaN. */
export function smallest(values: Iterable<number>): number {
  let result = Infinity;
  for (const value of values) result = Math.min(result, value);
  return result;
}

/** Returns the largest number; −Infinity for an empty list, and NaN if one is NaN. */
export function largest(values: Iterable<number>): number {
  let result = -Infinity;
  for (const value of values) result = Math.max(result, value);
  return result;
}

/** Returns the numbers of several lists one after another, as one fresh array. */
export function joinNumbers(parts: readonly ArrayLike<number>[]): Float64Array {
  const numbers = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    numbers.set(part, end);
    end += part.length;
  }
  return numbers;
}
