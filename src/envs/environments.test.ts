import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { environments } from "../tasks.ts";
import { environmentCases } from "./environment.case.ts";

for (const [id, { create, timeLimit }] of Object.entries(environments)) environmentCases(id, create, timeLimit);

test("the sizes and bounds listed for a task are those of its environment", async () => {
  for (const [id, { create, observationSize, actionLow, actionHigh }] of Object.entries(environments)) {
    const environment = await create();
    assert.equal(environment.observationSize, observationSize, id);
    assert.deepEqual(Array.from(environment.actionLow), actionLow, id);
    assert.deepEqual(Array.from(environment.actionHigh), actionHigh, id);
    environment.close?.();
  }
});

test("Pendulum and MountainCarContinuous return observations in Float32, as Gymnasium's do", async () => {
  for (const id of ["Pendulum-v1", "Pendulum-v0", "MountainCarContinuous-v0"]) {
    const environment = await environments[id].create();
    assert.ok((await environment.reset(new Random(1))) instanceof Float32Array, id);
    const { observation } = await environment.step(Float32Array.of(0.3));
    assert.ok(observation instanceof Float32Array, id);
  }
});
