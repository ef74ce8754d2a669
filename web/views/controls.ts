// The controls (play, pause, step, speed, keys), the counters, and the status in words.
import { type Speed, settingsOf, speeds, taskOf, titleOf } from "../experiment.ts";
import { type Session, type State, showsTraining } from "../session.ts";
import { find, setText, whole } from "./text.ts";

export function controlsView(session: Session): void {
  const play = find<HTMLButtonElement>("#play");
  const toggle = (): void => session.tell({ type: session.store.state.phase === "playing" ? "pause" : "play" });
  const restart = (): void => session.begin(session.store.state.experiment, true);
  play.addEventListener("click", toggle);
  find("#step").addEventListener("click", () => session.tell({ type: "step" }));
  find("#update-once").addEventListener("click", () => session.tell({ type: "update" }));
  find("#restart").addEventListener("click", restart);
  find("#failure-restart").addEventListener("click", restart);
  find("#notice-close").addEventListener("click", () => session.tellPerson(""));

  const noise = find<HTMLInputElement>("#noise");
  noise.addEventListener("change", () => session.setNoise(noise.checked));

  const speed = find("#speed");
  for (const each of speeds) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "speed";
    input.value = String(each);
    input.addEventListener("change", () => session.setSpeed(each));
    label.append(input, each === Infinity ? "full" : `${each}×`);
    label.title = titles[String(each)];
    speed.append(label);
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isIn = (selector: string): boolean => event.target instanceof Element && event.target.matches(selector);
    if (isIn("select, textarea, input:not([type=radio], [type=checkbox], [type=file])")) return;
    // The space bar presses the focused button.
    if (event.key === " " && isIn("button, summary, a, [type=checkbox], [type=file]")) return;
    const action = keys(session, toggle, restart)[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });

  session.store.subscribe((state, before) => {
    const { phase } = state;
    const root = document.documentElement;
    // Tests and style sheets read these.
    Object.assign(root.dataset, { phase, step: String(state.step), updates: String(state.updates) });
    setText(play, phase === "playing" ? "Pause" : phase === "ended" ? "Continue" : "Play");
    for (const button of document.querySelectorAll<HTMLButtonElement>("#play, #step, #update-once")) {
      button.disabled = phase === "preparing" || phase === "failed";
    }
    for (const input of document.querySelectorAll<HTMLInputElement>("#speed input")) {
      input.checked = input.value === String(state.speed);
    }
    noise.checked = state.noise;
    // The training body always explores.
    noise.disabled = showsTraining(state);
    setText(find("#task-name"), titleOf(state.experiment));
    setText(find("#steps"), whole(state.step));
    setText(find("#updates"), whole(state.updates));
    setText(find("#episodes"), whole(state.episode));
    setText(find("#rate"), state.phase === "playing" ? whole(state.stepsPerSecond) : "–");
    setText(find("#evaluation"), lastEvaluation(state));
    setText(find("#hint"), hint(state));
    find("#failure").hidden = phase !== "failed";
    setText(find("#failure-text"), state.failure);
    find("#notice").hidden = state.notice === "";
    setText(find("#notice-text"), state.notice);
    const progress = find<HTMLProgressElement>("#progress");
    progress.max = state.experiment.steps;
    progress.value = Math.min(state.step, state.experiment.steps);
    if (phase !== before.phase) setText(find("#status"), spoken(state));
  });
}

const titles: Readonly<Record<string, string>> = {
  "1": "real time: you see the body that is being trained",
  "4": "four times real time",
  "20": "twenty times real time",
  Infinity: "as fast as this machine can",
};

function keys(session: Session, toggle: () => void, restart: () => void): Record<string, () => void> {
  const setSpeed = (speed: Speed) => () => session.setSpeed(speed);
  return {
    " ": toggle,
    s: () => session.tell({ type: "step" }),
    u: () => session.tell({ type: "update" }),
    r: restart,
    n: () => find("#noise").click(),
    "1": setSpeed(speeds[0]),
    "2": setSpeed(speeds[1]),
    "3": setSpeed(speeds[2]),
    "4": setSpeed(speeds[3]),
  };
}

function lastEvaluation({ run: { records } }: State): string {
  const evaluation = records.findLast((record) => record.type === "evaluation");
  return evaluation ? whole(evaluation.meanReturn) : "–";
}

/** Says what is happening and what the user can do. */
function hint(state: State): string {
  const { phase, step, updates, speed, experiment } = state;
  if (phase === "preparing") return "Loading …";
  if (phase === "failed") return "The run stopped with an error.";
  if (phase === "ended")
    return `Finished after ${whole(step)} steps. Throw the body around, or train for ${whole(experiment.steps)} more steps.`;
  if (phase === "paused") {
    if (step === 0) return "Press Play to watch it learn.";
    // Without a word, Update would seem to jump.
    if (updates === 0)
      return `Paused before the first update. Step takes one step; Update takes all up to that update, after ${whole(settingsOf(experiment).warmupSteps)} steps of warm-up.`;
    return "Paused. Press Step or Update to advance by one step or one update at a time.";
  }
  const { timeLimit } = taskOf(experiment);
  if (updates === 0)
    return `Collecting experience with random actions. An episode, one attempt, lasts up to ${timeLimit} steps.`;
  if (showsTraining(state))
    return "Learning in real time. You see the body that is being trained, with exploration noise.";
  return speed === Infinity ? "Learning at full speed." : "Learning. Too slow? Choose full speed.";
}

function spoken({ phase, step, failure }: State): string {
  if (phase === "playing") return "Training.";
  if (phase === "paused") return `Paused after ${step} steps.`;
  if (phase === "ended") return `Training finished after ${step} steps.`;
  return phase === "failed" ? failure : "";
}
