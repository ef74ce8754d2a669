import * as path from "node:path";
import { type Command, Option } from "commander";
import { fail, suggest } from "../base/expect.ts";
import type { Policy } from "../ddpg/policy.ts";
import { toModule } from "../export/module.ts";
import { toOnnx } from "../export/onnx.ts";
import { isComplete } from "../node/run-files.ts";
import { readResult } from "../node.ts";
import { bounds } from "./environment/environments.ts";
import { readPolicySource } from "./environment/policy-source.ts";
import { warningOfBest } from "./terminal/best.ts";
import { print } from "./terminal/output.ts";
import { runOrTrained, trainedHelp } from "./terminal/trained.ts";
import { writeFiles } from "./terminal/write-files.ts";

/** File names and their contents. */
type Files = [string, string | Uint8Array][];

/** A program with a form of its own. */
type Purpose = "godot";

interface Format {
  ending: string;
  help: string;
  /** What it can be made for, besides anything. */
  purposes?: readonly Purpose[];
  /** The files to write, given the name of the first. */
  files(policy: Policy, file: string, purpose?: Purpose): Files;
}

const formats: Readonly<Record<string, Format>> = {
  policy: {
    ending: ".safetensors",
    help: "a safetensors file, for Policy.load in Node and in a page",
    files: (policy, file) => [[file, policy.save()]],
  },
  onnx: {
    ending: ".onnx",
    help: "an ONNX model, for runtimes in other languages; any batch size",
    purposes: ["godot"],
    files: (policy, file, purpose) => [[file, toOnnx(policy, { for: purpose })]],
  },
  js: {
    ending: ".js",
    help: "one ES module without imports, with its type declarations beside it",
    files: (policy, file) => {
      const { source, declarations } = toModule(policy);
      const files: Files = [[file, source]];
      // TypeScript looks for declarations only beside files with a module's extension.
      if (/\.m?js$/.test(file)) files.push([file.replace(/(m?)js$/, "d.$1ts"), declarations]);
      return files;
    },
  },
};

interface ExportFlags {
  trained?: string;
  format?: string;
  for?: string;
  best?: true;
  output?: string;
}

export function addExportCommand(program: Command): void {
  const lines = Object.entries(formats).map(([name, { help }]) => `  ${name.padEnd(10)}${help}`);
  program
    .command("export")
    .argument("[run]", "a run's directory, or a policy file")
    .option("--trained <task>", trainedHelp)
    .summary("write a run's policy for use elsewhere")
    .description("Writes a policy as a file that acts without this program, in the environment's units.")
    .addOption(new Option("--format <name>", "what to write [policy]").argParser(formatName))
    .option("--for <program>", "with --format onnx: godot, the form that the plugin of Godot RL Agents runs")
    .option("--best", "the policy of the best evaluation during training [the final one]")
    .option("--output <file>", "where to write it [the run's name, here]")
    .addHelpText(
      "after",
      `
Formats:
${lines.join("\n")}

Examples:
  ddpg export runs/Pendulum-v1-small-seed1 --format js
  ddpg export pendulum.safetensors --format onnx --output pendulum.onnx
  ddpg export --trained Pendulum-v1 --format js
  ddpg export runs/godot-robust-seed1 --format onnx --for godot`,
    )
    .action(async (run: string | undefined, flags: ExportFlags) => {
      const chosen = runOrTrained("export", run, flags);
      const source = typeof chosen === "string" ? chosen : chosen.file;
      const { policy, config } = await readPolicySource(source, flags.best === true);
      const format = flags.format ?? "policy";
      const { ending, files } = formats[format];
      const purpose = purposeOf(format, flags.for);
      const output = flags.output ?? path.basename(path.resolve(source), ".safetensors") + ending;
      if (path.resolve(output) === path.resolve(source)) {
        fail("--output", "a file other than the policy's own", output);
      }
      const written = files(policy, output, purpose);
      writeFiles(written, "Choose another with --output.");
      const { observationSize, actionLow, actionHigh } = policy.units;
      for (const [file, content] of written) {
        print(`Wrote ${file}, ${(Buffer.byteLength(content) / 1000).toFixed(1)} kB`);
      }
      const which = flags.best ? "best" : "last";
      if (config) print(`It is the ${which} policy of ${source}${flags.best ? "" : "; --best takes the best one"}.`);
      const warning = config && isComplete(source) ? warningOfBest(readResult(source)) : "";
      if (warning) print(warning);
      print(`It observes ${observationSize} numbers and acts in ${bounds(actionLow, actionHigh)}.`);
    });
}

function formatName(name: string): string {
  if (Object.hasOwn(formats, name)) return name;
  const names = Object.keys(formats);
  fail("--format", `one of ${names.join(", ")}`, name, suggest(name, names));
}

function purposeOf(format: string, name: string | undefined): Purpose | undefined {
  if (name === undefined) return undefined;
  const { purposes = [] } = formats[format];
  const purpose = purposes.find((each) => each === name);
  if (purpose !== undefined) return purpose;
  if (purposes.length > 0) fail("--for", `one of ${purposes.join(", ")}`, name, suggest(name, purposes));
  const fitting = Object.keys(formats).filter((each) => formats[each].purposes);
  fail("--for", `to be used with --format ${fitting.join(", ")}`, `--format ${format}`);
}
