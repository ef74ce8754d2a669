import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { presets } from "../../../ddpg/config.ts";
import { versions } from "../../../node/versions.ts";
import { loadEnvironment, type RunConfig } from "../../../node.ts";
import { jobOf } from "../job.ts";
import { environmentOfJob, parseAllow, refusalOf, Tried } from "./allowed.ts";
import {
  decodeJob,
  encodeJob,
  isNoJob,
  jobSubject,
  maxJobBytes,
  planHash,
  type SweepJob,
  sharedConfig,
} from "./job-message.ts";

const config: RunConfig = {
  ...{ environment: "Pendulum-v1", preset: "small", seed: 3, steps: 500, settings: { ...presets.small } },
  ...{ arithmetic: "portable", evaluation: { every: 50, episodes: 1, finalEpisodes: 2 } },
  versions: { ...versions(), node: "2", platform: "3" },
};
const message = (changes: Partial<RunConfig> = {}): SweepJob => ({ sweep: "s", job: jobOf({ ...config, ...changes }) });
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

describe("the message of a job", () => {
  it("is read as it was written", () => {
    const job = message();
    assert.deepEqual(decodeJob(bytes(encodeJob(job)), "job"), job);
  });

  it("has what decides the task, and never how something is started", () => {
    const environment = "gymnasium:HalfCheetah-v5";
    const environmentOptions = { python: "/usr/bin/python3", kwargs: { forward_reward_weight: 2 } };
    const shared = sharedConfig({ ...config, environment, environmentModule: "../x.js", environmentOptions });
    assert.deepEqual(shared.environmentOptions, { kwargs: { forward_reward_weight: 2 } });
    assert.equal("environmentModule" in shared, false);
    for (const changes of [
      { environment, environmentOptions },
      { environmentModule: "../x.js", environmentSha256: "0".repeat(64) },
      { environment: "tcp", environmentOptions: { port: 80 } },
      { environments: 2 },
    ])
      assert.throws(() => decodeJob(bytes(encodeJob(message(changes))), "job"), /^InputError: job config environment/);
  });

  it("is refused if it is anything else", () => {
    const good = JSON.parse(encodeJob(message())) as { id: string; config: RunConfig };
    const settings = { ...good.config.settings, discount: 2 };
    for (const [value, expected] of [
      ["x".repeat(maxJobBytes + 1), /job: expected at most 65536 bytes/],
      ["{", /job: expected JSON/],
      ["[]", /job: expected a JSON object/],
      [{ ...good, format: "ddpg-job-9" }, /job format: expected "ddpg-job-1".*Another version/],
      [{ ...good, program: "sh" }, /job: expected fields among .*"program"/],
      [{ ...good, sweep: "../x" }, /job sweep: expected up to 64 letters/],
      [{ ...good, id: "0".repeat(12) }, /job id: expected [0-9a-f]{12}-seed3, as its config says/],
      [{ ...good, config: { ...good.config, settings } }, /job config settings discount/],
      [{ ...good, config: { ...good.config, steps: 0.5 } }, /job config steps/],
      [{ ...good, config: { ...good.config, interpreter: "sh" } }, /job config: expected fields among/],
      [JSON.stringify(good).replace('"seed":3', '"seed":3,"seed":4'), /every name once/],
    ] as const)
      assert.throws(() => decodeJob(bytes(value), "job"), expected);
  });

  it("has the same plan on every machine, and another with other evaluations", () => {
    const plan = planHash(message());
    assert.equal(planHash(message({ versions: { ddpg: "9", node: "9", platform: "9" }, commit: "abc" })), plan);
    assert.notEqual(planHash(message({ evaluation: { every: 50, episodes: 1, finalEpisodes: 3 } })), plan);
    assert.notEqual(planHash(message({ environmentSha256: "a".repeat(64) })), plan);
    // The fields have another order after they were read.
    const environmentOptions = { kwargs: { forward_reward_weight: 2 } };
    const outside = message(sharedConfig({ ...config, environment: "gymnasium:HalfCheetah-v5", environmentOptions }));
    assert.equal(planHash(decodeJob(bytes(encodeJob(outside)), "job")), planHash(outside));
  });

  it("differs from one of another version, and from an invalid one", () => {
    const job = message();
    const subject = jobSubject("s", job.job.id);
    const good = JSON.parse(encodeJob(job)) as { config: RunConfig };
    const settings = { ...good.config.settings, later: 1 };
    for (const other of [
      good,
      { ...good, format: "ddpg-job-2" },
      { ...good, later: 1 },
      { ...good, config: { ...good.config, later: 1 } },
      { ...good, config: { ...good.config, settings } },
    ])
      assert.equal(isNoJob(bytes(other), subject), false, JSON.stringify(other));
    for (const none of ["{", "[]", "{}", { ...good, sweep: "t" }, { ...good, id: "0".repeat(12) }])
      assert.equal(isNoJob(bytes(none), subject), true, JSON.stringify(none));
    assert.equal(isNoJob(bytes(good), "ddpg.jobs.a.b:c"), true);
    const steps = { ...good, config: { ...good.config, steps: 501 } };
    assert.equal(isNoJob(bytes(steps), subject), true);
    const actors = { channel: "c", run: "0".repeat(32) };
    assert.throws(() => decodeJob(bytes(encodeJob(message({ actors }))), "job"), /config actors: expected nothing/);
  });
});

describe("a worker's list of environments", () => {
  const own = { name: "cart", sha256: "a".repeat(64), create: () => Promise.reject(new Error()) };
  const allowed = new Map([["cart", { nameOrPath: "./cart.js", loaded: own }]]);

  it("decides what a job may name", async () => {
    assert.equal(refusalOf(config, new Map(), "portable"), undefined);
    assert.equal((await environmentOfJob(config, new Map())).nameOrPath, "Pendulum-v1");
    const cart = { ...config, environment: "cart", environmentSha256: own.sha256 };
    assert.equal(refusalOf(cart, allowed, "portable"), undefined);
    assert.equal((await environmentOfJob(cart, allowed)).nameOrPath, "./cart.js");
    assert.match(refusalOf(cart, new Map(), "portable") ?? "", /^--allow cart=/);
    for (const environment of ["./evil.js", "exec:./evil", "gymnasium:CartPole-v1", "toString"]) {
      assert.match(refusalOf({ ...config, environment }, allowed, "portable") ?? "", /^--allow /);
      await assert.rejects(environmentOfJob({ ...config, environment }, allowed), /one of this worker's list/);
    }
    assert.match(refusalOf({ ...cart, environmentSha256: "b".repeat(64) }, allowed, "portable") ?? "", /SHA-256 bbbb/);
    assert.match(refusalOf({ ...config, environmentSha256: "b".repeat(64) }, allowed, "portable") ?? "", /SHA-256/);
    assert.match(refusalOf({ ...cart, environmentOptions: { kwargs: {} } }, allowed, "portable") ?? "", /options/);
    assert.match(refusalOf({ ...config, arithmetic: "fused" }, allowed, "portable") ?? "", /fused/);
    const later = { ...config, versions: { ...config.versions, ddpg: "9.9.9" } };
    assert.match(refusalOf(later, allowed, "portable") ?? "", /^ddpg 9\.9\.9 sent it, and this is /);
  });

  it("is tried before the first job", async () => {
    const tried = new Tried();
    const [cart] = allowed.values();
    const broken = { ...own, create: () => Promise.reject(new Error("no simulator")) };
    const reason = await tried.reason({ ...cart, loaded: broken });
    assert.equal(reason, "it cannot be made on this machine: no simulator");
    let made = 0;
    const counted = async () => {
      made++;
      return (await loadEnvironment("Pendulum-v1")).create();
    };
    const good = { ...cart, loaded: { ...own, name: "good", create: counted } };
    assert.deepEqual([await tried.reason(good), await tried.reason(good), made], [undefined, undefined, 1]);
  });

  it("is parsed", () => {
    assert.deepEqual(parseAllow("cart=./a=b.js", [["x", "y"]]), [
      ["x", "y"],
      ["cart", "./a=b.js"],
    ]);
    assert.throws(() => parseAllow("./cart.js"), /--allow: expected a name and an environment/);
    assert.throws(() => parseAllow("Pendulum-v1=./x.js"), /that no environment of the package has/);
    assert.throws(() => parseAllow("x=./x.js", [["x", "y"]]), /every name once/);
  });
});
