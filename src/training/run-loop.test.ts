import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Random } from "../base/random.ts";
import { encodeSafetensors } from "../base/safetensors.ts";
import { saveAgent } from "../ddpg/agent-state.ts";
import { Ddpg } from "../ddpg/ddpg.ts";
import type { Environment, Step } from "../environment/environment.ts";
import { formatRecord } from "./metrics.ts";
import { RunLoop, type RunLoopEvent, type RunLoopOptions, type SavedRun } from "./run-loop.ts";

/** Episodes of three steps with scripted rewards. Can be saved in the middle of an episode. */
class Script implements Environment {
  readonly observationSize = 1;
  readonly actionLow = [-1];
  readonly actionHigh = [1];
  readonly #reward: (episode: number) => number;
  #taken = 0;
  #episode = 0;

  constructor(reward: (episode: number) => number = () => 1) {
    this.#reward = reward;
  }

  reset(_random: Random): number[] {
    this.#taken = 0;
    this.#episode++;
    return [0];
  }

  step(_action: Float32Array): Step | Promise<Step> {
    const terminated = ++this.#taken === 3;
    return { observation: [this.#taken / 3], reward: this.#reward(this.#episode), terminated };
  }

  save(): Float64Array {
    return Float64Array.of(this.#taken, this.#episode);
  }

  restore([taken, episode]: Float64Array): void {
    this.#taken = taken;
    this.#episode = episode;
  }
}

/** The first step of an episode gives its number as info. */
class Informing extends Script {
  override step(action: Float32Array): Step | Promise<Step> {
    const [taken, number] = this.save();
    return { ...(super.step(action) as Step), ...(taken === 0 && { info: { number } }) };
  }
}

/** Rewards that give each evaluation of one episode the listed mean return. */
const returns = (...list: number[]): Script => new Script((episode) => list[episode - 1] / 3);

const settings = {
  ...{ actorHiddenSizes: [4], criticHiddenSizes: [4], batchSize: 2, warmupSteps: 4, replayCapacity: 64 },
};

interface Parts extends Partial<Omit<RunLoopOptions, "plan">> {
  plan?: Partial<RunLoopOptions["plan"]>;
}

/** A run of 10 steps, evaluated every fourth over one episode. */
async function loopOf({
  plan,
  ...parts
}: Parts = {}): Promise<{ agent: Ddpg; loop: RunLoop; options: RunLoopOptions }> {
  const agent = parts.agent ?? (await Ddpg.create(new Script(), settings));
  const options: RunLoopOptions = {
    ...{ agent, name: "Script", environment: new Script(), evaluationEnvironment: new Script() },
    clock: () => 0,
    ...parts,
    plan: { steps: 10, evaluation: { every: 4, episodes: 1 }, ...plan },
  };
  return { agent, loop: new RunLoop(options), options };
}

/** A short description of an event. */
function brief(event: RunLoopEvent): string {
  if (event.type === "step") return `step ${event.step.step}${event.step.learned ? " learned" : ""}`;
  if (event.type === "best") return `best ${event.evaluation.meanReturn}`;
  if (event.type === "failed") return `failed: ${(event.error as Error).message}`;
  if (event.type === "ended") return `ended by ${event.reason}`;
  return event.type === "record" ? `${event.record.type} at ${event.record.step}` : event.type;
}

/** A record as it is written, without times. */
function full(event: RunLoopEvent): string {
  return event.type === "record" ? formatRecord(event.record).replace(/"seconds":[\d.]+/, "") : brief(event);
}

async function collect(loop: RunLoop, describe: (event: RunLoopEvent) => string = brief): Promise<string[]> {
  const events = [];
  for await (const event of loop.events()) events.push(describe(event));
  return events;
}

describe("a run loop", () => {
  it("the diagnostics are means over all updates of a round", async () => {
    const rounds = { ...settings, updateEvery: 3, updatesPerStep: 2 };
    const { agent, loop } = await loopOf({ agent: await Ddpg.create(new Script(), rounds) });
    const losses: number[] = [];
    const { update } = agent;
    agent.update = () => {
      update.call(agent);
      losses.push(agent.diagnostics.criticLoss);
    };
    for await (const event of loop.events()) {
      if (event.type !== "record" || event.record.type !== "diagnostics") continue;
      assert.equal(event.record.updates, 6);
      assert.equal(event.record.criticLoss, losses.reduce((sum, loss) => sum + loss, 0) / 6);
      return;
    }
    assert.fail("no diagnostics");
  });

  it("reports steps, records, the best policy and the end, in this order", async () => {
    const { loop } = await loopOf({ plan: { steps: 8 }, evaluationEnvironment: returns(3, 6, 4) });
    assert.deepEqual(await collect(loop), [
      "best 3",
      "evaluation at 0",
      "ready",
      "step 1",
      "ready",
      "step 2",
      "ready",
      "step 3",
      "episode at 3",
      "ready",
      "step 4 learned",
      "diagnostics at 4",
      "best 6",
      "evaluation at 4",
      "ready",
      "step 5 learned",
      "diagnostics at 5",
      "ready",
      "step 6 learned",
      "episode at 6",
      "diagnostics at 6",
      "ready",
      "step 7 learned",
      "diagnostics at 7",
      "ready",
      "step 8 learned",
      "diagnostics at 8",
      "evaluation at 8",
      "ended by steps",
    ]);
    assert.equal(loop.step, 8);
  });

  it("fills its records from the steps, the agent and the clock", async () => {
    let ms = 0;
    const { agent, loop } = await loopOf({ plan: { steps: 200 }, clock: () => ms });
    for await (const event of loop.events()) {
      if (event.type === "step") ms++;
      if (event.type !== "record") continue;
      const { record } = event;
      if (record.type === "episode") {
        const { step } = record;
        const seconds = step / 1000;
        assert.deepEqual(record, {
          ...{ type: "episode", step, episode: step / 3, return: 3, length: 3, terminated: true, seconds },
        });
      } else if (record.type === "evaluation") {
        const { step, valueBias } = record;
        const seconds = step / 1000;
        assert.ok(Math.abs(valueBias) < 10);
        assert.deepEqual(record, {
          ...{ type: "evaluation", step, episodes: 1, meanReturn: 3, standardError: Number.NaN, meanLength: 3 },
          ...{ valueBias, seconds },
        });
      } else {
        assert.deepEqual([record.step % 2, record.updates], [0, agent.updates]);
        assert.equal(record.updates, record.step - 3);
      }
    }
    // The first evaluation stays the best, because none was higher. A single episode has no standard error.
    assert.deepEqual(loop.best, { step: 0, meanReturn: 3, standardError: null, episodes: 1 });
  });

  it("does not count time between two steps or during evaluations", async () => {
    let ms = 0;
    const slow = new Script();
    slow.reset = function reset(random) {
      ms += 1000;
      return Script.prototype.reset.call(this, random);
    };
    const { loop } = await loopOf({ clock: () => ms, evaluationEnvironment: slow });
    for await (const event of loop.events()) {
      if (event.type === "ready") ms += 100;
      if (event.type === "step") ms += 1;
    }
    assert.equal(loop.seconds, 0.01);
  });

  it("calls an evaluation the best only if its return is strictly higher", async () => {
    const { loop } = await loopOf({ plan: { steps: 16 }, evaluationEnvironment: returns(6, 6, 3, 9, 9) });
    const best = (await collect(loop)).filter((event) => event.startsWith("best"));
    assert.deepEqual(best, ["best 6", "best 9"]);
    assert.equal(loop.best?.step, 12);
  });

  it("ends when an evaluation reaches the requested return, but not before the first step", async () => {
    const { loop } = await loopOf({ plan: { untilReturn: 6 }, evaluationEnvironment: returns(9, 5, 6) });
    const events = await collect(loop);
    assert.deepEqual(events.slice(-2), ["evaluation at 8", "ended by return"]);
  });

  it("skips the evaluation before the first step on request", async () => {
    const { loop } = await loopOf({ evaluatesUntrained: false });
    assert.equal(loop.save(), null);
    const events = await collect(loop);
    assert.deepEqual(events.slice(0, 2), ["ready", "step 1"]);
    assert.deepEqual(
      events.filter((event) => /evaluation|best/.test(event)),
      ["best 3", "evaluation at 4", "evaluation at 8", "evaluation at 10"],
    );
  });

  it("continues past its end when it is extended", async () => {
    const { loop } = await loopOf({ plan: { steps: 3 } });
    const events = [];
    for await (const event of loop.events()) {
      events.push(brief(event));
      if (event.type === "ended" && loop.step === 3) loop.extend(2);
    }
    assert.deepEqual(events.slice(-10), [
      ...["evaluation at 3", "ended by steps", "step 4 learned", "diagnostics at 4", "evaluation at 4", "ready"],
      ...["step 5 learned", "diagnostics at 5", "evaluation at 5", "ended by steps"],
    ]);
  });

  for (const at of [0, 2, 4, 7, 10]) {
    it(`resumed after step ${at}, gives the same remaining events and the same agent`, async () => {
      const { agent, loop } = await loopOf({ plan: { steps: 250 }, environment: new Informing() });
      const events: string[] = [];
      let saved: { agent: Uint8Array; run: SavedRun } | undefined;
      for await (const event of loop.events()) {
        if (saved) events.push(full(event));
        if (event.type !== "ready" || loop.step !== at) continue;
        const run = loop.save();
        assert.ok(run);
        saved = { agent: encodeSafetensors(saveAgent(agent)), run };
      }
      assert.ok(saved);
      const loaded = await Ddpg.load(saved.agent, new Script());
      const parts = { plan: { steps: 250 }, environment: new Informing() };
      const again = await loopOf({ ...parts, agent: loaded, saved: saved.run });
      assert.equal(again.loop.seconds, saved.run.state.seconds);
      assert.deepEqual(again.loop.save(), saved.run);
      assert.equal(again.loop.place, `episode ${Math.floor(at / 3) + 1} step ${(at % 3) + 1}`);
      const [first, ...rest] = await collect(again.loop, full);
      assert.equal(first, "ready");
      assert.deepEqual(rest, events);
      const episodes = events.filter((event) => event.includes('"episode"'));
      for (const [i, event] of episodes.entries())
        assert.ok(event.includes(`"info":{"number":${Math.floor(at / 3) + i + 1}}`), event);
      assert.equal(loaded.fingerprint(), agent.fingerprint());
    });
  }

  it("resumed for more steps, keeps the interval of its diagnostics and the time it has taken", async () => {
    let ms = 0;
    const { agent, loop } = await loopOf({ plan: { steps: 250 }, clock: () => ms });
    for await (const event of loop.events()) {
      if (event.type === "step") ms += 100;
      if (event.type === "ready" && loop.step === 6) break;
    }
    const saved = loop.save();
    assert.deepEqual([saved?.state.seconds, saved?.state.diagnosticsEvery], [0.6, 2]);
    const loaded = await Ddpg.load(encodeSafetensors(saveAgent(agent)), new Script());
    const again = await loopOf({ plan: { steps: 1000 }, agent: loaded, saved: saved ?? undefined });
    assert.equal(again.loop.seconds, 0.6);
    const records: string[] = [];
    for await (const event of again.loop.events()) {
      if (event.type === "record") records.push(brief(event));
      if (event.type === "ready" && again.loop.step === 10) break;
    }
    assert.deepEqual(records, ["diagnostics at 8", "evaluation at 8", "episode at 9", "diagnostics at 10"]);
  });

  it("reports a failed evaluation while everything can still be saved; resumed, it repeats that evaluation", async () => {
    const broken = new Script();
    const { agent, loop } = await loopOf({ evaluationEnvironment: broken });
    const events: string[] = [];
    let saved: { agent: Uint8Array; run: SavedRun } | undefined;
    const run = async (): Promise<void> => {
      for await (const event of loop.events()) {
        events.push(brief(event));
        if (event.type === "step" && event.step.step === 4)
          broken.reset = () => Promise.reject(new Error("gone")) as never;
        const run = event.type === "failed" && loop.save();
        if (run) saved = { agent: encodeSafetensors(saveAgent(agent)), run };
      }
    };
    await assert.rejects(run(), /^EnvironmentError: Script evaluation episode 1 step 0: gone$/);
    assert.match(events.at(-1) ?? "", /^failed: .*gone$/);
    assert.ok(saved);
    const loaded = await Ddpg.load(saved.agent, new Script());
    const { loop: again } = await loopOf({ agent: loaded, saved: saved.run });
    assert.deepEqual((await collect(again)).slice(0, 3), ["evaluation at 4", "ready", "step 5 learned"]);
  });

  it("evaluates on the one environment at ends of episodes, and at the end of the run", async () => {
    const resets: number[] = [];
    const only = new Script();
    Object.assign(only, { save: undefined, restore: undefined });
    const { reset } = only;
    const { loop, agent } = await loopOf({
      environment: only,
      evaluationEnvironment: only,
      plan: { steps: 11, evaluation: { every: 2, episodes: 1 } },
    });
    only.reset = (random) => {
      resets.push(loop.step);
      return reset.call(only, random);
    };
    const events = (await collect(loop)).filter((event) => /^(evaluation|episode|ended)/.test(event));
    assert.deepEqual(events, [
      "evaluation at 0",
      "episode at 3",
      "evaluation at 3", // due at 2
      "episode at 6",
      "evaluation at 6", // due at 4 and at 6
      "episode at 9",
      "evaluation at 9",
      "evaluation at 11", // the episode is given up
      "ended by steps",
    ]);
    assert.deepEqual(resets, [0, 0, 3, 3, 6, 6, 9, 9, 11]);
    assert.deepEqual([agent.loop?.length, agent.steps], [0, 11]);
  });

  it("evaluates in mid-episode on the one environment if it can be saved, without changing training", async () => {
    const run = async (only: Script, evaluationEnvironment: Script) => {
      const { loop, agent } = await loopOf({ environment: only, evaluationEnvironment });
      const events = await collect(loop);
      return { events: events.filter((event) => !event.startsWith("best")), bytes: agent.save() };
    };
    const only = new Script();
    assert.deepEqual(await run(only, only), await run(new Script(), new Script()));
  });

  it("continues the counts of an agent that was trained before", async () => {
    const first = await loopOf();
    await collect(first.loop);
    const { loop } = await loopOf({ agent: first.agent, plan: { steps: 12 } });
    assert.equal(loop.step, 10);
    const events = await collect(loop);
    assert.deepEqual(
      events.filter((event) => event.startsWith("step")),
      ["step 11 learned", "step 12 learned"],
    );
  });

  it("can be saved while a step never ends, without that step and its episode", async () => {
    const silent = new Script();
    const { agent, loop } = await loopOf({ environment: silent });
    let answer: (step: Step) => void = () => {};
    const run = async (): Promise<void> => {
      for await (const event of loop.events()) {
        if (event.type !== "step" || loop.step < 5) continue;
        silent.step = () =>
          new Promise((resolve) => {
            answer = resolve;
          });
      }
    };
    const running = run();
    running.catch(() => {});
    while (loop.step < 5 || !loop.isStepping) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(loop.place, "episode 2 step 3");
    assert.equal(agent.loop?.length, 2);
    loop.abandonStep();
    assert.equal(loop.isStepping, false);
    assert.deepEqual([agent.loop?.length, loop.step], [0, 5]);
    assert.ok(loop.save());
    answer({ observation: [0], reward: Number.NaN, terminated: true });
    await assert.rejects(running);
  });

  it("evaluates the best policy again, unless it is that of the last step", async () => {
    const { loop } = await loopOf({ evaluationEnvironment: returns(3, 9, 6, 1, 7, 2) });
    const counted: number[] = [];
    for await (const event of loop.events()) {
      if (event.type === "ready" && loop.step === 4) assert.equal(await loop.evaluateBest(1), undefined);
    }
    assert.deepEqual([loop.best?.step, loop.hasOtherBest], [4, true]);
    const best = await loop.evaluateBest(2, (done) => counted.push(done));
    assert.deepEqual([best?.meanReturn, best?.episodes, counted], [4.5, 2, [1, 2]]);
  });

  it("evaluates the best policy as it was, not as it is now", async () => {
    const acted: number[] = [];
    class Seen extends Script {
      override step(action: Float32Array): Step | Promise<Step> {
        acted.push(action[0]);
        return super.step(action);
      }
    }
    // The untrained policy is the best, because no return is higher.
    const { agent, loop } = await loopOf({ evaluationEnvironment: new Seen() });
    await collect(loop);
    const untrained = acted.slice(0, 3);
    acted.length = 0;
    await loop.evaluateBest(1);
    assert.deepEqual(acted, untrained);
    assert.notDeepEqual(Array.from(agent.act([0])), untrained.slice(0, 1));
  });

  it("returns the diagnostics since the last record only once", async () => {
    const { loop } = await loopOf({ plan: { steps: 250 } });
    for await (const event of loop.events()) if (event.type === "ready" && loop.step === 7) break;
    const record = loop.takeDiagnostics();
    assert.deepEqual([record?.step, record?.updates], [7, 4]);
    assert.equal(loop.takeDiagnostics(), null);
  });
});
