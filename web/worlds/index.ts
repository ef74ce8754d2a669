// The 2D drawings by task id.
import { mountainCar } from "./mountain-car.ts";
import { pendulum } from "./pendulum.ts";
import type { World } from "./world.ts";

export const worlds: Readonly<Record<string, World | undefined>> = {
  "Pendulum-v1": pendulum,
  "MountainCarContinuous-v0": mountainCar,
};
