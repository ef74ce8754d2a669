// An episode, step by step, as a figure: what was observed, done and rewarded.
import { type DrawnEpisode, maxDrawnNumbers, maxDrawnSteps } from "./trajectory.ts";
import { whole } from "../terminal/numbers.ts";
import { compose, drawLines, paper } from "./figures.ts";

export function trajectoryFigure(episode: DrawnEpisode, title: string): string {
  const { timeUnit, observationSize, actionSize, moments, isCut } = episode;
  const panels = [
    panel("Observation", "observation", observationSize, (i, at) => moments[at].observation[i]),
    panel("Action", "action", actionSize, (i, at) => moments[at].action[i]),
    panel("Reward", "reward", 1, (_, at) => moments[at].reward ?? undefined),
  ];
  const rows = panels.map(({ lines, yLabel }) => [
    drawLines(lines, { theme: paper, width: 780, xLabel: timeUnit === "s" ? "time (s)" : "steps", yLabel }),
  ]);
  const captions = panels.map(({ name, left }): readonly [string, string?] => [
    name,
    left > 0 ? `the first ${maxDrawnNumbers} of ${maxDrawnNumbers + left} numbers` : "",
  ]);
  const shown = isCut ? `${title}: the first ${whole(maxDrawnSteps)} steps` : title;
  return `${compose(rows, { theme: paper, title: shown, captions, padding: 12, gap: 10 })}\n`;

  function panel(name: string, yLabel: string, size: number, value: (i: number, at: number) => number | undefined) {
    const lines = Array.from({ length: Math.min(size, maxDrawnNumbers) }, (_, i) => ({
      name: `${yLabel}[${i}]`,
      points: moments.flatMap(({ time }, at) => {
        const y = value(i, at);
        return y !== undefined && Number.isFinite(y) ? [[time, y] as const] : [];
      }),
    }));
    return { name, yLabel, lines, left: Math.max(0, size - maxDrawnNumbers) };
  }
}
