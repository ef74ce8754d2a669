import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { closeConnection, isPassing } from "./nats.ts";

test("what passes by itself is tried again: a server that does not answer yet, also as the cause of a failed request", () => {
  const named = (name: string, options?: ErrorOptions) => Object.assign(new Error("", options), { name });
  assert.ok(isPassing(named("RequestError", { cause: named("NoResponders") })));
  assert.ok(!isPassing(named("RequestError", { cause: named("PermissionViolationError") })));
});

test("a connection is closed when what is on its way is sent, and also if that fails", async () => {
  const order: string[] = [];
  const close = async () => void order.push("close");
  const drain = async (): Promise<void> => {
    await delay(5);
    order.push("drain");
  };
  await closeConnection({ drain, close });
  assert.deepEqual(order, ["drain", "close"]);
  await closeConnection({ drain: () => Promise.reject(new Error("lost")), close });
  assert.deepEqual(order, ["drain", "close", "close"]);
});
