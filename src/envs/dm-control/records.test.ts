// Replays what dm_control recorded: fixtures/dm-control, see fixtures/README.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkDmControlFile, type GymnasiumFile } from "../gymnasium.case.ts";

const folder = join(process.env.DDPG_FIXTURES ?? "fixtures", "dm-control");
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string): GymnasiumFile => JSON.parse(readFileSync(join(folder, name), "utf8"));

test(`${folder} has recordings`, () => assert.notEqual(names.length, 0));

for (const name of names) {
  test(`${name}: episodes and single steps match dm_control's recording within 1e-9`, async () => {
    const differences = await checkDmControlFile(read(name));
    assert.equal(differences.length, 0, `${differences.length} differences:\n${differences.slice(0, 10).join("\n")}`);
  });
}

test("a changed recording is reported: an observation, a reward, a state by 2e-9, and the target", async () => {
  const changes: ((file: GymnasiumFile) => void)[] = [
    ({ episodes: [{ steps }] }) => {
      steps[3].observation[4] += 2e-9;
    },
    ({ episodes: [{ steps }] }) => {
      steps[3].reward += 2e-9;
    },
    ({ episodes: [{ steps }] }) => {
      (steps[3].after.qvel as number[])[1] += 2e-9;
    },
    ({ episodes: [{ reset }] }) => {
      (reset.target?.pos as number[])[0] += 2e-9;
    },
  ];
  for (const change of changes) {
    const file = read("reacher-easy.json");
    change(file);
    assert.notDeepEqual(await checkDmControlFile(file), []);
  }
});
