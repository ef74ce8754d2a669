// `ddpg sweep status --server`: the runs of the sweeps that a server has, as they are now.
import { InputError, suggest } from "../../../base/expect.ts";
import { asInputErrors, connect, type Server, type ServerOptions } from "../../../node/nats/connect.ts";
import { print, printError } from "../../terminal/output.ts";
import { runsOf } from "../record.ts";
import { printRuns, type ShownRun } from "../status.ts";
import { expectSweepName } from "./job-message.ts";
import { SweepStore } from "./store.ts";

/** Prints the runs of one sweep, or of all. */
export async function serverStatus(options: ServerOptions, name: string | undefined): Promise<void> {
  if (name !== undefined) expectSweepName(name, "sweep status");
  const onLine = (line: string): void => printError(`ddpg: ${line}`);
  const server = await connect(options, { name: "ddpg sweep status", where: "--server", onLine });
  try {
    await asInputErrors(server, () => printSweeps(server, name));
  } finally {
    await server.close();
  }
}

/** The names of the sweeps that a server has, or this one. Throws an InputError if it has none of the name. */
export async function wantedSweeps(store: SweepStore, name: string | undefined): Promise<string[]> {
  const all = await store.sweeps();
  if (name === undefined) return all;
  if (all.includes(name)) return [name];
  const hint = suggest(name, all) || "ddpg sweep --server puts one there.";
  const got = all.join(", ") || "none";
  throw new InputError({ where: store.server.address, expected: `a sweep ${name}`, got, hint });
}

async function printSweeps(server: Server, name: string | undefined): Promise<void> {
  const store = await SweepStore.open(server);
  const all = await wantedSweeps(store, name);
  if (all.length === 0) print(`No sweep is at ${server.address}. ddpg sweep --server puts one there.`);
  const problems: InputError[] = [];
  for (const [i, sweep] of all.entries()) {
    if (i > 0) print("");
    try {
      await printSweep(store, sweep, (error) => problems.push(error));
    } catch (error) {
      // The others are shown all the same.
      if (!(error instanceof InputError)) throw error;
      problems.push(error);
    }
  }
  const [first, ...others] = problems;
  for (const { message } of others) printError(`ddpg: ${message}`);
  if (first) throw first;
}

async function printSweep(store: SweepStore, sweep: string, onProblem: (error: InputError) => void): Promise<void> {
  const record = await store.record(sweep);
  if (!record) return;
  const all = runsOf("", record);
  const ids = all.map(({ id }) => id);
  const states = await store.states(sweep, ids, (_, error) => onProblem(error));
  const runs = all.map(({ id, cell, seed }): ShownRun => {
    const state = states.get(id);
    const base = { id, cell, seed, state: state?.phase ?? "waiting", step: state?.step ?? 0 };
    if (!state) return base;
    const { outcome, worker, error, phase } = state;
    return {
      ...base,
      ...(outcome && { outcome: { ...outcome, meanReturn: outcome.meanReturn ?? Number.NaN } }),
      ...(phase === "running" && worker !== undefined && { worker }),
      ...(error !== undefined && { error }),
    };
  });
  printRuns(record, `${sweep} at ${store.server.address}`, runs);
}
