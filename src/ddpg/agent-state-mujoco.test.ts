import { environments, suiteTasks } from "../tasks.ts";
import { agentStateCases } from "./agent-state.case.ts";

/** All of Gymnasium's, and of dm_control's one for each way in which an environment's state is saved. */
const ids = [
  ...suiteTasks.gymnasium,
  ...["cartpole-swingup", "reacher-easy", "finger-turn_easy", "walker-walk"].map((name) => `dm_control/${name}`),
];

for (const id of ids) agentStateCases(id, environments[id]);
