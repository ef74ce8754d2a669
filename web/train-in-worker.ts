// A `Source` that trains in a worker of this page.
import type { Experiment, Speed } from "./experiment.ts";
import type { Listener, Source } from "./source.ts";
import { startWorker } from "./start-worker.ts";
import { addressOf, trained } from "./trained.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

/** A worker that is silent for two of these periods has failed, in ms. Two, because the machine may sleep in one. */
const longSilence = 5_000;

/** Starts a run in a new worker. */
export function trainInWorker(experiment: Experiment, speed: Speed, plays: boolean, listener: Listener): Source {
  const worker = startWorker("training");
  let silence: ReturnType<typeof setTimeout> | undefined;
  let isAsked = false;
  /** Before the first answer there is no time limit: the worker may have to load an engine over a slow network. */
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
    fail(`The training worker stopped: ${event.message || "its script could not be loaded"}.`);
  };
  worker.onmessageerror = () => fail("The training worker sent an unreadable message.");
  const start = trained.find(({ task }) => experiment.isFromTrained && task === experiment.task);
  send({ begin: experiment, speed, plays, start: start ? addressOf(start) : null });
  return {
    pull(wants) {
      if (isAsked) return;
      isAsked = true;
      send({ pull: wants });
      if (!isReady) return;
      silence = setTimeout(() => {
        const words = "The training worker has not answered for ten seconds.";
        silence = setTimeout(() => fail(words), longSilence);
      }, longSilence);
    },
    tell: (order) => send({ order }),
    close,
  };
}
