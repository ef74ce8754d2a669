/** The files of test/ that neither start a browser, nor install the package, nor measure. */
const sharing =
  "architecture|documents|hindsight|kept|lint-english|mutated-files|paper|paper-tasks|planner-records|protocol|public-names|settings|site|tips|trained|wrong-calls";

/**
 * Whether a test file runs while no other does: it measures time or memory, or it is one of those of test/ that use a browser or
 * install the package. All others share the cores.
 */
export function runsAlone(file) {
  const name = file.replaceAll("\\", "/");
  if (name.startsWith("test/")) return !new RegExp(`^test/(${sharing})\\.test\\.js$`).test(name);
  return /\/(signals|threads|live-body|memory-limit)\.test\.js$/.test(name);
}
