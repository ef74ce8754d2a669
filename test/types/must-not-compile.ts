// Mistakes that the types must find. `npm run typecheck` fails where a line under @ts-expect-error compiles: a public type
// has become too loose. The calls that must compile are in must-compile.ts.
import {
  checkEnvironment,
  Ddpg,
  type DdpgOptions,
  type Environment,
  environments,
  evaluate,
  Pendulum,
  Policy,
  presets,
  Random,
  type Step,
  TimeLimit,
  toModule,
  toOnnx,
  train,
} from "ddpg";
import { createMujoco, type MujocoTask, reacher } from "ddpg/mujoco";
import { loadEnvironment, nodeThreads, type RunConfig, readMetrics, readPolicy } from "ddpg/node";

declare const agent: Ddpg;
declare const environment: Environment;
const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };

export async function options(): Promise<void> {
  // @ts-expect-error: no such option
  await Ddpg.create(environment, { sed: 1 });
  // @ts-expect-error: no such preset
  await Ddpg.create(environment, { preset: "large" });
  // @ts-expect-error: a seed is a number
  await Ddpg.create(environment, { seed: "1" });
  // @ts-expect-error: hidden sizes are a list
  await Ddpg.create(environment, { actorHiddenSizes: 64 });
  // @ts-expect-error: no such noise
  await Ddpg.create(environment, { noise: "purple" });
  // @ts-expect-error: no such activation
  await Ddpg.create(environment, { actorActivations: ["gelu"] });
  // @ts-expect-error: threads come from nodeThreads or webThreads, not as a number
  await Ddpg.create(environment, { threads: 2 });
  // @ts-expect-error: a saved agent keeps its settings
  await Ddpg.load(new Uint8Array(), environment, { batchSize: 32 });
  // @ts-expect-error: bytes, not the name of a file
  await Policy.load("policy.safetensors");
  // @ts-expect-error: an option may be left out, not be undefined
  const explicit: DdpgOptions = { preset: undefined };
  await Ddpg.create(environment, explicit);
}

export async function sizesAndBounds(): Promise<void> {
  // @ts-expect-error: bounds are missing
  await Ddpg.create({ observationSize: 2 });
  // @ts-expect-error: only one bound
  await Ddpg.create({ observationSize: 2, actionLow: [-1] });
  // @ts-expect-error: a bound is a list, one number a dimension
  await Ddpg.create({ ...spaces, actionHigh: 1 });
  // @ts-expect-error: what an agent was made for is no environment: it has no reset and no step
  train(agent, spaces);
}

// @ts-expect-error: no step
export class WithoutStep implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  reset(): number[] {
    return [0];
  }
}

export class WrongShape implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  // @ts-expect-error: an observation is a list, even of one number
  reset(): number {
    return 0;
  }
  // @ts-expect-error: Gymnasium's tuple; a Step is an object
  step(): [number[], number, boolean, boolean] {
    return [[0], 0, false, false];
  }
  // @ts-expect-error: the state is a Float64Array
  save(): string {
    return "{}";
  }
}

// @ts-expect-error: a step says whether the task terminated
export const withoutEnd: Step = { observation: [0], reward: 0 };
// @ts-expect-error: `done` does not say whether the task ended or was cut
export const done: Step = { observation: [0], reward: 0, terminated: false, done: true };

export function readonlyMembers(task: (typeof environments)[string], policy: Policy): void {
  // @ts-expect-error: an agent's settings are fixed
  agent.settings.batchSize = 32;
  // @ts-expect-error: an agent's seed is fixed
  agent.seed = 2;
  // @ts-expect-error: an agent keeps its policy
  agent.policy = policy;
  // @ts-expect-error: presets are fixed
  presets.small = presets.paper;
  // @ts-expect-error: the list of tasks is fixed
  environments.mine = task;
}

export async function loops(): Promise<void> {
  // @ts-expect-error: train yields steps when they are awaited
  for (const step of train(agent, environment)) console.log(step);
  for await (const { step, episode } of train(agent, environment)) {
    // @ts-expect-error: most steps end no episode
    console.log(step, episode.return);
  }
  // @ts-expect-error: no such option
  train(agent, environment, { steps: 1000 });
  // @ts-expect-error: the number of episodes has no default
  await evaluate(agent, environment, {});
  // @ts-expect-error: evaluate takes an agent or a policy first
  await evaluate(environment, agent, { episodes: 1 });
  // @ts-expect-error: an observation is a list of numbers
  agent.act(1);
  // @ts-expect-error: a function that makes environments, since more than one is needed
  await checkEnvironment(environment);
  // @ts-expect-error: no such option
  await checkEnvironment(() => environment, { rewardscale: 1 });
}

export function parts(): void {
  // @ts-expect-error: a time limit has a number of steps
  new TimeLimit(environment);
  // @ts-expect-error: the pendulum has no options
  new Pendulum({ gravity: 3 });
  // @ts-expect-error: a fork has a name
  new Random(1).fork();
  // @ts-expect-error: a policy, not the agent around it
  toOnnx(agent);
  // @ts-expect-error: a policy, not its bytes
  toModule(agent.policy.save());
}

export async function mujocoAndNode(): Promise<void> {
  // @ts-expect-error: no such option
  reacher({ rewardDistance: 1 });
  // @ts-expect-error: a task, not the name of one
  await createMujoco("Reacher-v5");
  // @ts-expect-error: a task has a model, and functions that look at its simulation
  const empty: MujocoTask = { name: "Empty" };
  // @ts-expect-error: a number of threads
  nodeThreads("4");
  // @ts-expect-error: best or last
  await readPolicy("runs/1", "worst");
  // @ts-expect-error: one module
  await loadEnvironment(["a.js", "b.js"]);
  for (const record of readMetrics("runs/1")) {
    // @ts-expect-error: only some records have it; look at `type` first
    console.log(record.meanReturn);
  }
  // @ts-expect-error: a run has a seed, settings, …
  const config: RunConfig = { environment: "Pendulum-v1" };
  console.log(empty, config);
}
