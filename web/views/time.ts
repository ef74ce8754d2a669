// The time slider: shows body, maps and curve as they were at an earlier step of the run, while the run continues.
import type { Session } from "../session.ts";
import { curveEnd } from "./curve.ts";
import { find, setText, whole } from "./text.ts";

export function timeView(session: Session): void {
  const slider = find<HTMLInputElement>("#time");
  const now = find("#time-now");
  let isMoved = false;
  /** Where the slider was put. The moment that is shown, the nearest one that is kept, may be some way off. */
  let chosen: number | null = null;
  slider.addEventListener("input", () => {
    // Many inputs may come between two frames.
    isMoved = true;
  });
  now.addEventListener("click", () => {
    session.lookBack(null);
    slider.focus();
  });
  session.onDraw.push(() => {
    if (!isMoved) return;
    isMoved = false;
    const { step } = session.store.state;
    const to = Number(slider.value);
    chosen = to + Number(slider.step) > step ? null : to;
    session.lookBack(chosen);
  });
  session.store.subscribe((state) => {
    const { past, step } = state;
    const end = curveEnd(state);
    if (past === null) chosen = null;
    slider.disabled = session.history.size < 2;
    slider.max = String(end);
    // Two hundred presses of an arrow key go through the whole run.
    slider.step = String(Math.max(1, Math.round(end / 200)));
    if (!isMoved) slider.value = String(chosen ?? past?.step ?? step);
    slider.setAttribute("aria-valuetext", `after ${whole(past?.step ?? step)} steps${past ? "" : ", now"}`);
    now.hidden = past === null;
    setText(now, `Back to step ${whole(step)}`);
  });
}
