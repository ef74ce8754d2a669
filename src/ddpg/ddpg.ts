// Deep Deterministic Policy Gradient: Algorithm 1 of Lillicrap et al., «Continuous control with deep reinforcement
// learning», arXiv 1509.02971. The seven numbered comments are the algorithm's steps, in the paper's words; `train.ts`
// holds its two loops.
//
// s observation [O], a action [A] in [−1, 1], r reward, s′ next observation; μ actor, Q critic, μ′ and Q′ their targets;
// N transitions in a minibatch, γ discount, τ soft-update rate, 𝒩 noise.
import { expect } from "../base/expect.ts";
import { Random } from "../base/random.ts";
import { decodeSafetensors, encodeSafetensors, safetensorsParts } from "../base/safetensors.ts";
import { buildOverWasm } from "../kernels/create.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { Threads } from "../kernels/wasm/threads.ts";
import { NotFiniteError } from "../nn/adam.ts";
import { Network } from "../nn/network.ts";
import { allocateMatrix } from "../nn/parameters.ts";
import { Actor, actorShape } from "./actor.ts";
import { SavedAgent, saveAgent } from "./agent-state.ts";
import { type PresetName, type Settings, settingsFrom } from "./config.ts";
import { Critic, criticShape } from "./critic.ts";
import { Diagnostics } from "./diagnostics.ts";
import { fingerprint } from "./fingerprint.ts";
import { initialize } from "./initialization.ts";
import type { LoopState } from "./loop-state.ts";
import { annealing, createNoise, type Noise } from "./noise.ts";
import { Policy } from "./policy.ts";
import { type Minibatch, ReplayBuffer } from "./replay-buffer.ts";
import { type Spaces, Units } from "./units.ts";

/** A seed, a preset to start from, and the settings that differ from it. */
export interface DdpgOptions extends Partial<Settings> {
  /** All chance comes from it; the same seed gives the same bits everywhere. 1 unless given. */
  seed?: number;
  /** `standard` unless given. */
  preset?: PresetName;
  /** From `nodeThreads` of `ddpg/node`, or from `webThreads`: large networks learn on several cores, with the same bits. */
  threads?: Threads;
}

/** An agent: everything that Algorithm 1 initialises, and one method for each thing that happens in its loops. */
export class Ddpg {
  /** The seed that it was created with. */
  readonly seed: number;
  /** All settings: those of the preset and those that were given. They never change. */
  readonly settings: Readonly<Settings>;
  /** How many threads an update may use: 1 without others, and where they would not make it faster. */
  readonly threads: number;
  /** Maps between the environment's units and the networks' numbers. */
  readonly units: Units;
  readonly actor: Actor;
  readonly critic: Critic;
  readonly targetActor: Actor;
  readonly targetCritic: Critic;
  readonly replayBuffer: ReplayBuffer;
  readonly minibatch: Minibatch;
  /** The actor's policy in the environment's units, always as it is now. */
  readonly policy: Policy;
  /** What the last update measured; reused by the next. */
  readonly diagnostics: Diagnostics;
  /** y, the values to learn towards: [N]; reused by the next update. */
  readonly y: Float64Array;
  readonly #value: Network;
  readonly #lossGradient: Float64Array;
  readonly #softUpdate: { readonly rate: number };
  /** The stream for the resets of the environment that the agent learns from. */
  readonly environmentRandom: Random;
  /** The stream for random actions. */
  readonly explorationRandom: Random;
  /** The stream that draws minibatches. */
  readonly samplingRandom: Random;
  /** Each body's noise, by its number. */
  readonly noises = new Map<number, Noise>();
  /** Where `train` is with this agent; null before it. */
  loop: LoopState | null = null;
  readonly #scaledObservation: Float32Array;
  readonly #scaledNextObservation: Float32Array;
  readonly #unitAction: Float32Array;

  /** An agent for an environment of these sizes and bounds. Throws an InputError for settings that do not fit. */
  static async create(environment: Spaces, options: DdpgOptions = {}): Promise<Ddpg> {
    const { seed = 1, preset = "standard", threads, ...changes } = options;
    expect(Number.isSafeInteger(seed) && seed >= 0, "seed", "a whole number of at least 0", seed);
    const settings = settingsFrom(preset, changes);
    return build(environment, settings, seed, threads);
  }

  /**
   * The agent that `save` saved, with everything that its next steps depend on: it goes on as if nothing had happened.
   * Throws an InputError that names the field for bytes that are no agent's, or one of another environment.
   */
  static async load(bytes: Uint8Array, environment: Spaces, options: Pick<DdpgOptions, "threads"> = {}): Promise<Ddpg> {
    const where = "Ddpg.load";
    const saved = new SavedAgent(decodeSafetensors(bytes, where), where);
    saved.units.expectSame(environment, `${where} environment`);
    const agent = await build(environment, saved.settings, saved.seed, options.threads);
    saved.restore(agent);
    return agent;
  }

  /** For kernels of one's own; otherwise use `create`. */
  constructor(kernels: Kernels, environment: Spaces, settings: Settings, seed: number) {
    const { batchSize, replayCapacity } = settings;
    this.seed = seed;
    this.settings = Object.freeze(settings);
    this.threads = kernels.threads;
    this.units = new Units(environment, settings);
    const { observationSize, actionSize } = this.units;
    const random = new Random(seed);
    this.environmentRandom = random.fork("environment");
    this.explorationRandom = random.fork("exploration");
    this.samplingRandom = random.fork("sampling");

    // Randomly initialise critic network Q(s, a|θQ) and actor μ(s|θμ) with weights θQ and θμ.
    const muShape = actorShape(settings, observationSize, actionSize);
    const qShape = criticShape(settings, observationSize, actionSize);
    this.actor = new Actor(kernels, muShape, settings, true);
    this.critic = new Critic(kernels, qShape, settings, true);
    initialize(this.actor.parameters, muShape, settings, random.fork("actor"));
    initialize(this.critic.parameters, qShape, settings, random.fork("critic"));

    // Initialise target networks Q′ and μ′ with weights θQ′ ← θQ, θμ′ ← θμ.
    this.targetActor = new Actor(kernels, muShape, settings, false);
    this.targetCritic = new Critic(kernels, qShape, settings, false);
    this.targetActor.parameters.copyFrom(this.actor.parameters);
    this.targetCritic.parameters.copyFrom(this.critic.parameters);

    // Initialise replay buffer R.
    this.replayBuffer = new ReplayBuffer(replayCapacity, observationSize, actionSize);

    this.minibatch = {
      observation: allocateMatrix(kernels, batchSize, observationSize),
      action: allocateMatrix(kernels, batchSize, actionSize),
      reward: new Float64Array(batchSize),
      nextObservation: allocateMatrix(kernels, batchSize, observationSize),
      terminated: new Float64Array(batchSize),
    };
    this.y = new Float64Array(batchSize);
    this.#lossGradient = new Float64Array(batchSize);
    this.#softUpdate = { rate: settings.softUpdateRate };
    this.policy = new Policy(kernels, settings, this.actor.parameters, this.units);
    this.#value = new Network(kernels, qShape, this.critic.parameters, 1, false);
    this.diagnostics = new Diagnostics(actionSize);
    this.#scaledObservation = new Float32Array(observationSize);
    this.#scaledNextObservation = new Float32Array(observationSize);
    this.#unitAction = new Float32Array(actionSize);
    this.noise(0); // so that a noiseScale of a wrong length is refused at once
  }

  /** μ and μ′ begin as a policy. Throws an InputError unless its sizes, bounds, layers and scaling are the agent's. */
  startFrom(policy: Policy): void {
    this.policy.expectSame(policy, "Ddpg.startFrom policy");
    this.actor.parameters.copyFrom(policy.parameters);
    this.targetActor.parameters.copyFrom(policy.parameters);
  }

  /** How many updates were made. */
  get updates(): number {
    return this.actor.adam?.steps ?? 0;
  }

  /** μ(s), without noise, in the environment's units; a fresh array [A]. */
  act(observation: ArrayLike<number>): Float32Array {
    return this.policy.act(observation);
  }

  /** Q(s, μ(s)), what the critic expects of an observation, in scaled rewards. */
  value(observation: ArrayLike<number>): number {
    const action = this.policy.forward(observation, "Ddpg.value observation");
    return this.#value.forward(this.policy.observation, action, false).at(0, 0);
  }

  /**
   * An action to learn from, in the environment's units; a fresh array [A]. Where several bodies share the agent, each
   * gives its number, for each has noise of its own.
   */
  explore(observation: ArrayLike<number>, body = 0): Float32Array {
    // 1. Select action aₜ = μ(sₜ|θμ) + 𝒩ₜ according to the current policy and exploration noise.
    const mu = this.policy.forward(observation, "Ddpg.explore observation").data;
    const noise = this.noise(body);
    const a = this.#unitAction;
    const stepsOfNoise = this.replayBuffer.stored - this.settings.warmupSteps;
    if (stepsOfNoise < 0) {
      for (let i = 0; i < a.length; i++) a[i] = this.explorationRandom.uniform(-1, 1);
    } else {
      const x = noise.sample();
      const size = annealing(this.settings, stepsOfNoise);
      for (let i = 0; i < a.length; i++) a[i] = Math.min(1, Math.max(-1, mu[i] + size * x[i]));
    }
    return this.units.toEnvironment(a);
  }

  // 2. Execute action aₜ and observe reward rₜ and new state sₜ₊₁: the environment's `step`, called in `train.ts`.

  /** Stores what a step gave, in the environment's units; copies. `terminated` is never true for a mere time limit. */
  observe(
    observation: ArrayLike<number>,
    action: ArrayLike<number>,
    reward: number,
    nextObservation: ArrayLike<number>,
    terminated: boolean,
  ): void {
    // 3. Store transition (sₜ, aₜ, rₜ, sₜ₊₁) in R, and (in `learn`) sample a random minibatch of N transitions from R.
    this.units.scaleObservation(this.#scaledObservation, observation, "Ddpg.observe observation");
    this.units.fromEnvironment(this.#unitAction, action, "Ddpg.observe action");
    this.units.scaleObservation(this.#scaledNextObservation, nextObservation, "Ddpg.observe nextObservation");
    const scaledReward = reward * this.settings.rewardScale;
    expect(Number.isFinite(Math.fround(scaledReward)), "Ddpg.observe reward", "a finite number", reward);
    expect(typeof terminated === "boolean", "Ddpg.observe terminated", "true or false", terminated);
    this.replayBuffer.store(
      this.#scaledObservation,
      this.#unitAction,
      scaledReward,
      this.#scaledNextObservation,
      terminated,
    );
  }

  /** One update from a fresh minibatch; false, and nothing happens, during warm-up and before there is a minibatch. */
  learn(): boolean {
    const { warmupSteps, batchSize } = this.settings;
    if (this.replayBuffer.stored < Math.max(warmupSteps, batchSize)) return false;
    this.replayBuffer.sample(this.minibatch, this.samplingRandom);
    this.update();
    return true;
  }

  /** Steps 4 to 7 on the transitions that `minibatch` holds. */
  update(): void {
    const { discount } = this.settings;
    const { observation, action, reward, nextObservation, terminated } = this.minibatch;
    const { y } = this;
    const N = y.length;

    // 4. Set yᵢ = rᵢ + γ Q′(sᵢ₊₁, μ′(sᵢ₊₁|θμ′)|θQ′); nothing follows where the task ended.
    const nextAction = this.targetActor.forward(nextObservation);
    const nextValue = this.targetCritic.forward(nextObservation, nextAction);
    for (let i = 0; i < N; i++) y[i] = reward[i] + discount * (1 - terminated[i]) * nextValue.at(i, 0);

    // 5. Update critic by minimising the loss L = 1/N Σᵢ (yᵢ − Q(sᵢ, aᵢ|θQ))², so that ∂L/∂Qᵢ = 2/N (Qᵢ − yᵢ).
    const value = this.critic.forward(observation, action);
    for (let i = 0; i < N; i++) this.#lossGradient[i] = (2 / N) * (value.at(i, 0) - y[i]);
    this.diagnostics.readCritic(value, y);
    if (!Number.isFinite(this.diagnostics.criticLoss)) throw new NotFiniteError(this.#notFinite("critic loss"));
    this.critic.descend(this.#lossGradient);
    this.diagnostics.criticGradientNorm = this.critic.gradientNorm;

    // 6. Update the actor policy using the sampled policy gradient:
    //    ∇θμ J ≈ 1/N Σᵢ ∇ₐQ(s, a|θQ)|s=sᵢ, a=μ(sᵢ) ∇θμ μ(s|θμ)|sᵢ.
    const policyAction = this.actor.forward(observation);
    const policyValue = this.critic.forward(observation, policyAction);
    this.diagnostics.readActor(policyValue, policyAction);
    if (!Number.isFinite(this.diagnostics.actorLoss)) throw new NotFiniteError(this.#notFinite("actor loss"));
    this.actor.ascend(this.critic.actionGradient());
    this.diagnostics.actorGradientNorm = this.actor.gradientNorm;

    // 7. Update the target networks: θQ′ ← τθQ + (1 − τ)θQ′, θμ′ ← τθμ + (1 − τ)θμ′.
    this.targetCritic.parameters.follow(this.critic.parameters, this.#softUpdate);
    this.targetActor.parameters.follow(this.actor.parameters, this.#softUpdate);
  }

  /** An episode of a body ended: its noise starts anew (Algorithm 1, «Initialise a random process 𝒩»). */
  endEpisode(body = 0): void {
    this.noise(body).restart();
  }

  /** The tensor that is not finite, where a parameter is; else what was seen. */
  #notFinite(seen: string): string {
    for (const name of ["actor", "critic", "targetActor", "targetCritic"] as const) {
      const { parameters } = this[name];
      const tensor = parameters.names.find((tensorName) => !parameters.read(tensorName).every(Number.isFinite));
      if (tensor) return `${name} ${tensor}`;
    }
    return seen;
  }

  /** 64-bit FNV-1a over the Float32 bytes of actor, critic, targetActor and targetCritic, as 16 hexadecimal digits. */
  fingerprint(): string {
    const networks = [this.actor, this.critic, this.targetActor, this.targetCritic];
    return fingerprint(networks.map(({ parameters }) => parameters));
  }

  /**
   * The agent as a safetensors file, for `Ddpg.load`; a fresh array. In the loop of `train`, between two steps, it holds
   * the episode that goes on as well, as far as the environment has `save` and `restore`.
   */
  save(): Uint8Array {
    return encodeSafetensors(saveAgent(this));
  }

  /** The same in parts that follow one another, views of the replay buffer among them: write them before it goes on. */
  saveParts(): Uint8Array[] {
    return safetensorsParts(saveAgent(this));
  }

  /** A body's noise; made when it is first asked for. */
  noise(body: number): Noise {
    const stream = () => this.explorationRandom.fork(`noise ${body}`);
    const noise = this.noises.get(body) ?? createNoise(this.settings, this.units.actionSize, stream());
    this.noises.set(body, noise);
    return noise;
  }
}

function build(environment: Spaces, settings: Settings, seed: number, threads: Threads | undefined): Promise<Ddpg> {
  const known = threads === undefined || threads instanceof Threads;
  expect(known, "threads", "those of nodeThreads, from ddpg/node, or of webThreads", threads);
  const make = (kernels: Kernels) => new Ddpg(kernels, environment, settings, seed);
  return buildOverWasm(make, { threads, use: (agent) => agent.update() });
}
