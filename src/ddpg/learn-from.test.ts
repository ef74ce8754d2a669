// Transitions that cannot be stored, and episodes that end in an odd way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PendulumWithGoals, sizes } from "./agent-state.case.ts";
import { Ddpg, type DdpgOptions } from "./ddpg.ts";
import { learnFrom, type ReceivedStep, type TransitionSource } from "./learn-from.ts";
import { train } from "./train.ts";

const options: DdpgOptions = { preset: "small", ...sizes, warmupSteps: 5, returnSteps: 3 };

function stepOf(change: Partial<ReceivedStep> = {}): ReceivedStep {
  const observation = [1, 0, 0];
  const plain = {
    type: "step",
    body: 0,
    observation,
    action: [0.5],
    reward: -1,
    nextObservation: observation,
  } as const;
  return { ...plain, terminated: false, truncated: false, ...change };
}

function sourceOf(items: readonly ReceivedStep[]): TransitionSource {
  let next = 0;
  return {
    next: () => items[next] ?? new Promise(() => {}),
    taken: () => {
      next++;
    },
  };
}

/** Learns until a step has been made; returns its warnings. */
async function warningsOf(agent: Ddpg, items: readonly ReceivedStep[], steps = 1): Promise<readonly string[]> {
  const warnings: string[] = [];
  for await (const step of learnFrom(agent, sourceOf(items))) {
    warnings.push(...step.warnings);
    if (step.step === steps) break;
  }
  return warnings;
}

test("thousands of transitions that cannot be stored let timers run, and give a few warnings", async () => {
  const agent = await Ddpg.create(new PendulumWithGoals(), { ...options, rewardScale: 1 });
  const bad = stepOf({ reward: 1e300 });
  const items = [...new Array(20_000).fill(bad), stepOf()];
  const warnings = await warningsOf(agent, items);
  const leftOut = warnings.filter((text) => /The step is left out, and its episode cut/.test(text));
  assert.ok(leftOut.length > 0 && leftOut.length <= 10, `${leftOut.length}`);
  assert.ok(
    warnings.some((text) => /^… and 199[0-9]{2} more warnings/.test(text)),
    warnings.join("\n"),
  );
  assert.equal(agent.steps, 1);

  // As many as come until a timer has fired: without a turn for timers, that is never, and the list ends with an error.
  let hasFired = false;
  const timer = setTimeout(() => (hasFired = true), 1);
  let asked = 0;
  const until: TransitionSource = {
    next: () => {
      assert.ok(asked++ < 3_000_000, "no timer fires");
      return hasFired ? stepOf() : bad;
    },
    taken: () => {},
  };
  for await (const { step } of learnFrom(agent, until)) if (step >= 2) break;
  clearTimeout(timer);
  assert.equal(agent.steps, 2);
});

test("goals that fail at the end of an episode cost its other goals, and not the step", async () => {
  let fails = false;
  const environment = new PendulumWithGoals();
  const { hindsight } = environment;
  const outcome: typeof hindsight.outcome = (...given) => {
    if (fails) throw new Error("the goals are broken");
    return hindsight.outcome(...given);
  };
  const failing = Object.assign(environment, { hindsight: { ...hindsight, outcome } });
  for (const end of ["terminated", "truncated"] as const) {
    fails = false;
    const settings = { ...options, hindsight: "future", hindsightGoals: 2 } as const;
    const agent = await Ddpg.create(failing, settings);
    // One more than is learned from, for a loop that leaves a step out.
    const items = [stepOf(), stepOf(), stepOf({ [end]: true }), stepOf(), stepOf()];
    const warnings: string[] = [];
    const episodes: number[] = [];
    for await (const step of learnFrom(agent, sourceOf(items))) {
      warnings.push(...step.warnings);
      if (step.episode) episodes.push(step.episode.length);
      fails = step.step === 2;
      if (step.step === 4) break;
    }
    assert.deepEqual(episodes, [3], end);
    assert.equal(agent.steps, 4);
    assert.equal(agent.loop?.step, 4, "steps of the loop and the agent stay equal");
    assert.ok(
      warnings.some((text) => /The step is stored; the rest of its episode's other goals is left out/.test(text)),
    );
    assert.ok(!warnings.some((text) => /The step is left out/.test(text)));
  }
});

test("the same transitions give the same updates, whether they were waited for or not", async () => {
  const learn = async (isLate: (index: number) => boolean): Promise<[updates: number, fingerprint: string]> => {
    const agent = await Ddpg.create(new PendulumWithGoals(), options);
    let index = 0;
    const source: TransitionSource = {
      next: () => {
        const item = stepOf({ reward: -index });
        return isLate(index) ? Promise.resolve(item) : item;
      },
      taken: () => {
        index++;
      },
    };
    for await (const { step } of learnFrom(agent, source)) if (step === 40) break;
    return [agent.updates, agent.fingerprint()];
  };
  const [updates, fingerprint] = await learn(() => false);
  assert.ok(updates > 20, `${updates}`);
  for (const isLate of [() => true, (index: number) => index % 3 === 0])
    assert.deepEqual(await learn(isLate), [updates, fingerprint]);
});

test("a loaded agent ends the episode of an environment of its own before it learns from elsewhere", async () => {
  const agent = await Ddpg.create(new PendulumWithGoals(), options);
  let bytes: Uint8Array = new Uint8Array(0);
  for await (const { step } of train(agent, new PendulumWithGoals())) {
    if (step < 7) continue;
    bytes = agent.save().slice();
    break;
  }
  const loaded = await Ddpg.load(bytes, new PendulumWithGoals());
  assert.ok(loaded.returns.waiting > 0, "rows wait for their rewards");
  const stored = loaded.replayBuffer.stored;
  const waiting = loaded.returns.waiting;
  await warningsOf(loaded, [stepOf()], 8);
  assert.equal(loaded.replayBuffer.stored, stored + waiting);
});
