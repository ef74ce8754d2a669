/**
 * What was wrong with something that came from outside: «where: expected …, got …». The message is meant for the
 * person at the keyboard; a program shows it without a stack trace.
 */
export class InputError extends Error {
  override name = "InputError";

  /** Runs an action; an InputError that it throws then begins with `where`. */
  static within<T>(where: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`${where} ${error.message}`);
    }
  }
}

/** Throws «where: expected …, got …. way out» unless `condition` holds. `got` is shown as it would be typed. */
export function expect(
  condition: boolean,
  where: string,
  expected: string,
  got: unknown,
  wayOut = "",
): asserts condition {
  if (!condition) throw new InputError(`${where}: expected ${expected}, got ${show(got)}.${wayOut && ` ${wayOut}`}`);
}

/** Throws unless `values` is a list of exactly `length` finite numbers; names the first index that is not. */
export function expectNumbers(values: ArrayLike<number>, length: number, where: string): void {
  if (values?.length !== length) {
    expect(false, where, `${length} ${length === 1 ? "number" : "numbers"}`, values?.length ?? values);
  }
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) expect(false, `${where}[${i}]`, "a finite number", value);
  }
}

/** A value, or one value per dimension, as one value per dimension. */
export function perDimension(value: number | readonly number[], length: number, where: string): Float64Array {
  if (typeof value === "number") return new Float64Array(length).fill(value);
  expect(value.length === length, where, `one value, or ${length}, one per dimension`, value);
  return Float64Array.from(value);
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "function") return value.name ? `the function ${value.name}` : "a function";
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return `[${Array.from(value as ArrayLike<unknown>).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `an object with ${Object.keys(value).join(", ") || "no properties"}`;
  return String(value);
}

/** « Did you mean "…"?» where one of `names` is near to `name`, else "". */
export function suggest(name: string, names: readonly string[]): string {
  let best = "";
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best && `Did you mean "${best}"?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
