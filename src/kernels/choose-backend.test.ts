import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Backend, isArithmeticOpen, openArithmetic } from "./backend.ts";
import { chooseBackend } from "./choose-backend.ts";
import { referenceBackend } from "./reference.ts";
import { Threads } from "./wasm/threads.ts";

describe("the choice of a backend", () => {
  it("that names portable arithmetic leaves nothing open, also with threads before or after", async () => {
    const threads = new Threads(1, undefined);
    const base: Backend = {
      ...referenceBackend(Float32Array, "portable"),
      withThreads: () => openArithmetic({ ...base }),
    };
    const backend = openArithmetic(base);
    const chosen = await chooseBackend({ backend, arithmetic: "portable" });
    const after = chosen.withThreads?.(threads);
    const before = await chooseBackend({ backend, arithmetic: "portable", threads });
    assert.deepEqual(
      [chosen, after, before].map((found) => found && isArithmeticOpen(found)),
      [false, false, false],
    );
    assert.ok(isArithmeticOpen(backend));
  });
});
