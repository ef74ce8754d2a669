// The page's worker: passes messages between the page and `Training`. Other instances of it simulate a 3D body, or act for a
// learner elsewhere. Their parts are loaded when they are needed, and share the library with this one.
import { messageOf } from "../src/base/expect.ts";
import type { Experiment } from "./experiment.ts";
import type { ToActor } from "./remote-actor.ts";
import type { ToSolidWorker } from "./solid-worker.ts";
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
let solid: Promise<typeof import("./solid-worker.ts")> | undefined;
let actor: Promise<typeof import("./remote-actor.ts")> | undefined;

type ToOthers = { readonly solid: ToSolidWorker } | { readonly actor: ToActor };

addEventListener("message", ({ data }: MessageEvent<ToWorker | ToOthers>) => {
  if ("solid" in data) {
    solid ??= import("./solid-worker.ts");
    solid.then(({ hear }) => hear(data.solid)).catch(fail);
  } else if ("actor" in data) {
    actor ??= import("./remote-actor.ts");
    actor.then(({ hear }) => hear(data.actor)).catch(fail);
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
