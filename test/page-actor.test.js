// The page as an actor of a learner elsewhere: a real browser, a real server with a WebSocket, a learner in a process.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { presets } from "ddpg";
import { LearnerLink } from "../dist/node/actors/learner-link.js";
import { connect } from "../dist/node/nats/connect.js";
import { actorsConfig, freePort, startServer, withoutServer } from "../dist/node/nats/nats-server.case.js";
import { streams } from "../dist/training/actors/channel.js";
import { openBrowser, serve } from "./browser.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const built = path.join(fs.realpathSync(path.join(root, "dist")), "page");
const program = path.join(root, "bin/ddpg.js");
const passwords = { learner: "learns-7f3a", actor: "acts-91bc", page: "s3cret-of-the-page" };

describe("the page as an actor", { skip: withoutServer, timeout: 600_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-page-actor-"));
  const children = [];
  let browser;
  let site;
  let nats;
  let webSocket;
  let client;

  before(async () => {
    [browser, site] = await Promise.all([openBrowser(), serve(built)]);
    const webSocketPort = await freePort();
    nats = await startServer({ config: actorsConfig({ passwords, webSocketPort, origin: site.url }) });
    webSocket = `127.0.0.1:${webSocketPort}`;
    client = await connect(learnerServer(), { name: "test", where: "--server", onLine: () => {} });
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await client?.close();
    await Promise.all([browser?.close(), site?.close(), nats?.stop()]);
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const learnerServer = () => ({ server: `nats://learner:${passwords.learner}@127.0.0.1:${nats.port}` });

  /** Starts a learner whose channel is that name. Resolves with what it said at its end. */
  function learn(channel, ...flags) {
    return learnOn("Pendulum-v1", nats.url, channel, ...flags);
  }

  function learnOn(task, address, channel, ...flags) {
    const env = { ...process.env, DDPG_NATS_USER: "learner", DDPG_NATS_PASSWORD: passwords.learner };
    const args = ["train", task, "--preset", "small", "--actors", address, "--channel", channel, ...flags];
    const child = spawn(process.execPath, [program, ...args, "--out", channel], { cwd: folder, env });
    children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
  }

  /** Opens the page with its run paused, and unfolds the form. */
  async function open(url, use, { task = "Pendulum-v1", from = browser } = {}) {
    const tab = await from.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" });
    const said = [];
    tab.on("console", (message) => said.push(message.text()));
    tab.on("pageerror", (error) => said.push(String(error)));
    const asked = [];
    tab.on("request", (request) => asked.push(request.url()));
    try {
      await tab.goto(`${url}/#task=${task}`);
      await tab.locator("html[data-complete]").waitFor({ state: "attached" });
      assert.ok(
        !asked.some((name) => /act-|remote-actor-/.test(name)),
        "nothing of it is loaded before it is unfolded",
      );
      assert.ok(await tab.locator("#act-address").isHidden());
      await tab.locator("#act > summary").click();
      // The phases that it shows, one after the other.
      await tab.evaluate(() => {
        window.phases = [];
        const fold = document.querySelector("#act");
        new MutationObserver(() => {
          if (window.phases.at(-1) !== fold.dataset.phase) window.phases.push(fold.dataset.phase);
        }).observe(fold, { attributeFilter: ["data-phase"] });
      });
      await tab.locator("#act-speed option").first().waitFor({ state: "attached" });
      await use(tab, said);
    } catch (error) {
      const shown = await tab.locator("#act").textContent();
      throw new Error(`${error.message}\nThe page shows: ${shown}\nIt said: ${said.join("\n")}`, { cause: error });
    } finally {
      await tab.close();
    }
  }

  async function fill(tab, fields) {
    for (const [name, value] of Object.entries(fields)) await tab.locator(`#act-${name}`).fill(value);
    await tab.locator("#act-start").click();
  }

  const phase = (tab, name) => tab.locator(`#act[data-phase="${name}"]`).waitFor();
  const text = (tab, name) => tab.locator(`#act-${name}`).textContent();
  const number = async (tab, name) => Number((await text(tab, name)).replaceAll(",", ""));
  const login = () => ({ address: `ws://${webSocket}`, user: "page", password: passwords.page });

  /** Everything that the page keeps or shows, fields left out. */
  const kept = (tab) =>
    tab.evaluate(async () => {
      const databases = (await indexedDB.databases?.()) ?? [];
      const all = [location.href, document.cookie, document.documentElement.outerHTML, document.title];
      const storage = [localStorage, sessionStorage].map((each) => JSON.stringify({ ...each }));
      const entries = performance.getEntriesByType("resource").map(({ name }) => name);
      return [...all, ...storage, ...entries, JSON.stringify(databases), JSON.stringify(history.state)].join("\n");
    });

  /** How many transitions a channel's stream has, and the kind of its last message: 1 is a farewell. */
  async function inStream(channel) {
    const { state } = await client.manager.streams.info(streams.transitions(channel));
    let [rows, last] = [0, -1];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const { data } = await client.manager.streams.getMessage(streams.transitions(channel), { seq });
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      [rows, last] = [rows + view.getUint32(12, true), view.getUint32(28, true)];
    }
    return { rows, last };
  }

  it("is the only actor of a learner that finishes: stopped, started again and without a server in between", () =>
    open(site.url, async (tab, said) => {
      const learned = learn("alone", "--steps", "6000", "--episodes", "3", "--checkpoint-every", "600");
      // Slowly, so that the run does not end before the test has stopped the page and killed the server.
      await tab.locator("#act-speed").selectOption("20");
      // A login in the address moves into the fields.
      await fill(tab, { address: `ws://page:${passwords.page}@${webSocket}`, channel: "alone", noise: "0.3" });
      await phase(tab, "acting");
      // A checkpoint removes what it has.
      await client.manager.streams.update(streams.transitions("alone"), { deny_purge: true });
      assert.equal(await tab.locator("#act-address").inputValue(), `ws://${webSocket}`);
      assert.equal(await tab.locator("#act-user").inputValue(), "page");
      await tab
        .locator("#act-state", {
          hasText: /^Connected\. Acting in Pendulum-v1 for run .{8}, with noise \w+ of size 0\.3\./,
        })
        .waitFor();
      await tab.locator("#act-body canvas").waitFor();
      await until(async () => (await number(tab, "sent")) >= 300);
      await tab.locator("#act-stop").click();
      await tab.locator("#act-state", { hasText: /^Stopped\. The learner keeps the [\d,]+ transitions/ }).waitFor();
      await phase(tab, "stopped");
      assert.deepEqual(await tab.evaluate(() => window.phases.slice(-3)), ["acting", "stopping", "stopped"]);
      const sent = await number(tab, "sent");
      assert.deepEqual(await inStream("alone"), { rows: sent, last: 1 }, "all of them, and a farewell");

      await tab.locator("#act-start").click();
      await phase(tab, "acting");
      await until(async () => (await number(tab, "sent")) >= 100);
      await nats.kill();
      await tab.locator("#act-state", { hasText: "The connection is lost." }).waitFor();
      await delay(500);
      await nats.restart();
      await tab.locator("#act-state", { hasText: "Connected. Acting" }).waitFor();
      await tab.locator("#act-speed").selectOption("Infinity");

      const { code, said: learnerSaid } = await learned;
      assert.equal(code, 0, learnerSaid);
      await phase(tab, "ended");
      await tab.locator("#act-state", { hasText: /^The learner's run is over\./ }).waitFor();
      assert.ok(sent + (await number(tab, "sent")) >= 6000, `${sent} and ${await text(tab, "sent")}`);
      assert.ok((await number(tab, "version")) >= 1000, await text(tab, "version"));
      assert.match(await text(tab, "ratio"), /^0\.\d+$/);
      assert.match(await text(tab, "return"), /^−\d/);
      assert.ok(await tab.locator("#act-start").isVisible());
      const everything = `${await kept(tab)}\n${said.join("\n")}\n${learnerSaid}`;
      for (const part of ["Act for this learner", "#task=Pendulum-v1", nats.url])
        assert.ok(everything.includes(part), `the check looks at what has ${part}`);
      assert.ok(!everything.includes(passwords.page));
      assert.doesNotMatch(learnerSaid, /set aside|is cut/);
    }));

  it("acts in 3D with an engine that it loads first, and says what a server that is gone did not take", () =>
    open(
      site.url,
      async (tab) => {
        assert.equal(await tab.locator("#act-channel").inputValue(), "InvertedPendulum-v5");
        void learnOn("InvertedPendulum-v5", nats.url, "solid", "--steps", "100000", "--episodes", "3");
        await fill(tab, { ...login(), channel: "solid" });
        await phase(tab, "acting");
        await tab.locator("#act-body canvas[aria-label='The body of InvertedPendulum-v5 at work, in 3D']").waitFor();
        await until(async () => (await number(tab, "sent")) >= 100);
        // In real time the learner keeps up, so the window does not hold the body back, and there are transitions to lose.
        await tab.locator("#act-speed").selectOption("1");
        const sent = await number(tab, "sent");
        await until(async () => (await number(tab, "sent")) >= sent + 100);
        await nats.kill();
        try {
          await tab.locator("#act-state", { hasText: "The connection is lost." }).waitFor();
          await delay(500);
          await tab.locator("#act-stop").click();
          await phase(tab, "stopping");
          assert.ok(await tab.locator("#act-stop").isDisabled());
          await phase(tab, "stopped");
          assert.match(await text(tab, "line"), /^ws:\/\/[\d.:]+ did not acknowledge the last (\d+ )?transitions?/);
        } finally {
          await nats.restart();
        }
        const phases = await tab.evaluate(() => window.phases);
        assert.deepEqual(phases.slice(-4), ["loading", "acting", "stopping", "stopped"]);
        // What is said of one attempt is not said of the next one.
        await fill(tab, { channel: "a.b" });
        await tab.locator("#act-error", { hasText: /^channel: expected/ }).waitFor();
        assert.equal(await text(tab, "line"), "");
      },
      { task: "InvertedPendulum-v5" },
    ));

  const withoutOpenssl = spawnSync("openssl", ["version"]).status !== 0 && "openssl is not installed";
  it("acts over wss:// for a server whose certificate it trusts, and no other", { skip: withoutOpenssl }, async () => {
    const [key, certificate] = ["key.pem", "certificate.pem"].map((name) => path.join(folder, name));
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
    const files = ["-keyout", key, "-out", certificate];
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
      ...subject,
      ...files,
    ]);
    assert.equal(made.status, 0, String(made.stderr));
    const webSocketPort = await freePort();
    const plain = actorsConfig({ passwords, webSocketPort, origin: site.url });
    const tls = `tls { cert_file: ${JSON.stringify(certificate)}, key_file: ${JSON.stringify(key)} }\n`;
    const config = plain.replace(/no_tls: true.*\n/, tls);
    assert.notEqual(config, plain);
    const secure = await startServer({ config });
    const trusting = await openBrowser({ flags: ["--ignore-certificate-errors"] });
    const form = { ...login(), address: `wss://127.0.0.1:${webSocketPort}`, channel: "secure" };
    try {
      await open(site.url, async (tab) => {
        await fill(tab, form);
        await tab.locator("#act-error", { hasText: "and that this browser trusts its certificate." }).waitFor();
      });
      const learned = learnOn("Pendulum-v1", secure.url, "secure", "--steps", "1200", "--episodes", "3");
      await open(
        site.url,
        async (tab) => {
          await fill(tab, form);
          await phase(tab, "ended");
          assert.ok((await number(tab, "sent")) >= 1200);
        },
        { from: trusting },
      );
      const { code, said } = await learned;
      assert.equal(code, 0, said);
    } finally {
      await trusting.close();
      await secure.stop();
    }
  });

  it("proposes the channel that the command line takes by default, also for a name with a slash", () =>
    open(
      site.url,
      async (tab) => {
        assert.equal(await tab.locator("#act-channel").inputValue(), "dm_control-cartpole-swingup");
        await fill(tab, { address: "ws://localhost:1" });
        await tab.locator("#act-error", { hasText: /^There is no connection to ws:\/\/localhost:1/ }).waitFor();
      },
      { task: "dm_control/cartpole-swingup" },
    ));

  it("says that a login is wrong, or that there is none, without the password", () =>
    open(site.url, async (tab, said) => {
      await fill(tab, { ...login(), channel: "none", password: "gu3ssed" });
      await tab.locator("#act-error", { hasText: /^ws:\/\/[\d.:]+ refused this user with this password\./ }).waitFor();
      await fill(tab, { user: "", password: "" });
      await tab.locator("#act-error", { hasText: /wants a user and a password\.$/ }).waitFor();
      assert.ok(!`${await kept(tab)}\n${said.join("\n")}`.includes("gu3ssed"));
    }));

  it("says what may be wrong if the server does not allow the page's origin, or is not there", () =>
    open(site.url.replace("127.0.0.1", "localhost"), async (tab) => {
      const origin = site.url.replace("127.0.0.1", "localhost");
      await fill(tab, { ...login(), channel: "none" });
      const hint = `There is no connection to ws://${webSocket}. Browsers do not say why. Check that a NATS server with a websocket block listens there, that its allowed_origins include ${origin}, and`;
      await tab.locator("#act-error", { hasText: hint }).waitFor();
      assert.ok(!(await text(tab, "error")).includes(passwords.page));
    }));

  it("refuses other addresses, channels and sizes before it connects, and shows no secret of them", () =>
    open(site.url, async (tab) => {
      const refused = async (fields, words) => {
        await fill(tab, { ...login(), channel: "none", ...fields });
        await tab.locator("#act-error", { hasText: words }).waitFor();
        assert.ok(!(await text(tab, "error")).includes("hidden"));
        assert.ok(await tab.locator("#act-stop").isHidden());
      };
      const secret = "nats://a:hidden@host:4222";
      await refused(
        { address: secret },
        /^address: expected ws:\/\/host:port or wss:\/\/host:port, got "?nats:\/\/host:4222/,
      );
      await refused({ address: "ws://a:hidden@host:99999" }, /^address: expected an address such as/);
      await refused({ channel: "a.b" }, /^channel: expected at most 64 letters/);
      await refused({ noise: "-1" }, /^size of the noise: expected a number of at least 0, got/);
    }));

  it("says that it does not have the learner's task", async () => {
    const spaces = { observationSize: 2, actionLow: [-1], actionHigh: [1] };
    const task = {
      run: "12".repeat(16),
      environment: "my-robot",
      spaces,
      settings: presets.small,
    };
    const options = { server: learnerServer(), where: "--actors", channel: "robot", timeout: 60, onLine: () => {} };
    const link = await LearnerLink.open({ ...options, task });
    await link.begin();
    try {
      await open(site.url, async (tab) => {
        await fill(tab, { ...login(), channel: "robot" });
        const words = 'The learner trains "my-robot", and this page does not have that task.';
        await tab.locator("#act-error", { hasText: words }).waitFor();
      });
    } finally {
      await link.close();
    }
  });
});

/** Waits until a condition holds. */
async function until(holds) {
  for (let i = 0; i < 1200; i++) {
    if (await holds()) return;
    await delay(50);
  }
  throw new Error("not within a minute");
}
