// Every public function answers an argument of the wrong kind with an error of the package, never with a raw TypeError.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as ddpg from "ddpg";
import * as mujoco from "ddpg/mujoco";

const node = await import("ddpg/node");
const { Ddpg, Policy, Pendulum, PendulumV0, MountainCarContinuous, TimeLimit, Random } = ddpg;
const make = () => new Pendulum();
const small = { preset: "small", actorHiddenSizes: [4], criticHiddenSizes: [4] };
const agent = await Ddpg.create(make(), small);
const policy = await Policy.load(agent.policy.save());

/** Each call takes one argument of the wrong kind; `allowed` are those that are right, or mean the default. */
const calls = {
  "Ddpg.create": { call: (x) => Ddpg.create(x) },
  "Ddpg.create options": { call: (x) => Ddpg.create(make(), x), allowed: ["undefined", "an object"] },
  "Ddpg.create preset": { call: (x) => Ddpg.create(make(), { ...small, preset: x }), allowed: ["undefined"] },
  "Ddpg.create backend": { call: (x) => Ddpg.create(make(), { ...small, backend: x }), allowed: ["undefined"] },
  "Ddpg.load environment": { call: (x) => Ddpg.load(agent.save(), x) },
  "Ddpg.load options": { call: (x) => Ddpg.load(agent.save(), make(), x), allowed: ["undefined", "an object"] },
  "new Ddpg": { call: (x) => new Ddpg(x) },
  act: { call: (x) => agent.act(x) },
  value: { call: (x) => agent.value(x) },
  explore: { call: (x) => agent.explore(x) },
  observe: { call: (x) => agent.observe(x) },
  startFrom: { call: (x) => agent.startFrom(x) },
  "Policy.load options": { call: (x) => Policy.load(policy.save(), x), allowed: ["undefined", "an object"] },
  "new Policy": { call: (x) => new Policy(x) },
  "policy.act": { call: (x) => policy.act(x) },
  train: { call: (x) => ddpg.train(x, make()).next() },
  "train environment": { call: (x) => ddpg.train(agent, x).next() },
  "train options": { call: (x) => ddpg.train(agent, make(), x).next(), allowed: ["undefined", "an object"] },
  evaluate: { call: (x) => ddpg.evaluate(x, make(), { episodes: 1 }) },
  "evaluate environment": { call: (x) => ddpg.evaluate(agent, x, { episodes: 1 }) },
  "evaluate options": { call: (x) => ddpg.evaluate(agent, make(), x) },
  "evaluate value": {
    call: (x) => ddpg.evaluate(agent, make(), { episodes: 1, value: x }),
    allowed: ["undefined", "a class"],
  },
  "evaluate onEpisode": {
    call: (x) => ddpg.evaluate(agent, make(), { episodes: 1, onEpisode: x }),
    allowed: ["undefined", "a class"],
  },
  "checkEnvironment options": { call: (x) => ddpg.checkEnvironment(make, x), allowed: ["undefined", "an object"] },
  checkScene: { call: (x) => ddpg.checkScene(x, "scene") },
  "checkScene shapes": { call: (x) => ddpg.checkScene({ ...make().scene, shapes: x }, "scene"), allowed: ["a list"] },
  sceneOf: { call: (x) => ddpg.sceneOf(x), allowed: ["an object"] },
  TimeLimit: { call: (x) => new TimeLimit(x, 5) },
  "TimeLimit steps": { call: (x) => new TimeLimit(make(), x), allowed: ["a number"] },
  "Random.restore": { call: (x) => new Random(1).restore(x) },
  ...Object.fromEntries(
    [Pendulum, PendulumV0, MountainCarContinuous].flatMap((kind) => [
      [`${kind.name} reset`, { call: (x) => new kind().reset(x) }],
      [`${kind.name} step`, { call: (x) => new kind().step(x) }],
      [`${kind.name} restore`, { call: (x) => new kind().restore(x) }],
    ]),
  ),
  setDefaultBackend: { call: (x) => ddpg.setDefaultBackend(x) },
  toModule: { call: (x) => ddpg.toModule(x) },
  toOnnx: { call: (x) => ddpg.toOnnx(x) },
  webThreads: { call: (x) => ddpg.webThreads(x), allowed: ["a number"] },
  createMujoco: { call: (x) => mujoco.createMujoco(x) },
  hopper: { call: (x) => mujoco.hopper(x), allowed: ["undefined", "an object"] },
  loadEnvironment: { call: (x) => node.loadEnvironment(x) },
  nodeBackend: { call: (x) => node.nodeBackend(x), allowed: ["undefined", "an object"] },
  nodeThreads: { call: (x) => node.nodeThreads(x), allowed: ["a number"] },
  ...Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => name.startsWith("read"))
      .map(([name, read]) => [name, { call: (x) => read(x) }]),
  ),
};

const wrong = {
  undefined: undefined,
  null: null,
  "a number": 5,
  "a text": "x",
  "an object": {},
  "a promise": Promise.resolve({}),
  "a list": [],
  "a class": Pendulum,
};

for (const [name, { call, allowed = [] }] of Object.entries(calls)) {
  test(`${name} with an argument of the wrong kind`, async () => {
    for (const [kind, value] of Object.entries(wrong)) {
      if (allowed.includes(kind)) continue;
      await assert.rejects(async () => call(value), { name: "InputError" }, `${name}: ${kind}`);
    }
  });
}

test("an agent that was not awaited says so", async () => {
  await assert.rejects(ddpg.train(Ddpg.create(make(), small), make()).next(), {
    message:
      "train agent: expected an agent, as from await Ddpg.create(environment), got a promise. " +
      "Write await before the call that returned it.",
  });
});

test("an option that does not exist is refused, with the nearest one or all of them", async () => {
  const refused = [
    [
      () => ddpg.train(agent, make(), { stepTimout: 5 }).next(),
      'train options: there is no option "stepTimout". Did you mean "stepTimeout"?',
    ],
    [
      () => ddpg.train(agent, make(), { steps: 5 }).next(),
      'train options: there is no option "steps". Its options are name, stepTimeout.',
    ],
    [
      () => ddpg.evaluate(agent, make(), { episode: 5 }),
      'evaluate options: there is no option "episode". Did you mean "episodes"?',
    ],
    [
      () => Ddpg.load(agent.save(), make(), { thread: 2 }),
      'Ddpg.load options: there is no option "thread". Did you mean "threads"?',
    ],
    [
      () => Policy.load(policy.save(), { threads: 2 }),
      'Policy.load options: there is no option "threads". Its options are backend, arithmetic.',
    ],
    [
      () => ddpg.checkEnvironment(make, { Steps: 2 }),
      'checkEnvironment options: there is no option "Steps". Did you mean "steps"?',
    ],
    [() => node.nodeBackend({ width: 256 }), 'nodeBackend options: there is no option "width". Did you mean "wide"?'],
  ];
  for (const [call, message] of refused) await assert.rejects(async () => call(), { name: "InputError", message });
});
