// The drawings by their tasks' ids. A drawing that needs much is imported when its task is chosen.
import { mountainCar } from "./mountain-car.ts";
import { pendulum } from "./pendulum.ts";
import type { World } from "./world.ts";

export const worlds: Readonly<Record<string, World>> = {
  "Pendulum-v1": pendulum,
  "MountainCarContinuous-v0": mountainCar,
};
