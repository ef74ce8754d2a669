// The library in a page whose Content-Security-Policy restricts scripts.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { icon, openBrowser, serve } from "./browser.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

describe("a page with a Content-Security-Policy", { timeout: 60_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-policy-"));
  let browser;

  before(async () => {
    fs.cpSync(fs.realpathSync(path.join(root, "dist")), path.join(folder, "dist"), { recursive: true });
    fs.writeFileSync(path.join(folder, "index.html"), `<!doctype html><title>policy</title>${icon}`);
    fs.writeFileSync(
      path.join(folder, "act.js"),
      `import { Ddpg, Pendulum } from "./dist/index.js";
export const act = async () => {
  const agent = await Ddpg.create(new Pendulum(), { preset: "small" });
  return agent.act([1, 0, 0]).length;
};
`,
    );
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** How many numbers an action has in a page under a policy, or the error of creating the agent. */
  async function tryToAct(policy) {
    const server = await serve(folder, { policy });
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      return await page.evaluate(async () => {
        const { act } = await import("/act.js");
        return act().catch(({ name, message }) => `${name}: ${message}`);
      });
    } finally {
      await server.close();
    }
  }

  it("that says 'self' alone gets an error that says what to add", async () => {
    const said = await tryToAct("default-src 'self'");
    assert.match(
      String(said),
      /^InputError: WebAssembly: expected a page that allows it, got ".*unsafe-eval.*"\. Add 'wasm-/,
    );
    assert.match(said, /Content-Security-Policy: script-src 'self' 'wasm-unsafe-eval'\./);
  });

  it("works once that is added", async () => {
    assert.equal(await tryToAct("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"), 1);
  });
});
