// `npm run page` serves the page on this machine and prints its address. `npm run build:page` prints where its files are.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { preview } from "vite";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await build();
const directory = path.join(fs.realpathSync(path.join(root, "dist")), "page");
if (process.argv.includes("--build")) console.log("The page is in dist/page: copy it to any static host.");
else {
  const server = await preview({ configFile: path.join(root, "web/vite.config.js"), build: { outDir: directory } });
  console.log(`The page is at ${server.resolvedUrls?.local[0]}. End with Ctrl-C.`);
}
