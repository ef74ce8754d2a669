import { cos, pi, sin } from "../../base/math.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { arena } from "./point-mass.ts";
import { tolerance } from "./reward.ts";
import { materials, randomJoints, suite } from "./suite.ts";

/** The radius of the fingertip, m. */
const fingerRadius = 0.01;

/** The length of the whole arm, m. */
const reach = 0.24;

export interface ReacherOptions {
  /** The radius of the target, m. */
  readonly radius: number;
  /** The number of joints. Default: 2. */
  readonly joints?: 1 | 2 | 3;
  /** Whether the target is always at the same place. Default: no. */
  readonly isFixed?: boolean;
}

/**
 * reacher-easy and -hard: bring the fingertip of an arm with two joints into a target, which is large or small.
 *
 * reacher-single, -triple, -single_fixed, -double_fixed and -triple_fixed are our reconstructions of tasks of the paper: the
 * same with one to three links of equal length, and a large target.
 *
 * **Action** — the torques at the joints, from the shoulder out, 0.05 N·m for each 1.
 *
 * **Observation** — the angles (rad), x and y from the fingertip to the target (m), the angular speeds (rad/s).
 *
 * **Reward** — 1 while the fingertip touches the target, else 0.
 *
 * **Start** — any angles, at rest; the target in any direction, 0.05 to 0.2 m from the shoulder. With one joint it is
 * 0.24 m away, where the fingertip can be; fixed, it is at 45° and 0.12 m away, with one joint 0.24 m.
 */
export function reacher(name: string, { radius, joints = 2, isFixed = false }: ReacherOptions): MujocoTask {
  return {
    ...suite,
    name,
    model: model(radius, joints),
    frameSkip: 1,
    camera: { target: [0, 0, 0], distance: 0.8, azimuth: 90, elevation: -70 },
    target: { kind: "geom", name: "target" },
    start(simulation, random) {
      randomJoints(simulation, random);
      const angle = isFixed ? pi / 4 : random.uniform(0, 2 * pi);
      const usual = isFixed ? reach / 2 : random.uniform(0.05, 0.2);
      const distance = joints === 1 ? reach : usual;
      simulation.target[0] = distance * sin(angle);
      simulation.target[1] = distance * cos(angle);
    },
    observe(simulation) {
      const { qpos, qvel, target } = simulation;
      const [x, y] = simulation.position("finger");
      return [...qpos, target[0] - x, target[1] - y, ...qvel];
    },
    reward(simulation) {
      const { target } = simulation;
      const [x, y] = simulation.position("finger");
      const distance = Math.sqrt((target[0] - x) * (target[0] - x) + (target[1] - y) * (target[1] - y));
      return tolerance(distance, [0, radius + fingerRadius]);
    },
  };
}

/** The bodies and joints of arms with one, two and three links. */
const links = [
  [["arm", "shoulder"]],
  [
    ["arm", "shoulder"],
    ["hand", "wrist"],
  ],
  [
    ["arm", "shoulder"],
    ["forearm", "elbow"],
    ["hand", "wrist"],
  ],
] as const;

/** The links from number `i` on, each at the end of the one before, and the fingertip. */
function arm(chain: readonly (readonly [body: string, joint: string])[], i = 0): string {
  const length = reach / chain.length;
  const pos = `${i === 0 ? 0 : length} 0 ${i === 0 ? 0.01 : 0}`;
  if (i === chain.length)
    return `
        <body name="finger" pos="${pos}">
          <geom name="finger" type="sphere" size="${fingerRadius}" material="other"/>
        </body>`;
  const [body, joint] = chain[i];
  const isLast = i === chain.length - 1;
  return `
    <body name="${body}" pos="${pos}">
      <joint name="${joint}" ${i === 0 ? "" : 'range="-160 160"'}/>
      <geom name="${body}" fromto="0 0 0 ${isLast ? length - 0.02 : length} 0 0" material="body"/>${arm(chain, i + 1)}
    </body>`;
}

const model = (radius: number, joints: 1 | 2 | 3): string => `
<mujoco model="reacher">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="100K"/>
  <option timestep="0.02"><flag contact="disable"/></option>
  <default>
    <joint axis="0 0 1" damping="0.01"/>
    <geom type="capsule" size="0.01"/>
    <motor gear="0.05" ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="ground" type="plane" size="0.3 0.3 10" material="ground"/>${arena}
    <geom name="root" type="cylinder" fromto="0 0 0 0 0 0.02" size="0.011" material="fixed"/>
    <geom name="target" type="sphere" pos="0 0 0.01" size="${radius}" material="target"/>${arm(links[joints - 1])}
  </worldbody>
  <actuator>${links[joints - 1]
    .map(
      ([, joint]) => `
    <motor name="${joint}" joint="${joint}"/>`,
    )
    .join("")}
  </actuator>
</mujoco>`;
