// Observes one time step: the inputs and outputs of the seven steps of src/ddpg/ddpg.ts. Observing does not change the
// agent.
import type { Ddpg } from "../src/ddpg/ddpg.ts";
import { annealing } from "../src/ddpg/noise.ts";
import type { TrainingStep } from "../src/ddpg/train.ts";
import { readMatrix, type Vector } from "../src/kernels/matrix.ts";

// Shapes: N rows in a minibatch, O observation size, A action size. Values are scaled as the networks see them unless
// noted.

/** The inputs and outputs of steps 1 to 7. */
export interface UpdateDetail {
  readonly step: number;
  /** s, μ(s), 𝒩, a, r and s′ in the environment's units. */
  readonly observation: readonly number[];
  readonly policyAction: readonly number[];
  /** 𝒩 after annealing: a is μ(s) + 𝒩, clipped to the bounds. There is none during warm-up. */
  readonly noise: readonly number[];
  readonly action: readonly number[];
  readonly reward: number;
  readonly nextObservation: readonly number[];
  /** Whether the action was drawn at random, as it is during warm-up. */
  readonly isWarmup: boolean;
  /** Transitions in the replay buffer. */
  readonly stored: number;
  /** null if the step made no update. */
  readonly update: {
    /** Counts from 1. */
    readonly number: number;
    readonly rows: number;
    readonly observationSize: number;
    readonly actionSize: number;
    /** What rewards were multiplied by before the critic saw them. */
    readonly rewardFactor: number;
    /** Running normalization of observations: m and 1 / √(v + ε) [O] each; null without it. */
    readonly normalization: { readonly means: Float64Array; readonly factors: Float64Array } | null;
    /** The minibatch: s [N, O], a [N, A], r [N], s′ [N, O], discount [N]. */
    readonly observation: Float64Array;
    readonly action: Float64Array;
    readonly reward: Float64Array;
    readonly nextObservation: Float64Array;
    readonly discount: Float64Array;
    /** μ′(s′) [N, A] with its noise, Q′(s′, μ′(s′)) [N], the lower one of two critics, and y [N]. */
    readonly nextAction: Float64Array;
    readonly nextValue: Float64Array;
    readonly y: Float64Array;
    /** Q(s, a) [N] before the critic's update. */
    readonly value: Float64Array;
    readonly loss: number;
    readonly criticGradientNorm: number;
    readonly criticMoved: number;
    /** The distance that a second critic moved; null without one. */
    readonly critic2Moved: number | null;
    /** Whether the update made steps 6 and 7. With `actorDelay`, most do not: the numbers below are then empty or 0. */
    readonly movedActor: boolean;
    /** μ(s) [N, A] before the actor's update, with Q(s, μ(s)) [N] and ∂Q/∂a [N, A] at that action. */
    readonly policyAction: Float64Array;
    readonly policyValue: Float64Array;
    readonly actionGradient: Float64Array;
    readonly actorGradientNorm: number;
    readonly actorMoved: number;
    /** Euclidean distances over all parameters: how far the targets moved, and how far their networks still are. */
    readonly targetCriticMoved: number;
    readonly targetActorMoved: number;
    readonly targetCriticDistance: number;
    readonly targetActorDistance: number;
  } | null;
}

/** A copy of what a step will change, made before the step. */
export class BeforeUpdate {
  readonly #agent: Ddpg;
  /** The parameters of every network, by name. */
  readonly #parameters: ReadonlyMap<string, Vector>;
  readonly #observation: number[];
  readonly #isWarmup: boolean;
  readonly #policyAction: number[];
  /** The saved state of the noise. */
  readonly #noise: Float64Array;
  readonly #noiseSize: number;

  /** `observation` is the one that the agent's next action will answer, in the environment's units. */
  constructor(agent: Ddpg, observation: ArrayLike<number>) {
    this.#agent = agent;
    this.#parameters = new Map([...agent.networks].map(([name, { parameters }]) => [name, parameters.values.slice()]));
    this.#observation = Array.from(observation);
    const steps = agent.steps - agent.settings.warmupSteps;
    this.#isWarmup = steps < 0;
    this.#noise = agent.noise(0).save();
    this.#noiseSize = annealing(agent.settings, steps);
    this.#policyAction = Array.from(agent.act(observation));
  }

  /** The details, once the step is done. */
  detail({ step, action, observation, reward, learned }: TrainingStep): UpdateDetail {
    const agent = this.#agent;
    return {
      step,
      observation: this.#observation,
      policyAction: this.#policyAction,
      noise: this.#drawn(action),
      action: Array.from(action),
      reward,
      nextObservation: Array.from(observation),
      isWarmup: this.#isWarmup,
      stored: agent.replayBuffer.size,
      update: learned ? this.#update() : null,
    };
  }

  /** Draws 𝒩 again from the saved state, in the environment's units. */
  #drawn(action: ArrayLike<number>): number[] {
    // The actor that parameter noise perturbed has learned since. Its actions are never clipped.
    if (this.#agent.settings.noise === "parameter") return Array.from(action, (a, i) => a - this.#policyAction[i]);
    const noise = this.#agent.noise(0);
    const { actionLow, actionHigh } = this.#agent.units;
    const after = noise.save();
    noise.restore(this.#noise);
    const drawn = Array.from(noise.sample(), (x, i) => (this.#noiseSize * x * (actionHigh[i] - actionLow[i])) / 2);
    noise.restore(after);
    return drawn;
  }

  #update(): NonNullable<UpdateDetail["update"]> {
    const { minibatch, actor, critic, targetActor, targetCritic, targets, diagnostics, units } = this.#agent;
    // The update left these in place: the critic's last backward pass was that of step 6.
    const movedActor = this.#agent.updates % this.#agent.settings.actorDelay === 0;
    const policyAction = movedActor ? readMatrix(actor.output) : new Float64Array(0);
    const policyValue = movedActor ? critic.head.values.slice() : new Float64Array(0);
    const actionGradient = movedActor ? readMatrix(critic.actionGradient()) : new Float64Array(0);
    const { observationNormalization } = this.#agent;
    return {
      number: this.#agent.updates,
      rows: minibatch.reward.length,
      rewardFactor: this.#agent.rewardFactor,
      // The update used these: they move with the next step.
      normalization: observationNormalization && {
        means: observationNormalization.means.slice(),
        factors: observationNormalization.factors.slice(),
      },
      observationSize: units.observationSize,
      actionSize: units.actionSize,
      observation: readMatrix(minibatch.observation),
      action: readMatrix(minibatch.action),
      reward: minibatch.reward.slice(),
      nextObservation: readMatrix(minibatch.nextObservation),
      discount: minibatch.discount.slice(),
      nextAction: readMatrix(targetActor.output),
      nextValue: targets.nextValue.slice(),
      y: this.#agent.y.slice(),
      value: this.#valueBefore(),
      loss: diagnostics.criticLoss,
      criticGradientNorm: diagnostics.criticGradientNorm,
      criticMoved: this.#moved("critic"),
      critic2Moved: this.#agent.networks.has("critic2") ? this.#moved("critic2") : null,
      movedActor,
      policyAction,
      policyValue,
      actionGradient,
      actorGradientNorm: diagnostics.actorGradientNorm,
      actorMoved: this.#moved("actor"),
      targetCriticMoved: this.#moved("targetCritic"),
      targetActorMoved: this.#moved("targetActor"),
      targetCriticDistance: distance(targetCritic.parameters.values, critic.parameters.values),
      targetActorDistance: distance(targetActor.parameters.values, actor.parameters.values),
    };
  }

  /** The Euclidean distance that a network's parameters moved. */
  #moved(network: string): number {
    return distance(this.#before(network), this.#agent.networks.get(network)?.parameters.values ?? []);
  }

  #before(network: string): Vector {
    return this.#parameters.get(network) ?? new Float32Array(0);
  }

  /** Computes Q(s, a) again with the critic's old parameters, because step 6 has overwritten it. */
  #valueBefore(): Float64Array {
    const { critic, minibatch, targetActor } = this.#agent;
    const moved = critic.parameters.values.slice();
    critic.parameters.values.set(this.#before("critic"));
    const value = critic.recordedValues(minibatch, targetActor.output).slice();
    critic.parameters.values.set(moved);
    return value;
  }
}

/** The Euclidean distance. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return Math.sqrt(squares);
}
