import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "./protobuf.ts";

function hexadecimal(message: Message): string {
  return Buffer.from(message.encode()).toString("hex");
}

// The examples of protobuf.dev/programming-guides/encoding, and some encoded by hand.
test("known messages have the known encodings", () => {
  assert.equal(hexadecimal(new Message().integer(1, 150)), "089601");
  assert.equal(hexadecimal(new Message().text(2, "testing")), "120774657374696e67");
  assert.equal(hexadecimal(new Message().message(3, new Message().integer(1, 150))), "1a03089601");
  assert.equal(hexadecimal(new Message().integer(4, 0)), "2000");
  assert.equal(hexadecimal(new Message().double(1, 1)), "09000000000000f03f");
  assert.equal(hexadecimal(new Message().float(2, -2)), "15000000c0");
  assert.equal(hexadecimal(new Message().text(16, "µ")), "820102c2b5");
  assert.equal(hexadecimal(new Message().integer(1, 2 ** 53 - 1)), "08ffffffffffffff0f");
  assert.equal(hexadecimal(new Message().integer(1, 1).integer(1, 2)), "08010802");
});
