import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { after, afterEach, describe, test } from "node:test";
import { Random } from "../../base/random.ts";
import type { Environment, Step } from "../../environment/environment.ts";
import { environmentCases } from "../../envs/environment.case.ts";
import { answerOf, gearAt, observe, readSensors, rewardOf, type TorcsOptions, theirPi, torcs } from "./torcs.ts";
import { TorcsServer, type TorcsServerOptions } from "./torcs-server.case.ts";

/** A sentence as the server wrote it, with numbers that C++ writes in other ways than most programs. */
const recorded =
  "(angle 7.78829e-07)(curLapTime -0.982)(damage 0)(distFromStart 2015.1)(distRaced 0)(fuel 94)(gear 0)" +
  `(lastLapTime 0)(opponents${" 200".repeat(36)})(racePos 1)(rpm 942.478)(speedX -2.38e-05)(speedY 1e+02)` +
  "(speedZ .5)(track 7.33374 15.928 24.8716 42.2 72.1 93.5 116.3 140 153.2 200 200 190.1 150 123 93 56 33.4 22.4 -1)" +
  "(trackPos -0.333363)(wheelSpinVel 0 -0 67.4 1.5)(z 0.345256)(focus -1 -1 -1 -1 -1)\0";

describe("a sentence of the server", () => {
  test("is read with numbers in every form of C++, a NUL at its end, and sensors that are not needed", () => {
    const sensors = readSensors(recorded, "server");
    assert.equal(sensors.angle, 7.78829e-7);
    assert.equal(sensors.curLapTime, -0.982);
    assert.equal(sensors.speedX, -2.38e-5);
    assert.equal(sensors.speedY, 100);
    assert.equal(sensors.speedZ, 0.5);
    assert.equal(sensors.trackPos, -0.333363);
    assert.deepEqual(sensors.wheelSpinVel, [0, -0, 67.4, 1.5]);
    assert.equal(sensors.track.length, 19);
    assert.equal(sensors.track[18], -1);
    for (const text of [
      recorded.replace("\0", ""),
      recorded.replace("\0", "\0garbage)"),
      recorded.replaceAll(")(", ") ("),
    ])
      assert.deepEqual(readSensors(text, "server"), sensors);
  });

  test("becomes the observation of DDPG-Keras-Torcs", () => {
    const out = new Float64Array(29);
    observe(out, readSensors(recorded, "server"));
    assert.deepEqual(
      [out[0], out[1], out[19], out[20], out[21], out[22], out[23], out[26], out[28]],
      [
        7.78829e-7 / theirPi,
        7.33374 / 200,
        -1 / 200,
        -0.333363,
        -2.38e-5 / 300,
        100 / 300,
        0.5 / 300,
        67.4 / 100,
        942.478 / 10_000,
      ],
    );
  });

  const bad: [what: string, change: (text: string) => string, message: RegExp][] = [
    ["nothing", () => "", /^server: expected sensors such as .*, got ""\.$/],
    ["words", () => "hello", /^server: expected sensors such as .*, got "hello"\.$/],
    ["HTTP", () => "GET / HTTP/1.1\r\n", /^server: expected sensors/],
    ["text between sensors", (text) => text.replace(")(", ")x("), /^server: expected sensors/],
    ["a cut sentence", (text) => text.slice(0, 200), /^server: expected sensors/],
    [
      "a missing sensor",
      (text) => text.replace(/\(rpm [^)]*\)/, ""),
      /^server rpm: expected 1 number, got undefined\.$/,
    ],
    [
      "too few numbers",
      (text) => text.replace("(track 7.33374", "(track"),
      /^server track: expected 19 numbers, got 18\.$/,
    ],
    ["nan", (text) => text.replace("15.928", "nan"), /^server track\[1\]: expected a finite number, got NaN\.$/],
    [
      "-inf",
      (text) => text.replace("(angle 7.78829e-07", "(angle -inf"),
      /^server angle: expected a finite number, got NaN\.$/,
    ],
    ["what only JavaScript reads", (text) => text.replace("942.478", "0x10"), /^server rpm: expected a finite number/],
    [
      "too large a number",
      (text) => text.replace("942.478", "1e999"),
      /^server rpm: expected a finite number, got Infinity/,
    ],
  ];
  for (const [what, change, message] of bad)
    test(`with ${what} is refused by name`, () => {
      assert.throws(
        () => readSensors(change(recorded), "server"),
        (error: Error) => {
          assert.equal(error.name, "InputError");
          assert.match(error.message, message);
          return true;
        },
      );
    });
});

test("gears change above 50, 80, 110, 140 and 170 km/h", () => {
  assert.deepEqual([-5, 0, 50, 50.1, 80.1, 110.1, 140.1, 170.1, 300].map(gearAt), [1, 1, 1, 2, 3, 4, 5, 6, 6]);
});

test("an action is sent in the server's words, in the forms of numbers that C++ reads", () => {
  const sent = answerOf(Float32Array.of(-0.5, 1e-7, 0.25), 3);
  assert.equal(sent, "(accel 1.0000000116860974e-7)(brake 0.25)(gear 3)(steer -0.5)(clutch 0)(meta 0)");
});

test("the two rules of reward", () => {
  const sensors = { ...readSensors(recorded, "server"), speedX: 100, angle: 0.3, trackPos: -0.5 };
  const [along, across] = [100 * Math.cos(0.3), 100 * Math.sin(0.3)];
  assert.equal(rewardOf("keras", sensors, false), along - across - 50);
  assert.equal(rewardOf("keras", sensors, true), -1);
  assert.equal(rewardOf("paper", sensors, false), along);
  assert.equal(rewardOf("paper", sensors, true), along - 1);
});

describe("the contract of an environment", { timeout: 60_000 }, () => {
  const ends: (() => unknown)[] = [];
  after(async () => {
    for (const end of ends) await end();
  });
  const make = async (): Promise<Environment> => {
    const server = new TorcsServer();
    const car = torcs({ port: await server.listen(), maxEpisodeSteps: 40 });
    ends.push(
      () => car.close?.(),
      () => server.close(),
    );
    return car;
  };
  environmentCases("torcs", make, 40, { outside: true, repeatable: false });
});

describe("a race", { timeout: 60_000 }, () => {
  const ends: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function serve(options: TorcsServerOptions = {}): Promise<TorcsServer> {
    const server = new TorcsServer(options);
    await server.listen();
    ends.push(() => server.close());
    return server;
  }

  function drive(port: number, options: TorcsOptions = {}): Environment {
    const environment = torcs({ port, ...options });
    ends.unshift(() => environment.close?.());
    return environment;
  }

  const random = new Random(1);
  const full = Float32Array.of(0, 1, 0);
  const step = async (environment: Environment, action = full): Promise<Step> => environment.step(action);

  test("is repeated step for step; a reset restarts it", async () => {
    const server = await serve();
    const environment = drive(server.port);
    const episode = async () => {
      const found = [Array.from(await environment.reset(random))];
      for (let i = 0; i < 80; i++) {
        const { observation, reward } = await step(environment, Float32Array.of(0.1, 0.8, 0));
        found.push([...Array.from(observation), reward]);
      }
      return found;
    };
    const first = await episode();
    assert.ok(first[80][21] > first[60][21], "the car moves");
    assert.deepEqual(await episode(), first);
    assert.equal(server.races, 2);
    assert.equal(server.states, 162, "a state for each step and each start");
    assert.match(server.received[0], /^SCR\(init -45 -19 .* 45\)$/);
  });

  test("the distance and the damage are those of the episode; missed steps are counted", async () => {
    const server = await serve();
    const environment = drive(server.port);
    for (let i = 0; i < 2; i++) {
      await environment.reset(random);
      let info: Step["info"];
      for (let k = 0; k < 100; k++) ({ info } = await step(environment));
      assert.ok(info && info.distance > 1 && info.distance < 10, `${info?.distance}`);
      assert.deepEqual([info.damage, info.missedSteps], [0, 0]);
    }
    const late = await serve({ answerMs: 2 });
    const other = drive(late.port);
    await other.reset(random);
    for (let k = 0; k < 5; k++) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      await step(other);
    }
    const { info } = await step(other);
    assert.ok(Number(info?.missedSteps) > 5, `${info?.missedSteps}`);
  });

  test("lost datagrams of either side are sent again", async () => {
    let count = 0;
    const server = await serve({ losesAnswer: () => ++count % 5 === 1 });
    const environment = drive(server.port);
    await environment.reset(random);
    for (let i = 0; i < 6; i++) await step(environment);
    const other = await serve({ alters: (sentence, state) => (state % 4 === 2 ? undefined : sentence) });
    const second = drive(other.port);
    await second.reset(random);
    for (let i = 0; i < 6; i++) await step(second);
  });

  test("a state that came while the action was computed is not taken for the answer to it", async () => {
    const server = await serve();
    const environment = drive(server.port);
    await environment.reset(random);
    await step(environment);
    // As if the server had waited too long: it repeats the last action.
    const before = server.states;
    const other = createSocket("udp4");
    await new Promise<void>((resolve) => other.send("(accel 1)(gear 1)", server.port, "127.0.0.1", () => resolve()));
    other.close();
    while (server.states === before) await new Promise((resolve) => setTimeout(resolve, 5));
    await step(environment, Float32Array.of(1, 0.5, 0));
    assert.equal(server.states, before + 2);
    assert.match(server.received[server.received.length - 1], /\(steer 1\)/);
    const { info } = await step(environment);
    assert.equal(info?.missedSteps, 1);
  });

  test("datagrams of others are not heard", async () => {
    const server = await serve();
    const environment = drive(server.port);
    await environment.reset(random);
    for (let i = 0; i < 5; i++) {
      await server.intrude("***shutdown***");
      await server.intrude("garbage");
      const { truncated } = await step(environment);
      assert.equal(truncated, false);
    }
  });

  test("garbage of the server is an error that shows it", async () => {
    const server = await serve({ alters: (sentence, state) => (state === 2 ? "rubbish" : sentence) });
    const environment = drive(server.port);
    await environment.reset(random);
    await step(environment);
    await assert.rejects(step(environment), {
      name: "InputError",
      message: new RegExp(
        `^TORCS server 127\\.0\\.0\\.1:${server.port}: expected sensors such as .*, got "rubbish.*"\\.$`,
      ),
    });
  });

  test("a server that is gone is an error at once; one that is silent, after the time limit", async () => {
    const server = await serve();
    const environment = drive(server.port);
    await environment.reset(random);
    await step(environment);
    await server.close();
    const start = performance.now();
    await assert.rejects(step(environment), {
      message:
        /: expected the car's next state within 10 s, got none: nothing listens there any more\. Start the server/,
    });
    assert.ok(performance.now() - start < 5000);
    const silent = await serve({ alters: (sentence, state) => (state > 1 ? undefined : sentence) });
    const other = drive(silent.port, { answerTimeout: 300 });
    await other.reset(random);
    await step(other);
    await assert.rejects(step(other), { message: /: expected the car's next state within 0\.3 s, got none\. / });
  });

  test("a server that is not there yet is waited for, and in vain only as long as said", async () => {
    const { port } = await serve();
    for (const end of ends.splice(0)) await end();
    const environment = drive(port);
    const waiting = environment.reset(random);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await serve({ port });
    assert.equal((await waiting).length, 29);
    for (const end of ends.splice(0)) await end();
    await assert.rejects(async () => drive(port, { connectTimeout: 300 }).reset(random), {
      message:
        /^TORCS server 127\.0\.0\.1:\d+: expected an answer to SCR\(init …\) within 0\.3 s, got none: nothing listens/,
    });
  });

  test("a server that ends at a restart, as one without a display does, is waited for again", async () => {
    const server = await serve({ endsAtRestart: true });
    const environment = drive(server.port);
    await environment.reset(random);
    await step(environment);
    const { port } = server;
    const waiting = environment.reset(random);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await serve({ port });
    assert.equal((await waiting).length, 29);
  });

  test("when the race ends by itself, the episode is truncated and the next one begins", async () => {
    const server = await serve({ raceSteps: 3 });
    const environment = drive(server.port);
    for (let i = 0; i < 2; i++) {
      await environment.reset(random);
      await step(environment);
      await step(environment);
      const last = await step(environment);
      assert.deepEqual([last.terminated, last.truncated], [false, true]);
    }
  });

  test("an episode ends when the car points backwards, or by the paper's rule after 500 steps without a meter", async () => {
    const server = await serve();
    const environment = drive(server.port);
    await environment.reset(random);
    let last = await step(environment);
    for (let i = 0; i < 4000 && !last.terminated; i++) last = await step(environment, Float32Array.of(1, 1, 0));
    assert.ok(last.terminated);
    assert.ok(Math.cos(theirPi * last.observation[0]) < 0);

    const other = drive((await serve()).port, { reward: "paper" });
    await other.reset(random);
    let steps = 0;
    do last = await step(other, Float32Array.of(0, 0, 1));
    while (++steps < 600 && !last.terminated);
    assert.equal(steps, 500);
  });

  test("an episode is truncated after maxEpisodeSteps", async () => {
    const environment = drive((await serve()).port, { maxEpisodeSteps: 4 });
    assert.equal(environment.maxEpisodeSteps, 4);
    await environment.reset(random);
    const ended = [];
    for (let i = 0; i < 4; i++) ended.push((await step(environment)).truncated);
    assert.deepEqual(ended, [false, false, false, true]);
  });

  test("closed in a race, it leaves the server free for the next client", async () => {
    const server = await serve();
    const environment = drive(server.port);
    await environment.reset(random);
    await step(environment);
    environment.close?.();
    const next = drive(server.port, { connectTimeout: 5000 });
    await assert.doesNotReject(async () => assert.equal((await next.reset(random)).length, 29));
    assert.equal(server.races, 2);
  });

  test("wrong options are refused by name", () => {
    const wrong = (options: object, message: RegExp) => assert.throws(() => torcs(options), message);
    wrong({ port: 0 }, /torcs port: expected a whole number from 1 to 65535, got 0/);
    wrong({ host: "" }, /torcs host: expected/);
    wrong({ reward: "papr" }, /torcs reward: expected one of keras, paper, got "papr"\. Did you mean "paper"\?/);
    wrong({ answerTimeout: -1 }, /torcs answerTimeout: expected a finite number/);
    wrong({ prot: 1 }, /torcs options: there is no option "prot"\. Did you mean "port"\?/);
    wrong({ maxEpisodeSteps: 0.5 }, /TimeLimit steps/);
  });
});
