// What the documentation site is made of, without building it: VitePress is not part of the project's installation. `npm run
// docs` builds it, and looks at every link of the built pages.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { anchorsOf, deadLinks, deadLinksOfSite, linksOf } from "../scripts/links.js";
import { programsOf } from "../scripts/documents.js";
import { generated } from "../scripts/reference.js";
import { pageOf } from "../scripts/site.js";
import { contents } from "../site/contents.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const read = (file) => fs.readFileSync(path.join(root, file), "utf8");

/** A folder with these files, which the callback looks at. */
function withFiles(files, look) {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "ddpg-site-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
    return look(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

describe("dead links", () => {
  it("in Markdown: files, sections and lines that do not exist, outside of code", () => {
    const empty = { "CHANGELOG.md": "", "CONTRIBUTING.md": "", "llms.txt": "", "fixtures/README.md": "" };
    const readme = [
      "# A `b`: c, *d*!",
      "## Twice\n## Twice",
      "[good](docs/a.md#one--two) [here](#a-b-c-d) [again](#twice-1) [lines](a.js#L1-L2) [web](https://example.org/x)",
      "[bad file](docs/b.md) [bad section](docs/a.md#three) [bad lines](a.js#L2-L9) [never](#twice-2)",
      "`[code](nowhere.md)`\n```js\na[0](nowhere)\n# no heading\n```",
    ].join("\n\n");
    const { dead, checked } = withFiles(
      { ...empty, "README.md": readme, "docs/a.md": "# One + two\n", "a.js": "1;\n2;\n" },
      deadLinks,
    );
    assert.equal(checked, 8);
    assert.deepEqual(
      dead.map((line) => /links to (\S+):/.exec(line)[1]),
      ["docs/b.md", "docs/a.md#three", "a.js#L2-L9", "#twice-2"],
    );
  });

  it("in built pages: pages and places that do not exist, and addresses outside of the base", () => {
    const index = [
      '<a href="./a.html#here">1</a><a href="/sub/">2</a><img src="/sub/a.svg"><a href="https://example.org">3</a>',
      '<a href="/sub/b.html">4</a><a href="a.html#there">5</a><a href="/a.html">6</a><script>"<a href=\'x\'>"</script>',
    ].join("\n");
    const { dead, checked } = withFiles({ "index.html": index, "a.html": '<h1 id="here">', "a.svg": "" }, (folder) =>
      deadLinksOfSite(folder, "/sub/"),
    );
    assert.equal(checked, 6);
    assert.deepEqual(
      dead.map((line) => /links to (\S+):/.exec(line)[1]),
      ["/sub/b.html", "a.html#there", "/a.html"],
    );
  });

  it("reads anchors as code hosts make them", () => {
    assert.deepEqual(anchorsOf("## 4. The preset `numpy`\n\n## γ′ & *x*\n\n### [A](b.md) – c_d\n"), [
      "4-the-preset-numpy",
      "γ--x",
      "a--c_d",
    ]);
    assert.deepEqual(linksOf("[a](b.md) ![c](d.svg) [e](<f.md>)"), ["b.md", "d.svg", "f.md"]);
  });
});

describe("the generated reference", { timeout: 60_000 }, () => {
  it("has the help of every command, those inside of sweep too", async () => {
    const text = await generated.commands();
    for (const name of [
      "train",
      "resume",
      "watch",
      "evaluate",
      "export",
      "render",
      "plan",
      "report",
      "benchmark",
      "act",
      "work",
      "sweep",
      "environments",
    ])
      assert.match(text, new RegExp(`^## ddpg ${name}\n\n\`\`\`text\nUsage: ddpg ${name} `, "m"));
    for (const name of ["status", "report"]) assert.match(text, new RegExp(`^### ddpg sweep ${name}$`, "m"));
  });

  it("has every setting, its meaning, its flag, and its value in each preset", async () => {
    const { presets, settingFlag, settingNames, showSetting } = await import("../dist/ddpg/config.js");
    const lines = (await generated.settings()).split("\n");
    for (const name of settingNames) {
      const [meaning, values, ...more] = lines.filter((line) => line.startsWith(`| \`${name}\``));
      assert.deepEqual(more, []);
      assert.ok(meaning.includes(`\`${settingFlag(name)}\` | `) && meaning.length > 60, meaning);
      const expected = Object.values(presets).map((preset) => showSetting(preset[name]));
      assert.equal(values, `| \`${name}\` | ${expected.join(" | ")} |`);
    }
  });

  it("lists every decision", () => {
    const links = linksOf(generated.decisions());
    assert.deepEqual(links, fs.readdirSync(path.join(root, "docs/decisions")).sort());
  });
});

it("llms.txt links to a document of the site for each of its lines, and begins as its readers expect", () => {
  const text = read("llms.txt");
  assert.match(text, /^# ddpg\n\n> \S/);
  const items = text.split("\n").filter((line) => line.startsWith("- "));
  assert.ok(items.length > 20);
  for (const item of items) {
    const [, target] = /^- \[[^\]]+\]\(([^)]+)\): \S/.exec(item) ?? [];
    assert.ok(target && pageOf(target) && fs.existsSync(path.join(root, target)), item);
  }
  for (const { file } of contents.flatMap(({ pages }) => pages))
    if (file) assert.ok(text.includes(`](${file})`), `llms.txt has no line for ${file}`);
});

it("docs/worked-update.md prints what it says, and its figure has these numbers", async () => {
  const page = read("docs/worked-update.md");
  const [program] = programsOf(page, "docs/worked-update.md").values();
  const args = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.ok(page.includes(`It prints:\n\n\`\`\`text\n${stdout}\`\`\`\n`), stdout);
  const figure = read("docs/figures/worked-update.svg");
  const inFigure = Array.from(figure.matchAll(/>(\d\.\d{4})</g), ([, number]) => number);
  assert.equal(inFigure.length, 5);
  // Forward are a and Q after step 5, which the program does not print.
  for (const number of ["0.4621", "0.8625"]) assert.ok(inFigure.includes(number), number);
  for (const number of inFigure.filter((each) => !["0.4621", "0.8625"].includes(each)))
    assert.ok(stdout.includes(number), number);
});
