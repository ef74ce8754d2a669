import type { Environment } from "../../environment/environment.ts";
import { type TorcsReward, torcs } from "../torcs.ts";
import type { OutsideKind } from "./kinds.ts";

/** The car of a TORCS server. */
export const torcsKind: OutsideKind = {
  form: "torcs",
  help: "the racing game TORCS, by its SCR server at --host and --port (docs/worlds.md)",
  options: ["host", "port", "reward", "limit"],
  deciding: ["reward", "limit"],
  expected: (rest) => (rest === "" ? undefined : "torcs alone, with --host and --port"),
  // Without options it reaches only a server on this machine.
  isHarmless: () => true,
  defaults: { preset: "torcs", steps: 200_000 },
  opener: (_, { host, port, reward, limit }, { stepTimeout }) => {
    let car: Environment | undefined;
    return async () => {
      car ??= torcs({
        ...(host !== undefined && { host }),
        ...(port !== undefined && { port }),
        ...(reward !== undefined && { reward: reward as TorcsReward }),
        ...(limit !== undefined && { maxEpisodeSteps: limit }),
        ...(stepTimeout !== undefined && { answerTimeout: stepTimeout }),
      });
      return car;
    };
  },
};
