// The run itself, in the worker: the same calls in the same order as the command line's, so that the same experiment has
// the same bits; with a brake, so that one can watch.
import { Random } from "../src/base/random.ts";
import { Ddpg } from "../src/ddpg/ddpg.ts";
import { type TrainingStep, train } from "../src/ddpg/train.ts";
import type { Environment } from "../src/environment/environment.ts";
import { poseSize, type Scene as ShownScene } from "../src/environment/scene.ts";
import { evaluate } from "../src/training/evaluate.ts";
import { DiagnosticsMeans, type MetricsRecord } from "../src/training/metrics.ts";
import { type Experiment, evaluationPlan, settingsOf, taskOf } from "./experiment.ts";
import { Grid, replayDensity } from "./grid.ts";
import { BeforeUpdate, type UpdateDetail } from "./observed-update.ts";
import { type FlatScene, type SolidScene, scenes, shownBy } from "./scenes.ts";
import type { Frame, Order, Phase, Wants } from "./source.ts";

/** The part of the time that maps may take while it trains, and how much of it they may save up, in ms. */
const [mapShare, mostMapMs] = [0.03, 1];
/** What they may take of each answer while it stands still, in ms. */
const stillMapMs = 8;
/** Between two policies that are handed over, in ms. */
const policyMs = 100;
/** Between two densities. */
const densityMs = 500;
/** Who is late by more does not hurry to catch up, in ms. */
const mostLateMs = 200;

export class Training {
  readonly #agent: Ddpg;
  readonly #environment: Environment;
  readonly #evaluationEnvironment: Environment;
  readonly #scene: FlatScene | SolidScene;
  /** What the environment shows of itself. */
  readonly #shown: ShownScene;
  readonly #experiment: Experiment;
  readonly #grid: Grid | null;
  readonly #means: DiagnosticsMeans;
  #phase: Phase;
  #speed: number;
  #goal: number;
  /** Steps, or updates, that are to be made before it pauses. */
  #single: "step" | "update" | null = null;
  #isHeld = false;
  #isTouched = false;
  #step = 0;
  #updates = 0;
  #episode = 1;
  #body: Frame["body"] = null;
  #records: MetricsRecord[] = [];
  #warnings: string[] = [];
  #policyStep = -1;
  #policyTime = 0;
  #densityTime = 0;
  /** What the maps may take now, and since when that is so. */
  #mapMs = 0;
  #mapTime = 0;
  /** The step that the last maps are of. */
  #mapsStep = -1;
  #fingerprint: string | null = null;
  /** The next update is to be shown; every one is, where one can watch. */
  #wantsUpdate = false;
  #followsUpdates = false;
  #before: BeforeUpdate | null = null;
  #update: UpdateDetail | null = null;
  /** What the loop waits for: an order, while it is paused. */
  #wake: (() => void) | null = null;
  /** Time that was spent on training, in ms. */
  #spent = 0;
  #since: number | null = null;
  /** From here on the brake counts. */
  #paceTime = 0;
  #paceStep = 0;
  #rateTime = 0;
  #rateStep = 0;
  #rate = 0;

  static async create(experiment: Experiment, speed: number, plays: boolean): Promise<Training> {
    const task = taskOf(experiment);
    const scene = scenes[experiment.task];
    const environment = await task.create();
    const evaluationEnvironment = await task.create();
    const agent = await Ddpg.create(environment, {
      seed: experiment.seed,
      ...settingsOf(experiment),
    });
    const grid = scene.plane ? await Grid.create(agent, scene.plane) : null;
    return new Training({ agent, environment, evaluationEnvironment, scene, experiment, grid }, speed, plays);
  }

  private constructor(
    parts: {
      agent: Ddpg;
      environment: Environment;
      evaluationEnvironment: Environment;
      scene: FlatScene | SolidScene;
      experiment: Experiment;
      grid: Grid | null;
    },
    speed: number,
    plays: boolean,
  ) {
    this.#agent = parts.agent;
    this.#environment = parts.environment;
    this.#evaluationEnvironment = parts.evaluationEnvironment;
    this.#scene = parts.scene;
    this.#shown = shownBy(parts.environment);
    this.#experiment = parts.experiment;
    this.#grid = parts.grid;
    this.#means = new DiagnosticsMeans(parts.agent.units.actionSize);
    this.#phase = plays ? "playing" : "paused";
    this.#speed = speed;
    this.#goal = parts.experiment.steps;
  }

  /** Trains as it is told; never comes to an end but by an error. */
  async run(): Promise<never> {
    const { every } = evaluationPlan(this.#experiment);
    const diagnosticsEvery = Math.max(1, Math.floor(this.#experiment.steps / 100));
    // In 3D, ten episodes may take as many seconds, and nobody wants to wait for that at the start.
    if (!this.#scene.isSolid) await this.#evaluate();
    const steps = train(this.#agent, this.#environment, { name: this.#experiment.task });
    this.#startPace();
    for (;;) {
      const waiting = this.#mayGoOn();
      if (waiting) await waiting;
      this.#since ??= performance.now();
      await this.#lookAhead();
      const { value: step } = await steps.next();
      this.#took(step);
      if (this.#means.updates > 0 && step.step % diagnosticsEvery === 0)
        this.#records.push(this.#means.take(step.step));
      if (step.step % every === 0 || step.step === this.#goal) await this.#evaluate();
      if (step.step === this.#goal) this.#stop("ended");
      // A step that was on its way already was not looked at: then it is the next one.
      if (this.#before && (this.#single === "step" || (this.#single === "update" && step.learned)))
        this.#stop("paused");
    }
  }

  tell(order: Order): void {
    switch (order.type) {
      case "play":
        // Whoever goes on after the end wants as much again.
        if (this.#phase === "ended") this.#goal += this.#experiment.steps;
        this.#go(null);
        break;
      case "pause":
        // The step that comes to an end now is the one to be looked at.
        if (this.#phase === "playing") this.#go("step");
        break;
      case "step":
      case "update":
        if (this.#phase === "ended") this.#goal += this.#experiment.steps;
        this.#go(order.type);
        break;
      case "look":
        this.#wantsUpdate = true;
        break;
      case "speed":
        this.#speed = order.speed;
        this.#startPace();
        this.#wake?.();
        break;
      case "hold":
        this.#isHeld = true;
        break;
      case "release":
        this.#release(order.state);
        break;
    }
  }

  /** What is new since the last one. */
  frame(wants: Wants): Frame {
    const now = performance.now();
    const isStill = this.#phase !== "playing";
    if (isStill) this.#fingerprint ??= this.#agent.fingerprint();
    if (now - this.#rateTime > 400) {
      this.#rate = this.#rateTime === 0 ? 0 : (1000 * (this.#step - this.#rateStep)) / (now - this.#rateTime);
      this.#rateTime = now;
      this.#rateStep = this.#step;
    }
    const policyIsDue =
      wants.policy && this.#policyStep !== this.#step && (isStill || now - this.#policyTime > policyMs);
    if (policyIsDue) [this.#policyStep, this.#policyTime] = [this.#step, now];
    const drawn = wants.maps && this.#mapsStep !== this.#step ? this.#advanceMaps(now, isStill) : null;
    const { plane } = this.#scene;
    const densityIsDue = plane && wants.density && now - this.#densityTime > densityMs;
    if (densityIsDue) this.#densityTime = now;
    const frame: Frame = {
      phase: this.#phase,
      step: this.#step,
      updates: this.#updates,
      episode: this.#episode,
      stepsPerSecond: this.#rate,
      fingerprint: isStill ? this.#fingerprint : null,
      isTouched: this.#isTouched,
      records: this.#records,
      warnings: this.#warnings,
      body: this.#body,
      policy: policyIsDue ? this.#agent.policy.save() : null,
      maps: drawn,
      density: densityIsDue ? replayDensity(this.#agent, plane) : null,
      update: this.#update,
    };
    this.#records = [];
    this.#warnings = [];
    this.#update = null;
    this.#followsUpdates = wants.update;
    return frame;
  }

  /** Works on the maps for as long as it may. */
  #advanceMaps(now: number, isStill: boolean): Frame["maps"] {
    this.#mapMs = isStill ? stillMapMs : Math.min(mostMapMs, this.#mapMs + mapShare * (now - this.#mapTime));
    this.#mapTime = now;
    if (!this.#grid || this.#mapMs <= 0) return null;
    const maps = this.#grid.advance(this.#mapMs, this.#step);
    // A row of large networks takes longer: then it is owed.
    this.#mapMs -= performance.now() - now;
    if (maps) this.#mapsStep = maps.step;
    return maps;
  }

  /** Whether a step lasts as long as it does in the task: one can watch it. */
  get #isWatchable(): boolean {
    return this.#speed <= 1 || this.#single !== null;
  }

  /** A promise to wait for while it is paused, held, or ahead of its time. */
  #mayGoOn(): Promise<void> | undefined {
    if (this.#phase !== "playing" || this.#isHeld) {
      this.#rest();
      return this.#wait().then(() => this.#mayGoOn());
    }
    if (this.#single || this.#speed === Infinity) return undefined;
    const now = performance.now();
    const stepMs = 1000 * this.#shown.stepSeconds;
    const due = this.#paceTime + ((this.#step - this.#paceStep) * stepMs) / this.#speed;
    if (now - due > mostLateMs) this.#startPace();
    if (now >= due) return undefined;
    const sleep = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, due - now);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return sleep.then(() => this.#mayGoOn());
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #go(single: "step" | "update" | null): void {
    this.#single = single;
    this.#phase = "playing";
    this.#startPace();
    this.#wake?.();
  }

  #stop(phase: Phase): void {
    this.#phase = phase;
    this.#single = null;
    this.#fingerprint = null;
    this.#rate = 0;
    this.#rateTime = 0;
    this.#rest();
  }

  /** The clock of training stands. */
  #rest(): void {
    if (this.#since !== null) this.#spent += performance.now() - this.#since;
    this.#since = null;
  }

  #startPace(): void {
    this.#paceTime = performance.now();
    this.#paceStep = this.#step;
  }

  #release(state: readonly number[]): void {
    this.#isHeld = false;
    const { save, restore } = this.#environment;
    const { loop } = this.#agent;
    const scene = this.#scene;
    if (loop && loop.length === 0) {
      this.#warnings.push("The episode is over: the next step begins another one, from a start of its own.");
    } else if (!scene.isSolid && save && restore && loop) {
      restore.call(this.#environment, Float64Array.of(save.call(this.#environment)[0], ...state));
      loop.observation.set(scene.observe(state));
      this.#isTouched = true;
      if (this.#body) this.#body = { ...this.#body, state, observation: scene.observe(state) };
    }
    this.#startPace();
    this.#wake?.();
  }

  /** Keeps what the next step will change, where somebody wants to see it. */
  async #lookAhead(): Promise<void> {
    const wanted = this.#single !== null || this.#wantsUpdate || (this.#followsUpdates && this.#isWatchable);
    this.#before = wanted ? new BeforeUpdate(this.#agent, await this.#observation()) : null;
  }

  /** What the next action will answer to. Between two episodes, that of a reset by the same chance, elsewhere. */
  #observation(): ArrayLike<number> | Promise<ArrayLike<number>> {
    const { loop, environmentRandom } = this.#agent;
    if (loop && loop.length > 0) return loop.observation;
    const random = new Random(0);
    random.restore(environmentRandom.save());
    return this.#evaluationEnvironment.reset(random);
  }

  #took(step: TrainingStep): void {
    this.#step = step.step;
    if (step.learned) {
      this.#updates = this.#agent.updates;
      this.#means.add(this.#agent.diagnostics);
    }
    if (this.#before) {
      this.#update = this.#before.detail(step);
      if (step.learned) this.#wantsUpdate = false;
    }
    // What is odd about MuJoCo's observations nobody here can change.
    if (!this.#scene.isSolid) this.#warnings.push(...step.warnings);
    const { episode } = step;
    if (episode) {
      this.#episode = episode.number + 1;
      const { number, length, terminated } = episode;
      this.#records.push({
        type: "episode",
        step: step.step,
        episode: number,
        return: episode.return,
        length,
        terminated,
        seconds: this.#seconds,
      });
    }
    this.#body = this.#isWatchable ? this.#bodyAfter(step) : null;
  }

  #bodyAfter({ action, observation, episode }: TrainingStep): Frame["body"] {
    const state = this.#environment.save?.();
    if (!state) return null;
    const { shapes } = this.#shown;
    const poses = this.#scene.isSolid ? new Float32Array(shapes.length * poseSize) : null;
    if (poses) this.#shown.writePoses(poses);
    return {
      state: Array.from(state.subarray(1)),
      poses,
      observation: Array.from(observation),
      action: Array.from(action),
      length: episode?.length ?? state[0],
    };
  }

  get #seconds(): number {
    return (this.#spent + (this.#since === null ? 0 : performance.now() - this.#since)) / 1000;
  }

  async #evaluate(): Promise<void> {
    this.#rest();
    const { episodes } = evaluationPlan(this.#experiment);
    const { discount, rewardScale } = this.#agent.settings;
    const {
      meanReturn,
      standardError,
      meanLength,
      valueBias = 0,
    } = await evaluate(this.#agent, this.#evaluationEnvironment, {
      episodes,
      value: (observation) => this.#agent.value(observation),
      discount,
      rewardScale,
    });
    this.#records.push({
      type: "evaluation",
      step: this.#step,
      episodes,
      meanReturn,
      standardError,
      meanLength,
      valueBias,
      seconds: this.#seconds,
    });
    this.#startPace();
  }
}
