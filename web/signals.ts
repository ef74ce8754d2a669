// What the numbers of a MuJoCo task's observation and action are: positions, speeds and controls of the model's joints.
// A task's `observe` is a function and names nothing, so the numbers are recognized by their values in a few states.
import { cos, sin } from "../src/base/math.ts";
import type { Random } from "../src/base/random.ts";
import type { Environment } from "../src/environment/environment.ts";
import type { Simulation } from "../src/mujoco.ts";

/** One degree of freedom of a joint, and where it is in observation and action. */
export interface JointSignals {
  /** The joint's name in the model, and the direction for a joint that has several. */
  readonly name: string;
  readonly unit: "m" | "rad" | "";
  /** The limits of the position, if the joint has any. */
  readonly range?: readonly [low: number, high: number];
  /** The index of the position in qpos. −1: it has only an action, such as that of a tendon. */
  readonly qpos: number;
  /** The index of the position in the observation, or of its cosine and sine; null if it is not observed. */
  readonly position: number | readonly [cosine: number, sine: number] | null;
  /** The index of the speed in the observation. */
  readonly speed: number | null;
  /** The index in the action. */
  readonly action: number | null;
  /** Whether the body looks the same wherever it is along this direction. */
  readonly isGround: boolean;
}

export interface Signals {
  /** What is observed or controlled, in the model's order. */
  readonly joints: readonly JointSignals[];
  /** The indices of all else that is observed. */
  readonly others: readonly number[];
  /** What the body's look depends on and the observation does not give: names of joints, and "the target". */
  readonly hidden: readonly string[];
}

/** The relative difference up to which two numbers are the same. A task may round its sums differently. */
const same = 1e-9;
const [starts, steps] = [4, 5];
/** The part of an action's range that is tried. Speeds stay small then, and no task clips them. */
const gentle = 0.2;

/** A moment: the observation and what it was made of. */
interface Sample {
  readonly observation: readonly number[];
  readonly qpos: readonly number[];
  readonly qvel: readonly number[];
  readonly target: readonly number[];
}

/**
 * Plays a few short episodes and recognizes the numbers that they observed. `follows`: the camera follows the body over an
 * endless ground.
 */
export function signalsOf(
  environment: Environment,
  simulation: () => Simulation,
  follows: boolean,
  random: Random,
): Signals {
  const samples = samplesOf(environment, simulation, random);
  const taken = new Set<number>();
  /** The first index of the observation that has a value in all samples; null if none has. */
  const indexOf = (value: (sample: Sample) => number): number | null => {
    const values = samples.map(value);
    // A constant would be found by chance.
    if (values.every((each) => Math.abs(each - values[0]) <= same)) return null;
    const index = samples[0].observation.findIndex(
      (_, i) =>
        !taken.has(i) &&
        samples.every(({ observation }, at) => {
          const difference = Math.abs(observation[i] - values[at]);
          return difference <= same * (1 + Math.abs(values[at]));
        }),
    );
    if (index < 0) return null;
    taken.add(index);
    return index;
  };
  const { joints, actuators } = simulation();
  const actionOf = (joint: number): number | null => {
    const index = actuators.findIndex((actuator) => actuator.joint === joint);
    return index < 0 ? null : index;
  };
  const rows = joints.flatMap(({ name, kind, index, speedIndex, range }, joint): JointSignals[] => {
    const own = name || `joint ${joint + 1}`;
    return directions[kind].map(({ suffix, unit, isTurn, speed }, i) => {
      const qpos = index + i;
      let position: JointSignals["position"] = indexOf((sample) => sample.qpos[qpos]);
      if (position === null && kind === "hinge") {
        const cosine = indexOf((sample) => cos(sample.qpos[qpos]));
        const sine = indexOf((sample) => sin(sample.qpos[qpos]));
        if (cosine !== null && sine !== null) position = [cosine, sine];
        // One of the two alone does not say where the joint is.
        else for (const each of [cosine, sine]) if (each !== null) taken.delete(each);
      }
      return {
        name: `${own}${suffix}`,
        unit,
        ...(range && { range }),
        qpos,
        position,
        speed: speed === null ? null : indexOf((sample) => sample.qvel[speedIndex + speed]),
        action: i === 0 ? actionOf(joint) : null,
        isGround: follows && !isTurn,
      };
    });
  });
  const free = actuators.flatMap(({ name, joint }, action): JointSignals[] =>
    joint === undefined || actionOf(joint) !== action
      ? [
          {
            name: name || `actuator ${action + 1}`,
            unit: "",
            qpos: -1,
            position: null,
            speed: null,
            action,
            isGround: true,
          },
        ]
      : [],
  );
  const isKnown = ({ position, speed, action }: JointSignals): boolean =>
    position !== null || speed !== null || action !== null;
  return {
    joints: [...rows, ...free].filter(isKnown),
    others: samples[0].observation.flatMap((_, i) => (taken.has(i) ? [] : [i])),
    hidden: [
      ...rows.filter(({ position, isGround }) => position === null && !isGround).map(({ name }) => name),
      ...(samples.some(({ target }) => target.some((value, i) => value !== samples[0].target[i]))
        ? ["the target"]
        : []),
    ],
  };
}

/** A joint's directions, in the order of qpos. `speed`: which number of its speeds belongs to it. */
const directions = {
  slide: [{ suffix: "", unit: "m", isTurn: false, speed: 0 }],
  hinge: [{ suffix: "", unit: "rad", isTurn: true, speed: 0 }],
  free: [
    { suffix: " x", unit: "m", isTurn: false, speed: 0 },
    { suffix: " y", unit: "m", isTurn: false, speed: 1 },
    { suffix: " z", unit: "m", isTurn: false, speed: 2 },
    ...turns(3),
  ],
  ball: turns(0),
} as const;

/** A quaternion, whose numbers are not angles, with the speeds about x, y and z from index `first`. */
function turns(first: number) {
  return ["w", "x", "y", "z"].map((axis, i) => ({
    suffix: ` turn ${axis}`,
    unit: "" as const,
    isTurn: true,
    speed: i === 0 ? null : first + i - 1,
  }));
}

function samplesOf(environment: Environment, simulation: () => Simulation, random: Random): Sample[] {
  const { actionLow, actionHigh } = environment;
  const samples: Sample[] = [];
  const keep = (observation: ArrayLike<number>): void => {
    const { qpos, qvel, target } = simulation();
    samples.push({ observation: Array.from(observation), qpos: [...qpos], qvel: [...qvel], target: [...target] });
  };
  // MuJoCo's `reset` and `step` are synchronous.
  for (let start = 0; start < starts; start++) {
    keep(environment.reset(random) as ArrayLike<number>);
    for (let step = 0; step < steps; step++) {
      const action = Float32Array.from(actionLow, (low, i) => {
        const middle = (low + actionHigh[i]) / 2;
        return middle + gentle * random.uniform(low - middle, actionHigh[i] - middle);
      });
      const result = environment.step(action) as { observation: ArrayLike<number>; terminated: boolean };
      keep(result.observation);
      if (result.terminated) break;
    }
  }
  return samples;
}

/** The position of each joint that an observation has: indices of qpos, and values. */
export function positionsOf({ joints }: Signals, observation: ArrayLike<number>): [qpos: number, value: number][] {
  return joints.flatMap((joint): [number, number][] => {
    const value = positionIn(joint, observation);
    return value === null ? [] : [[joint.qpos, value]];
  });
}

/** How many numbers of a saved state come before qpos: the steps taken, the last position, and the time. */
const beforeQpos = 3;

/** A saved state of the body with the positions of an observation. Those that it does not have stay as they are. */
export function placedBy(signals: Signals, observation: ArrayLike<number>, saved: Float64Array): Float64Array {
  const there = saved.slice();
  for (const [qpos, value] of positionsOf(signals, observation)) there[beforeQpos + qpos] = value;
  return there;
}

/** A joint's position in an observation; null if it is not observed. */
export function positionIn({ position }: JointSignals, observation: ArrayLike<number>): number | null {
  if (position === null) return null;
  if (typeof position === "number") return observation[position];
  return Math.atan2(observation[position[1]], observation[position[0]]);
}
