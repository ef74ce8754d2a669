// "Watch a trained one": shows a policy that lies beside the page, and lets it learn on from there.
import { messageOf } from "../../src/base/expect.ts";
import { type Experiment, namedPreset, usualSpeed } from "../experiment.ts";
import type { Session } from "../session.ts";
import { addressOf, fetchTrained, type Trained, trained } from "../trained.ts";
import { find, scrollBehavior, setText, short, whole } from "./text.ts";

export function trainedView(session: Session): void {
  const { store } = session;
  const choice = find<HTMLSelectElement>("#trained-task");
  const button = find<HTMLButtonElement>("#trained-watch");
  choice.replaceChildren(...trained.map(({ task }) => new Option(task)));
  const offer = (task: string): void => {
    if (trained.some((each) => each.task === task)) choice.value = task;
  };
  offer(store.state.experiment.task);
  /** Its experiment with the arithmetic of this page, which may not have the record's. */
  const here = ({ task, preset, seed, steps, changes }: Trained): Experiment => {
    const { arithmetic } = store.state.experiment;
    return { task, preset: preset && namedPreset(task, preset), seed, steps, arithmetic, changes };
  };
  const chosen = (): Trained | undefined => trained.find(({ task }) => task === choice.value);

  button.addEventListener("click", async () => {
    const record = chosen();
    if (!record) return;
    const { run } = store.state;
    button.disabled = true;
    try {
      const bytes = await fetchTrained(addressOf(record));
      // Another run was started meanwhile.
      if (store.state.run.id !== run.id) return;
      // A policy needs a body of its task, but no training besides it.
      if (store.state.experiment.task !== record.task) session.begin(here(record), false, usualSpeed(record.task));
      await session.visit(`a trained ${record.task}`, bytes, record);
      find("#scene").focus({ preventScroll: true });
      scrollTo({ top: 0, behavior: scrollBehavior() });
    } catch (error) {
      session.tellPerson(`The trained policy could not be loaded. ${messageOf(error)}`);
    } finally {
      button.disabled = false;
    }
  });
  find("#visitor-continue").addEventListener("click", () => {
    const record = store.state.visitor?.trained;
    if (!record) return;
    session.begin({ ...here(record), isFromTrained: true }, true, store.state.speed);
  });

  store.subscribe(({ visitor, experiment }, before) => {
    if (experiment !== before.experiment) offer(experiment.task);
    const record = visitor?.trained;
    find("#visitor-continue").hidden = !record;
    setText(find("#visitor-record"), record ? inWords(record) : "");
  });
}

/** How long a policy was trained, and what it earns. */
function inWords({ step, evaluation: { meanReturn, standardError, episodes } }: Trained): string {
  const error = standardError ? ` ± ${short(standardError)}` : "";
  return `: ${whole(step)} steps, return ${short(meanReturn)}${error} over ${whole(episodes)} starts`;
}
