// An episode, step by step, as a figure: what was observed, done and rewarded.
import { compose, drawLines, paper } from "./figures.ts";

/** What the figure shows; `Trajectory.first` has it. */
interface Moments {
  readonly timeUnit: "s" | "steps";
  readonly moments: readonly {
    readonly time: number;
    readonly observation: readonly number[];
    readonly action: readonly number[];
    readonly reward: number | null;
  }[];
}

/** The most numbers of an observation or an action with a line of their own. */
const maxLines = 12;

export function trajectoryFigure({ timeUnit, moments }: Moments, title: string): string {
  const [first] = moments;
  const panels = [
    panel("Observation", "observation", first?.observation.length ?? 0, (i, at) => moments[at].observation[i]),
    panel("Action", "action", first?.action.length ?? 0, (i, at) => moments[at].action[i]),
    panel("Reward", "reward", 1, (_, at) => moments[at].reward ?? Number.NaN),
  ];
  const rows = panels.map(({ lines, yLabel }) => [
    drawLines(lines, { theme: paper, width: 780, xLabel: timeUnit === "s" ? "time (s)" : "steps", yLabel }),
  ]);
  const captions = panels.map(({ name, left }): readonly [string, string?] => [
    name,
    left > 0 ? `the first ${maxLines} of ${maxLines + left} numbers` : "",
  ]);
  return `${compose(rows, { theme: paper, title, captions, padding: 12, gap: 10 })}\n`;

  function panel(name: string, yLabel: string, size: number, value: (i: number, at: number) => number | undefined) {
    const lines = Array.from({ length: Math.min(size, maxLines) }, (_, i) => ({
      name: `${yLabel}[${i}]`,
      points: moments.flatMap(({ time }, at) => {
        const y = value(i, at);
        return y !== undefined && Number.isFinite(y) ? [[time, y] as const] : [];
      }),
    }));
    return { name, yLabel, lines, left: Math.max(0, size - maxLines) };
  }
}
