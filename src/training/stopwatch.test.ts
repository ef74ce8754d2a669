import assert from "node:assert/strict";
import { it } from "node:test";
import { Stopwatch } from "./stopwatch.ts";

it("a stopwatch counts from start to stop, and a second start or stop changes nothing", () => {
  let now = 50;
  const stopwatch = new Stopwatch(() => now, 2);
  const wait = (ms: number): void => {
    now += ms;
  };
  wait(10);
  assert.equal(stopwatch.ms, 2000);
  stopwatch.start();
  wait(3);
  stopwatch.start();
  wait(4.4);
  assert.equal(stopwatch.seconds, 2.007);
  stopwatch.stop();
  wait(100);
  stopwatch.stop();
  assert.equal(stopwatch.ms, 2007.4);
  stopwatch.start();
  wait(1);
  assert.equal(stopwatch.seconds, 2.008);
});
