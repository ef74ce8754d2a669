// The body on show: drawn in every frame, taken hold of with a pointer, pushed with keys.
import { Canvas } from "../canvas.ts";
import { colours } from "../colours.ts";
import type { Session } from "../session.ts";
import { worlds } from "../worlds/index.ts";
import { find, minus, setText, whole } from "./text.ts";

/** Of the pointer's way, so many ms before it lets go give the speed. */
const throwMs = 80;

export function worldView(session: Session): void {
  const canvas = new Canvas(find<HTMLCanvasElement>("#world"));
  const { element, context } = canvas;
  const world = () => worlds[session.store.state.experiment.task];
  /** Where the body is held, and the pointer's way to there. */
  let held: { place: number; trace: { time: number; place: number }[] } | null = null;

  const placeAt = (event: PointerEvent): number => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const place = world().placeAt(event.clientX - left, event.clientY - top, width, height);
    const { places } = world();
    if (places) return Math.min(places[1], Math.max(places[0], place));
    // On the side of the turn where it is held now.
    const turn = 2 * Math.PI;
    return held ? place + turn * Math.round((held.place - place) / turn) : place;
  };
  const release = (): void => {
    if (!held) return;
    const { greatestSpeed, timesPerSecond } = world();
    const now = performance.now();
    const recent = held.trace.filter(({ time }) => now - time < throwMs);
    const first = recent[0];
    const seconds = first ? (now - first.time) / 1000 : 0;
    const speed = seconds > 0 ? (held.place - first.place) / seconds / timesPerSecond : 0;
    session.release([held.place, Math.min(greatestSpeed, Math.max(-greatestSpeed, speed))]);
    held = null;
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    const place = placeAt(event);
    held = { place, trace: [{ time: performance.now(), place }] };
    session.hold();
  });
  element.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.place = placeAt(event);
    held.trace.push({ time: performance.now(), place: held.place });
  });
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("keydown", (event) => {
    // An angle grows counter-clockwise: to the left at the top.
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    const { push, greatestSpeed, places } = world();
    const [place, speed] = session.body.state;
    const pushed = speed + push * direction * (places ? 1 : Math.cos(place) > 0 ? -1 : 1);
    session.release([place, Math.min(greatestSpeed, Math.max(-greatestSpeed, pushed))]);
  });

  const caption = find("#world-caption");
  const spoken = find("#world-state");
  let spokenAt = 0;
  session.onDraw.push(() => {
    const { body } = session;
    const [width, height] = canvas.begin();
    const state = held ? [held.place, 0] : body.state;
    const { from, to } = body.scene.action;
    const action = body.action.length > 0 && !held ? (2 * (body.action[0] - from)) / (to - from) - 1 : 0;
    world().draw(context, width, height, { state, action, colours: colours(), isHeld: held !== null });
    const { step, followsTraining, phase, visitor } = session.store.state;
    const { unit, name } = body.scene.action;
    const doing = body.action.length > 0 ? `, ${name} ${minus(body.action[0].toFixed(2))} ${unit}` : "";
    const who = visitor
      ? visitor.name
      : followsTraining
        ? `In training, step ${whole(step)}`
        : phase === "playing" || phase === "preparing"
          ? "The policy now"
          : `After ${whole(step)} steps`;
    setText(caption, `${who}${doing}`);
    // For those who listen: once in a while is enough.
    if (performance.now() - spokenAt > 1000) {
      spokenAt = performance.now();
      setText(spoken, world().describe(state));
    }
  });
}
