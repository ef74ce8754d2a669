import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { tolerance } from "./reward.ts";
import { materials, suite } from "./suite.ts";

/**
 * cheetah-run, and hard_cheetah-run, whose joints have no springs: run with two legs, in a plane.
 *
 * **Action** — the torques at thigh, shin and foot of the rear leg, then of the front leg: 120, 90, 60, 90, 60 and 30 N·m
 * for each 1.
 *
 * **Observation** — height (m) and pitch (rad) of the trunk, the angles of the joints (rad); the speed of the trunk along
 * x and z (m/s), its angular speed and those of the joints (rad/s).
 *
 * **Reward** — the speed of the center of mass along x ÷ 10 m/s, between 0 and 1.
 *
 * **Start** — joints anywhere in their ranges; then it comes to rest for 2 s.
 */
export function cheetah(name: string, hasSprings: boolean): MujocoTask {
  return {
    ...suite,
    name,
    model: model(hasSprings),
    frameSkip: 1,
    settleSteps: 200,
    camera: { follows: "torso", target: [0, 0, 0.5], distance: 3, azimuth: 90, elevation: -12 },
    start({ joints, qpos }, random) {
      for (const { index, range } of joints) if (range) qpos[index] = random.uniform(range[0], range[1]);
    },
    observe: ({ qpos, qvel }) => [...qpos.subarray(1), ...qvel],
    reward: ({ sensordata }) =>
      tolerance(sensordata[0], [10, Infinity], { margin: 10, shape: "linear", valueAtMargin: 0 }),
  };
}

/** Stiffness in N·m/rad, damping in N·m·s/rad. */
const model = (hasSprings: boolean): string => {
  const spring = (stiffness: number) => `stiffness="${hasSprings ? stiffness : 0}" damping="${stiffness / 40}"`;
  return `
<mujoco model="cheetah">
  <!-- Lengths in m, angles in degrees, masses in kg, times in s. -->
  <compiler settotalmass="14"/>
  <size memory="200K"/>
  <option timestep="0.01"/>
  <default>
    <joint axis="0 1 0" armature="0.1"/>
    <geom type="capsule" size="0.046" friction="0.4 0.1 0.1" material="body"/>
    <default class="root"><joint armature="0"/></default>
    <motor ctrlrange="-1 1"/>
  </default>${materials}
  <worldbody>
    <geom name="ground" type="plane" pos="98 0 0" size="100 0.8 0.5" friction="1 0.005 0.0001" material="ground"/>
    <body name="torso" pos="0 0 0.7">
      <joint name="rootx" class="root" type="slide" axis="1 0 0"/>
      <joint name="rootz" class="root" type="slide" axis="0 0 1"/>
      <joint name="rooty" class="root"/>
      <geom name="torso" fromto="-0.5 0 0 0.5 0 0"/>
      <geom name="head" pos="0.6 0 0.1" axisangle="0 1 0 50" size="0.046 0.15"/>
      <body name="bthigh" pos="-0.5 0 0"> <!-- b: the rear leg -->
        <joint name="bthigh" range="-30 60" ${spring(240)}/>
        <geom name="bthigh" pos="0.1 0 -0.13" axisangle="0 1 0 -218" size="0.046 0.145"/>
        <body name="bshin" pos="0.16 0 -0.25">
          <joint name="bshin" range="-50 50" ${spring(180)}/>
          <geom name="bshin" pos="-0.14 0 -0.07" axisangle="0 1 0 -116" size="0.046 0.15" material="other"/>
          <body name="bfoot" pos="-0.28 0 -0.14">
            <joint name="bfoot" range="-230 50" ${spring(120)}/>
            <geom name="bfoot" pos="0.03 0 -0.097" axisangle="0 1 0 -15" size="0.046 0.094" material="other"/>
          </body>
        </body>
      </body>
      <body name="fthigh" pos="0.5 0 0"> <!-- f: the front leg -->
        <joint name="fthigh" range="-57 0.4" ${spring(180)}/>
        <geom name="fthigh" pos="-0.07 0 -0.12" axisangle="0 1 0 30" size="0.046 0.133"/>
        <body name="fshin" pos="-0.14 0 -0.24">
          <joint name="fshin" range="-70 50" ${spring(120)}/>
          <geom name="fshin" pos="0.065 0 -0.09" axisangle="0 1 0 -34" size="0.046 0.106" material="other"/>
          <body name="ffoot" pos="0.13 0 -0.18">
            <joint name="ffoot" range="-28 28" ${spring(60)}/>
            <geom name="ffoot" pos="0.045 0 -0.07" axisangle="0 1 0 -34" size="0.046 0.07" material="other"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="bthigh" joint="bthigh" gear="120"/>
    <motor name="bshin" joint="bshin" gear="90"/>
    <motor name="bfoot" joint="bfoot" gear="60"/>
    <motor name="fthigh" joint="fthigh" gear="90"/>
    <motor name="fshin" joint="fshin" gear="60"/>
    <motor name="ffoot" joint="ffoot" gear="30"/>
  </actuator>
  <sensor>
    <subtreelinvel name="torso_subtreelinvel" body="torso"/>
  </sensor>
</mujoco>`;
};
