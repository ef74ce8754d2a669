// JSON texts that come from outside.
import { InputError, messageOf, show } from "./expect.ts";

/**
 * Parses a JSON text. Throws an InputError that begins with `where` if it is not JSON, with `hint`, or if a name of an
 * object in it is refused by `expectPlainNames`, with `nameHint`.
 */
export function parseJson(text: string, where: string, hint = "", nameHint = hint): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ where, expected: "JSON", got: `something else (${messageOf(error)})`, hint });
  }
  expectPlainNames(text, where, nameHint);
  return value;
}

/**
 * Throws an InputError that begins with `where` if an object of a valid JSON text has two properties of the same name,
 * or one named `__proto__`. `JSON.parse` silently keeps the last of two, so that a checksum or a person may see another
 * value than the program.
 */
function expectPlainNames(text: string, where: string, hint: string): void {
  // The names of each open object; null for a list.
  const open: (Set<unknown> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === "{") open.push(new Set());
    else if (letter === "[") open.push(null);
    else if (letter === "}" || letter === "]") open.pop();
    if (letter !== '"') continue;
    const start = i;
    for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
    let next = i + 1;
    while (" \t\n\r".includes(text[next] ?? "-")) next++;
    if (text[next] !== ":") continue;
    const name: unknown = JSON.parse(text.slice(start, i + 1));
    const names = open[open.length - 1];
    if (name === "__proto__" || names?.has(name)) {
      const [expected, got] = name === "__proto__" ? ["another name", ""] : ["every name once", " twice"];
      throw new InputError({ where, expected, got: show(name) + got, hint });
    }
    names?.add(name);
  }
}

/** Whether a parsed value is an object: neither null nor a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
