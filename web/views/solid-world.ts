// Displays the body of a 3D task. The code that draws it is loaded when the first such task is selected.
import { colors } from "../colors.ts";
import { Orbit } from "../orbit.ts";
import { type Session, showsTraining } from "../session.ts";
import { SolidBody } from "../solid-body.ts";
import type { Stage } from "../worlds/stage.ts";
import { find, setText, short } from "./text.ts";
import { whoMoves } from "./world.ts";

/** How much a push changes the speed of the first joint, in m/s, or rad/s for a hinge. */
const push = 1;

export function solidWorldView(session: Session): void {
  const host = find("#stage");
  const orbit = new Orbit();
  /** The body that the stage displays. */
  let shown: SolidBody | null = null;
  let stage: Stage | null = null;
  let failure = "";
  let drawnAt = 0;
  let spokenAt = 0;
  /** The state of the minibatch that the body was asked to show. */
  let chosen: readonly number[] | null = null;
  let hasJoints = false;

  const shove = (): void => shown?.push(push);
  find("#push").addEventListener("click", shove);

  const leave = (): void => {
    stage?.dispose();
    stage = null;
    failure = "";
  };
  const open = async (body: SolidBody): Promise<void> => {
    const { shapes, camera } = await body.ready;
    if (!hasJoints) {
      hasJoints = true;
      import("./joints.ts").then(({ jointsView }) => jointsView(session));
    }
    try {
      const { Stage } = await import("../worlds/stage.ts");
      if (body !== shown) return;
      stage = new Stage(shapes, camera);
    } catch (error) {
      if (body !== shown) return;
      failure = `This browser cannot draw the 3D view, but training continues. ${(error as Error).message}`;
      return;
    }
    orbit.begin(camera);
    const { canvas } = stage;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    canvas.setAttribute("aria-describedby", "world-caption world-state");
    canvas.addEventListener("keydown", ({ key, ctrlKey, metaKey }) => {
      if (key.toLowerCase() === "p" && !ctrlKey && !metaKey) shove();
    });
    orbit.listen(canvas);
    host.append(canvas);
  };

  session.onDraw.push(() => {
    const { body } = session;
    const state = session.store.state;
    const now = performance.now();
    const seconds = (now - drawnAt) / 1000;
    drawnAt = now;
    if (body !== shown) {
      leave();
      shown = body instanceof SolidBody ? body : null;
      chosen = null;
      if (shown) open(shown);
    }
    host.hidden = find("#push").hidden = shown === null;
    if (!shown) return;
    const { moment } = shown;
    setText(
      find("#stage-message"),
      shown.failure || failure || (stage && moment ? "" : "Loading the MuJoCo simulator and the 3D view …"),
    );
    find<HTMLButtonElement>("#push").disabled = showsTraining(state) || !moment;
    const told = showsTraining(state) ? "" : `, return ${short(shown.return)} in ${shown.length} steps`;
    if (state.point !== chosen) {
      chosen = state.point;
      shown.choose(chosen);
    }
    const second = shown.chosen ? ". Pale: the chosen state" : "";
    setText(find("#world-caption"), `${whoMoves(state)}${moment ? told : ""}${second}`);
    if (!stage || !moment) return;
    stage.draw(moment, orbit, colors(), seconds, shown.chosen);
    if (now - spokenAt < 1000) return;
    spokenAt = now;
    setText(find("#world-state"), state.experiment.task);
  });
}

const label =
  "The simulated body, in 3D. Arrow keys rotate the view, plus and minus zoom, Home resets it, P pushes the body.";
