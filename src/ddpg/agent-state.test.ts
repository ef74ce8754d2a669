import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSafetensors, encodeSafetensors, tensorOf } from "../base/safetensors.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { environments, mujocoTasks } from "../tasks.ts";
import { agentStateCases, go, sizes, without, withPause } from "./agent-state.case.ts";
import { Ddpg } from "./ddpg.ts";
import { train } from "./train.ts";

// The MuJoCo tasks take longer and have a test file of their own.
for (const [id, task] of Object.entries(environments)) if (!mujocoTasks.has(id)) agentStateCases(id, task);

test("a pause within 600 updates, after Adam's subnormal moments are set to 0, changes no bit", async () => {
  const make = () => new Pendulum();
  const whole = await without(make, { warmupSteps: 16 }, 620);
  assert.deepEqual(await withPause(make, { warmupSteps: 16 }, 265, 620), whole);
});

test("the scale monitor continues across a pause", async () => {
  const make = (): Environment => {
    const pendulum = new Pendulum();
    const step = (action: Float32Array): Step => {
      const step = pendulum.step(action) as Step;
      return { ...step, reward: 1000 * step.reward };
    };
    const { save, restore } = pendulum;
    const [observationSize, actionLow, actionHigh] = [3, [-2], [2]];
    const reset: Environment["reset"] = (random) => pendulum.reset(random);
    return Object.assign(
      { observationSize, actionLow, actionHigh, reset, step },
      save && { save },
      restore && { restore },
    );
  };
  const whole = await without(make, { warmupSteps: 2000 }, 1010);
  assert.ok(whole.trace[999].includes("Set rewardScale"));
  assert.deepEqual(await withPause(make, { warmupSteps: 2000 }, 450, 1010), whole);
});

test("each of several bodies keeps its own noise", async () => {
  const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
  const settings = { preset: "small", ...sizes, warmupSteps: 0, noise: "ornstein-uhlenbeck" } as const;
  const agent = await Ddpg.create(spaces, settings);
  for (let i = 0; i < 20; i++) for (const body of [0, 7, 3]) agent.explore([i, 1], body);
  const loaded = await Ddpg.load(agent.save(), spaces);
  for (const body of [3, 7, 0, 5]) assert.deepEqual(loaded.explore([0, 1], body), agent.explore([0, 1], body));
});

test("an environment without save restarts its episode under the same number, with a warning", async () => {
  const make = (): Environment => {
    const { observationSize, actionLow, actionHigh, ...pendulum } = new Pendulum();
    const inner = new Pendulum();
    void pendulum;
    return {
      observationSize,
      actionLow,
      actionHigh,
      name: "Rod",
      reset: (r) => inner.reset(r),
      step: (a) => inner.step(a),
    };
  };
  const first = make();
  const agent = await Ddpg.create(first, { preset: "small", ...sizes, warmupSteps: 50, noise: "ornstein-uhlenbeck" });
  const bytes = await go(agent, first, 250, [], 250);
  const loaded = await Ddpg.load(bytes, make());
  let warned: readonly string[] = [];
  for await (const { step, episode, warnings } of train(loaded, make())) {
    if (step === 251) warned = warnings;
    if (!episode) continue;
    assert.deepEqual([step, episode.number, episode.length], [450, 2, 200]);
    break;
  }
  assert.deepEqual(warned, [
    "Rod: expected save and restore, to continue after step 50 of episode 2, got none. The episode starts over.",
  ]);
});

test("an agent that never trained and one whose loop was left can be saved too", async () => {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes, warmupSteps: 20 });
  assert.equal((await Ddpg.load(agent.save(), environment)).fingerprint(), agent.fingerprint());
  await go(agent, environment, 30, []);
  const loaded = await Ddpg.load(agent.save(), environment);
  for await (const { step, warnings } of train(loaded, environment)) {
    assert.deepEqual([step, warnings], [31, []]);
    break;
  }
});

test("the saved parts are views of the replay buffer and together the same bytes as save", async () => {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes, warmupSteps: 1e6, replayCapacity: 30_000 });
  await go(agent, environment, 20_000, []);
  const parts = agent.saveParts();
  assert.ok(parts.filter(({ length }) => length === 8192 * 9 * 4).length === 2);
  assert.deepEqual(new Uint8Array(Buffer.concat(parts)), agent.save());
});

test("an inconsistent agent file is refused with the field", async () => {
  const environment = new Pendulum();
  const agent = await Ddpg.create(environment, { preset: "small", ...sizes, warmupSteps: 20 });
  const good = await go(agent, environment, 40, [], 40);
  type Contents = ReturnType<typeof decodeSafetensors>;
  const text = (name: string, change: (value: Record<string, unknown>) => void) => (contents: Contents) => {
    const value = JSON.parse(contents.metadata.get(name) ?? "");
    change(value);
    contents.metadata.set(name, JSON.stringify(value));
  };
  const cases: [(contents: Contents) => void, RegExp][] = [
    [({ metadata }) => metadata.set("format", "ddpg-agent-3"), /^Ddpg\.load format: expected ddpg-agent-1 or/],
    [
      ({ metadata }) => metadata.set("seed", "x"),
      /^Ddpg\.load seed: expected a whole number of at least 0 in decimal digits, got "x"/,
    ],
    [text("settings", (s) => delete s.discount), /^Ddpg\.load settings discount: expected a value, got undefined/],
    [text("settings", (s) => Object.assign(s, { batchSize: -1 })), /batchSize: expected a whole number from 1/],
    [
      text("settings", (s) => Object.assign(s, { actorHiddenSizes: [9, 8] })),
      /actor\.layer1\.weights: expected F32 \[/,
    ],
    [text("settings", (s) => Object.assign(s, { noise: "none" })), /noises: expected F64 \[1, 0\], got "F64 \[1, 4\]"/],
    [text("spaces", (s) => Object.assign(s, { observationSize: 1e9 })), /spaces observationSize: expected at most/],
    [text("spaces", (s) => Object.assign(s, { observationSize: 4 })), /actor\.layer1\.weights: expected F32 \[/],
    [
      text("spaces", (s) => Object.assign(s, { actionHigh: [3] })),
      /environment action bounds: expected \[-2\] to \[3\]/,
    ],
    [
      text("counters", (c) => Object.assign(c, { stored: 39 })),
      /counters stored: expected 40, the number of steps, got 39/,
    ],
    [
      text("counters", (c) => Object.assign(c, { stored: 39, steps: 39, loop: undefined })),
      /replay: expected F32 \[39, 9\], got "F32 \[40, 9\]"/,
    ],
    [text("counters", (c) => Object.assign(c, { bodies: [0, 0] })), /counters bodies: expected distinct ids of bodies/],
    [
      text("counters", (c) => Object.assign(c, { loop: { step: 1 } })),
      /counters loop length: expected a whole number of at most 1, got undefined/,
    ],
    [({ tensors }) => tensors.delete("critic.adam.v.layer2.weights"), /critic\.adam\.v\.layer2\.weights: expected F32/],
    [
      ({ tensors }) => tensors.set("samplingRandom", tensorOf("U32", [4], [0, 0, 0, 0])),
      /samplingRandom: expected a word/,
    ],
    [({ tensors }) => tensors.set("critic.adam", tensorOf("F32", [3], [0, 0, 0])), /critic\.adam: expected F64 \[3\]/],
  ];
  for (const [change, message] of cases) {
    const contents = decodeSafetensors(good, "test");
    change(contents);
    await assert.rejects(Ddpg.load(encodeSafetensors(contents), environment), { name: "InputError", message });
  }
  const polluted = new TextEncoder().encode('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}');
  const file = new Uint8Array([polluted.length, 0, 0, 0, 0, 0, 0, 0, ...polluted]);
  await assert.rejects(
    Ddpg.load(file, environment),
    /^InputError: Ddpg\.load header: expected another name, got "__proto__"/,
  );
  assert.equal((await Ddpg.load(good, environment)).fingerprint(), agent.fingerprint());
});
