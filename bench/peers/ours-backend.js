// The backend of a contender, as its arguments name it: `--simd 128|256|native --arithmetic portable|fused`. Run as a program,
// it takes a list of { simd, arithmetic } as JSON and prints, for each, what this Node has: bench/contenders.js asks it.
import { pathToFileURL } from "node:url";
import { nodeBackend } from "ddpg/node";

/** The choice in the arguments of this process. */
export function chosen() {
  const after = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at > 0 ? process.argv[at + 1] : otherwise;
  };
  return { simd: after("--simd", "128"), arithmetic: after("--arithmetic", "portable") };
}

/** Exactly this backend; throws where this process does not have it. */
export async function backendOf({ simd, arithmetic }) {
  // On a busy machine, 256-bit vectors can seem too slow to be used, so they are tried more than once.
  for (let attempt = 1; ; attempt++) {
    const backend = await nodeBackend({ native: simd === "native", wide: simd === "256", arithmetic });
    const native = backend.name.startsWith("native");
    if (simd === (native ? "native" : String(backend.vectorBits))) return backend;
    if (attempt === 3) throw new Error(backend.notes.join("; "));
  }
}

/** The versions that a contender reports, with its backend, so that a record names what has really run. */
export function versionWith({ name, arithmetic }) {
  return `Node ${process.versions.node}, ${name}, ${arithmetic}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = [];
  for (const choice of JSON.parse(process.argv[2])) {
    found.push(
      await backendOf(choice).then(
        ({ name, vectorBits }) => ({ ...choice, backend: name, vectorBits }),
        ({ message }) => ({ ...choice, reason: message }),
      ),
    );
  }
  console.log(JSON.stringify({ node: process.versions.node, v8: process.versions.v8, found }));
}
