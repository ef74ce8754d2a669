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
    // No task of the page needs MuJoCo's engine yet.
    rolldownOptions: { input: pages, external: ["@mujoco/mujoco"] },
  },
  worker: { format: "es", rolldownOptions: { external: ["@mujoco/mujoco"] } },
});
