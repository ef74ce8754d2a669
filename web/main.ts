// The entry of the training page: reads the experiment from the address, starts the run and connects the views.
import { messageOf } from "../src/base/expect.ts";
import { chooseBackend } from "../src/kernels/choose-backend.ts";
import type { Arithmetic } from "../src/kernels/kernels.ts";
import { type Experiment, fromLink, type Speed, usualExperiment, usualSpeed } from "./experiment.ts";
import { Session } from "./session.ts";
import { trainInWorker } from "./train-in-worker.ts";
import { controlsView } from "./views/controls.ts";
import { curveView } from "./views/curve.ts";
import { mapsView } from "./views/maps.ts";
import { solidWorldView } from "./views/solid-world.ts";
import { worldView } from "./views/world.ts";

const usual = await usualArithmetic();
const { experiment, speed, problem, notice } = fromAddress();
const session = new Session(experiment, speed, trainInWorker);
for (const view of [controlsView, worldView, solidWorldView, curveView, mapsView]) view(session);
session.begin(experiment, !matchMedia("(prefers-reduced-motion: reduce)").matches);
tell(problem && `${problem} The page shows the default experiment instead.`, notice);

// After the next frame, so that the first view is drawn before the rest is loaded.
requestAnimationFrame(() => setTimeout(loadRest));

session.store.subscribe((state, before) => {
  const isSame = state.experiment === before.experiment && state.speed === before.speed;
  if (!isSame || location.hash === "") history.replaceState(null, "", `#${session.link}`);
});
addEventListener("hashchange", () => {
  const { experiment, speed, problem, notice } = fromAddress();
  if (!problem) session.begin(experiment, true, speed);
  tell(problem && `${problem} The page stays as it is.`, problem ? "" : notice);
});

async function loadRest(): Promise<void> {
  try {
    const { belowViews } = await import("./views/below.ts");
    belowViews(session);
  } catch (error) {
    session.tellPerson(`A part of this page could not be loaded: ${messageOf(error)} Reload the page to try again.`);
  }
}

/**
 * Shows a problem with the address, and a notice; with neither, clears the message. Only a problem sets the address back to
 * the current run's.
 */
function tell(problem: string, notice: string): void {
  session.tellPerson(`${problem} ${notice}`.trim());
  if (problem) history.replaceState(null, "", `#${session.link}`);
}

/**
 * The experiment in the address. If there is none, or the address is invalid, it is the default experiment; `problem` says
 * what is wrong, and `notice` what the user may not expect of a default experiment.
 */
function fromAddress(): { experiment: Experiment; speed: Speed; problem: string; notice: string } {
  const experiment = usualExperiment(usual.arithmetic);
  const byDefault = { experiment, speed: usualSpeed(experiment.task), notice: usual.notice };
  if (location.hash === "") return { ...byDefault, problem: "" };
  try {
    return { ...fromLink(location.hash), problem: "", notice: "" };
  } catch (error) {
    return { ...byDefault, problem: `The link has an error. ${messageOf(error)}` };
  }
}

/** The arithmetic of new experiments: fused where it is possible, and otherwise portable, with a line that says why. */
async function usualArithmetic(): Promise<{ arithmetic: Arithmetic; notice: string }> {
  try {
    const { arithmetic = "portable", notFused } = await chooseBackend({});
    const notice = `New experiments use portable arithmetic, with other bits than fused: ${notFused}.`;
    return { arithmetic, notice: notFused === undefined ? "" : notice };
  } catch {
    // The worker meets the same error, and the page shows it with the failed run.
    return { arithmetic: "portable", notice: "" };
  }
}
