// The server of `ddpg watch`, as a browser meets it and as an attacker does: requests byte by byte.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { decodeSafetensors, numbersOf } from "../../base/safetensors.ts";
import { saveAgent } from "../../ddpg/agent-state.ts";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { Policy } from "../../ddpg/policy.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { RunDirectory } from "../../node/run-directory.ts";
import { versions } from "../../node/versions.ts";
import { type RunConfig, type RunResult, readCheckpoint } from "../../node.ts";
import type { MetricsRecord } from "../../training/metrics.ts";
import type { RunEvent, RunStatus } from "../../training/run.ts";
import { RunFollower } from "./run-follower.ts";
import { serveRun, type WatchServer } from "./watch-server.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-watch-"));
const page = path.join(folder, "page");
const run = path.join(folder, "runs", "some");
const inRun = (name: string): string => path.join(run, name);
const secret = "a file outside of the run";
let agent: Ddpg;
let config: RunConfig;
let server: WatchServer;
let port: number;

before(async () => {
  fs.mkdirSync(path.join(page, "assets"), { recursive: true });
  fs.writeFileSync(path.join(page, "watch.html"), "<!doctype html><title>The page</title>");
  fs.writeFileSync(path.join(page, "assets", "page.js"), "export {};");
  fs.writeFileSync(path.join(folder, "secret.json"), secret);
  agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  const plan = { every: 10, episodes: 1, finalEpisodes: 1 };
  config = {
    ...{ environment: "Pendulum-v1", preset: "small", seed: 1, steps: 10, settings: agent.settings, evaluation: plan },
    versions: versions(),
  };
});
beforeEach(async () => {
  const records = begin();
  finish(records);
  server = await serveRun(run, page, 0);
  port = Number(new URL(server.url).port);
});
afterEach(async () => {
  await server.close();
  fs.rmSync(path.dirname(run), { recursive: true, force: true });
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const best = { step: 0, meanReturn: -1000, standardError: null, episodes: 1 };

/** A run in progress, with a checkpoint and three records. */
function begin(): RunDirectory {
  const records = RunDirectory.create(run, config);
  records.writePolicy(agent.policy.save(), "best");
  const state = { seconds: 0, diagnosticsEvery: 1, evaluation: { step: 0, meanReturn: -1000 }, best };
  records.writeCheckpoint(
    saveAgent(agent),
    { state, means: new Float64Array(7), bestPolicy: agent.policy.contents() },
    config,
  );
  for (const step of [1, 2, 3]) records.append(episode(step));
  records.flush();
  return records;
}

function finish(records: RunDirectory): void {
  records.writePolicy(agent.policy.save(), "last");
  const { environment, preset, seed, steps } = config;
  const result: RunResult = {
    ...{ environment, preset, seed, steps, trainingSeconds: 1, stepsPerSecond: 10, threads: 1 },
    ...{ evaluation: { meanReturn: -200, standardError: null, episodes: 1 }, fingerprint: agent.fingerprint() },
  };
  records.writeResult(result);
  records.close();
}

function episode(step: number): MetricsRecord {
  return { type: "episode", step, episode: step, return: -step, length: 1, terminated: false, seconds: step };
}

const endings: Readonly<Record<string, string>> = {
  config: "config.json",
  metrics: "metrics.jsonl",
  result: "result.json",
  policy: "policy.safetensors",
  best: "best.safetensors",
  networks: "networks.safetensors",
};

/** A raw response. */
interface Answer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Sends lines unchanged, and reads until the end. */
function send(...lines: string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [head, ...rest] = text.split("\r\n\r\n");
      const [first, ...fields] = head.split("\r\n");
      const headers = fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]);
      resolve({
        status: Number(first.split(" ")[1]),
        headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), value])),
        body: rest.join("\r\n\r\n"),
      });
    });
    socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`, "latin1");
  });
}

/** Sends a request like the page's, with extra or different header fields. */
const get = (target: string, ...fields: string[]): Promise<Answer> =>
  send(`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...fields);

describe("what ddpg watch serves", () => {
  it("is the page and the run's five files, byte by byte, with the right type", async () => {
    const root = await get("/");
    assert.match(root.body, /The page/);
    assert.equal(root.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(
      (await get("/assets/page.js?version=1")).headers.get("content-type"),
      "text/javascript; charset=utf-8",
    );
    const types = {
      "config.json": "application/json",
      "metrics.jsonl": "application/jsonl",
      "result.json": "application/json",
      "policy.safetensors": "application/octet-stream",
      "best.safetensors": "application/octet-stream",
    };
    for (const [name, type] of Object.entries(types)) {
      const { status, headers, body } = await get(`/run/${name}`);
      assert.equal(status, 200, name);
      assert.equal(headers.get("content-type"), type);
      assert.ok(Buffer.from(body, "latin1").equals(fs.readFileSync(inRun(name))), name);
    }
  });

  it("forbids other origins and caches to use any response", async () => {
    for (const target of ["/", "/run/config.json", "/run/none", "/assets/page.js"]) {
      const { headers } = await get(target);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
      assert.match(headers.get("content-security-policy") ?? "", /default-src 'self';.*frame-ancestors 'none'/);
      assert.equal(headers.get("access-control-allow-origin"), undefined);
    }
  });

  it("answers under both names of this machine in any spelling, and to HEAD without a body", async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LocalHost:${port}`]) {
      assert.equal((await send("GET / HTTP/1.1", `Host: ${host}`)).status, 200, host);
    }
    for (const target of ["/", "/run/config.json", "/run/events"]) {
      const { status, body } = await send(`HEAD ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`);
      assert.deepEqual([status, body], [200, ""]);
    }
  });

  it("has nothing else of the run's directory, and nothing outside of it, however the path is written", async () => {
    for (const name of ["secret.json", "start.safetensors"]) fs.writeFileSync(inRun(name), secret);
    fs.writeFileSync(path.join(run, "..", "secret.json"), secret);
    const up = ["..", "%2e%2e", "%2E.", "..%2f..", "..%5c..", "..\\..", "....//", "%252e%252e", "..%c0%af..", "..;"];
    const targets = [
      ...["checkpoint.safetensors", "lock", "secret.json", "start.safetensors", "", ".", "config.json/"],
      ...["config.json%00", "config.json\0", "CONFIG.JSON", "config%2ejson", "%63onfig.json", "./config.json"],
      ...["\\config.json", "config.json::$DATA", "config.json#x", "events/", "//config.json"],
      ...fs.readdirSync(run).filter((name) => name.startsWith("events")),
      ...up.flatMap((way) => [`${way}/secret.json`, `${way}/${way}/secret.json`, `${way}${way}/config.json`]),
    ].map((name) => `/run/${name}`);
    const others = [run, inRun("config.json"), path.join(folder, "secret.json"), "/etc/passwd", "C:\\secret.json"];
    const more = [
      "/run",
      "/watch.html",
      "/assets/",
      "/assets/../watch.html",
      "/..",
      "*",
      "run/config.json",
      "//",
      "\\",
    ];
    for (const target of [...targets, ...others, ...more, `//127.0.0.1:${port}/`, `http://127.0.0.1:${port}/`]) {
      const { status, body } = await get(target);
      assert.ok([400, 404].includes(status), `${target}: ${status}`);
      assert.doesNotMatch(body, /nobody|ddpg-run-1|The page<|root:/, target);
    }
  });

  it("follows no symbolic link: not outside of the directory, not inside of it, not in the events", async () => {
    for (const name of ["result.json", "policy.safetensors", "metrics.jsonl"]) {
      fs.rmSync(inRun(name));
      fs.symlinkSync(path.join(folder, "secret.json"), inRun(name));
    }
    fs.renameSync(inRun("checkpoint.safetensors"), path.join(run, "..", "checkpoint"));
    fs.symlinkSync("../checkpoint", inRun("checkpoint.safetensors"));
    fs.rmSync(inRun("best.safetensors"));
    fs.symlinkSync("config.json", inRun("best.safetensors"));
    for (const name of ["result", "policy", "metrics", "best", "networks"].map((word) => endings[word])) {
      const { status, body } = await get(`/run/${name}`);
      assert.equal(status, 404);
      assert.equal(body.includes(secret), false);
    }
    const events = await listen();
    assert.equal((await events.next("begin")).config.seed, 1);
    const status = await events.next("status");
    assert.deepEqual([status.result, status.policy, status.files], [null, null, ["config.json"]]);
    assert.equal(events.text.includes(secret), false);
    events.close();
  });
});

describe("the networks of a checkpoint", () => {
  const bytesOf = async (): Promise<Uint8Array> => Buffer.from((await get("/run/networks.safetensors")).body, "latin1");

  it("are a policy file with the critic added, with the same parameters", async () => {
    const bytes = await bytesOf();
    const observation = [1, 0, 0.5];
    assert.deepEqual((await Policy.load(bytes)).act(observation), agent.act(observation));
    const { tensors, metadata } = decodeSafetensors(bytes, "test");
    const kept = saveAgent(agent).tensors;
    const wanted = [...kept.keys()].filter((name) => /^(actor|critic)\./.test(name) && !name.includes(".adam"));
    assert.ok(wanted.length >= 12);
    assert.deepEqual([...tensors.keys()], wanted);
    const numbers = (from: typeof tensors, name: string) => numbersOf(from.get(name) ?? assert.fail(name));
    for (const name of wanted) assert.deepEqual(numbers(tensors, name), numbers(kept, name), name);
    assert.equal(metadata.get("step"), "0");
  });

  it("are read without the replay buffer after them", async () => {
    const whole = await bytesOf();
    const file = inRun("checkpoint.safetensors");
    const replay = 4 * (2 * 3 + 1 + 2);
    for (let i = 0; i < 5; i++) agent.observe([1, 0, 0], [0], -1, [1, 0, 0], false);
    const records = RunDirectory.resume(run, config, readCheckpoint(run));
    const state = { seconds: 0, diagnosticsEvery: 1, evaluation: { step: 0, meanReturn: -1000 }, best };
    const bestPolicy = agent.policy.contents();
    records.writeCheckpoint(saveAgent(agent), { state, means: new Float64Array(7), bestPolicy }, config);
    records.close();
    fs.truncateSync(file, fs.statSync(file).size - replay);
    assert.deepEqual(await bytesOf(), whole);
  });

  it("are missing if a header is invalid", async () => {
    const file = inRun("checkpoint.safetensors");
    const good = fs.readFileSync(file);
    const header = (text: string): Buffer => {
      const bytes = Buffer.alloc(8 + text.length);
      bytes.writeBigUInt64LE(BigInt(text.length));
      bytes.write(text, 8);
      return bytes;
    };
    const tensor = (entry: object): Buffer =>
      header(JSON.stringify({ __metadata__: { counters: "{}" }, "actor.x": entry }));
    const bad = [
      ...[
        Buffer.alloc(0),
        Buffer.alloc(8, 0xff),
        good.subarray(0, 200),
        header("{"),
        header("null"),
        header("{}"),
        header("7"),
      ],
      ...[tensor({}), tensor({ dtype: "F32", shape: [1], data_offsets: [0, 4] }), tensor({ data_offsets: [4, 0] })],
      ...[tensor({ data_offsets: [0, 1e15] }), tensor({ data_offsets: ["a", {}] }), tensor({ data_offsets: 1 })],
    ];
    for (const bytes of bad) {
      fs.writeFileSync(file, bytes);
      assert.equal((await get("/run/networks.safetensors")).status, 404, bytes.toString("latin1"));
    }
  });
});

describe("ddpg watch answers", () => {
  const refused = async (answer: Promise<Answer>, what: string, words: RegExp): Promise<void> => {
    const { status, body, headers } = await answer;
    assert.equal(status, 403, what);
    assert.match(body, words, what);
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
  };

  it("no request under another host name, which may be a foreign name that resolves here", async () => {
    const hosts = ["evil.example", `evil.example:${port}`, "127.0.0.1", "localhost", "127.0.0.1:1", `0.0.0.0:${port}`];
    hosts.push(`127.0.0.1:${port}.evil.example`, `127.0.0.1:${port}@evil.example`, `[::1]:${port}`, `127.1:${port}`);
    hosts.push(`localhost.:${port}`, `127.0.0.1:${port}, evil.example`, `evil.example, 127.0.0.1:${port}`, "");
    for (const host of hosts) {
      for (const target of ["/", "/run/config.json", "/run/events"]) {
        await refused(
          send(`GET ${target} HTTP/1.1`, `Host: ${host}`),
          host,
          /^Expected the host 127\.0\.0\.1:\d+, got "/m,
        );
      }
    }
    await refused(send("GET /run/config.json HTTP/1.0"), "no host", /Expected the host/);
    const twice = await send("GET / HTTP/1.1", `Host: 127.0.0.1:${port}`, "Host: evil.example");
    assert.ok([400, 403].includes(twice.status));
    assert.doesNotMatch(twice.body, /The page/);
  });

  it("no page of another origin, but its own page under either name", async () => {
    const origins = ["http://evil.example", "null", `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`];
    origins.push(`http://localhost:${port}`, `http://127.0.0.1:${port}.evil.example`, "http://127.0.0.1", "");
    for (const origin of origins) {
      await refused(
        get("/run/config.json", `Origin: ${origin}`),
        origin,
        /Expected a request from this server's own page/,
      );
    }
    assert.equal((await get("/run/config.json", `Origin: http://127.0.0.1:${port}`)).status, 200);
  });

  it("no request that a browser marks as from another site or port, except a link that the user follows", async () => {
    const fetched = ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"];
    for (const site of ["cross-site", "same-site"]) {
      const words = new RegExp(`got a ${site} one`);
      await refused(get("/run/config.json", `Sec-Fetch-Site: ${site}`, ...fetched), site, words);
      await refused(get("/run/config.json", `Sec-Fetch-Site: ${site}`), site, words);
      const inFrame = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"];
      await refused(get("/", `Sec-Fetch-Site: ${site}`, ...inFrame), site, words);
      const link = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
      assert.equal((await get("/", `Sec-Fetch-Site: ${site}`, ...link)).status, 200);
    }
    for (const site of ["same-origin", "none"]) {
      assert.equal((await get("/run/config.json", `Sec-Fetch-Site: ${site}`)).status, 200);
    }
  });

  it("no method that changes something", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      const { status, headers, body } = await send(`${method} /run/config.json HTTP/1.1`, `Host: 127.0.0.1:${port}`);
      assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"], method);
      assert.match(body, new RegExp(`^Expected GET or HEAD, got ${method}`, "m"));
    }
    assert.equal((await get("/run/config.json")).status, 200);
  });

  it("only this machine", async () => {
    const addresses = Object.values(os.networkInterfaces()).flatMap((each) => each ?? []);
    for (const { address, internal, family } of addresses.filter(({ internal }) => !internal)) {
      assert.ok(!internal);
      if (family !== "IPv4") continue;
      await assert.rejects(
        new Promise((resolve, reject) => net.connect(port, address).on("connect", resolve).on("error", reject)),
        { code: "ECONNREFUSED" },
      );
    }
  });
});

type Data<Name extends RunEvent["name"]> = Extract<RunEvent, { name: Name }>["data"];

/** Reads server-sent events one after another. */
class Events {
  text = "";
  readonly #response: http.IncomingMessage;
  #waiting: (() => void) | undefined;

  constructor(response: http.IncomingMessage) {
    this.#response = response;
    response.setEncoding("utf8").on("data", (part) => {
      this.text += part;
      this.#waiting?.();
    });
    response.on("close", () => this.#waiting?.());
    // The connection is cut at the end of a test.
    response.on("error", () => {});
  }

  /** The next event, which must have this name. */
  async next<Name extends RunEvent["name"]>(name: Name): Promise<Data<Name>> {
    for (;;) {
      const match = /^(?:retry: \d+\n\n)?event: (\w+)\n((?:data: .*\n)+)\n/.exec(this.text);
      if (match) {
        this.text = this.text.slice(match[0].length);
        assert.equal(match[1], name);
        const data = match[2].replaceAll(/^data: /gm, "").slice(0, -1);
        return (name === "records" ? data : JSON.parse(data)) as Data<Name>;
      }
      assert.ok(!this.#response.destroyed, "the events have ended");
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The steps of the records up to `last`. */
  async stepsTo(last: number): Promise<number[]> {
    const steps: number[] = [];
    while (steps.at(-1) !== last) {
      const lines = (await this.next("records")).trimEnd().split("\n");
      steps.push(...lines.map((line) => JSON.parse(line).step));
    }
    return steps;
  }

  /** The first status in this phase. */
  async phase(wanted: RunStatus["phase"]): Promise<RunStatus> {
    for (;;) {
      const status = await this.next("status");
      if (status.phase === wanted) return status;
    }
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  close(): void {
    this.#response.destroy();
  }
}

function listen(): Promise<Events> {
  return new Promise((resolve, reject) => {
    http
      .get({ port, host: "127.0.0.1", path: "/run/events" }, (response) => {
        assert.equal(response.headers["content-type"], "text/event-stream");
        resolve(new Events(response));
      })
      .on("error", reject);
  });
}

describe("the events of ddpg watch", { timeout: 60_000 }, () => {
  it("report a finished run: its configuration, records, result and last policy", async () => {
    const events = await listen();
    const { run: name, config: told } = await events.next("begin");
    assert.equal(name, "some");
    assert.deepEqual(told.settings, agent.settings);
    assert.deepEqual(await events.stepsTo(3), [1, 2, 3]);
    const { phase, result, policy, files, problem } = await events.next("status");
    assert.deepEqual([phase, result?.fingerprint, problem], ["finished", agent.fingerprint(), ""]);
    assert.equal(policy?.file, "networks.safetensors");
    assert.deepEqual(
      files,
      ["config", "metrics", "result", "policy", "best"].map((name) =>
        fs.readdirSync(run).find((f) => f.startsWith(name)),
      ),
    );
    events.close();
  });

  it("follow a run in training to its end, in complete lines", async () => {
    fs.rmSync(run, { recursive: true });
    const records = begin();
    const events = await listen();
    await events.next("begin");
    await events.stepsTo(3);
    const { phase, policy } = await events.next("status");
    assert.deepEqual([phase, policy?.file], ["training", "networks.safetensors"]);
    records.append(episode(4));
    records.flush();
    assert.deepEqual(await events.stepsTo(4), [4]);
    // Half a line is not sent yet.
    const line = JSON.stringify(episode(5));
    fs.appendFileSync(inRun("metrics.jsonl"), line.slice(0, 30));
    records.writePolicy(agent.policy.save(), "best");
    const newer = await events.next("status");
    assert.equal(newer.policy?.file, "best.safetensors");
    fs.appendFileSync(inRun("metrics.jsonl"), `${line.slice(30)}\n`);
    assert.deepEqual(await events.stepsTo(5), [5]);
    finish(records);
    const end = await events.phase("finished");
    assert.deepEqual([end.policy?.file, end.result?.steps], ["networks.safetensors", 10]);
    fs.rmSync(inRun("checkpoint.safetensors"));
    assert.equal((await events.next("status")).policy?.file, "policy.safetensors");
    events.close();
  });

  it("restart if a run is resumed, even if its records have grown to the old length", async () => {
    const events = await listen();
    await events.next("begin");
    await events.stepsTo(3);
    await events.phase("finished");
    const records = RunDirectory.resume(run, { ...config, steps: 20 }, readCheckpoint(run));
    for (const step of [11, 12, 13]) records.append(episode(step));
    records.flush();
    assert.equal((await events.next("begin")).config.steps, 20);
    assert.deepEqual(await events.stepsTo(13), [11, 12, 13]);
    assert.equal((await events.next("status")).phase, "training");
    records.close();
    assert.equal((await events.next("status")).phase, "stopped");
    events.close();
  });

  it("restart if the records have become fewer", async () => {
    const events = await listen();
    await events.next("begin");
    await events.stepsTo(3);
    await events.next("status");
    fs.truncateSync(inRun("metrics.jsonl"), fs.readFileSync(inRun("metrics.jsonl")).indexOf("\n") + 1);
    await events.next("begin");
    assert.deepEqual(await events.stepsTo(1), [1]);
    assert.equal((await events.next("status")).phase, "finished");
    events.close();
  });

  it("report that a run is gone, and restart when it is back", async () => {
    const events = await listen();
    await events.next("begin");
    await events.stepsTo(3);
    await events.next("status");
    fs.renameSync(run, `${run}-moved`);
    const { phase, files } = await events.next("status");
    assert.deepEqual([phase, files], ["gone", []]);
    assert.equal((await get("/run/config.json")).status, 404);
    fs.renameSync(`${run}-moved`, run);
    assert.equal((await events.next("status")).phase, "finished");
    fs.rmSync(run, { recursive: true });
    await events.phase("gone");
    finish(begin());
    await events.next("begin");
    assert.deepEqual(await events.stepsTo(3), [1, 2, 3]);
    await events.phase("finished");
    events.close();
  });

  it("report what is wrong with a damaged file, and continue when it is repaired", async () => {
    const events = await listen();
    await events.next("begin");
    await events.stepsTo(3);
    await events.next("status");
    const good = fs.readFileSync(inRun("result.json"));
    fs.writeFileSync(inRun("result.json"), "{");
    const { phase, problem } = await events.next("status");
    assert.equal(phase, "stopped");
    assert.match(problem, /result\.json: expected JSON, got something else/);
    fs.writeFileSync(inRun("result.json"), good);
    assert.equal((await events.phase("finished")).problem, "");
    events.close();
  });

  it("reach every viewer, even after others have disconnected", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, listen));
    for (const events of all) {
      await events.next("begin");
      await events.stepsTo(3);
      await events.next("status");
    }
    const stay = all.filter((events, i) => {
      if (i % 2 === 0) events.close();
      return i % 2 === 1;
    });
    fs.appendFileSync(inRun("metrics.jsonl"), `${JSON.stringify(episode(4))}\n`);
    for (const events of stay) {
      assert.deepEqual(await events.stepsTo(4), [4]);
      events.close();
    }
  });

  it("reach a slow reader completely", async () => {
    const count = 100_000;
    const lines = Array.from({ length: count }, (_, i) => `${JSON.stringify(episode(i + 1))}\n`);
    fs.writeFileSync(inRun("metrics.jsonl"), lines.join(""));
    const events = await listen();
    events.pause();
    // Other requests are answered meanwhile.
    assert.equal((await get("/run/config.json")).status, 200);
    events.resume();
    await events.next("begin");
    const steps = await events.stepsTo(count);
    assert.equal(steps.length, count);
    assert.ok(steps.every((step, i) => step === i + 1));
    events.close();
  });

  it("wait for a reader that has no room, without buffering for it", async () => {
    const follower = new RunFollower(run);
    const names: string[] = [];
    const slow = follower.follow(({ name }) => {
      names.push(name);
      return false;
    });
    let heard = "";
    const quick = follower.follow((event) => {
      heard = JSON.stringify(event);
      return true;
    });
    const hears = async (words: string): Promise<void> => {
      while (!heard.includes(words)) await delay(5);
    };
    fs.appendFileSync(inRun("metrics.jsonl"), `${JSON.stringify(episode(4))}\n`);
    await hears("records");
    assert.deepEqual(names, ["begin"]);
    slow.resume();
    assert.deepEqual(names, ["begin", "records"]);
    slow.resume();
    assert.deepEqual(names, ["begin", "records", "status"]);
    fs.rmSync(inRun("best.safetensors"));
    await hears("status");
    assert.deepEqual(names, ["begin", "records", "status"]);
    slow.resume();
    assert.deepEqual(names, ["begin", "records", "status", "status"]);
    slow.stop();
    quick.stop();
  });

  it("end immediately when the server closes", async () => {
    const events = await Promise.all([listen(), listen()]);
    for (const each of events) {
      await each.next("begin");
      await each.stepsTo(3);
      await each.next("status");
    }
    await server.close();
    for (const each of events) await assert.rejects(() => each.next("status"), /the events have ended/);
    await assert.rejects(listen, { code: "ECONNREFUSED" });
  });
});
