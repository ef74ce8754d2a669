// What is below the first view, and the tour. The page loads this once it has drawn the first view.
import { messageOf } from "../../src/base/expect.ts";
import type { Session } from "../session.ts";
import { crowdView } from "./crowd.ts";
import { homeView } from "./home.ts";
import { settingsView } from "./settings.ts";
import { find } from "./text.ts";
import { timeView } from "./time.ts";
import { tourView } from "./tour.ts";
import { trainedView } from "./trained.ts";
import { updateView } from "./update.ts";

export function belowViews(session: Session): void {
  for (const view of [timeView, updateView, settingsView, homeView, crowdView, trainedView, tourView]) view(session);
  find("#act").addEventListener("toggle", () => openActing(session), { once: true });
  // Tests wait for it.
  document.documentElement.dataset.complete = "true";
}

/** Acting for a learner elsewhere is loaded when its part of the page is unfolded. */
async function openActing(session: Session): Promise<void> {
  try {
    const { actView } = await import("./act.ts");
    actView(session);
  } catch (error) {
    session.tellPerson(`A part of this page could not be loaded: ${messageOf(error)} Reload the page to try again.`);
  }
}
