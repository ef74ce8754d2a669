// What a run was made with: the versions of the package and of Node, and the commit.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import type { RunConfig } from "../training/run.ts";
import { startingFolder } from "./starting-folder.ts";

/** The versions of the package and of Node, and the platform. */
export function versions(): RunConfig["versions"] {
  // Resolve the package by name, because the built files are at different depths in a checkout and in the installed
  // package.
  const { version } = createRequire(import.meta.url)("ddpg/package.json");
  return { ddpg: version, node: process.versions.node, platform: `${process.platform} ${process.arch}` };
}

/** The commit of this package's checkout, or else of the starting folder. Undefined if there is none. */
export function commit(): string | undefined {
  const own = path.dirname(createRequire(import.meta.url).resolve("ddpg/package.json"));
  const cwd = fs.existsSync(path.join(own, ".git")) ? own : startingFolder();
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
