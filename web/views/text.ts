// Formats numbers for people, and finds and changes elements of the page.

/** A whole number with a minus sign and grouped digits: 12,345; −148. */
export function whole(value: number): string {
  // The sum turns −0 into 0.
  return minus((Math.round(value) + 0).toLocaleString("en-US"));
}

/** A number with about three digits: −148, 0.52, 3.1e−5. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return minus(value.toExponential(1));
  return size >= 100 ? whole(value) : minus(value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3));
}

/** A time in its largest units: 1.5 s, 12 min, 3 h 20 min. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${Math.round(10 * seconds) / 10} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${whole(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** Replaces a leading hyphen with a minus sign. */
export function minus(text: string): string {
  return text.replaceAll("-", "−");
}

/** The first element that matches a selector. Throws if there is none. */
export function find<E extends Element = HTMLElement>(selector: string): E {
  const element = document.querySelector<E>(selector);
  if (!element) throw new Error(`The page has no ${selector}.`);
  return element;
}

/** Sets a text only if it differs, because every change makes the browser compute the layout again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function part(values: Float64Array, row: number, size: number): Float64Array {
  return values.subarray(row * size, (row + 1) * size);
}

/** The first numbers of a vector, as text. */
export function vector(values: ArrayLike<number>, most = 8): string {
  const all = Array.from(values, short);
  if (all.length === 1) return all[0];
  return `(${all.slice(0, most).join(", ")}${all.length > most ? ", …" : ""})`;
}

/** How the page scrolls: at once for a reader who wants less motion. */
export function scrollBehavior(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
}
