// Every option beyond the paper, switched on. A new option joins by one line of `options`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toModule } from "../export/module.ts";
import { readOnnx } from "../export/onnx.case.ts";
import { toOnnx } from "../export/onnx.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { readMatrix } from "../kernels/matrix.ts";
import { allowFused } from "../node/allow-fused.ts";
import { patientThreads } from "../node/patient-threads.case.ts";
import { go, PendulumWithGoals, without, withPause } from "./agent-state.case.ts";
import type { Settings } from "./config.ts";
import { Ddpg } from "./ddpg.ts";
import type { Target } from "./learner.ts";
import { Policy } from "./policy.ts";
import { train } from "./train.ts";

/** Settings that each switch on one option. They must change what is learned. */
const options: Readonly<Record<string, Partial<Settings>>> = {
  "two critics": { critics: 2 },
  "a delayed actor": { actorDelay: 3 },
  "smoothed targets": { targetNoiseScale: 0.2, targetNoiseClip: 0.1 },
  "Huber loss": { criticLoss: "huber" },
  "a categorical critic": { criticLoss: "categorical", criticAtoms: 11, criticSupport: 20 },
  "gradient clipping": { criticGradientClip: 0.5 },
  "decoupled weight decay": { decoupledWeightDecay: 0.1 },
  "a pre-activation penalty": { preactivationPenalty: 0.1 },
  hindsight: { hindsight: "future", hindsightGoals: 2 },
};
const joint: Partial<Settings> = { normalization: "batch", batchNormPass: "joint" };

const all = Object.assign({}, ...Object.values(options)) as Partial<Settings>;
const combinations: Readonly<Record<string, Partial<Settings>>> = {
  ...options,
  "all options": all,
  "batch normalization with a joint pass": joint,
  "all options, batch normalization with a joint pass": { ...all, ...joint },
  "all options, layer and running normalization": {
    ...all,
    normalization: "layer",
    observationNormalization: true,
    rewardNormalization: true,
    rewardScale: 1,
  },
  "all options, batch normalization, several updates for each step": {
    ...all,
    normalization: "batch",
    updatesPerStep: 2,
  },
};
const create = PendulumWithGoals.cut;
const states = [-1, 0.3, 1].map((x) => [x, -x, 3 * x]);
allowFused();

for (const [name, changes] of Object.entries(combinations)) {
  for (const arithmetic of ["portable", "fused"] as const satisfies Arithmetic[]) {
    test(`${name}, ${arithmetic}: an agent saved in mid-run continues with the same bits, threads too, and its policy acts the same in every form`, async () => {
      const settings = { warmupSteps: 20, replayCapacity: 60, ...changes, arithmetic };
      const whole = await without(create, settings, 100);
      // With every remainder of the actor's delay.
      for (const pause of [41, 42, 43]) {
        assert.deepEqual(await withPause(create, settings, pause, 100), whole, `${pause}`);
      }
      const plain = await without(create, { warmupSteps: 20, replayCapacity: 60, arithmetic }, 100);
      assert.notEqual(whole.fingerprint, plain.fingerprint, "the option changes nothing");

      const trained = async (count: number) => {
        const threads = patientThreads(count);
        const sizes = { actorHiddenSizes: [48, 40], criticHiddenSizes: [48, 40], batchSize: 24 };
        const agent = await Ddpg.create(create(), { preset: "small", ...settings, ...sizes, warmupSteps: 24, threads });
        assert.equal(agent.threads, count);
        await go(agent, create(), 50, []);
        return agent;
      };
      const agent = await trained(2);
      assert.equal(agent.fingerprint(), (await trained(1)).fingerprint(), "threads");

      const policy = await Policy.load(agent.policy.save());
      const source = encodeURIComponent(toModule(agent.policy).source);
      const module: { act(state: number[]): Float32Array } = await import(`data:text/javascript,${source}`);
      const onnx = readOnnx(toOnnx(agent.policy));
      for (const state of states) {
        const expected = agent.act(state);
        assert.deepEqual(policy.act(state), expected, "policy file");
        assert.deepEqual(module.act(state), expected, "module");
        assert.ok(Math.abs(onnx.run(state)[0] - expected[0]) < 2e-5, "ONNX");
        assert.ok(Number.isFinite(agent.value(state)));
      }
    });
  }
}

test("with a joint pass of the critic, the targets are copies, and only the critic's own statistics move", async () => {
  const settings = { ...joint, critics: 2, actorDelay: 2, softUpdateRate: 0.1, warmupSteps: 20 } as const;
  const agent = await Ddpg.create(create(), { preset: "small", ...settings });
  await go(agent, create(), 101, []);
  const { actor, critics, targetActor, minibatch, targets } = agent;
  const numbers = (network: Target) => network.parameters.names.map((name) => [...network.parameters.read(name)]);
  assert.deepEqual(numbers(targetActor), numbers(actor));
  // All hidden layers of the critic are normalized, that of the action as well.
  assert.ok(agent.critic.parameters.names.includes("layer2.norm.scale"));

  const value = agent.value([0.3, -0.2, 1]);
  const before = critics.map(numbers);
  targets.lowest(minibatch, targetActor.forward(minibatch.nextObservation));
  agent.critic.values(minibatch.observation, minibatch.action);
  assert.deepEqual(critics.map(numbers), before, "a pass without a step moves nothing");
  assert.equal(agent.value([0.3, -0.2, 1]), value);
  agent.update();
  for (const [j, critic] of critics.entries()) assert.notDeepEqual(numbers(critic), before[j]);
});

test("with a joint pass, y depends on the recorded transitions, and Q(s, a) on the next ones; the actor's gradient on neither", async () => {
  const agent = await Ddpg.create(create(), { preset: "small", ...joint, finalLayerBound: 1, batchSize: 4 });
  const { critic, minibatch, targetActor, targets } = agent;
  for (const matrix of [minibatch.observation, minibatch.action, minibatch.nextObservation]) {
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < matrix.columns; j++) matrix.set(i, j, ((7 * i + 3 * j) % 5) / 5 - 0.4);
  }
  const nextAction = targetActor.forward(minibatch.nextObservation);
  const pass = () => ({ next: [...targets.lowest(minibatch, nextAction)], recorded: [...critic.head.values] });
  const gradient = () => {
    critic.values(minibatch.observation, minibatch.action);
    return readMatrix(critic.actionGradient());
  };
  const [first, direction] = [pass(), gradient()];
  minibatch.nextObservation.set(3, 0, 9);
  const changed = pass();
  assert.notEqual(changed.recorded[0], first.recorded[0]);
  minibatch.nextObservation.set(3, 0, (21 % 5) / 5 - 0.4);
  assert.deepEqual(pass(), first);
  minibatch.observation.set(3, 0, 9);
  assert.notEqual(pass().next[0], first.next[0]);
  // The other rows have no part in a row's ∂Q/∂a: the running averages count.
  assert.deepEqual(gradient().subarray(0, 3), direction.subarray(0, 3));
});

test("two critics start differently, and an error names the one that it is about", async () => {
  const agent = await Ddpg.create(create(), { preset: "small", critics: 2 });
  const [first, second] = agent.critics;
  assert.notDeepEqual(second.parameters.values, first.parameters.values);
  for (const [j, { parameters }] of agent.targetCritics.entries())
    assert.deepEqual(parameters.values, agent.critics[j].parameters.values);

  second.head.lossGradient = (gradient) => {
    gradient.set(0, 0, 1e30);
  };
  assert.throws(() => agent.update(), {
    name: "NotFiniteError",
    message: /^critic2 layer\d\.(weights|biases) gradient: /,
  });
});

test("a target that is not a number is noticed, whichever critic it is from", async () => {
  for (const which of ["targetCritic", "targetCritic2"]) {
    const agent = await Ddpg.create(create(), { preset: "small", critics: 2 });
    agent.minibatch.discount.fill(0.9);
    agent.networks.get(which)?.parameters.value("layer3.biases").set(0, 0, Number.NaN);
    assert.throws(() => agent.update(), { message: new RegExp(`^${which} layer3\\.biases: expected finite numbers`) });
  }
});

test("training warns once if a categorical critic's support is too small for the returns", async () => {
  const warningsOf = async (criticSupport: number): Promise<string[]> => {
    const sizes = { actorHiddenSizes: [8], criticHiddenSizes: [8], batchSize: 4, warmupSteps: 10, criticAtoms: 5 };
    const agent = await Ddpg.create(create(), { preset: "small", ...sizes, criticLoss: "categorical", criticSupport });
    const found: string[] = [];
    for await (const { step, warnings } of train(agent, create())) {
      found.push(...warnings);
      if (step === 2500) break;
    }
    return found;
  };
  assert.deepEqual(await warningsOf(1000), []);
  const [warning, ...others] = await warningsOf(1);
  assert.deepEqual(others, []);
  assert.match(
    warning,
    /^criticSupport: expected at most 1 % of the critic's targets beyond ±1, got \d+\.\d % in 1000 steps\. The critic cannot predict them: start again with a larger criticSupport, or a rewardScale below 0\.1\. See "Options beyond the paper" in docs\/tips\.md\.$/,
  );
});

test("the projection keeps the mean of returns within the support and counts those beyond it", async () => {
  const changes = { criticLoss: "categorical", criticAtoms: 5, criticSupport: 2, batchSize: 3 } as const;
  const agent = await Ddpg.create(create(), { preset: "small", ...changes });
  const { minibatch, targets } = agent;
  minibatch.reward.set([0.3, -1.9, 2.1]);
  minibatch.discount.fill(0);
  agent.update();
  // All of the probability is at r: it is divided between the atoms around it, or is at the nearest end. The sum of
  // the probabilities is 1 within Float32's rounding.
  const wanted = [
    [0, 0, 0.7, 0.3, 0],
    [0.9, 0.1, 0, 0, 0],
    [0, 0, 0, 0, 1],
  ];
  const near = (got: ArrayLike<number>, expected: number[]) => {
    for (const [i, x] of expected.entries()) assert.ok(Math.abs(got[i] - x) < 5e-7, `${i}: ${got[i]}`);
  };
  near(targets.distribution, wanted.flat());
  near(agent.y, [0.3, -1.9, 2]);
  assert.equal(targets.clippedRows, 1);
});

test("the noise on the target's action is clipped, and so is their sum", async () => {
  const changes = { targetNoiseScale: 0.2, targetNoiseClip: 0.5, batchSize: 6 } as const;
  const { targets, targetActor, targetNoiseRandom } = await Ddpg.create(create(), { preset: "small", ...changes });
  const action = targetActor.output;
  const cases = [
    [0, 1, 0.2],
    [0, 9, 0.5],
    [0.1, -9, -0.4],
    [0.9, 2, 1],
    [-0.9, -2, -1],
    [-1, 1, -0.8],
  ];
  for (const [i, [a]] of cases.entries()) action.set(i, 0, a);
  const drawn = cases.map(([, noise]) => noise);
  targetNoiseRandom.normal = () => drawn.shift() ?? Number.NaN;
  targets.smooth(action);
  for (const [i, [, , wanted]] of cases.entries()) assert.equal(action.at(i, 0), Math.fround(wanted), `row ${i}`);
});
