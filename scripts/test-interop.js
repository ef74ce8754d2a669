// Checks that other programs can read what the package writes. ONNX Runtime reads policies; the first run installs it from npm
// into interop/node_modules. TypeScript reads the declarations: its oldest version that docs/start/typescript.md names, and one with node10.
// TensorBoard reads events, if the Python that PYTHON names (otherwise python3) has it. Gymnasium is trained on, in a virtual
// environment that the first run makes with that Python and pip in interop/python.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, "interop");
const execute = promisify(execFile);
const observationsEach = 10_000;
const policies = 40;

/** What a program for any engine imports, and a mistake that the types must find. */
const usesLibrary = `import { Ddpg, type Environment, Pendulum, Policy, type Random, type Step, train } from "ddpg";
import { hopper, type MujocoTask } from "ddpg/mujoco";

class Cart implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  reset(random: Random): number[] {
    return [random.uniform(-1, 1)];
  }
  step(action: Float32Array): Step {
    return { observation: [action[0]!], reward: 0, terminated: true };
  }
}

export async function first(): Promise<number> {
  const agent = await Ddpg.create(new Cart(), { seed: 1 });
  for await (const { step } of train(agent, new Cart())) return step;
  const policy = await Policy.load(Promise.resolve(agent.policy.save().buffer));
  return policy.act([0])[0]!;
}
export const task: MujocoTask = hopper();
export const size: number = new Pendulum().observationSize;
// @ts-expect-error
void Ddpg.create(new Cart(), { sed: 1 });
`;

/** What a program for Node imports beside it. */
const usesNode = `import type { Policy } from "ddpg";
import { nodeBackend, readPolicy } from "ddpg/node";

export const load = async (run: string): Promise<Policy> => readPolicy(run, "best");
export const backend = nodeBackend({ threads: 2 });
// @ts-expect-error
void nodeBackend({ thread: 2 });
`;

await build();
const { Ddpg, Random, toOnnx } = await import("../dist/index.js");
const { readMetrics, readPolicy } = await import("../dist/node.js");
const { EventFile } = await import("../dist/node/event-file.js");
const { policyCase } = await import("../dist/export/policies.case.js");

const runs = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-interop-"));
let failed = 0;
try {
  const run = path.join(runs, "pendulum");
  await ddpg("train", "Pendulum-v1", "--steps", "2000", "--episodes", "10", "--out", run);
  await report("ONNX Runtime", () => checkOnnx(run));
  await report("TypeScript", checkTypes);
  await report("TensorBoard", () => checkTensorBoard(run));
  const { checkGymnasium } = await import("./interop-gymnasium.js");
  await report("Gymnasium", () => checkGymnasium(runs, ddpg));
} finally {
  fs.rmSync(runs, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);

/** Prints one line for a program: the result of `check`, or its error. */
async function report(name, check) {
  try {
    console.log(`${name}: ${await check()}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}

/** Runs the command line in the folder of the runs. */
function ddpg(...args) {
  return execute(process.execPath, [path.join(root, "bin/ddpg.js"), ...args], { cwd: runs });
}

async function checkOnnx(run) {
  const runtime = await onnxRuntime();
  let worst = 0;
  const check = async (bytes, policy, observe) => {
    const error = await largestError(runtime, bytes, policy, observe);
    // A policy rounds scaled observations to Float32 before it normalizes them, and the graph does not.
    const bound = policy.normalization ? 2e-5 : 1e-5;
    assert.ok(error < bound, `an action is off by ${error} of its half-range, more than ${bound}`);
    worst = Math.max(worst, error);
  };
  for (let index = 0; index < policies; index++) {
    const { agent, observe } = await policyCase(index);
    await check(toOnnx(agent.policy), agent.policy, observe);
  }
  // A trained policy, exported as a user would.
  await ddpg("export", run, "--format", "onnx", "--output", "pendulum.onnx");
  const random = new Random(1);
  const observe = () => {
    const angle = random.uniform(-Math.PI, Math.PI);
    return Float32Array.of(Math.cos(angle), Math.sin(angle), random.uniform(-8, 8));
  };
  await check(fs.readFileSync(path.join(runs, "pendulum.onnx")), await readPolicy(run), observe);
  await checkGodot(runtime);
  return `${policies} policies and a trained one, ${observationsEach} observations each: within ${worst.toExponential(1)} of each action's half-range`;
}

/** The largest error in half-ranges of the actions, for many observations at once and for a single one. */
async function largestError({ InferenceSession, Tensor }, bytes, policy, observe) {
  const session = await InferenceSession.create(bytes);
  const { observationSize, actionSize, actionLow, actionHigh } = policy.units;
  let worst = 0;
  for (const count of [1, observationsEach]) {
    const observations = Array.from({ length: count }, observe);
    const input = new Float32Array(count * observationSize);
    observations.forEach((observation, i) => {
      input.set(observation, i * observationSize);
    });
    const { action } = await session.run({ observation: new Tensor("float32", input, [count, observationSize]) });
    assert.deepEqual(action.dims, [count, actionSize]);
    observations.forEach((observation, i) => {
      policy.act(observation).forEach((expected, d) => {
        const error = Math.abs(action.data[i * actionSize + d] - expected) / ((actionHigh[d] - actionLow[d]) / 2);
        // Written so that NaN counts as the worst.
        if (!(error <= worst)) worst = error;
      });
    });
  }
  await session.release();
  return worst;
}

/** The form for Godot, fed and asked as its plugin does: one row of `obs` and a state, for `output` and `state_outs`. */
async function checkGodot({ InferenceSession, Tensor }) {
  const spaces = { observationSize: 3, actionLow: [-1, -1], actionHigh: [1, 1] };
  const { policy } = await Ddpg.create(spaces, { preset: "small" });
  const session = await InferenceSession.create(toOnnx(policy, { for: "godot" }));
  const observation = Float32Array.of(0.3, -1, 2);
  const inputs = { obs: new Tensor("float32", observation, [1, 3]), state_ins: new Tensor("float32", [1], [1]) };
  const results = await session.run(inputs, ["output", "state_outs"]);
  assert.deepEqual([results.output.dims, results.state_outs.dims], [[1, 2], [1]]);
  assert.deepEqual([...results.state_outs.data], [1]);
  policy.act(observation).forEach((expected, d) => {
    assert.ok(Math.abs(results.output.data[d] - expected) < 1e-5);
  });
  await session.release();
}

/** The declarations, with the oldest compiler that docs/start/typescript.md names and with one of today, under every `moduleResolution`. */
async function checkTypes() {
  install();
  const user = fs.mkdtempSync(path.join(runs, "types-"));
  // As packed: `dist` and package.json are all that a compiler reads.
  const packages = path.join(user, "node_modules");
  fs.cpSync(fs.realpathSync(path.join(root, "dist")), path.join(packages, "ddpg/dist"), { recursive: true });
  fs.copyFileSync(path.join(root, "package.json"), path.join(packages, "ddpg/package.json"));
  for (const name of ["@types/node", "undici-types"]) {
    fs.cpSync(path.join(root, "node_modules", name), path.join(packages, name), { recursive: true });
  }
  fs.writeFileSync(path.join(user, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(user, "library.ts"), usesLibrary);
  fs.writeFileSync(path.join(user, "node.ts"), usesNode);
  const versions = ["5.0", "5.9"];
  const resolutions = { node10: "commonjs", node16: "node16", bundler: "esnext" };
  // Without the types of Node, because a page has none; then `ddpg/node` with them.
  const programs = { "library.ts": [], "node.ts": ["node"] };
  for (const version of versions) {
    const compiler = path.join(folder, `node_modules/typescript-${version}/lib/tsc.js`);
    for (const [moduleResolution, module] of Object.entries(resolutions)) {
      for (const [file, types] of Object.entries(programs)) {
        const compilerOptions = {
          ...{ module, moduleResolution, types, target: "es2022", lib: ["es2022"], noEmit: true },
          ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
        };
        fs.writeFileSync(path.join(user, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
        await execute(process.execPath, [compiler, "-p", user]).catch(({ stdout }) =>
          assert.fail(`${version} under ${moduleResolution}, ${file}:\n${stdout}`),
        );
      }
    }
  }
  return `${versions.join(" and ")} under ${Object.keys(resolutions).join(", ")}`;
}

/** Installs the packages of interop/package.json, unless they are there. */
function install() {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const isInstalled = ([name, wanted]) => {
    const manifest = path.join(folder, "node_modules", name, "package.json");
    const version = fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).version;
    return version === wanted.replace(/^npm:.*@/, "");
  };
  if (Object.entries(dependencies).every(isInstalled)) return;
  console.log("Installing ONNX Runtime and two TypeScripts into interop/node_modules …");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

async function onnxRuntime() {
  install();
  const require = createRequire(path.join(folder, "package.json"));
  const runtime = await import(pathToFileURL(require.resolve("onnxruntime-web")));
  runtime.env.wasm.numThreads = 1;
  return runtime;
}

async function checkTensorBoard(run) {
  const python = process.env.PYTHON ?? "python3";
  const { status } = spawnSync(python, ["-c", "import tensorboard"], { stdio: "ignore" });
  if (status !== 0) return `skipped, ${python} has no tensorboard`;
  const read = async () => {
    const { stdout } = await execute(python, [path.join(folder, "read-events.py"), run], { maxBuffer: 1e8 });
    return JSON.parse(stdout);
  };
  const records = readMetrics(run);
  const of = (type, field, steps = () => true) =>
    records.filter((r) => r.type === type && steps(r)).map((r) => [r.step, Math.fround(r[field])]);

  const tags = await read();
  assert.deepEqual(Object.keys(tags).sort(), [
    "eval/mean_ep_length",
    "eval/mean_reward",
    "rollout/ep_len_mean",
    "rollout/ep_rew_mean",
    "time/fps",
    "train/actor_loss",
    "train/critic_loss",
    "train/n_updates",
  ]);
  assert.deepEqual(tags["eval/mean_reward"], of("evaluation", "meanReturn"));
  assert.deepEqual(tags["train/critic_loss"], of("diagnostics", "criticLoss"));
  assert.deepEqual(tags["rollout/ep_len_mean"], of("episode", "length"));

  // A run that was killed while writing, and resumed at step 1,000 in a second file.
  const [first] = fs.readdirSync(run).filter((name) => name.includes("tfevents"));
  fs.truncateSync(path.join(run, first), fs.statSync(path.join(run, first)).size - 5);
  const settings = { warmupSteps: 1000, batchSize: 64 };
  const earlier = records.filter(({ step }) => step <= 1000);
  const second = new EventFile(run, settings, { step: 1000, records: earlier });
  const [evaluation] = records.filter(({ type, step }) => type === "evaluation" && step > 1000);
  second.add(evaluation);
  second.flush();
  second.close();
  assert.deepEqual((await read())["eval/mean_reward"], [
    ...of("evaluation", "meanReturn", ({ step }) => step <= 1000),
    [evaluation.step, Math.fround(evaluation.meanReturn)],
  ]);
  return `${Object.keys(tags).length} tags of a run, and of one that was killed and resumed`;
}
