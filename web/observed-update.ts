// One time step, seen from beside: what the seven steps of src/ddpg/ddpg.ts took and gave. The agent is left as it would
// be without.
import type { Ddpg } from "../src/ddpg/ddpg.ts";
import { annealing } from "../src/ddpg/noise.ts";
import type { TrainingStep } from "../src/ddpg/train.ts";
import { type Matrix, readMatrix, type Vector } from "../src/kernels/matrix.ts";

// N rows in a minibatch, O observation, A action. Everything in the networks' numbers, but where it says otherwise.

/** What steps 1 to 7 took and gave. */
export interface UpdateDetail {
  readonly step: number;
  /** s, a, r and s′ in the environment's units, and μ(s) and 𝒩 beside a. */
  readonly observation: readonly number[];
  readonly policyAction: readonly number[];
  /** 𝒩 as it was drawn, annealed: a is their sum, within the bounds. Not drawn during the warm-up. */
  readonly noise: readonly number[];
  readonly action: readonly number[];
  readonly reward: number;
  readonly nextObservation: readonly number[];
  /** Whether the action was drawn at random, as it is during the warm-up. */
  readonly isWarmup: boolean;
  /** Transitions in the replay buffer. */
  readonly stored: number;
  /** Null where no update followed. */
  readonly update: {
    /** Its number, from 1. */
    readonly number: number;
    readonly rows: number;
    readonly observationSize: number;
    readonly actionSize: number;
    /** The minibatch: [N, O], [N, A], [N], [N, O], [N]. */
    readonly observation: Float64Array;
    readonly action: Float64Array;
    readonly reward: Float64Array;
    readonly nextObservation: Float64Array;
    readonly discount: Float64Array;
    /** μ′(s′) [N, A], Q′(s′, μ′(s′)) [N], y [N]. */
    readonly nextAction: Float64Array;
    readonly nextValue: Float64Array;
    readonly y: Float64Array;
    /** Q(s, a) [N] before the critic moved. */
    readonly value: Float64Array;
    readonly loss: number;
    readonly criticGradientNorm: number;
    readonly criticMoved: number;
    /** μ(s) [N, A] before the actor moved, Q(s, μ(s)) [N] and ∂Q/∂a [N, A] there. */
    readonly policyAction: Float64Array;
    readonly policyValue: Float64Array;
    readonly actionGradient: Float64Array;
    readonly actorGradientNorm: number;
    readonly actorMoved: number;
    /** How far the targets went, and how far they still are from the networks that they follow: Euclidean. */
    readonly targetCriticMoved: number;
    readonly targetActorMoved: number;
    readonly targetCriticDistance: number;
    readonly targetActorDistance: number;
  } | null;
}

/** What a step will have changed, kept before it is made. */
export class BeforeUpdate {
  readonly #agent: Ddpg;
  /** The parameters of every network, by its name. */
  readonly #parameters: ReadonlyMap<string, Vector>;
  readonly #observation: number[];
  readonly #isWarmup: boolean;
  readonly #policyAction: number[];
  /** Of the noise. */
  readonly #noise: Float64Array;
  readonly #noiseSize: number;

  /** The agent, and what its next action will answer to. */
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

  /** After the step. */
  detail({ step, action, observation, reward, learned }: TrainingStep): UpdateDetail {
    const agent = this.#agent;
    return {
      step,
      observation: this.#observation,
      policyAction: this.#policyAction,
      noise: this.#drawn(),
      action: Array.from(action),
      reward,
      nextObservation: Array.from(observation),
      isWarmup: this.#isWarmup,
      stored: agent.replayBuffer.size,
      update: learned ? this.#update() : null,
    };
  }

  /** 𝒩 once more, in the environment's units. */
  #drawn(): number[] {
    const noise = this.#agent.noise(0);
    const { actionLow, actionHigh } = this.#agent.units;
    const after = noise.save();
    noise.restore(this.#noise);
    const drawn = Array.from(noise.sample(), (x, i) => (this.#noiseSize * x * (actionHigh[i] - actionLow[i])) / 2);
    noise.restore(after);
    return drawn;
  }

  #update(): NonNullable<UpdateDetail["update"]> {
    const { minibatch, actor, critic, targetActor, targetCritic, diagnostics, units } = this.#agent;
    // These still are what the update left: the critic's gradient by the action is of its last pass, that of step 6.
    const policyAction = readMatrix(actor.output);
    const policyValue = readMatrix(critic.output);
    const actionGradient = readMatrix(critic.actionGradient());
    return {
      number: this.#agent.updates,
      rows: minibatch.reward.length,
      observationSize: units.observationSize,
      actionSize: units.actionSize,
      observation: readMatrix(minibatch.observation),
      action: readMatrix(minibatch.action),
      reward: minibatch.reward.slice(),
      nextObservation: readMatrix(minibatch.nextObservation),
      discount: minibatch.discount.slice(),
      nextAction: readMatrix(targetActor.output),
      nextValue: readMatrix(targetCritic.output),
      y: this.#agent.y.slice(),
      value: readMatrix(this.#valueBefore()),
      loss: diagnostics.criticLoss,
      criticGradientNorm: diagnostics.criticGradientNorm,
      criticMoved: this.#moved("critic"),
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

  /** How far a network's parameters moved: Euclidean. */
  #moved(network: string): number {
    return distance(this.#before(network), this.#agent.networks.get(network)?.parameters.values ?? []);
  }

  #before(network: string): Vector {
    return this.#parameters.get(network) ?? new Float32Array(0);
  }

  /** Q(s, a) once more, by the parameters that the critic had: step 6 has overwritten it. */
  #valueBefore(): Matrix {
    const { critic, minibatch } = this.#agent;
    const moved = critic.parameters.values.slice();
    critic.parameters.values.set(this.#before("critic"));
    const value = critic.forward(minibatch.observation, minibatch.action);
    critic.parameters.values.set(moved);
    return value;
  }
}

/** Euclidean. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return Math.sqrt(squares);
}
