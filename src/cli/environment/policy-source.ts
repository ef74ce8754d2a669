import * as fs from "node:fs";
import { InputError } from "../../base/expect.ts";
import type { Policy } from "../../ddpg/policy.ts";
import { attempt } from "../../node/files.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { type RunConfig, readConfig, readPolicy, readPolicyFile } from "../../node.ts";

/** The policy of a run's directory, with the run's configuration, or that of a policy file, without one. */
export async function readPolicySource(
  source: string,
  best: boolean,
): Promise<{ policy: Policy; config: RunConfig | undefined }> {
  // The configuration's error explains a directory that is not a run's, and a name that leads nowhere.
  const isDirectory = attempt(
    source,
    "a policy's file or a run's directory",
    () => fs.statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? true,
  );
  if (!isDirectory) {
    if (best) throw new InputError({ where: "--best", expected: "a run's directory", got: `the file ${source}` });
    return { policy: (await readPolicyFile(source)).policy, config: undefined };
  }
  const config = readConfig(source);
  expectOwnConfig(source, config);
  return { policy: await readPolicy(source, best ? "best" : "last"), config };
}
