// Hostile files, names and texts, and output that cannot be written: the real program, in an empty folder. Every command
// ends soon, with a line that says what is wrong, and the terminal obeys no control character of its input.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { readResult } from "../node.ts";
import { programInFolder } from "./terminal/program.case.ts";

const { file, inFolder, start, ddpg, succeed } = programInFolder("hostile");

/** On Windows there are no named pipes and devices among files, and most control characters cannot be in a name. */
const skip = process.platform === "win32";

const small = ["--preset", "small", "--actor-hidden-sizes", "4", "--critic-hidden-sizes", "4", "--batch-size", "4"];
const brief = [...small, "--steps", "60", "--warmup-steps", "20", "--episodes", "1", "--evaluate-episodes", "1"];

const module = `export default class Walk {
  observationSize = 1;
  actionLow = [-1];
  actionHigh = [1];
  reset(random) { this.steps = 0; return [random.uniform(-1, 1)]; }
  step(action) {
    const info = { "landed\\u001b[2J\\u202e": 1 };
    return { observation: [action[0]], reward: 1, terminated: false, truncated: ++this.steps === 20, info };
  }
}
`;

before(async () => {
  fs.writeFileSync(inFolder("package.json"), '{ "type": "module" }');
  fs.writeFileSync(inFolder("walk.js"), module);
  await succeed("train", "Pendulum-v1", ...brief, "--out", "good");
});

/** A copy of the good run. */
function copyRun(name: string): string {
  fs.cpSync(inFolder("good"), inFolder(name), { recursive: true });
  return name;
}

function edit(run: string, file: string, change: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(fs.readFileSync(inFolder(run, file), "utf8"));
  change(value);
  fs.writeFileSync(inFolder(run, file), JSON.stringify(value));
}

/** Runs the program, which must refuse its input in one short line: exit code 2, and no stack. */
async function refused(args: readonly string[], message: RegExp): Promise<void> {
  const { child, outcome } = start(args);
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const { code, stderr } = await outcome;
  clearTimeout(timer);
  const [line, ...others] = stderr.trimEnd().split("\n");
  assert.equal(code, 2, `${args.join(" ")}: ${stderr.slice(0, 500)}`);
  assert.match(line, message, args.join(" "));
  assert.ok(line.length < 3000, `${line.length} letters`);
  for (const other of others) assert.match(other, /^ {4}at /);
}

/** Each command with a run, and what to give before the run's directory. */
const commands: readonly (readonly string[])[] = [
  ["evaluate"],
  ["export"],
  ["report"],
  ["resume"],
  ["render"],
  ["watch", "--no-open"],
  ["train", "--config"],
];

test("a named pipe, a device or gigabytes of nothing in place of a file are refused at once", { skip }, async () => {
  const pipe = (run: string, file: string): string => {
    copyRun(run);
    fs.rmSync(inFolder(run, file));
    execFileSync("mkfifo", [inFolder(run, file)]);
    return run;
  };
  const isPipe = /^ddpg: .*: expected .*, got a named pipe\./;
  const config = pipe("pipe-config", "config.json");
  const policy = pipe("pipe-policy", "policy.safetensors");
  const sparse = copyRun("sparse");
  fs.truncateSync(inFolder(sparse, "config.json"), 2 ** 35);
  const sparsePolicy = copyRun("sparse-policy");
  fs.truncateSync(inFolder(sparsePolicy, "policy.safetensors"), 2 ** 35);
  fs.mkdirSync(inFolder("records"));
  execFileSync("mkfifo", [inFolder("records", "Pendulum-v1-seed1.json"), inFolder("pipe.js"), inFolder("pipe")]);
  const benchmark = ["benchmark", "--tasks", "Pendulum-v1", "--seeds", "1", ...small, "--steps", "60"];
  await Promise.all([
    ...commands.map((command) => refused([...command, config], isPipe)),
    refused(["evaluate", pipe("pipe-result", "result.json")], isPipe),
    refused(["evaluate", policy], isPipe),
    refused(["export", policy], isPipe),
    refused(["export", "pipe"], isPipe),
    refused(["export", "/dev/zero"], /got a device/),
    refused(["train", "Pendulum-v1", "--from", "/dev/zero"], /got a device/),
    refused(["train", "./pipe.js"], /expected a module's file, got a named pipe/),
    refused(["report", pipe("pipe-metrics", "metrics.jsonl")], isPipe),
    refused(["resume", pipe("pipe-checkpoint", "checkpoint.safetensors"), "--steps", "90"], isPipe),
    refused([...benchmark, "--warmup-steps", "20", "--out", "records"], isPipe),
    refused(["report", sparse], /got one of 34,359,738,368 bytes; at most 67,108,864 are read/),
    refused(["export", sparsePolicy], /expected \d+ bytes of numbers, got 343597\d{5}/),
    refused(["report", "good", "--output", "/dev/null"], /expected a file that can be written, got a device/),
  ]);
  assert.ok(fs.statSync("/dev/null").isCharacterDevice());
});

test("names that the system refuses are a wrong input, in every command", { skip }, async () => {
  fs.symlinkSync("loop", inFolder("loop"));
  const long = "x".repeat(300);
  const names: [name: string, message: RegExp][] = [
    ["loop", /^ddpg: .*loop: expected .*, got a link that leads to itself\./],
    [long, /^ddpg: .*x: expected .*, got too long a name\./],
    ["good/config.json/x", /^ddpg: .*: expected .*, got a path through a file\./],
  ];
  // Every command, and every name with those that look at it in their own way.
  await Promise.all(
    [...commands, ["train", "Pendulum-v1", "--from"]].flatMap((command, i) =>
      names
        .filter((_, j) => command[0] === "export" || command.includes("--from") || j === i % names.length)
        .map(([name, message]) => refused([...command, name], message)),
    ),
  );
  for (const [command, ending] of [
    ["report", "html"],
    ["export", "js"],
  ]) {
    await refused(
      [command, "good", "--output", `${long}.${ending}`],
      /expected a file that can be written, got too long/,
    );
    // A name that the system allows is not too long for this program either.
    await succeed(command, "good", "--output", `${"y".repeat(230)}.${ending}`);
  }
});

test("no depth and no length of a value breaks or floods an error", async () => {
  const deep = "[".repeat(1e5) + "]".repeat(1e5);
  const nested = copyRun("nested");
  const text = fs.readFileSync(inFolder(nested, "config.json"), "utf8");
  fs.writeFileSync(inFolder(nested, "config.json"), text.replace(/"seed": \d+/, `"seed": ${deep}`));
  const long = copyRun("long");
  edit(long, "config.json", (config) => Object.assign(config, { preset: "p".repeat(3e6) }));
  const settings = copyRun("settings");
  edit(settings, "config.json", (config) => Object.assign(config.settings as object, { ["s".repeat(3e6)]: 1 }));
  fs.writeFileSync(
    inFolder("throws.js"),
    module.replace("const info", 'throw new Error("m\\n".repeat(1e6)); const info'),
  );
  fs.writeFileSync(
    inFolder("proxy.js"),
    module.replace("const info", "throw Proxy.revocable({}, {}).proxy; const info"),
  );
  await Promise.all([
    ...commands
      .slice(0, 2)
      .map((command) => refused([...command, nested], /seed: expected a whole number, got \[a list of 1\]\./)),
    refused(["report", long], /preset: expected one of .*, got "p{80}…"\./),
    refused(["report", settings], /s{40}…/),
    refused(["train", "./throws.js", ...brief], /^ddpg: \.\/throws\.js: step 1: .*m m m .*…/),
    refused(["train", "./proxy.js", ...brief], /^ddpg: \.\/proxy\.js/),
  ]);
});

test("control characters of files, names and errors reach no terminal, page or table", { skip }, async () => {
  const nasty = "\u001b]0;owned\u0007\u001b[31m\r\n\u202e\u0085\u2028|";
  const shown = "\\u001b]0;owned\\u0007\\u001b[31m\\u000d";
  const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
  const check = (text: string, where: string): void => {
    const found = unsafe.exec(text.replaceAll("\n", ""));
    assert.equal(found, null, `${where}: ${JSON.stringify(text.slice(found?.index ?? 0).slice(0, 80))}`);
  };
  const run = copyRun(`run${nasty}`);
  fs.writeFileSync(inFolder(`walk${nasty}.js`), module);
  fs.writeFileSync(
    inFolder("throws-nasty.js"),
    module.replace("const info", `throw new Error(${JSON.stringify(nasty)}); const info`),
  );
  const named = copyRun("named");
  // The files of a run must agree.
  for (const file of ["config.json", "result.json"])
    edit(named, file, (content) => Object.assign(content, { environment: nasty }));
  fs.rmSync(inFolder(named, "checkpoint.safetensors"));
  fs.mkdirSync(inFolder(`records${nasty}`));
  const outcomes = await Promise.all(
    [
      ["evaluate", run, "--episodes", "1"],
      ["evaluate", run, "--episodes", "1", "--json"],
      ["export", run, "--output", `policy${nasty}.js`],
      ["report", run, "--output", "run.html", "--svg", "run.svg"],
      ["report", named, run, "--output", "both.html", "--svg", "both.svg"],
      ["evaluate", named],
      ["resume", run],
      ["train", `./walk${nasty}.js`, ...brief, "--out", `out${nasty}`],
      ["train", `./walk${nasty}.js`, ...brief, "--seeds", "1,2", "--out", `seeds${nasty}`],
      ["train", "./throws-nasty.js", ...brief],
      ["--verbose", "train", "./throws-nasty.js", ...brief],
      ["train", nasty],
      [nasty],
      ["evaluate", "good", `--${nasty}`],
      ["train", "--preset", nasty],
    ].map(async (args) => ({ args, ...(await ddpg(...args)) })),
  );
  for (const { args, code, stdout, stderr } of outcomes) {
    assert.ok(code === 0 || code === 2, `${args.join(" ")}: ${stderr}`);
    check(stdout, args.join(" "));
    check(stderr, args.join(" "));
  }
  assert.ok(outcomes.some(({ stdout }) => stdout.includes(shown)));
  assert.ok(outcomes.some(({ stderr }) => stderr.includes(shown)));
  const json = JSON.parse(outcomes[1].stdout);
  assert.equal(json.episodes, 1);
  const [trained] = outcomes.filter(({ args }) => args.includes(`out${nasty}`));
  assert.match(trained.stdout, /^info {11}landed\\u001b\[2J\\u202e 1$/m);
  // The command that it prints leads to the directory, in a shell.
  const [, printed] = /ddpg evaluate (.*)/.exec(trained.stdout) ?? [];
  assert.equal(execFileSync("bash", ["-c", `printf %s ${printed}`], { encoding: "utf8" }), `out${nasty}`);
  for (const file of ["run.html", "run.svg", "both.html", "both.svg"]) {
    check(fs.readFileSync(inFolder(file), "utf8").replaceAll("\t", ""), file);
  }
});

test("output that cannot be written ends every command with exit code 2 and a line", {
  skip: !fs.existsSync("/dev/full"),
}, async () => {
  const full = fs.openSync("/dev/full", "w");
  const benchmark = ["benchmark", "--tasks", "Pendulum-v1", "--seeds", "1", ...small, "--steps", "60"];
  await Promise.all(
    [
      ["--help"],
      ["--version"],
      ["train", "--help"],
      ["environments"],
      ["environments", "--json"],
      ["evaluate", "good", "--episodes", "1"],
      ["evaluate", "good", "--episodes", "1", "--json"],
      ["export", "good", "--output", "full.js"],
      ["report", "good"],
      ["render", "good", "--seconds", "0.1", "--output", "full.png"],
      ["resume", "good"],
      ["watch", "good", "--no-open"],
      ["train", "Pendulum-v1", ...brief, "--out", "full"],
      ["train", "Pendulum-v1", ...brief, "--seeds", "1", "--out", "full-seeds"],
      [...benchmark, "--warmup-steps", "20", "--out", "full-benchmark"],
    ].map(async (args) => {
      const { code, stderr } = await start(args, process.env, full).outcome;
      assert.equal(
        stderr,
        "ddpg: standard output: expected one that can be written, got a full disk.\n",
        args.join(" "),
      );
      assert.equal(code, 2, args.join(" "));
    }),
  );
  fs.closeSync(full);
  // The run itself is complete: its files are what matters.
  assert.equal(readResult(inFolder("full")).evaluation?.episodes, 1);
});

test("a warning that cannot be written is a failure; that its reader stopped early is none", {
  skip: !fs.existsSync("/dev/full"),
}, () => {
  const train = ["train", "Pendulum-v1", ...brief, "--warmup-steps", "999999", "--no-progress", "--out"];
  const code = (out: string, redirection: string): number => {
    const shell = `"$0" "$@" > /dev/null 2${redirection}; echo $? > ${out}.code`;
    execFileSync("bash", ["-c", shell, process.execPath, file, ...train, out], { cwd: inFolder() });
    return Number(fs.readFileSync(inFolder(`${out}.code`), "utf8"));
  };
  assert.deepEqual([code("unheard", "> /dev/full"), code("unread", "> >(exit)")], [2, 0]);
});

test("a reader that stops reading is no error, and the training continues", async () => {
  await Promise.all(
    [
      ["--help"],
      ["environments", "--json"],
      ["evaluate", "good", "--episodes", "1"],
      ["train", "Pendulum-v1", ...brief, "--out", "no-reader"],
    ].map(async (args) => {
      const { child, outcome } = start(args);
      child.stdout?.destroy();
      const { code, stderr } = await outcome;
      assert.equal(stderr, "", args.join(" "));
      assert.equal(code, 0, args.join(" "));
    }),
  );
  assert.equal(readResult(inFolder("no-reader")).evaluation?.episodes, 1);
});

test("what a slow reader has not yet read is complete", async () => {
  const length = 1_000_000;
  const noisy = `${module}process.stdout.write("x".repeat(${length}) + "\\n");\n`;
  fs.writeFileSync(inFolder("noisy.js"), noisy);
  await succeed("train", "./noisy.js", ...brief, "--out", "noisy");
  const { child, outcome } = start(["evaluate", "noisy", "--episodes", "1"]);
  child.stdout?.pause();
  await delay(1500);
  child.stdout?.resume();
  const { code, stdout } = await outcome;
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^x{${length / 100}}`));
  assert.equal(stdout.indexOf("\n"), length);
  assert.match(stdout, /^fingerprint {2}[0-9a-f]{16}, at the end of the run\n$/m);
});
