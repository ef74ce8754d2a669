// The entry of the `ddpg watch` page: shows a run on disk as it progresses.

import type { LiveScene, RunConfig } from "../src/training/run.ts";
import { experimentOf, isSimulated, RunSource } from "./run-source.ts";
import { Session } from "./session.ts";
import { curveView } from "./views/curve.ts";
import { mapsView } from "./views/maps.ts";
import { runSettingsView } from "./views/run-settings.ts";
import { sevenStepsView } from "./views/seven-steps.ts";
import { solidWorldView } from "./views/solid-world.ts";
import { find } from "./views/text.ts";
import { timeView } from "./views/time.ts";
import { watchedNumbersView, watchedView } from "./views/watched.ts";
import { worldView } from "./views/world.ts";

// `ddpg watch` of several runs shows each of them below their overview.
find("#all-runs").hidden = !/\/runs\/[0-9a-f]{16}\/$/.test(location.pathname);
const source = new RunSource("./run/");
let session: Session | undefined;
sevenStepsView();
watchedView(source.store);
let tried: RunConfig | null = null;
source.store.subscribe(({ config }) => {
  if (!config || session || config === tried) return;
  tried = config;
  source.attempt(() => show(config));
});

let isLive = false;
source.store.subscribe(({ scene }) => {
  if (!scene || !session || isLive) return;
  isLive = true;
  showLive(session, scene);
});

/** Shows the body that the server steps. The code that draws it is loaded only here. */
async function showLive(session: Session, scene: LiveScene): Promise<void> {
  try {
    const { liveBodyView } = await import("./views/live-body.ts");
    liveBodyView(session, source, scene);
  } catch (error) {
    source.attempt(() => {
      throw error;
    });
  }
}

function show(config: RunConfig): void {
  const experiment = experimentOf(config);
  session = new Session(experiment, Infinity, (_experiment, _speed, _plays, listener) => source.open(listener));
  for (const view of [watchedNumbersView, curveView, timeView, mapsView, runSettingsView]) view(session);
  find("#body").hidden = !isSimulated(config);
  find("#no-scene").hidden = isSimulated(config);
  if (isSimulated(config)) for (const view of [worldView, solidWorldView]) view(session);
  const noise = find<HTMLInputElement>("#noise");
  noise.addEventListener("change", () => session?.setNoise(noise.checked));
  session.begin(experiment, false);
}
