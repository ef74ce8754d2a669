// Checks the bridge to Gymnasium against the real one, in a virtual environment that the first run makes with pip.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, "interop");
const virtual = path.join(folder, "python");
const python = path.join(virtual, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

const { checkEnvironment, Random } = await import("../dist/index.js");
const { createMujoco, halfCheetah } = await import("../dist/mujoco.js");
const { gymnasium } = await import("../dist/node.js");

/** Makes the virtual environment, unless it is there. Returns why it cannot be made, or undefined. */
function install() {
  const wanted = fs.readFileSync(path.join(folder, "requirements.txt"), "utf8");
  const made = path.join(virtual, "requirements.txt");
  if (fs.existsSync(made) && fs.readFileSync(made, "utf8") === wanted) return undefined;
  const system = process.env.PYTHON ?? "python3";
  if (spawnSync(system, ["--version"]).status !== 0) return `there is no ${system}`;
  console.log("Installing Gymnasium and MuJoCo into interop/python …");
  fs.rmSync(virtual, { recursive: true, force: true });
  if (spawnSync(system, ["-m", "venv", virtual], { stdio: "ignore" }).status !== 0)
    return `${system} has no venv or pip`;
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "30"];
  const { status, stderr } = spawnSync(python, [...args, "-r", path.join(folder, "requirements.txt")], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
  });
  if (status !== 0) return `pip cannot install it: ${stderr.trim().split("\n").at(-1) ?? "no answer in 300 s"}`;
  fs.writeFileSync(made, wanted);
  return undefined;
}

/** All checks. Returns what to print. `ddpg` runs the command line in the folder `runs`. */
export async function checkGymnasium(runs, ddpg) {
  const reason = install();
  if (reason !== undefined) return `skipped, ${reason}`;
  process.env.PYTHONPATH = folder;
  const worst = await checkNumbers();
  await checkSpaces();
  await checkClose(runs);
  await checkFailures(runs);
  const median = await bridgeTime();
  await checkCommands(runs, ddpg);
  return `HalfCheetah-v5 as our own within ${worst.toExponential(1)} at every step of 3 episodes; spaces, failures, commands; the bridge takes ${median.toFixed(0)} µs a step`;
}

/** An environment, and the lines that it prints. */
async function open(id, options = {}) {
  const lines = [];
  const environment = await gymnasium(id, { python, onLine: (line) => lines.push(line), ...options });
  return { environment, lines };
}

/**
 * Compares HalfCheetah-v5 with our own at every step of whole episodes. Both engines are the same version, but one is
 * native and one WebAssembly, whose roundings differ in the last bits, and contacts amplify that within a hundred steps. So
 * ours starts each step from the state that the last observation gives; only its x is free.
 */
async function checkNumbers() {
  const { environment } = await open("HalfCheetah-v5");
  const ours = await createMujoco(halfCheetah());
  assert.equal(environment.maxEpisodeSteps, 1000);
  assert.deepEqual(environment.actionLow, new Array(6).fill(-1));
  // Steps taken, x before, time, then 9 positions and 9 velocities, of which the first position is not observed.
  const withState = (state, observation) => {
    for (let i = 0; i < 8; i++) state[4 + i] = observation[i];
    for (let i = 0; i < 9; i++) state[12 + i] = observation[8 + i];
    return state;
  };
  let worst = 0;
  const compare = (theirs, own) => {
    const error = Math.abs(theirs - own);
    if (!(error <= worst)) worst = error;
  };
  for (let episode = 0; episode < 3; episode++) {
    await ours.reset(new Random(0));
    const start = ours.save().fill(0, 0, 4).fill(0, 21, 30);
    ours.restore(withState(start, await environment.reset(new Random(episode))));
    const actions = new Random(`actions ${episode}`);
    for (let steps = 1; ; steps++) {
      const action = Float32Array.from({ length: 6 }, () => actions.uniform(-1, 1));
      const theirs = await environment.step(action);
      const own = await ours.step(action);
      for (let i = 0; i < 17; i++) compare(theirs.observation[i], own.observation[i]);
      compare(theirs.reward, own.reward);
      assert.deepEqual([theirs.terminated, theirs.truncated], [own.terminated, own.truncated ?? false]);
      assert.equal(theirs.truncated, steps === 1000);
      if (theirs.truncated) break;
      ours.restore(withState(ours.save(), theirs.observation));
    }
  }
  ours.close();
  await environment.close();
  assert.ok(worst < 1e-9, `a number is off by ${worst}`);
  const made = () => gymnasium("HalfCheetah-v5", { python });
  assert.deepEqual(await checkEnvironment(made, { steps: 300 }), { problems: [], warnings: [] });
  return worst;
}

async function checkSpaces() {
  const { environment, lines } = await open("interop_tasks:Parts-v0");
  // In the order of the space: Gymnasium sorts the names of a Dict that was given as one.
  assert.equal(environment.observationSize, 9);
  assert.deepEqual(lines, ["hello from Parts"]);
  const z = [0.1, 1e-300];
  const seed = new Random(1).bits();
  assert.deepEqual([...(await environment.reset(new Random(1)))], [7, 255, 0, 1, 1, 0, 0, ...z]);
  const first = await environment.step(Float32Array.of(0, 0));
  assert.deepEqual([first.reward, first.terminated, first.truncated, first.info], [0.1, false, false, undefined]);
  assert.deepEqual([...first.observation], [7, 255, 0, 1, 0, 1, 0, ...z]);
  const second = await environment.step(Float32Array.of(0, 0));
  assert.equal(second.terminated, true);
  // The names of the reset, seed and flag, take two of the 32 places.
  assert.deepEqual(
    Object.keys(second.info ?? {}),
    Array.from({ length: 30 }, (_, i) => `n${i}`),
  );
  assert.ok(seed >= 0);
  await environment.close();
  const refused = {
    "CartPole-v1": /expected continuous actions, got Discrete\(2\)/,
    "interop_tasks:Unbounded-v0": /expected actions with finite bounds/,
    "interop_tasks:Whole-v0": /expected actions of real numbers/,
    "None-v0": /NameNotFound: Environment `None` doesn't exist/,
    "no_module:A-v0": /ModuleNotFoundError: No module named 'no_module'/,
  };
  for (const [id, message] of Object.entries(refused)) await assert.rejects(open(id), { name: "InputError", message });
}

/** A task may have something to write before it ends. */
async function checkClose(runs) {
  const file = path.join(runs, "closed");
  const { environment } = await open("interop_tasks:Trivial-v0", { kwargs: { closed: file } });
  await environment.reset(new Random(1));
  await environment.close();
  assert.equal(fs.readFileSync(file, "utf8"), "closed");
}

async function checkFailures(runs) {
  const failure = async (mode, options = {}) => {
    const { environment, lines } = await open("interop_tasks:Trivial-v0", { kwargs: { mode, at: 3 }, ...options });
    await environment.reset(new Random(1));
    try {
      for (let step = 0; step < 10; step++) await environment.step(Float32Array.of(0, 0));
    } catch (error) {
      return { error, lines };
    } finally {
      await environment.close();
    }
    return { lines };
  };
  const raised = (await failure("raises")).error;
  assert.equal(raised.message, "ValueError: the road is closed");
  assert.match(raised.stack, /^Traceback \(most recent call last\):[\s\S]*interop_tasks\.py/);
  const { error: dead } = await failure("dies");
  assert.equal(dead.message, "the program ended with exit code 3, after it printed: out of oil");
  const writes = await failure("writes");
  assert.deepEqual([writes.error, writes.lines.filter((line) => line === "still alive").length], [undefined, 14]);
  for (const mode of ["sleeps", "loops"])
    assert.match((await failure(mode, { stepTimeout: 1000 })).error.message, /expected an answer within 1 s, got none/);

  // A parent that is killed takes a child with it that would never have come back.
  const script = `import { gymnasium } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
import { Random } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
for (const mode of ["sleeps", "loops", ""]) {
  const environment = await gymnasium("interop_tasks:Trivial-v0", { python: ${JSON.stringify(python)}, kwargs: { mode } });
  await environment.reset(new Random(1));
  void environment.step(Float32Array.of(0, 0));
}
console.log("ready");`;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(parent.stdout, "data");
  if (process.platform === "linux") {
    const children = fs.readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, "utf8").trim().split(" ");
    assert.equal(children.length, 3, runs);
    parent.kill("SIGKILL");
    const isThere = (pid) =>
      fs.existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    for (let waited = 0; children.some(isThere); waited += 50) {
      assert.ok(waited < 10_000, "a child has outlived its parent");
      await delay(50);
    }
  } else parent.kill("SIGKILL");
}

/** The median time of a step of a task that does nothing, in µs. */
async function bridgeTime() {
  const { environment } = await open("interop_tasks:Trivial-v0");
  await environment.reset(new Random(1));
  const action = Float32Array.of(0, 0);
  const times = [];
  for (let step = 0; step < 20_000; step++) {
    const started = performance.now();
    await environment.step(action);
    times.push(1000 * (performance.now() - started));
  }
  await environment.close();
  const median = times.sort((a, b) => a - b)[times.length / 2];
  assert.ok(median <= 100, `the bridge takes ${median} µs a step`);
  return median;
}

/** The commands, with the options that they need. */
async function checkCommands(runs, ddpg) {
  const run = path.join(runs, "gymnasium");
  const options = ["--python", python, "--kwargs", '{"width":64,"height":48}'];
  const short = [
    "--steps",
    "300",
    "--warmup-steps",
    "100",
    "--batch-size",
    "16",
    "--episodes",
    "1",
    "--evaluate-episodes",
    "1",
  ];
  await ddpg(
    "train",
    "gymnasium:HalfCheetah-v5",
    ...options,
    ...short,
    "--environments",
    "2",
    "--check-steps",
    "50",
    "--out",
    run,
  );
  await assert.rejects(ddpg("evaluate", run), /expected --python and --kwargs in the command/);
  const { stdout } = await ddpg("evaluate", run, ...options, "--episodes", "1", "--json");
  assert.equal(JSON.parse(stdout).environment, "gymnasium:HalfCheetah-v5");
  await ddpg("resume", run, ...options, "--steps", "400");
  const display = process.env.MUJOCO_GL ?? "egl";
  process.env.MUJOCO_GL = display;
  try {
    await ddpg("render", run, ...options, "--seconds", "0.5", "--output", path.join(runs, "gymnasium.gif"));
    assert.equal(fs.readFileSync(path.join(runs, "gymnasium.gif"), "latin1").slice(0, 6), "GIF89a");
  } catch (error) {
    // Pictures need OpenGL, which a machine without a display may lack.
    assert.match(error.message, /OpenGL|egl|EGL|glfw|GLFW|osmesa/, error.message);
    console.log(`Gymnasium's pictures were not checked: MuJoCo in Python has no OpenGL here (MUJOCO_GL=${display}).`);
  }
  const out = path.join(runs, "benchmark");
  const benchmark = ["benchmark", "--tasks", "gymnasium:interop_tasks:Trivial-v0", "--python", python, "--out", out];
  await ddpg(...benchmark, "--seeds", "1", "--steps", "60", "--batch-size", "8", "--warmup-steps", "8", "--jobs", "1");
  assert.match(fs.readFileSync(path.join(out, "benchmark.md"), "utf8"), /Trivial-v0/);
}
