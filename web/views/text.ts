// Numbers for a person.

/** With a true minus and thin groups: 12,345; −148. */
export function whole(value: number): string {
  return minus(Math.round(value).toLocaleString("en-US"));
}

/** About three digits: −148, 0.52, 3.1e−5. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return minus(value.toExponential(1));
  return size >= 100 ? whole(value) : minus(value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3));
}

/** With a true minus. */
export function minus(text: string): string {
  return text.replaceAll("-", "−");
}

/** The only element that a selector finds. */
export function find<E extends Element = HTMLElement>(selector: string): E {
  const element = document.querySelector<E>(selector);
  if (!element) throw new Error(`The page has no ${selector}.`);
  return element;
}

/** Sets a text where it differs: browsers lay out anew for every change. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
