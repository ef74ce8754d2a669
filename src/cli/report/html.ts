// Builds a standalone page: everything it needs is in the file, and it runs no script.
import { escapeText } from "./figures.ts";

/** A piece of HTML that needs no escaping. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** HTML from a template. Inserted values are escaped, unless they are Html or a list of it. */
export function html(strings: TemplateStringsArray, ...values: unknown[]): Html {
  return new Html(strings.map((string, i) => string + (i < values.length ? inside(values[i]) : "")).join(""));
}

function inside(value: unknown): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(inside).join("");
  return value === undefined || value === null ? "" : escapeText(value);
}

/** A table. The first column is the heading of its row, and columns of numbers are styled as such. */
export function htmlTable(head: readonly string[], rows: readonly (readonly (string | Html)[])[]): Html {
  const number = (cell: string | Html) => typeof cell === "string" && /^−?\d[\d,.]*( ± [\d,.]+)?$/.test(cell);
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => row[i] === "" || number(row[i])));
  const cell = (value: string | Html, i: number) =>
    i === 0
      ? html`<th scope="row">${value}</th>`
      : numeric[i]
        ? html`<td class="number">${value}</td>`
        : html`<td>${value}</td>`;
  return html`<div class="scroll"><table>
<thead><tr>${head.map((name, i) => html`<th scope="col"${numeric[i] && i > 0 ? html` class="number"` : ""}>${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}</tbody>
</table></div>`;
}

/** The whole document. */
export function document(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${icon}">
<style>${new Html(style)}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.text;
}

/** Inside the page, because a browser asks the server for /favicon.ico otherwise. Percent-encoded, so that no quote ends the attribute. */
const icon =
  "data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22%20viewBox=%220%200%2016%2016%22%3E%3Cpath%20" +
  "d=%22M8%2013%208%203%22%20stroke=%22%230072b2%22%20stroke-width=%223%22%20stroke-linecap=%22round%22/%3E%3C/svg%3E";

const style = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1f2328; --muted: #59636e; --line: #d8dee4; --panel: #f6f8fa;
  --series-1: #0072b2; --series-2: #d55e00; --series-3: #009e73; --series-4: #cc79a7; --series-5: #b8860b; --series-6: #56b4e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1317; --ink: #e6edf3; --muted: #9aa4ae; --line: #2d343c; --panel: #171c22;
    --series-1: #4fa8e0; --series-2: #f08a4b; --series-3: #3cc79a; --series-4: #e29bc3; --series-5: #e0b040; --series-6: #9ad4f5;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; }
p.muted, figcaption, .note { color: var(--muted); }
figcaption, .note { font-size: .875rem; margin: .35rem 0 0; }
figure { margin: 1rem 0 0; }
.drawing > svg { display: block; max-width: 100%; height: auto; }
.narrow { display: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.25rem 1.5rem; }
.panels figure { margin: 0; }
.panels h3 { font-size: .95rem; margin: 0 0 .25rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
dl div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }
dt { color: var(--muted); font-size: .8rem; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dd small { display: block; color: var(--muted); font-size: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; min-width: 60%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.5rem .3rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; font-family: ui-monospace, monospace; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }

code { font-family: ui-monospace, monospace; font-size: .95em; }
mark { background: none; color: var(--series-2); font-weight: 600; }
summary { cursor: pointer; color: var(--muted); margin: 1rem 0 .5rem; }
@media (max-width: 40rem) {
  main { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.35rem; }
  table { width: max-content; max-width: 46rem; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media print { details > * { display: block; } }
`;
