// Measures contenders side by side. Each is a long-lived child process that is set up for one task and prints
// `ready <versions>`. It then answers every line `n` on its standard input with the seconds that n updates or steps took.
// They take turns, one measurement at a time, so a machine that slows down affects all of them.
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";

/**
 * Makes `rounds` measurements of about `seconds` each with every contender that runs the task. Returns
 * { results, failures }. A result is { name, version, median, rounds, ratio } with rates per second. `ratio` is the median
 * over the rounds of the first contender's rate divided by this one's, or null if the first one failed.
 */
export async function measure(contenders, task, { rounds, seconds, patience = 180 }) {
  const failures = [];
  const taking = contenders.filter(({ runs }) => runs(task));
  let running = [];
  try {
    // One after another: setting up takes more than one core.
    for (const contender of taking) {
      const child = new Child(contender, [JSON.stringify(task)], patience);
      running.push({ name: contender.name, child, rates: [] });
      await attempt(running.at(-1), async (entry) => {
        entry.version = await child.ready();
        entry.count = await calibrate(child, seconds);
      });
    }
    for (let round = 0; round < rounds; round++) {
      // Each round starts with another contender, so that none is always measured first.
      for (let i = 0; i < running.length; i++) {
        await attempt(running[(round + i) % running.length], async (entry) => {
          if (!entry.failed) entry.rates.push(entry.count / (await entry.child.run(entry.count)));
        });
      }
      running = running.filter(({ failed }) => !failed);
    }
  } finally {
    for (const { child } of running) child.stop();
  }
  const reference = running.find(({ name }) => name === taking[0].name)?.rates;
  const results = running.map(({ name, version, rates }) => ({
    name,
    version,
    median: median(rates),
    rounds: rates,
    ratio: reference ? median(rates.map((rate, round) => reference[round] / rate)) : null,
  }));
  return { results, failures };

  async function attempt(entry, action) {
    try {
      await action(entry);
    } catch (error) {
      entry.failed = true;
      entry.child.stop();
      failures.push({ name: entry.name, message: error.message });
    }
  }
}

/** How many repetitions a contender makes in about `seconds`, measured in a warm-up of at least that length. */
async function calibrate(child, seconds) {
  await child.run(10); // so that compilation is not measured
  let count = 1;
  let took = await child.run(count);
  for (; took < seconds / 4; took = await child.run(count)) count *= 2;
  count = Math.max(1, Math.round((count * seconds) / took));
  took = await child.run(count);
  return Math.max(1, Math.round((count * seconds) / took));
}

/** The complete standard output of a contender with these arguments and `input` as its standard input. */
export async function output(contender, args, { input = "", patience = 180 } = {}) {
  const child = new Child(contender, args, patience);
  try {
    child.end(input);
    const lines = [];
    for (let line = await child.line(true); line !== null; line = await child.line(true)) lines.push(line);
    return lines.join("\n");
  } finally {
    child.stop();
  }
}

/** A contender's process. Its errors include the last lines of its standard error. */
class Child {
  #process;
  #lines;
  #patience;
  #errors = "";
  #ended;

  constructor({ command, args, env }, more, patience) {
    this.#patience = patience;
    this.#process = spawn(command, [...args, ...more], { env: { ...process.env, ...env } });
    this.#process.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#process.stdin.on("error", () => {}); // it died; its exit reports that
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (error) => resolve({ reason: error.message }));
      this.#process.once("close", (code, signal) => resolve({ code, reason: `ended with ${code ?? signal}` }));
    });
    this.#lines = readline.createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. With `mayEnd`, null after the last line of a process that ended without an error. */
  async line(mayEnd = false) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#patience * 1000, "late");
    });
    const next = await Promise.race([this.#lines.next(), late]);
    clearTimeout(timer);
    if (next === "late") throw this.#error(`no answer within ${this.#patience} s`);
    if (!next.done) return next.value;
    const { code, reason } = await this.#ended;
    if (mayEnd && code === 0) return null;
    throw this.#error(reason);
  }

  /** Resolves to its versions once it is set up. */
  async ready() {
    const line = await this.line();
    if (!line.startsWith("ready ")) throw this.#error(`expected "ready", got "${line}"`);
    return line.slice("ready ".length);
  }

  /** The seconds that n updates or steps took. */
  async run(n) {
    this.#process.stdin.write(`${n}\n`);
    const line = await this.line();
    if (!(Number(line) > 0)) throw this.#error(`expected seconds, got "${line}"`);
    return Number(line);
  }

  /** Sends its last input. */
  end(input) {
    this.#process.stdin.end(input);
  }

  stop() {
    this.#process.kill("SIGKILL");
  }

  #error(reason) {
    // Node prints stack frames after the message, so they are removed; Python prints them before it.
    const lines = this.#errors.split("\n").filter((line) => line.trim() && !/^ +at |^Node\.js v/.test(line));
    return new Error([reason, ...lines.slice(-4)].join("\n"));
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** The origin of a record: date, commit and machine. */
export function origin(root) {
  let commit = null;
  try {
    const git = (...words) => execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
    // Records that were written before this one do not change what is measured.
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)docs");
    commit = `${git("describe", "--always")}${changed ? "-dirty" : ""}`;
  } catch {
    // This is not a checkout.
  }
  const cpus = os.cpus();
  const system = `${os.type()} ${os.arch()}`;
  const machine = { cpu: cpus[0].model.trim(), ...processor(), cores: cpus.length, system };
  return { date: new Date().toISOString().slice(0, 10), commit, machine, node: process.versions.node };
}

/** What tells apart processors of one name: family, model, and the instructions that matter here. Empty outside Linux on x64. */
function processor() {
  try {
    const text = fs.readFileSync("/proc/cpuinfo", "utf8");
    const value = (name) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1];
    const flags = value("flags")?.split(" ") ?? [];
    const instructions = ["avx2", "fma", "avx512f"].filter((flag) => flags.includes(flag));
    return { model: `family ${value("cpu family")}, model ${value("model")}`, instructions };
  } catch {
    return {};
  }
}

/** The file of a record: one for each processor, as `speed.amd-epyc.json`. */
export function recordFile(root, name, { machine: { cpu } }) {
  const words = cpu
    .toLowerCase()
    .replace(/\((r|tm)\)|@.*|\b(cpu|processor)\b/g, " ")
    .match(/[a-z0-9]+/g) ?? ["unknown"];
  return path.join(root, "docs/results", `${name}.${words.join("-")}.json`);
}

/** Writes a record with five digits of every number. */
export function writeRecord(file, record) {
  const rounded = (_, value) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);
  fs.writeFileSync(file, `${JSON.stringify(record, rounded, 1)}\n`);
  console.log(`\nRecorded in ${path.relative(process.cwd(), file)}.`);
}
