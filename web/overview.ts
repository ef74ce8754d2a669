// The entry of the `ddpg watch` page for several runs.
import { printable } from "../src/base/printable.ts";
import type { OverviewRow, OverviewState } from "../src/training/runs-overview.ts";
import { OverviewSource } from "./overview-source.ts";
import { runsChart } from "./views/runs-chart.ts";
import { runsTable } from "./views/runs-table.ts";
import { find, setText, whole } from "./views/text.ts";

/** The shortest time between two redraws, in ms. */
const redrawMs = 100;

const source = new OverviewSource("./runs/events");
const table = runsTable(source, (id) => chart.light(id));
const chart = runsChart(source, (id) => table.light(id));

let isWaiting = false;
source.subscribe(() => {
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(() => {
    isWaiting = false;
    draw();
  }, redrawMs);
});

function draw(): void {
  const { place, opening, problem, isConnected } = source;
  const rows = [...source.rows.values()];
  document.title = place === "" ? "ddpg watch" : `${printable(place)} – ddpg watch`;
  setText(find("#place"), printable(place) || "Runs");
  setText(find("#counts"), countsOf(rows));
  setText(
    find("#opening"),
    opening || "A click on a run shows it alone, with its body, its networks and its settings.",
  );
  find("#lost").hidden = isConnected;
  find("#problem").hidden = problem === "";
  setText(find("#problem-text"), printable(problem));
  const progress = find<HTMLProgressElement>("#progress");
  progress.max = rows.reduce((sum, { steps }) => sum + steps, 0) || 1;
  progress.value = rows.reduce((sum, { step, steps }) => sum + Math.min(step, steps), 0);
  table.draw();
  chart.draw();
  // Tests read these.
  Object.assign(document.documentElement.dataset, { connected: String(isConnected), runs: String(rows.length) });
}

const states: readonly OverviewState[] = ["complete", "running", "stopped", "failed", "waiting"];

/** "3 runs: 1 complete, 2 waiting". */
function countsOf(rows: readonly OverviewRow[]): string {
  const counts = states.map((name) => ({ name, count: rows.filter(({ state }) => state === name).length }));
  const parts = counts.flatMap(({ name, count }) => (count > 0 ? [`${whole(count)} ${name}`] : []));
  const runs = `${whole(rows.length)} ${rows.length === 1 ? "run" : "runs"}`;
  return parts.length === 0 ? runs : `${runs}: ${parts.join(", ")}`;
}
