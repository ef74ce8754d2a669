// The program of a helper thread in a browser: `webThreads` starts workers with it.
import { type HelperPort, help } from "./helper.ts";

help(globalThis as unknown as HelperPort);
