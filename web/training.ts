// Training in the worker. It drives the same run loop as the command line, so the same experiment gives the same bits.
// This file adds the speed limit, single steps, and the frames that the page asks for.
import { InputError } from "../src/base/expect.ts";
import { joinNumbers } from "../src/base/numbers.ts";
import { Random } from "../src/base/random.ts";
import { Ddpg } from "../src/ddpg/ddpg.ts";
import { Policy } from "../src/ddpg/policy.ts";
import type { TrainingStep } from "../src/ddpg/train.ts";
import { withoutUpdates } from "../src/ddpg/update-schedule.ts";
import type { Environment } from "../src/environment/environment.ts";
import type { Scene as ShownScene } from "../src/environment/scene.ts";
import type { MetricsRecord } from "../src/training/metrics.ts";
import { RunLoop } from "../src/training/run-loop.ts";
import { Brake, type Single } from "./brake.ts";
import { type Experiment, evaluationPlan, settingsOf, taskOf } from "./experiment.ts";
import { Grid, replayDensity } from "./grid.ts";
import { MapPainter } from "./map-painter.ts";
import { BeforeUpdate, type UpdateDetail } from "./observed-update.ts";
import { bodyAfter, type FlatScene, type SolidScene, scenes, shownBy } from "./scenes.ts";
import type { Body, Frame, Order, Wants } from "./source.ts";
import { StepRate } from "./step-rate.ts";
import { fetchTrained } from "./trained.ts";

/** The shortest time between two policies in frames during training, in ms. */
const policyMs = 100;
/** The shortest time between two densities of the replay buffer, in ms. */
const densityMs = 500;

export class Training {
  readonly #agent: Ddpg;
  readonly #environment: Environment;
  readonly #evaluationEnvironment: Environment;
  readonly #scene: FlatScene | SolidScene;
  /** The scene that the environment provides. */
  readonly #shown: ShownScene;
  readonly #experiment: Experiment;
  readonly #loop: RunLoop;
  readonly #brake: Brake;
  readonly #maps: MapPainter | null;
  readonly #rate = new StepRate();
  #isTouched = false;
  /** Read only when a step is reported, so that a frame never shows half of the next step. */
  #updates = 0;
  #episode = 1;
  #body: Omit<Body, "path"> | null = null;
  /** `Body.path`, and the step of its newest observation. */
  #path: (readonly number[] | null)[] = [];
  #pathStep = -1;
  #records: MetricsRecord[] = [];
  #warnings: string[] = [];
  #policyStep = -1;
  #policyTime = 0;
  #densityTime = 0;
  #fingerprint: string | null = null;
  /** Whether to report the next update, and whether to report every update while steps are slow enough to watch. */
  #wantsUpdate = false;
  #followsUpdates = false;
  #before: BeforeUpdate | null = null;
  #update: UpdateDetail | null = null;

  /** `start` is the address of the policy file that the actor starts from. */
  static async create(experiment: Experiment, speed: number, plays: boolean, start: string | null): Promise<Training> {
    const task = taskOf(experiment);
    const scene = scenes[experiment.task];
    const environment = await task.create();
    const evaluationEnvironment = await task.create();
    const agent = await Ddpg.create(environment, {
      seed: experiment.seed,
      arithmetic: experiment.arithmetic,
      ...settingsOf(experiment),
    });
    if (start !== null) agent.startFrom(await Policy.load(await fetchTrained(start)));
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
    const { agent, environment, evaluationEnvironment, scene, experiment, grid } = parts;
    this.#agent = agent;
    this.#environment = environment;
    this.#evaluationEnvironment = evaluationEnvironment;
    this.#scene = scene;
    this.#shown = shownBy(environment);
    this.#experiment = experiment;
    // A link may ask for it; the form refuses it.
    const problem = withoutUpdates(agent.settings, experiment.steps);
    if (problem) this.#warnings.push(new InputError(problem).message);
    this.#maps = grid && new MapPainter(grid);
    this.#brake = new Brake(this.#shown.stepSeconds, speed, plays);
    this.#loop = new RunLoop({
      ...{ agent, environment, evaluationEnvironment, name: experiment.task },
      plan: { steps: experiment.steps, evaluation: evaluationPlan(experiment) },
      // In 3D, ten episodes may take ten seconds: too long to wait at the start.
      evaluatesUntrained: !scene.isSolid,
      clock: () => performance.now(),
    });
  }

  /** Trains as ordered. It returns only by throwing. */
  async run(): Promise<void> {
    let hasLearned = false;
    this.#brake.restart(this.#loop.step);
    for await (const event of this.#loop.events()) {
      if (event.type === "step") {
        hasLearned = event.step.learned;
        this.#took(event.step);
      }
      if (event.type === "record") this.#records.push(event.record);
      if (event.type === "record" && event.record.type === "evaluation") this.#brake.restart(this.#loop.step);
      if (event.type === "ended") this.#stop("ended");
      if (event.type !== "ready" && event.type !== "ended") continue;
      const { single } = this.#brake;
      // A step that was in progress when the order arrived has no details to show, so the next one is the single step.
      if (this.#before && (single === "step" || (single === "update" && hasLearned))) this.#stop("paused");
      await this.#brake.wait(this.#loop.step);
      await this.#lookAhead();
    }
  }

  tell(order: Order): void {
    switch (order.type) {
      case "play":
        this.#play(null);
        break;
      case "pause":
        // Finish the step in progress with its details, then pause.
        if (this.#brake.phase === "playing") this.#brake.play("step");
        break;
      case "step":
      case "update":
        this.#play(order.type);
        break;
      case "look":
        this.#wantsUpdate = true;
        break;
      case "speed":
        this.#brake.setSpeed(order.speed);
        break;
      case "hold":
        this.#brake.hold();
        break;
      case "release":
        this.#release(order.state);
        break;
    }
  }

  /** What is new since the last frame. */
  frame(wants: Wants): Frame {
    const now = performance.now();
    const { step } = this.#loop;
    const { phase } = this.#brake;
    const isStill = phase !== "playing";
    if (isStill) this.#fingerprint ??= this.#agent.fingerprint();
    const policyIsDue = wants.policy && this.#policyStep !== step && (isStill || now - this.#policyTime > policyMs);
    if (policyIsDue) [this.#policyStep, this.#policyTime] = [step, now];
    const { plane } = this.#scene;
    const densityIsDue = plane && wants.density && now - this.#densityTime > densityMs;
    if (densityIsDue) this.#densityTime = now;
    const frame: Frame = {
      phase,
      step,
      updates: this.#updates,
      episode: this.#episode,
      stepsPerSecond: this.#rate.at(step),
      fingerprint: isStill ? this.#fingerprint : null,
      isTouched: this.#isTouched,
      records: this.#records,
      warnings: this.#warnings,
      body: this.#body && { ...this.#body, path: this.#path },
      policy: policyIsDue ? this.#agent.policy.save() : null,
      maps: wants.maps && this.#maps ? this.#maps.advance(step, isStill) : null,
      density: densityIsDue ? replayDensity(this.#agent, plane) : null,
      update: this.#update,
    };
    this.#records = [];
    this.#warnings = [];
    this.#path = [];
    this.#update = null;
    this.#followsUpdates = wants.update;
    return frame;
  }

  /** A run that has ended continues for the planned number of steps again. */
  #play(single: Single | null): void {
    if (this.#brake.phase === "ended") this.#loop.extend(this.#experiment.steps);
    this.#brake.play(single);
  }

  #stop(phase: "paused" | "ended"): void {
    this.#brake.stop(phase);
    this.#fingerprint = null;
    this.#rate.reset();
  }

  #release(state: readonly number[]): void {
    const { save, restore } = this.#environment;
    const { loop } = this.#agent;
    const scene = this.#scene;
    if (loop && loop.length === 0) {
      this.#warnings.push("The episode is over, so training ignores your throw. The next step starts a new episode.");
    } else if (!scene.isSolid && save && restore && loop) {
      restore.call(this.#environment, joinNumbers([[save.call(this.#environment)[0]], state]));
      loop.bodies[0].observation.set(scene.observe(state));
      this.#isTouched = true;
      if (this.#body) {
        this.#body = { ...this.#body, state, observation: scene.observe(state) };
        this.#path.push(null, this.#body.observation);
      }
    }
    this.#brake.release();
  }

  /** Copies what the next step will change, if the page shows the step. */
  async #lookAhead(): Promise<void> {
    const wanted =
      this.#brake.single !== null || this.#wantsUpdate || (this.#followsUpdates && this.#brake.isWatchable);
    this.#before = wanted ? new BeforeUpdate(this.#agent, await this.#observation()) : null;
  }

  /** The next action's observation. Between episodes, a second instance makes the same reset to get it. */
  #observation(): ArrayLike<number> | Promise<ArrayLike<number>> {
    const { loop, environmentRandom } = this.#agent;
    if (loop && loop.length > 0) return loop.bodies[0].observation;
    const random = new Random(0);
    random.restore(environmentRandom.save());
    return this.#evaluationEnvironment.reset(random);
  }

  #took(step: TrainingStep): void {
    if (step.learned) this.#updates = this.#agent.updates;
    if (this.#before) {
      this.#update = this.#before.detail(step);
      if (step.learned) this.#wantsUpdate = false;
    }
    // These warnings concern scales. The page's user cannot change the scale of MuJoCo's observations.
    if (!this.#scene.isSolid) for (const warning of step.warnings) this.#warnings.push(warning);
    if (step.episode) this.#episode = step.episode.number + 1;
    this.#body = this.#brake.isWatchable ? this.#bodyAfter(step) : null;
    if (this.#body && this.#scene.plane) {
      if (this.#body.length === 1 || this.#pathStep !== step.step - 1) this.#path.push(null);
      this.#path.push(this.#body.observation);
      this.#pathStep = step.step;
    }
  }

  #bodyAfter({ step, observation, action, episode }: TrainingStep): Omit<Body, "path"> | null {
    const body = bodyAfter(this.#environment, this.#scene.isSolid ? this.#shown : null, { step, observation, action });
    return body && episode ? { ...body, length: episode.length } : body;
  }
}
