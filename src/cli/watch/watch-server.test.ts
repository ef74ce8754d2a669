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
      const match = /^(?:(?:retry: \d+|:)\n\n)*event: (\w+)\ndata: (.*)\n\n/.exec(this.text);
      if (match) {
        this.text = this.text.slice(match[0].length);
        assert.equal(match[1], name);
        return JSON.parse(match[2]) as Data<Name>;
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

  it("name the arithmetic of a run", async () => {
    const file = inRun("config.json");
    const kept = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.writeFileSync(file, JSON.stringify({ ...kept, arithmetic: "fused" }));
    const events = await listen();
    assert.equal((await events.next("begin")).config.arithmetic, "fused");
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

/** The paths of the run's files that this process has open. Linux only: elsewhere none. */
function openFiles(): string[] {
  if (!fs.existsSync("/proc/self/fd")) return [];
  return fs.readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${number}`);
      return target.startsWith(fs.realpathSync(run)) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** Waits until a condition holds; 20 s at most, because the machine may be busy. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < end, `after 20 s: ${condition}`);
    await delay(10);
  }
}

describe("ddpg watch on a directory with hostile files", { timeout: 60_000 }, () => {
  /** What a new viewer receives at once. */
  function seen(): { begin: Data<"begin"> | undefined; records: string; status: RunStatus } {
    const events: RunEvent[] = [];
    new RunFollower(run)
      .follow((event) => {
        JSON.stringify(event);
        events.push(event);
        return true;
      })
      .stop();
    const status = events.find((event) => event.name === "status");
    assert.ok(status);
    return {
      begin: events.find((event) => event.name === "begin")?.data,
      records: events.flatMap((event) => (event.name === "records" ? [event.data] : [])).join(""),
      status: status.data,
    };
  }

  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const long = JSON.stringify("x".repeat(3_000_000));

  it("shows the known fields of result.json and config.json, or the problem, whatever else they hold", () => {
    const cases: [name: string, field: string, json: string, problem: RegExp][] = [
      ["result.json", "x", deep, /^$/],
      ["result.json", "x", long, /^$/],
      ["result.json", "failed", long, /^$/],
      ["result.json", "failed", deep, /result\.json failed: expected /],
      ["result.json", "steps", deep, /result\.json steps: expected a whole number/],
      ["result.json", "steps", "1e999", /result\.json steps: expected a whole number, got Infinity/],
      ["result.json", "evaluation", deep, /result\.json evaluation meanReturn: expected /],
      ["result.json", "evaluation", '{"meanReturn":1e999,"standardError":null,"episodes":1}', /meanReturn: expected /],
      ["result.json", "best", deep, /result\.json best: expected an object/],
      ["result.json", "fingerprint", long, /result\.json fingerprint: expected 16 hexadecimal digits/],
      ["config.json", "x", deep, /config\.json: expected fields among /],
      ["config.json", "versions", deep, /config\.json versions ddpg: expected a text/],
      ["config.json", "commit", deep, /config\.json commit: expected a text, or nothing/],
      ["config.json", "environment", long, /^$/],
      ["config.json", "environment", deep, /config\.json environment: expected a name/],
      ["config.json", "seed", "1e999", /config\.json seed: expected a whole number, got Infinity/],
      ["config.json", "untilReturn", "1e999", /config\.json untilReturn: expected a number, or nothing, got Infinity/],
      ["config.json", "evaluation", deep, /config\.json evaluation every: expected a whole number/],
      ["config.json", "settings", '{"a setting of another version":1}', /config\.json settings /],
      ["config.json", "settings", JSON.stringify({ ...config.settings, unknown: 1 }), /there is no setting "unknown"/],
      ["config.json", "settings", deep, /config\.json settings: expected an object of settings/],
    ];
    for (const [name, field, json, problem] of cases) {
      const what = `${name} ${field} ${json.slice(0, 60)}`;
      const good = fs.readFileSync(inRun(name), "utf8");
      const { [field]: _, ...rest } = JSON.parse(good);
      fs.writeFileSync(inRun(name), `${JSON.stringify(rest).slice(0, -1)},"${field}":${json}}`);
      const { begin, status } = seen();
      assert.match(status.problem, problem, what);
      assert.ok(status.problem.length < 1000, what);
      assert.ok(JSON.stringify({ begin, status }).length < 10_000, what);
      const phase = field === "failed" ? "stopped" : "finished";
      if (status.problem === "") assert.equal(status.phase, phase, what);
      fs.writeFileSync(inRun(name), good);
    }
  });

  it("stays, and names the problem, where a file is a directory, a link or unreadable JSON", async () => {
    for (const name of ["config.json", "result.json", "metrics.jsonl", "checkpoint.safetensors"]) {
      for (const make of [
        () => fs.mkdirSync(inRun(name)),
        () => fs.symlinkSync(name, inRun(name)),
        () => fs.writeFileSync(inRun(name), Buffer.from([0xff, 0xfe, 0, 13, 10, 34])),
        () => fs.writeFileSync(inRun(name), deep),
        () => fs.writeFileSync(inRun(name), ""),
      ]) {
        const good = fs.readFileSync(inRun(name));
        fs.rmSync(inRun(name));
        make();
        const { status } = seen();
        assert.equal(typeof status.phase, "string");
        for (const ending of Object.values(endings))
          assert.ok([200, 404].includes((await get(`/run/${ending}`)).status));
        fs.rmSync(inRun(name), { recursive: true });
        fs.writeFileSync(inRun(name), good);
      }
    }
    assert.equal(seen().status.phase, "finished");
  });

  it("sends records with every line end and control character as one line of JSON, so that no file makes an event", async () => {
    const forged = 'x\r\revent: status\rdata: {"phase":"gone"}\r\r\n\r\n\n\u2028\u2029\u0085\u202e\u001b[31m\0\n';
    fs.appendFileSync(inRun("metrics.jsonl"), forged);
    const wanted = fs.readFileSync(inRun("metrics.jsonl"), "utf8");
    const given = JSON.parse(fs.readFileSync(inRun("config.json"), "utf8"));
    given.environment = "\r\n\r\nevent: status\n\u202e\u0085\u001b[31m";
    fs.writeFileSync(inRun("config.json"), JSON.stringify(given));
    const events = await listen();
    let heard = "";
    while (!heard.includes("event: status")) {
      await until(() => events.text !== "");
      heard += events.text;
      events.text = "";
    }
    events.close();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(heard, /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]/);
    const lines = heard.split("\n").filter((line) => line.startsWith("data: "));
    const [begin, ...records] = lines.slice(0, -1).map((line) => JSON.parse(line.slice("data: ".length)));
    assert.equal(begin.config.environment, given.environment);
    assert.equal(records.join(""), wanted);
    assert.equal(heard.match(/^event: /gm)?.length, lines.length);
  });

  it("sends a line longer than a piece completely, without cutting a letter", () => {
    const line = `{"x":"${"ä€😀".repeat(40_000)}"}`;
    for (const start of ["", "y", "yy"]) {
      fs.writeFileSync(inRun("metrics.jsonl"), `${start}${line}\n${line}`);
      // The last line has no end yet; its whole pieces are sent.
      assert.ok(`${start}${line}\n${line}`.startsWith(seen().records));
      assert.ok(seen().records.startsWith(`${start}${line}\n`));
    }
  });

  it("answers the whole file, once, however many ranges a request names", async () => {
    fs.writeFileSync(inRun("best.safetensors"), Buffer.alloc(100_000, 7));
    const many = Array.from({ length: 600 }, () => "0-").join(",");
    for (const range of ["bytes=0-9", "bytes=-5", `bytes=${many}`, "bytes=99999999-", "bytes=5-1", "lines=1-2"]) {
      const { status, body, headers } = await get("/run/best.safetensors", `Range: ${range}`);
      assert.deepEqual([status, body.length, headers.get("content-range")], [200, 100_000, undefined], range);
    }
  });

  it("sends no networks whose entries in a header share bytes of the file", async () => {
    const file = fs.readFileSync(inRun("checkpoint.safetensors"));
    const length = Number(file.readBigUInt64LE(0));
    const header = JSON.parse(file.toString("utf8", 8, 8 + length));
    // Each of 100 entries in a small header names all of the file.
    const size = file.length - 8 - length;
    const entry = { dtype: "F32", shape: [Math.floor(size / 4)], data_offsets: [0, 4 * Math.floor(size / 4)] };
    for (let i = 0; i < 100; i++) header[`actor.x${i}`] = entry;
    const text = JSON.stringify(header);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(text.length));
    fs.writeFileSync(
      inRun("checkpoint.safetensors"),
      Buffer.concat([start, Buffer.from(text), file.subarray(8 + length)]),
    );
    const { status, body } = await get("/run/networks.safetensors");
    assert.equal(status, 404);
    assert.match(body, /^checkpoint\.safetensors \S+ data_offsets: expected a start of \d+, got \d+/m);
  });
});

describe("a client of ddpg watch that does not read", { timeout: 60_000 }, () => {
  /** Sends a request, or several, and reads nothing. */
  async function unread(target: string, count = 1): Promise<net.Socket> {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`.repeat(count));
    return socket;
  }
  const isClosed = (socket: net.Socket): Promise<void> => {
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    // It learns of the end only by reading; what was sent before is a part of the file at most.
    socket.resume();
    return closed;
  };
  const line = `${JSON.stringify(episode(1))}\n`;

  it("holds one file at most, however many requests it sends, and none after it has left", async () => {
    fs.writeFileSync(inRun("metrics.jsonl"), line.repeat(200_000));
    const sockets = await Promise.all(Array.from({ length: 3 }, () => unread("/run/metrics.jsonl", 100)));
    if (fs.existsSync("/proc/self/fd")) await until(() => openFiles().length >= 3);
    assert.equal((await get("/run/config.json")).status, 200);
    await delay(100);
    assert.ok(openFiles().length <= 3, openFiles().join());
    for (const socket of sockets) socket.destroy();
    await until(() => openFiles().length === 0);
  });

  it("is cut off after a while; one that listens to a run without news is not", async () => {
    await server.close();
    fs.writeFileSync(inRun("metrics.jsonl"), line.repeat(200_000));
    server = await serveRun(run, page, 0, { stallMs: 400 });
    port = Number(new URL(server.url).port);
    const events = await listen();
    const deaf = await Promise.all([unread("/run/metrics.jsonl"), unread("/run/events")]);
    if (fs.existsSync("/proc/self/fd")) await until(() => openFiles().length > 0);
    await until(() => openFiles().length === 0);
    await delay(1000);
    await Promise.all(deaf.map(isClosed));
    await events.next("begin");
    fs.rmSync(inRun("best.safetensors"));
    while (!(await events.next("records")).endsWith("\n") || !events.text.includes("event: status"));
    await delay(1200);
    fs.rmSync(inRun("policy.safetensors"));
    const listed = (status: RunStatus): boolean => status.files.includes("policy.safetensors");
    while (/event: records/.test(events.text.slice(0, 40))) await events.next("records");
    while (listed(await events.next("status")));
    events.close();
  });
});
