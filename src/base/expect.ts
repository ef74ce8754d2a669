/** What an InputError says, in parts. `got` is text: a value as `show` writes it, or words such as "no such file". */
export interface Problem {
  /** What is wrong: a field, a file, a flag. */
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  /** What to do about it: whole sentences, or "". */
  readonly hint?: string;
}

/**
 * Something that came from outside is wrong: "where: expected …, got …. hint". The message is meant for the person at
 * the keyboard; a program shows it without a stack trace.
 */
export class InputError extends Error {
  override name = "InputError";
  /** What is wrong: a field, a file, a flag. The parts are "" in an error that was made from a text. */
  readonly where: string;
  /** What was expected there. */
  readonly expected: string;
  /** What was there instead. */
  readonly got: string;
  /** What to do about it: whole sentences, or "". */
  readonly hint: string;

  /** From the parts of the message, or from a whole text, which is then also the `hint`. */
  constructor(problem: Problem | string, options?: ErrorOptions) {
    super(typeof problem === "string" ? problem : sentence(problem), options);
    const {
      where,
      expected,
      got,
      hint = "",
    }: Problem = typeof problem === "string" ? { where: "", expected: "", got: "", hint: problem } : problem;
    this.where = where;
    this.expected = expected;
    this.got = got;
    this.hint = hint;
  }

  /** The same error about `where`: a flag instead of the setting it sets. */
  at(where: string): InputError {
    return new InputError(
      this.where === "" ? `${where}: ${this.message}` : { ...this.#parts(), where },
      this.#options(),
    );
  }

  /** The same error seen from outside: `outer`, a file or an object, holds what is wrong. */
  within(outer: string): InputError {
    return new InputError(
      this.where === "" ? `${outer} ${this.message}` : { ...this.#parts(), where: `${outer} ${this.where}` },
      this.#options(),
    );
  }

  /** Does something; an InputError it throws comes out as `within(outer)`. */
  static within<T>(outer: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw error instanceof InputError ? error.within(outer) : error;
    }
  }

  #parts(): Problem {
    const { where, expected, got, hint } = this;
    return { where, expected, got, hint };
  }

  #options(): ErrorOptions {
    return this.cause === undefined ? {} : { cause: this.cause };
  }
}

/** Letters of each part of a message. Paths may be long; names and texts from a file may have megabytes. */
const maxPart = 1000;

function sentence({ where, expected, got, hint = "" }: Problem): string {
  const [place, wanted, given] = [where, expected, got].map((part) => shorten(part, maxPart));
  return `${place}: expected ${wanted}, got ${given}.${hint && ` ${hint}`}`;
}

/** At most about `length` letters of a text, with its beginning and its end: a path ends in what it names. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const half = Math.floor(length / 2);
  return `${beginning(text, half)}…${text.slice(-half).replace(/^[\udc00-\udfff]/, "")}`;
}

/** The first letters of a text. A character of two code units is never cut in half. */
function beginning(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

/** Throws an InputError that shows the value `got`. */
export function fail(where: string, expected: string, got: unknown, hint = ""): never {
  throw new InputError({ where, expected, got: show(got), hint });
}

/** Throws an InputError that shows the value `got`, unless `condition` holds. */
export function expect(
  condition: boolean,
  where: string,
  expected: string,
  got: unknown,
  hint = "",
): asserts condition {
  if (!condition) fail(where, expected, got, hint);
}

/** Throws unless `values` is a list of exactly `length` finite numbers; names the first index that is not. */
export function expectNumbers(values: ArrayLike<number>, length: number, where: string): void {
  if (values?.length !== length || typeof values === "string") {
    const numbers = `${length} ${length === 1 ? "number" : "numbers"}`;
    if (isList(values)) fail(where, numbers, values.length);
    fail(where, `a list of ${numbers}`, values);
  }
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) fail(`${where}[${i}]`, "a finite number", value);
  }
}

/** Throws an InputError unless `value` is an object; a promise, which only has to be awaited, is none. */
export function expectObject(value: unknown, where: string, expected: string): asserts value is object {
  const isObject = typeof value === "object" && value !== null && !isList(value) && !isPromiseLike(value);
  expect(isObject, where, expected, value, awaitHint(value));
}

/** Throws an InputError unless a value is a whole number from 0 to `max`. */
export function expectWhole(
  value: unknown,
  where: string,
  max = Number.MAX_SAFE_INTEGER,
  hint = "",
): asserts value is number {
  const expected = max === Number.MAX_SAFE_INTEGER ? "a whole number" : `a whole number of at most ${max}`;
  expect(Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= max, where, expected, value, hint);
}

/** Throws an InputError unless `options` is an object with no names but these, if they are given. */
export function expectOptions(options: unknown, where: string, names?: readonly string[]): void {
  expectObject(options, `${where} options`, "an object");
  const unknown = names && Object.keys(options).find((name) => !names.includes(name));
  if (names === undefined || unknown === undefined) return;
  const hint = suggest(unknown, names) || `Its options are ${names.join(", ")}.`;
  throw new InputError(`${where} options: there is no option ${show(unknown)}. ${hint}`);
}

/** What to do with a promise or a class where an object is expected; "" for anything else. */
export function awaitHint(value: unknown): string {
  if (isPromiseLike(value)) return "Write await before the call that returned it.";
  return typeof value === "function" ? "Construct it with new, or call it." : "";
}

function isPromiseLike(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** A value, or one value per dimension, as one value per dimension. */
export function perDimension(value: number | readonly number[], length: number, where: string): Float64Array {
  if (typeof value === "number") return new Float64Array(length).fill(value);
  expect(isList(value) && value.length === length, where, `one value, or ${length}, one per dimension`, value);
  return Float64Array.from(value);
}

/** Letters of a value that an error shows. */
const maxShown = 80;

/**
 * A value as an error shows it: about 80 letters, one level deep. Never throws: the value comes from outside, and its
 * getters or its proxy may.
 */
export function show(value: unknown): string {
  try {
    if (typeof value === "string") return `"${cut(value)}"`;
    if (typeof value === "bigint") return cut(`${value}n`);
    if (typeof value === "function") return value.name ? cut(`the function ${value.name}`) : "a function";
    if (typeof value !== "object" || value === null) return cut(Object.is(value, -0) ? "-0" : String(value));
    if ("then" in value && typeof value.then === "function") return "a promise";
    if (isList(value)) return `[${firstOf(value.length, (i) => showItem(value[i]))}]`;
    const names = Object.keys(value);
    return `an object with ${firstOf(names.length, (i) => names[i]) || "no properties"}`;
  } catch {
    return "a value that cannot be shown";
  }
}

/** An item of a list. Lists and objects in it are only named, so that no depth and no cycle matters. */
function showItem(item: unknown): string {
  if (typeof item === "string") return cut(item);
  if (typeof item === "object" && item !== null) return isList(item) ? `a list of ${item.length}` : "an object";
  return show(item);
}

/** Whether a value has a length and items, as arrays, typed arrays and the like have. */
export function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && "length" in value && Number.isInteger(value.length);
}

/** Whether a value is an array or a typed array. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
}

/** The first items, as many as there is room for. */
function firstOf(length: number, item: (i: number) => string): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    const next = i === 0 ? item(i) : `, ${item(i)}`;
    if (i > 0 && text.length + next.length > maxShown) return `${text}, … (${length} in all)`;
    text += cut(next);
  }
  return text;
}

/** A text as far as an error shows it, without quotes. */
export function cut(text: string): string {
  return text.length > maxShown ? `${beginning(text, maxShown)}…` : text;
}

/** Letters of a message that was not written here. */
const maxMessage = 500;

/** What an error says, in one line. Anything can be thrown, and its message may be anything: never throws. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof InputError) return error.message;
    const message: unknown = error instanceof Error ? error.message : error;
    const text = typeof message === "object" && message !== null && isPlain(message) ? show(message) : String(message);
    return shorten(text, maxMessage).replaceAll(/\s*\n\s*/g, " ");
  } catch {
    return show(error);
  }
}

/** The kind of an error and what it says: "TypeError: …". */
export function errorText(error: unknown): string {
  try {
    return error instanceof Error ? `${cut(String(error.name))}: ${messageOf(error)}` : messageOf(error);
  } catch {
    return show(error);
  }
}

/** Whether a value has no text of its own: as a string it would be "[object Object]", or all of its items. */
function isPlain(value: object): boolean {
  return isList(value) || String(value) === "[object Object]";
}

/** `Did you mean "…"?` where one of `names` is near to `name`, else "". */
export function suggest(name: string, names: readonly string[]): string {
  if (name.length > maxShown) return "";
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
