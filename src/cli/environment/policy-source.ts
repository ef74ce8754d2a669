import * as fs from "node:fs";
import { InputError } from "../../base/expect.ts";
import type { Policy } from "../../ddpg/policy.ts";
import { expectOwnConfig } from "../../node/same-run.ts";
import { type RunConfig, readConfig, readPolicy, readPolicyFile } from "../../node.ts";

/** The policy of a run's directory, with the run's configuration, or that of a policy file, without one. */
export async function readPolicySource(
  source: string,
  best: boolean,
): Promise<{ policy: Policy; config: RunConfig | undefined }> {
  if (fs.statSync(source, { throwIfNoEntry: false })?.isFile()) {
    if (best) throw new InputError({ where: "--best", expected: "a run's directory", got: `the file ${source}` });
    return { policy: (await readPolicyFile(source)).policy, config: undefined };
  }
  // The configuration first, because its error explains a directory that is not a run's.
  const config = readConfig(source);
  expectOwnConfig(source, config);
  return { policy: await readPolicy(source, best ? "best" : "last"), config };
}
