// Programs outside of the process, good and bad, through the same door as a user's: `loadEnvironment`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Random } from "../../base/random.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { checkEnvironment } from "../../environment/check-environment.ts";
import type { Step } from "../../environment/environment.ts";
import { environmentCases } from "../../envs/environment.case.ts";
import { evaluate } from "../../training/evaluate.ts";
import { loadEnvironment } from "../load-environment.ts";
import { startChild } from "./child.ts";
import { connectFake, type FakeMode, writeFake } from "./fake.case.ts";
import { FrameReader, frameTypes } from "./frames.ts";
import type { OutsideContext } from "./kinds.ts";
import { Link, LinkedEnvironment } from "./link.ts";

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-outside-")));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const simulator = writeFake(folder);
const quiet = { onLine: () => {} };

/** The simulator in a mode, as `exec:` makes it. */
async function fake(mode: FakeMode = {}, context: OutsideContext = quiet): Promise<LinkedEnvironment> {
  const { create } = await loadEnvironment(`exec:${simulator}`, { args: [JSON.stringify(mode)] }, context);
  const environment = await create();
  assert.ok(environment instanceof LinkedEnvironment);
  return environment;
}

const action = Float32Array.of(0.5, -1);

/** Steps until something is thrown, and returns its message. */
async function failureOf(mode: FakeMode, context: OutsideContext = quiet): Promise<Error> {
  const environment = await fake({ at: 2, ...mode }, context);
  await environment.reset(new Random(1));
  for (let steps = 0; steps < 30; steps++) {
    try {
      await environment.step(action);
    } catch (error) {
      // What failed once is not used again.
      await assert.rejects(environment.step(action), error as Error);
      await environment.close();
      return error as Error;
    }
  }
  assert.fail("nothing was thrown");
}

/** Whether a process exists. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie is gone, too: only its parent has not asked.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function expectGone(pid: number): Promise<void> {
  for (let waited = 0; isRunning(pid); waited += 20) {
    assert.ok(waited < 20_000, `process ${pid} is still there`);
    await delay(20);
  }
}

const skip = process.platform === "win32" && "a script with #! is no program on Windows";

describe("a program that speaks the frames", { skip }, () => {
  environmentCases("exec", () => fake(), 20, { outside: true });

  it("gives every number as it is, and its flags", async () => {
    const environment = await fake({ mode: "info", limit: 3 });
    assert.equal(environment.name, "fake");
    assert.deepEqual([environment.observationSize, environment.maxEpisodeSteps], [2, 3]);
    assert.deepEqual(
      [environment.actionLow, environment.actionHigh],
      [
        [-1, -2],
        [1, 2],
      ],
    );
    const random = new Random(7);
    let x = new Random(7).bits() / 2 ** 32;
    assert.deepEqual([...(await environment.reset(random))], [x, 1 / 3]);
    const steps: Step[] = [];
    for (let t = 1; t <= 3; t++) {
      const step = await environment.step(action);
      x = 0.9 * x + 0.1 * 0.5 + 0.01 * -1;
      assert.deepEqual([...Array.from(step.observation)], [x, 1 / 3 + t]);
      assert.equal(step.reward, -Math.abs(x));
      steps.push(step);
    }
    assert.deepEqual(
      steps.map(({ terminated, truncated }) => [terminated, truncated]),
      [
        [false, false],
        [false, false],
        [false, true],
      ],
    );
    assert.deepEqual(
      steps.map(({ info }) => info),
      [{ odd: 1 }, undefined, { odd: 3 }],
    );
    await environment.close();
  });

  it("trains an agent and evaluates it", async () => {
    const environment = await fake();
    const agent = await Ddpg.create(environment, { seed: 1 });
    const { meanLength } = await evaluate(agent.policy, environment, { episodes: 2 });
    assert.equal(meanLength, 20);
    await environment.close();
  });

  it("ends when it is closed, and when this process is killed", async () => {
    const file = path.join(folder, "pid");
    const { create } = await loadEnvironment(`exec:${simulator}`, { args: ['{"mode":"pid"}', file] }, quiet);
    const environment = await create();
    const pid = Number(fs.readFileSync(file, "utf8"));
    assert.ok(isRunning(pid));
    await environment.close?.();
    assert.ok(!isRunning(pid));

    const module = new URL("../load-environment.js", import.meta.url).href.replace(
      /\.js$/,
      path.extname(fileURLToPath(import.meta.url)),
    );
    const script = `import { loadEnvironment } from ${JSON.stringify(module)};
const { create } = await loadEnvironment(${JSON.stringify(`exec:${simulator}`)}, { args: ['{"mode":"pid"}', ${JSON.stringify(file)}] });
await create();
console.log("ready");
setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(parent.stdout, "data");
    const child = Number(fs.readFileSync(file, "utf8"));
    assert.ok(child !== pid && isRunning(child));
    parent.kill("SIGKILL");
    await expectGone(child);
  });

  it("shares one connection among the environments behind it, with one frame for all", async () => {
    const { create } = await loadEnvironment(`exec:${simulator}`, { args: ['{"mode":"frames","rows":3}'] }, quiet);
    const all = [await create(), await create(), await create()];
    const starts = await Promise.all(all.map((each, i) => each.reset(new Random(i))));
    assert.deepEqual(
      starts.map((start) => start[0]),
      [0, 1, 2].map((i) => new Random(i).bits() / 2 ** 32),
    );
    // The reward is the number of frames so far.
    const together = await Promise.all(all.map((each) => each.step(action)));
    assert.deepEqual(
      together.map(({ reward }) => reward),
      [2, 2, 2],
    );
    const first = await all[0].step(action);
    assert.equal(first.reward, 3);
    // One is asked while another waits for its answer.
    const slow = all[0].step(action);
    await Promise.resolve();
    await Promise.resolve();
    const next = all[1].step(action);
    assert.deepEqual([(await slow).reward, (await next).reward], [4, 5]);
    // What follows has a connection of its own.
    const fourth = await create();
    await fourth.reset(new Random(1));
    assert.equal((await fourth.step(action)).reward, 2);
    for (const each of [...all, fourth]) await each.close?.();
  });

  it("is drawn in pictures of the size that it said", async () => {
    const environment = await fake({ mode: "picture" });
    assert.deepEqual([environment.picture, environment.stepSeconds], [[4, 3], 0.5]);
    await environment.reset(new Random(1));
    await environment.step(action);
    assert.deepEqual(await environment.draw(), { width: 4, height: 3, rgb: new Uint8Array(36).fill(1) });
    await environment.step(action);
    assert.equal((await environment.draw()).rgb[35], 2);
    await environment.close();
    await assert.rejects((await fake()).draw(), /expected an environment that can be drawn/);
  });

  it("may print on its standard error", async () => {
    const lines: string[] = [];
    const environment = await fake({ mode: "stderr" }, { onLine: (line) => lines.push(line) });
    await environment.reset(new Random(1));
    await environment.close();
    assert.deepEqual(lines, ["a warning"]);
  });
});

describe("a program that does not speak the frames is refused", { skip }, () => {
  const before: [mode: string, message: RegExp][] = [
    [
      "text",
      /^exec:simulator\.cjs: expected a hello, got the text "Loading the world \.\.\."\. What the program prints must go to its standard error/,
    ],
    ["garbage", /^exec:simulator\.cjs: expected a hello, got bytes 0102030405060708\. See docs\/protocol\.md\.$/],
    ["version", /^exec:simulator\.cjs hello version: expected 1, got 2\. See docs\/protocol\.md\.$/],
    [
      "field",
      /^exec:simulator\.cjs hello: expected fields among .*, got "observationsize"\. Did you mean "observationSize"\?$/,
    ],
    ["bounds", /^exec:simulator\.cjs hello actionHigh: expected 2 numbers, got 1\.$/],
    ["huge hello", /^exec:simulator\.cjs frame of type 1735418980: expected at most 16777216 bytes, got 4294967280\. /],
    [
      "hello dies",
      /^exec:simulator\.cjs: expected an environment that starts, got the program ended with exit code 3, after it printed: no license\.$/,
    ],
    ["hello raises", /^exec:simulator\.cjs: expected an environment that starts, got ValueError: no such world\.$/],
  ];
  for (const [mode, message] of before)
    it(`${mode}, before its first answer`, () => assert.rejects(fake({ mode }), { name: "InputError", message }));

  it("no hello in time, for which it has more than for an answer", async () => {
    const args = ['{"mode":"no hello"}'];
    const command = { command: simulator, args, what: "a program", hint: "", onLine: () => {} };
    const link = new Link(await startChild(command), "fake", 1, 300);
    const started = performance.now();
    await assert.rejects(link.hello(), { message: "expected a hello within 0.3 s, got none. It was stopped." });
    assert.ok(performance.now() - started > 250);
    await link.close();
  });

  it("no such file, and one that cannot be started", async () => {
    await assert.rejects(
      loadEnvironment("exec:./none"),
      /^InputError: environment exec:\.\/none: expected .*no such file/,
    );
    const plain = path.join(folder, "plain.txt");
    fs.writeFileSync(plain, "text");
    const { create } = await loadEnvironment(`exec:${plain}`);
    await assert.rejects(create(), /expected a program that can be started, got .*It must be executable/);
    await assert.rejects(loadEnvironment("exec:"), /expected exec:<program>, such as exec:\.\/simulator, got "exec"/);
    await assert.rejects(loadEnvironment(`exec:${plain}`, { port: 1 }), /expected options among args, got "port"/);
    await assert.rejects(loadEnvironment(`exec:${plain}`, { args: "a" as never }), /args: expected a list of texts/);
    await assert.rejects(
      loadEnvironment("Pendulum-v1", { port: 1 }),
      /Pendulum-v1: expected no option of another kind, got "port"/,
    );
  });

  const later: [mode: string, message: RegExp][] = [
    ["dies", /^the program ended with exit code 3, after it printed: out of oil$/],
    ["killed", /^the program was ended by SIGKILL$/],
    ["print", /: expected a frame, got the text "still alive"\. What the program prints/],
    ["length", /frame of type 2: expected 40 bytes, as the hello says, got 48\. /],
    ["half", /^the program ended with exit code 0 in the middle of a frame$/],
    ["raises", /^ZeroDivisionError: by zero$/],
    ["closes input", /^the program closed its standard output$/],
    ["names", /names: expected each name once, got \[a, a\]/],
    ["twice", /: expected one answer for each request, got "?another one/],
    ["flag", /^truncated: expected 0 or 1, got 2$/],
  ];
  for (const [mode, message] of later)
    it(`${mode}, in an episode`, async () => {
      if (mode === "flag") {
        const environment = await fake({ mode, limit: 1 });
        await environment.reset(new Random(1));
        await assert.rejects(environment.step(action), { message });
        await environment.close();
      } else assert.match((await failureOf({ mode })).message, message);
    });

  it("hangs, in an episode: it is stopped", async () => {
    const started = performance.now();
    const { message } = await failureOf({ mode: "hangs" }, { ...quiet, stepTimeout: 400 });
    assert.equal(message, "expected an answer within 0.4 s, got none. It was stopped.");
    assert.ok(performance.now() - started < 20_000);
  });

  it("the whole traceback is the stack", async () => {
    assert.match(
      (await failureOf({ mode: "raises" })).stack ?? "",
      /^Traceback \(most recent call last\):\n {2}File x\n/,
    );
  });

  it("NaN as a reward is named by who reads it", async () => {
    const { problems } = await checkEnvironment(() => fake({ mode: "nan", at: 3 }), { steps: 10 });
    assert.match(problems[0], /reward: expected a finite number, got NaN/);
  });
});

describe("a port", () => {
  /** Listens, and waits until it does. Returns the port and what makes environments. */
  async function listen(context: OutsideContext = {}) {
    const lines: string[] = [];
    let onPort: (port: number) => void = () => {};
    const listening = new Promise<number>((resolve) => {
      onPort = resolve;
    });
    const onLine = (line: string): void => {
      lines.push(line);
      const [, port] = /^Listening on 127\.0\.0\.1:(\d+): start the simulator now\.$/.exec(line) ?? [];
      if (port) onPort(Number(port));
    };
    const { create } = await loadEnvironment("tcp", { port: 0 }, { ...context, onLine });
    const made = create();
    made.catch(() => {});
    return { made, create, lines, port: await listening };
  }

  const connect = (port: number, mode: FakeMode = {}) => connectFake(simulator, port, mode);

  it("is where a simulator connects; it is single, and others get one line", async () => {
    const { made, create, lines, port } = await listen();
    const web = net.connect(port, "127.0.0.1");
    web.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const [said] = await once(web.setEncoding("utf8"), "data");
    assert.equal(said, "ddpg: expected a hello as docs/protocol.md describes it, got something else\n");
    await once(web, "close");
    const { child } = await connect(port);
    const environment = await made;
    assert.equal(environment.single, true);
    assert.deepEqual((await checkEnvironment(() => environment, { steps: 100 })).problems, []);
    await environment.close?.();
    await once(child, "exit");
    assert.equal(lines.length, 3, lines.join("\n"));
    assert.match(lines[1], /^127\.0\.0\.1:\d+ connected and sent no hello; closed\.$/);
    void create;
  });

  it("has one peer at a time, and says when it leaves", async () => {
    const { made, create, port } = await listen();
    const { child } = await connect(port);
    const environment = await made;
    await environment.reset(new Random(1));
    const other = net.connect(port, "127.0.0.1");
    const [said] = await once(other.setEncoding("utf8"), "data");
    assert.equal(said, "ddpg: another simulator is connected\n");
    assert.equal(await create(), environment);
    child.kill();
    await assert.rejects(async () => {
      for (;;) await environment.step(action);
    }, /the simulator closed the connection/);
  });

  it("may be taken", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const { create } = await loadEnvironment("tcp", { port }, quiet);
    await assert.rejects(
      create(),
      /expected a port to listen on, 127\.0\.0\.1:\d+, got one that another program uses\. /,
    );
    server.close();
  });
});

describe("frames", () => {
  it("are put together from single bytes", () => {
    const taken: [number, string][] = [];
    const reader = new FrameReader("x", (type, body) => taken.push([type, Buffer.from(body).toString("latin1")]));
    const frame = (type: number, text: string): Buffer => {
      const header = Buffer.alloc(8);
      header.writeUInt32LE(text.length, 0);
      header.writeUInt32LE(type, 4);
      return Buffer.concat([header, Buffer.from(text)]);
    };
    const bytes = Buffer.concat([
      frame(frameTypes.hello, "{}"),
      frame(frameTypes.error, ""),
      frame(frameTypes.error, "no"),
    ]);
    for (const byte of bytes) reader.push(Uint8Array.of(byte));
    const expected = [
      [frameTypes.hello, "{}"],
      [frameTypes.error, ""],
      [frameTypes.error, "no"],
    ];
    assert.deepEqual(taken, expected);
    reader.push(bytes);
    assert.deepEqual(taken, [...expected, ...expected]);
  });

  it("of any length are refused without memory for them", () => {
    const reader = new FrameReader("x", () => {});
    const header = Buffer.alloc(8);
    header.writeUInt32LE(2 ** 24, 0);
    header.writeUInt32LE(frameTypes.hello, 4);
    const before = process.memoryUsage().arrayBuffers;
    reader.push(header);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1e6);
  });
});
