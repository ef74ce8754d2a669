import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { presets } from "../../ddpg/config.ts";
import type { RunConfig } from "../../node.ts";
import { cellId, jobOf } from "./job.ts";

describe("a job", () => {
  const config: RunConfig = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 3, steps: 500, settings: { ...presets.small } },
    arithmetic: "portable",
    evaluation: { every: 100, episodes: 2, finalEpisodes: 2 },
    versions: { ddpg: "0", node: "0", platform: "any" },
  };

  it("has an id that never changes, by what decides it", () => {
    assert.equal(jobOf(config).id, "43d453cb0fa6-seed3");
    const changes: Partial<RunConfig>[] = [
      { environment: "Pendulum-v0" },
      { steps: 501 },
      { arithmetic: "fused" },
      { environmentOptions: { port: 3001 } },
      { settings: { ...config.settings, batchSize: 65 } },
    ];
    const ids = changes.map((change) => cellId({ ...config, ...change }));
    assert.equal(new Set([...ids, cellId(config)]).size, 6);
    assert.notEqual(jobOf({ ...config, seed: 4 }).id, jobOf(config).id);
    assert.equal(cellId({ ...config, versions: { ddpg: "9", node: "9", platform: "other" } }), cellId(config));
  });
});
