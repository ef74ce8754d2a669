// The page's worker: passes messages between the page and `Training`. As another instance, it acts for a learner elsewhere.
import { messageOf } from "../src/base/expect.ts";
import type { Experiment } from "./experiment.ts";
import type { ToActor } from "./remote-actor.ts";
import type { Frame, Order, Wants } from "./source.ts";
import { Training } from "./training.ts";

/** Messages from the page. The first one is `begin`. */
export type ToWorker =
  | {
      readonly begin: Experiment;
      readonly speed: number;
      readonly plays: boolean;
      /** The address of the policy file that the actor starts from; null for none. */
      readonly start: string | null;
    }
  | { readonly pull: Wants }
  | { readonly order: Order };

/** Messages to the page. */
export type FromWorker = { readonly frame: Frame } | { readonly failed: string };

let training: Promise<Training> | undefined;

addEventListener("message", ({ data }: MessageEvent<ToWorker | { readonly actor: ToActor }>) => {
  if ("actor" in data) {
    // The client of NATS is loaded with it.
    import("./remote-actor.ts").then(({ hear }) => hear(data.actor)).catch(fail);
  } else if ("begin" in data) {
    training = Training.create(data.begin, data.speed, data.plays, data.start);
    training
      .then((it) =>
        it.run().catch((error) => {
          // Show how far the run got.
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
