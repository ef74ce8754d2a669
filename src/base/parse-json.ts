// JSON texts that come from outside.
import { InputError, messageOf } from "./expect.ts";

/**
 * Parses a JSON text. Throws an InputError if it is not JSON, and also if an object in it has a key twice:
 * `JSON.parse` would silently take the last one, and another reader of the same file may take the first.
 */
export function parseJson(text: string, where: string, hint = ""): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ where, expected: "JSON", got: `something else (${messageOf(error)})`, hint });
  }
  const repeated = repeatedKey(text);
  if (repeated === undefined) return value;
  const got = `${JSON.stringify(repeated.slice(0, 80))} twice`;
  throw new InputError({ where, expected: "every key of an object once", got, hint });
}

/** The first key that an object of a valid JSON text has twice. It keeps its own stack, so that no depth is too much. */
function repeatedKey(text: string): string | undefined {
  // The keys of every object that is open, or null for a list.
  const open: (Set<string> | null)[] = [];
  let isKeyNext = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === '"') {
      const start = i++;
      while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      const keys = isKeyNext ? open[open.length - 1] : null;
      isKeyNext = false;
      if (!keys) continue;
      const key: string = JSON.parse(text.slice(start, i + 1));
      if (keys.has(key)) return key;
      keys.add(key);
    } else if (letter === "{" || letter === "[") {
      open.push(letter === "{" ? new Set() : null);
      isKeyNext = letter === "{";
    } else if (letter === "}" || letter === "]") {
      open.pop();
      isKeyNext = false;
    } else if (letter === ",") isKeyNext = open[open.length - 1] !== null;
  }
  return undefined;
}
