// Replays the recorded files of a folder, `<folder>/update/*.json`, `<folder>/update-options/*.json`,
// `<folder>/gymnasium/*.json` and `<folder>/dm-control/*.json`, and compares every number with what other systems computed.
// `npm run test:fixtures -- <folder>`; fixtures/README.md describes the formats.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.resolve(process.argv[2] ?? path.join(root, "fixtures"));
await build();
const { checkUpdateFloat64, checkUpdateWasm } = await import("../dist/ddpg/update.case.js");
const { checkDmControlFile, checkGymnasiumFile } = await import("../dist/envs/gymnasium.case.js");

const checkUpdate = async (fixture) => [
  ...(await checkUpdateFloat64(fixture)).map((difference) => `Float64: ${difference}`),
  ...(await checkUpdateWasm(fixture)).map((difference) => `WebAssembly: ${difference}`),
];

const kinds = {
  update: checkUpdate,
  "update-options": checkUpdate,
  gymnasium: checkGymnasiumFile,
  "dm-control": checkDmControlFile,
};

let passed = 0;
let failed = 0;
for (const [kind, check] of Object.entries(kinds)) {
  const directory = path.join(folder, kind);
  const files = fs.existsSync(directory) ? fs.readdirSync(directory).filter((name) => name.endsWith(".json")) : [];
  for (const file of files.sort()) {
    let differences;
    try {
      differences = await check(JSON.parse(fs.readFileSync(path.join(directory, file), "utf8")));
    } catch (error) {
      differences = [error.message];
    }
    if (differences.length === 0) {
      passed++;
      console.log(`passed  ${kind}/${file}`);
    } else {
      failed++;
      const more = differences.length > 1 ? ` (and ${differences.length - 1} more)` : "";
      console.log(`FAILED  ${kind}/${file}: ${differences[0]}${more}`);
    }
  }
}
if (passed + failed === 0)
  console.error(
    `${folder}: expected update/*.json, update-options/*.json, gymnasium/*.json or dm-control/*.json, found none.`,
  );
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
