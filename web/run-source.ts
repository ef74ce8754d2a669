// A `Source` for a run on disk, which `ddpg watch` follows.
import { InputError, messageOf } from "../src/base/expect.ts";
import { differingSetting } from "../src/ddpg/policy.ts";
import { Units } from "../src/ddpg/units.ts";
import { type EvaluationRecord, type MetricsRecord, parseRecord } from "../src/training/metrics.ts";
import {
  arithmeticOf,
  type LiveMoment,
  type LiveScene,
  type RunConfig,
  type RunEvent,
  type RunStatus,
} from "../src/training/run.ts";
import { type Experiment, namedPreset, presetOf, taskOf, tasks, usualSettings } from "./experiment.ts";
import { Grid, type Networks } from "./grid.ts";
import { loadNetworks } from "./saved-networks.ts";
import { scenes } from "./scenes.ts";
import type { Frame, Listener, Maps, Source, Wants } from "./source.ts";
import { Store } from "./store.ts";
import { whole } from "./views/text.ts";

/** Time for maps per frame, in ms. */
const mapMs = 4;
/** The time between two attempts to connect, where the browser does not retry by itself, in ms. */
const retryMs = 1000;
/** The longest line of records that is read. A saturation of 50,000 action dimensions has this length. */
const maxLine = 2 ** 20;

/** What the page knows about the run besides its numbers. */
export interface Watched {
  /** The name of the run's directory; "" before the first message. */
  readonly run: string;
  readonly config: RunConfig | null;
  readonly status: RunStatus | null;
  readonly isConnected: boolean;
  /** What is wrong with a message or a file; "" if nothing is. */
  readonly problem: string;
  /** What the server steps; null if it steps nothing. */
  readonly scene: LiveScene | null;
  /** Why the server steps it no longer; "" while it does. */
  readonly still: string;
}

type Data<Name extends RunEvent["name"]> = Extract<RunEvent, { name: Name }>["data"];

export class RunSource implements Source {
  readonly store = new Store<Watched>({
    ...{ run: "", config: null, status: null, isConnected: true, problem: "" },
    ...{ scene: null, still: "" },
  });
  /** Called with what the server stepped. The view replaces this function. */
  onMoment: (moment: LiveMoment) => void = () => {};
  readonly #place: string;
  #listener: Listener | null = null;
  #events: EventSource | null = null;
  #all: MetricsRecord[] = [];
  /** The number of records that the page has; −1 if it must discard those. */
  #handed = 0;
  /** Lines of `metrics.jsonl` read so far. */
  #lines = 0;
  /** The beginning of a line whose end has not arrived; null in a line that is too long to be a record. */
  #started: string | null = "";
  #best: EvaluationRecord | null = null;
  /** The version of the policy that was fetched last or is being fetched. */
  #policyVersion = "";
  /** What is wrong with that policy, until another one arrives. */
  #policyProblem = "";
  #policy: Uint8Array | null = null;
  /** The file and step of the last policy that was loaded. */
  #origin: { readonly file: string; readonly step: number | null } | null = null;
  /** The maps in progress; null once they are complete. */
  #grid: Grid | null = null;
  /** Whether there is something that the page has not received. */
  #isNews = false;

  /** Connects to the server. `place` is the address of the run's folder and ends with a slash. */
  constructor(place: string) {
    this.#place = place;
    this.#connect();
    // Browsers limit the connections to a host, and a hidden page needs none. Reconnecting sends everything again.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#events?.close();
      else this.#connect();
    });
  }

  /** Sets the listener that receives the frames. */
  open(listener: Listener): this {
    this.#listener = listener;
    this.#isNews = true;
    return this;
  }

  pull(wants: Wants): void {
    const maps = (wants.maps && this.#grid?.advance(mapMs, this.#policyStep)) || null;
    if (maps) this.#grid = null;
    if (!this.#listener || (!this.#isNews && !maps)) return;
    this.#listener.frame(this.#frame(maps));
  }

  /** Ignores orders: this page does not train. */
  tell(): void {}

  close(): void {
    this.#listener = null;
  }

  #connect(): void {
    this.#events?.close();
    const events = new EventSource(`${this.#place}events`);
    this.#events = events;
    const on = <Name extends RunEvent["name"]>(name: Name, take: (data: Data<Name>) => void): void =>
      events.addEventListener(name, ({ data }: MessageEvent<string>) => this.attempt(() => take(JSON.parse(data))));
    on("begin", (data) => this.#begin(data));
    on("records", (data) => this.#takeRecords(data));
    on("status", (data) => this.#takeStatus(data));
    on("scene", (data) => this.#takeScene(data));
    on("moment", (data) => this.#takeMoment(data));
    on("still", (still) => this.store.set({ still }));
    events.onopen = () => this.store.set({ isConnected: true });
    events.onerror = () => {
      this.store.set({ isConnected: false });
      if (events.readyState === EventSource.CLOSED)
        setTimeout(() => events === this.#events && this.#connect(), retryMs);
    };
  }

  #begin({ run, config }: Data<"begin">): void {
    const before = this.store.state.config;
    // It is another run, or one with more steps: everything on the page is out of date.
    if (before && whatMatters(before) !== whatMatters(config)) location.reload();
    this.#all = [];
    this.#lines = 0;
    this.#started = "";
    this.#handed = -1;
    this.#best = null;
    this.#isNews = true;
    this.store.set({ run, config, problem: "" });
  }

  /** Reads records line by line. An invalid line is reported and the others still count. */
  #takeRecords(text: string): void {
    const parts = text.split("\n");
    let problem = "";
    parts.forEach((part, i) => {
      const line = this.#started === null ? null : this.#started + part;
      const where = `metrics.jsonl line ${this.#lines + 1}`;
      const isLong = line !== null && line.length > maxLine;
      if (isLong) problem ||= `${where}: expected at most ${maxLine} letters, got more.`;
      this.#started = isLong ? null : line;
      if (i === parts.length - 1) return;
      this.#started = "";
      this.#lines++;
      if (line === null || isLong) return;
      try {
        const record = parseRecord(line, where);
        this.#all.push(record);
        if (record.type === "evaluation" && record.meanReturn > (this.#best?.meanReturn ?? -Infinity))
          this.#best = record;
      } catch (error) {
        problem ||= messageOf(error);
      }
    });
    if (problem) this.store.set({ problem });
    this.#isNews = true;
  }

  /** Does something with what a file holds. An error is shown as the problem, and the page continues. */
  attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.store.set({ problem: messageOf(error) });
    }
  }

  #takeStatus(status: RunStatus): void {
    this.store.set({ status });
    this.#isNews = true;
    if (status.policy) this.#fetchPolicy(status.policy);
  }

  #takeScene(scene: LiveScene): void {
    const before = this.store.state.scene;
    // The server was started with another module.
    if (before && JSON.stringify(before) !== JSON.stringify(scene)) location.reload();
    this.store.set({ scene, still: "" });
  }

  #takeMoment(moment: LiveMoment): void {
    const { file, step } = moment.policy;
    if (file !== this.#origin?.file || step !== this.#origin.step) {
      this.#origin = { file, step };
      this.#isNews = true;
    }
    this.onMoment(moment);
  }

  async #fetchPolicy({ file, version }: NonNullable<RunStatus["policy"]>): Promise<void> {
    const { config } = this.store.state;
    if (version === this.#policyVersion || !config || !isSimulated(config)) return;
    this.#policyVersion = version;
    try {
      const response = await fetch(`${this.#place}${file}`);
      if (!response.ok) throw new Error(await response.text());
      const bytes = new Uint8Array(await response.arrayBuffer());
      const networks = await loadNetworks(bytes);
      expectOf(config, networks);
      const { plane } = scenes[config.environment];
      const grid = plane ? await Grid.create(networks, plane) : null;
      // A newer policy was announced in the meantime.
      if (version !== this.#policyVersion) return;
      this.#grid = grid;
      this.#policy = bytes;
      this.#origin = { file, step: networks.step };
      this.#isNews = true;
      if (this.store.state.problem === this.#policyProblem) this.store.set({ problem: "" });
    } catch (error) {
      // Let the next message about this version fetch it again.
      if (version === this.#policyVersion) this.#policyVersion = "";
      // A lost connection is reported elsewhere.
      if (error instanceof TypeError) return;
      this.#policyProblem = `${file}: ${messageOf(error)}`;
      this.store.set({ problem: this.#policyProblem });
    }
  }

  #frame(maps: Maps | null): Frame {
    const { status } = this.store.state;
    const isAnew = this.#handed < 0;
    const records = this.#all.slice(Math.max(0, this.#handed));
    const policy = this.#policy;
    this.#handed = this.#all.length;
    this.#policy = null;
    this.#isNews = false;
    const step = this.#all.at(-1)?.step ?? 0;
    const isTraining = status?.phase === "training";
    return {
      phase: isTraining ? "playing" : status?.phase === "finished" ? "ended" : "paused",
      step,
      updates: 0,
      episode: this.#all.findLast((record) => record.type === "episode")?.episode ?? 0,
      stepsPerSecond: isTraining ? paceOf(this.#all) : (status?.result?.stepsPerSecond ?? 0),
      fingerprint: status?.result?.fingerprint ?? null,
      isTouched: false,
      isAnew,
      records,
      warnings: [],
      body: null,
      policy,
      policyStep: this.#policyStep,
      policyName: this.#policyName,
      maps,
      density: null,
      update: null,
    };
  }

  get #policyName(): string {
    if (!this.#origin) return "There is no policy yet";
    return `${this.#isBest ? "The best policy, after" : "After"} ${whole(this.#policyStep)} steps`;
  }

  get #isBest(): boolean {
    return this.#origin?.file === "best.safetensors";
  }

  /** The steps that the last policy was trained for. */
  get #policyStep(): number {
    const trainedFor = this.#origin?.step ?? this.store.state.status?.result?.steps;
    return (this.#isBest ? this.#best?.step : trainedFor) ?? 0;
  }
}

/** Throws an InputError unless networks fit the run's task and settings: a file of another run may be in the directory. */
function expectOf({ environment, settings }: RunConfig, networks: Networks): void {
  new Units(taskOf({ task: environment }), settings).expectSame(networks.units, environment);
  const name = differingSetting(settings, networks.settings);
  if (!name) return;
  const [expected, got] = [settings, networks.settings].map((each) => JSON.stringify(each[name]));
  throw new InputError({ where: name, expected: `${expected}, as in config.json`, got });
}

/** Whether the page can simulate the run's task. */
export function isSimulated({ environment, environmentModule }: RunConfig): boolean {
  return environmentModule === undefined && tasks.includes(environment);
}

/** A run's configuration as an experiment. */
export function experimentOf(config: RunConfig): Experiment {
  const { environment: task, preset, seed, steps, settings } = config;
  const arithmetic = arithmeticOf(config);
  // A run's file does not record whether the preset was named, so choose the interpretation with fewer changes.
  const readings = [...(preset === presetOf({ task, preset: null }) ? [null] : []), namedPreset(task, preset)];
  const experiments = readings.map((named) => {
    const usual: object = usualSettings({ task, preset: named });
    const changes = Object.entries(settings).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name as keyof typeof usual]),
    );
    return { task, preset: named, seed, steps, arithmetic, changes: Object.fromEntries(changes) };
  });
  const countOf = ({ changes }: Experiment): number => Object.keys(changes).length;
  return experiments.reduce((best, each) => (countOf(each) < countOf(best) ? each : best));
}

function whatMatters(config: RunConfig): string {
  const { environment, preset, seed, steps, settings, evaluation } = config;
  return JSON.stringify({ environment, preset, seed, steps, settings, arithmetic: arithmeticOf(config), evaluation });
}

/** Steps per second, over the last records that have a time. */
function paceOf(records: readonly MetricsRecord[]): number {
  const times = records.slice(-30).flatMap((record) => (record.type === "diagnostics" ? [] : [record]));
  const [first, last] = [times[0], times.at(-1)];
  return first && last && last.seconds > first.seconds ? (last.step - first.step) / (last.seconds - first.seconds) : 0;
}
