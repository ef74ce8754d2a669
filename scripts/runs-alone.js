/**
 * Whether a test file runs while no other does: it measures time or memory, or it is in test/, whose files use a browser or
 * install the package. All others share the cores.
 */
export function runsAlone(file) {
  return /^test\/|[/\\](signals|threads|live-body|memory-limit)\.test\.js$/.test(file);
}
