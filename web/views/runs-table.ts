// The table of an overview: a row for each run, kept in place while its numbers change.
import { printable } from "../../src/base/printable.ts";
import type { OverviewRow } from "../../src/training/runs-overview.ts";
import { onColors } from "../colors.ts";
import type { OverviewSource } from "../overview-source.ts";
import { groupColor } from "./group-colors.ts";
import { duration, find, setText, short, whole } from "./text.ts";

type Key = string | number | null;

interface Column {
  /** The name in the address, and the class of its cells. */
  readonly name: string;
  readonly label: string;
  readonly isNumber?: true;
  /** Whether the first click sorts from the largest to the smallest. */
  readonly isLargestFirst?: true;
  /** What it is sorted by. */
  key(row: OverviewRow): Key;
  /** Text of the cell; undefined for the cells that are made by hand below. */
  text?(row: OverviewRow): string;
}

const stateOrder = ["failed", "running", "stopped", "waiting", "complete"];

const columns: readonly Column[] = [
  { name: "run", label: "run", key: ({ name }) => name },
  { name: "environment", label: "environment", key: (row) => row.environment, text: (row) => row.environment },
  { name: "group", label: "settings", key: ({ groupIndex }) => groupIndex },
  {
    ...{ name: "seed", label: "seed", isNumber: true, key: ({ seed }) => seed },
    text: ({ seed }) => (seed === null ? "–" : String(seed)),
  },
  { name: "state", label: "state", key: ({ state }) => stateOrder.indexOf(state) },
  { name: "steps", label: "steps", isLargestFirst: true, key: ({ step }) => step },
  ...(["last", "best", "final"] as const).map((name): Column => {
    const text = (row: OverviewRow): string => short(row[name] ?? Number.NaN);
    return { name, label: name, isNumber: true, isLargestFirst: true, key: (row) => row[name], text };
  }),
  { name: "time", label: "time", isNumber: true, isLargestFirst: true, key: (row) => row.seconds, text: timeOf },
];

interface Shown {
  readonly element: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
  row: OverviewRow | undefined;
  color: string;
}

export interface RunsTable {
  draw(): void;
  /** Marks the row of a run; none if it is undefined. */
  light(id: string | undefined): void;
}

/** Makes the table. `light` is called with the run under the pointer. */
export function runsTable(source: OverviewSource, light: (id: string | undefined) => void): RunsTable {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  const shown = new Map<string, Shown>();
  let sort = sortIn(location.hash);
  const heads = columns.map((column) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = column.isNumber ? `${column.name} number` : column.name;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.label;
    button.addEventListener("click", () => {
      sort = nextSort(sort, column);
      history.replaceState(null, "", sort ? `#sort=${sort.isDown ? "-" : ""}${sort.column.name}` : "#");
      draw();
    });
    cell.append(button);
    head.append(cell);
    return cell;
  });
  find("#table").append(table);

  const draw = (): void => {
    const rows = [...source.rows.values()].sort((a, b) => compare(a, b, sort));
    const groups = rows.reduce((most, { groupIndex }) => Math.max(most, groupIndex + 1), 0);
    const isOne = new Set(rows.map(({ environment }) => environment)).size < 2;
    heads.forEach((cell, i) => {
      const column = columns[i];
      if (sort?.column === column) cell.ariaSort = sort.isDown ? "descending" : "ascending";
      else cell.removeAttribute("aria-sort");
      if (column.name === "environment") cell.hidden = isOne;
    });
    for (const [id, { element }] of shown) {
      if (source.rows.has(id)) continue;
      element.remove();
      shown.delete(id);
    }
    rows.forEach((row, i) => {
      const known = shown.get(row.id) ?? newRow(row.id, light);
      shown.set(row.id, known);
      const color = groupColor(row.groupIndex, groups);
      if (known.row !== row || known.color !== color) fill(known, row, color);
      known.row = row;
      known.color = color;
      known.cells[columns.findIndex(({ name }) => name === "environment")].hidden = isOne;
      // A row that is moved would lose the focus and the pointer.
      if (body.rows[i] !== known.element) body.insertBefore(known.element, body.rows[i] ?? null);
    });
  };
  onColors(draw);
  return {
    draw,
    light(id) {
      for (const [each, { element }] of shown) element.classList.toggle("lit", each === id);
    },
  };
}

interface Sort {
  readonly column: Column;
  readonly isDown: boolean;
}

/** The first click sorts, the second one the other way round, the third one as at first. */
function nextSort(sort: Sort | undefined, column: Column): Sort | undefined {
  const first = column.isLargestFirst === true;
  if (sort?.column !== column) return { column, isDown: first };
  return sort.isDown === first ? { column, isDown: !first } : undefined;
}

/** The order that the address names: a reader who comes back from a run finds it again. */
function sortIn(hash: string): Sort | undefined {
  const [, minus, name] = /^#sort=(-?)(\w+)$/.exec(hash) ?? [];
  const column = columns.find((each) => each.name === name);
  return column && { column, isDown: minus === "-" };
}

const collator = new Intl.Collator("en", { numeric: true });

/** By the chosen column, then by groups, seeds and names. Runs without a value are last. */
function compare(a: OverviewRow, b: OverviewRow, sort: Sort | undefined): number {
  const chosen = sort ? compareKeys(sort.column.key(a), sort.column.key(b), sort.isDown) : 0;
  return (
    chosen ||
    compareKeys(a.groupIndex, b.groupIndex, false) ||
    compareKeys(a.seed, b.seed, false) ||
    collator.compare(a.name, b.name)
  );
}

function compareKeys(a: Key, b: Key, isDown: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order = typeof a === "string" || typeof b === "string" ? collator.compare(String(a), String(b)) : a - b;
  return isDown ? -order : order;
}

function newRow(id: string, light: (id: string | undefined) => void): Shown {
  const element = document.createElement("tr");
  element.addEventListener("pointerenter", () => light(id));
  element.addEventListener("pointerleave", () => light(undefined));
  const cells = columns.map(({ name, label, isNumber }) => {
    const cell = document.createElement(name === "run" ? "th" : "td");
    if (cell instanceof HTMLTableCellElement && name === "run") cell.scope = "row";
    cell.className = isNumber ? `${name} number` : name;
    if (isNumber) cell.dataset.label = label;
    element.append(cell);
    return cell;
  });
  return { element, cells, row: undefined, color: "" };
}

/** Names, settings and reasons come from files: they are only ever text. */
function fill({ element, cells }: Shown, row: OverviewRow, color: string): void {
  element.dataset.state = row.state;
  columns.forEach(({ name, text }, i) => {
    const cell = cells[i];
    if (text) setText(cell, printable(text(row)));
    else if (name === "run") fillName(cell, row);
    else if (name === "group") fillGroup(cell, row, color);
    else if (name === "state") fillState(cell, row);
    else fillSteps(cell, row);
  });
}

function fillName(cell: HTMLElement, { id, name, canOpen }: OverviewRow): void {
  const shown = printable(name);
  if (!canOpen) {
    setText(cell, shown);
    return;
  }
  const link = cell.querySelector("a") ?? document.createElement("a");
  link.href = `./runs/${id}/`;
  setText(link, shown);
  if (link.parentElement !== cell) cell.replaceChildren(link);
}

function fillGroup(cell: HTMLElement, { group }: OverviewRow, color: string): void {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.style.background = color;
  cell.replaceChildren(mark, printable(group));
}

function fillState(cell: HTMLElement, { state, reason, worker }: OverviewRow): void {
  const [word, why] = [document.createElement("b"), document.createElement("span")];
  word.textContent = state;
  why.className = "reason";
  why.textContent = why.title = printable(reason);
  cell.replaceChildren(word, ...(worker === undefined ? [] : [` on ${printable(worker)}`]), why);
}

function fillSteps(cell: HTMLElement, { step, steps }: OverviewRow): void {
  const text = cell.querySelector("span") ?? document.createElement("span");
  const bar = cell.querySelector("progress") ?? document.createElement("progress");
  setText(text, `${whole(step)} of ${whole(steps)}`);
  bar.max = steps || 1;
  bar.value = Math.min(step, steps);
  bar.ariaLabel = "Steps taken";
  if (text.parentElement !== cell) cell.replaceChildren(text, bar);
}

/** The time so far, and of a run that trains about how much is left. */
function timeOf({ seconds, state, step, steps }: OverviewRow): string {
  if (seconds === null) return "–";
  const left = state === "running" && step > 0 && step < steps ? (seconds * (steps - step)) / step : 0;
  return left > 0 ? `${duration(seconds)}, ${duration(left)} left` : duration(seconds);
}
