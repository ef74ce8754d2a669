// Formats numbers for people.

/** "12,345". */
export function whole(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** A short return: one decimal, none from 1,000 on. */
export function short(x: number): string {
  return Math.abs(x) >= 1000 ? whole(x) : x.toFixed(Math.abs(x) < 1 ? 3 : 1);
}

/** A mean with its error in two digits. The mean has no more digits than the error justifies. */
export function plusMinus(mean: number, error: number | null): string {
  if (!error) return short(mean);
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(error))));
  const show = (x: number): string =>
    x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${show(mean)} ± ${show(error)}`;
}

/** "1 run", "12,345 runs". */
export function count(n: number, noun: string): string {
  return `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** A time in its largest units: "1.5 s", "12 min", "3 h 20 min". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
