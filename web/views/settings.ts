// The experiment as a form. The run does not change until the form is submitted.
import { InputError } from "../../src/base/expect.ts";
import {
  type PresetName,
  parseSetting,
  presetHelp,
  type Settings,
  settingChoices,
  settingFlag,
  settingHelp,
  settingNames,
  showSetting,
} from "../../src/ddpg/config.ts";
import { withoutUpdates } from "../../src/ddpg/update-schedule.ts";
import type { Arithmetic } from "../../src/kernels/kernels.ts";
import { environments, suiteTasks } from "../../src/tasks.ts";
import {
  type Experiment,
  hasOwnSettings,
  namedPreset,
  presetNames,
  presetOf,
  settingsOf,
  suggestedExperiment,
  tasks,
  toCommand,
  usualExperiment,
  usualSettings,
  usualSpeed,
  wholeNumber,
} from "../experiment.ts";
import { scenes } from "../scenes.ts";
import type { Session } from "../session.ts";
import { settingLabels } from "./setting-labels.ts";
import { find, scrollBehavior, setText } from "./text.ts";

/** The settings that users change first. The others are folded away below. */
const main: readonly (keyof Settings)[] = [
  "actorLearningRate",
  "criticLearningRate",
  "discount",
  "softUpdateRate",
  "batchSize",
  "warmupSteps",
  "noise",
  "noiseScale",
  "actorHiddenSizes",
  "criticHiddenSizes",
  "rewardScale",
  "normalization",
];

/** The form's value for the task's default preset with the task's own settings. */
const ownPreset = "own";

function presetValue(experiment: Experiment): string {
  return experiment.preset === null && hasOwnSettings(experiment.task) ? ownPreset : presetOf(experiment);
}

type Control = HTMLInputElement | HTMLSelectElement;

export function settingsView(session: Session): void {
  const form = find<HTMLFormElement>("#experiment");
  const task = select("task", "the simulated body and its goal", []);
  for (const [label, names] of [
    ["classic", tasks.filter((name) => !scenes[name].isSolid)],
    ["MuJoCo, in 3D: Gymnasium", suiteTasks.gymnasium],
    ["MuJoCo, in 3D: dm_control", suiteTasks.dm_control],
  ] as const) {
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...names.map((name) => new Option(name)));
    task.control.append(group);
  }
  const preset = select("preset", "settings to start from", presetNames);
  const seed = input("seed", "seed for all randomness", "numeric");
  const steps = input("steps", "environment steps after which training stops", "numeric");
  const arithmeticHelp = "rounding of products: fused is faster, portable runs in every browser";
  const arithmetic = select("arithmetic", arithmeticHelp, ["fused", "portable"] satisfies Arithmetic[]);
  find("#experiment-main").append(...[task, preset, seed, steps, arithmetic].map(({ row }) => row));

  const fields = new Map(
    settingNames.map((name) => {
      const choices = settingChoices(name);
      const help = settingHelp(name);
      const made = choices ? select(name, help.split(":")[0], choices) : input(name, help, "text");
      find(main.includes(name) ? "#settings-main" : "#settings-more").append(made.row);
      return [name, made.control] as const;
    }),
  );

  /** The selected task and preset. */
  const chosen = (): Pick<Experiment, "task" | "preset"> => {
    const { value } = preset.control;
    return {
      task: task.control.value,
      preset: value === ownPreset ? null : namedPreset(task.control.value, value as PresetName),
    };
  };
  const own = new Option("", ownPreset);
  /** A task with its own settings offers its default preset twice: with those settings, and without. */
  const offerOwn = (task: string): void => {
    if (hasOwnSettings(task)) preset.control.prepend(own);
    else own.remove();
    own.textContent = `${presetOf({ task, preset: null })}, with the task's own settings`;
  };
  /** Fills the form with an experiment. */
  const fill = (experiment: Experiment): void => {
    const settings = settingsOf(experiment);
    task.control.value = experiment.task;
    offerOwn(experiment.task);
    preset.control.value = presetValue(experiment);
    seed.control.value = String(experiment.seed);
    steps.control.value = String(experiment.steps);
    arithmetic.control.value = experiment.arithmetic;
    for (const [name, control] of fields) control.value = showSetting(settings[name]);
    clearErrors();
    review();
  };
  const clearErrors = (): void => {
    for (const control of form.querySelectorAll<Control>("[aria-invalid]")) setError(control, "");
    setText(find("#experiment-error"), "");
  };
  /** Reads the form. Throws for an invalid value, after showing the error at its field. */
  const read = (): Experiment => {
    clearErrors();
    const named = chosen();
    const usual = usualSettings(named);
    const changes: Record<string, unknown> = {};
    let first: unknown;
    const attempt = <T>(control: Control, action: () => T): T | undefined => {
      try {
        return action();
      } catch (error) {
        first ??= error;
        setError(control, (error as Error).message);
        return undefined;
      }
    };
    for (const [name, control] of fields) {
      if (control.value.trim() === showSetting(usual[name])) continue;
      changes[name] = attempt(control, () => parseSetting(name, control.value.trim(), name));
    }
    const experiment = {
      ...named,
      seed: attempt(seed.control, () => wholeNumber(seed.control.value, "seed", 0)) ?? 0,
      arithmetic: arithmetic.control.value as Arithmetic,
      steps: attempt(steps.control, () => wholeNumber(steps.control.value, "steps", 1)) ?? 0,
      changes: changes as Partial<Settings>,
    };
    if (first) throw first;
    try {
      const problem = withoutUpdates(settingsOf(experiment), experiment.steps);
      if (problem) throw new InputError(problem);
    } catch (error) {
      // Incompatible settings: the error names the one to change.
      const field = settingNames.find((name) => error instanceof InputError && error.where === name);
      const control = field && fields.get(field);
      if (control) setError(control, (error as Error).message);
      else setText(find("#experiment-error"), (error as Error).message);
      throw error;
    }
    return experiment;
  };
  /** Marks settings that differ from the preset. */
  const review = (): void => {
    const usual = usualSettings(chosen());
    for (const [name, control] of fields) {
      control.classList.toggle("changed", control.value.trim() !== showSetting(usual[name]));
    }
    setText(find("#preset-help"), presetHelp[presetOf(chosen())]);
    setText(find("#task-help"), environments[task.control.value].summary);
  };

  /** The seed in the form, or 1 if it is invalid. */
  const seedOr1 = (): number => {
    try {
      return wholeNumber(seed.control.value, "seed", 0);
    } catch {
      return 1;
    }
  };
  /** The default experiment of the selected task, with the seed and the arithmetic in the form. */
  const selected = (): Experiment => {
    const own = suggestedExperiment(arithmetic.control.value as Arithmetic, task.control.value);
    return { ...own, seed: seedOr1() };
  };
  task.control.addEventListener("change", () => fill(selected()));
  // The steps of the suggestion belong to its preset.
  preset.control.addEventListener("change", () => {
    const own = selected();
    const named = chosen().preset;
    if (named === own.preset) fill(own);
    else fill({ ...usualExperiment(own.arithmetic, own.task), seed: own.seed, preset: named });
  });
  form.addEventListener("input", review);
  const check = (): void => {
    try {
      read();
    } catch {
      // The field shows the error.
    }
  };
  // A press on the button leaves the field, and so checks it. A message that appeared or disappeared then would move the
  // button away from the pointer, and the release would be no click. So the check waits for the release.
  let isPressed = false;
  let isDue = false;
  addEventListener("pointerdown", () => {
    isPressed = true;
  });
  for (const type of ["pointerup", "pointercancel"]) {
    addEventListener(type, () => {
      isPressed = false;
      // The click comes after the release.
      if (isDue) setTimeout(check);
      isDue = false;
    });
  }
  form.addEventListener("change", () => {
    isDue = isPressed;
    if (!isPressed) check();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      const experiment = read();
      const isOther = experiment.task !== session.store.state.experiment.task;
      session.begin(experiment, true, isOther ? usualSpeed(experiment.task) : undefined);
      showBeginning();
    } catch {
      form.querySelector<HTMLElement>("[aria-invalid]")?.focus();
    }
  });
  find("#next-seed").addEventListener("click", () => {
    const { experiment } = session.store.state;
    session.begin({ ...experiment, seed: experiment.seed + 1 }, true);
  });

  session.store.subscribe((state, before) => {
    const { experiment } = state;
    if (experiment !== before.experiment || seed.control.value === "") fill(experiment);
    setText(find("#command"), toCommand(experiment));
    find("#command-note").hidden = !state.isTouched;
  });
}

/** Brings the new run into view, also for people who do not see the page: the form is below it. */
function showBeginning(): void {
  find("#scene").focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: scrollBehavior() });
}

const experimentLabels: Readonly<Record<string, string>> = {
  task: "Task",
  preset: "Preset",
  seed: "Seed",
  steps: "Steps",
  arithmetic: "Arithmetic",
};

/** A labeled control with a line of help and a place for its error. */
function row(name: string, help: string, control: Control): HTMLElement {
  const row = document.createElement("div");
  row.className = "field";
  const label = document.createElement("label");
  label.htmlFor = control.id = `field-${name}`;
  const isSetting = Object.hasOwn(settingLabels, name);
  const flag = document.createElement("code");
  flag.textContent = isSetting ? settingFlag(name as keyof Settings) : name === "task" ? "" : `--${name}`;
  label.append(isSetting ? settingLabels[name as keyof Settings] : experimentLabels[name], flag);
  const note = document.createElement("p");
  note.id = `help-${name}`;
  note.className = "help";
  if (name === "task" || name === "preset") note.id = `${name}-help`;
  note.textContent = help;
  const error = document.createElement("p");
  error.id = `error-${name}`;
  error.className = "error";
  control.setAttribute("aria-describedby", `${note.id} ${error.id}`);
  row.append(label, control, note, error);
  return row;
}

function input(name: string, help: string, mode: string): { row: HTMLElement; control: Control } {
  const control = document.createElement("input");
  control.name = name;
  control.inputMode = mode;
  control.autocomplete = "off";
  control.spellcheck = false;
  return { row: row(name, help, control), control };
}

function select(name: string, help: string, values: readonly string[]): { row: HTMLElement; control: Control } {
  const control = document.createElement("select");
  control.name = name;
  control.append(...values.map((value) => new Option(value)));
  return { row: row(name, help, control), control };
}

function setError(control: Control, message: string): void {
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
  setText(find(`#error-${control.name}`), message);
}
