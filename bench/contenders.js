// The contenders: ddpg on each requested Node, and the programs in bench/peers that can run on this machine.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const peers = path.join(path.dirname(fileURLToPath(import.meta.url)), "peers");

/**
 * The contenders as { name, command, args, env, runs }. `runs(task)` says whether the contender takes part in a task. The
 * others are compared with the first. `tell` gets a line for each peer that is not installed, and for any other problem.
 */
export function contenders({ nodes, simd, arithmetic, withPeers, python, threads, tell }) {
  const list = ours({ nodes, simd, arithmetic, tell }, "ours.js");
  if (withPeers) {
    list.push(...installed(pythonPeers, python, tell), ...tensorFlowJs(nodes[0], tell));
    if (!lastCores(threads))
      tell(
        "The contenders are not bound to cores, because there is no taskset. JAX will use more cores than it should.",
      );
  }
  return list.map((contender) => ({ runs: () => true, ...onCores(contender, threads) }));
}

/**
 * ddpg on each Node with each of the kernels and arithmetics that it has, running a program of bench/peers. `tell` gets a
 * line for each combination that is left out. A Node that has none stays, and its failure is reported as a contender's.
 */
export function ours({ nodes, simd, arithmetic, tell }, program) {
  const wanted = simd.flatMap((kind) => arithmetic.map((each) => ({ simd: kind, arithmetic: each })));
  return nodes.flatMap((node) => {
    const { node: version, v8, found } = whatItHas(node, wanted);
    for (const { reason, ...choice } of found) {
      if (reason) tell(`${nameOf(version, choice)} is left out: ${reason}`);
    }
    const possible = found.filter(({ reason }) => !reason);
    return (possible.length > 0 ? possible : wanted.slice(0, 1)).map((choice) => ({
      name: nameOf(version, choice),
      command: node,
      args: [path.join(peers, program), ...argumentsFor(choice)],
      ours: { node: version, v8, ...choice },
    }));
  });
}

function nameOf(version, { simd, arithmetic }) {
  const kernels = simd === "native" ? simd : `${simd} bit`;
  return `ddpg, Node ${version}, ${kernels}${arithmetic === "fused" ? ", fused" : ""}`;
}

/** No arguments for what a program has without asking for it. */
function argumentsFor({ simd, arithmetic }) {
  return simd === "128" && arithmetic === "portable" ? [] : ["--simd", simd, "--arithmetic", arithmetic];
}

/** The versions of a Node, and each wanted combination with its backend or the `reason` why there is none. */
function whatItHas(node, wanted) {
  try {
    const args = [path.join(peers, "ours-backend.js"), JSON.stringify(wanted)];
    return JSON.parse(execFileSync(node, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return { node: "that does not run", found: [] };
  }
}

/** What a record says about our contenders: Node, V8, kernels, arithmetic and backend of each. */
export function oursInRecord(list) {
  return list.flatMap(({ name, ours }) => (ours ? [{ name, ...ours }] : []));
}

const isStandard = (task) => task.preset === "standard";
const isNumpy = (task) => task.preset === "numpy";

/** `modules` are names to import in Python; pip knows the packages by the same names. */
const pythonPeers = [
  { name: "PyTorch", modules: ["torch", "numpy"], program: "pytorch_optim.py", runs: isStandard },
  { name: "PyTorch, tuned", modules: ["torch", "numpy"], program: "pytorch.py", runs: isStandard },
  { name: "JAX jit", modules: ["jax", "optax"], program: "jax_ddpg.py", runs: isStandard },
  { name: "NumPy float64", modules: ["numpy"], program: "numpy_ddpg.py", args: ["--float64"], runs: isNumpy },
  { name: "NumPy float32", modules: ["numpy"], program: "numpy_ddpg.py", args: ["--float32"], runs: isNumpy },
];

/** The peers of the list whose modules a Python has, ready to start. `tell` gets a line for each of the others. */
export function installed(list, python, tell) {
  const missing = missingModules(python, [...new Set(list.flatMap(({ modules }) => modules))]);
  if (missing === null) {
    tell(`The peers in Python are left out: "${python}" does not run. Choose another with --python or PYTHON.`);
    return [];
  }
  return list.flatMap(({ modules, program, args = [], ...peer }) => {
    const lacks = modules.filter((module) => missing.includes(module)).join(" ");
    if (!lacks) return [{ ...peer, command: python, args: [path.join(peers, program), ...args] }];
    tell(`${peer.name} is left out: ${python} has no ${lacks}. Install: ${python} -m pip install ${lacks}`);
    return [];
  });
}

/** The modules that a Python does not find; null if it does not run. */
function missingModules(python, modules) {
  const program = "import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])";
  try {
    const stdio = ["ignore", "pipe", "ignore"];
    const found = execFileSync(python, ["-c", program, ...modules], { encoding: "utf8", stdio });
    return found.trim().split(/\s+/);
  } catch {
    return null;
  }
}

function tensorFlowJs(node, tell) {
  const name = "TensorFlow.js wasm";
  const program = path.join(peers, "tfjs.js");
  const folder = path.join(peers, "tfjs");
  if (!fs.existsSync(path.join(folder, "node_modules/@tensorflow/tfjs-backend-wasm"))) {
    console.log("Installing TensorFlow.js into bench/peers/tfjs/node_modules …");
    try {
      const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    } catch {
      tell(`${name} is left out: "npm ci" in bench/peers/tfjs failed.`);
      return [];
    }
  }
  // Its threads need a page. In Node it always has one thread.
  return [
    { name, command: node, args: [program], runs: isStandard },
    { name: "TensorFlow.js, tuned", command: node, args: [program, "--by-hand"], runs: isStandard },
  ];
}

/**
 * The same contender limited to `threads` cores: by the settings of its libraries and, where the system can, by `taskset`.
 * Settings alone do not limit JAX, which computes on a second thread beside the calling one.
 */
export function onCores(contender, threads) {
  const count = String(threads);
  const env = {
    OMP_NUM_THREADS: count,
    OPENBLAS_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    ...(threads === 1 && { XLA_FLAGS: "--xla_cpu_multi_thread_eigen=false" }),
    // Otherwise JAX looks for accelerators.
    JAX_PLATFORMS: "cpu",
  };
  const cores = lastCores(threads);
  if (!cores) return { ...contender, env };
  const { command, args } = contender;
  return { ...contender, env, command: "taskset", args: ["--cpu-list", cores, command, ...args] };
}

let allowedCores;

/** The last `threads` cores that this process may use, in the form for `taskset`; null if there is no `taskset`. */
export function lastCores(threads) {
  if (allowedCores === undefined) {
    try {
      const text = execFileSync("taskset", ["--cpu-list", "--pid", String(process.pid)], { encoding: "utf8" });
      allowedCores = /: ([\d,-]+)\s*$/
        .exec(text)[1]
        .split(",")
        .flatMap((range) => {
          const [first, last = first] = range.split("-").map(Number);
          return Array.from({ length: last - first + 1 }, (_, i) => first + i);
        });
    } catch {
      allowedCores = null;
    }
  }
  return allowedCores?.slice(-threads).join(",") ?? null;
}
