import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EnvironmentError } from "../environment/environment-calls.ts";
import { loadEnvironment } from "./load-environment.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ddpg-environment-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Loads a module of its own folder, whose package.json has `type`, as `npm init -y` writes it. */
function load(name: string, text: string, type = "commonjs"): ReturnType<typeof loadEnvironment> {
  const own = path.join(folder, `${count++}`);
  fs.mkdirSync(own);
  fs.writeFileSync(path.join(own, "package.json"), JSON.stringify({ type }));
  fs.writeFileSync(path.join(own, name), text);
  return loadEnvironment(path.join(own, name));
}

const methods = "reset() { return [0]; } step() { return { observation: [0], reward: 0, terminated: true }; }";

test("what compilers make of `export default` in CommonJS loads, in .cjs and in the .js of a CommonJS package", async () => {
  const written = [
    `"use strict"; Object.defineProperty(exports, "__esModule", { value: true });
class Cart { ${methods} }
exports.default = Cart;`,
    `"use strict"; Object.defineProperty(exports, "__esModule", { value: true });
exports.default = () => new (class { ${methods} })();`,
    `module.exports = class Cart { ${methods} };`,
  ];
  for (const text of written)
    for (const name of ["cart.cjs", "cart.js"]) {
      const { create } = await load(name, text);
      assert.deepEqual(await (await create()).reset({} as never), [0], `${name}: ${text}`);
    }
});

test("TypeScript in a .js file is named, whichever of its syntax comes", async () => {
  const written = [
    `import { type Random, type Step } from "ddpg";\nexport default class Cart { ${methods} }`,
    `export default class Cart implements Environment { ${methods} }`,
    `export default class Cart {\n  readonly size = 1;\n ${methods} }`,
    `export default class Cart {\n  size: number = 1;\n ${methods} }`,
    `export default class Cart {\n  #size?: number;\n ${methods} }`,
    `export default class Cart { ${methods} add(value: number) {} }`,
    `export default class Cart { ${methods} list(): number[] { return []; } }`,
    `interface Size { width: number }\nexport default class Cart { ${methods} }`,
    `const size: number = 1;\nexport default class Cart { ${methods} }`,
    `type Size = number;\nexport default class Cart { ${methods} }`,
  ];
  for (const text of written)
    for (const type of ["commonjs", "module"])
      await assert.rejects(load("cart.js", text, type), {
        name: "InputError",
        message:
          /^environment .*cart\.js: expected JavaScript, got TypeScript in a \.js file\. Call it cart\.mts and use Node 22\.18 or later, or compile it to JavaScript\.$/,
      });
});

test("an ES module in the .js of a CommonJS package says how to call it", async () => {
  for (const text of [
    `import * as fs from "node:fs";\nexport default class Cart { ${methods} }`,
    `export default class Cart { ${methods} }`,
  ]) {
    await assert.rejects(load("cart.js", text), {
      name: "InputError",
      message:
        /^environment .*cart\.js: expected a CommonJS module, as its package\.json says, got an ES module\. Call it cart\.mjs, or /,
    });
    assert.ok(await load("cart.mjs", text));
    assert.ok(await load("cart.js", text, "module"));
  }
});

test("JavaScript with a mistake is not taken for TypeScript", async () => {
  const examples = fileURLToPath(new URL("../../examples", import.meta.url)).replace(/\.builds.examples$/, "examples");
  const written = fs
    .readdirSync(examples)
    .filter((name) => name.endsWith(".js"))
    .map((name) => fs.readFileSync(path.join(examples, name), "utf8"));
  assert.ok(written.length > 3);
  written.push(
    'const text = "interface Size { width: number }"; // (value: number): string {',
    "const open = (a) => (a ? b : c); const record = { size: number, type: any };",
    "switch (a) { case f(x): { break; } default: }",
    "const drawn = `(size: small)`;",
  );
  for (const text of written)
    await assert.rejects(load("cart.mjs", `${text}\nclass {`), (error: Error) => {
      assert.ok(error instanceof EnvironmentError, `${error.message}: ${text}`);
      return true;
    });
});

test("whatever a module throws or exports is one line that names the module", async () => {
  const refusing = "const refuse = () => { throw new Error('No.'); };";
  const texts: [text: string, message: RegExp][] = [
    ["throw null;", /: expected no error, got null$/],
    [
      `${refusing} throw new Proxy(new Error(), { get: refuse, getPrototypeOf: refuse });`,
      /: (expected no error, got .+|No\.)$/,
    ],
    [`${refusing} module.exports = new Proxy(class {}, { get: refuse });`, / default export: No\.$/],
    [
      `${refusing} module.exports = () => new Proxy({}, { get: (_, key) => key !== "then" && refuse() });`,
      / name: No\.$/,
    ],
    [
      "module.exports = () => { throw Object.create(null); };",
      /: expected no error, got an object with no properties$/,
    ],
  ];
  for (const [text, message] of texts) {
    const made = load("hostile.cjs", text).then(({ create }) => create());
    await assert.rejects(made, (error) => {
      assert.ok(error instanceof EnvironmentError, `${text}: ${error}`);
      assert.match(error.message, /^environment .*hostile\.cjs[^\n]+$/);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("an id with a slash that is wrong is taken for an id, with a suggestion; a file of that name is a module", async () => {
  const wrong = {
    "dm_control/cheetah-rum": "dm_control/cheetah-run",
    "dm_control/Walker-Run": "dm_control/walker-run",
    "dm_control/hard_cheetah": "dm_control/hard_cheetah-run",
    "cheetah-run": "dm_control/cheetah-run",
  };
  for (const [name, right] of Object.entries(wrong)) {
    const message = new RegExp(`^environment: expected an id of .*, got "${name}"\\. Did you mean "${right}"\\?$`);
    await assert.rejects(loadEnvironment(name), { name: "InputError", message });
  }
  await assert.rejects(
    loadEnvironment("other/cheetah-run"),
    /^InputError: environment other\/cheetah-run: expected a module/,
  );
  const before = process.cwd();
  const own = path.join(folder, "named");
  fs.mkdirSync(path.join(own, "dm_control"), { recursive: true });
  fs.writeFileSync(path.join(own, "dm_control/mine.mjs"), `export default class Mine { ${methods} }`);
  process.chdir(own);
  try {
    assert.equal((await loadEnvironment("dm_control/mine.mjs")).name, "mine");
    assert.equal((await loadEnvironment("dm_control/cheetah-run")).module, undefined);
  } finally {
    process.chdir(before);
  }
});
