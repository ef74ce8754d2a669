// Writes the API reference of all entries into .docs/, from the docstrings. Fails if a public name or member has no docstring,
// or if a link leads nowhere. The first run installs TypeDoc from npm into typedoc/node_modules (docs/decisions/0018).
// `--check` writes nothing.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileKernels } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, "typedoc");
const output = path.join(root, ".docs");

const { Application, ReflectionKind } = await typedoc();
await compileKernels(); // the source imports the modules that it writes
const application = await Application.bootstrap({
  name: "ddpg",
  entryPoints: ["index", "node", "mujoco"].map((name) => path.join(root, `src/${name}.ts`)),
  tsconfig: path.join(root, "tsconfig.json"),
  basePath: path.join(root, "src"),
  readme: "none",
  disableSources: true, // without a known repository there is nothing to link to
  excludePrivate: true,
  excludeInternal: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatValidationWarningsAsErrors: true,
});
const project = await application.convert();
if (!project) process.exit(1);
// Name each entry as programs import it.
for (const [file, entry] of Object.entries({ index: "ddpg", node: "ddpg/node", mujoco: "ddpg/mujoco" })) {
  project.getChildByName([file]).name = entry;
}
application.validate(project);
const undocumented = withoutDocstring(project);
const complaints = undocumented.map((name) => `${name} has no docstring`);
for (const complaint of complaints) console.error(`docs: ${complaint}`);
if (complaints.length > 0 || application.logger.hasErrors() || application.logger.hasWarnings()) process.exit(1);
if (!process.argv.includes("--check")) {
  fs.rmSync(output, { recursive: true, force: true });
  await application.generateDocs(project, output);
  console.log("The API reference is in .docs/index.html.");
}

/**
 * The public names and members without a docstring, as "ddpg.Policy.act". Four kinds need none: inherited members, the `name`
 * of an error, a constructor without parameters, and the fields of an object type that is written in place, which the docstring
 * of its owner explains.
 */
function withoutDocstring(project) {
  const kinds =
    ReflectionKind.Class |
    ReflectionKind.Interface |
    ReflectionKind.TypeAlias |
    ReflectionKind.Function |
    ReflectionKind.Variable |
    ReflectionKind.Constructor |
    ReflectionKind.Property |
    ReflectionKind.Method |
    ReflectionKind.Accessor;
  const isInPlace = ({ parent }) =>
    parent?.kindOf(ReflectionKind.TypeLiteral) && !parent.parent?.kindOf(ReflectionKind.TypeAlias);
  const isExempt = (reflection) =>
    reflection.inheritedFrom !== undefined ||
    isInPlace(reflection) ||
    (reflection.name === "name" && /Error$/.test(reflection.parent?.name ?? "")) ||
    (reflection.kindOf(ReflectionKind.Constructor) && reflection.signatures.every((each) => !each.parameters?.length));
  const isDocumented = (reflection) =>
    reflection.hasComment() ||
    [...(reflection.signatures ?? []), reflection.getSignature, reflection.setSignature].some((each) =>
      each?.hasComment(),
    ) ||
    // The docstring may belong to the type of a function: `onEpisode?: (done: number) => void`.
    reflection.type?.declaration?.signatures?.some((each) => each.hasComment());
  return project
    .getReflectionsByKind(kinds)
    .filter((reflection) => !isDocumented(reflection) && !isExempt(reflection))
    .map((reflection) => reflection.getFullName())
    .sort();
}

/** TypeDoc's module; installs it if needed. */
async function typedoc() {
  const require = createRequire(path.join(folder, "package.json"));
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const isInstalled = Object.entries(devDependencies).every(([name, version]) => {
    const manifest = path.join(folder, "node_modules", name, "package.json");
    return fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).version === version;
  });
  if (!isInstalled) {
    console.log("Installing TypeDoc into typedoc/node_modules …");
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  }
  return import(pathToFileURL(require.resolve("typedoc")));
}
