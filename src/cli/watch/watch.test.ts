// `ddpg watch` as a user starts and ends it: the real program, in an empty folder.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { programInFolder } from "../terminal/program.case.ts";

const { inFolder, start, succeed } = programInFolder("watch");
const posix = { skip: process.platform === "win32" };

/** Runs `ddpg watch` and collects both of its outputs. */
function watch(args: readonly string[], env?: NodeJS.ProcessEnv) {
  const { child, outcome } = start(["watch", ...args], env);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part) => {
      text += part;
    });
  }
  /** Waits for words. Returns everything printed so far. */
  const says = async (words: RegExp): Promise<string> => {
    while (!words.test(text)) {
      assert.equal(child.exitCode, null, text);
      await delay(5);
    }
    return text;
  };
  return { child, said: () => text, says, ended: outcome.then(({ code }) => code) };
}

const urlIn = (text: string): string => /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0] ?? "";

const cart = `export default () => ({
  observationSize: 1, actionLow: [-1], actionHigh: [1], steps: 0,
  reset() { this.steps = 0; return [0]; },
  step([action]) { return { observation: [action], reward: 1, terminated: false, truncated: ++this.steps === 20 }; },
});`;
const drawn = cart.replace(
  "steps: 0,",
  `steps: 0, scene: { shapes: [], camera: { target: [0, 0, 0], distance: 1, azimuth: 0, elevation: 0 }, stepSeconds: 0.01,
    writePoses() {} }, close() { console.error("closed"); },`,
);

before(async () => {
  await succeed("train", "Pendulum-v1", "--steps", "400", "--episodes", "2", "--out", "run", "--no-progress");
  fs.writeFileSync(inFolder("cart.mjs"), cart);
  await succeed("train", "./cart.mjs", "--steps", "200", "--episodes", "2", "--out", "own", "--no-progress");
  fs.mkdirSync(inFolder("other"));
  fs.writeFileSync(inFolder("file"), "");
});

describe("ddpg watch", { timeout: 60_000 }, () => {
  it("serves the built page and ends at once on Ctrl-C, even with viewers", posix, async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const watching = watch(["run", "--no-open"]);
      const text = await watching.says(/Ctrl-C/);
      assert.match(
        text,
        /^run +run: Pendulum-v1, preset small, seed 1\npage +http:\/\/127\.0\.0\.1:\d+\/\nCtrl-C stops it\.\n$/,
      );
      const html = await (await fetch(urlIn(text))).text();
      assert.match(html, /<title>ddpg watch<\/title>/);
      const script = /src="\.\/(assets\/watch-[^"]+\.js)"/.exec(html)?.[1];
      assert.equal((await fetch(`${urlIn(text)}${script}`)).status, 200);
      const listening = await fetch(`${urlIn(text)}run/events`);
      const reader = listening.body?.getReader();
      await reader?.read();
      watching.child.kill(signal);
      assert.equal(await watching.ended, code);
      assert.equal(watching.said(), text);
    }
  });

  it("steps the environment that the user named, says if it changed, and closes it at the end", posix, async () => {
    fs.writeFileSync(inFolder("drawn.mjs"), drawn);
    const watching = watch(["own", "--environment", "drawn.mjs", "--no-open"]);
    const text = await watching.says(/Ctrl-C/);
    assert.match(text, /^ddpg: warning: drawn\.mjs has changed since the run: its SHA-256 was \S+ and is \S+$/m);
    assert.match(text, /^body +drawn\.mjs, stepped while the page is open$/m);
    const reader = (await fetch(`${urlIn(text)}run/events`)).body?.getReader();
    let events = "";
    while (!/^event: moment\ndata: .*"isLast":true/m.test(events))
      events += new TextDecoder().decode((await reader?.read())?.value);
    assert.match(events, /^event: scene\ndata: {"shapes":\[\],"camera":/m);
    watching.child.kill("SIGINT");
    assert.equal(await watching.ended, 130);
    assert.match(watching.said(), /Ctrl-C stops it\.\nclosed\n$/);
  });

  it("never loads a module that is not named", posix, async () => {
    fs.writeFileSync(inFolder("cart.mjs"), `console.error("loaded");\n${cart}`);
    const watching = watch(["own", "--no-open"]);
    const text = await watching.says(/Ctrl-C/);
    const reader = (await fetch(`${urlIn(text)}run/events`)).body?.getReader();
    let events = "";
    while (!events.includes("event: status")) events += new TextDecoder().decode((await reader?.read())?.value);
    await delay(300);
    assert.doesNotMatch(events, /event: (scene|moment)/);
    watching.child.kill("SIGINT");
    assert.equal(await watching.ended, 130);
    assert.doesNotMatch(watching.said(), /loaded/);
    fs.writeFileSync(inFolder("cart.mjs"), cart);
  });

  it("opens the browser with the address as its only argument, and without a shell", posix, async () => {
    const bin = inFolder("bin");
    fs.mkdirSync(bin);
    const opener = process.platform === "darwin" ? "open" : "xdg-open";
    const script = `#!/bin/sh\necho "$#:$1" > opened.unfinished\nmv opened.unfinished opened\n`;
    fs.writeFileSync(path.join(bin, opener), script, { mode: 0o755 });
    const watching = watch(["run"], { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` });
    const text = await watching.says(/Ctrl-C/);
    const file = inFolder("opened");
    while (!fs.existsSync(file)) await delay(5);
    assert.equal(fs.readFileSync(file, "utf8"), `1:${urlIn(text)}\n`);
    watching.child.kill("SIGINT");
    assert.equal(await watching.ended, 130);
    assert.doesNotMatch(watching.said(), /browser/);
  });

  it("continues if there is no browser to open, and says so", posix, async () => {
    const watching = watch(["run"], { ...process.env, PATH: inFolder("nothing") });
    const text = await watching.says(/No browser could be opened: open the address yourself\./);
    assert.equal((await fetch(urlIn(text))).status, 200);
    watching.child.kill("SIGINT");
    assert.equal(await watching.ended, 130);
  });

  it("listens on the given port", async () => {
    const probe = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => probe.once("listening", resolve));
    const { port } = probe.address() as net.AddressInfo;
    const taken = watch(["run", "--no-open", "--port", String(port)]);
    assert.equal(await taken.ended, 2);
    assert.equal(
      taken.said(),
      `ddpg: --port: expected a port to listen on, got ${port}, which another program uses. Leave out --port to use a free one.\n`,
    );
    await new Promise((resolve) => probe.close(resolve));
    const watching = watch(["run", "--no-open", "--port", String(port)]);
    assert.equal(urlIn(await watching.says(/Ctrl-C/)), `http://127.0.0.1:${port}/`);
    watching.child.kill();
    await watching.ended;
  });

  it("explains invalid arguments in one line", async () => {
    const cases: [string[], string][] = [
      [["none"], "none: expected a run's directory, got no such file or directory. Give the directory of a run."],
      [["file"], "file: expected a run's directory, got a file."],
      [
        ["other"],
        `${path.join("other", "config.json")}: expected a file of a run, got no such file or directory. Give the directory of a run.`,
      ],
      [["run", "--port", "70000"], "--port: expected a whole number from 0 to 65535, got 70000."],
      [["run", "--port=-5"], '--port: expected a whole number from 0 to 65535, got "-5".'],
      [["run", "--port", "1.5"], '--port: expected a whole number from 0 to 65535, got "1.5".'],
      [["run", "--port", "x"], '--port: expected a whole number from 0 to 65535, got "x".'],
      [
        ["run", "--environment", "cart.mjs"],
        '--environment: expected nothing for Pendulum-v1, which the page itself simulates, got "cart.mjs".',
      ],
      [
        ["own", "--environment", "cart.mjs"],
        'cart: expected an environment that can be drawn, got one without a scene. Give it a "scene", with shapes, a camera, stepSeconds and writePoses.',
      ],
      [["own", "--environment", "none.mjs"], "environment none.mjs: expected a module, got no such file or directory."],
      [[".", "--environment", "cart.mjs"], '--environment: expected one run, whose environment it is, got ".".'],
      [[], 'watch: expected <run>, got nothing. See "ddpg watch --help".'],
    ];
    await Promise.all(
      cases.map(async ([args, words]) => {
        const { ended, said } = watch([...args, "--no-open"]);
        assert.equal(await ended, 2);
        assert.equal(said(), `ddpg: ${words}\n`);
      }),
    );
  });
});
