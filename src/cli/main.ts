// The command line `ddpg`. Each command has its own file.
import { Command } from "commander";
import { versions } from "../node/versions.ts";
import { addActCommand } from "./act.ts";
import { addBenchmarkCommand } from "./benchmark/benchmark.ts";
import { addEnvironmentsCommand } from "./environment/environments.ts";
import { explainExit } from "./environment/guard.ts";
import { addEvaluateCommand } from "./evaluate.ts";
import { addExportCommand } from "./export.ts";
import { addPlanCommand } from "./plan.ts";
import { addRenderCommand } from "./render/render.ts";
import { addReportCommand } from "./report/report.ts";
import { addResumeCommand } from "./run/resume.ts";
import { addTrainCommand } from "./run/train.ts";
import { addWorkCommand } from "./sweep/nats/work.ts";
import { addSweepCommand } from "./sweep/sweep.ts";
import { rephrase, report } from "./terminal/errors.ts";
import { exit, onUnplannedExit } from "./terminal/exit.ts";
import { stderr, stdout } from "./terminal/output.ts";
import { addWatchCommand } from "./watch/watch.ts";

const program = new Command("ddpg")
  .description("Deep Deterministic Policy Gradient: trains continuous-control policies.")
  .version(versions().ddpg, "-V, --version", "print the version")
  .helpOption("-h, --help", "print this help")
  .helpCommand(false)
  .option("--verbose", "explain automatic choices, and print an error's full stack")
  .configureHelp({
    showGlobalOptions: true,
    optionDescription: ({ description, defaultValue, defaultValueDescription: words }) =>
      words || typeof defaultValue === "number" ? `${description} [${words ?? defaultValue}]` : description,
  })
  .configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
    outputError: () => {},
    getOutHelpWidth: helpWidth,
    getErrHelpWidth: helpWidth,
  })
  .addHelpText(
    "after",
    `
Examples:
  ddpg train Pendulum-v1                       train, evaluate, keep the records
  ddpg train ./my-environment.js --seed 2      your own environment
  ddpg resume runs/Pendulum-v1-small-seed1     resume a run that was stopped
  ddpg watch runs/Pendulum-v1-small-seed1      watch it in the browser, live while it trains
  ddpg evaluate runs/Pendulum-v1-small-seed1   evaluate the policy again
  ddpg export runs/Pendulum-v1-small-seed1     export its policy for use elsewhere
  ddpg render runs/Pendulum-v1-small-seed1     an episode as a GIF
  ddpg plan Pendulum-v1                        what a planner with the true model reaches
  ddpg report runs                             curves as one HTML file
  ddpg sweep Pendulum-v1 --grid actorLearningRate=1e-4,1e-3   compare settings
  ddpg work --server nats://host:4222          make runs of sweeps that a server has
  ddpg benchmark --tasks Hopper-v5             several seeds, compared with published results`,
  );
addTrainCommand(program);
addActCommand(program);
addResumeCommand(program);
addWatchCommand(program);
addEvaluateCommand(program);
addExportCommand(program);
addRenderCommand(program);
addPlanCommand(program);
addReportCommand(program);
addSweepCommand(program);
addWorkCommand(program);
addBenchmarkCommand(program);
addEnvironmentsCommand(program);

const commands = program.commands.map((command) => command.name());
for (const command of [program, ...program.commands]) {
  command.exitOverride((error) => {
    throw rephrase(error, command === program ? "command" : command.name(), commands);
  });
  for (const inner of command === program ? [] : command.commands) {
    inner.exitOverride((error) => {
      throw rephrase(error, `${command.name()} ${inner.name()}`, commands);
    });
  }
}

const isVerbose = process.argv.includes("--verbose");
onUnplannedExit((how) => explainExit(how, isVerbose));

try {
  await program.parseAsync(process.argv.length > 2 ? process.argv : [...process.argv, "--help"]);
} catch (error) {
  process.exitCode = report(error, isVerbose);
}
await stdout.written();
await stderr.written();
// If a result or a warning could not be written, that is a failure. A reader that stopped early, such as in
// `ddpg environments | head -1`, is none.
if (stdout.hasFailed || stderr.hasFailed) process.exitCode ||= 2;
// An environment may hold a timer or a connection and have no `close`. The work is done, so exit anyway.
exit();

/** Longer lines are hard to read. */
function helpWidth(): number {
  return Math.min(stdout.columns || 100, 110);
}
