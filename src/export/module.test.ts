import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import vm from "node:vm";
import { fusedMultiplyAdd } from "../base/fused.ts";
import { Random } from "../base/random.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import { Policy } from "../ddpg/policy.ts";
import type { Arithmetic } from "../kernels/kernels.ts";
import { allowFused } from "../node/allow-fused.ts";
import { toModule } from "./module.ts";
import { policyCase } from "./policies.case.ts";

interface Module {
  act(observation: ArrayLike<number>): Float32Array;
  observationSize: number;
  actionLow: number[];
  actionHigh: number[];
}

function load(source: string): Promise<Module> {
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}

for (const arithmetic of ["portable", "fused"] as const) {
  test(`modules and policy files give the agent's actions, bit for bit, in ${arithmetic} arithmetic`, async () => {
    allowFused();
    for (let index = 0; index < 40; index++) await sameActions(index, arithmetic);
  });
}

async function sameActions(index: number, arithmetic: Arithmetic): Promise<void> {
  const { name, agent, observe } = await policyCase(index, arithmetic);
  const { source } = toModule(agent.policy);
  const module = await load(source);
  const policy = await Policy.load(agent.policy.save());
  assert.equal(policy.arithmetic, arithmetic);
  const { observationSize, actionLow, actionHigh } = agent.units;
  assert.equal(module.observationSize, observationSize);
  assert.deepEqual([module.actionLow, module.actionHigh], [[...actionLow], [...actionHigh]]);
  for (let i = 0; i < 250; i++) {
    // Include values that Float32 cannot hold and, now and then, values far out of range.
    const observation = Array.from(observe(), (number) => (i % 5 === 0 ? number * 1e3 : number + 1e-9));
    const expected = agent.act(observation);
    assert.deepEqual(module.act(observation), expected, `${name}, observation ${observation}`);
    assert.deepEqual(policy.act(observation), expected, name);
  }
}

test("the step of a fused module is rounded once, also near what Float32 cannot hold", async () => {
  const { agent } = await policyCase(0);
  const source = toModule(agent.policy).source;
  const fusedSource = toModule(Object.assign(Object.create(agent.policy), { arithmetic: "fused" })).source;
  const { addRow } = await import(`data:text/javascript,${encodeURIComponent(`${fusedSource}\nexport { addRow };`)}`);
  const out = new Float32Array(1);
  const step = (a: number, b: number, c: number): number => {
    out[0] = c;
    addRow(out, a, [b], 0);
    return out[0];
  };
  assert.notEqual(fusedSource, source);
  const random = new Random("step");
  const [words, floats] = [new Uint32Array(3), new Float32Array(3)];
  const largest = 3.4028234663852886e38;
  const triples = [
    [2 ** 103, 1, largest],
    [2 ** 103, 1 - 2 ** -24, largest],
    [-(2 ** 103), 1 - 2 ** -24, -largest],
    [2 ** 103, 1 + 2 ** -23, largest],
  ];
  for (let i = 0; i < 100_000; i++) {
    words.forEach((_, j) => {
      words[j] = Math.floor(random.uniform(0, 2 ** 32));
    });
    triples.push([...new Float32Array(words.buffer)]);
    // Halfway, or nearly.
    floats.set([1 + random.integer(2) * 2 ** -(1 + random.integer(23)), 2 ** -24, 1 + random.integer(8) * 2 ** -23]);
    const [a, b, c] = floats;
    triples.push([a, b * (1 - random.integer(2) * 2 ** -(1 + random.integer(24))), random.integer(2) ? c : -c]);
  }
  for (const [a, b, c] of triples) assert.ok(Object.is(step(a, b, c), fusedMultiplyAdd(a, b, c)), `${a} · ${b} + ${c}`);
});

/** The Float32 nearest to x, with three neighbors on either side. */
function near(x: number): Float32Array {
  const floats = new Float32Array(7).fill(x);
  new Int32Array(floats.buffer).forEach((bits, i, all) => {
    all[i] = bits + i - 3;
  });
  return floats;
}

test("tanh has the kernels' bits everywhere", async () => {
  const agent = await Ddpg.create(
    { observationSize: 1, actionLow: [-1], actionHigh: [1] },
    { preset: "standard", actorHiddenSizes: [], replayCapacity: 128 },
  );
  agent.actor.parameters.write("layer1.weights", [1]);
  agent.actor.parameters.write("layer1.biases", [0]);
  const { act } = await load(toModule(agent.policy).source);
  // Where its pieces meet, all ties between two n, and a sweep over all magnitudes with both signs.
  const points = [0, -0, 0.625, Math.fround(0.6250001), Math.fround(9.011), 9.0110012, 9.5, 1e30, 1e-40];
  for (let n = 1; n < 27; n++) points.push(...near((n + 0.5) / 2.8853900817779268));
  for (let x = 1e-8; x < 20; x *= 1.0003) points.push(x);
  for (const point of points)
    for (const x of [point, -point]) assert.ok(act([x])[0] === agent.act([x])[0], `tanh ${x}`);
});

test("an invalid observation is refused, as is a number that Float32 cannot hold", async () => {
  const { agent } = await policyCase(0);
  const { act, observationSize } = await load(toModule(agent.policy).source);
  const good = new Array(observationSize).fill(0);
  assert.throws(() => act([...good, 0]), {
    name: "RangeError",
    message: `act observation: expected ${observationSize} numbers, got ${observationSize + 1}`,
  });
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, "1" as never]) {
    const message = `act observation[0]: expected a finite number, got ${bad}`;
    assert.throws(() => act([bad, ...good.slice(1)]), { name: "RangeError", message });
  }
});

test("ECMAScript alone is enough: an engine without Node or a browser around it", async () => {
  const { agent, observe } = await policyCase(3);
  const { source } = toModule(agent.policy);
  // A script in place of a module, because Node has contexts for modules behind a flag alone.
  const script = `${source.replace(/^export /gm, "")}\n({ act, observationSize, actionLow, actionHigh });`;
  const context = vm.createContext({});
  assert.equal(vm.runInContext("typeof atob + typeof TextDecoder + typeof setTimeout", context), "undefined".repeat(3));
  const { act }: Module = vm.runInContext(script, context);
  for (let i = 0; i < 20; i++) {
    const observation = Array.from(observe());
    assert.deepEqual([...act(observation)], [...agent.act(observation)]);
  }
});

test("the caller may keep an action", async () => {
  const { agent, observe } = await policyCase(3);
  const { act } = await load(toModule(agent.policy).source);
  const first = act(observe());
  const copy = first.slice();
  act(observe());
  assert.deepEqual(first, copy);
});

test("without its parameters a module is under 10 kB, even for the largest policies, and imports nothing", async () => {
  const observationSize = 376;
  const agent = await Ddpg.create(
    { observationSize, actionLow: new Array(17).fill(-0.4), actionHigh: new Array(17).fill(1 / 3) },
    { preset: "paper", replayCapacity: 128, observationScale: new Array(observationSize).fill(1 / 3) },
  );
  const { source } = toModule(agent.policy);
  const rest = source.replace(/decode\("[^"]*"\)/g, "");
  assert.ok(source.length > 1e6 && rest.length < 10_000, `${rest.length} bytes`);
  assert.ok(!/\b(import|require|eval)\b/.test(rest));
});

test("its declarations compile in a strict program", async () => {
  const { source, declarations } = toModule((await policyCase(1)).agent.policy);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-module-"));
  try {
    fs.writeFileSync(path.join(folder, "policy.js"), source);
    fs.writeFileSync(path.join(folder, "policy.d.ts"), declarations);
    fs.writeFileSync(
      path.join(folder, "main.ts"),
      `import { act, actionHigh, observationSize } from "./policy.js";
const action: Float32Array = act(new Array<number>(observationSize).fill(0));
export const share: number = action[0] / actionHigh[0];
// @ts-expect-error
act("no observation", 1);
`,
    );
    const compiler = path.join(
      path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
      "lib/tsc.js",
    );
    const options = ["--ignoreConfig", "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
    execFileSync(process.execPath, [compiler, ...options, path.join(folder, "main.ts")], { encoding: "utf8" });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
