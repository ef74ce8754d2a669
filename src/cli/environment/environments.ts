import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { expect, InputError } from "../../base/expect.ts";
import type { Policy } from "../../ddpg/policy.ts";
import type { Environment } from "../../environment/environment.ts";
import { mujocoPackage } from "../../envs/mujoco/engine.ts";
import { isPath } from "../../node/load-environment.ts";
import { expectAddress, type OutsideContext, outsideAddress, outsideKinds } from "../../node/outside/kinds.ts";
import { givenOptions, type OutsideOptions } from "../../node/outside/options.ts";
import { expectTrusted, sha256Of, shortHash } from "../../node/trusted-file.ts";
import { type LoadedEnvironment, loadEnvironment, type RunConfig } from "../../node.ts";
import { environments, type Task } from "../../tasks.ts";
import { whole } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";
import { print, printError } from "../terminal/output.ts";
import { chosenOutsideOptions } from "../terminal/outside-options.ts";
import { table } from "../terminal/table.ts";
import { closing, guarded } from "./guard.ts";

export function addEnvironmentsCommand(program: Command): void {
  program
    .command("environments")
    .summary("list the environments that come with the package")
    .description("Lists the environments that come with the package; times are in steps.")
    .option("--json", "print JSON")
    .action(({ json }: { json?: boolean }) => {
      const all = Object.entries(environments).map(([id, task]) => describe(id, task));
      print(json ? JSON.stringify(all, null, 2).split("\n") : [...listOf(all), "", mujocoNote]);
    });
}

const mujocoNote = `MuJoCo simulates the tasks that end in -v5 or begin with dm_control/: npm install ${mujocoPackage}`;

/** The help of the option that names an environment instead of the run's. */
export const environmentHelp = "the environment: an id or a module [the run's own, see below]";

/** A line for each kind of environments outside of the process. */
export const outsideLines: readonly string[] = table(
  Object.values(outsideKinds).map(({ form, help }) => [`  ${form}`, help]),
  [],
);

/** The end of the help of the commands that run the module of a run. */
export const moduleHelp = `
The module of a custom environment is a program. The one that a run's config.json names is run
after a line with its path, and only if the file is inside the current folder and has not changed
since the run, which keeps its SHA-256. Otherwise name the module with --environment. The program
of exec: is treated the same. Interpreters, hosts, ports and arguments that only a run names are
never used: give them again, and the error says which.`;

/** How to load a run's environment. */
export interface EnvironmentChoice {
  /** The id or path that takes the place of the run's own. */
  readonly given?: string | undefined;
  /** Whether to leave out lines about its module. */
  readonly quiet?: boolean;
  /** The options of environments outside of the process that the user gave. */
  readonly options?: OutsideOptions;
}

/**
 * The id, the path from the working directory, or the address that loads a run's environment. Throws an InputError if the
 * run's module is not where it was, as seen from the run, and for one that may not be loaded without being asked for.
 * Prints a line on the standard error before something is loaded that only the run names, and about a module that changed.
 *
 * The options that an environment outside of the process is loaded with are always those of the user.
 */
export function environmentOf(
  run: string,
  config: RunConfig,
  { given, quiet = false, options = {} }: EnvironmentChoice = {},
): string {
  const { environment, environmentModule, environmentSha256: sha256 } = config;
  const address = outsideAddress(environment);
  const say = (line: string): void => {
    if (!quiet) printError(line);
  };
  if (given !== undefined) {
    const named = outsideAddress(given);
    const file = named ? (named.kind.program?.(named.rest) ?? "") : given;
    const isModule = environmentModule !== undefined && !Object.hasOwn(environments, given) && isFile(file);
    if (!isModule || sha256 === undefined) return given;
    const now = sha256Of(file, `environment ${given}`);
    if (now !== sha256)
      say(
        `ddpg: warning: ${given} has changed since the run: its SHA-256 was ${shortHash(sha256)} and is ${shortHash(now)}`,
      );
    return given;
  }
  if (address && !address.kind.program) {
    expectAddress(address);
    expectUnasked(run, config, address.kind.isHarmless(address.rest) ? undefined : environment, options);
    say(`Using ${environment}, the environment of ${run}`);
    return environment;
  }
  if (environmentModule === undefined) {
    // Anything else would be loaded as the path of a module.
    const where = `${path.join(run, "config.json")} environment`;
    const hint = "Name another one with --environment.";
    expect(Object.hasOwn(environments, environment), where, 'an id of "ddpg environments"', environment, hint);
    return environment;
  }
  const relative = path.relative("", path.resolve(run, environmentModule));
  // Otherwise a name without a separator and an ending would be taken for an id.
  const file = isPath(relative) ? relative : `.${path.sep}${relative}`;
  const thing = address ? "program" : "module";
  const name = address ? `${address.word}:${file}` : file;
  if (!fs.existsSync(file)) {
    const hint = `If the ${thing} or the run was moved, give the ${thing}'s path: --environment ${address ? `${address.word}:` : ""}<path>.`;
    throw new InputError({ where: `environment ${file}`, expected: `the run's ${thing}`, got: "no such file", hint });
  }
  expectTrusted({ what: "environment", file, sha256, option: `--environment ${inShell(name)}` });
  if (address) expectUnasked(run, config, undefined, options);
  say(
    `${address ? "Starting" : "Loading"} ${file}, the ${thing} of ${run}${sha256 === undefined ? ", which did not keep its hash" : ""}`,
  );
  return name;
}

/**
 * Throws an InputError unless the user named everything that a run's file says of an environment outside of the process:
 * its options, and `address` if it may not be used by itself.
 */
function expectUnasked(run: string, config: RunConfig, address: string | undefined, options: OutsideOptions): void {
  const recorded = Object.entries(config.environmentOptions ?? {}).filter(([, value]) => value !== undefined);
  const missing = [
    ...(address === undefined ? [] : [`--environment ${inShell(address)}`]),
    ...recorded
      .filter(([name]) => options[name as keyof OutsideOptions] === undefined)
      .map(([name, value]) => `--${name} ${inShell(typeof value === "string" ? value : JSON.stringify(value))}`),
  ];
  if (missing.length === 0) return;
  throw new InputError({
    where: `environment ${config.environment}`,
    expected: `${missing.map((option) => option.split(" ")[0]).join(" and ")} in the command, because only the run's config.json names what it starts or reaches`,
    got: "nothing",
    hint: `If you trust ${path.join(run, "config.json")}, add ${missing.join(" ")}`,
  });
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

/** The entries of a run's configuration that name its environment. */
export function environmentEntries(
  directory: string,
  { name, module, sha256, options = {} }: LoadedEnvironment,
): Pick<RunConfig, "environment" | "environmentModule" | "environmentSha256" | "environmentOptions"> {
  const fromDirectory = module && path.relative(directory, module).replaceAll(path.sep, "/");
  return {
    environment: name,
    ...(fromDirectory && { environmentModule: fromDirectory }),
    ...(sha256 && { environmentSha256: sha256 }),
    ...(givenOptions(options).length > 0 && { environmentOptions: chosenOutsideOptions(options) }),
  };
}

/**
 * Creates an environment for a policy, by id or path, and returns its name. Throws an InputError if its sizes or bounds
 * are not the policy's.
 */
export async function environmentFor(
  { units }: Policy,
  nameOrPath: string,
  options: OutsideOptions = {},
  context: OutsideContext = {},
) {
  const { name, environment } = await guarded(
    () => `environment ${nameOrPath}`,
    async () => {
      const { name, create } = await loadEnvironment(nameOrPath, options, context);
      return { name, environment: await create() };
    },
  );
  try {
    units.expectSame(environment, name);
  } catch (error) {
    return closing<never>(name, [environment], () => Promise.reject(error));
  }
  return { name, environment };
}

/**
 * The environments to train on, `count` of them, and the one to evaluate on: the same one if it is `single`. If some can
 * only be stepped together, they are all of them. With a count of 0 there is only the one to evaluate on. `where` says what errors are about. Throws an InputError for another
 * number than there can be.
 */
export async function trainingEnvironments(
  { create, together }: LoadedEnvironment,
  where: () => string,
  count?: number | undefined,
) {
  const made: Environment[] = [];
  try {
    for (let i = 0; i <= (count ?? 1); i++) {
      made.push(await guarded(where, create));
      const [first] = made;
      const all = together?.(first) ?? [first];
      if (count === 0 && all.length === 1)
        return { environment: first, environments: [], evaluationEnvironment: first };
      if (all.length > 1) {
        const hint = "They share one game, so all of them are trained.";
        expect(count === undefined || count === all.length, "--environments", `${all.length} agents`, count, hint);
        return { environment: first, environments: all, evaluationEnvironment: first };
      }
      if (first.single && count !== undefined && count > 1) {
        throw new InputError({
          where: "--environments",
          expected: "an environment that can be made more than once",
          got: "a single one",
          hint: "Train on one.",
        });
      }
    }
    const [environment] = made;
    return { environment, environments: made.slice(0, -1), evaluationEnvironment: made[made.length - 1] };
  } catch (error) {
    return closing<never>(where(), made, () => Promise.reject(error));
  }
}

function describe(id: string, { observationSize, actionLow, actionHigh, timeLimit, preset, steps, summary }: Task) {
  return { id, observationSize, actionLow, actionHigh, timeLimit, preset, steps, summary };
}

function listOf(all: ReturnType<typeof describe>[]): string[] {
  const rows = [
    ["", "observed", "action", "time limit", "preset", "steps", ""],
    ...all.map((entry) => [
      entry.id,
      whole(entry.observationSize),
      bounds(entry.actionLow, entry.actionHigh),
      whole(entry.timeLimit),
      entry.preset,
      whole(entry.steps),
      entry.summary,
    ]),
  ];
  return table(rows, [1, 3, 5]);
}

/**
 * One interval per dimension; equal neighbors are written once with their count. Seven digits suffice for a Float32.
 */
export function bounds(low: ArrayLike<number>, high: ArrayLike<number>): string {
  const parts: { text: string; count: number }[] = [];
  for (let i = 0; i < low.length; i++) {
    const text = `[${Number(low[i].toPrecision(7))}, ${Number(high[i].toPrecision(7))}]`;
    const last = parts.at(-1);
    if (last?.text === text) last.count++;
    else parts.push({ text, count: 1 });
  }
  return parts.map(({ text, count }) => (count === 1 ? text : `${count} × ${text}`)).join(", ");
}
