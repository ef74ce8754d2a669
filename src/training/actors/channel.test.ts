import assert from "node:assert/strict";
import { test } from "node:test";
import { environments } from "../../tasks.ts";
import { channelOf, expectChannel } from "./channel.ts";

test("the default channel of every task, module and program is a name that a channel can have", () => {
  const others = ["./my-environment.js", "gymnasium:HalfCheetah-v5", "exec:node robot.js --port 1", "torcs"];
  for (const name of [...Object.keys(environments), ...others]) expectChannel(channelOf(name), name);
  assert.equal(channelOf("Pendulum-v1"), "Pendulum-v1");
  assert.equal(channelOf("dm_control/cartpole-swingup"), "dm_control-cartpole-swingup");
});
