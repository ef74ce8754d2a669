// Same seed and same arithmetic, same bits: in this Node and in a browser. `npm run test:engines` checks every supported Node.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { computeInBrowser, computeInNode, recorded } from "./recorded.js";

const dist = fs.realpathSync(path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "dist"));

for (const [arithmetic, expected] of Object.entries(recorded)) {
  describe(`same seed, same bits in ${arithmetic} arithmetic`, { timeout: 240_000 }, () => {
    it("gives the recorded fingerprints and base/math in Node", async () => {
      assert.deepEqual(await computeInNode(process.execPath, dist, { arithmetic }), expected);
    });

    it("gives the recorded fingerprints and base/math in the browser", async () => {
      assert.deepEqual((await computeInBrowser(dist, { arithmetic })).bits, expected);
    });

    it("gives them with two threads in Node", async () => {
      assert.deepEqual(await computeInNode(process.execPath, dist, { arithmetic, threads: 2 }), expected);
    });

    it("gives them with two threads in a browser's worker", async () => {
      assert.deepEqual((await computeInBrowser(dist, { arithmetic, threads: 2 })).bits, expected);
    });
  });
}
