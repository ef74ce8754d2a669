import { type Command, Option } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import { printable } from "../../base/printable.ts";
import {
  currentSettings,
  defaultPreset,
  expectPreset,
  type OldSettings,
  oldSettingNames,
  type PresetName,
  parseSetting,
  presets,
  type Settings,
  settingFlag,
  settingHelp,
  settingNames,
  showSetting,
} from "../../ddpg/config.ts";

/** A parser for a whole number. Its errors start with the flag. */
export function wholeNumber(flag: string, min: number): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    const good = Number.isSafeInteger(value) && Number(value) >= min;
    expect(good, flag, `a whole number of at least ${min}`, Number.isNaN(value) ? text : value);
    return value;
  };
}

/** Returns the number that a text is, such as 1000000, 1e6 or 1_000_000; NaN if it is none. */
export function numberOf(text: string): number {
  const plain = text.replaceAll(/(?<=\d)_(?=\d)/g, "");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : Number.NaN;
}

/** A parser for a number, optionally above 0. Its errors start with the flag. */
export function someNumber(flag: string, expected: "a number" | "a number above 0"): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    expect(Number.isFinite(value) && (expected === "a number" || value > 0), flag, expected, text);
    return value;
  };
}

export const stepTimeoutHelp =
  "seconds the environment may take to answer; an endless loop inside a step cannot be stopped [none; 60 outside of this process, 10 for torcs]";

export function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : 1000 * seconds;
}

/** A parser for a preset's name. Its errors start with the flag. */
export function presetName(name: string): PresetName {
  try {
    expectPreset(name);
    return name;
  } catch (error) {
    throw error instanceof InputError ? error.at("--preset") : error;
  }
}

/** Adds an option for every setting of the algorithm, as a group of the help. */
export function addSettingOptions(command: Command, title: string): void {
  command.optionsGroup(`${title} [default of the preset ${defaultPreset}; of others that differ]:`);
  for (const option of settingOptions()) command.addOption(option);
}

function settingOptions(): Option[] {
  const option = (name: keyof (Settings & OldSettings), form: string, help: string): Option => {
    const flag = settingFlag(name);
    return new Option(`${flag} <${form}>`, help).argParser((text) => parseSetting(name, text, flag));
  };
  return [
    ...settingNames.map((name) => option(name, placeholder(name), `${settingHelp(name)}${defaults(name)}`)),
    // They still work, but the help does not mention them.
    ...oldSettingNames.map((name) => option(name, "value", settingHelp(name)).hideHelp()),
  ];
}

/** The settings among a command's options. Throws an InputError if a flag of an earlier version contradicts another. */
export function chosenSettings(options: Record<string, unknown>): Partial<Settings> {
  const chosen: Partial<Record<keyof Settings, unknown>> = Object.fromEntries(
    settingNames.filter((name) => name in options).map((name) => [name, options[name]]),
  );
  for (const old of oldSettingNames.filter((name) => name in options)) {
    for (const [name, value] of Object.entries(currentSettings(Object.fromEntries([[old, options[old]]]))) as [
      keyof Settings,
      never,
    ][]) {
      if (name in chosen && chosen[name] !== value)
        throw new InputError({ where: settingFlag(old), expected: `${settingFlag(name)} alone`, got: "both" });
      chosen[name] = value;
    }
  }
  return chosen as Partial<Settings>;
}

/** Runs an action with settings. An error that names one of them names its flag instead. */
export async function asFlags<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const setting = settingNames.find((name) => name === error.where);
    throw setting ? error.at(settingFlag(setting)) : error;
  }
}

function placeholder(name: keyof Settings): string {
  const value = presets[defaultPreset][name];
  if (name === "actorActivations" || name === "criticActivations") return "names";
  if (Array.isArray(value)) return "sizes";
  return typeof value === "boolean" ? "true|false" : typeof value === "string" ? "name" : "n";
}

/** The default preset's value. If other presets differ, their values as well, on a new line. */
function defaults(name: keyof Settings): string {
  const usual = showSetting(presets[defaultPreset][name]);
  const others = new Map<string, string[]>();
  for (const preset of Object.keys(presets) as PresetName[]) {
    const value = showSetting(presets[preset][name]);
    if (value !== usual) others.set(value, [...(others.get(value) ?? []), preset]);
  }
  const list = [...others].map(([value, names]) => `; ${names.join(", ")} ${value}`);
  return `${list.length > 0 ? "\n" : " "}[${usual}${list.join("")}]`;
}

/** A path as typed in a shell, quoted if necessary. */
export function inShell(file: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./\\-]+$/u.test(file)) return file;
  if (process.platform === "win32") return `"${file}"`;
  // The escapes of bash, zsh and other shells, because a terminal would obey some of these characters.
  if (printable(file) !== file) return `$'${file.replaceAll(/[^ !-&(-[\]-~]/gu, escapedBytes)}'`;
  return `'${file.replaceAll("'", "'\\''")}'`;
}

/** A letter as the escapes of its bytes in UTF-8. */
function escapedBytes(letter: string): string {
  return Array.from(Buffer.from(letter), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
