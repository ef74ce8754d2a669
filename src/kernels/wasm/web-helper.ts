// A helper thread in a browser: the program of the workers that `webThreads` starts.
import { type HelperPort, help } from "./helper.ts";

help(globalThis as unknown as HelperPort);
