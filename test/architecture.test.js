// Checks the floors of docs/architecture.md: a file may import only its own floor and the floors below it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const src = path.join(root, "src");
const floors = [
  "base",
  "environment",
  "envs",
  "mujoco.ts",
  "planning",
  "kernels",
  "nn",
  "ddpg",
  "tasks.ts",
  "export",
  "training",
  "node",
  "node.ts",
  "cli",
];
const pure = floors.indexOf("training");

/**
 * The complaints about one file's imports; `file` is relative to src. The only package that may be imported is MuJoCo's
 * engine, dynamically and in one file (docs/decisions/0010).
 */
function complaints(file, text) {
  const floor = floors.indexOf(file.split("/")[0]);
  if (file === "index.ts") return [];
  if (floor < 0) return [`${file} is on no floor`];
  const found = [];
  for (const [statement, name] of text.matchAll(/(?:\bfrom |^import |\bimport\()"([^"\n]+)"/gm)) {
    if (!name.startsWith(".")) {
      if (file === "envs/mujoco/engine.ts" && statement === 'import("@mujoco/mujoco"') continue;
      if (floor <= pure) found.push(`${file} imports ${name}: up to training/, the library imports nothing`);
      continue;
    }
    const target = path.posix.join(path.posix.dirname(file), name);
    const other = floors.indexOf(target.split("/")[0]);
    if (other < 0 || other > floor) found.push(`${file} imports ${target}, a floor above`);
  }
  return found;
}

test("every source file imports only its own floor and those below, and packages only above training/", () => {
  const files = fs
    .readdirSync(src, { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => name.endsWith(".ts") && !/\.(test|case)\.ts$/.test(name) && !name.includes("/assembly/"));
  assert.ok(files.length > 30);
  const all = files.flatMap((file) => complaints(file, fs.readFileSync(path.join(src, file), "utf8")));
  assert.deepEqual(all, []);
});

test("the check finds imports of a higher floor, a package, a Node module, and the agent in a task", () => {
  const bad = [
    ["nn/dense.ts", 'import { Ddpg } from "../ddpg/ddpg.ts";'],
    ["ddpg/ddpg.ts", 'import * as fs from "node:fs";'],
    ["training/evaluate.ts", 'const plot = await import("some-package");'],
    ["envs/pendulum.ts", 'import { Ddpg } from "../ddpg/ddpg.ts";'],
    ["envs/mujoco/engine.ts", 'import load from "@mujoco/mujoco";'],
    ["envs/mujoco/engine.ts", 'const other = await import("some-package");'],
    ["envs/mujoco/ant.ts", 'const engine = await import("@mujoco/mujoco");'],
    ["base/math.ts", 'export * from "../kernels/kernels.ts";'],
    ["utils/all.ts", ""],
  ];
  for (const [file, text] of bad) assert.equal(complaints(file, text).length, 1, file);
  assert.deepEqual(complaints("ddpg/ddpg.ts", 'import { Adam } from "../nn/adam.ts";'), []);
  assert.deepEqual(
    complaints("envs/mujoco/engine.ts", 'const { default: start } = await import("@mujoco/mujoco");'),
    [],
  );
});

/** The rooms of `cli/`, each with the rooms it may import. A file beside them, except main.ts, is its own room. */
const rooms = {
  terminal: [],
  environment: ["terminal"],
  run: ["terminal", "environment"],
  report: ["terminal"],
  render: ["terminal", "environment"],
  watch: ["terminal", "environment", "report", "sweep"],
  benchmark: ["terminal", "environment", "run", "report"],
  sweep: ["terminal", "environment", "run", "report"],
  "act.ts": ["terminal", "environment"],
  "evaluate.ts": ["terminal", "environment", "report"],
  "export.ts": ["terminal", "environment"],
  "plan.ts": ["terminal", "environment", "run", "render"],
};

/** The complaints about one file's imports of other rooms; `file` is relative to src/cli. */
function roomComplaints(file, text) {
  if (file === "main.ts") return [];
  const [room] = file.split("/");
  if (!Object.hasOwn(rooms, room)) return [`${file} is in no room of cli/`];
  return [...text.matchAll(/(?:\bfrom |^import |\bimport\()"(\.[^"\n]+)"/gm)].flatMap(([, name]) => {
    const target = path.posix.join("cli", path.posix.dirname(file), name);
    const [floor, other] = target.split("/");
    if (floor !== "cli" || other === room || rooms[room].includes(other)) return [];
    return [`cli/${file} imports ${target}: ${room} may import ${rooms[room].join(", ") || "no other room"}`];
  });
}

test("the rooms of cli/ import each other only as the table allows, and every arrow is used", () => {
  const files = fs
    .readdirSync(path.join(src, "cli"), { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => name.endsWith(".ts") && !/\.(test|case)\.ts$/.test(name));
  const texts = new Map(files.map((file) => [file, fs.readFileSync(path.join(src, "cli", file), "utf8")]));
  assert.ok(files.length > 30);
  assert.deepEqual(
    [...texts].flatMap(([file, text]) => roomComplaints(file, text)),
    [],
  );
  const unused = Object.entries(rooms).flatMap(([room, others]) => {
    const all = [...texts].flatMap(([file, text]) => (file.split("/")[0] === room ? [text] : [])).join("\n");
    return others.filter((other) => !all.includes(`/${other}/`)).map((other) => `${room} → ${other}`);
  });
  assert.deepEqual(unused, [], "arrows in the table that no file uses");
  assert.equal(
    roomComplaints("terminal/table.ts", 'import { bounds } from "../environment/environments.ts";').length,
    1,
  );
  assert.equal(roomComplaints("watch/watch.ts", 'import { x } from "../run/run-training.ts";').length, 1);
  assert.equal(roomComplaints("render/render.ts", 'import { addExportCommand } from "../export.ts";').length, 1);
  assert.equal(roomComplaints("other/other.ts", "").length, 1);
  assert.deepEqual(roomComplaints("run/train.ts", 'import { closing } from "../environment/guard.ts";'), []);
});

/**
 * The complaints about a file of the page, relative to web. It may import web, the library and the plot; files that
 * draw in 3D may import three.js too, and one file the client of NATS.
 */
function pageComplaints(file, text) {
  const found = [];
  for (const [, name] of text.matchAll(/(?:\bfrom |^import |\bimport\()"([^"\n]+)"/gm)) {
    if (/^uplot(\/|$)/.test(name)) continue;
    if (name === "virtual:step-lines") continue; // what web/step-lines.js makes
    if (name === "three" && /^worlds\/(stage|floor)\.ts$/.test(file)) continue;
    if (name === "@nats-io/nats-core" && file === "nats.ts") continue;
    const target = path.posix.join("web", path.posix.dirname(file), name);
    const isLibrary = target.startsWith("src/") && !/^src\/(node|cli)\b/.test(target);
    if (name.startsWith(".") && (isLibrary || target.startsWith("web/") || target === "package.json")) continue;
    found.push(`${file} imports ${name}`);
  }
  return found;
}

test("the page imports only itself, the library, its plot, three.js where it draws in 3D, and NATS in one file", () => {
  const files = webFiles();
  assert.ok(files.length > 15);
  const text = (file) => fs.readFileSync(path.join(root, "web", file), "utf8");
  assert.deepEqual(
    files.flatMap((file) => pageComplaints(file, text(file))),
    [],
  );
  assert.equal(pageComplaints("session.ts", 'import { files } from "../src/node/run-files.ts";').length, 1);
  assert.equal(pageComplaints("views/curve.ts", 'import * as d3 from "d3";').length, 1);
  assert.equal(pageComplaints("views/world.ts", 'import { Scene } from "three";').length, 1);
  assert.equal(pageComplaints("views/act.ts", 'import { wsconnect } from "@nats-io/nats-core";').length, 1);
  assert.equal(complaints("ddpg/ddpg.ts", 'import { Store } from "../../web/store.ts";').length, 1);
});

/** The page's modules, relative to web. */
function webFiles() {
  return fs
    .readdirSync(path.join(root, "web"), { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => name.endsWith(".ts"));
}

test("ddpg.ts and train.ts number the seven steps once each and in order, and have no other numbered comments", () => {
  const numbers = (file) =>
    [...fs.readFileSync(path.join(src, file), "utf8").matchAll(/\/\/ (\d+)\. /g)].map(([, number]) => Number(number));
  assert.deepEqual(numbers("ddpg/ddpg.ts"), [1, 3, 4, 5, 6, 7]);
  assert.deepEqual(numbers("ddpg/train.ts"), [2]);
});

/** The folders of src and web that a text does not name in backticks. Paths are relative to src, or start with web. */
function unnamedFolders(text) {
  return ["src", "web"]
    .flatMap((top) => [
      top,
      ...fs.readdirSync(path.join(root, top), { recursive: true }).map((name) => `${top}/${name}`),
    ])
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => !name.endsWith("/generated") && fs.statSync(path.join(root, name)).isDirectory())
    .map((name) => `${name.replace(/^src\//, "")}/`)
    .filter((name) => !text.includes(`\`${name}\``));
}

/** The missing files that a document in docs/ links to. */
function brokenLinks(text) {
  return [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)]
    .map(([, name]) => name)
    .filter((name) => !fs.existsSync(path.join(root, "docs", name)));
}

test("docs/architecture.md names every floor and every folder of src and web, and its links work", () => {
  const text = fs.readFileSync(path.join(root, "docs/architecture.md"), "utf8");
  const entries = fs.readdirSync(src).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  assert.deepEqual(unnamedFolders(text), []);
  assert.deepEqual(
    [...floors, ...entries].filter((name) => !text.includes(`\`${name}`)),
    [],
  );
  assert.deepEqual(brokenLinks(text), []);

  assert.deepEqual(unnamedFolders(text.replace("`cli/watch/`", "`cli/watching/`")), ["cli/watch/"]);
  assert.deepEqual(unnamedFolders(text.replace("`web/views/`", "the views")), ["web/views/"]);
  assert.deepEqual(brokenLinks("[a](../src/ddpg/ddpg.ts) [b](../src/ddpg/dqn.ts#x)"), ["../src/ddpg/dqn.ts"]);
});

test("docs/architecture.md lists the floors in order", () => {
  const text = fs.readFileSync(path.join(root, "docs/architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([\w.]+)(?:\/[\w/]*)?` \|/gm)].map(([, name]) => name);
  const inOrder = [...new Set(rows)].filter((name) => floors.includes(name)).reverse();
  assert.deepEqual(inOrder, floors);
});

test("only one file of cli/ writes to the terminal, because it shows control characters instead of obeying them", () => {
  const isWriting = /\bconsole\.|\bprocess\.std(out|err)\b/;
  const files = fs
    .readdirSync(path.join(src, "cli"), { recursive: true })
    .map((name) => name.replaceAll(path.sep, "/"))
    .filter((name) => name.endsWith(".ts") && !/\.(test|case)\.ts$/.test(name))
    .filter((name) => isWriting.test(fs.readFileSync(path.join(src, "cli", name), "utf8")));
  assert.deepEqual(files, ["terminal/output.ts"]);
});
