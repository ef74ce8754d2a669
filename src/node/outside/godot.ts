import type { Environment } from "../../environment/environment.ts";
import { godot, godotAgentsOf } from "../godot.ts";
import type { OutsideKind } from "./kinds.ts";
import { toStandardError } from "./options.ts";

/** A game made with Godot and the plugin of Godot RL Agents, which connects to a port of this program. */
export const godotKind: OutsideKind = {
  form: "godot",
  help: "a game with Godot RL Agents, which connects to --port (docs/worlds.md)",
  options: ["host", "port", "limit"],
  deciding: ["limit"],
  expected: (rest) => (rest === "" ? undefined : "godot alone, with --host and --port"),
  // Without options it listens only to this machine.
  isHarmless: () => true,
  together: godotAgentsOf,
  opener: (_, { host, port, limit }, { stepTimeout, onLine = toStandardError }) => {
    let agents: Promise<readonly Environment[]> | undefined;
    return async () => {
      agents ??= godot({
        ...(host !== undefined && { host }),
        ...(port !== undefined && { port }),
        ...(limit !== undefined && { limit }),
        ...(stepTimeout !== undefined && { answerTimeout: stepTimeout }),
        onLine,
      });
      return (await agents)[0];
    };
  },
};
