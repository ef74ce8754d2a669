// The settings in docs/paper.md match the presets, and the files that the documents link to exist.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { presets } from "ddpg";

const docs = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "docs");
const text = fs.readFileSync(path.join(docs, "paper.md"), "utf8");

/** A setting that a preset's tables leave out has the value of this preset. */
const bases = { torcs: "numpy", numpy: "paper", standard: "paper", small: "standard", td3: "standard", robust: "td3" };

/** Every `setting = value` in a table, with the preset in the section's heading. */
function statements(markdown) {
  const found = [];
  let preset = "";
  for (const line of markdown.split("\n")) {
    if (line.startsWith("## ")) preset = /`(\w+)`/.exec(line)?.[1] ?? "";
    if (!line.startsWith("|")) continue;
    for (const [, setting, value] of line.matchAll(/`(\w+) = ([^`]+)`/g)) found.push({ preset, setting, value });
  }
  return found;
}

/** What is wrong with a statement, or "". */
function complaint({ preset, setting, value }) {
  if (!Object.hasOwn(presets, preset)) return `${setting} = ${value}: the section's heading names no preset`;
  if (!Object.hasOwn(presets[preset], setting)) return `${preset}: there is no setting ${setting}`;
  const held = presets[preset][setting];
  const like = (text, example) => (typeof example === "number" ? Number(text) : text);
  const said = Array.isArray(held)
    ? value.split(", ").map((part) => like(part, held[0]))
    : typeof held === "boolean"
      ? value === "true"
      : like(value, held);
  if (typeof held === "boolean" && value !== "true" && value !== "false") return `${preset} ${setting} = ${value}`;
  const same = JSON.stringify(said) === JSON.stringify(held);
  return same ? "" : `${preset} ${setting}: paper.md says ${value}, the preset has ${JSON.stringify(held)}`;
}

test("every setting in docs/paper.md has the value of its preset", () => {
  assert.deepEqual(statements(text).map(complaint).filter(Boolean), []);
});

test("docs/paper.md names every setting of `paper`, and every setting in which another preset differs from its base", () => {
  const named = (preset) =>
    statements(text)
      .filter((statement) => statement.preset === preset)
      .map(({ setting }) => setting);
  assert.deepEqual(
    Object.keys(presets.paper).filter((setting) => !named("paper").includes(setting)),
    [],
  );
  for (const [preset, base] of Object.entries(bases)) {
    const differs = (setting) => JSON.stringify(presets[preset][setting]) !== JSON.stringify(presets[base][setting]);
    const missing = Object.keys(presets[preset]).filter((setting) => differs(setting));
    assert.deepEqual(
      missing.filter((setting) => !named(preset).includes(setting)),
      [],
      preset,
    );
  }
  assert.deepEqual(Object.keys(presets).sort(), ["paper", ...Object.keys(bases)].sort());
});

test("the check finds a wrong value, a wrong name, a missing setting and a section without a preset", () => {
  const right = "## `paper`\n| `discount = 0.99` `actorHiddenSizes = 400, 300` `rewardNormalization = false` |";
  assert.deepEqual(statements(right).map(complaint), ["", "", ""]);
  for (const [from, to] of [
    ["0.99", "0.98"],
    ["400, 300", "300, 400"],
    ["false", "true"],
    ["false", "yes"],
    ["discount", "discuont"],
    ["`paper`", "the paper"],
  ]) {
    assert.ok(statements(right.replace(from, to)).map(complaint).some(Boolean), `${from} → ${to}`);
  }
});

for (const name of ["paper.md", "options.md", "gradients.md", "architecture.md", ...decisions()]) {
  test(`every file and heading that docs/${name} links to exists`, () => {
    const file = path.join(docs, name);
    const missing = [];
    for (const [, link] of fs.readFileSync(file, "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [target, anchor] = link.split("#");
      const full = target ? path.join(path.dirname(file), target) : file;
      const good = fs.existsSync(full) && (!anchor || anchors(full).includes(anchor));
      if (!good) missing.push(link);
    }
    assert.deepEqual(missing, []);
  });
}

function decisions() {
  return fs.readdirSync(path.join(docs, "decisions")).map((name) => `decisions/${name}`);
}

/** The anchors of a document's headings, as GitHub generates them. */
function anchors(file) {
  return [...fs.readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}
