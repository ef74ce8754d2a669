/** Starts the page's worker. `name` is what the browser's tools call it. */
export function startWorker(name: string): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
}
