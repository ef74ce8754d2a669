// The flags of environments outside of the process, which several commands share.
import type { Command } from "commander";
import { givenOptions, type OutsideOptions, outsideOptionNames, outsideOptions } from "../../node/outside/options.ts";

/** The options of environments outside of the process, for the help of a command. */
export function addOutsideOptions(command: Command): void {
  command.optionsGroup("Environments outside of this process:");
  for (const name of outsideOptionNames) {
    const { form, help, parse, check } = outsideOptions[name];
    const flag = `--${name}`;
    command.option(`${flag} <${form}>`, help, (text: string) => {
      const value = parse(text, flag);
      check(value, flag);
      return value;
    });
  }
}

/** The options of environments outside of the process among a command's flags. */
export function chosenOutsideOptions(flags: OutsideOptions): OutsideOptions & Record<string, unknown> {
  return Object.fromEntries(givenOptions(flags).map((name) => [name, flags[name]]));
}

/** The same options as flags of a command line. */
export function outsideArguments(options: OutsideOptions): string[] {
  return givenOptions(options).flatMap((name) => {
    const value = options[name];
    return [`--${name}`, typeof value === "object" ? JSON.stringify(value) : `${value}`];
  });
}
