// Displays the body of a 2D task: draws it in every frame, and lets a pointer drag it and keys push it.
import { colors } from "../colors.ts";
import type { Session, State } from "../session.ts";
import type { ShownBody } from "../shown-body.ts";
import { SolidBody } from "../solid-body.ts";
import { worlds } from "../worlds/index.ts";
import type { View, World } from "../worlds/world.ts";
import { find, minus, setText, whole } from "./text.ts";

/** The speed of a throw is measured over the last part of the drag, in ms. */
const throwMs = 80;

export function worldView(session: Session): void {
  const place = find("#world");
  let world: World | undefined;
  let draw: ((view: View) => void) | undefined;
  /** Where the body is held, and the path of the pointer so far. */
  let held: { place: number; trace: { time: number; place: number }[] } | null = null;

  const open = (task: string): void => {
    draw = undefined;
    held = null;
    world = worlds[task];
    place.hidden = find("#world-hint").hidden = !world;
    if (!world) return;
    const canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.role = "application";
    canvas.ariaLabel = "The simulated body. Drag it, or push it with the left and right arrow keys.";
    canvas.setAttribute("aria-describedby", "world-caption world-state");
    place.replaceChildren(canvas);
    draw = world.open(canvas);
  };
  let opened = "";
  session.store.subscribe(({ experiment: { task } }) => {
    if (task === opened) return;
    opened = task;
    open(task);
  });

  const placeAt = ({ clientX, clientY }: PointerEvent, { hold }: World): number => {
    const { left, top, width, height } = place.getBoundingClientRect();
    if (!hold) return 0;
    const at = hold.placeAt(clientX - left, clientY - top, width, height);
    if (hold.places) return Math.min(hold.places[1], Math.max(hold.places[0], at));
    // Choose the angle nearest to the current one, so that the body does not spin by a full turn.
    const turn = 2 * Math.PI;
    return held ? at + turn * Math.round((held.place - at) / turn) : at;
  };
  const release = (at: number, speed: number): void => {
    const greatest = world?.hold?.greatestSpeed ?? 0;
    session.release([at, Math.min(greatest, Math.max(-greatest, speed))]);
  };
  const letGo = (): void => {
    if (!held || !world?.hold) return;
    const now = performance.now();
    const first = held.trace.find(({ time }) => now - time < throwMs);
    const seconds = first ? (now - first.time) / 1000 : 0;
    release(held.place, first && seconds > 0 ? (held.place - first.place) / seconds / world.hold.timesPerSecond : 0);
    held = null;
  };
  place.addEventListener("pointerdown", (event) => {
    if (!world?.hold) return;
    place.setPointerCapture(event.pointerId);
    const at = placeAt(event, world);
    held = { place: at, trace: [{ time: performance.now(), place: at }] };
    session.hold();
  });
  place.addEventListener("pointermove", (event) => {
    if (!held || !world) return;
    held.place = placeAt(event, world);
    held.trace.push({ time: performance.now(), place: held.place });
  });
  place.addEventListener("pointerup", letGo);
  place.addEventListener("pointercancel", letGo);
  place.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!direction || !world?.hold) return;
    event.preventDefault();
    const { body } = session;
    if (body instanceof SolidBody) return;
    release(body.state[0], body.state[1] + direction * world.hold.push(body.state));
  });

  const caption = find("#world-caption");
  const spoken = find("#world-state");
  let spokenAt = 0;
  session.onDraw.push(() => {
    const { body } = session;
    if (!world || !draw || body instanceof SolidBody) return;
    const state = held ? [held.place, 0] : body.state;
    const { from, to } = body.scene.action;
    const action = body.action.length > 0 && !held ? (2 * (body.action[0] - from)) / (to - from) - 1 : 0;
    draw({
      state,
      action,
      colors: colors(),
      isHeld: held !== null,
      crowd: session.crowd,
      point: session.store.state.point,
    });
    setText(caption, captionOf(body, session.store.state));
    // Screen readers need an update only once in a while.
    if (performance.now() - spokenAt > 1000) {
      spokenAt = performance.now();
      setText(spoken, world.describe(state));
    }
  });
}

/** Says which body is displayed and what it does. */
function captionOf({ action, scene: { action: axis } }: ShownBody, state: State): string {
  // The sum turns −0 into 0.
  const size = (Math.round(100 * (action[0] ?? 0)) / 100 + 0).toFixed(2);
  const doing = action.length > 0 ? `, ${axis.name} ${minus(size)} ${axis.unit}`.trimEnd() : "";
  return `${whoMoves(state)}${doing}`;
}

/** Says which body is displayed. */
export function whoMoves({ step, followsTraining, phase, visitor, past, policyName }: State): string {
  if (visitor) return visitor.trained ? "The trained policy" : visitor.name;
  if (past) return `As it was after ${whole(past.step)} steps`;
  if (followsTraining) return `In training, step ${whole(step)}`;
  if (policyName) return policyName;
  return phase === "playing" || phase === "preparing" ? "The current policy" : `After ${whole(step)} steps`;
}
