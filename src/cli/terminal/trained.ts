import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { fail, InputError, suggest } from "../../base/expect.ts";

/** A policy that comes with the package, as web/trained/index.json records it. */
export interface TrainedPolicy {
  readonly task: string;
  /** The path of its file. */
  readonly file: string;
  /** The run whose best policy it is, and the step after which the run had it. */
  readonly preset: string | null;
  readonly seed: number;
  readonly step: number;
  /** Of that run, at its end. */
  readonly fingerprint: string;
}

/** The help of the option --trained. */
export const trainedHelp = "the policy for this task that comes with the package, in place of <run>";

/** Finds the trained policy of a task. Its files are those of the page, which is beside the bundled command line. */
function trainedPolicy(task: string): TrainedPolicy {
  const folder = new URL("./page/trained/", import.meta.url);
  const records: TrainedPolicy[] = JSON.parse(fs.readFileSync(new URL("index.json", folder), "utf8"));
  const all = records.map((record) => ({ ...record, file: fileURLToPath(new URL(record.file, folder)) }));
  const found = all.find((each) => each.task === task);
  if (found) return found;
  const tasks = all.map((each) => each.task);
  return fail("--trained", `one of ${tasks.join(", ")}`, task, suggest(task, tasks));
}

/** The one of <run> and --trained that is given. */
export function runOrTrained(
  command: string,
  run: string | undefined,
  { trained, best, last }: { readonly trained?: string; readonly best?: boolean; readonly last?: boolean },
): string | TrainedPolicy {
  const problem = (got: string): InputError =>
    new InputError({ where: command, expected: "<run> or --trained", got, hint: `See "ddpg ${command} --help".` });
  if (run !== undefined && trained !== undefined) throw problem("both");
  if (trained !== undefined) {
    // The file has one policy.
    const which = best ? "--best" : last ? "--last" : undefined;
    if (which) throw new InputError({ where: which, expected: "a run's directory", got: "--trained" });
    return trainedPolicy(trained);
  }
  if (run !== undefined) return run;
  throw problem("nothing");
}
