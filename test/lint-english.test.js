// The check of the project's English: which parts of a file it reads, and what it finds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { findings, readableParts } from "../scripts/lint-english.js";

const found = (file, text) => findings(file, text).map(({ found }) => found);

test("it reads comments, strings and the text of templates, but not code", () => {
  const source = [
    "// first // still first",
    'import { colour } from "./colour.ts";',
    'const a = "second \\" still" + colour.behaviour / 2; // third',
    // A placeholder in a template is code.
    "const b = /['\"`]fourth/.test(c) ? `fifth $" + '{d ? "sixth" : `seventh $' + "{e}`} eighth` : { f: 1 };",
    "/* ninth */",
  ].join("\n");
  assert.deepEqual(
    readableParts(source).map(([, text]) => text.trim()),
    ["first // still first", 'second \\" still', "third", "fifth", "sixth", "seventh", "", "eighth", "ninth"],
  );
});

test("it finds a phrase in a comment, across two lines of a comment, in a docstring and in a string", () => {
  assert.deepEqual(found("a.ts", "// The run goes on."), ["goes on"]);
  assert.deepEqual(found("a.ts", "  // an environment of one's\n  // own"), ["one's own"]);
  assert.deepEqual(found("a.ts", "/**\n * All but\n * for this.\n */"), ["but for"]);
  assert.deepEqual(found("a.ts", 'log("Begins anew.", goesOn);'), ["anew"]);
  const [{ offset }] = findings("a.ts", "const x = 1;\n\n  //   The   colour.");
  assert.equal("const x = 1;\n\n  //   The   colour.".slice(offset), "colour.");
});

test("it finds British spellings, also inside a longer word, but not American ones", () => {
  assert.deepEqual(found("a.ts", "// unnormalised, Colours, behaviour, the licence"), [
    "unnormalis",
    "Colour",
    "behaviour",
    "licence",
  ]);
  assert.deepEqual(found("a.ts", "// unnormalized, colors, behavior, license, programmer, optimistic, labels"), []);
});

test('"so many X that" is plain English, "so many X" alone is not', () => {
  assert.deepEqual(found("a.ts", "// so many steps that memory ends"), []);
  assert.deepEqual(found("a.ts", "// after so many steps"), ["so many"]);
});

test("it reads Markdown without code, link targets and published changelog entries", () => {
  const text = "goes on `anew` [shall](docs/colour.md)\n\n```sh\nddpg anew\n```\n";
  assert.deepEqual(found("README.md", text), ["goes on", "shall"]);
  assert.deepEqual(found("CHANGELOG.md", "## Unreleased\n\nanew\n\n## 0.1.0\n\nshall\n"), ["anew"]);
});
