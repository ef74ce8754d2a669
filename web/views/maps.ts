// Maps of the critic's value and the actor's action over a plane of states, with the path of the displayed body.
import { Canvas } from "../canvas.ts";
import { type Colors, colors, onColors, type Scale } from "../colors.ts";
import { type Axis, type Plane, sceneOfTask } from "../scenes.ts";
import { mapsOf, type Session } from "../session.ts";
import { SolidBody } from "../solid-body.ts";
import type { Maps } from "../source.ts";
import { find, setText, short } from "./text.ts";

/** Margins for the axes of a map of this width, in CSS pixels. */
const marginsFor = (width: number) => ({ left: width < 240 ? 42 : 54, right: 8, top: 6, bottom: 34 });

interface Sheet {
  readonly canvas: Canvas;
  readonly image: HTMLCanvasElement;
  readonly legend: Canvas;
  readonly which: "value" | "action";
}

export function mapsView(session: Session): void {
  const section = find("#maps");
  const sheets: Sheet[] = (["value", "action"] as const).map((which) => ({
    which,
    canvas: new Canvas(find<HTMLCanvasElement>(`#map-${which}`)),
    legend: new Canvas(find<HTMLCanvasElement>(`#legend-${which}`)),
    image: document.createElement("canvas"),
  }));
  const readout = find("#map-readout");
  const density = document.createElement("canvas");
  /** The point to read out; null for none. */
  let cursor: [x: number, y: number] | null = null;
  let isVisible = true;
  new IntersectionObserver(([entry]) => {
    isVisible = entry.isIntersecting;
  }).observe(section);
  session.looks.maps = () => isVisible;

  const plane = (): Plane | undefined => sceneOfTask(session.store.state.experiment.task).plane;
  const paint = (): void => {
    const { density: counts } = session.store.state;
    const maps = mapsOf(session.store.state);
    for (const sheet of sheets) {
      if (maps) paintMap(sheet, maps, session);
      else sheet.image.width = 0;
    }
    if (counts && maps) paintDensity(density, counts, maps.columns);
  };
  session.store.subscribe((state, before) => {
    section.hidden = plane() === undefined;
    const isOther = mapsOf(state) !== mapsOf(before);
    if (isOther || state.density !== before.density) paint();
    if (isOther && readout.ariaLive !== "polite") setText(readout, readOut(session, cursor));
  });
  onColors(paint);

  const box = document.querySelector<HTMLInputElement>("#density");
  box?.addEventListener("change", () => session.store.set({ showsDensity: box.checked }));

  for (const { canvas } of sheets) {
    const { element } = canvas;
    element.role = "application";
    element.tabIndex = 0;
    const point = (event: PointerEvent): [number, number] | null => {
      const here = plane();
      const { left, top, width, height } = element.getBoundingClientRect();
      const margins = marginsFor(width);
      const u = (event.clientX - left - margins.left) / (width - margins.left - margins.right);
      const v = 1 - (event.clientY - top - margins.top) / (height - margins.top - margins.bottom);
      if (!here || u < 0 || u > 1 || v < 0 || v > 1) return null;
      return [here.x.from + u * (here.x.to - here.x.from), here.y.from + v * (here.y.to - here.y.from)];
    };
    const move = (to: [number, number] | null, isSpoken = false): void => {
      cursor = to;
      // During training the numbers under the pointer change constantly, so only keys make them spoken.
      readout.ariaLive = isSpoken ? "polite" : "off";
      setText(readout, readOut(session, cursor));
    };
    element.addEventListener("pointermove", (event) => move(point(event)));
    element.addEventListener("pointerleave", () => move(null));
    element.addEventListener("blur", () => move(null));
    element.addEventListener("click", (event) => {
      const at = point(event);
      if (at) session.release(at);
    });
    element.addEventListener("keydown", (event) => {
      const here = plane();
      if (!here) return;
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
      if (event.key === "Enter" && cursor) session.release(cursor);
      if (dx === undefined || dy === undefined) return;
      event.preventDefault();
      const [x, y] = cursor ?? [(here.x.from + here.x.to) / 2, (here.y.from + here.y.to) / 2];
      move(
        [
          clamp(x + (dx * (here.x.to - here.x.from)) / 30, here.x),
          clamp(y + (dy * (here.y.to - here.y.from)) / 30, here.y),
        ],
        true,
      );
    });
  }

  session.onDraw.push(() => {
    const here = plane();
    if (!isVisible || !here) return;
    const { showsDensity } = session.store.state;
    for (const sheet of sheets) drawMap(sheet, here, session, cursor, showsDensity ? density : null);
  });
}

/** Paints a map, one pixel per cell. */
function paintMap({ which, image, legend }: Sheet, maps: Maps, session: Session): void {
  const { action } = session.body.scene;
  const values = maps[which];
  if (!values) {
    image.width = 0; // not the picture of another moment
    return;
  }
  const [low, high] = which === "action" ? [action.from, action.to] : extent(values);
  const scale = which === "action" ? colors().diverging : colors().sequential;
  image.width = maps.columns;
  image.height = maps.rows;
  const context = image.getContext("2d");
  if (!context) return;
  const pixels = context.createImageData(maps.columns, maps.rows);
  for (let row = 0; row < maps.rows; row++) {
    for (let column = 0; column < maps.columns; column++) {
      const part = (values[row * maps.columns + column] - low) / (high - low || 1);
      const color = 3 * Math.round(255 * Math.min(1, Math.max(0, part)));
      const pixel = 4 * ((maps.rows - 1 - row) * maps.columns + column);
      for (let i = 0; i < 3; i++) pixels.data[pixel + i] = scale[color + i];
      pixels.data[pixel + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
  drawLegend(
    legend,
    scale,
    which === "action"
      ? action.ticks
      : [
          [low, short(low)],
          // A narrow legend has no room for more than its ends.
          [(low + high) / 2, legend.element.clientWidth < 240 ? "" : "in the task's rewards"],
          [high, short(high)],
        ],
    low,
    high,
  );
}

function drawLegend(canvas: Canvas, scale: Scale, ticks: Axis["ticks"], low: number, high: number): void {
  const [width] = canvas.begin();
  const { context } = canvas;
  const margins = marginsFor(width);
  const [left, right] = [margins.left, width - margins.right];
  for (let x = left; x < right; x++) {
    const color = 3 * Math.round((255 * (x - left)) / (right - left));
    context.fillStyle = `rgb(${scale[color]} ${scale[color + 1]} ${scale[color + 2]})`;
    context.fillRect(x, 0, 1.5, 8);
  }
  context.fillStyle = colors().muted;
  context.font = "12px system-ui, sans-serif";
  for (const [value, label] of ticks) {
    const x = left + ((value - low) / (high - low || 1)) * (right - left);
    context.textAlign = x < left + 10 ? "left" : x > right - 10 ? "right" : "center";
    context.fillText(label, x, 22);
  }
}

/** A white dot with a shadow, visible on any color. Pixels: column, row, gray value. */
const dot = [
  [0, 0, 255],
  [1, 0, 255],
  [0, 1, 255],
  [1, 1, 255],
  [2, 1, 0],
  [1, 2, 0],
  [2, 2, 0],
] as const;

/** Paints a dot in every visited cell, more opaque for more visits. */
function paintDensity(image: HTMLCanvasElement, counts: Float32Array, columns: number): void {
  const rows = counts.length / columns;
  image.width = 3 * columns;
  image.height = 3 * rows;
  const context = image.getContext("2d");
  if (!context) return;
  const pixels = context.createImageData(image.width, image.height);
  const most = Math.log1p(extent(counts)[1]) || 1;
  counts.forEach((count, cell) => {
    const [row, column] = [rows - 1 - Math.floor(cell / columns), cell % columns];
    // A single visit is visible too.
    const opacity = count === 0 ? 0 : 80 + (175 * Math.log1p(count)) / most;
    for (const [across, down, gray] of dot) {
      const pixel = 4 * ((3 * row + down) * image.width + 3 * column + across);
      pixels.data.fill(gray, pixel, pixel + 3);
      pixels.data[pixel + 3] = opacity;
    }
  });
  context.putImageData(pixels, 0, 0);
}

function drawMap(
  { canvas, image, which }: Sheet,
  plane: Plane,
  session: Session,
  cursor: [number, number] | null,
  density: HTMLCanvasElement | null,
): void {
  const [width, height] = canvas.begin();
  const { context } = canvas;
  const palette = colors();
  const margins = marginsFor(width);
  const [left, top] = [margins.left, margins.top];
  const [inner, tall] = [width - left - margins.right, height - top - margins.bottom];
  const x = (value: number): number => left + ((value - plane.x.from) / (plane.x.to - plane.x.from)) * inner;
  const y = (value: number): number => top + tall - ((value - plane.y.from) / (plane.y.to - plane.y.from)) * tall;

  context.fillStyle = palette.panel;
  context.fillRect(left, top, inner, tall);
  if (image.width > 0) {
    context.imageSmoothingEnabled = true;
    context.drawImage(image, left, top, inner, tall);
  }
  if (density && density.width > 0) {
    context.imageSmoothingEnabled = false;
    context.drawImage(density, left, top, inner, tall);
  }

  context.save();
  context.beginPath();
  context.rect(left, top, inner, tall);
  context.clip();
  const ink = which === "value" ? "#ffffff" : palette.ink;
  const outline = which === "value" ? "#000000" : palette.ground;
  drawPath(context, plane, session, x, y, ink, outline);
  drawOthers(context, session, x, y, ink, outline);
  if (cursor) {
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x(cursor[0]), top);
    context.lineTo(x(cursor[0]), top + tall);
    context.moveTo(left, y(cursor[1]));
    context.lineTo(left + inner, y(cursor[1]));
    context.stroke();
    context.setLineDash([]);
  }
  context.restore();
  drawAxes(context, plane, palette, { left, top, inner, tall, x, y });
}

/** Draws the recent path of the displayed body and its current position. */
function drawPath(
  context: CanvasRenderingContext2D,
  plane: Plane,
  session: Session,
  x: (value: number) => number,
  y: (value: number) => number,
  ink: string,
  outline: string,
): void {
  const { body } = session;
  if (body instanceof SolidBody) return;
  const { path } = body;
  // A light and a dark line: one of them is visible on any color.
  const outlined = (): void => {
    for (const [color, width] of [
      [outline, 4],
      [ink, 1.5],
    ] as const) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
  };
  context.lineJoin = "round";
  context.globalAlpha = 0.75;
  context.beginPath();
  let before: [number, number] | null = null;
  for (const observation of path) {
    const point = observation && plane.point(observation);
    if (point) {
      const wraps = before && plane.turns && Math.abs(point[0] - before[0]) > (plane.x.to - plane.x.from) / 2;
      if (before && !wraps) context.lineTo(x(point[0]), y(point[1]));
      else context.moveTo(x(point[0]), y(point[1]));
    }
    before = point;
  }
  outlined();
  context.globalAlpha = 1;
  const [px, py] = plane.point(body.scene.observe(body.state));
  context.fillStyle = ink;
  context.beginPath();
  context.arc(x(px), y(py), 4.5, 0, 2 * Math.PI);
  outlined();
  context.fill();
}

/** Draws the states of the other bodies, and a ring around the chosen state of the minibatch. */
function drawOthers(
  context: CanvasRenderingContext2D,
  { crowd, store }: Session,
  x: (value: number) => number,
  y: (value: number) => number,
  ink: string,
  outline: string,
): void {
  const turn = 2 * Math.PI;
  const { point, experiment } = store.state;
  const { plane } = sceneOfTask(experiment.task);
  const across = ([at]: readonly number[]): number => (plane?.turns ? at - turn * Math.round(at / turn) : at);
  context.fillStyle = ink;
  context.globalAlpha = 0.6;
  for (const state of crowd) {
    context.beginPath();
    context.arc(x(across(state)), y(state[1]), 2, 0, turn);
    context.fill();
  }
  context.globalAlpha = 1;
  if (!point) return;
  for (const [color, width] of [
    [outline, 5],
    [ink, 2],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x(across(point)), y(point[1]), 7, 0, turn);
    context.stroke();
  }
}

function drawAxes(
  context: CanvasRenderingContext2D,
  plane: Plane,
  { muted, line }: Colors,
  area: {
    left: number;
    top: number;
    inner: number;
    tall: number;
    x: (value: number) => number;
    y: (value: number) => number;
  },
): void {
  const { left, top, inner, tall, x, y } = area;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, inner - 1, tall - 1);
  context.fillStyle = muted;
  context.font = "12px system-ui, sans-serif";
  const isNarrow = inner < 200;
  const labelOf = isNarrow ? ({ name }: Axis) => name : named;
  for (const [i, [value, label]] of plane.x.ticks.entries()) {
    // Five labels need more room.
    if (isNarrow && plane.x.ticks.length > 3 && i % 2 === 1) continue;
    const at = x(value);
    context.textAlign = at < left + 8 ? "left" : at > left + inner - 8 ? "right" : "center";
    context.fillText(label, at, top + tall + 14);
  }
  context.textAlign = "center";
  context.fillText(labelOf(plane.x), left + inner / 2, top + tall + 29);
  context.save();
  context.translate(10, top + tall / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(labelOf(plane.y), 0, 0);
  context.restore();
  context.textAlign = "right";
  for (const [value, label] of plane.y.ticks) {
    context.fillText(label, left - 5, Math.min(top + tall, Math.max(top + 9, y(value) + 4)));
  }
}

function named({ name, unit }: Axis): string {
  return unit === "" ? name : `${name}, ${unit}`;
}

/** The values at the pointer. Without a pointer: instructions. */
function readOut(session: Session, cursor: [number, number] | null): string {
  const { experiment } = session.store.state;
  const maps = mapsOf(session.store.state);
  const { plane, action } = sceneOfTask(experiment.task);
  if (!plane) return "";
  if (!cursor || !maps) return "Point at a map to read it. Click to put the body there. Keys: arrows, Enter.";
  const [x, y] = cursor;
  const column = Math.round(((x - plane.x.from) / (plane.x.to - plane.x.from)) * (maps.columns - 1));
  const row = Math.round(((y - plane.y.from) / (plane.y.to - plane.y.from)) * (maps.rows - 1));
  const cell = row * maps.columns + column;
  return [
    `${plane.x.name} ${short(x)} ${plane.x.unit}`.trim(),
    `${plane.y.name} ${short(y)} ${plane.y.unit}`,
    ...(maps.value ? [`Q(s, μ(s)) ${short(maps.value[cell])} in the task's rewards`] : []),
    `μ(s) ${short(maps.action[cell])} ${action.unit}`.trim(),
  ].join(" · ");
}

function extent(values: Float32Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function clamp(value: number, { from, to }: Axis): number {
  return Math.min(to, Math.max(from, value));
}
