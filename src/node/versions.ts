// What a run was made with: the package, the engine, the commit.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import type { RunConfig } from "../training/run.ts";

/** The package's version, Node's, and the platform. */
export function versions(): RunConfig["versions"] {
  // By its own name, for the built files lie at different depths in a checkout and in the installed package.
  const { version } = createRequire(import.meta.url)("ddpg/package.json");
  return { ddpg: version, node: process.versions.node, platform: `${process.platform} ${process.arch}` };
}

/** The commit of this package's checkout, else of the working directory's; undefined where there is none. */
export function commit(): string | undefined {
  const own = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
  const cwd = fs.existsSync(path.join(own, ".git")) ? own : process.cwd();
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], {
      cwd,
      encoding: "utf8",
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 2000,
    }).trim();
  } catch {
    return undefined;
  }
}
