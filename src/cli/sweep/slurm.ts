// `ddpg sweep --print slurm`: a script that makes the same runs as an array job.
import type { Arithmetic } from "../../kernels/kernels.ts";
import { namingArithmetic } from "../run/seeds.ts";
import { count } from "../terminal/numbers.ts";
import { inShell } from "../terminal/options.ts";

/** Options of the printing command that a task does not have. */
const ownFlags = /^--(print|jobs|job)(=.*)?$/s;

/**
 * The command line of a task, up to the number of its run: the same matrix in the same order. The arithmetic is named, so
 * that nodes of different kinds compute the same bits.
 */
function taskArguments(args: readonly string[], arithmetic: Arithmetic): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [, flag, value] = ownFlags.exec(args[i]) ?? [];
    if (flag === undefined) kept.push(args[i]);
    else if (value === undefined) i++;
  }
  return [...namingArithmetic(kept, arithmetic)];
}

/** The script. Nothing in it depends on this machine: it is submitted in the directory that its paths are relative to. */
export function slurmScript(args: readonly string[], arithmetic: Arithmetic, jobs: number): string {
  const own = taskArguments(args, arithmetic).map(inShell);
  // What follows -- is no option.
  const end = own.includes("--") ? own.indexOf("--") : own.length;
  const command = [...own.slice(0, end), "--no-progress", "--job", '"$SLURM_ARRAY_TASK_ID"', ...own.slice(end)].join(
    " ",
  );
  return `#!/bin/bash
# An array job for Slurm: ${count(jobs, "run")}. Submit it with sbatch, in the directory where this command was typed.
# Submitted again, it continues: a finished run ends at once, and an interrupted one resumes from its checkpoint.
#SBATCH --job-name=ddpg-sweep
#SBATCH --array=0-${jobs - 1}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
exec npx ddpg ${command}
`;
}
