import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkUpdateFloat64, checkUpdateWasm } from "./update.case.ts";

const { DDPG_FIXTURES: other } = process.env;
// Another set may have only one kind.
const folders = ["update", "update-options"].map((name) => join(other ?? "fixtures", name));

for (const folder of folders.filter((name) => other === undefined || existsSync(name))) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const fixture = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const last = fixture.losses.length;

    test(`${file}: ${last} updates in Float64 match within 1e-12, except for an idle shift's drift`, async () => {
      assert.deepEqual(await checkUpdateFloat64(fixture), []);
    });

    test(`${file}: the first update in WebAssembly matches: parameters within 1e-6, the rest within 1e-5 of the largest`, async () => {
      assert.deepEqual(await checkUpdateWasm(fixture), []);
    });
  }
}
