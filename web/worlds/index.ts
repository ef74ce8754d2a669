// The flat drawings by their tasks' ids. One that needs much is a function that imports it, called when its task is chosen.
import { mountainCar } from "./mountain-car.ts";
import { pendulum } from "./pendulum.ts";
import type { World } from "./world.ts";

export const worlds: Readonly<Record<string, (() => World | Promise<World>) | undefined>> = {
  "Pendulum-v1": () => pendulum,
  "MountainCarContinuous-v0": () => mountainCar,
};
