// The environments that a worker trains on: those of the package, and those that its own command line names. A job only
// names one of them.
import { isDeepStrictEqual } from "node:util";
import { expect, fail, InputError, messageOf } from "../../../base/expect.ts";
import type { Arithmetic } from "../../../kernels/kernels.ts";
import { outsideAddress } from "../../../node/outside/kinds.ts";
import { givenOptions, type OutsideOptions } from "../../../node/outside/options.ts";
import { backToStart } from "../../../node/starting-folder.ts";
import { shortHash } from "../../../node/trusted-file.ts";
import { versions } from "../../../node/versions.ts";
import { type LoadedEnvironment, loadEnvironment, type RunConfig } from "../../../node.ts";
import { environments } from "../../../tasks.ts";
import { guarded } from "../../environment/guard.ts";
import { sharedConfig } from "./job-message.ts";

/** An environment of the worker's list. */
export interface AllowedEnvironment {
  /** What loads it: an id, a path or an address. */
  readonly nameOrPath: string;
  readonly loaded: LoadedEnvironment;
}

export type Allowed = ReadonlyMap<string, AllowedEnvironment>;

/** Parses `name=environment`, and adds it to those before. */
export function parseAllow(text: string, before: readonly [string, string][] = []): [string, string][] {
  const [, name, environment] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined) fail("--allow", "a name and an environment, such as my-task=./my-task.js", text);
  expect(!Object.hasOwn(environments, name), "--allow", "a name that no environment of the package has", name);
  expect(!before.some(([other]) => other === name), "--allow", "every name once", name);
  return [...before, [name, environment]];
}

/** Loads the environments of the list. Each one outside of the process takes those of the options that its kind has. */
export async function loadAllowed(
  pairs: readonly (readonly [string, string])[],
  options: OutsideOptions,
  context: { stepTimeout?: number | undefined; onLine(line: string): void },
): Promise<Allowed> {
  const unused = new Set(givenOptions(options));
  const all = new Map<string, AllowedEnvironment>();
  for (const [name, nameOrPath] of pairs) {
    const taken = outsideAddress(nameOrPath)?.kind.options ?? [];
    const own = Object.fromEntries(
      givenOptions(options).flatMap((each) => (taken.includes(each) ? [[each, options[each]]] : [])),
    );
    for (const each of taken) unused.delete(each);
    const loaded = await guarded(
      () => `environment ${nameOrPath}`,
      () => loadEnvironment(nameOrPath, own, context),
    );
    backToStart();
    const hint = `Write --allow ${loaded.name}=${nameOrPath}.`;
    expect(loaded.name === name, "--allow", `${loaded.name}, which ${nameOrPath} is called`, name, hint);
    all.set(name, { nameOrPath, loaded });
  }
  const [left] = unused;
  if (left !== undefined) {
    const expected = "an environment of --allow that takes it";
    throw new InputError({ where: `--${left}`, expected, got: "none" });
  }
  return all;
}

/** The environment that a job names: of the package, or of the list. */
export async function environmentOfJob(config: RunConfig, allowed: Allowed): Promise<AllowedEnvironment> {
  const { environment } = config;
  const listed = allowed.get(environment);
  if (listed) return listed;
  // Anything else would be loaded as the path of a module.
  expect(Object.hasOwn(environments, environment), "environment of a job", "one of this worker's list", environment);
  return { nameOrPath: environment, loaded: await loadEnvironment(environment) };
}

/** How long an environment that could not be made is not tried again, in ms. */
const brokenMs = 60_000;

/**
 * Tries environments before the first job with each. One that this machine cannot make, such as without its simulator, would
 * let every job of a sweep fail.
 */
export class Tried {
  readonly #found = new Map<string, { readonly at: number; readonly reason: Promise<string | undefined> }>();

  /** Why an environment cannot be made here; undefined if it can. */
  reason({ loaded }: AllowedEnvironment): Promise<string | undefined> {
    const before = this.#found.get(loaded.name);
    if (before && performance.now() - before.at < brokenMs) return before.reason;
    const reason = tried(loaded).then((found) => {
      // One that can be made is not tried again.
      if (found === undefined) this.#found.set(loaded.name, { at: Number.POSITIVE_INFINITY, reason });
      return found;
    });
    this.#found.set(loaded.name, { at: performance.now(), reason });
    return reason;
  }
}

async function tried(loaded: LoadedEnvironment): Promise<string | undefined> {
  try {
    const environment = await loaded.create();
    await environment.close?.();
    return undefined;
  } catch (error) {
    return `it cannot be made on this machine: ${messageOf(error)}`;
  }
}

/** Why this worker leaves a job to others; undefined if it takes it. */
export function refusalOf(config: RunConfig, allowed: Allowed, arithmetic: Arithmetic): string | undefined {
  const { environment, environmentSha256, environmentOptions } = config;
  const version = versions().ddpg;
  if (config.versions.ddpg !== version) return `ddpg ${config.versions.ddpg} sent it, and this is ${version}`;
  if (config.arithmetic === "fused" && arithmetic !== "fused")
    return "it needs the fused arithmetic, which this machine does not have";
  const listed = allowed.get(environment);
  const isBuiltIn = Object.hasOwn(environments, environment);
  if (!listed && !isBuiltIn) return `--allow ${environment}=<its path> is not on this worker's command line`;
  const sha256 = listed?.loaded.sha256;
  if (sha256 !== environmentSha256) {
    const [here, there] = [sha256, environmentSha256].map((hash) => (hash === undefined ? "none" : shortHash(hash)));
    return `its module has the SHA-256 ${there}, and the one on this worker's command line ${here}`;
  }
  const own =
    listed && sharedConfig({ ...config, environmentOptions: { ...listed.loaded.options } }).environmentOptions;
  if (!isDeepStrictEqual(own, environmentOptions)) {
    const [here, there] = [own, environmentOptions].map((options) => JSON.stringify(options) ?? "none");
    return `its environment has the options ${there}, and the one on this worker's command line ${here}`;
  }
  return undefined;
}
