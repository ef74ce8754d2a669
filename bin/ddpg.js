#!/usr/bin/env node
// In a checkout, where `src` lies beside this folder, the build is brought up to date first.
import * as fs from "node:fs";

if (fs.existsSync(new URL("../src", import.meta.url))) {
  const { build } = await import("../scripts/build.js");
  // An up-to-date build takes no turn of the event loop, so this line is for a real one alone.
  const notice = setImmediate(() => console.error("Building ddpg, for a few seconds …"));
  try {
    await build();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  clearImmediate(notice);
}
await import("../dist/cli.js");
