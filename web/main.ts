// The entry of the training page: reads the experiment from the address, starts the run and connects the views.
import { messageOf } from "../src/base/expect.ts";
import { type Experiment, fromLink, type Speed, usualExperiment, usualSpeed } from "./experiment.ts";
import { Session } from "./session.ts";
import { controlsView } from "./views/controls.ts";
import { curveView } from "./views/curve.ts";
import { homeView } from "./views/home.ts";
import { mapsView } from "./views/maps.ts";
import { settingsView } from "./views/settings.ts";
import { solidWorldView } from "./views/solid-world.ts";
import { updateView } from "./views/update.ts";
import { worldView } from "./views/world.ts";
import { trainInWorker } from "./worker-source.ts";

const { experiment, speed, problem } = fromAddress();
const session = new Session(experiment, speed, trainInWorker);
for (const view of [controlsView, worldView, solidWorldView, curveView, mapsView, updateView, settingsView, homeView])
  view(session);
session.begin(experiment, !matchMedia("(prefers-reduced-motion: reduce)").matches);
tell(problem);

session.store.subscribe((state, before) => {
  const isSame = state.experiment === before.experiment && state.speed === before.speed;
  if (!isSame || location.hash === "") history.replaceState(null, "", `#${session.link}`);
});
addEventListener("hashchange", () => {
  const { experiment, speed, problem } = fromAddress();
  if (!problem) session.begin(experiment, true, speed);
  tell(problem);
});

/** Shows a problem with the address and sets the address back to the current run's; "" clears the message. */
function tell(problem: string): void {
  session.tellPerson(problem);
  if (problem) history.replaceState(null, "", `#${session.link}`);
}

/** The experiment in the address. If the address is invalid: the default experiment, and the problem. */
function fromAddress(): { experiment: Experiment; speed: Speed; problem: string } {
  try {
    return { ...fromLink(location.hash), problem: "" };
  } catch (error) {
    const problem = `This page's address has an error. ${messageOf(error)}`;
    const experiment = usualExperiment();
    return { experiment, speed: usualSpeed(experiment.task), problem };
  }
}
