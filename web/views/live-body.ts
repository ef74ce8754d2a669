// Displays the body of a run's own environment, which the server of `ddpg watch` steps.
import type { LiveMoment, LiveScene } from "../../src/training/run.ts";
import { colors } from "../colors.ts";
import { FollowedPoses } from "../followed-poses.ts";
import { Orbit } from "../orbit.ts";
import type { RunSource } from "../run-source.ts";
import type { Session } from "../session.ts";
import { Stage } from "../worlds/stage.ts";
import { find, setText, short, whole } from "./text.ts";
import { whoMoves } from "./world.ts";

export function liveBodyView(session: Session, source: RunSource, { shapes, camera, stepSeconds }: LiveScene): void {
  const host = find("#stage");
  for (const other of ["#world", "#world-hint", "#push", "#acts"]) find(other).hidden = true;
  find("#body").hidden = host.hidden = false;
  find("#no-scene").hidden = true;
  let stage: Stage | undefined;
  let failure = "";
  try {
    stage = new Stage(shapes, camera);
  } catch (error) {
    failure = `This browser cannot draw the 3D view. ${(error as Error).message}`;
  }
  const orbit = new Orbit();
  orbit.begin(camera);
  if (stage) {
    const { canvas } = stage;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    canvas.setAttribute("aria-describedby", "world-caption");
    orbit.listen(canvas);
    host.append(canvas);
  }

  const poses = new FollowedPoses();
  let last: LiveMoment | undefined;
  let drawnAt = 0;
  source.onMoment = (moment) => {
    const isNext = last?.episode === moment.episode && moment.length > last.length;
    poses.take(Float32Array.from(moment.poses), isNext ? (moment.length - (last?.length ?? 0)) * stepSeconds : null);
    last = moment;
  };
  session.onDraw.push(() => {
    const now = performance.now();
    const seconds = (now - drawnAt) / 1000;
    drawnAt = now;
    poses.advance(seconds);
    const { moment } = poses;
    const { state } = session.store;
    const { still } = source.store.state;
    setText(find("#stage-message"), still || failure || (moment ? "" : "Waiting for the run's first policy …"));
    const told = last ? `, return ${short(last.return)} in ${whole(last.length)} steps` : "";
    // The server always steps under the newest policy.
    setText(find("#world-caption"), `${whoMoves({ ...state, past: null })}${told}`);
    if (stage && moment) stage.draw(moment, orbit, colors(), seconds, null);
  });
}

const label = "The simulated body, in 3D. Arrow keys rotate the view, plus and minus zoom, Home resets it.";
