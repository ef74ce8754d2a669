// The fields of objects that came from files, such as config.json: checked by name, and copied by name.
import { expect, fail, suggest } from "../base/expect.ts";
import { presets } from "../ddpg/config.ts";

/** What a preset's name must be, as an error says it. */
export const preset = `one of ${Object.keys(presets).join(", ")}`;

/** The versions that a run was made with. */
export const versionsFields = { ddpg: "a text", node: "a text", platform: "a text" } as const;

/** The checks of fields, by what an error says that it expected. */
const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  "a name": (value) => typeof value === "string",
  "fused or portable, or nothing": (value) => value === undefined || value === "fused" || value === "portable",
  "a path, or nothing": (value) => value === undefined || typeof value === "string",
  [preset]: (value) => typeof value === "string" && Object.hasOwn(presets, value),
  "a text": (value) => typeof value === "string",
  "a text, or nothing": (value) => value === undefined || typeof value === "string",
  "what went wrong, or nothing": (value) => value === undefined || typeof value === "string",
  "16 hexadecimal digits": (value) => typeof value === "string" && /^[0-9a-f]{16}$/.test(value),
  "64 hexadecimal digits, or nothing": (value) =>
    value === undefined || (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)),
  "a whole number": (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  "a whole number above 1, or nothing": (value) =>
    value === undefined || (Number.isSafeInteger(value) && Number(value) > 1),
  "a whole number above 0": (value) => Number.isSafeInteger(value) && Number(value) > 0,
  // JSON has no infinity, but 1e999 is read as one.
  "a number": (value) => Number.isFinite(value),
  // JSON has null for numbers that are not finite.
  "a number, or null": (value) => value === null || Number.isFinite(value),
  "a number or null, or nothing": (value) => value === undefined || value === null || Number.isFinite(value),
  "an object": (value) => typeof value === "object" && value !== null,
  "an object, or nothing": (value) => value === undefined || (typeof value === "object" && value !== null),
  "a number, or nothing": (value) => value === undefined || Number.isFinite(value),
  "true, or nothing": (value) => value === undefined || value === true,
  "an object, or null": (value) => typeof value === "object",
};

/** For every field of an object, the name of its check in `checks`. */
export type Fields<T> = Record<keyof T, string>;

/** Throws an InputError unless every field passes the check of that name in `checks`. */
export function expectFields<T extends object>(
  value: object,
  where: string,
  wanted: Partial<Record<keyof T & string, string>>,
  hint = "",
): asserts value is T {
  for (const [name, kind] of Object.entries<string | undefined>(wanted)) {
    const field = (value as Record<string, unknown>)[name];
    if (kind !== undefined) expect(checks[kind](field), `${where} ${name}`, kind, field, hint);
  }
}

/** Throws an InputError if an object has a field with another name than these. */
export function expectKnown(value: object, where: string, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const hint = suggest(unknown, known) || "Remove it, or use the version of ddpg that wrote it.";
  fail(where, `fields among ${known.join(", ")}`, unknown, hint);
}

/** A copy of an object with the named fields alone, as far as it has them. */
export function pick<T extends object>(value: T, names: Fields<T>): T {
  const known = Object.keys(names).filter((name) => Object.hasOwn(value, name));
  return Object.fromEntries(known.map((name) => [name, value[name as keyof T]])) as T;
}
