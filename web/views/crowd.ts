// "Fifty at once": faint bodies from a grid of starts under the displayed policy.
import { Crowd } from "../crowd.ts";
import type { Session } from "../session.ts";
import { SolidBody } from "../solid-body.ts";
import { find } from "./text.ts";

export function crowdView(session: Session): void {
  const box = find<HTMLInputElement>("#crowd");
  const label = find("#crowd-label");
  let crowd: Crowd | null = null;
  let task = "";
  let drawnAt = 0;
  session.onDraw.push(() => {
    const now = performance.now();
    const seconds = (now - drawnAt) / 1000;
    drawnAt = now;
    const { body } = session;
    const isPossible = !(body instanceof SolidBody) && body.scene.plane !== undefined;
    label.hidden = !isPossible;
    if (!box.checked || !isPossible) {
      crowd = null;
      session.crowd = [];
      return;
    }
    const { plane } = body.scene;
    const { experiment } = session.store.state;
    if (plane && (!crowd || experiment.task !== task)) crowd = new Crowd(body.scene, plane);
    task = experiment.task;
    if (body.policy) crowd?.advance(seconds, body.policy);
    session.crowd = crowd?.states ?? [];
  });
}
