// Builds the documentation site into .docs/: the documents by VitePress (docs/decisions/0032), the API reference of all entries
// by TypeDoc (docs/decisions/0018), and the page. Fails if a public name or member has no docstring, if the contents miss a
// document, or if a link leads nowhere. The first run installs both programs from npm, each into a folder of its own.
// `--check` builds no site, needs no VitePress, and looks for dead links in the Markdown alone.
// `--base /name/` is for a site that is not at the root of its host.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { apiReference } from "./api-reference.js";
import { build } from "./build.js";
import { deadLinks, deadLinksOfSite } from "./links.js";
import { buildSite, wrongContents } from "./site.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const output = path.join(root, ".docs");
const { values: options } = parseArgs({
  options: { check: { type: "boolean" }, base: { type: "string", default: "/" } },
});
if (!/^\/(?:.*\/)?$/.test(options.base)) {
  console.error(`docs: expected a base that begins and ends with /, got ${options.base}`);
  process.exit(2);
}

const { complaints, write } = await apiReference(installed("typedoc", "typedoc"), options.base);
failIf([...complaints, ...wrongContents(), ...deadLinks(root).dead]);
if (!options.check) {
  await build(); // the page, and the command line whose help is shown
  await buildSite(output, options.base, installed("site", "vitepress"));
  await write(path.join(output, "api"));
  fs.cpSync(path.join(fs.realpathSync(path.join(root, "dist")), "page"), path.join(output, "page"), {
    recursive: true,
    filter: (file) => !/(watch|overview)\.html$/.test(file), // they show what a server of `ddpg watch` sends
  });
  const { dead, checked } = deadLinksOfSite(output, options.base);
  failIf(dead);
  console.log(
    `The site is in .docs/, and its ${checked} links lead somewhere. To read it: npx vite preview --outDir .docs`,
  );
}

function failIf(wrong) {
  for (const line of wrong) console.error(`docs: ${line}`);
  if (wrong.length > 0) process.exit(1);
}

/** The file of a package in `folder`, which is installed there if its versions are not those of the folder's package.json. */
function installed(folder, name) {
  const directory = path.join(root, folder);
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
  const isInstalled = Object.entries(devDependencies).every(([each, version]) => {
    const manifest = path.join(directory, "node_modules", each, "package.json");
    return fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).version === version;
  });
  if (!isInstalled) {
    console.log(`Installing ${name} into ${folder}/node_modules …`);
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", args, { cwd: directory, stdio: ["ignore", "ignore", "inherit"] });
  }
  return createRequire(path.join(directory, "package.json")).resolve(name);
}
