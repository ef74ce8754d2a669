import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { stepLinesPlugin } from "./step-lines.js";

const manifest = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const engine = `assets/mujoco-${manifest.peerDependencies["@mujoco/mujoco"]}.js`;

/** MuJoCo's tasks are loaded with the first of them. The name tells them from the engine, which is not in the package. */
const chunkName = ({ name, facadeModuleId }) =>
  facadeModuleId?.endsWith("/src/mujoco.ts") ? "assets/solid-tasks-[hash].js" : `assets/${name}-[hash].js`;

const pages = ["index.html", "watch.html", "overview.html"].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);

/** Files of the repository that the page links to, as text that any host shows. */
const about = {
  "README.txt": "README.md",
  "gradients.txt": "docs/gradients.md",
  "ddpg.ts.txt": "src/ddpg/ddpg.ts",
  "LICENSE.txt": "LICENSE",
};
/** Trained policies, which the command line reads from the built page too. */
const trained = fs.readdirSync(new URL("trained", import.meta.url));
const files = [
  ...Object.entries(about).map(([name, file]) => [`about/${name}`, file]),
  ...trained.map((name) => [`trained/${name}`, `web/trained/${name}`]),
];
const filesPlugin = {
  name: "files",
  generateBundle() {
    for (const [name, file] of files) {
      const source = fs.readFileSync(new URL(`../${file}`, import.meta.url));
      this.emitFile({ type: "asset", fileName: name, source });
    }
  },
};

/** Modules that are left out, because what would call them never runs there. */
const without = (name, isLeftOut) => ({
  name,
  enforce: "pre",
  resolveId: (id) => (isLeftOut(id) ? `\0${name}` : null),
  load: (id) => (id === `\0${name}` ? "export {};" : null),
});
/** Only workers simulate MuJoCo's tasks: the page asks them. */
const withoutSimulation = without("without-simulation", (id) => /^[./]+\/mujoco\.ts$/.test(id));
/** Signatures of NATS' accounts, which need a file of credentials: a page asks for a user and a password. */
const withoutSignatures = without("without-signatures", (id) => id === "@nats-io/nkeys");

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // The page must work in any folder of any host.
  base: "./",
  plugins: [stepLinesPlugin(), filesPlugin, withoutSimulation],
  build: {
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    // Only the workers load the physics engine, never the page itself.
    rolldownOptions: { input: pages, external: ["@mujoco/mujoco"], output: { chunkFileNames: chunkName } },
    // three.js exceeds the usual limit, but it is loaded on demand, after the first view.
    chunkSizeWarningLimit: 1000,
  },
  worker: {
    format: "es",
    plugins: () => [withoutSignatures],
    // The engine imports this module only in Node, never here.
    rolldownOptions: {
      external: ["module"],
      // `ddpg watch` recognizes this name and serves the peer dependency's file, which the package does not include.
      output: {
        chunkFileNames: (chunk) =>
          chunk.facadeModuleId?.includes("/node_modules/@mujoco/mujoco/") ? engine : chunkName(chunk),
      },
    },
  },
});
