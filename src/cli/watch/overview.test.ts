// The overview of several runs: what it says of each, that it sends only what changed, and that no file leads elsewhere.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { Ddpg } from "../../ddpg/ddpg.ts";
import { Pendulum } from "../../envs/pendulum.ts";
import { RunDirectory } from "../../node/run-directory.ts";
import { versions } from "../../node/versions.ts";
import type { RunConfig, RunResult } from "../../node.ts";
import type { CurveChange, CurvePoint, OverviewEvent, OverviewRow } from "../../training/runs-overview.ts";
import type { SweepCell } from "../sweep/record.ts";
import { failureFile, statusOf } from "../sweep/status.ts";
import { FolderRuns } from "./folder-runs.ts";
import { Overview, type OverviewRun, type RunsSource } from "./overview.ts";
import { serveRuns, type WatchServer } from "./watch-server.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-overview-"));
const page = path.join(folder, "page");
const runs = path.join(folder, "runs");
const inRuns = (...names: string[]): string => path.join(runs, ...names);
const posix = { skip: process.platform === "win32" };
let agent: Ddpg;
let config: RunConfig;

before(async () => {
  fs.mkdirSync(path.join(page, "assets"), { recursive: true });
  fs.writeFileSync(path.join(page, "watch.html"), "one run");
  fs.writeFileSync(path.join(page, "overview.html"), "several runs");
  fs.writeFileSync(path.join(page, "assets", "page.js"), "export {};");
  agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  const evaluation = { every: 10, episodes: 1, finalEpisodes: 1 };
  const decided = { environment: "Pendulum-v1", preset: "small", seed: 1, steps: 100 } as const;
  config = { ...decided, settings: agent.settings, evaluation, versions: versions() };
});
/** Runs that are still open: they hold their locks. */
const open = new Set<RunDirectory>();
beforeEach(() => fs.mkdirSync(runs));
afterEach(() => {
  for (const each of open) each.close();
  open.clear();
  fs.rmSync(runs, { recursive: true, force: true });
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function begin(name: string, changes: Partial<RunConfig> = {}): RunDirectory {
  const records = RunDirectory.create(inRuns(name), { ...config, ...changes });
  open.add(records);
  return records;
}

function evaluate(records: RunDirectory, step: number, meanReturn: number): void {
  const rest = { episodes: 1, standardError: 1, meanLength: 1, valueBias: 0, seconds: step / 10 };
  records.append({ type: "evaluation", step, meanReturn, ...rest });
  records.flush();
}

function end(records: RunDirectory, changes: Partial<RunResult> = {}): void {
  const { environment, preset, seed, steps } = config;
  const evaluation = { meanReturn: -200, standardError: null, episodes: 1 };
  records.writeResult({
    ...{ environment, preset, seed, steps, trainingSeconds: 20, stepsPerSecond: 5, threads: 1, evaluation },
    ...{ fingerprint: agent.fingerprint(), ...changes },
  });
  records.close();
  open.delete(records);
}

/** Writes the record of a sweep in the folder "sweep". */
function recordSweep(cells: readonly SweepCell[]): void {
  const record = { format: "ddpg-sweep-1", environment: "Pendulum-v1", steps: 100, arithmetic: "fused", cells };
  fs.mkdirSync(inRuns("sweep", "runs"), { recursive: true });
  fs.writeFileSync(inRuns("sweep", "sweep.json"), JSON.stringify(record));
}

const rowsOf = (source: FolderRuns): Record<string, OverviewRow> => {
  while (!source.look());
  return Object.fromEntries([...source.runs.values()].map(({ row }) => [row.name, row]));
};

describe("what the overview says of runs on disk", () => {
  it("is their state, progress, evaluations, and why they failed", () => {
    const running = begin("running");
    evaluate(running, 0, -900);
    evaluate(running, 10, -300);
    evaluate(running, 20, -400);
    end(begin("complete"));
    end(begin("failed"), { evaluation: null, failed: "a <b>sensor</b> broke", steps: 40 });
    end(begin("stopped"), { evaluation: null, interrupted: true, steps: 30 });
    fs.mkdirSync(inRuns("no run"));
    const source = new FolderRuns([runs]);
    const rows = rowsOf(source);
    assert.deepEqual(Object.keys(rows), ["complete", "failed", "running", "stopped"]);
    const parts = ({ state, step, steps, last, best, final, seconds, reason }: OverviewRow) => [
      ...[state, step, steps, last, best, final, seconds, reason],
    ];
    assert.deepEqual(parts(rows.running), ["running", 20, 100, -400, -300, null, 2, ""]);
    assert.deepEqual(parts(rows.complete), ["complete", 100, 100, null, null, -200, 20, ""]);
    assert.deepEqual(parts(rows.failed), ["failed", 40, 100, null, null, null, 20, "a <b>sensor</b> broke"]);
    assert.deepEqual(parts(rows.stopped), ["stopped", 30, 100, null, null, null, 20, ""]);
    assert.equal(source.counts(), "1 complete, 1 running, 1 stopped, 1 failed");
    assert.equal(source.problem, "");
  });

  it("names groups by the settings that differ, and is the same for the same directory", () => {
    for (const [name, batchSize, seed] of [
      ["a", 32, 1],
      ["b", 64, 1],
      ["c", 32, 2],
    ] as const)
      end(begin(name, { seed, settings: { ...config.settings, batchSize } }));
    const rows = rowsOf(new FolderRuns([runs]));
    const groups = Object.values(rows).map(({ group, groupIndex, seed }) => [group, groupIndex, seed]);
    assert.deepEqual(groups, [
      ["batchSize 32", 0, 1],
      ["batchSize 64", 1, 1],
      ["batchSize 32", 0, 2],
    ]);
    assert.deepEqual(rowsOf(new FolderRuns([inRuns("a"), inRuns("b")]))[inRuns("a")].id, rows.a.id);
    assert.match(rows.a.id, /^[0-9a-f]{16}$/);
  });

  it("has the runs of a sweep that have not begun, with the sweep's groups, and why a server set one aside", () => {
    recordSweep([
      { id: "a".repeat(12), settings: { batchSize: 64 }, seeds: [1, 2] },
      { id: "b".repeat(12), settings: { batchSize: 32 }, seeds: [1, 2] },
    ]);
    begin(`sweep/runs/${"a".repeat(12)}-seed1`);
    fs.writeFileSync(failureFile(inRuns("sweep", "runs", `${"b".repeat(12)}-seed2`)), "three workers\n");
    for (const place of [runs, inRuns("sweep")]) {
      const rows = Object.values(rowsOf(new FolderRuns([place])));
      assert.deepEqual(
        rows.map(({ state, group, groupIndex, seed, steps }) => [state, group, groupIndex, seed, steps]),
        [
          ["running", "batchSize 64", 0, 1, 100],
          ["waiting", "batchSize 32", 1, 1, 100],
          ["waiting", "batchSize 64", 0, 2, 100],
          ["failed", "batchSize 32", 1, 2, 100],
        ],
      );
      assert.deepEqual([rows[3].reason, rows[0].canOpen, rows[1].canOpen], ["three workers", true, false]);
    }
  });

  it("shows a damaged file as the reason, and the other runs", () => {
    for (const name of ["bad", "good", "same"]) end(begin(name));
    fs.writeFileSync(inRuns("bad", "config.json"), "{");
    fs.writeFileSync(inRuns("good", "metrics.jsonl"), '{"type":"evaluation","step":-1}\n');
    const rows = rowsOf(new FolderRuns([runs]));
    assert.match(rows.bad.reason, /config\.json/);
    assert.deepEqual([rows.bad.canOpen, rows.bad.state, rows.bad.final], [false, "complete", -200]);
    assert.equal(statusOf(inRuns("bad")).state, "complete", "as ddpg sweep status has it");
    // A run without settings has the color after those of the groups.
    assert.deepEqual([rows.good.groupIndex, rows.same.groupIndex, rows.bad.groupIndex], [0, 0, 1]);
    assert.deepEqual([rows.good.state, rows.good.final], ["complete", -200]);
    assert.match(rows.good.reason, /^metrics\.jsonl step: expected/);
  });

  it("follows no links, and does not look into hidden folders or packages", posix, () => {
    for (const name of ["kept", ".hidden/run", "node_modules/run", "deep/one/two/three/run", "away/run"])
      end(begin(name));
    const outside = path.join(folder, "outside");
    fs.renameSync(inRuns("away"), outside);
    fs.symlinkSync(outside, inRuns("link"));
    fs.symlinkSync(inRuns("kept"), inRuns("same"));
    recordSweep([{ id: "c".repeat(12), settings: { batchSize: 8 }, seeds: [1] }]);
    fs.symlinkSync(inRuns("kept"), inRuns("sweep", "runs", `${"c".repeat(12)}-seed1`));
    const source = new FolderRuns([runs]);
    assert.deepEqual(Object.keys(rowsOf(source)), ["kept"]);
    assert.equal(source.problem, "");
    // The folder of all runs of a sweep may be a link, too.
    fs.rmSync(inRuns("sweep", "runs"), { recursive: true });
    fs.mkdirSync(path.join(outside, "runs"));
    fs.renameSync(path.join(outside, "run"), path.join(outside, "runs", `${"c".repeat(12)}-seed1`));
    fs.symlinkSync(path.join(outside, "runs"), inRuns("sweep", "runs"));
    assert.deepEqual(Object.keys(rowsOf(source)), ["kept"]);
    assert.equal(source.problem, `${inRuns("sweep", "runs")}: a link, which is not followed.`);
    fs.rmSync(outside, { recursive: true });
  });

  it("keeps the groups of a sweep that is renamed while it is watched", () => {
    recordSweep([{ id: "a".repeat(12), settings: { batchSize: 64 }, seeds: [1] }]);
    const source = new FolderRuns([runs]);
    rowsOf(source);
    fs.renameSync(inRuns("sweep"), inRuns("renamed"));
    const [row] = Object.values(rowsOf(source));
    assert.deepEqual([path.dirname(row.name), row.group], ["renamed", "batchSize 64"]);
  });

  it("has the runs of a sweep whose folder of runs becomes a file, and no error", () => {
    recordSweep([{ id: "a".repeat(12), settings: { batchSize: 64 }, seeds: [1] }]);
    const source = new FolderRuns([runs]);
    rowsOf(source);
    fs.rmdirSync(inRuns("sweep", "runs"));
    fs.writeFileSync(inRuns("sweep", "runs"), "");
    assert.deepEqual(
      Object.values(rowsOf(source)).map(({ state }) => state),
      ["waiting"],
    );
  });

  it("says what is wrong with a sweep's record, and which folders and runs are left out", () => {
    end(begin("good"));
    recordSweep([{ id: "a".repeat(12), settings: { batchSize: 64 }, seeds: [1] }]);
    fs.writeFileSync(inRuns("sweep", "sweep.json"), "{");
    const source = new FolderRuns([runs]);
    assert.deepEqual(Object.keys(rowsOf(source)), ["good"]);
    assert.match(source.problem, /sweep\.json: expected/);
    assert.throws(() => new FolderRuns([inRuns("sweep")]), /sweep\.json: expected/);
    const seeds = Array.from({ length: 2001 }, (_, i) => i);
    recordSweep([{ id: "a".repeat(12), settings: { batchSize: 64 }, seeds }]);
    source.look();
    assert.deepEqual([source.runs.size, source.problem], [2000, "Only the first 2000 runs are shown."]);
  });

  const isRoot = process.getuid?.() === 0;
  it("says which folder cannot be read", { skip: posix.skip || (isRoot && "root reads all") }, () => {
    end(begin("good"));
    fs.mkdirSync(inRuns("locked"), { mode: 0 });
    const source = new FolderRuns([runs]);
    assert.deepEqual(Object.keys(rowsOf(source)), ["good"]);
    assert.match(source.problem, /locked: permission/);
    fs.chmodSync(inRuns("locked"), 0o700);
  });

  it("refuses a place without runs, as the command for one run does", () => {
    end(begin("a"));
    fs.mkdirSync(inRuns("empty"));
    assert.throws(() => new FolderRuns([inRuns("a"), inRuns("empty")]), {
      message: `${inRuns("empty", "config.json")}: expected a file of a run, got no such file or directory. Give the directory of a run.`,
    });
    assert.throws(() => new FolderRuns([inRuns("a"), inRuns("none")]), /none: expected a run's directory, got no such/);
  });
});

/** A source of runs without files. */
class Made implements RunsSource {
  readonly place = "made";
  readonly opening = "";
  readonly runs = new Map<string, OverviewRun>();
  problem = "";
  changed: () => void = () => {};
  isFollowed = false;

  put(id: string, changes: Partial<OverviewRow>, points: readonly CurvePoint[]): void {
    const before = this.runs.get(id)?.row;
    const empty = {
      name: id,
      environment: "",
      group: "",
      groupIndex: 0,
      seed: 1,
      state: "running",
      reason: "",
    } as const;
    const numbers = { step: 0, steps: 1, last: null, best: null, final: null, seconds: null, canOpen: true } as const;
    const isSame = Object.keys(changes).length === 0 && before !== undefined;
    this.runs.set(id, { row: isSame ? before : { ...empty, ...numbers, id, ...before, ...changes }, points });
  }
  directoryOf(): undefined {
    return undefined;
  }
  start(changed: () => void): void {
    this.changed = changed;
    this.isFollowed = true;
  }
  stop(): void {
    this.isFollowed = false;
  }
}

describe("what is sent of the overview", () => {
  const events: OverviewEvent[] = [];
  beforeEach(() => {
    events.length = 0;
  });
  const taken = (): OverviewEvent[] => events.splice(0);
  const send = (event: OverviewEvent): boolean => events.push(event) > 0;

  it("is everything at first, and then only what changed", () => {
    const source = new Made();
    source.put("a", {}, [[0, -1]]);
    source.put("b", {}, []);
    const overview = new Overview(source);
    const { stop } = overview.follow(send);
    const [first, second, ...rest] = taken();
    assert.deepEqual(first, { name: "begin", data: { place: "made", opening: "" } });
    assert.ok(second.name === "runs");
    assert.deepEqual(
      second.data.rows.map(({ id }) => id),
      ["a", "b"],
    );
    assert.deepEqual(second.data.curves, [{ id: "a", from: 0, points: [[0, -1]] }]);
    assert.deepEqual(rest, []);
    source.changed();
    assert.deepEqual(taken(), []);

    const curve: CurveChange = { id: "a", from: 1, points: [[1, -2]] };
    source.put("a", {}, [
      [0, -1],
      [1, -2],
    ]);
    source.changed();
    assert.deepEqual(taken(), [{ name: "runs", data: { rows: [], curves: [curve], removed: [] } }]);
    source.put("a", {}, [[0, -1]]);
    source.changed();
    const cut: CurveChange = { id: "a", from: 1, points: [] };
    assert.deepEqual(taken(), [{ name: "runs", data: { rows: [], curves: [cut], removed: [] } }]);
    source.put("b", { step: 1 }, []);
    source.runs.delete("a");
    source.problem = "the disk";
    source.changed();
    const row = source.runs.get("b")?.row as OverviewRow;
    assert.deepEqual(taken(), [
      { name: "runs", data: { rows: [row], curves: [], removed: ["a"] } },
      { name: "problem", data: "the disk" },
    ]);
    stop();
    assert.equal(source.isFollowed, false);
  });

  it("comes in messages of bounded size, and waits while a viewer is full", () => {
    const source = new Made();
    const curve = Array.from({ length: 128 }, (_, i): CurvePoint => [i, -i]);
    for (let i = 0; i < 200; i++) source.put(`run ${i}`, {}, curve);
    const overview = new Overview(source);
    const { resume } = overview.follow((event) => send(event) && false);
    let [rows, points] = [0, 0];
    for (let i = 0; i < 20; i++) {
      const events = taken();
      assert.ok(events.length <= 1, `${events.length} messages to a viewer that is full after each`);
      for (const event of events) {
        if (event.name !== "runs") continue;
        assert.ok(event.data.rows.length <= 50);
        const count = event.data.curves.reduce((sum, each) => sum + each.points.length, 0);
        assert.ok(count <= 5000 + 128);
        rows += event.data.rows.length;
        points += count;
      }
      source.put(`run ${i}`, { step: i + 1 }, curve);
      source.changed();
      assert.deepEqual(taken(), [], "a full viewer gets nothing");
      resume();
    }
    assert.ok(rows >= 200 && rows <= 220);
    assert.equal(points, 200 * 128);
  });

  it("says which runs have gone once there is room, and nothing of runs that were never sent", () => {
    const source = new Made();
    source.put("a", {}, []);
    let hasRoom = true;
    const overview = new Overview(source);
    const { resume } = overview.follow((event) => send(event) && hasRoom);
    hasRoom = false;
    source.put("a", { step: 1 }, []);
    source.changed();
    taken();
    // The viewer is full. One run goes, one comes and goes, and one goes and comes back.
    source.put("b", {}, []);
    source.changed();
    source.runs.clear();
    source.changed();
    source.put("a", { step: 2 }, []);
    source.changed();
    source.runs.clear();
    source.changed();
    assert.deepEqual(taken(), []);
    hasRoom = true;
    resume();
    assert.deepEqual(taken(), [{ name: "runs", data: { rows: [], curves: [], removed: ["a"] } }]);
  });
});

describe("the server of several runs", () => {
  const hostile = '<img src=x onerror="alert(1)">';
  let server: WatchServer;
  let source: FolderRuns;
  beforeEach(async () => {
    const records = begin(process.platform === "win32" ? "hostile" : hostile);
    evaluate(records, 0, -900);
    end(begin("complete"));
    source = new FolderRuns([runs]);
    server = await serveRuns(source, page, 0);
  });
  afterEach(() => server.close());

  const get = (place: string, headers: http.OutgoingHttpHeaders = {}): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      http
        .get({ hostname, port, path: place, headers, agent: false }, (response) => {
          let body = "";
          response.setEncoding("utf8").on("data", (text) => {
            body += text;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        })
        .on("error", reject);
    });
  const idOf = (name: string): string => rowsOf(source)[name].id;

  it("answers with the overview, and below the id of a run with what belongs to it", async () => {
    const id = idOf("complete");
    assert.equal((await get("/")).body, "several runs");
    assert.equal((await get(`/runs/${id}/`)).body, "one run");
    assert.equal((await get(`/runs/${id}/assets/page.js`)).body, "export {};");
    const { body } = await get(`/runs/${id}/run/config.json`);
    assert.equal(body, fs.readFileSync(inRuns("complete", "config.json"), "utf8"));
    // The run is gone, and then another one is there.
    fs.renameSync(inRuns("complete"), path.join(folder, "moved"));
    source.look();
    assert.equal((await get(`/runs/${id}/run/config.json`)).status, 404);
    assert.equal((await get(`/runs/${id}/`)).status, 404);
    fs.renameSync(path.join(folder, "moved"), inRuns("complete"));
    source.look();
    assert.equal((await get(`/runs/${id}/run/config.json`)).status, 200);
  });

  it("has nothing else, however a path is written, and refuses what it refuses for one run", async () => {
    const id = idOf("complete");
    fs.writeFileSync(inRuns("secret.json"), "secret");
    const places = [
      ...["/runs/", "/runs", "/watch.html", "/overview.html", "/run/config.json", "/run/events", `/runs/${id}`],
      ...[`/runs/${"0".repeat(16)}/`, `/runs/${id.toUpperCase()}x/`, `/runs/${id}/run/`, `/runs/${id}/watch.html`],
      ...[`/runs/${id}/../`, `/runs/${id}/run/../../secret.json`, `/runs/${id}/%2e%2e/secret.json`],
      ...[`/runs/${id}/runs/${id}/`, `/runs/complete/run/config.json`, `/runs/../secret.json`, `//runs/${id}/`],
    ];
    for (const place of places) {
      const { status, body } = await get(place);
      assert.equal(status, 404, place);
      assert.doesNotMatch(body, /secret|several|one run/);
    }
    for (const place of ["/", "/runs/events", `/runs/${id}/`, `/runs/${id}/run/config.json`]) {
      assert.equal((await get(place, { Host: "evil.example" })).status, 403, place);
      assert.equal((await get(place, { Origin: "http://evil.example" })).status, 403, place);
      assert.equal((await get(place, { "Sec-Fetch-Site": "cross-site" })).status, 403, place);
    }
  });

  it("sends the rows and curves as events, a name of HTML as text, and then what changes, with runs that begin", async () => {
    const over = new AbortController();
    const response = await fetch(`${server.url}runs/events`, { signal: over.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (words: RegExp): Promise<string> => {
      while (!words.test(text)) {
        const { value, done } = await reader.read();
        assert.ok(!done, text);
        text += value;
      }
      const found = text;
      text = "";
      return found;
    };
    const first = await until(/event: runs\n.*\n\n/);
    const [, data] = /event: runs\ndata: (.*)\n\n/.exec(first) ?? [];
    const { rows, curves } = JSON.parse(data);
    assert.deepEqual(rows.map(({ name }: OverviewRow) => name).sort(), Object.keys(rowsOf(source)).sort());
    assert.deepEqual(curves[0].points, [[0, -900]]);
    const [records] = open;
    evaluate(records, 10, -800);
    const second = await until(/event: runs\n.*\n\n/);
    assert.doesNotMatch(second, /"complete"/);
    assert.match(second, /"curves":\[\{"id":"[0-9a-f]{16}","from":1,"points":\[\[10,-800\]\]\}\]/);
    begin("later");
    const third = await until(/event: runs\n.*\n\n/);
    assert.match(third, /"name":"later"/);
    assert.doesNotMatch(third, /-800/);
    fs.rmSync(inRuns("complete"), { recursive: true });
    assert.match(await until(/event: runs\n.*\n\n/), /"removed":\["[0-9a-f]{16}"\]/);
    over.abort();
  });
});
