import { environmentCases } from "./environment.case.ts";
import { environments } from "./index.ts";

for (const [id, { create, timeLimit }] of Object.entries(environments)) environmentCases(id, create, timeLimit);
