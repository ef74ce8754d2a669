// Compares our models with the compiled parameters of Gymnasium's and dm_control's: fixtures/mujoco-models and
// fixtures/dm-control-models, see fixtures/README.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import loadMujoco, { type MjModel } from "@mujoco/mujoco";
import { suiteTasks } from "../../tasks.ts";
import { mujocoTasks } from "../gymnasium.case.ts";

const mujoco = await loadMujoco();

const modelOf = (id: string): string => mujocoTasks.get(id)?.model ?? assert.fail(id);

/** The models by folder of `fixtures` and name. */
const models: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  "mujoco-models": new Map(suiteTasks.gymnasium.map((id) => [id.replace("-v5", ""), modelOf(id)])),
  // The task of each that has the target's size in the record.
  "dm-control-models": new Map(
    Object.entries({
      acrobot: "acrobot-swingup",
      ball_in_cup: "ball_in_cup-catch",
      cartpole: "cartpole-balance",
      cartpole_two_poles: "cartpole-two_poles",
      cartpole_three_poles: "cartpole-three_poles",
      cheetah: "cheetah-run",
      finger: "finger-turn_hard",
      hopper: "hopper-stand",
      pendulum: "pendulum-swingup",
      point_mass: "point_mass-easy",
      reacher: "reacher-easy",
      walker: "walker-run",
    }).map(([name, task]) => [name, modelOf(`dm_control/${task}`)]),
  ),
};

for (const [folder, all] of Object.entries(models)) {
  test(`every model has a file: ${folder}`, () => {
    const files = readdirSync(`fixtures/${folder}`).map((file) => file.replace(".json", ""));
    assert.deepEqual(files.sort(), [...all.keys()].sort());
  });

  for (const [name, xml] of all) {
    test(`${name}: every parameter of the model matches ${folder}/${name}.json within 1e-9`, () => {
      assert.deepEqual(differences(describeModel(xml, folder), recorded(folder, name), name), []);
    });
  }
}

test("the models of other tasks of a domain differ only in what the task says", () => {
  const parameters = (id: string) => describeModel(modelOf(`dm_control/${id}`), "dm-control-models");
  const changed = (a: string, b: string) => differences(parameters(a), parameters(b), "");
  assert.deepEqual(changed("acrobot-swingup_sparse", "acrobot-swingup"), []);
  assert.deepEqual(changed("hopper-hop", "hopper-stand"), []);
  for (const task of ["balance_sparse", "swingup", "swingup_sparse"])
    assert.deepEqual(changed(`cartpole-${task}`, "cartpole-balance"), []);
  for (const task of ["stand", "walk"]) assert.deepEqual(changed(`walker-${task}`, "walker-run"), []);
  assert.deepEqual(changed("reacher-hard", "reacher-easy"), [" geoms 6 size 0: expected 0.05, got 0.015"]);
  assert.deepEqual(changed("finger-turn_easy", "finger-turn_hard"), [" sites 0 size 0: expected 0.03, got 0.07"]);
  assert.deepEqual(changed("finger-spin", "finger-turn_hard"), [" joints 2 damping 0: expected 0.5, got 0.03"]);
  assert.deepEqual(
    changed("hard_cheetah-run", "cheetah-run"),
    [240, 180, 120, 180, 120, 60].map((spring, i) => ` joints ${3 + i} stiffness: expected ${spring}, got 0`),
  );
});

test("a parameter that differs by 2e-9 is reported", () => {
  const expected = recorded("mujoco-models", "Hopper");
  expected.bodies[2].mass += 2e-9;
  const found = differences(describeModel(modelOf("Hopper-v5"), "mujoco-models"), expected, "Hopper");
  assert.equal(found.length, 1);
  assert.match(found[0], /^Hopper bodies 2 mass: expected 4\.05789051\d+, got 4\.05789051\d+$/);
});

/** Reads the parameters of a file. Cameras are left out, because here they belong to the task and not to its model. */
function recorded(folder: string, name: string) {
  const { name: _, source, ...parameters } = JSON.parse(readFileSync(`fixtures/${folder}/${name}.json`, "utf8"));
  delete parameters.sizes.ncam;
  return parameters;
}

/** Compiles a model; returns its parameters in the form of the files of a folder. Those of dm_control have more. */
function describeModel(xml: string, folder: string) {
  const hasMore = folder === "dm-control-models";
  const model = mujoco.MjModel.from_xml_string(xml);
  try {
    const { mjtObj, mjtJoint, mjtGeom } = mujoco;
    // The name of an unnamed object is read from address 0, where Emscripten keeps a marker ("emsc").
    const name = (kind: { value: number }, id: number) => mujoco.mj_id2name(model, kind.value, id).replace("emsc", "");
    const row = (field: keyof MjModel, i: number, width: number) =>
      Array.from((model[field] as Float64Array).slice(i * width, (i + 1) * width));
    const list = <T>(length: number, describe: (i: number) => T) => Array.from({ length }, (_, i) => describe(i));
    const body = (id: number) => name(mjtObj.mjOBJ_BODY, id);
    const joint = (id: number) => name(mjtObj.mjOBJ_JOINT, id);

    const { nq, nv, nu, nbody, njnt, ngeom, ntendon, nexclude, nsite, opt } = model;
    return {
      sizes: { nq, nv, nu, nbody, njnt, ngeom, ntendon, nexclude, nsite },
      option: {
        timestep: opt.timestep,
        integrator: enumName(mujoco.mjtIntegrator, opt.integrator),
        solver: enumName(mujoco.mjtSolver, opt.solver),
        cone: enumName(mujoco.mjtCone, opt.cone),
        jacobian: enumName(mujoco.mjtJacobian, opt.jacobian),
        iterations: opt.iterations,
        ls_iterations: opt.ls_iterations,
        tolerance: opt.tolerance,
        impratio: opt.impratio,
        gravity: Array.from(opt.gravity as Float64Array),
        density: opt.density,
        viscosity: opt.viscosity,
        wind: Array.from(opt.wind as Float64Array),
        disableflags: opt.disableflags,
        enableflags: opt.enableflags,
      },
      qpos0: Array.from(model.qpos0 as Float64Array),
      qpos_spring: Array.from(model.qpos_spring as Float64Array),
      bodies: list(nbody, (i) => ({
        name: body(i),
        parent: body(model.body_parentid[i]),
        pos: row("body_pos", i, 3),
        quat: row("body_quat", i, 4),
        mass: model.body_mass[i],
        inertialPos: row("body_ipos", i, 3),
        inertialQuat: row("body_iquat", i, 4),
        inertia: row("body_inertia", i, 3),
      })),
      joints: list(njnt, (i) => ({
        name: joint(i),
        body: body(model.jnt_bodyid[i]),
        type: shortName(mjtJoint, "mjJNT_", model.jnt_type[i]),
        pos: row("jnt_pos", i, 3),
        axis: row("jnt_axis", i, 3),
        limited: model.jnt(i).limited, // the binding cannot return the whole array
        range: row("jnt_range", i, 2),
        stiffness: model.jnt_stiffness[i],
        margin: model.jnt_margin[i],
        solref: row("jnt_solref", i, 2),
        solimp: row("jnt_solimp", i, 5),
        armature: model.dof_armature[model.jnt_dofadr[i]],
        damping: [model.dof_damping[model.jnt_dofadr[i]]],
        frictionloss: model.dof_frictionloss[model.jnt_dofadr[i]],
      })),
      geoms: list(ngeom, (i) => ({
        name: name(mjtObj.mjOBJ_GEOM, i),
        body: body(model.geom_bodyid[i]),
        type: shortName(mjtGeom, "mjGEOM_", model.geom_type[i]),
        size: row("geom_size", i, 3),
        pos: row("geom_pos", i, 3),
        quat: row("geom_quat", i, 4),
        friction: row("geom_friction", i, 3),
        condim: model.geom_condim[i],
        contype: model.geom_contype[i],
        conaffinity: model.geom_conaffinity[i],
        priority: model.geom_priority[i],
        margin: model.geom_margin[i],
        gap: model.geom_gap[i],
        solref: row("geom_solref", i, 2),
        solimp: row("geom_solimp", i, 5),
        solmix: model.geom_solmix[i],
        rgba: row("geom_rgba", i, 4),
      })),
      actuators: list(nu, (i) => ({
        name: name(mjtObj.mjOBJ_ACTUATOR, i),
        joint:
          model.actuator_trntype[i] === mujoco.mjtTrn.mjTRN_JOINT.value
            ? joint(model.actuator_trnid[2 * i])
            : `trntype ${model.actuator_trntype[i]} id ${model.actuator_trnid[2 * i]}`,
        gear: row("actuator_gear", i, 6),
        ctrlLimited: model.actuator(i).ctrllimited,
        ctrlRange: row("actuator_ctrlrange", i, 2),
        gainprm: row("actuator_gainprm", i, model.actuator_gainprm.length / nu).slice(0, 3),
        biasprm: row("actuator_biasprm", i, model.actuator_biasprm.length / nu).slice(0, 3),
      })),
      tendons: list(ntendon, (i) => ({
        name: name(mjtObj.mjOBJ_TENDON, i),
        ...(hasMore && {
          limited: model.tendon(i)._limited,
          range: row("tendon_range", i, 2),
          solreflimit: row("tendon_solref_lim", i, 2),
          solimplimit: row("tendon_solimp_lim", i, 5),
        }),
        stiffness: [model.tendon_stiffness[i]],
        damping: [model.tendon_damping[i]],
        wraps: list(model.tendon_num[i], (k) => {
          const wrap = model.tendon_adr[i] + k;
          const coefficient = model.wrap_prm[wrap];
          return { type: model.wrap_type[wrap], joint: joint(model.wrap_objid[wrap]), coefficient };
        }),
      })),
      sites: list(nsite, (i) => ({
        name: name(mjtObj.mjOBJ_SITE, i),
        body: body(model.site_bodyid[i]),
        ...(hasMore && {
          type: shortName(mjtGeom, "mjGEOM_", model.site_type[i]),
          size: row("site_size", i, 3),
          quat: row("site_quat", i, 4),
        }),
        pos: row("site_pos", i, 3),
      })),
      ...(hasMore && {
        sensors: list(model.nsensor, (i) => ({
          name: name(mjtObj.mjOBJ_SENSOR, i),
          type: shortName(mujoco.mjtSensor, "mjSENS_", model.sensor_type[i]),
          object: mujoco.mj_id2name(model, model.sensor_objtype[i], model.sensor_objid[i]),
          cutoff: model.sensor_cutoff[i],
        })),
      }),
      excludes: [],
      totalMass: (model.body_mass as Float64Array).reduce((sum, mass) => sum + mass),
    };
  } finally {
    model.delete();
  }
}

function enumName(all: object, wanted: number | { value: number }): string {
  const value = typeof wanted === "number" ? wanted : wanted.value;
  const found = Object.entries(all).find(([name, entry]) => name.startsWith("mj") && entry.value === value);
  return found?.[0] ?? `${value}`;
}

function shortName(all: object, prefix: string, value: number): string {
  return enumName(all, value).replace(prefix, "").toLowerCase();
}

/** Lists where `actual` differs from `expected`: numbers by more than 1e-9, and entries that only one side has. */
function differences(actual: unknown, expected: unknown, where: string): string[] {
  if (typeof actual === "object" && actual !== null && typeof expected === "object" && expected !== null) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    return [...keys].flatMap((key) =>
      differences(Reflect.get(actual, key), Reflect.get(expected, key), `${where} ${key}`),
    );
  }
  const same =
    typeof actual === "number" && typeof expected === "number"
      ? Math.abs(actual - expected) <= 1e-9
      : actual === expected;
  return same ? [] : [`${where}: expected ${expected}, got ${actual}`];
}
