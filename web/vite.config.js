import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

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
    rolldownOptions: { external: ["module"] },
  },
});
