// Training in a worker of this page, as a source of numbers.
import type { Experiment, Speed } from "./experiment.ts";
import type { Listener, Source } from "./source.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** A worker that has not answered for twice as long is given up, in ms. In two parts, for a machine may sleep. */
const longSilence = 5_000;

/** Begins a run in a new worker. */
export function trainInWorker(experiment: Experiment, speed: Speed, plays: boolean, listener: Listener): Source {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "training" });
  let silence: ReturnType<typeof setTimeout> | undefined;
  let isAsked = false;
  /** Before its first answer it may have an engine to load, over any network. */
  let isReady = false;
  const close = (): void => {
    clearTimeout(silence);
    worker.onmessage = worker.onerror = worker.onmessageerror = null;
    worker.terminate();
  };
  const fail = (message: string): void => {
    close();
    listener.failed(message);
  };
  const send = (message: ToWorker): void => worker.postMessage(message);
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    clearTimeout(silence);
    isAsked = false;
    isReady = true;
    if ("failed" in data) fail(data.failed);
    else listener.frame(data.frame);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(`The worker that trains ended: ${event.message || "its program could not be loaded"}.`);
  };
  worker.onmessageerror = () => fail("The worker that trains sent something that could not be read.");
  send({ begin: experiment, speed, plays });
  return {
    pull(wants) {
      if (isAsked) return;
      isAsked = true;
      send({ pull: wants });
      if (!isReady) return;
      silence = setTimeout(() => {
        const words = "The worker that trains has not answered for ten seconds.";
        silence = setTimeout(() => fail(words), longSilence);
      }, longSilence);
    },
    tell: (order) => send({ order }),
    close,
  };
}
