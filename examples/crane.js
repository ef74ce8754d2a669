// A custom MuJoCo model: the crane of crane.xml moves its load to a mark. Needs npm install @mujoco/mujoco@3.14.0.
// npx ddpg train examples/crane.js --preset small --steps 8000
// @ts-check
import { readFileSync } from "node:fs";
import { createMujoco } from "ddpg/mujoco";

const model = readFileSync(new URL("crane.xml", import.meta.url), "utf8");

export default () =>
  createMujoco({
    name: "Crane",
    model,
    frameSkip: 5, // 0.05 s per action
    timeLimit: 150,
    camera: { target: [0, 0, -0.5], distance: 6, azimuth: 90, elevation: -10 }, // for ddpg render
    start: ({ qpos }, random) => {
      qpos[0] = random.uniform(-2, 2); // only the trolley; the load hangs at rest
    },
    observe: ({ qpos, qvel }) => [...qpos, ...qvel],
    reward: (simulation, [push]) => {
      const [x] = simulation.position("load");
      return 1 - Math.abs(x) - 0.1 * push * push;
    },
  });
