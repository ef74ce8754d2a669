import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v8 from "node:v8";
import * as vm from "node:vm";
import { Worker } from "node:worker_threads";
import { Random } from "../../base/random.ts";
import { startHelper } from "../../node/threads.ts";
import { kernelCases } from "../kernels.case.ts";
import type { Kernels } from "../kernels.ts";
import { Matrix, type Vector } from "../matrix.ts";
import { vectorBytes } from "../raw-kernels.ts";
import { kernelNames } from "../signatures.ts";
import { ASLEEP, DONE, type HelperMessage, PIECES, TICKET } from "./helper.ts";
import { narrowKernels } from "./modules.ts";
import { type StartHelper, Threads } from "./threads.ts";
import { wasmBackend } from "./wasm-backend.ts";
import { createWasmKernels } from "./wasm-kernels.ts";

const MEBIBYTE = 1024 * 1024;
/** Every call is split, as finely as possible. */
const always = { threshold: 1 };
const patient = { ...always, answerMs: 30_000 };
const two = new Threads(2, startHelper, patient);
const three = new Threads(3, startHelper, patient);

const largestProduct = () => Infinity;
const create = (threads: Threads, mebibytes = 32) =>
  createWasmKernels(mebibytes * MEBIBYTE, { threads, largestProduct });

for (const threads of [two, three]) {
  const name = `${wasmBackend.name} with ${threads.count} threads`;
  kernelCases({ ...wasmBackend, name, create: () => create(threads) }, 5e-7);
}

describe("Threads", { timeout: 90_000 }, () => {
  for (const threads of [two, three]) {
    it(`${threads.count} threads give the same bits as one, in every kernel and its padding`, async () => {
      for (const [rows, columns, inner] of [
        [1, 1, 1],
        [3, 17, 5],
        [16, 16, 16],
        [5, 400, 256],
        [65, 129, 33],
        [130, 47, 70],
        [256, 300, 21],
      ]) {
        const [one, several] = await Promise.all([createWasmKernels(32 * MEBIBYTE), create(threads)]);
        assert.equal(several.threads, threads.count);
        const expected = everyKernel(one, rows, columns, inner);
        const actual = everyKernel(several, rows, columns, inner);
        for (const [name, values] of Object.entries(expected)) {
          assert.deepEqual(actual[name], values, `${name} of ${rows} × ${columns}, ${inner}`);
        }
      }
    });
  }

  it("say why an agent gets one thread", async () => {
    const module = await narrowKernels.shared();
    const refusal = async (threads: Threads, work: number): Promise<string> => {
      assert.equal(await threads.areWorth(work, { module }), false);
      return threads.refusal;
    };
    const none = (): never => {
      throw new Error("No thread.");
    };
    assert.match(await refusal(new Threads(2, startHelper), 10), /^layers and batch are too small/);
    assert.match(await refusal(new Threads(2, none, always), 10), /^no other thread could be started/);
    assert.match(await refusal(new Threads(2, startHelper, { threshold: 5 }), 10), /^another thread takes too long/);
    assert.equal(await refusal(new Threads(1, startHelper), 10), "");
    const refused = await withoutSharedMemory(() => refusal(new Threads(2, startHelper, always), 10));
    assert.equal(refused, "the engine gave no memory that threads can share");
    // A helper that does not answer the question about the agent's memory.
    const { threads, workers } = watched();
    assert.equal(await threads.areWorth(10, { module }), true);
    for (const worker of workers) worker.postMessage = () => {};
    assert.equal(await threads.share(1000, { module }), undefined);
    assert.match(threads.refusal, /^no other thread could be started, or none answered in time/);
    const others = watched().threads;
    assert.equal(await others.areWorth(10, { module }), true);
    assert.equal(await withoutSharedMemory(() => others.share(1000, { module })), undefined);
    assert.equal(others.refusal, "the engine gave no memory that threads can share");
    await create(two);
    assert.equal(two.refusal, "");
  });

  it("are chosen by the best of several measurements, whatever else the cores do meanwhile", async () => {
    const module = await narrowKernels.shared();
    const work = 4 * 250_000;
    /** A call of 16 rows takes 10 µs, as 16,384 steps do, and an answer 2 µs; but `noise` may hold up an answer. */
    const threadsWith = (noise: (answer: number) => number) => {
      let calls = 0;
      const timer = () => (calls++ % 2 === 0 ? 0.01 : 0.002 + noise(calls >> 1));
      return new Threads(2, startHelper, { timer });
    };
    const random = new Random("noise");
    assert.equal(await threadsWith(() => 0).areWorth(work, { module }), true);
    assert.equal(await threadsWith((answer) => (answer % 10 < 9 ? 5 : 0)).areWorth(work, { module }), true);
    assert.equal(await threadsWith(() => random.uniform(0, 0.02)).areWorth(work, { module }), true);
    // The first measurement takes 20 ms and the next one follows 30 ms later.
    let end = 0;
    const burst = (): number => {
      end ||= performance.now() + 25;
      return performance.now() < end ? 5 : 0;
    };
    assert.equal(await threadsWith(burst).areWorth(work, { module }), true);
    const slow = threadsWith(() => 5);
    assert.equal(await slow.areWorth(work, { module }), false);
    assert.match(slow.refusal, /^another thread takes 5002 µs to answer/);
    for (let agent = 0; agent < 5; agent++) assert.equal(await slow.areWorth(work, { module }), false);
    // Cores that share their arithmetic units: answers are quick, but two threads take as long as one.
    let calls = 0;
    let pieces = (): number => 1;
    const timer = (action: () => void): number => {
      action();
      if (calls++ % 2 === 0) return 0.01;
      return pieces() > 1 ? 0.0095 : 0.002;
    };
    const { threads, control } = watched({ timer });
    pieces = () => Atomics.load(control(), PIECES);
    assert.equal(await threads.areWorth(work, { module }), false);
    assert.match(threads.refusal, /^a large product takes 95 % of its time with one thread/);
  });

  it("helpers take pieces of every kernel's calls", async () => {
    const { threads, control } = watched();
    const helped = new Set<string>();
    // A call may end before a helper is awake, or another program has its core.
    for (const end = performance.now() + 40_000; performance.now() < end && helped.size < kernelNames.length; ) {
      everyKernel(await create(threads, 4), 130, 150, 70, (name) => {
        if (Atomics.load(control(), DONE) > 0) helped.add(name);
      });
    }
    assert.deepEqual([...helped].sort(), [...kernelNames].sort());
  });

  it("100,000 small calls give the right results, with pauses of all lengths between them", async () => {
    const { threads, control } = watched();
    const kernels = await create(threads);
    const random = new Random(1);
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const x = draw(kernels, random, 8, 16);
    let [slept, helped] = [0, 0];
    x.data.fill(1);
    const half = x.data.map(() => 0.5);
    const y = draw(kernels, random, 8, 16);
    y.data.set(half);
    for (let call = 0; call < 100_000; call++) {
      if (random.integer(20) === 0) {
        // Up to 60 µs: helpers spin for 20.
        for (const end = performance.now() + random.uniform(0, 0.06); performance.now() < end; );
      }
      if (random.integer(1000) === 0) Atomics.wait(clock, 0, 0, random.uniform(0, 1));
      slept += Atomics.load(control(), ASLEEP);
      kernels.tanhGradient(x, y);
      helped += Atomics.load(control(), DONE);
      if (call % 10 === 9) {
        const expected = 0.75 ** 10;
        assert.ok(
          x.data.every((value) => value === Math.fround(expected)),
          `call ${call}`,
        );
        x.data.fill(1);
      }
    }
    assert.ok(slept > 10, `asleep before ${slept} calls`);
    assert.ok(helped > 100, `${helped} pieces by the helper`);
  });

  it("only a large call starts helpers", async () => {
    let started = 0;
    const threads = new Threads(2, (...args) => {
      started++;
      return startHelper(...args);
    });
    const sizes = [4, 400_000].map((size) => createWasmKernels(MEBIBYTE, { threads, largestProduct: () => size }));
    for (const kernels of await Promise.all(sizes)) assert.equal(kernels.threads, 1);
    assert.equal(started, 0);
    const kernels = await createWasmKernels(MEBIBYTE, { threads, largestProduct });
    assert.equal(kernels.threads, 2);
    assert.equal(started, 1);
  });

  it("one helper serves any number of kernels", async () => {
    const { threads, messages, started } = watched();
    for (let i = 0; i < 50; i++) {
      const kernels = await create(threads, 1);
      const x = draw(kernels, new Random(i), 16, 16);
      kernels.relu(x);
      assert.ok(x.data.every((value) => value >= 0));
    }
    assert.equal(started(), 1);
    // One memory to measure with, and one of which all have a part.
    assert.equal(new Set(messages.map(({ memory }) => memory)).size, 2);
    assert.equal((await create(threads, 1)).threads, 2);
  });

  it("what collected kernels had is used again, as zeros, and the others keep theirs", async () => {
    v8.setFlagsFromString("--expose-gc");
    const collect: () => void = vm.runInNewContext("gc");
    const { threads, messages } = watched();
    const bytesNow = () => (messages[1].memory as { buffer: SharedArrayBuffer }).buffer.byteLength;
    const kept = await create(threads, 1);
    const x = draw(kept, new Random(1), 100, 100);
    const expected = x.data.slice();
    let most = 0;
    for (let i = 0; i < 60; i++) {
      // A search over settings: no two agents have the same size.
      const kernels = await createWasmKernels((4 + (i % 7)) * MEBIBYTE, { threads, largestProduct });
      const y = kernels.allocate(MEBIBYTE);
      assert.ok(y.every((value) => value === 0));
      y.fill(1);
      collect();
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (i < 30) most = Math.max(most, bytesNow());
    }
    assert.ok(bytesNow() <= most && most < 64 * MEBIBYTE, `${most}, then ${bytesNow()} bytes`);
    kept.relu(x);
    assert.deepEqual(
      x.data,
      expected.map((value) => Math.max(0, value)),
    );
  });

  it("where a memory can grow no more, another is added", async () => {
    const { threads, messages } = watched();
    const kernels = [];
    for (let i = 0; i < 3; i++) kernels.push(await create(threads, 2000));
    // One to measure with.
    assert.equal(new Set(messages.map(({ memory }) => memory)).size, 1 + 2);
    for (const each of kernels) {
      assert.equal(each.threads, 2);
      const x = draw(each, new Random(1), 100, 100);
      each.relu(x);
      assert.ok(x.data.every((value) => value >= 0));
    }
  });

  it("a helper that ends while it is idle is not needed", async () => {
    const { threads, workers } = watched();
    const kernels = await create(threads);
    const expected = everyKernel(kernels, 33, 40, 20);
    await workers[0].terminate();
    const actual = everyKernel(kernels, 33, 40, 20);
    assert.deepEqual(actual, expected);
    assert.equal((await create(threads)).threads, 1);
  });

  it("a helper that ends while it calculates causes an error, or nothing is lost", async () => {
    for (let i = 0; i < 4; i++) {
      const { threads, workers } = watched({ ...always, lostMs: 50 });
      const kernels = await create(threads);
      const start = performance.now();
      const terminated = new Promise((resolve) => setTimeout(() => resolve(workers[0].terminate()), 1));
      try {
        for (let round = 0; round < 20; round++) {
          everyKernel(kernels, 100, 100, 100);
          await new Promise(setImmediate);
        }
      } catch (error) {
        assert.match(String(error), /Error: Kernels: a helper thread ended, or stood still for 50 ms, in the middle/);
      }
      await terminated;
      assert.ok(performance.now() - start < 5000);
    }
  });

  it("a helper that takes a piece and never finishes it causes an error, and then there is one thread", async () => {
    let control: Int32Array = new Int32Array(0);
    const start: StartHelper = (onAnswer) => ({
      postMessage(message) {
        control = message.control;
        setTimeout(() => onAnswer(message.id), 1);
      },
      terminate() {},
    });
    const kernels = await createWasmKernels(MEBIBYTE, {
      threads: new Threads(2, start, { ...always, lostMs: 20 }),
      largestProduct,
    });
    const x = draw(kernels, new Random(1), 100, 16);
    kernels.relu(x);
    // A thread that exchanges the ticket and then ends.
    const steal = `const { control, ticket } = require("node:worker_threads").workerData;
      const { load, compareExchange } = Atomics;
      for (let t = 0; ; t = load(control, ticket)) {
        if (t >>> 16 < (t & 0xffff) && compareExchange(control, ticket, t, t - 1) === t) break;
      }`;
    const thief = new Worker(steal, { eval: true, workerData: { control, ticket: TICKET } });
    const message = /stood still for 20 ms, in the middle of a call/;
    assert.throws(() => {
      for (const end = performance.now() + 10_000; performance.now() < end; ) kernels.tanh(x);
    }, message);
    await thief.terminate();
    kernels.relu(x);
  });

  it("there is one thread if helpers do not start or do not answer", async () => {
    const mute = { postMessage() {}, terminate() {} };
    const ways: [string, StartHelper | undefined][] = [
      ["no way", undefined],
      ["refused", () => assert.fail("refused")],
      ["mute", () => mute],
      [
        "ended",
        (_, onEnd) => {
          setTimeout(onEnd, 10);
          return mute;
        },
      ],
    ];
    for (const [name, start] of ways) {
      const kernels = await createWasmKernels(MEBIBYTE, { threads: new Threads(2, start, always), largestProduct });
      assert.equal(kernels.threads, 1, name);
      assert.equal(everyKernel(kernels, 3, 4, 5).relu.length, 48);
    }
  });
});

/** Does something while the engine has no more shared memory. */
async function withoutSharedMemory<T>(action: () => Promise<T>): Promise<T> {
  const engine = globalThis as unknown as { WebAssembly: { Memory: new (pages: { shared?: boolean }) => object } };
  const { Memory } = engine.WebAssembly;
  engine.WebAssembly.Memory = class {
    constructor(pages: { shared?: boolean }) {
      if (pages.shared) throw new RangeError("could not allocate memory");
      // biome-ignore lint/correctness/noConstructorReturn: the engine's own memory
      return new Memory(pages);
    }
  };
  try {
    return await action();
  } finally {
    engine.WebAssembly.Memory = Memory;
  }
}

/** Threads whose messages, workers and control words a test can inspect. */
function watched(options: ConstructorParameters<typeof Threads>[2] = always) {
  const messages: HelperMessage[] = [];
  const workers: Worker[] = [];
  const start: StartHelper = (...args) => {
    const worker = startHelper(...args) as Worker;
    workers.push(worker);
    return {
      postMessage(message) {
        messages.push(message);
        worker.postMessage(message);
      },
      terminate: () => worker.terminate(),
    };
  };
  const threads = new Threads(2, start, options);
  return { threads, messages, workers, started: () => workers.length, control: () => messages[0].control };
}

/** What every kernel writes, including padding, for the same numbers each time. */
function everyKernel(
  kernels: Kernels,
  rows: number,
  columns: number,
  inner: number,
  called: (name: string) => void = () => {},
): Record<string, Vector> {
  const random = new Random(1);
  const make = (r: number, c: number, low = -1) => draw(kernels, random, r, c, low);
  const vector = (low = -1) => make(1, columns, low).data;
  const results: Record<string, Vector> = {};
  const call = (name: string, action: () => void, ...outputs: Vector[]) => {
    action();
    called(name.replace(/ .*/, ""));
    results[name] = Float64Array.from(outputs.flatMap((output) => [...output]));
  };
  const [a, b, c, x, y, g] = [
    make(rows, inner),
    make(inner, columns),
    make(rows, columns),
    make(rows, columns),
    make(rows, columns),
    make(rows, columns),
  ];
  call("multiply", () => kernels.multiply(c, a, b, null), c.data);
  call("multiply transposed", () => kernels.multiply(c, make(inner, rows).transposed, b, c), c.data);
  call("multiply and a row", () => kernels.multiply(y, a, b, make(1, columns)), y.data);
  const turned = make(columns, rows);
  call("transpose", () => kernels.transpose(turned, x), turned.data);
  const [s0, s1, s2] = [vector(), vector(), vector()];
  call("sumRows", () => kernels.sumRows(s0, x), s0);
  call("subtractRow", () => kernels.subtractRow(y, x, x.data), y.data);
  call("reluGradient", () => kernels.reluGradient(g, x), g.data);
  call("tanhGradient", () => kernels.tanhGradient(g, x), g.data);
  const normalized = make(rows, columns);
  const scale = vector();
  const [epsilon, shift] = [{ epsilon: 0.01 }, vector()];
  const statistics = [s0, s1, s2] as const;
  call(
    "batchNorm",
    () => kernels.batchNorm(y, normalized, ...statistics, x, scale, shift, epsilon),
    ...[y.data, normalized.data, ...statistics],
  );
  call("batchNormGradient", () => kernels.batchNormGradient(g, s1, s2, normalized, s0, scale), ...[g.data, s1, s2]);
  const variance = vector(0);
  call("batchNormRunning", () => kernels.batchNormRunning(y, x, s1, variance, scale, shift, epsilon), y.data);
  const deviation = make(1, rows).data;
  call(
    "layerNorm",
    () => kernels.layerNorm(y, normalized, deviation, x, scale, shift, epsilon),
    ...[y.data, normalized.data, deviation],
  );
  call("scaleAndShiftGradient", () => kernels.scaleAndShiftGradient(s1, s2, g, normalized), s1, s2);
  call("layerNormGradient", () => kernels.layerNormGradient(g, normalized, deviation, scale), g.data);
  const sums = make(rows, 2);
  call("softmax", () => kernels.softmax(g, sums, c), g.data, sums.data);
  call("relu", () => kernels.relu(x), x.data);
  call("tanh", () => kernels.tanh(c), c.data);
  const [p, gradient, m] = [1, 2, 3].map(() => make(1, 70 * columns + 5).data);
  const v = make(1, 70 * columns + 5, 0).data;
  const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  const step = { stepSize: 0.01, correction: 0.3, ...betas, squares: Number.NaN };
  call("adam", () => kernels.adam(p, gradient, m, v, step), p, m, v);
  results["adam squares"] = new Float64Array([step.squares]);
  call("flush", () => kernels.flush(m), m);
  call("softUpdate", () => kernels.softUpdate(p, gradient, { rate: 0.001 }), p);
  return results;
}

function draw(kernels: Kernels, random: Random, rows: number, columns: number, low = -1): Matrix {
  const rowStride = vectorBytes(columns) / 4;
  const out = new Matrix(kernels.allocate(rows * rowStride), rows, columns, rowStride);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.set(i, j, random.uniform(low, 1));
  return out;
}
