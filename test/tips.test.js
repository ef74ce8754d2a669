// The sections of docs/tips.md that warnings name exist, and the package holds that file.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const read = (file) => fs.readFileSync(path.join(root, file), "utf8");

test("every section that a warning names is in docs/tips.md", () => {
  const sources = fs
    .readdirSync(path.join(root, "src"), { recursive: true })
    .filter((name) => /(?<!\.test)\.ts$/.test(name));
  const named = sources.flatMap((name) =>
    Array.from(read(path.join("src", name)).matchAll(/seeTips\("([^"]+)"\)/g), ([, section]) => section),
  );
  assert.ok(named.includes("Scales"));
  const sections = Array.from(read("docs/tips.md").matchAll(/^## (.+)$/gm), ([, section]) => section);
  assert.deepEqual(
    named.filter((section) => !sections.includes(section)),
    [],
  );
  assert.ok(JSON.parse(read("package.json")).files.includes("docs/tips.md"));
});
