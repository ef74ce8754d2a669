// Whatever an environment throws or returns, the error is one line that names it, the method or member, and the step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InputError } from "../base/expect.ts";
import type { Random } from "../base/random.ts";
import { Ddpg, type DdpgOptions } from "../ddpg/ddpg.ts";
import { train } from "../ddpg/train.ts";
import { checkEnvironment } from "../environment/check-environment.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { evaluate } from "./evaluate.ts";

const options: DdpgOptions = {
  ...{ preset: "small", actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 4, warmupSteps: 8 },
};

/** A good environment whose third step and other parts the tests replace. */
class Plain implements Environment {
  readonly name: string = "Plain";
  readonly observationSize: number = 2;
  readonly actionLow: ArrayLike<number> = [-1];
  readonly actionHigh: ArrayLike<number> = [1];
  taken = 0;
  position = 0;

  reset(random: Random): ArrayLike<number> {
    this.taken = 0;
    this.position = random.uniform(-1, 1);
    return [this.position, 0];
  }

  step(_action: Float32Array): Step {
    this.taken++;
    if (this.taken === 3) return this.third() as Step;
    return { observation: [this.position, this.taken], reward: 1, terminated: false, truncated: this.taken >= 6 };
  }

  third(): unknown {
    return { observation: [this.position, 3], reward: 1, terminated: false };
  }
}

/** The messages of `checkEnvironment`, `train` and `evaluate`; "" where there is no error. */
async function messagesOf(make: () => Environment): Promise<[check: string, train: string, evaluate: string]> {
  const agent = await Ddpg.create(new Plain(), options);
  const said = async (work: () => Promise<unknown>): Promise<string> => {
    try {
      await work();
      return "";
    } catch (error) {
      assert.ok(error instanceof EnvironmentError || error instanceof InputError, `${error}`);
      return error.message;
    }
  };
  const { problems } = await checkEnvironment(make, { steps: 20 });
  return [
    problems.join("\n"),
    await said(async () => {
      for await (const { step } of train(agent, make())) if (step === 12) break;
    }),
    await said(() => evaluate(agent, make(), { episodes: 1 })),
  ];
}

/** A plain environment with another third step, or other members. */
const withThird = (third: () => unknown) => () => Object.assign(new Plain(), { third });
const withMember = (name: keyof Environment, get: () => unknown) => () =>
  Object.defineProperty(new Plain(), name, { get, configurable: true });

const refusing = (): never => {
  throw new Error("No.");
};
const proxy = (target: object) =>
  new Proxy(target, { get: refusing, has: refusing, ownKeys: refusing, getPrototypeOf: refusing });
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const throwing = (make: () => unknown) => () => {
  throw make();
};
const errorWith = (members: PropertyDescriptorMap): Error => Object.defineProperties(new Error(), members);
const endless = (): Error => errorWith({ message: { value: "Deep." }, cause: { get: endless } });
const itself = (): object => {
  const step: Record<string, unknown> = { reward: 1, terminated: false };
  step.observation = step;
  return step;
};

test("whatever a step throws is named with environment, episode and step", async () => {
  const cases: [what: () => unknown, message: string][] = [
    [() => null, "expected no error, got null"],
    [() => undefined, "expected no error, got undefined"],
    [() => Symbol("s"), "expected no error, got Symbol(s)"],
    [() => Object.create(null), "expected no error, got an object with no properties"],
    [() => "A text.", "A text."],
    [() => new Error("First\nsecond"), "First second"],
    [() => errorWith({ message: { get: refusing } }), ""],
    [() => errorWith({ message: { value: Symbol("m") } }), "Symbol(m)"],
    [() => errorWith({ message: { value: { toString: refusing } } }), ""],
    [() => errorWith({ toString: { value: refusing }, name: { get: refusing } }), ""],
    [endless, "Deep."],
    [() => proxy(new Error("Hidden.")), ""],
    [revoked, ""],
  ];
  for (const [what, message] of cases) {
    const [check, training, evaluation] = await messagesOf(withThird(throwing(what)));
    for (const line of [check, training, evaluation]) assert.doesNotMatch(line, /\n/);
    assert.match(check, /^step 3: expected no error, got ./);
    assert.ok(training.startsWith("Plain episode 1 step 3: ") && training.length > 24, training);
    assert.ok(evaluation.startsWith("Plain evaluation episode 1 step 3: "), evaluation);
    if (message) assert.equal(training, `Plain episode 1 step 3: ${message}`);
  }
});

test("whatever a step returns is named with environment, episode, step and field", async () => {
  const observed = (observation: unknown) => () => ({ observation, reward: 1, terminated: false });
  const getter = (name: string) => () =>
    Object.defineProperty({ observation: [0, 0], reward: 1, terminated: false }, name, { get: refusing });
  const cases: [third: () => unknown, message: RegExp][] = [
    [() => null, /result: expected a step .*, got null\.$/],
    [itself, /observation: expected a list of 2 numbers, got an object with reward, terminated, observation\./],
    [() => proxy({}), /: No\.$/],
    [revoked, /: .*revoked/],
    [observed(revoked()), / result: .*revoked/],
    [observed(proxy([0, 0])), / result: No\.$/],
    [getter("observation"), / result: No\.$/],
    [getter("reward"), / result: No\.$/],
    [getter("terminated"), / result: No\.$/],
    [getter("info"), / result: No\.$/],
    [getter("then"), /: No\.$/],
    [observed(Object.defineProperty([0, 0], 1, { get: refusing })), / result: No\.$/],
    [observed([0, 1e39]), / observation\[1\]: expected at most 3e38 in absolute value, got 1e\+39\.$/],
    [observed([0, Number.NaN]), / observation\[1\]: expected a finite number, got NaN\.$/],
    [
      () => ({ observation: [0, 0], reward: 1e300, terminated: false }),
      / reward: expected at most 3e38 in absolute value, got 1e\+300\.$/,
    ],
  ];
  for (const [third, message] of cases) {
    const [check, training, evaluation] = await messagesOf(withThird(third));
    assert.match(check, /^step 3/);
    assert.match(training, message);
    assert.match(training, /^Plain episode 1 step 3/);
    assert.match(evaluation, /^Plain evaluation episode 1 step 3/);
    for (const line of [check, training, evaluation]) assert.doesNotMatch(line, /\n/);
  }
});

test("a member that cannot be read is named, and so is an environment that is no object at all", async () => {
  for (const name of ["reset", "step", "observationSize", "actionLow", "save", "restore", "maxEpisodeSteps"] as const) {
    const [check, training, evaluation] = await messagesOf(withMember(name, refusing));
    assert.match(check, /^make( \w+)?: .*No\.$/, name);
    assert.equal(training, `train environment ${name}: No.`);
    assert.equal(evaluation, `evaluate environment ${name}: No.`);
  }
  for (const make of [() => proxy({}), revoked, () => null, () => 5]) {
    for (const message of await messagesOf(make as never)) assert.match(message, /^(make|train|evaluate)\b[^\n]+$/);
  }
});

test("lists of a subclass or behind a proxy are lists, and each number is read once", async () => {
  class Own extends Array<number> {}
  let reads = 0;
  const changing = new Proxy([0, 0], {
    get: (list, key) => (key === "1" && ++reads > 1 ? Number.NaN : Reflect.get(list, key)),
  });
  const third = (observation: ArrayLike<number>) => withThird(() => ({ observation, reward: 1, terminated: false }));
  assert.deepEqual(await messagesOf(third(Own.from([0, 3]))), ["", "", ""]);
  assert.deepEqual(await messagesOf(third(new Proxy([0, 3], {}))), ["", "", ""]);
  class Once extends Plain {
    override third(): unknown {
      reads = 0;
      return { observation: changing, reward: 1, terminated: false };
    }
  }
  // The check reads a list again, to find out whether another environment has written to it.
  assert.deepEqual((await messagesOf(() => new Once())).slice(1), ["", ""]);
});
