import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../base/random.ts";
import { Matrix } from "../kernels/matrix.ts";
import { settingsFrom } from "./config.ts";
import { Priorities } from "./priorities.ts";
import { type Minibatch, ReplayBuffer, ReplayMemoryError } from "./replay-buffer.ts";

test("samples are whole transitions as they were stored", () => {
  const buffer = filled(1000, 300);
  const batch = minibatch(64);
  buffer.sample(batch, new Random(1));
  for (let i = 0; i < 64; i++) {
    const n = batch.reward[i];
    assert.deepEqual([batch.observation.at(i, 0), batch.observation.at(i, 1)], [n, -n]);
    assert.equal(batch.action.at(i, 0), n + 0.5);
    assert.deepEqual([batch.nextObservation.at(i, 0), batch.nextObservation.at(i, 1)], [n + 1, -n - 1]);
    assert.equal(batch.discount[i], n % 7 === 0 ? 0 : 0.9);
  }
});

test("sampling is uniform over everything stored: χ² over 50 rows below the 0.1 % bound 85.4", () => {
  const counts = drawn(filled(1000, 50), 20_000);
  assert.equal(counts.size, 50);
  let chiSquare = 0;
  for (const count of counts.values()) chiSquare += (count - 400) ** 2 / 400;
  assert.ok(chiSquare < 85.4, String(chiSquare));
});

test("a full buffer keeps the last transitions and evicts the oldest", () => {
  const buffer = filled(40, 100);
  assert.equal(buffer.size, 40);
  assert.equal(buffer.stored, 100);
  const rewards = [...drawn(buffer, 5000).keys()].sort((a, b) => a - b);
  assert.deepEqual(
    rewards,
    Array.from({ length: 40 }, (_, i) => 60 + i),
  );
});

test("rows are found in every block of memory, and the blocks together are no larger than the capacity", () => {
  const buffer = filled(20_000, 25_000);
  const rewards = [...drawn(buffer, 200_000).keys()];
  assert.ok(Math.min(...rewards) >= 5000);
  assert.ok(rewards.length > 19_000);
  assert.equal(buffer.fullBytes, 20_000 * 7 * 4);
});

test("equal random streams sample the same rows", () => {
  const buffer = filled(100, 100);
  const [a, b] = [minibatch(16), minibatch(16)];
  buffer.sample(a, new Random(3));
  buffer.sample(b, new Random(3));
  assert.deepEqual(a.reward, b.reward);
});

/** Transition n has s = (n, −n), a = n + 0.5, r = n, s′ = (n + 1, −n − 1); every seventh ends the task. */
function filled(capacity: number, transitions: number): ReplayBuffer {
  const buffer = new ReplayBuffer(capacity, 2, 1, 0.9);
  for (let n = 0; n < transitions; n++) {
    const [observation, nextObservation] = [
      [n, -n],
      [n + 1, -n - 1],
    ];
    buffer.store({ observation, action: [n + 0.5], reward: n, nextObservation, discountSteps: n % 7 === 0 ? 0 : 1 });
  }
  return buffer;
}

/** Counts how often each transition is drawn. */
function drawn(buffer: ReplayBuffer, draws: number): Map<number, number> {
  const random = new Random(2);
  const batch = minibatch(100);
  const counts = new Map<number, number>();
  for (let i = 0; i < draws / 100; i++) {
    buffer.sample(batch, random);
    for (const n of batch.reward) counts.set(n, (counts.get(n) ?? 0) + 1);
  }
  return counts;
}

function minibatch(size: number): Minibatch {
  const matrix = (columns: number): Matrix => new Matrix(new Float32Array(size * 16), size, columns, 16);
  return {
    observation: matrix(2),
    action: matrix(1),
    reward: new Float64Array(size),
    nextObservation: matrix(2),
    discount: new Float64Array(size),
    weight: new Float64Array(size).fill(1),
  };
}

test("a buffer that the memory is too small for is an error that names the setting and the sizes", () => {
  // A row of 32 GiB is more than any engine allocates at once.
  const buffer = new ReplayBuffer(3, 4 * 1024 * 1024 * 1024, 1, 0.99);
  const row = { observation: [], action: [], reward: 0, nextObservation: [], discountSteps: 1 };
  assert.throws(() => buffer.store(row), {
    name: "InputError",
    message:
      /^replayCapacity: expected memory for 3 transitions of 34359738380 bytes, 103080 MB together, got .+ after 0\. Choose a smaller one, or give the program more memory\.$/,
  });
  assert.equal(buffer.size, 0);
});

test("priorities that the memory is too small for are the same error, before anything is stored; a full buffer counts them", () => {
  const priorities = new Priorities(settingsFrom("small", { replayPriority: "lap" }));
  const buffer = new ReplayBuffer(5, 1, 1, 0.99, { priorities });
  // 5 rows of 5 numbers in Float32, and a tree with 8 leaves.
  assert.equal(buffer.fullBytes, 5 * 5 * 4 + 8 * 16);
  const row = { observation: [1], action: [0], reward: 0, nextObservation: [1], discountSteps: 1 };
  buffer.store(row);
  const { makeRoom } = priorities;
  priorities.makeRoom = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  for (const call of [() => buffer.makeRoom(2), () => buffer.store(row)]) {
    assert.throws(call, (error) => {
      assert.ok(error instanceof ReplayMemoryError);
      assert.match(
        error.message,
        /^replayCapacity: expected memory for 5 transitions of 20 bytes and their priorities, 1 MB together, got Array buffer allocation failed after 5\. Choose/,
      );
      return true;
    });
  }
  assert.equal(buffer.stored, 1);
  priorities.makeRoom = makeRoom;
  buffer.store(row);
  assert.equal(buffer.stored, 2);
});
