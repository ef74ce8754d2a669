import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkUpdateFloat64, checkUpdateWasm, type UpdateFixture } from "./update.case.ts";

const folder = join(process.env.DDPG_FIXTURES ?? "fixtures", "update");

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const fixture: UpdateFixture = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const last = fixture.losses.length;

  test(`${file}: ${last} updates in Float64 match within 1e-12, except for an idle shift's drift`, async () => {
    assert.deepEqual(await checkUpdateFloat64(fixture), []);
  });

  test(`${file}: the first update in WebAssembly matches: parameters within 1e-6, the rest within 1e-5 of the largest`, async () => {
    assert.deepEqual(await checkUpdateWasm(fixture), []);
  });
}
