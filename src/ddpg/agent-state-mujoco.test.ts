import { environments } from "../tasks.ts";
import { agentStateCases } from "./agent-state.case.ts";

for (const [id, task] of Object.entries(environments)) if (id.endsWith("-v5")) agentStateCases(id, task);
