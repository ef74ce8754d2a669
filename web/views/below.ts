// What is below the first view, and the tour. The page loads this once it has drawn the first view.
import type { Session } from "../session.ts";
import { crowdView } from "./crowd.ts";
import { homeView } from "./home.ts";
import { settingsView } from "./settings.ts";
import { timeView } from "./time.ts";
import { tourView } from "./tour.ts";
import { trainedView } from "./trained.ts";
import { updateView } from "./update.ts";

export function belowViews(session: Session): void {
  for (const view of [timeView, updateView, settingsView, homeView, crowdView, trainedView, tourView]) view(session);
  // Tests wait for it.
  document.documentElement.dataset.complete = "true";
}
