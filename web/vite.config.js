import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const manifest = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const engine = `assets/mujoco-${manifest.peerDependencies["@mujoco/mujoco"]}.js`;

const pages = ["index.html", "watch.html"].map((name) => fileURLToPath(new URL(name, import.meta.url)));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Any folder of any host.
  base: "./",
  build: {
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    // Its workers load the engine, never the page itself.
    rolldownOptions: { input: pages, external: ["@mujoco/mujoco"] },
    // three.js; it comes after the first view, when it is asked for.
    chunkSizeWarningLimit: 1000,
  },
  worker: {
    format: "es",
    // The engine imports it where it finds itself in Node: never here.
    rolldownOptions: {
      external: ["module"],
      // Under this name `ddpg watch` finds the peer's own file, which stands for it in the package.
      output: { chunkFileNames: ({ name }) => (name === "mujoco" ? engine : "assets/[name]-[hash].js") },
    },
  },
});
