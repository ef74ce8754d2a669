// The page's controller: it opens runs, asks their source for news once per frame, and keeps the state in the store.
import { InputError, messageOf } from "../src/base/expect.ts";
import { annealing } from "../src/ddpg/noise.ts";
import { Policy } from "../src/ddpg/policy.ts";
import type { Spaces } from "../src/ddpg/units.ts";
import type { MetricsRecord } from "../src/training/metrics.ts";
import { renew } from "./acting.ts";
import { type Experiment, nameOf, type Speed, settingsOf, taskOf, tasks, toLink } from "./experiment.ts";
import { History, type Past } from "./history.ts";
import type { UpdateDetail } from "./observed-update.ts";
import { sceneOfTask } from "./scenes.ts";
import { ShownBody } from "./shown-body.ts";
import { SolidBody } from "./solid-body.ts";
import type { Body, Frame, Listener, Maps, Order, Phase, Source } from "./source.ts";
import { Store } from "./store.ts";
import type { Trained } from "./trained.ts";

/** A run and its records so far. */
export interface PageRun {
  /** Counts from 1. */
  readonly id: number;
  /** The index of its color in the curve, from 0. It never changes. */
  readonly color: number;
  readonly name: string;
  readonly experiment: Experiment;
  readonly records: readonly MetricsRecord[];
}

export interface State {
  readonly experiment: Experiment;
  readonly speed: Speed;
  readonly phase: Phase | "failed";
  /** The error that ended the run. */
  readonly failure: string;
  /** A message for the user; "" for none. */
  readonly notice: string;
  readonly step: number;
  readonly updates: number;
  readonly episode: number;
  readonly stepsPerSecond: number;
  readonly fingerprint: string | null;
  readonly isTouched: boolean;
  readonly run: PageRun;
  /** Earlier runs, kept for comparison. */
  readonly kept: readonly PageRun[];
  /** The run's newest policy as a file; null before the first. */
  readonly policy: Uint8Array | null;
  /** The policy's name if it is not the current one, otherwise "". */
  readonly policyName: string;
  /** The policy from a file that is displayed instead of the run's; null for none. */
  readonly visitor: { readonly name: string; readonly trained?: Trained | undefined } | null;
  /** The moment of the run that is displayed instead of the newest; null for none. */
  readonly past: Past | null;
  /** Whether the displayed body is the training body. */
  readonly followsTraining: boolean;
  /** Whether the displayed policy acts with exploration noise. */
  readonly noise: boolean;
  readonly maps: Maps | null;
  readonly density: Float32Array | null;
  readonly showsDensity: boolean;
  readonly update: UpdateDetail | null;
  /** A state of the minibatch that the user chose to see: a point of the plane, or an observation in 3D; null for none. */
  readonly point: readonly number[] | null;
  /** How many steps the last Step or Update has taken up to `update`; 0 while training runs freely. */
  readonly taken: number;
}

/** Opens a run: `trainInWorker`, or another source of the same kind. */
export type Open = (experiment: Experiment, speed: Speed, plays: boolean, listener: Listener) => Source;

export class Session {
  readonly store: Store<State>;
  body: ShownBody | SolidBody;
  /** Called for every drawn frame. */
  readonly onDraw: (() => void)[] = [];
  /** Whether the maps and the update are visible. The views replace these functions. */
  readonly looks = { maps: () => true, update: () => true };
  /** The states of the faint bodies that are drawn behind the displayed one. */
  crowd: readonly (readonly number[])[] = [];
  /** What the run has shown so far. */
  history = new History();
  readonly #open: Open;
  #source: Source | null = null;
  #trained: Body | null = null;
  #runPolicy: Policy | null = null;
  #visitor: Policy | null = null;
  /** The policy of the moment that is looked back at. */
  #pastPolicy: Policy | null = null;
  /** Whether the held body is the training body, even if another one is displayed since. */
  #holdsTrained = false;
  #runs = 0;
  #drawnAt = 0;
  /** The step at which Step or Update was pressed; null once training runs freely. */
  #pressedAt: number | null = null;

  constructor(experiment: Experiment, speed: Speed, open: Open) {
    this.#open = open;
    this.body = bodyOf(experiment);
    this.store = new Store<State>(this.#beginning(experiment, speed));
    requestAnimationFrame(this.#draw);
  }

  /** Starts an experiment. The previous run is kept for comparison if it differs and has finished an episode. */
  begin(experiment: Experiment, plays: boolean, speed = this.store.state.speed): void {
    const { run, kept, noise, showsDensity } = this.store.state;
    this.#source?.close();
    this.#runs++;
    const solid = this.body instanceof SolidBody ? this.body : null;
    if (experiment.task !== run.experiment.task || solid?.failure) {
      solid?.close();
      this.body = bodyOf(experiment);
    }
    this.body.leave();
    this.body.policy = null;
    this.#trained = this.#runPolicy = this.#visitor = this.#pastPolicy = null;
    this.history = new History();
    this.#pressedAt = null;
    const isComparable = ({ experiment: other, records }: PageRun): boolean =>
      other.task === experiment.task &&
      toLink(other, speed) !== toLink(experiment, speed) &&
      records.some(({ type }) => type === "episode");
    const comparable = [...kept, run].filter(isComparable);
    const beginning = this.#beginning(experiment, speed, freeColor(comparable));
    this.store.set({ ...beginning, kept: comparable, noise, showsDensity });
    this.setNoise(noise);
    const listener: Listener = {
      frame: (frame) => this.#take(frame),
      failed: (failure) => {
        this.#source = null;
        this.store.set({ phase: "failed", failure, stepsPerSecond: 0, followsTraining: false });
      },
    };
    this.#source = this.#open(experiment, speed, plays, listener);
  }

  /** Sends an order to the source. */
  tell(order: Order): void {
    const { speed, step } = this.store.state;
    if (order.type === "step" || order.type === "update") {
      this.#pressedAt = step;
      this.lookBack(null);
      this.store.set({ followsTraining: true });
    }
    if (order.type === "play") {
      this.#pressedAt = null;
      this.store.set({ followsTraining: speed === 1 });
    }
    this.#source?.tell(order);
  }

  setSpeed(speed: Speed): void {
    const { phase } = this.store.state;
    const isRunning = phase === "preparing" || phase === "playing";
    this.store.set({ speed, followsTraining: speed === 1 && isRunning });
    this.#source?.tell({ type: "speed", speed });
  }

  setNoise(noise: boolean): void {
    this.store.set({ noise });
    this.body.noiseSettings = noise ? settingsOf(this.store.state.experiment) : null;
  }

  /** The user takes hold of the displayed body. */
  hold(): void {
    if (this.body instanceof SolidBody) return;
    this.body.isHeld = true;
    this.#holdsTrained = this.#isTrained;
    if (this.#holdsTrained) this.#source?.tell({ type: "hold" });
  }

  /** The user releases the body with a state. If that is the training body, the source is informed. */
  release(state: readonly number[]): void {
    if (this.body instanceof SolidBody) return;
    this.body.isHeld = false;
    this.body.place(state);
    if (this.#isTrained || this.#holdsTrained) this.#source?.tell({ type: "release", state });
    this.#holdsTrained = false;
  }

  remove(id: number): void {
    this.store.set({ kept: this.store.state.kept.filter((run) => run.id !== id) });
  }

  /** Displays a policy from a file. The run continues. */
  async visit(name: string, bytes: Uint8Array, trained?: Trained): Promise<void> {
    try {
      const policy = await Policy.load(bytes);
      expectFits(policy, this.store.state.experiment);
      this.#visitor = policy;
      this.#showPolicy();
      this.store.set({ visitor: { name, trained }, notice: "" });
    } catch (error) {
      const what = error instanceof InputError && error.expected !== "" ? wrong(error) : messageOf(error);
      this.tellPerson(`${name} could not be opened. ${what}`);
    }
  }

  /** Displays the run's own policy again. */
  leaveVisitor(): void {
    this.#visitor = null;
    this.#showPolicy();
    this.store.set({ visitor: null });
  }

  /** Displays what the run had learned near a step; null: by now. The run continues. */
  lookBack(step: number | null): void {
    const past = step === null ? null : this.history.at(step);
    if (past?.step === this.store.state.past?.step) return;
    this.store.set({ past });
    if (past) this.#takePast(past);
    else this.#showPolicy();
  }

  async #takePast({ policy }: Past): Promise<void> {
    const source = this.#source;
    if (this.#pastPolicy) renew(this.#pastPolicy, policy);
    else {
      const loaded = await Policy.load(policy);
      if (source !== this.#source) return;
      this.#pastPolicy ??= loaded;
      // The slider may have moved in the meantime.
      const { past } = this.store.state;
      if (past) renew(this.#pastPolicy, past.policy);
    }
    this.#showPolicy();
  }

  /** Gives the displayed body the policy that the user wants to see. */
  #showPolicy(): void {
    this.body.policy = this.#visitor ?? (this.store.state.past && this.#pastPolicy) ?? this.#runPolicy;
  }

  tellPerson(notice: string): void {
    this.store.set({ notice });
  }

  get #isTrained(): boolean {
    return showsTraining(this.store.state) && this.#trained !== null;
  }

  #beginning(experiment: Experiment, speed: Speed, color = 0): State {
    return {
      experiment,
      speed,
      phase: "preparing",
      failure: "",
      notice: "",
      step: 0,
      updates: 0,
      episode: 1,
      stepsPerSecond: 0,
      fingerprint: null,
      isTouched: false,
      run: { id: this.#runs, color, name: nameOf(experiment), experiment, records: [] },
      kept: [],
      policy: null,
      policyName: "",
      visitor: null,
      past: null,
      followsTraining: speed === 1,
      noise: false,
      maps: null,
      density: null,
      showsDensity: false,
      update: null,
      point: null,
      taken: 0,
    };
  }

  #take(frame: Frame): void {
    const { phase, step, updates, episode, stepsPerSecond, isTouched, records, warnings } = frame;
    const state = this.store.state;
    if (state.noise) {
      const settings = settingsOf(state.experiment);
      this.body.noiseSize = annealing(settings, step - settings.warmupSteps);
    }
    const known = frame.isAnew ? [] : state.run.records;
    const isOther = frame.isAnew || records.length > 0;
    let run = isOther ? { ...state.run, records: [...known, ...records] } : state.run;
    if (isTouched && !state.isTouched) run = { ...run, name: `${run.name}, thrown` };
    this.#trained = frame.body;
    // After the end, the displayed body shows what was learned and can be thrown without touching the run.
    const hasEnded = phase === "ended" && state.phase !== "ended";
    if (frame.policy) this.#takePolicy(frame.policy);
    if (frame.policy) this.history.addPolicy(frame.policyStep ?? step, frame.policy);
    if (frame.maps) this.history.addMaps(frame.maps);
    this.store.set({
      ...{ phase, step, updates, episode, stepsPerSecond, isTouched, run },
      fingerprint: frame.fingerprint,
      followsTraining: state.followsTraining && !hasEnded,
      policy: frame.policy ?? state.policy,
      policyName: frame.policyName ?? state.policyName,
      maps: frame.maps ?? state.maps,
      density: frame.density ?? state.density,
      update: frame.update ?? state.update,
      // The point belongs to the update that was shown.
      point: frame.update ? null : state.point,
      taken: frame.update ? frame.update.step - (this.#pressedAt ?? frame.update.step) : state.taken,
      notice: warnings.length > 0 ? warnings.join(" ") : state.notice,
    });
  }

  /** Loads the first policy, and copies later ones into it: each loaded policy would allocate its own memory. */
  async #takePolicy(bytes: Uint8Array): Promise<void> {
    const policy = this.#runPolicy;
    if (policy) {
      renew(policy, bytes);
      if (!this.#visitor && !this.store.state.past) this.#showPolicy();
      return;
    }
    const source = this.#source;
    const loaded = await Policy.load(bytes);
    if (source !== this.#source) return;
    this.#runPolicy = loaded;
    if (!this.#visitor && !this.store.state.past) this.#showPolicy();
  }

  readonly #draw = (now: number): void => {
    requestAnimationFrame(this.#draw);
    const seconds = (now - this.#drawnAt) / 1000;
    this.#drawnAt = now;
    const { showsDensity } = this.store.state;
    this.#source?.pull({
      policy: true,
      maps: this.looks.maps(),
      density: showsDensity && this.looks.maps(),
      update: this.looks.update(),
    });
    if (this.#isTrained && this.#trained) this.body.follow(this.#trained, seconds);
    else this.body.advance(seconds);
    for (const draw of this.onDraw) draw();
  };

  /** The part of the address after #. */
  get link(): string {
    const { experiment, speed } = this.store.state;
    return toLink(experiment, speed);
  }
}

/** Whether the displayed body is the one that is trained: not a visitor, nor the run at an earlier step. */
export function showsTraining({ followsTraining, visitor, past }: State): boolean {
  return followsTraining && visitor === null && past === null;
}

/** The maps to display. */
export function mapsOf({ past, maps }: State): Maps | null {
  return past ? past.maps : maps;
}

function bodyOf({ task }: Experiment): ShownBody | SolidBody {
  const scene = sceneOfTask(task);
  return scene.isSolid ? new SolidBody(task, scene) : new ShownBody(scene);
}

/** The first color index that no run uses. */
function freeColor(runs: readonly PageRun[]): number {
  let color = 0;
  while (runs.some((run) => run.color === color)) color++;
  return color;
}

/** What is wrong with a file, without the name of the function that read it. */
function wrong({ where, expected, got, hint }: InputError): string {
  const field = where.replace(/^(Policy\.load|policy) ?/, "");
  return `It is not a policy that this page can read: ${field && `${field}: `}expected ${expected}, got ${got}. ${hint}`.trim();
}

/** Throws an InputError for a policy of another task, with the tasks that it fits. */
function expectFits({ units }: Policy, { task }: Experiment): void {
  const fits = (name: string): boolean => {
    try {
      units.expectSame(taskOf({ task: name }), name);
      return true;
    } catch {
      return false;
    }
  };
  if (fits(task)) return;
  const fitting = tasks.filter(fits);
  if (fitting.length > 0) {
    throw new InputError(
      `It is a policy for ${fitting.join(", ").replace(/, ([^,]*)$/, " or $1")}, but this run's task is ${task}. ` +
        "Start an experiment with the policy's task, then open the file again.",
    );
  }
  throw new InputError(
    `It is a policy for a task that this page does not have. It ${spacesOf(units)}; ${task} ${spacesOf(taskOf({ task }))}.`,
  );
}

/** The numbers that a policy reads and gives, as the end of a sentence. */
function spacesOf({ observationSize, actionLow, actionHigh }: Spaces): string {
  const bounds = Array.from(actionLow, (low, i) => `${low} to ${actionHigh[i]}`);
  const within = new Set(bounds).size === 1 ? bounds[0] : bounds.join(", ");
  const actions = bounds.length === 1 ? "1 action" : `${bounds.length} actions`;
  return `has observations of size ${observationSize} and ${actions} from ${within}`;
}
