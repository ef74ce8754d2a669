// The options that the benchmarks share, and how each reads its own.
import { parseArgs } from "node:util";

export const text = { type: "string" };
export const flag = { type: "boolean", default: false };

/**
 * The options of a benchmark: those that `read` makes of the values of `options`, and those that choose ddpg's kernels. Ends
 * the process with the help if that is wanted, or with the reason and the help if something is wrong.
 */
export function readOptions(program, help, options, read) {
  try {
    const { values } = parseArgs({ options: { help: flag, ...choices, ...options } });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    return { ...values, ...readChoices(values), ...read(values) };
  } catch (error) {
    console.error(`bench/${program}: ${error.message}\n\n${help}`);
    process.exit(2);
  }
}

/** The Python that runs the peers. */
export function pythonOf({ python }) {
  return python ?? process.env.PYTHON ?? "python3";
}

/** The options of every benchmark that choose which of ddpg's kernels are measured. */
const choices = {
  node: { type: "string", multiple: true, default: [process.execPath] },
  simd: { type: "string", multiple: true, default: ["128"] },
  arithmetic: { type: "string", multiple: true, default: ["portable"] },
};

export const choicesHelp = `\
  --node <path>      run ddpg with this Node; may be given several times (this Node)
  --simd <kind>      ddpg's kernels: 128 or 256 (bits of WebAssembly) or native; may be given several times (128)
  --arithmetic <a>   portable or fused; may be given several times (portable)
                     Each Node runs the combinations that it has. The first contender is compared with the others.`;

/** The values of `choices`, checked. */
function readChoices({ node, simd, arithmetic }) {
  const check = (name, values, possible) => {
    const wrong = values.find((value) => !possible.includes(value));
    if (wrong !== undefined) throw new Error(`--${name}: ${possible.join(", ")}; got "${wrong}"`);
  };
  check("simd", simd, ["128", "256", "native"]);
  check("arithmetic", arithmetic, ["portable", "fused"]);
  return { nodes: node, simd, arithmetic };
}
