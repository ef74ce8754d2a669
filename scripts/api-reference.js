// The API reference of all entries, from their docstrings, by TypeDoc. A public name or member without a docstring is a
// complaint, and so is a link in a docstring that leads nowhere.
import * as path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileKernels } from "./build.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * Reads the public names. Returns what is wrong with them, each as a line, and `write`, which writes the reference into a
 * folder. `module` is the file of TypeDoc's module, and `site` the address of the site that the reference belongs to.
 */
export async function apiReference(module, site) {
  const { Application, ReflectionKind } = await import(pathToFileURL(module));
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
    navigationLinks: { Documentation: site },
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    treatValidationWarningsAsErrors: true,
  });
  const project = await application.convert();
  if (!project) return { complaints: ["TypeDoc could not read the program"], write: undefined };
  // Name each entry as programs import it.
  for (const [file, entry] of Object.entries({ index: "ddpg", node: "ddpg/node", mujoco: "ddpg/mujoco" })) {
    project.getChildByName([file]).name = entry;
  }
  application.validate(project);
  const complaints = withoutDocstring(project, ReflectionKind).map((name) => `${name} has no docstring`);
  if (application.logger.hasErrors() || application.logger.hasWarnings())
    complaints.push("see TypeDoc's messages above");
  return { complaints, write: (folder) => application.generateDocs(project, folder) };
}

/**
 * The public names and members without a docstring, as "ddpg.Policy.act". Four kinds need none: inherited members, the `name`
 * of an error, a constructor without parameters, and the fields of an object type that is written in place, which the docstring
 * of its owner explains.
 */
function withoutDocstring(project, ReflectionKind) {
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
