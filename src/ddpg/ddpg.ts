// Deep Deterministic Policy Gradient: Algorithm 1 of Lillicrap et al., "Continuous control with deep reinforcement
// learning", arXiv 1509.02971. The numbered comments are the algorithm's steps, in the paper's words; `train.ts` holds
// its two loops and step 2.
//
// s observation [O], a action [A] in [−1, 1], r reward, s′ next observation; μ actor, Q critic, μ′ and Q′ their
// targets; N transitions in a minibatch, γ discount, τ soft-update rate, 𝒩 noise.
import { type Bytes, readBytes } from "../base/bytes.ts";
import { expect, expectOptions, InputError } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, safetensorsParts } from "../base/safetensors.ts";
import { boundsWarnings } from "../environment/check-environment.ts";
import type { Environment } from "../environment/environment.ts";
import type { Backend, BackendOptions } from "../kernels/backend.ts";
import { chooseBackend, defaultBackend, notFusedWarning } from "../kernels/choose-backend.ts";
import { buildOver } from "../kernels/create.ts";
import type { Arithmetic, Kernels } from "../kernels/kernels.ts";
import { NotFiniteError } from "../nn/adam.ts";
import type { NetworkShape } from "../nn/layer.ts";
import { Network } from "../nn/network.ts";
import { Actor, actorShape } from "./actor.ts";
import { ActorRows } from "./actor-rows.ts";
import { SavedAgent, saveAgent } from "./agent-state.ts";
import type { Body, Loop } from "./body.ts";
import { defaultPreset, type OldSettings, type PresetName, type Settings, settingsFrom } from "./config.ts";
import { Critic, criticShape, JointCritic, TargetCritic } from "./critic.ts";
import { type CriticHead, createHead } from "./critic-loss.ts";
import { Diagnostics } from "./diagnostics.ts";
import { fingerprint } from "./fingerprint.ts";
import { goalsFor, Hindsight, relabeledPerStep } from "./hindsight.ts";
import { initialize } from "./initialization.ts";
import { Target } from "./learner.ts";
import { type ActingPoint, annealing, createNoise, type Noise } from "./noise.ts";
import type { ObservationNormalization } from "./observation-normalization.ts";
import { PerturbedActor } from "./parameter-noise.ts";
import { Policy } from "./policy.ts";
import { importance, Priorities } from "./priorities.ts";
import { allocateMinibatch, type Minibatch, ReplayBuffer } from "./replay-buffer.ts";
import { RewardNormalization } from "./reward-normalization.ts";
import { StepReturns } from "./step-returns.ts";
import { Targets } from "./targets.ts";
import { type Spaces, Units } from "./units.ts";
import { UpdateSchedule } from "./update-schedule.ts";

/** Options of `Ddpg.create`: a seed, a preset, the settings that differ from the preset, and the backend. */
export interface DdpgOptions extends Partial<Settings>, OldSettings, BackendOptions {
  /**
   * The seed of all random numbers, a whole number of at least 0. The same seed and the same arithmetic give the same
   * bits everywhere. Default: 1.
   */
  seed?: number;
  /** The preset to start from. Default: `robust`. */
  preset?: PresetName;
}

/**
 * Returns the plan of every network: its layers, and whether it learns or follows one that does. The order is that of
 * files and of the fingerprint.
 */
export function networkPlans(settings: Settings, observationSize: number, actionSize: number) {
  const mu = actorShape(settings, observationSize, actionSize);
  const q = criticShape(settings, observationSize, actionSize);
  const plans = {
    actor: { shape: mu, learns: true },
    critic: { shape: q, learns: true },
    targetActor: { shape: mu, learns: false },
    targetCritic: { shape: q, learns: false },
    // The others come last, so that the fingerprint begins in the same way with any number of critics.
    ...(settings.critics > 1 && { critic2: { shape: q, learns: true }, targetCritic2: { shape: q, learns: false } }),
  };
  return plans satisfies Record<string, { shape: NetworkShape; learns: boolean } | undefined>;
}

/** What an agent needs to know of its environment: the sizes and bounds, and its goals with the setting `hindsight`. */
type AgentEnvironment = Spaces & Pick<Environment, "hindsight">;

/** Identifies one of several bodies that share an agent: any finite number or string. */
export type BodyId = number | string;

/** Whether a value is a body's id. */
export function isBodyId(value: unknown): value is BodyId {
  return Number.isFinite(value) || typeof value === "string";
}

/** An agent: everything that Algorithm 1 initializes, with a method for each operation in its loops. */
export class Ddpg {
  /** The seed that the agent was created with. */
  readonly seed: number;
  /** All settings: the preset's, with the given changes. They never change. */
  readonly settings: Readonly<Settings>;
  /** The number of threads that an update may use; 1 if none were given or more would not make it faster. */
  readonly threads: number;
  /**
   * How products are rounded: fused where it is possible, unless another was asked for. The same seed gives the same bits
   * with the same arithmetic.
   */
  readonly arithmetic: Arithmetic;
  /**
   * Warnings for the user about the environment's bounds, and about portable arithmetic where fused, the default, is not
   * possible; usually empty. `train` yields them with its first step.
   */
  readonly warnings: readonly string[];
  /** The actor's current policy, in the environment's units; it changes with every update. */
  readonly policy: Policy;
  /** Measurements of the last update; reused by the next one. */
  readonly diagnostics: Diagnostics;

  /** @internal */
  readonly units: Units;
  /** @internal */
  readonly actor: Actor;
  /** @internal Q₁, whose gradient the actor follows. */
  readonly critic: Critic;
  /** @internal Q₁, and Q₂ with two critics. */
  readonly critics: readonly Critic[];
  /** @internal */
  readonly targetActor: Target;
  /** @internal */
  readonly targetCritic: TargetCritic;
  /** @internal The targets of `critics`, in their order. */
  readonly targetCritics: readonly TargetCritic[];
  /** @internal Every network by its name, in the order of `networkPlans`. */
  readonly networks: ReadonlyMap<string, Target>;
  /** @internal */
  readonly replayBuffer: ReplayBuffer;
  /** @internal The rows that wait for more rewards. */
  readonly returns: StepReturns;
  /** @internal Stores episodes again with other goals; null with settings that have no hindsight. */
  readonly hindsight: Hindsight | null;
  /** @internal The transitions of the last update. */
  readonly minibatch: Minibatch;
  /** @internal What the critics learn from the minibatch; reused by the next update. */
  readonly targets: Targets;
  /** @internal y, the targets of the critic: [N]; reused by the next update. */
  readonly y: Float64Array;
  /** @internal The random stream that `train` passes to the environment's resets. */
  readonly environmentRandom: Random;
  /** @internal The random stream of warm-up actions. */
  readonly explorationRandom: Random;
  /** @internal The random stream that draws minibatches. */
  readonly samplingRandom: Random;
  /** @internal The random stream of the noise on the target actor's action. */
  readonly targetNoiseRandom: Random;
  /** @internal The random stream that draws the goals of hindsight. */
  readonly hindsightRandom: Random;
  /** @internal When to learn, and how often. */
  readonly schedule: UpdateSchedule;
  /** @internal The running normalization of rewards; null with settings that have none. */
  readonly rewardNormalization: RewardNormalization | null;
  /** @internal Called after every update of a round. */
  onUpdate: (() => void) | null = null;
  /** @internal The noise of each body. */
  readonly noises = new Map<BodyId, Noise>();
  /**
   * @internal How many bodies had been forgotten when the noise of a body was created, where any had: the name of its
   * random stream depends on it.
   */
  readonly generations = new Map<BodyId, number>();
  /** @internal The state of the loop of `train`; null before the first. */
  loop: Loop | null = null;
  /** The backend without threads; null if the agent was built over given kernels. */
  readonly #backend: Backend | null;
  readonly #value: Network;
  readonly #valueHead: CriticHead;
  /** |y − Q| of the rows of the last update [N]; null unless priorities depend on it. */
  readonly #absoluteErrors: Float64Array | null;
  /** Only parameter noise needs it. */
  readonly #perturbed: PerturbedActor | null;
  readonly #softUpdate: { readonly rate: number };
  readonly #scaledObservation: Float32Array;
  readonly #scaledNextObservation: Float32Array;
  readonly #unitAction: Float32Array;
  #steps = 0;
  #updates = 0;
  #forgotten = 0;
  #starts = 0;

  /**
   * Creates an agent for an environment with these sizes and bounds. Rejects with an InputError that names the field if
   * a setting, size or bound is invalid.
   */
  static async create(environment: AgentEnvironment, options: DdpgOptions = {}): Promise<Ddpg> {
    expectOptions(options, "Ddpg.create");
    const { seed = 1, preset = defaultPreset, backend, threads, arithmetic, ...changes } = options;
    expect(Number.isSafeInteger(seed) && seed >= 0, "seed", "a whole number of at least 0", seed);
    const settings = settingsFrom(preset, changes);
    return build(environment, settings, seed, { backend, threads, arithmetic });
  }

  /**
   * Loads an agent from the bytes that `save` returned, with everything that its next steps depend on: it continues as
   * if it had never stopped, with the arithmetic it was saved with. It continues with another one, and so with other
   * bits, only if `options` name it. `bytes` may be a Uint8Array, an ArrayBuffer, a Blob, a Response, or a promise of
   * one. Rejects with an InputError that names the field if the bytes are damaged or not an agent, if its environment
   * had other sizes or bounds, or if its arithmetic is not possible here.
   */
  static async load(
    bytes: Bytes | PromiseLike<Bytes>,
    environment: AgentEnvironment,
    options: BackendOptions = {},
  ): Promise<Ddpg> {
    const where = "Ddpg.load";
    expectOptions(options, where, ["backend", "threads", "arithmetic"] satisfies (keyof BackendOptions)[]);
    const saved = new SavedAgent(decodeSafetensors(await readBytes(bytes, where), where), where);
    saved.units.expectSame(environment, `${where} environment`);
    const { arithmetic = saved.arithmetic } = options;
    const agent = await build(environment, saved.settings, saved.seed, { ...options, arithmetic });
    saved.restore(agent);
    return agent;
  }

  /**
   * @internal Builds an agent over given kernels, with these warnings besides its own, and the backend without threads for
   * what needs a memory of its own; users call `create`.
   */
  constructor(
    kernels: Kernels,
    environment: AgentEnvironment,
    settings: Settings,
    seed: number,
    warnings: readonly string[] = [],
    backend: Backend | null = null,
  ) {
    if (typeof seed !== "number") throw new InputError(created);
    this.#backend = backend;
    const { batchSize, replayCapacity } = settings;
    this.seed = seed;
    this.settings = Object.freeze(settings);
    this.threads = kernels.threads;
    this.arithmetic = kernels.arithmetic;
    this.units = new Units(environment, settings);
    this.warnings = Object.freeze([...boundsWarnings(environment, "environment"), ...warnings]);
    const { observationSize, actionSize } = this.units;
    const random = new Random(seed);
    this.environmentRandom = random.fork("environment");
    this.explorationRandom = random.fork("exploration");
    this.samplingRandom = random.fork("sampling");
    this.targetNoiseRandom = random.fork("target noise");
    this.hindsightRandom = random.fork("hindsight");

    // Randomly initialize critic network Q(s, a|θQ) and actor μ(s|θμ) with weights θQ and θμ.
    const plans = networkPlans(settings, observationSize, actionSize);
    const [mu, q] = [plans.actor.shape, plans.critic.shape];
    this.actor = new Actor(kernels, mu, settings);
    const criticNames = ["critic", "critic2"].slice(0, settings.critics);
    const isJoint = settings.batchNormPass === "joint";
    const joint = isJoint ? criticNames.map((name) => new JointCritic(kernels, q, settings, name)) : null;
    this.critics = joint ?? criticNames.map((name) => new Critic(kernels, q, settings, name));
    [this.critic] = this.critics;
    initialize(this.actor.parameters, mu, settings, random.fork("actor"));
    for (const [j, name] of criticNames.entries())
      initialize(this.critics[j].parameters, q, settings, random.fork(name));

    // Initialize target networks Q′ and μ′ with weights θQ′ ← θQ, θμ′ ← θμ.
    this.targetActor = new Target(kernels, mu, batchSize);
    this.targetCritics = this.critics.map(() => new TargetCritic(kernels, q, settings));
    [this.targetCritic] = this.targetCritics;
    this.targetActor.parameters.copyFrom(this.actor.parameters);
    for (const [j, target] of this.targetCritics.entries()) target.parameters.copyFrom(this.critics[j].parameters);
    const { actor, critic, targetActor, targetCritic } = this;
    const networks: Record<keyof typeof plans, Target | undefined> = {
      ...{ actor, critic, targetActor, targetCritic },
      critic2: this.critics[1],
      targetCritic2: this.targetCritics[1],
    };
    this.networks = new Map(Object.entries(networks).flatMap(([name, network]) => (network ? [[name, network]] : [])));

    // Initialize replay buffer R.
    const { discount, returnSteps } = settings;
    const priorities = settings.replayPriority === "none" ? null : new Priorities(settings);
    const rules = { returnSteps, priorities };
    this.replayBuffer = new ReplayBuffer(replayCapacity, observationSize, actionSize, discount, rules);
    this.#absoluteErrors = priorities && new Float64Array(batchSize);
    this.returns = new StepReturns(returnSteps, discount, observationSize, actionSize, this.replayBuffer);
    const goals = goalsFor(environment, settings, this.units);
    this.hindsight = goals && new Hindsight(settings, goals, this.units, this);

    this.minibatch = allocateMinibatch(kernels, batchSize, observationSize, actionSize);
    this.targets = new Targets(settings, joint ?? this.targetCritics, this.targetNoiseRandom);
    this.y = this.targets.y;
    this.#softUpdate = { rate: settings.softUpdateRate };
    this.schedule = new UpdateSchedule(settings);
    this.policy = new Policy(kernels, settings, this.actor.parameters, this.units);
    this.rewardNormalization = settings.rewardNormalization ? new RewardNormalization(settings.discount) : null;
    this.#value = new Network(kernels, q, this.critic.parameters, 1, false);
    this.#valueHead = createHead(settings, 1, kernels);
    this.#perturbed = settings.noise === "parameter" ? new PerturbedActor(kernels, mu, this.actor.parameters) : null;
    this.diagnostics = new Diagnostics(actionSize);
    this.#scaledObservation = new Float32Array(observationSize);
    this.#scaledNextObservation = new Float32Array(observationSize);
    this.#unitAction = new Float32Array(actionSize);
    this.noises.set(0, this.#createNoise(0, 0)); // refuses a noiseScale of the wrong length
  }

  /**
   * Starts from a trained policy: sets μ and μ′ to it, and replaces the statistics of observations by the policy's if it
   * has running normalization. Throws an InputError unless its sizes, bounds, layers and scaling are the agent's.
   */
  startFrom(policy: Policy): void {
    this.policy.expectSame(policy, "Ddpg.startFrom policy");
    this.actor.parameters.copyFrom(policy.parameters);
    this.actor.takeStatistics();
    this.targetActor.parameters.copyFrom(policy.parameters);
    if (policy.normalization) this.observationNormalization?.restore(policy.normalization.save());
    this.#starts++;
  }

  /** @internal The running normalization of observations; null with settings that have none. */
  get observationNormalization(): ObservationNormalization | null {
    return this.policy.normalization;
  }

  /** @internal What a reward is multiplied by, at this moment, before the critic sees it. */
  get rewardFactor(): number {
    return this.settings.rewardScale / (this.rewardNormalization?.divisor ?? 1);
  }

  /** The number of transitions observed. */
  get steps(): number {
    return this.#steps;
  }

  /** The number of updates made. */
  get updates(): number {
    return this.#updates;
  }

  /** @internal A number that grows whenever the actor's parameters change: with every update and every `startFrom`. */
  get actorVersion(): number {
    return this.#updates + this.#starts;
  }

  /** @internal How many rows the replay buffer gets for each transition, in the mean over an episode. */
  get rowsPerStep(): number {
    return 1 + relabeledPerStep(this.settings);
  }

  /** @internal Sets the counters of a loaded agent. */
  restoreCounters(steps: number, updates: number, forgotten: number): void {
    this.#steps = steps;
    this.#updates = updates;
    this.#forgotten = forgotten;
  }

  /**
   * Returns the policy's action μ(s) [A], without noise, in the environment's units; a fresh array. Throws an
   * InputError unless the observation is O finite numbers.
   */
  act(observation: ArrayLike<number>): Float32Array {
    return this.policy.act(observation);
  }

  /**
   * Returns Q(s, μ(s)), the discounted return that the critic expects from an observation [O], in the rewards that it
   * learns from: scaled by `rewardScale`, or divided by what `rewardNormalization` has found so far.
   */
  value(observation: ArrayLike<number>): number {
    const action = this.policy.forward(observation, "Ddpg.value observation");
    return this.#valueHead.read(this.#value.forward(this.policy.observation, action, false))[0];
  }

  /**
   * Returns an action [A] to explore with, in the environment's units; a fresh array. It is random during the warm-up,
   * and the policy's action plus noise after it. If several bodies share the agent, each passes its id, because each
   * has its own noise. Throws an InputError unless the observation is O finite numbers.
   */
  explore(observation: ArrayLike<number>, body: BodyId = 0): Float32Array {
    // 1. Select action aₜ = μ(sₜ|θμ) + 𝒩ₜ according to the current policy and exploration noise.
    const action = this.policy.forward(observation, "Ddpg.explore observation").data;
    const at = { observation: this.policy.observation.data, action };
    return this.#explore(at, body, this.explorationRandom, this.#steps);
  }

  /**
   * @internal Returns the actions of all bodies of the loop, in one forward pass. Each has its own random numbers and is
   * that of the step that the body will take. `asOf` makes the error of a body from one in its observation.
   */
  exploreAll(rows: ActorRows, bodies: readonly Body[], asOf: (error: unknown, body: Body) => unknown): Float32Array[] {
    for (const body of bodies) {
      try {
        rows.observe(body.index, body.observation, "Ddpg.explore observation");
      } catch (error) {
        throw asOf(error, body);
      }
    }
    const mu = rows.forward();
    return bodies.map(({ index, explorationRandom }) => {
      const action = mu.data.subarray(index * mu.rowStride, index * mu.rowStride + mu.columns);
      const at = { observation: rows.observation(index), action };
      return this.#explore(at, index, explorationRandom, this.#steps + index);
    });
  }

  /** @internal Creates what `exploreAll` needs for this many bodies. */
  actorRows(count: number): Promise<ActorRows> {
    return ActorRows.create(this.#backend ?? defaultBackend(), this, count);
  }

  /** `step` is the number of transitions before the one that the action belongs to. */
  #explore(at: ActingPoint, body: BodyId, random: Random, step: number): Float32Array {
    const { action: mu } = at;
    const noise = this.noise(body);
    const a = this.#unitAction;
    const stepsOfNoise = step - this.settings.warmupSteps;
    if (stepsOfNoise < 0) {
      for (let i = 0; i < a.length; i++) a[i] = random.uniform(-1, 1);
    } else {
      const x = noise.sample(at);
      const size = annealing(this.settings, stepsOfNoise);
      for (let i = 0; i < a.length; i++) a[i] = Math.min(1, Math.max(-1, mu[i] + size * x[i]));
    }
    return this.units.toEnvironment(a);
  }

  // Step 2 executes the action in the environment; `train.ts` does that.

  /**
   * Stores a transition: s [O], a [A], r and s′ [O] in the environment's units; copies them. `terminated` says that the
   * task ended; pass false if only a time limit cut the episode. `body` is the id that was passed to `explore`. With
   * `returnSteps` above 1, a row is stored once its rewards are known. Throws an InputError for wrong sizes and for
   * numbers that are not finite. With `hindsight`, it also throws one if a method of the environment's goals fails.
   */
  observe(
    observation: ArrayLike<number>,
    action: ArrayLike<number>,
    reward: number,
    nextObservation: ArrayLike<number>,
    terminated: boolean,
    body: BodyId = 0,
  ): void {
    expect(typeof terminated === "boolean", "Ddpg.observe terminated", "true or false", terminated);
    expectBody(body, "Ddpg.observe body");
    // 3. Store transition (sₜ, aₜ, rₜ, sₜ₊₁) in R, and (in `learn`) sample a random minibatch of N transitions from R.
    this.units.scaleObservation(this.#scaledObservation, observation, "Ddpg.observe observation");
    this.units.fromEnvironment(this.#unitAction, action, "Ddpg.observe action");
    this.units.scaleObservation(this.#scaledNextObservation, nextObservation, "Ddpg.observe nextObservation");
    const scaledReward = this.#scaleReward(reward, body, "Ddpg.observe reward");
    const step = {
      observation: this.#scaledObservation,
      action: this.#unitAction,
      reward: scaledReward,
      nextObservation: this.#scaledNextObservation,
    };
    this.hindsight?.add(body, observation, action, nextObservation, "Ddpg.observe"); // before storing: may fail
    this.returns.add(body, step, terminated);
    this.observationNormalization?.add(this.#scaledObservation);
    this.rewardNormalization?.add(scaledReward, body);
    if (terminated) this.rewardNormalization?.endEpisode(body);
    this.#steps++;
    if (terminated) this.hindsight?.end(body, "Ddpg.observe");
  }

  /** Throws an InputError that begins with `where` unless the reward, and a sum with it, fits in Float32 after scaling. */
  #scaleReward(reward: number, body: BodyId, where: string): number {
    const scaled = reward * this.settings.rewardScale;
    const wanted = Number.isFinite(reward) ? "a number that fits in Float32 after scaling" : "a finite number";
    expect(Number.isFinite(Math.fround(scaled)), where, wanted, reward);
    this.returns.expectReward(body, scaled, where);
    return scaled;
  }

  /**
   * Makes the updates that are due, each on a random minibatch, and returns whether there were any. Call it once for
   * each time step, after `observe` and, if an episode ended, after `endEpisode`: it then makes one update, or whatever
   * `updateEvery` and `updatesPerStep` say. During the warm-up, and until N transitions are stored, it does nothing.
   * Throws a NotFiniteError if a loss or gradient is not finite.
   */
  learn(): boolean {
    const before = this.#updates;
    this.takeTurn();
    while (this.learnOnce());
    return this.#updates > before;
  }

  /** @internal Counts a time step for `learnOnce`. */
  takeTurn(): void {
    const { warmupSteps, batchSize } = this.settings;
    const stored = this.replayBuffer.stored - (this.hindsight?.stored ?? 0);
    const isReady = this.#steps >= warmupSteps && stored >= batchSize;
    if (isReady) this.schedule.takeTurn();
  }

  /** @internal Makes one update if one is due; returns whether it did. */
  learnOnce(): boolean {
    if (!this.schedule.isDue) return false;
    const errors = this.#absoluteErrors;
    const beta = importance(this.settings, this.#steps);
    this.replayBuffer.sample(this.minibatch, this.samplingRandom, beta);
    this.#normalizeMinibatch();
    this.update(errors);
    if (errors) this.replayBuffer.prioritize(errors);
    this.schedule.countUpdate();
    this.onUpdate?.();
    return true;
  }

  /** Applies the running normalizations, as they are now, to the sampled transitions. */
  #normalizeMinibatch(): void {
    const { observation, nextObservation, reward } = this.minibatch;
    this.observationNormalization?.applyToRows(observation);
    this.observationNormalization?.applyToRows(nextObservation);
    this.rewardNormalization?.apply(reward);
  }

  /** @internal Whether the next update moves the actor and the targets: every `actorDelay`-th does. */
  get movesActor(): boolean {
    return (this.#updates + 1) % this.settings.actorDelay === 0;
  }

  /**
   * @internal Performs steps 4 to 7 on the transitions in `minibatch`. Writes |y − Q(s, a)| of each row, before the
   * update and the larger one of two critics, to `absoluteErrors` [N] if it is given.
   */
  update(absoluteErrors: Float64Array | null = null): void {
    const { minibatch, y } = this;
    const { observation, action, reward, nextObservation, discount, weight } = minibatch;
    const N = y.length;

    // 4. Set yᵢ = rᵢ + γ Q′(sᵢ₊₁, μ′(sᵢ₊₁|θμ′)|θQ′), where γ is 0 if the task ended.
    const nextAction = this.targetActor.forward(nextObservation);
    this.targets.smooth(nextAction); // noise, with targetNoiseScale
    const nextValue = this.targets.lowest(minibatch, nextAction); // of both, with two critics
    for (let i = 0; i < N; i++) y[i] = reward[i] + discount[i] * nextValue[i];
    this.targets.project(minibatch); // y becomes a distribution, with a categorical critic

    // 5. Update critic by minimizing the loss L = 1/N Σᵢ (yᵢ − Q(sᵢ, aᵢ|θQ))², or that of criticLoss.
    for (const critic of this.critics) critic.compare(observation, action, this.targets, weight);
    if (absoluteErrors) this.targets.absoluteErrors(absoluteErrors, this.critics);
    this.diagnostics.readCritics(this.critics);
    if (!Number.isFinite(this.diagnostics.criticLoss)) throw new NotFiniteError(this.#notFinite("critic loss"));
    for (const critic of this.critics) critic.descend();
    this.diagnostics.readCriticGradients(this.critics);

    if (this.movesActor) {
      // 6. Update the actor policy using the sampled policy gradient:
      //    ∇θμ J ≈ 1/N Σᵢ ∇ₐQ(s, a|θQ)|s=sᵢ, a=μ(sᵢ) ∇θμ μ(s|θμ)|sᵢ.
      const policyAction = this.actor.forward(observation);
      const policyValue = this.critic.values(observation, policyAction);
      this.diagnostics.readActor(policyValue, policyAction, this.actor.penalty);
      if (!Number.isFinite(this.diagnostics.actorLoss)) throw new NotFiniteError(this.#notFinite("actor loss"));
      this.actor.ascend(this.critic.actionGradient());
      this.diagnostics.actorGradientNorm = this.actor.gradientNorm;

      // 7. Update the target networks: θQ′ ← τθQ + (1 − τ)θQ′, θμ′ ← τθμ + (1 − τ)θμ′.
      for (let j = 0; j < this.critics.length; j++) this.#follow(this.targetCritics[j], this.critics[j]);
      this.#follow(this.targetActor, this.actor);
    }
    this.#updates++;
  }

  /**
   * Step 7 for one network. With a joint pass of the critic there are no slow targets: μ′ is μ as it acts, and target critics
   * are copies that nothing reads, so that files and pages have the same networks with every setting.
   */
  #follow(target: Target, { parameters }: Target): void {
    if (this.settings.batchNormPass === "joint") target.parameters.copyFrom(parameters);
    else target.parameters.follow(parameters, this.#softUpdate);
  }

  /**
   * Call it when an episode of a body ends, also where a time limit cut it: restarts its noise (Algorithm 1, "Initialize a
   * random process 𝒩"), ends its returns over several steps and the return that rewards are normalized by, and stores the
   * episode again with other goals, with `hindsight`.
   */
  endEpisode(body: BodyId = 0): void {
    expectBody(body, "Ddpg.endEpisode body");
    this.returns.cut(body);
    this.noises.get(body)?.restart();
    this.rewardNormalization?.endEpisode(body);
    this.schedule.endEpisode();
    this.hindsight?.end(body, "Ddpg.endEpisode"); // last, because the environment's methods may fail
  }

  /**
   * Forgets the noise and the episode of a body that is gone, so that memory and files stay small if bodies come and go. If its id is
   * passed to `explore` again, that is a new body with other random numbers.
   */
  forget(body: BodyId): void {
    expectBody(body, "Ddpg.forget body");
    this.returns.forget(body);
    this.rewardNormalization?.endEpisode(body);
    this.generations.delete(body);
    if (this.noises.delete(body)) this.#forgotten++;
    this.hindsight?.end(body, "Ddpg.forget");
  }

  /** @internal The number of bodies forgotten. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Returns the name of the first tensor with a parameter that is not finite; `seen` if all are finite. */
  #notFinite(seen: string): string {
    for (const [name, { parameters }] of this.networks) {
      const tensor = parameters.names.find((tensorName) => !parameters.read(tensorName).every(Number.isFinite));
      if (tensor) return `${name} ${tensor}`;
    }
    return seen;
  }

  /**
   * Returns the 64-bit FNV-1a hash of the Float32 bytes of actor, critic, targetActor and targetCritic, then
   * of critic2 and targetCritic2 if there are two critics, as 16 hexadecimal digits. Two agents with the same fingerprint have the same parameters, bit for bit.
   */
  fingerprint(): string {
    return fingerprint([...this.networks.values()].map(({ parameters }) => parameters));
  }

  /**
   * Returns the agent as the bytes of a safetensors file, for `Ddpg.load`; a fresh array. Inside the loop of `train`,
   * they include the current episode if the environment has `save` and `restore`. Throws an InputError while a step of
   * `train` is under way, and for what `load` would refuse, such as a parameter that is not finite; an EnvironmentError
   * if the environment's `save` fails.
   */
  save(): Uint8Array {
    return encodeSafetensors(saveAgent(this));
  }

  /**
   * @internal Returns `save` in consecutive parts. Some are views of the replay buffer: write them before it changes.
   */
  saveParts(): Uint8Array[] {
    return safetensorsParts(saveAgent(this));
  }

  /** @internal Returns the noise of a body; creates it on first use. A loaded agent passes the saved generation. */
  noise(body: BodyId, generation = this.#forgotten): Noise {
    const noise = this.noises.get(body) ?? this.#createNoise(body, generation);
    this.noises.set(body, noise);
    return noise;
  }

  #createNoise(body: BodyId, generation: number): Noise {
    expectBody(body, "Ddpg body");
    // An id that was forgotten must not get the same random numbers again.
    if (generation > 0) this.generations.set(body, generation);
    const suffix = generation === 0 ? "" : ` ${generation}`;
    const random = this.explorationRandom.fork(`noise ${JSON.stringify(body)}${suffix}`);
    return createNoise(this.settings, this.units.actionSize, random, this.#perturbed);
  }
}

function expectBody(body: unknown, where: string): void {
  expect(isBodyId(body), where, "a finite number or a string", body);
}

/** What to write instead of `new Ddpg`. */
const created = {
  where: "new Ddpg",
  expected: "await Ddpg.create(environment, options)",
  got: "a call of the constructor",
};

async function build(
  environment: AgentEnvironment,
  settings: Settings,
  seed: number,
  options: BackendOptions,
): Promise<Ddpg> {
  const backend = await chooseBackend(options);
  // A person who asked for portable arithmetic knows that it is not fused.
  const reason = options.arithmetic === undefined ? backend.notFused : undefined;
  const warnings = reason === undefined ? [] : [notFusedWarning(reason)];
  const alone = options.threads === undefined ? backend : await chooseBackend({ ...options, threads: undefined });
  const make = (kernels: Kernels) => new Ddpg(kernels, environment, settings, seed, warnings, alone);
  return buildOver(backend, make, (agent) => {
    agent.restoreCounters(0, settings.actorDelay - 1, 0); // so that this update makes all steps
    agent.update();
  });
}
