import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkGymnasiumFile, type GymnasiumFile } from "./gymnasium.case.ts";

const folder = join(process.env.DDPG_FIXTURES ?? "fixtures", "gymnasium");
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

test(`${folder} has recordings`, () => assert.notEqual(names.length, 0));

for (const name of names) {
  test(`${name}: episodes and single steps match Gymnasium's recording`, async () => {
    const differences = await checkGymnasiumFile(JSON.parse(readFileSync(join(folder, name), "utf8")));
    assert.equal(differences.length, 0, `${differences.length} differences:\n${differences.slice(0, 10).join("\n")}`);
  });
}

type Tampering = (file: GymnasiumFile, step: GymnasiumFile["episodes"][0]["steps"][0]) => void;

const tamperings: Record<string, Tampering> = {
  "an observation by 4 ulp of Float32": (_, { observation }) => {
    const index = observation.findIndex((x) => x !== 0);
    observation[index] *= 1 + 4.5e-7;
  },
  "a reward by 2e-6": (_, step) => {
    step.reward += 2e-6;
  },
  "a state by 2e-6": (_, { after }) => {
    (after.state ?? after.qpos ?? [])[0] += 2e-6;
  },
  terminated: (_, step) => {
    step.terminated = !step.terminated;
  },
  truncated: (_, step) => {
    step.truncated = !step.truncated;
  },
  "a bound": (file) => {
    file.actionHigh[0] += 0.1;
  },
  "the time limit": (file) => {
    file.timeLimit++;
  },
  "the observation's size": (file) => {
    file.observationSize++;
  },
  "the id": (file) => {
    file.id = "Pendulum-v7";
  },
  "an episode without steps": (file) => {
    file.episodes[0].steps = [];
  },
};

for (const name of ["Pendulum-v1.json", "MountainCarContinuous-v0.json", "Hopper-v5.json"]) {
  for (const [what, tamper] of Object.entries(tamperings)) {
    test(`a changed ${name} is reported: ${what}`, async () => {
      const file: GymnasiumFile = JSON.parse(readFileSync(join("fixtures/gymnasium", name), "utf8"));
      tamper(file, file.episodes[0].steps[0]);
      assert.notDeepEqual(await checkGymnasiumFile(file), []);
    });
  }
}
