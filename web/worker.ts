// The worker's program: messages to a training and back.
import { messageOf } from "../src/base/expect.ts";
import type { Experiment } from "./experiment.ts";
import type { Frame, Order, Wants } from "./source.ts";
import { Training } from "./training.ts";

/** What the page says: first how to begin. */
export type ToWorker =
  | { readonly begin: Experiment; readonly speed: number; readonly plays: boolean }
  | { readonly pull: Wants }
  | { readonly order: Order };

/** What it hears. */
export type FromWorker = { readonly frame: Frame } | { readonly failed: string };

let training: Promise<Training> | undefined;

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if ("begin" in data) {
    training = Training.create(data.begin, data.speed, data.plays);
    training
      .then((it) =>
        it.run().catch((error) => {
          // How far it came is still to be seen.
          sendFrame(it.frame({ policy: false, maps: false, density: false, update: false }));
          throw error;
        }),
      )
      .catch(fail);
  } else {
    training?.then((it) => ("order" in data ? it.tell(data.order) : sendFrame(it.frame(data.pull)))).catch(fail);
  }
});

function fail(error: unknown): void {
  send({ failed: messageOf(error) });
}

function sendFrame(frame: Frame): void {
  const arrays = [frame.policy, frame.maps?.action, frame.maps?.value, frame.density];
  send(
    { frame },
    arrays.flatMap((array) => (array ? [array.buffer as ArrayBuffer] : [])),
  );
}

function send(what: FromWorker, transfer: Transferable[] = []): void {
  postMessage(what, { transfer });
}
