import { expect, InputError, messageOf } from "../../base/expect.ts";
import { joinNumbers } from "../../base/numbers.ts";
import { wasmMemoryHint } from "../../base/wasm-memory.ts";
import { poseSize, type Shape } from "../../environment/scene.ts";

/** The npm package of the engine, with the version that the tests' recorded numbers belong to. */
export const mujocoPackage = "@mujoco/mujoco@3.14.0";

/**
 * What a task sees of its simulation. The arrays are views of the engine's memory, in SI units and in MuJoCo's order.
 * Read them from this object in each call and do not keep them: they move when the memory grows.
 */
export interface Simulation {
  /** Seconds since the episode began. */
  readonly time: number;
  /** Joint positions (m, rad; a free joint has a position and a quaternion w, x, y, z): [nq]. */
  readonly qpos: Float64Array;
  /** Joint velocities (m/s, rad/s): [nv]. */
  readonly qvel: Float64Array;
  /** The actuators' controls, before the engine clips them to their ranges: [nu]. */
  readonly ctrl: Float64Array;
  /** Forces of the actuators on the joints (N, N·m): [nv]. */
  readonly qfrcActuator: Float64Array;
  /** Forces of contacts and limits on the joints (N, N·m): [nv]. */
  readonly qfrcConstraint: Float64Array;
  /**
   * Positions of the bodies' frames, m: [nbody · 3]. Like everything that the engine derives from qpos, they belong to
   * the beginning of the last substep, unless the task is `current`.
   */
  readonly xpos: Float64Array;
  /** Rotation matrices of the bodies' frames, row by row: [nbody · 9]. Their columns are the frame's axes. */
  readonly xmat: Float64Array;
  /** Positions of the bodies' centers of mass, m: [nbody · 3]. */
  readonly xipos: Float64Array;
  /** Positions of the sites, m: [nsite · 3]. */
  readonly siteXpos: Float64Array;
  /** Inertia of each body about the center of mass of its tree (kg·m², kg·m), and its mass (kg): [nbody · 10]. */
  readonly cinert: Float64Array;
  /** Velocity of each body about that center, rotation (rad/s) before translation (m/s): [nbody · 6]. */
  readonly cvel: Float64Array;
  /**
   * Contact force on each body about that center, torque (N·m) before force (N): [nbody · 6]. 0 before the first step.
   */
  readonly cfrcExt: Float64Array;
  /** Readings of the model's sensors: [nsensordata]. */
  readonly sensordata: Float64Array;
  /** Positions of the mocap bodies, which only the task moves, m: [nmocap · 3]. */
  readonly mocapPos: Float64Array;
  /** Masses of the bodies, kg: [nbody]. */
  readonly bodyMass: Float64Array;
  /** Position of the task's `target` in the frame of its body, m: [3]. Only `start` may change it. */
  readonly target: Float64Array;
  /** The number of contacts. */
  readonly contacts: number;
  /** The joints, in the order of the model. */
  readonly joints: readonly Joint[];
  /** The actuators, in the order of the action. */
  readonly actuators: readonly Actuator[];
  /** Returns the position of a body's frame, m: [3]; a view. Throws an InputError if the model has no such body. */
  position(body: string): Float64Array;
}

/** A joint of a model. */
export interface Joint {
  /** Its name in the model; "" if it has none. */
  readonly name: string;
  /** How it moves. */
  readonly kind: "free" | "ball" | "slide" | "hinge";
  /** The index of its first number in qpos. */
  readonly index: number;
  /** The index of its first number in qvel. */
  readonly speedIndex: number;
  /** The range of its position (m or rad); absent if it has no limits. */
  readonly range?: readonly [low: number, high: number];
}

/** What one number of an action moves. */
export interface Actuator {
  /** Its name in the model; "" if it has none. */
  readonly name: string;
  /** The index of the joint that it moves; absent if it moves something else, such as a tendon. */
  readonly joint?: number;
}

/** A site, or a shape of the world, of which `start` may change the position. */
export interface Target {
  /** Whether it is a site or a shape. */
  readonly kind: "site" | "geom";
  /** Its name in the model. */
  readonly name: string;
}

/** The arrays of `Simulation`, with the engine's names for them. */
const dataViews = {
  qpos: "qpos",
  qvel: "qvel",
  ctrl: "ctrl",
  qfrcActuator: "qfrc_actuator",
  qfrcConstraint: "qfrc_constraint",
  xpos: "xpos",
  xmat: "xmat",
  xipos: "xipos",
  siteXpos: "site_xpos",
  cinert: "cinert",
  cvel: "cvel",
  cfrcExt: "cfrc_ext",
  sensordata: "sensordata",
  mocapPos: "mocap_pos",
} as const;

type DataView = (typeof dataViews)[keyof typeof dataViews];

// The part of the engine that is used here. The package's own types have `any` for every array.

interface Handle {
  delete(): void;
}

interface Model extends Handle {
  readonly opt: { readonly timestep: number; readonly integrator: number };
  /** The center and the extent of the model, m. */
  readonly stat: { readonly center: Float64Array; readonly extent: number };
  readonly body_mass: Float64Array;
  readonly actuator_ctrlrange: Float64Array;
  readonly actuator_trntype: Int32Array;
  /** Two numbers for each actuator; the first is the index of what it moves. */
  readonly actuator_trnid: Int32Array;
  readonly geom_type: Int32Array;
  readonly geom_bodyid: Int32Array;
  readonly geom_group: Int32Array;
  readonly geom_matid: Int32Array;
  readonly geom_size: Float64Array;
  readonly geom_rgba: Float32Array;
  readonly geom_pos: Float64Array;
  readonly site_type: Int32Array;
  readonly site_matid: Int32Array;
  readonly site_size: Float64Array;
  readonly site_rgba: Float32Array;
  readonly site_pos: Float64Array;
  readonly mat_rgba: Float32Array;
  readonly njnt: number;
  readonly jnt_type: Int32Array;
  readonly jnt_qposadr: Int32Array;
  readonly jnt_dofadr: Int32Array;
  readonly jnt_range: Float64Array;
  /** One joint, because the binding cannot return the array of `limited`. */
  jnt(index: number): Handle & { readonly limited: boolean };
}

interface Data extends Handle, Readonly<Record<DataView, Float64Array>> {
  time: number;
  readonly ncon: number;
  readonly geom_xpos: Float64Array;
  readonly geom_xmat: Float64Array;
  readonly site_xpos: Float64Array;
  readonly site_xmat: Float64Array;
  /** A copy of the warning counts by kind. The engine owns it and its elements, so neither may be deleted. */
  readonly warning: { size(): number; get(kind: number): { readonly number: number; readonly lastinfo: number } };
}

interface Buffer extends Handle {
  GetView(): Float64Array;
}

type ObjectKind = "mjOBJ_BODY" | "mjOBJ_GEOM" | "mjOBJ_SITE" | "mjOBJ_JOINT" | "mjOBJ_ACTUATOR";

interface Mujoco {
  readonly MjModel: { from_xml_string(xml: string): Model };
  readonly MjData: new (model: Model) => Data;
  readonly DoubleBuffer: new (length: number) => Buffer;
  readonly mjtObj: Readonly<Record<ObjectKind, { readonly value: number }>>;
  readonly mjtTrn: Readonly<Record<"mjTRN_JOINT" | "mjTRN_JOINTINPARENT", { readonly value: number }>>;
  readonly mjtIntegrator: { readonly mjINT_RK4: { readonly value: number } };
  readonly mjtWarning: Readonly<Record<"mjWARN_CONTACTFULL" | "mjWARN_CNSTRFULL", { readonly value: number }>>;
  readonly mjtState: { readonly mjSTATE_INTEGRATION: { readonly value: number } };
  mj_name2id(model: Model, kind: number, name: string): number;
  mj_id2name(model: Model, kind: number, id: number): string | null;
  mj_resetData(model: Model, data: Data): void;
  mj_forward(model: Model, data: Data): void;
  mj_step(model: Model, data: Data): void;
  mj_step1(model: Model, data: Data): void;
  mj_step2(model: Model, data: Data): void;
  mj_kinematics(model: Model, data: Data): void;
  mj_rnePostConstraint(model: Model, data: Data): void;
  mj_stateSize(model: Model, parts: number): number;
  mj_getState(model: Model, data: Data, out: Buffer, parts: number): void;
  mj_setState(model: Model, data: Data, state: Float64Array, parts: number): void;
  mju_warningText(kind: number, info: number): string;
}

let loaded: Promise<Mujoco> | undefined;

/** Loads the engine once. Rejects with an InputError that says what to install if it is missing. */
function load(): Promise<Mujoco> {
  loaded ??= importEngine().then((start) => start().catch(explainMemory));
  // A failed import is not cached: the user may install the package and try again.
  loaded.catch(() => {
    loaded = undefined;
  });
  return loaded;
}

/** Throws the error of an engine that does not start; says what to do if there is not enough memory. */
function explainMemory(error: unknown): never {
  if (!/out of memory|could not allocate|cannot allocate/i.test(messageOf(error))) throw error;
  const got = `"${messageOf(error)}"`;
  throw new InputError({ where: "MuJoCo", expected: "memory", got, hint: wasmMemoryHint }, { cause: error });
}

async function importEngine(): Promise<() => Promise<Mujoco>> {
  try {
    // The name is a literal, so that bundlers find it.
    const { default: start } = await import("@mujoco/mujoco");
    return start as unknown as () => Promise<Mujoco>;
  } catch (error) {
    const hint = `Install it: npm install ${mujocoPackage}`;
    throw new InputError(
      { where: "MuJoCo", expected: `the package ${mujocoPackage}`, got: "none", hint },
      { cause: error },
    );
  }
}

/** The kinds of shapes in the order of the engine's `mjtGeom`. Height fields and meshes are not drawn. */
const kinds = ["plane", undefined, "sphere", "capsule", "ellipsoid", "cylinder", "box"] as const;

/** The kinds of joints in the order of the engine's `mjtJoint`. */
const jointKinds = ["free", "ball", "slide", "hinge"] as const;

/** How a simulation differs from Gymnasium's. */
export interface MujocoSimulationOptions {
  /** Whether derived quantities are those of the state after a step, as in dm_control. Default: no. */
  readonly current?: boolean | undefined;
  readonly target?: Target | undefined;
}

/** The number of calls of `advance` after which the engine's warnings are read. */
const checkEvery = 16;

/** A compiled model and its state, in memory that `close` frees. No other code calls the engine. */
export class MujocoSimulation implements Simulation {
  // Set by #readViews in the constructor.
  qpos!: Float64Array;
  qvel!: Float64Array;
  ctrl!: Float64Array;
  qfrcActuator!: Float64Array;
  qfrcConstraint!: Float64Array;
  xpos!: Float64Array;
  xmat!: Float64Array;
  xipos!: Float64Array;
  siteXpos!: Float64Array;
  cinert!: Float64Array;
  cvel!: Float64Array;
  cfrcExt!: Float64Array;
  sensordata!: Float64Array;
  mocapPos!: Float64Array;
  bodyMass!: Float64Array;
  target!: Float64Array;
  readonly joints: readonly Joint[];
  readonly actuators: readonly Actuator[];
  /** The duration of one engine step, s. */
  readonly timestep: number;
  /** The actuators' control ranges: [nu] each. */
  readonly actionLow: readonly number[];
  readonly actionHigh: readonly number[];
  /** The visible shapes: those of groups 0 to 2, as in MuJoCo's own viewer, except meshes; and a target that is a site. */
  readonly shapes: readonly Shape[];
  /** The center and the extent of the model, m: given by the model or computed by the engine. */
  readonly center: readonly [x: number, y: number, z: number];
  readonly extent: number;
  readonly #geoms: readonly number[];
  readonly #target: (Target & { readonly id: number }) | undefined;
  /** The target's position in the model. */
  readonly #ownTarget: Float64Array;
  readonly #isCurrent: boolean;
  readonly #isRungeKutta: boolean;
  readonly #name: string;
  readonly #mujoco: Mujoco;
  readonly #model: Model;
  readonly #data: Data;
  readonly #saved: Buffer;
  readonly #allState: number;
  readonly #positions = new Map<string, Float64Array>();
  #unchecked = 0;
  #closed = false;

  /** Compiles MJCF. Rejects with an InputError if the model is invalid or the engine is not installed. */
  static async create(name: string, xml: string, options: MujocoSimulationOptions = {}): Promise<MujocoSimulation> {
    return new MujocoSimulation(name, xml, options, await load());
  }

  private constructor(name: string, xml: string, { current = false, target }: MujocoSimulationOptions, mujoco: Mujoco) {
    this.#name = name;
    this.#isCurrent = current;
    this.#mujoco = mujoco;
    this.#model = compile(name, xml, mujoco);
    // Gymnasium's bounds are in Float32, like actions.
    const ranges = Array.from(this.#model.actuator_ctrlrange, (bound) => Math.fround(bound));
    this.actionLow = ranges.filter((_, i) => i % 2 === 0);
    this.actionHigh = ranges.filter((_, i) => i % 2 === 1);
    this.#data = new mujoco.MjData(this.#model);
    this.#allState = mujoco.mjtState.mjSTATE_INTEGRATION.value;
    this.#saved = new mujoco.DoubleBuffer(mujoco.mj_stateSize(this.#model, this.#allState));
    this.timestep = this.#model.opt.timestep;
    this.#isRungeKutta = this.#model.opt.integrator === mujoco.mjtIntegrator.mjINT_RK4.value;
    this.joints = jointsOf(this.#model, mujoco);
    this.actuators = actuatorsOf(this.#model, mujoco);
    this.#target = target && { ...target, id: this.#targetId(target) };
    const shapes = visible(this.#model);
    this.#geoms = [...shapes.keys()];
    this.shapes = [
      ...shapes.values(),
      ...(this.#target?.kind === "site" ? [siteShape(this.#model, this.#target.id)] : []),
    ];
    const [x, y, z] = this.#model.stat.center;
    this.center = [x, y, z];
    this.extent = this.#model.stat.extent;
    this.#readViews();
    this.#ownTarget = this.target.slice();
  }

  get time(): number {
    return this.#data.time;
  }

  get contacts(): number {
    return this.#data.ncon;
  }

  position(body: string): Float64Array {
    let position = this.#positions.get(body);
    if (!position) {
      const id = this.#bodyId(body, "position");
      position = this.xpos.subarray(3 * id, 3 * id + 3);
      this.#positions.set(body, position);
    }
    return position;
  }

  #bodyId(body: string, where: string): number {
    const { mjOBJ_BODY } = this.#mujoco.mjtObj;
    const id = this.#mujoco.mj_name2id(this.#model, mjOBJ_BODY.value, body);
    expect(id >= 0, `${this.#name} ${where}`, "the name of a body of the model", body);
    return id;
  }

  #targetId({ kind, name }: Target): number {
    const { mjOBJ_GEOM, mjOBJ_SITE } = this.#mujoco.mjtObj;
    const id = this.#mujoco.mj_name2id(this.#model, (kind === "site" ? mjOBJ_SITE : mjOBJ_GEOM).value, name);
    expect(id >= 0, `${this.#name} target`, `the name of a ${kind} of the model`, name);
    return id;
  }

  /** Returns the index of a body's first shape. Throws an InputError if there is no such body or it is not visible. */
  shapeOf(body: string, where: string): number {
    const id = this.#bodyId(body, where);
    const { geom_bodyid } = this.#model;
    const shape = this.#geoms.findIndex((geom) => geom_bodyid[geom] === id);
    expect(shape >= 0, `${this.#name} ${where}`, "the name of a body with a visible shape", body);
    return shape;
  }

  /** Writes the poses of all shapes, as `Scene` describes. */
  writePoses(out: Float32Array): void {
    // After a step the engine's poses are one substep old, and after a restore they are not the restored ones.
    this.#mujoco.mj_kinematics(this.#model, this.#data);
    const { geom_xpos, geom_xmat } = this.#data;
    for (const [shape, geom] of this.#geoms.entries()) {
      out.set(geom_xpos.subarray(3 * geom, 3 * geom + 3), shape * poseSize);
      out.set(geom_xmat.subarray(9 * geom, 9 * geom + 9), shape * poseSize + 3);
    }
    if (this.#target?.kind !== "site") return;
    const { site_xpos, site_xmat } = this.#data;
    const { id } = this.#target;
    const pose = this.#geoms.length * poseSize;
    out.set(site_xpos.subarray(3 * id, 3 * id + 3), pose);
    out.set(site_xmat.subarray(9 * id, 9 * id + 9), pose + 3);
  }

  /**
   * Resets to the model's own start, at rest; `begin` may change qpos, qvel and target. Then takes `settle` engine steps with
   * controls of 0, which count as no time, and computes all derived quantities.
   */
  reset(begin: () => void, settle = 0): void {
    this.#refresh();
    // A reset clears the engine's warnings, so they are read first.
    if (this.#unchecked > 0) this.#checkWarnings();
    this.#mujoco.mj_resetData(this.#model, this.#data);
    this.target.set(this.#ownTarget);
    begin();
    for (let i = 0; i < settle; i++) this.#mujoco.mj_step(this.#model, this.#data);
    if (settle > 0) {
      if (this.#data.time < (settle - 0.5) * this.timestep) this.#checkWarnings();
      this.#data.time = 0;
    }
    this.#mujoco.mj_forward(this.#model, this.#data);
    this.#refresh();
  }

  /**
   * Takes `steps` engine steps with one control [nu]. Throws for two conditions of which the engine only warns. If
   * numbers diverge, the engine would continue from the model's start. If its memory is too small, it would drop
   * contacts; this is noticed within `checkEvery` calls, or by `reset`.
   */
  advance(control: ArrayLike<number>, steps: number): void {
    this.#refresh();
    this.ctrl.set(control);
    const data = this.#data;
    const before = data.time;
    if (this.#isCurrent) this.#advanceHalf(steps);
    else {
      for (let i = 0; i < steps; i++) this.#mujoco.mj_step(this.#model, data);
      // A step alone does not update cfrc_ext. Gymnasium makes the same call.
      this.#mujoco.mj_rnePostConstraint(this.#model, data);
    }
    // If the engine resets itself, the time jumps back. That is cheap to notice; reading the warnings takes longer than
    // an engine step.
    const wasReset = data.time < before + (steps * this.timestep) / 2;
    if (wasReset || before === 0 || ++this.#unchecked >= checkEvery) this.#checkWarnings();
    this.#refresh();
  }

  /**
   * Ends the step of which `mj_step1` has made the first half, and makes the first half of the next: what the engine
   * derives from positions and velocities is then that of the new state. A step of Runge-Kutta cannot be split.
   */
  #advanceHalf(steps: number): void {
    if (!this.#isRungeKutta) this.#mujoco.mj_step2(this.#model, this.#data);
    for (let i = this.#isRungeKutta ? 0 : 1; i < steps; i++) this.#mujoco.mj_step(this.#model, this.#data);
    // A step alone does not update cfrc_ext.
    this.#mujoco.mj_rnePostConstraint(this.#model, this.#data);
    this.#mujoco.mj_step1(this.#model, this.#data);
  }

  #checkWarnings(): void {
    this.#unchecked = 0;
    const { warning } = this.#data;
    for (let kind = 0; kind < warning.size(); kind++) {
      const { number, lastinfo } = warning.get(kind);
      if (number === 0) continue;
      const { mjWARN_CONTACTFULL, mjWARN_CNSTRFULL } = this.#mujoco.mjtWarning;
      const tooSmall = kind === mjWARN_CONTACTFULL.value || kind === mjWARN_CNSTRFULL.value;
      // The engine has no text for one of these kinds, and for the other its advice does not apply to MJCF.
      const ownText = 'the model has too little memory for its contacts. Raise <size memory="…"/> in the model.';
      throw new Error(tooSmall ? ownText : this.#mujoco.mju_warningText(kind, lastinfo));
    }
  }

  /** Returns everything that the next steps depend on, the target's position last; a fresh array. */
  save(): Float64Array {
    this.#mujoco.mj_getState(this.#model, this.#data, this.#saved, this.#allState);
    return joinNumbers([this.#saved.GetView(), this.target]);
  }

  /**
   * Returns to a saved state. Derived quantities such as xpos are stale until the next step, unless the simulation is
   * current. Throws an InputError if the state has the wrong length.
   */
  restore(state: Float64Array): void {
    this.#refresh();
    const { length } = this.#saved.GetView();
    const whole = length + this.target.length;
    expect(state.length === whole, `${this.#name} restore`, `${whole} numbers`, state.length);
    this.#mujoco.mj_resetData(this.#model, this.#data);
    this.#mujoco.mj_setState(this.#model, this.#data, state.subarray(0, length), this.#allState);
    this.target.set(state.subarray(length));
    // The first half of the next step: it follows from the state alone.
    if (this.#isCurrent) this.#mujoco.mj_step1(this.#model, this.#data);
    this.#refresh();
  }

  /** Frees the memory. Only `close` may be called afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const handle of [this.#saved, this.#data, this.#model]) handle.delete();
  }

  #targetView(): Float64Array {
    if (!this.#target) return new Float64Array(0);
    const { kind, id } = this.#target;
    return (kind === "site" ? this.#model.site_pos : this.#model.geom_pos).subarray(3 * id, 3 * id + 3);
  }

  /** Renews the views after the memory has grown, which empties all of them; only then can qpos be empty. */
  #refresh(): void {
    if (this.qpos.length === 0) this.#readViews();
  }

  #readViews(): void {
    for (const [name, field] of Object.entries(dataViews) as [keyof typeof dataViews, DataView][]) {
      this[name] = this.#data[field];
    }
    this.bodyMass = this.#model.body_mass;
    this.target = this.#targetView();
    this.#positions.clear();
  }
}

/** Returns the joints of a model. */
function jointsOf(model: Model, mujoco: Mujoco): Joint[] {
  const { njnt, jnt_type, jnt_qposadr, jnt_dofadr, jnt_range } = model;
  return Array.from({ length: njnt }, (_, i) => {
    const joint = model.jnt(i);
    const { limited } = joint;
    joint.delete();
    const [low, high] = jnt_range.subarray(2 * i);
    return {
      name: nameOf(model, mujoco, "mjOBJ_JOINT", i),
      kind: jointKinds[jnt_type[i]],
      index: jnt_qposadr[i],
      speedIndex: jnt_dofadr[i],
      ...(limited && { range: [low, high] }),
    };
  });
}

/** Returns the actuators of a model. */
function actuatorsOf(model: Model, mujoco: Mujoco): Actuator[] {
  const { actuator_trntype, actuator_trnid } = model;
  const { mjTRN_JOINT, mjTRN_JOINTINPARENT } = mujoco.mjtTrn;
  return Array.from(actuator_trntype, (kind, i) => {
    const name = nameOf(model, mujoco, "mjOBJ_ACTUATOR", i);
    const isOfJoint = kind === mjTRN_JOINT.value || kind === mjTRN_JOINTINPARENT.value;
    return isOfJoint ? { name, joint: actuator_trnid[2 * i] } : { name };
  });
}

function nameOf(model: Model, mujoco: Mujoco, kind: ObjectKind, id: number): string {
  return mujoco.mj_id2name(model, mujoco.mjtObj[kind].value, id) ?? "";
}

/** Returns the shape of a site. */
function siteShape({ site_type, site_size, site_rgba, site_matid, mat_rgba }: Model, site: number): Shape {
  const kind = kinds[site_type[site]] ?? "sphere"; // sites have no other kinds
  const material = site_matid[site];
  const color = material >= 0 ? mat_rgba.subarray(4 * material) : site_rgba.subarray(4 * site);
  const [red, green, blue, opacity] = color;
  return { kind, size: Array.from(site_size.subarray(3 * site, 3 * site + 3)), color: [red, green, blue, opacity] };
}

/** Returns the visible shapes of a model by the index of their geom. */
function visible({ geom_type, geom_size, geom_group, geom_rgba, geom_matid, mat_rgba }: Model): Map<number, Shape> {
  const shapes = new Map<number, Shape>();
  for (const [geom, type] of geom_type.entries()) {
    const kind = kinds[type];
    const own = geom_rgba.subarray(4 * geom, 4 * geom + 4);
    // A geom with the default color has the color of its material.
    const plain = own[0] === 0.5 && own[1] === 0.5 && own[2] === 0.5 && own[3] === 1;
    const material = geom_matid[geom];
    const [red, green, blue, opacity] = plain && material >= 0 ? mat_rgba.subarray(4 * material) : own;
    if (kind === undefined || geom_group[geom] > 2 || opacity === 0) continue;
    const size = Array.from(geom_size.subarray(3 * geom, 3 * geom + 3));
    shapes.set(geom, { kind, size, color: [red, green, blue, opacity] });
  }
  return shapes;
}

/** Returns the engine's error message on one line, without its prefix and final period. */
export function reason(error: unknown): string {
  const { message } = error as Error;
  return message
    .replace(/^MuJoCo Error: (Loading error: )?/, "")
    .trim()
    .replace(/\.$/, "")
    .replaceAll(/\s*\n\s*/g, ", ");
}

function compile(name: string, xml: string, mujoco: Mujoco): Model {
  let model: Model;
  try {
    model = mujoco.MjModel.from_xml_string(xml);
  } catch (error) {
    throw new InputError(`${name} model: expected MJCF that MuJoCo can compile, got: ${reason(error)}`);
  }
  const ranges = model.actuator_ctrlrange;
  const unlimited = ranges.findIndex((low, i) => i % 2 === 0 && !(low < ranges[i + 1])) / 2;
  if (ranges.length > 0 && unlimited < 0) return model;
  model.delete();
  const got = ranges.length === 0 ? "no actuator" : `none for actuator ${unlimited}`;
  throw new InputError({ where: `${name} model`, expected: "a ctrlrange for every actuator", got });
}
