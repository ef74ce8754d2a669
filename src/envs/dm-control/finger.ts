import { cos, log, pi, sin } from "../../base/math.ts";
import type { Simulation } from "../mujoco/engine.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { materials, randomJoints, suite } from "./suite.ts";

/** The distance of the tip of the spinner, and of the target, from the spinner's hinge, m. */
const reach = 0.13;

/** What all tasks of the finger share. */
const shared = {
  ...suite,
  frameSkip: 2,
  camera: { target: [0, 0, 0.35], distance: 1.3, azimuth: 90, elevation: -8 },
  accepts: ({ contacts }) => contacts === 0,
} as const satisfies Partial<MujocoTask>;

/** Angles, position of the tip, speeds and touch: what all tasks of the finger observe. */
function observeFinger({ sensordata }: Simulation): number[] {
  const [proximal, distal, proximalSpeed, distalSpeed, hingeSpeed] = sensordata;
  const [x, z] = tip(sensordata);
  const touches = [sensordata[14], sensordata[15]].map((force) => log(1 + force));
  return [proximal, distal, x, z, proximalSpeed, distalSpeed, hingeSpeed, ...touches];
}

/** The positions of three sites begin at 5, 8 and 11: those of the tip, the target and the spinner's hinge. */
const tip = (sensors: Float64Array): [x: number, z: number] => [sensors[5] - sensors[11], sensors[7] - sensors[13]];
const target = (sensors: Float64Array): [x: number, z: number] => [sensors[8] - sensors[11], sensors[10] - sensors[13]];

/** The distance from the tip to the edge of the target, m; below 0 inside. */
function distanceToTarget({ sensordata }: Simulation, radius: number): number {
  const [[x, z], [targetX, targetZ]] = [tip(sensordata), target(sensordata)];
  return Math.sqrt((targetX - x) * (targetX - x) + (targetZ - z) * (targetZ - z)) - radius;
}

/**
 * finger-spin: push a body around its hinge, again and again.
 *
 * **Action** — the torques at both joints of the finger, 30 and 15 N·m for each 1.
 *
 * **Observation** — the angles of the finger (rad); x and z of the body's tip from its hinge (m); the angular speeds of
 * the finger and of the body (rad/s); ln(1 + force) at the top and the bottom of the fingertip (N).
 *
 * **Reward** — 1 while the body turns at 15 rad/s or faster away from the finger, else 0.
 *
 * **Start** — any angles, at rest, where nothing touches.
 */
export function fingerSpin(): MujocoTask {
  return {
    ...shared,
    name: "dm_control/finger-spin",
    model: model(0.03, 0.03),
    start: randomJoints,
    observe: observeFinger,
    reward: ({ sensordata }) => (sensordata[4] <= -15 ? 1 : 0),
  };
}

/**
 * finger-turn_easy and -turn_hard: turn the body until its tip is in a target, which is large or small, and hold it.
 *
 * **Action** — as in finger-spin.
 *
 * **Observation** — as in finger-spin; then x and z of the target from the hinge (m), and the distance from the tip to
 * the edge of the target (m), below 0 inside.
 *
 * **Reward** — 1 while the tip is in the target, else 0.
 *
 * **Start** — any angles, at rest, where nothing touches; the target in any direction from the hinge.
 */
export function fingerTurn(name: string, radius: number): MujocoTask {
  return {
    ...shared,
    name,
    model: model(radius, 0.5),
    target: { kind: "site", name: "target" },
    start(simulation, random) {
      randomJoints(simulation, random);
      const angle = random.uniform(-pi, pi);
      simulation.target[0] = hinge[0] + reach * sin(angle);
      simulation.target[2] = hinge[2] + reach * cos(angle);
    },
    observe: (simulation) => [
      ...observeFinger(simulation),
      ...target(simulation.sensordata),
      distanceToTarget(simulation, radius),
    ],
    reward: (simulation) => (distanceToTarget(simulation, radius) <= 0 ? 1 : 0),
  };
}

const hinge = [0.2, 0, 0.4] as const;

/** `damping`: of the hinge, N·m·s/rad. */
const model = (radius: number, damping: number): string => `
<mujoco model="finger">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <size memory="200K"/>
  <option timestep="0.01" cone="elliptic" iterations="200"><flag gravity="disable"/></option>
  <default>
    <joint axis="0 -1 0" damping="2.5"/>
    <geom type="capsule" solimp="0 0.9 0.01"/>
    <motor ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="ground" type="plane" size="0.6 0.2 10" material="ground"/>
    <site name="target" pos="0 0 0.4" size="${radius}" material="target"/>
    <body name="proximal" pos="-0.2 0 0.4">
      <joint name="proximal" range="-110 110" ref="-90"/>
      <geom name="proximal_decoration" type="cylinder" fromto="0 -0.033 0 0 0.033 0" size="0.034" material="fixed"/>
      <geom name="proximal" pos="0 0 -0.085" size="0.03 0.085" material="body"/>
      <body name="distal" pos="0 0 -0.18">
        <joint name="distal" range="-110 110"/>
        <geom name="distal" pos="0 0 -0.08" size="0.028 0.08" contype="0" conaffinity="0" material="body"/>
        <geom name="fingertip" pos="0 0 -0.1455" size="0.03 0.0155" material="fixed"/>
        <site name="touchtop" type="ellipsoid" pos="0.01 0 -0.17" size="0.025 0.03 0.025"/>
        <site name="touchbottom" type="ellipsoid" pos="-0.01 0 -0.17" size="0.025 0.03 0.025"/>
      </body>
    </body>
    <body name="spinner" pos="${hinge.join(" ")}">
      <joint name="hinge" damping="${damping}" frictionloss="0.1"/>
      <geom name="cap1" pos="0.02 0 0" size="0.04 0.09" material="other"/>
      <geom name="cap2" pos="-0.02 0 0" size="0.04 0.09" material="other"/>
      <geom name="spinner_decoration" type="cylinder" fromto="0 -0.045 0 0 0.045 0" size="0.02" material="fixed"/>
      <site name="tip" pos="0 0 ${reach}" size="0.02"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="proximal" joint="proximal" gear="30"/>
    <motor name="distal" joint="distal" gear="15"/>
  </actuator>
  <sensor>
    <jointpos name="proximal" joint="proximal"/>
    <jointpos name="distal" joint="distal"/>
    <jointvel name="proximal_velocity" joint="proximal"/>
    <jointvel name="distal_velocity" joint="distal"/>
    <jointvel name="hinge_velocity" joint="hinge"/>
    <framepos name="tip" objtype="site" objname="tip"/>
    <framepos name="target" objtype="site" objname="target"/>
    <framepos name="spinner" objtype="xbody" objname="spinner"/>
    <touch name="touchtop" site="touchtop"/>
    <touch name="touchbottom" site="touchbottom"/>
    <framepos name="touchtop_pos" objtype="site" objname="touchtop"/>
    <framepos name="touchbottom_pos" objtype="site" objname="touchbottom"/>
  </sensor>
</mujoco>`;
