import { expect, InputError } from "../../base/expect.ts";
import { decodeSafetensors } from "../../base/safetensors.ts";
import { Ddpg, type DdpgOptions } from "../../ddpg/ddpg.ts";
import { checkPolicy, differingSetting } from "../../ddpg/policy.ts";
import type { Environment } from "../../environment/environment.ts";
import { EnvironmentCalls, isPromise } from "../../environment/environment-calls.ts";
import type { FrameRow } from "./frame.ts";
import type { ActorTask } from "./task.ts";
import type { Weights } from "./weights.ts";

export interface ActingOptions extends Pick<DdpgOptions, "backend" | "noiseScale"> {
  /** The seed of the episodes' starts and of the noise. */
  seed: number;
  /** The name that errors use for the environment. */
  name: string;
  stepTimeout?: number | undefined;
}

/**
 * Acts for a learner elsewhere: explores as the learner's settings say, with the weights that it sends. It is an agent that
 * never learns, so noise, warm-up and normalization are those of training.
 */
export class Acting {
  readonly #agent: Ddpg;
  readonly #environment: Environment;
  readonly #options: ActingOptions;
  #version = 0;
  /** The learner's time steps, as far as it is known. */
  #step = 0;

  static async create(task: ActorTask, environment: Environment, options: ActingOptions): Promise<Acting> {
    const { seed, backend, noiseScale = task.settings.noiseScale } = options;
    // What only learning needs takes no memory.
    const unused = { batchSize: 2, replayCapacity: 2, returnSteps: 1, critics: 1, actorDelay: 1 } as const;
    const plain = { hindsight: "none", replayPriority: "none", criticLoss: "squared" } as const;
    const settings = { ...task.settings, ...unused, ...plain, noiseScale };
    // Roundings of an actor decide nothing: its actions are a part of the stream.
    const agent = await Ddpg.create(environment, { seed, ...settings, ...(backend && { backend }) });
    return new Acting(agent, environment, options);
  }

  private constructor(agent: Ddpg, environment: Environment, options: ActingOptions) {
    this.#agent = agent;
    this.#environment = environment;
    this.#options = options;
  }

  /** The version of the weights that act. */
  get version(): number {
    return this.#version;
  }

  /** Acts with other weights from the next step on. Throws an InputError that begins with `where` for a policy of another task. */
  take({ bytes, version, step }: Weights, where: string): void {
    const contents = decodeSafetensors(bytes, where);
    const { settings, units } = checkPolicy(contents, where);
    const { policy } = this.#agent;
    policy.units.expectSame(units, where);
    const name = differingSetting(policy.settings, settings);
    expect(name === undefined, `${where} settings`, "those of the task", name);
    policy.restore(contents, where);
    this.#version = version;
    this.#advance(step);
  }

  /** Takes the learner's time steps, which end the warm-up and shrink the noise. */
  #advance(step: number): void {
    this.#step = step;
    this.#agent.restoreCounters(step, 0, 0);
  }

  /**
   * Takes what the learner said since the last step. Returns what is wrong with weights that are damaged, with "" for nothing:
   * the last ones act on.
   */
  hear(weights: Weights | undefined, step: number): string {
    let problem = "";
    try {
      if (weights) this.take(weights, "weights");
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problem = `${error.message} They are ignored.`;
    }
    if (step > this.#step) this.#advance(step);
    return problem;
  }

  /** Acts without end. The caller takes weights between two steps, and ends the loop. */
  async *rows(): AsyncGenerator<FrameRow, never, void> {
    const agent = this.#agent;
    const { name, stepTimeout } = this.#options;
    let episode = 1;
    let length = 0;
    const where = (): string => `${name} episode ${episode} step ${length}`;
    const calls = new EnvironmentCalls(this.#environment, where, stepTimeout);
    try {
      for (;;) {
        length = 0;
        let observation = new Float64Array(agent.units.observationSize);
        await calls.reset(observation, agent.environmentRandom);
        for (let isOver = false; !isOver; ) {
          length++;
          const action = agent.explore(observation);
          const nextObservation = new Float64Array(observation.length);
          const given = calls.step(nextObservation, action.slice()); // the environment may overwrite the array
          const { reward, terminated, truncated = false, info } = isPromise(given) ? await given : given;
          isOver = terminated || truncated;
          if (isOver) agent.endEpisode();
          const copy = info && { ...info };
          yield { observation, action, reward, nextObservation, terminated, truncated, info: copy };
          observation = nextObservation;
        }
        episode++;
      }
    } finally {
      calls.abandon();
    }
  }
}
