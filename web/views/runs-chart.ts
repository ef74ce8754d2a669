// The learning curves of many runs in one chart, drawn by hand: hundreds of lines in a few milliseconds.
import { printable } from "../../src/base/printable.ts";
import type { CurvePoint, OverviewRow } from "../../src/training/runs-overview.ts";
import { Canvas } from "../canvas.ts";
import { colors, onColors } from "../colors.ts";
import type { OverviewSource } from "../overview-source.ts";
import { groupColor } from "./group-colors.ts";
import { find, minus, setText, short, whole } from "./text.ts";

/** Room for the numbers of the axes, in pixels. */
const margin = { left: 64, right: 24, top: 8, bottom: 24 };

/** How near the pointer must be to a point of a curve, in pixels. */
const reach = 24;

/** More groups than this are named in the table only. */
const maxGroups = 12;

interface Line {
  readonly row: OverviewRow;
  readonly points: readonly CurvePoint[];
}

interface Frame {
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
  x(step: number): number;
  y(value: number): number;
}

export interface RunsChart {
  draw(): void;
  /** Brings the curve of a run out; none if it is undefined. */
  light(id: string | undefined): void;
}

/** Makes the chart. `light` is called with the run whose curve is under the pointer. */
export function runsChart(source: OverviewSource, light: (id: string | undefined) => void): RunsChart {
  const canvas = new Canvas(find<HTMLCanvasElement>("#curves"));
  const readout = find("#readout");
  const select = find<HTMLSelectElement>("#environment");
  let lit: string | undefined;
  let frame: Frame | undefined;
  /** What the reader chose, also while there is no run of it. */
  let wanted: string | undefined;

  const draw = (): void => {
    const all = [...source.rows.values()];
    if (lit !== undefined && !source.rows.has(lit)) {
      lit = undefined;
      setText(readout, "");
    }
    offer(select, all, wanted);
    const rows = all.filter(
      ({ environment }) => select.value === allEnvironments || select.value === optionOf(environment),
    );
    const count = all.reduce((most, { groupIndex }) => Math.max(most, groupIndex + 1), 0);
    frame = frameOf(canvas, rows, source.curves);
    drawAxes(canvas.context, frame);
    // The one that is brought out is drawn last, over the others. The table also has runs without a curve here.
    const others = frame.lines.some(({ row, points }) => row.id === lit && points.length > 0) ? 0.2 : 1;
    for (const line of frame.lines) if (line.row.id !== lit) drawLine(canvas.context, frame, line, count, others);
    for (const line of frame.lines) if (line.row.id === lit) drawLine(canvas.context, frame, line, count, 1, 3);
    list(rows, count);
  };
  const setLit = (id: string | undefined): void => {
    if (id === lit) return;
    lit = id;
    draw();
  };
  select.addEventListener("change", () => {
    wanted = select.value;
    draw();
  });
  onColors(draw);
  new ResizeObserver(draw).observe(canvas.element);
  canvas.element.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const found = frame && nearest(frame, offsetX, offsetY);
    canvas.element.classList.toggle("over", found?.line.row.canOpen === true);
    setText(readout, found ? readOut(found.line.row, found.point) : "");
    light(found?.line.row.id);
    setLit(found?.line.row.id);
  });
  canvas.element.addEventListener("pointerleave", () => {
    setText(readout, "");
    light(undefined);
    setLit(undefined);
  });
  canvas.element.addEventListener("click", ({ offsetX, offsetY }) => {
    const row = frame && nearest(frame, offsetX, offsetY)?.line.row;
    if (row?.canOpen) location.href = `./runs/${row.id}/`;
  });
  return { draw, light: setLit };
}

const allEnvironments = "";

/** The value of an environment's option: a name may be empty if the files of a run are damaged. */
function optionOf(environment: string): string {
  return JSON.stringify(environment);
}

/** Offers the environments if there are several: their returns cannot be compared. The first is chosen unless another is wanted. */
function offer(select: HTMLSelectElement, rows: readonly OverviewRow[], wanted: string | undefined): void {
  const sorted = [...rows].sort((a, b) => a.groupIndex - b.groupIndex);
  const names = [...new Set(sorted.map(({ environment }) => environment))];
  const offered = [...names.map(optionOf), allEnvironments];
  find("#environment-label").hidden = names.length < 2;
  if (offered.join("\n") === [...select.options].map(({ value }) => value).join("\n")) return;
  select.replaceChildren(
    ...names.map((name) => new Option(printable(name) || "unknown", optionOf(name))),
    new Option("all environments", allEnvironments),
  );
  select.value = wanted !== undefined && offered.includes(wanted) ? wanted : offered[0];
}

function frameOf(
  canvas: Canvas,
  rows: readonly OverviewRow[],
  curves: ReadonlyMap<string, readonly CurvePoint[]>,
): Frame {
  const [width, height] = canvas.begin();
  const lines = rows.map((row) => ({ row, points: (curves.get(row.id) ?? []).filter(isDrawn) }));
  let [lastStep, low, high] = [0, Infinity, -Infinity];
  for (const { points } of lines) {
    for (const [step, value] of points) {
      lastStep = Math.max(lastStep, step);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) [low, high] = [-1, 0];
  const room = 0.05 * (high - low || Math.abs(high) || 1);
  [low, high] = [low - room, high + room];
  const end = lastStep || rows.reduce((most, { steps }) => Math.max(most, steps), 1);
  const { left, right, top, bottom } = margin;
  return {
    ...{ lines, width, height },
    x: (step) => left + (step / end) * Math.max(1, width - left - right),
    y: (value) => height - bottom - ((value - low) / (high - low)) * Math.max(1, height - top - bottom),
  };
}

/** Beyond 1e100 an axis would need more steps than there are numbers. */
function isDrawn([, value]: CurvePoint): boolean {
  return Math.abs(value) < 1e100;
}

function drawAxes(context: CanvasRenderingContext2D, { width, height, x, y }: Frame): void {
  const { muted, line } = colors();
  const { left, right, top, bottom } = margin;
  const [end, low, high] = [inverse(x, width - right), inverse(y, height - bottom), inverse(y, top)];
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = muted;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(low, high, Math.max(2, (height - top - bottom) / 40))) {
    context.beginPath();
    context.moveTo(left, Math.round(y(value)) + 0.5);
    context.lineTo(width - right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillText(tick(value), left - 8, y(value));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const step of ticks(0, end, Math.max(2, (width - left - right) / 100)))
    context.fillText(whole(step), x(step), height - bottom + 8);
}

/** A round value of an axis: −20, 0, 0.5. */
function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return short(value);
  // The sum turns −0 into 0.
  return minus((value + 0).toLocaleString("en-US", { maximumSignificantDigits: 6 }));
}

/** The value at a position of a linear axis. */
function inverse(axis: (value: number) => number, at: number): number {
  const zero = axis(0);
  return (at - zero) / (axis(1) - zero);
}

/** About `count` round values between two ends. */
function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = ([1, 2, 5].find((each) => each * power >= raw) ?? 10) * power;
  const from = Math.ceil(low / size);
  const found = Math.floor(high / size) - from + 1;
  return Number.isFinite(found) && found > 0 ? Array.from({ length: found }, (_, i) => (from + i) * size) : [];
}

function drawLine(
  context: CanvasRenderingContext2D,
  { x, y }: Frame,
  { row, points }: Line,
  groups: number,
  alpha: number,
  width = 1.5,
): void {
  context.globalAlpha = alpha;
  context.strokeStyle = context.fillStyle = groupColor(row.groupIndex, groups);
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  points.forEach(([step, value], i) => {
    if (i === 0) context.moveTo(x(step), y(value));
    else context.lineTo(x(step), y(value));
  });
  context.stroke();
  const last = points.at(-1);
  // The newest value, which alone is no line.
  if (last) {
    context.beginPath();
    context.arc(x(last[0]), y(last[1]), width + 1, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

function nearest({ lines, x, y }: Frame, left: number, top: number): { line: Line; point: CurvePoint } | undefined {
  let found: { line: Line; point: CurvePoint } | undefined;
  let least = reach ** 2;
  for (const line of lines) {
    for (const point of line.points) {
      const distance = (x(point[0]) - left) ** 2 + (y(point[1]) - top) ** 2;
      if (distance >= least) continue;
      least = distance;
      found = { line, point };
    }
  }
  return found;
}

function readOut({ name, group, seed }: OverviewRow, [step, value]: CurvePoint): string {
  const parts = [name, group, ...(seed === null ? [] : [`seed ${seed}`]), `step ${whole(step)}: ${short(value)}`];
  return printable(parts.filter(Boolean).join(" · "));
}

/** Names the colors, unless there are too many of them. */
function list(rows: readonly OverviewRow[], count: number): void {
  const groups = new Map(rows.map(({ groupIndex, group }) => [groupIndex, group]));
  const element = find("#groups");
  element.hidden = groups.size < 2 || groups.size > maxGroups;
  if (element.hidden) return;
  const sorted = [...groups].sort(([a], [b]) => a - b);
  const key = JSON.stringify([sorted, count, colors().ground]);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(
    ...sorted.map(([index, group]) => {
      const item = document.createElement("li");
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.style.background = groupColor(index, count);
      item.append(mark, printable(group));
      return item;
    }),
  );
}
