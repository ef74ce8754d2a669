// The tasks of dm_control's suite whose bodies the paper also has, by name; and further tasks of the paper.
import { expect, suggest } from "../../base/expect.ts";
import type { MujocoTask } from "../mujoco/mujoco-environment.ts";
import { acrobot } from "./acrobot.ts";
import { ballInCup } from "./ball-in-cup.ts";
import { cart, cartpole } from "./cartpole.ts";
import { cheetah } from "./cheetah.ts";
import { fingerSpin, fingerTurn } from "./finger.ts";
import { hopper } from "./hopper.ts";
import { pendulumSwingup } from "./pendulum.ts";
import { pointMass } from "./point-mass.ts";
import { reacher } from "./reacher.ts";
import { walker } from "./walker.ts";

const makers = {
  "acrobot-swingup": (name) => acrobot(name, false),
  "acrobot-swingup_sparse": (name) => acrobot(name, true),
  "ball_in_cup-catch": ballInCup,
  "cartpole-balance": (name) => cartpole(name, {}),
  "cartpole-balance_sparse": (name) => cartpole(name, { isSparse: true }),
  "cartpole-swingup": (name) => cartpole(name, { hangs: true }),
  "cartpole-swingup_sparse": (name) => cartpole(name, { hangs: true, isSparse: true }),
  "cartpole-two_poles": (name) => cartpole(name, { hangs: true, poles: 2 }),
  "cartpole-three_poles": (name) => cartpole(name, { hangs: true, poles: 3 }),
  "cheetah-run": (name) => cheetah(name, true),
  "finger-spin": fingerSpin,
  "finger-turn_easy": (name) => fingerTurn(name, 0.07),
  "finger-turn_hard": (name) => fingerTurn(name, 0.03),
  "hopper-stand": (name) => hopper(name, false),
  "hopper-hop": (name) => hopper(name, true),
  "pendulum-swingup": pendulumSwingup,
  "point_mass-easy": pointMass,
  "reacher-easy": (name) => reacher(name, { radius: 0.05 }),
  "reacher-hard": (name) => reacher(name, { radius: 0.015 }),
  "walker-stand": (name) => walker(name, 0),
  "walker-walk": (name) => walker(name, 1),
  "walker-run": (name) => walker(name, 8),
  // Our reconstructions of tasks of the paper that the suite does not have.
  "hard_cheetah-run": (name) => cheetah(name, false),
  cart,
  "cartpole-parallel_double": (name) => cartpole(name, { hangs: true, isParallel: true }),
  "reacher-single": (name) => reacher(name, { radius: 0.05, joints: 1 }),
  "reacher-triple": (name) => reacher(name, { radius: 0.05, joints: 3 }),
  "reacher-single_fixed": (name) => reacher(name, { radius: 0.05, joints: 1, isFixed: true }),
  "reacher-double_fixed": (name) => reacher(name, { radius: 0.05, isFixed: true }),
  "reacher-triple_fixed": (name) => reacher(name, { radius: 0.05, joints: 3, isFixed: true }),
} as const satisfies Record<string, (name: string) => MujocoTask>;

/** The name of a task of dm_control's suite, such as "cheetah-run". */
export type DmControlName = keyof typeof makers;

/** The names of the tasks of dm_control's suite. */
export const dmControlNames = Object.keys(makers) as readonly DmControlName[];

/** Returns a task of dm_control's suite. Throws an InputError for an unknown name. */
export function dmControl(name: DmControlName): MujocoTask {
  const known: readonly string[] = dmControlNames;
  expect(known.includes(name), "dmControl name", `one of ${known.join(", ")}`, name, suggest(name, known));
  return makers[name](`dm_control/${name}`);
}
