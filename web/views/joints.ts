// What a 3D body's policy observes and does, joint by joint, as live bars. Loaded with the first 3D body.
import { colors } from "../colors.ts";
import type { Session } from "../session.ts";
import { type JointSignals, positionIn, type Signals } from "../signals.ts";
import { type Felt, SolidBody } from "../solid-body.ts";
import type { SolidParts } from "../solid-worker.ts";
import { find, minus, setText } from "./text.ts";

/** The time between two drawings of the bars, and between two changes of the numbers, in ms. */
const [barMs, numberMs] = [50, 250];
/** How much of its largest value a bar keeps from one drawing to the next: half of it after half a minute. */
const keep = 0.999;
/** A bar for values below this would show only rounding. */
const least = 1e-3;

/** A bar with a number, and what it shows. */
interface Bar {
  readonly fill: HTMLElement;
  readonly text: HTMLElement;
  value(felt: Felt): number | null;
  /** The value of a full bar if it is known; otherwise the largest so far. */
  readonly full: number | null;
  largest: number;
}

/** Shows the bars of the displayed body, below the learning curve. */
export function jointsView(session: Session): void {
  const section = document.createElement("section");
  section.id = "joints";
  section.setAttribute("aria-labelledby", "joints-title");
  section.hidden = true;
  find("#learning").after(section);
  let isVisible = false;
  new IntersectionObserver(([entry]) => {
    isVisible = entry.isIntersecting;
  }).observe(section);
  let shown: SolidParts | null = null;
  let panel: Panel | null = null;
  let felt: Felt | null = null;
  let [drawnAt, writtenAt] = [0, 0];
  /** Whether the numbers are those of the bars: a body that pauses keeps both. */
  let isWritten = false;
  session.onDraw.push(() => {
    const { body } = session;
    const parts = body instanceof SolidBody ? body.parts : null;
    if (parts !== shown) {
      shown = parts;
      felt = null;
      section.hidden = parts === null;
      panel = parts && new Panel(section, parts);
    }
    const now = performance.now();
    if (!panel || !isVisible || !(body instanceof SolidBody) || now - drawnAt < barMs) return;
    if (!body.felt || (body.felt === felt && isWritten)) return;
    felt = body.felt;
    drawnAt = now;
    isWritten = now - writtenAt >= numberMs;
    if (isWritten) writtenAt = now;
    panel.draw(felt, isWritten);
  });
}

/** The table of a task's joints, and a strip of all else that is observed. */
class Panel {
  readonly #bars: Bar[] = [];
  readonly #others: Signals["others"];
  readonly #strip: HTMLCanvasElement | null;
  readonly #largest: Float64Array;

  constructor(section: HTMLElement, { signals, actionLow, actionHigh }: SolidParts) {
    const table = document.createElement("table");
    table.innerHTML = `<thead><tr><th scope="col">joint</th><th scope="col">position</th><th scope="col">speed</th><th scope="col">action</th></tr></thead>`;
    const rows = document.createElement("tbody");
    for (const joint of signals.joints) rows.append(this.#row(joint, actionLow, actionHigh));
    table.append(rows);
    const title = document.createElement("h2");
    title.id = "joints-title";
    title.textContent = "What it senses and does, joint by joint";
    const note = document.createElement("p");
    note.className = "muted";
    note.textContent =
      "Names are those of MuJoCo's model. A full bar is a joint's limit or an action's bound; without one, the largest value so far.";
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.append(table);
    this.#others = signals.others;
    this.#largest = new Float64Array(signals.others.length).fill(least);
    this.#strip = signals.others.length > 0 ? document.createElement("canvas") : null;
    section.replaceChildren(title, scroll);
    if (this.#strip) section.append(...stripParts(this.#strip, signals.others.length));
    section.append(note);
  }

  /** Shows values as bars; `writes`: as numbers too. */
  draw(felt: Felt, writes: boolean): void {
    for (const bar of this.#bars) {
      const value = bar.value(felt);
      if (value !== null) bar.largest = Math.max(least, Math.abs(value), keep * bar.largest);
      const part = Math.max(-1, Math.min(1, (value ?? 0) / (bar.full ?? bar.largest)));
      bar.fill.style.transform = `scaleX(${part.toFixed(3)})`;
      if (writes) setText(bar.text, value === null ? "–" : minus(value.toFixed(2)));
    }
    this.#drawStrip(felt.observation);
  }

  #row(joint: JointSignals, low: readonly number[], high: readonly number[]): HTMLTableRowElement {
    const { name, unit, range, position, speed, action } = joint;
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    const limit = range ? Math.max(Math.abs(range[0]), Math.abs(range[1])) : null;
    row.append(
      this.#cell(position === null ? null : ({ observation }) => positionIn(joint, observation), limit, unit),
      this.#cell(speed === null ? null : ({ observation }) => observation[speed], null, perSecond(unit)),
      this.#cell(
        action === null ? null : (felt) => felt.action[action] ?? null,
        action === null ? null : Math.max(Math.abs(low[action]), Math.abs(high[action])),
        "",
      ),
    );
    return row;
  }

  /** A cell with a bar; without one if there is no value. */
  #cell(value: Bar["value"] | null, full: number | null, unit: string): HTMLTableCellElement {
    const cell = document.createElement("td");
    if (!value) return cell;
    const [track, fill, text] = ["span", "i", "span"].map((kind) => document.createElement(kind));
    track.className = "signal";
    track.append(fill);
    text.className = "number";
    const units = document.createElement("span");
    units.className = "muted";
    units.textContent = unit;
    cell.append(track, text, units);
    this.#bars.push({ fill, text, value, full, largest: least });
    return cell;
  }

  /** Draws a column for each number, up or down from the middle. */
  #drawStrip(observation: readonly number[]): void {
    const strip = this.#strip;
    const context = strip?.getContext("2d");
    if (!strip || !context) return;
    const [width, height] = [strip.clientWidth, strip.clientHeight].map((side) => Math.round(side * devicePixelRatio));
    if (strip.width !== width || strip.height !== height) Object.assign(strip, { width, height });
    const { series, line } = colors();
    context.clearRect(0, 0, width, height);
    context.fillStyle = line;
    context.fillRect(0, height / 2, width, 1);
    context.fillStyle = series[0];
    const column = width / this.#others.length;
    for (const [at, index] of this.#others.entries()) {
      const value = observation[index];
      this.#largest[at] = Math.max(Math.abs(value), keep * this.#largest[at]);
      const size = (value / Math.max(least, this.#largest[at])) * (height / 2);
      context.fillRect(at * column, height / 2 - Math.max(0, size), Math.max(1, column - 1), Math.abs(size));
    }
  }
}

function stripParts(strip: HTMLCanvasElement, count: number): HTMLElement[] {
  strip.className = "signals";
  strip.setAttribute("role", "img");
  strip.setAttribute("aria-label", `The other ${count} numbers that are observed, as columns`);
  const caption = document.createElement("p");
  caption.className = "muted";
  caption.textContent =
    count === 1
      ? "One more number is observed, against its largest so far:"
      : `${count} more numbers are observed, each against its own largest so far:`;
  return [caption, strip];
}

function perSecond(unit: string): string {
  // The speeds of a quaternion's turn are angular speeds.
  return `${unit || "rad"}/s`;
}
