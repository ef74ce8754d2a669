/** The files of test/ that neither start a browser, nor install the package, nor measure. A new one is alone until it is here. */
const sharing = new Set([
  "architecture",
  "documents",
  "hindsight",
  "kept",
  "lint-english",
  "mutated-files",
  "paper",
  "paper-tasks",
  "planner-records",
  "protocol",
  "public-names",
  "settings",
  "site",
  "tips",
  "trained",
  "wrong-calls",
]);

/**
 * Whether a test file runs while no other does: it measures time or memory, or it is one of those of test/ that use a browser or
 * install the package. All others share the cores.
 */
export function runsAlone(file) {
  const [, ofPackage] = /^test[/\\](.+)\.test\.js$/.exec(file) ?? [];
  if (ofPackage !== undefined) return !sharing.has(ofPackage);
  return /[/\\](signals|threads|live-body|memory-limit)\.test\.js$/.test(file);
}
